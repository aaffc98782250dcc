//! Taking back: a new row in a person's history. It counts at once: every use asks, and what hung on it goes with it: prints, and what
//! was remembered by it.

use super::{
    Consent, ConsentPurpose, Decision,
    grant::{recorded, row, tell},
    whose::{Whose, speaks_for},
};
use crate::{
    audit::record::Record,
    erasures::forget_remembered::{forget_remembered, is_any_left},
    error::{Error, Result},
    identity::Caller,
    ids::{ConsentId, PersonId},
    recognition::erase::withdrawn,
    storage::Tx,
};

/// What is taken back.
#[derive(Debug, Clone, Copy)]
pub struct Withdrawn {
    /// What for; also what needs no grant.
    pub purpose: ConsentPurpose,
    /// Only this grant; none: all of the purpose.
    pub grant: Option<ConsentId>,
}

/// Takes something back: what they granted, or whoever was merged into them. What was taken back already is no error, and no new row.
pub async fn withdraw(tx: &mut Tx, caller: &Caller, whose: Whose, what: Withdrawn) -> Result<Consent> {
    let Withdrawn { purpose, grant } = what;
    // It forgets, and so holds this before all else.
    tx.identity().hold_agent().await?;
    let speaker = speaks_for(tx, caller, whose, Decision::Withdrawn).await?;
    if let Some(id) = grant {
        let found = tx.consents().find(speaker.person, id).await?;
        let is_one = |row: &Consent| row.decision == Decision::Granted && row.purpose == purpose;
        if !found.is_some_and(|row| is_one(&row)) {
            let detail = "is not a grant of this person for this purpose";
            return Err(Error::invalid("/consent_id", detail));
        }
    }
    let history = tx.consents().history(speaker.person, purpose).await?;
    let taken = match grant {
        Some(id) => vec![id],
        None => taken_back(tx, &history, speaker.person, purpose).await?,
    };
    if let Some(earlier) = ended_by(&history, grant)
        // Before somebody was merged who had granted them.
        && !is_any_left(tx, &taken).await?
    {
        return Ok(earlier.clone());
    }
    let consent = Consent {
        withdraws_id: grant,
        ..row(
            tx,
            caller.request_id.as_ref(),
            speaker,
            purpose,
            Decision::Withdrawn,
        )
    };
    carry_out(tx, &taken, consent).await
}

/// Writes the row down, and takes away what hung on the grants that it takes back. The person is held.
pub(super) async fn carry_out(tx: &mut Tx, taken: &[ConsentId], row: Consent) -> Result<Consent> {
    tx.consents().insert(&row).await?;
    // What forgets holds turns before it takes the head row; the rest takes it at once.
    forget_remembered(tx, &row, taken).await?;
    let record = recorded(Record::of("withdraw_consent"), &row);
    let record = withdrawn(tx, &row, record).await?;
    tx.record(record);
    tell(tx, &row).await?;
    Ok(row)
}

/// The grants that go where somebody takes back all of a purpose: those of their history, and of whoever was merged into them.
pub(super) async fn taken_back(
    tx: &mut Tx,
    history: &[Consent],
    person: PersonId,
    purpose: ConsentPurpose,
) -> Result<Vec<ConsentId>> {
    let granted = history.iter().filter(|row| row.decision == Decision::Granted);
    let own = granted.map(|row| row.id).collect();
    Ok([own, tx.consents().grants_of_merged(person, purpose).await?].concat())
}

/// The row that took it back before: of a purpose nothing may stand after it.
fn ended_by(history: &[Consent], grant: Option<ConsentId>) -> Option<&Consent> {
    let is_all = |row: &&Consent| row.decision == Decision::Withdrawn && row.withdraws_id.is_none();
    match grant {
        None => history.last().filter(is_all),
        Some(id) => {
            let is_there = history.iter().any(|row| row.id == id);
            let named = history.iter().find(|row| row.withdraws_id == Some(id));
            named.or_else(|| history.iter().find(is_all).filter(|_| !is_there))
        }
    }
}
