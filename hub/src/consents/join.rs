//! What two people allowed who turn out to be one. Neither gave more than they gave: a withdrawal of either stands, what needs a
//! grant has to be granted anew, and the history of who was merged is kept as theirs.

use super::{Consent, ConsentPurpose, Decision, EvidenceKind, grant, whose::Speaker, withdraw};
use crate::{
    clock::DateTime,
    erasures::forget_remembered::remembered,
    error::Result,
    identity::Caller,
    ids::{PersonId, UserId},
    storage::{Reach, Tx},
};

/// What is written down of it.
const WHY: &str = "was merged with another person: to be allowed anew";
/// And of somebody who comes back.
const CAME_BACK: &str = "had taken it back before they left and were forgotten";

/// The purposes for which something ends when these two are one. Both are held.
pub async fn ending(tx: &mut Tx, from: PersonId, into: PersonId) -> Result<Vec<ConsentPurpose>> {
    let now = tx.now();
    let mut ending = Vec::new();
    for &purpose in ConsentPurpose::ALL {
        let own = tx.consents().history(into, purpose).await?;
        let others = tx.consents().history(from, purpose).await?;
        if ends(purpose, &own, &others, now) {
            ending.push(purpose);
        }
    }
    Ok(ending)
}

/// Whether a purpose is withdrawn. Histories, oldest first, from the last time that all of it was.
fn ends(purpose: ConsentPurpose, own: &[Consent], others: &[Consent], now: DateTime) -> bool {
    let is_no = |row: &Consent| row.decision == Decision::Withdrawn;
    if purpose.is_by_default() {
        let is_ended = matches!(own, [only] if is_no(only) && only.withdraws_id.is_none());
        return others.iter().any(is_no) && !is_ended;
    }
    own.iter().any(|row| is_open(row, own, now))
}

/// Whether a grant may be used now or later.
fn is_open(row: &Consent, history: &[Consent], now: DateTime) -> bool {
    let is_ended = history.iter().any(|other| other.withdraws_id == Some(row.id));
    row.decision == Decision::Granted && !is_ended && row.expires_at.is_none_or(|end| end > now)
}

/// What these will take with them that others may hold: for whoever holds it before the agent's head row is taken. The one is merged, and
/// what is theirs is under their old id still.
pub async fn reach(tx: &mut Tx, from: PersonId, into: PersonId, ending: &[ConsentPurpose]) -> Result<Reach> {
    let mut taken = Vec::new();
    for &purpose in ending {
        let history = tx.consents().history(into, purpose).await?;
        taken.extend(withdraw::taken_back(tx, &history, into, purpose).await?);
    }
    remembered(tx, &taken, &[from, into]).await
}

/// Withdraws these, with all that hung on them, by a grant of either. Everything is under the one id, for nothing new may be written
/// under the other: not even that it was forgotten. What it takes is held, and so is the agent's head row.
pub async fn end(tx: &mut Tx, caller: &Caller, speaker: Speaker, ending: &[ConsentPurpose]) -> Result<()> {
    for &purpose in ending {
        let row = Consent {
            evidence: Some(WHY.to_owned()),
            ..grant::row(
                tx,
                caller.request_id.as_ref(),
                speaker,
                purpose,
                Decision::Withdrawn,
            )
        };
        let history = tx.consents().history(speaker.person, purpose).await?;
        let taken = withdraw::taken_back(tx, &history, speaker.person, purpose).await?;
        withdraw::carry_out(tx, &taken, row).await?;
    }
    Ok(())
}

/// Of somebody who was forgotten and comes back: what is done by default, and they had taken back, stays taken back. These purposes,
/// by their words. Nothing hangs on them yet.
pub async fn carry_over(
    tx: &mut Tx,
    from: PersonId,
    into: PersonId,
    user: UserId,
) -> Result<Vec<&'static str>> {
    let mut carried = Vec::new();
    for &purpose in ConsentPurpose::ALL {
        let others = tx.consents().history(from, purpose).await?;
        if !(purpose.is_by_default() && ends(purpose, &[], &others, tx.now())) {
            continue;
        }
        let row = Consent {
            evidence: Some(CAME_BACK.to_owned()),
            ..grant::row(tx, None, speaker(into, user, true), purpose, Decision::Withdrawn)
        };
        tx.consents().insert(&row).await?;
        grant::tell(tx, &row).await?;
        carried.push(purpose.as_str());
    }
    Ok(carried)
}

/// Who says it, in whose name.
#[must_use]
pub const fn speaker(person: PersonId, user: UserId, is_own: bool) -> Speaker {
    let evidence = if is_own {
        EvidenceKind::OwnWord
    } else {
        EvidenceKind::RecordedBy
    };
    Speaker {
        person,
        user,
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::{
        clock::{Clock, SystemClock},
        ids::ConsentId,
    };

    fn row(decision: Decision, withdraws: Option<ConsentId>) -> Consent {
        let now = SystemClock.now();
        Consent {
            id: ConsentId::mint(),
            person_id: PersonId::mint(),
            purpose: ConsentPurpose::Voice,
            decision,
            space_id: None,
            device_id: None,
            starts_at: now,
            expires_at: None,
            withdraws_id: withdraws,
            evidence_kind: EvidenceKind::OwnWord,
            evidence: None,
            given_by_user_id: UserId::mint(),
            request_id: None,
            created_at: now,
        }
    }

    #[test]
    fn what_needs_a_grant_ends_where_one_is_open() {
        let now = SystemClock.now();
        let grant = row(Decision::Granted, None);
        let ended = [grant.clone(), row(Decision::Withdrawn, Some(grant.id))];
        let over = Consent {
            expires_at: Some(now - Duration::seconds(1)),
            ..grant.clone()
        };
        for purpose in [
            ConsentPurpose::Voice,
            ConsentPurpose::Face,
            ConsentPurpose::Recording,
            ConsentPurpose::Sharing,
        ] {
            let is_ending = |own: &[Consent]| ends(purpose, own, std::slice::from_ref(&grant), now);
            assert!(
                is_ending(std::slice::from_ref(&grant)),
                "the same was granted by both"
            );
            assert!(!is_ending(&[]) && !is_ending(&ended) && !is_ending(std::slice::from_ref(&over)));
        }
    }

    #[test]
    fn to_remember_ends_where_the_other_withdrew_it() {
        let now = SystemClock.now();
        let (grant, no) = (row(Decision::Granted, None), row(Decision::Withdrawn, None));
        let is_ending = |own: &[Consent], others: &[Consent]| ends(ConsentPurpose::Memory, own, others, now);
        assert!(is_ending(&[], std::slice::from_ref(&no)));
        assert!(is_ending(
            std::slice::from_ref(&grant),
            &[no.clone(), grant.clone()]
        ));
        assert!(is_ending(&[no.clone(), grant.clone()], std::slice::from_ref(&no)));
        assert!(
            !is_ending(std::slice::from_ref(&no), std::slice::from_ref(&no)),
            "it was already"
        );
        assert!(!is_ending(std::slice::from_ref(&no), &[]) && !is_ending(&[], std::slice::from_ref(&grant)));
    }
}
