//! What goes with a consent: prints, and all that was recognised by them. It is gone at the commit, and from the disk as what was
//! forgotten is, with the same receipt.

use super::{Modality, tell};
use crate::{
    audit::record::Record,
    consents::Consent,
    erasures::{Counts, Erasure, SCRUBBED_WITHIN, forget::stop_readers},
    error::Result,
    ids::{ConsentId, ErasureId, PersonId},
    people::belonging::Belonging,
    storage::{Reach, Tx},
};

/// How much went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Prints.
    pub prints: u64,
    /// Hypotheses, observations, presence and past presence.
    pub sightings: u64,
}

/// Erases what hung on what a person withdraws. The record is that of the withdrawal.
///
/// Of one grant the prints go that were made by it, of a whole purpose all of its prints; what was recognised by that modality goes
/// either way, for it was compared with them.
pub async fn withdrawn(tx: &mut Tx, withdrawal: &Consent, record: Record) -> Result<Record> {
    let Some(of) = Modality::of(withdrawal.purpose) else {
        return Ok(record);
    };
    // Whoever observes or enrols is before this, and then met here, or after it, and then finds no grant.
    tx.take_head().await?;
    let (person, grant) = (withdrawal.person_id, withdrawal.withdraws_id);
    let erased = erase(tx, person, Some(of), grant).await?;
    seal(tx, record, withdrawal.id, person, erased).await
}

/// Erases what hung on a grant that has ended. The head row was taken.
pub(super) async fn expired(tx: &mut Tx, person: PersonId, of: Modality, grant: ConsentId) -> Result<()> {
    let erased = erase(tx, person, Some(of), Some(grant)).await?;
    let record = Record::of("expire_consent").on("consent", grant.0);
    let record = seal(tx, record, grant, person, erased).await?;
    tx.record(record);
    Ok(())
}

/// Erases everything of a person who is forgotten. The head row was taken.
pub async fn all_of(tx: &mut Tx, person: PersonId) -> Result<Erased> {
    erase(tx, person, None, None).await
}

/// Erases everything of a person who does not belong to the agent any more: nobody knows them by it, and they could not have it
/// deleted. The record is that of how they went; the receipt is of the newest grant on which it hung. The head row was taken.
pub async fn left(tx: &mut Tx, person: PersonId, record: Record) -> Result<Record> {
    let Some(grant) = tx.recognition().newest_grant(person).await? else {
        return Ok(record);
    };
    let erased = all_of(tx, person).await?;
    seal(tx, record, grant, person, erased).await
}

/// Erases everything of a person who turns out to be somebody else: no grant of theirs is the other's. The receipt is for who they are
/// now. The head row was taken.
pub async fn merged(tx: &mut Tx, from: PersonId, into: PersonId) -> Result<()> {
    let Some(grant) = tx.recognition().newest_grant(from).await? else {
        return Ok(());
    };
    let erased = all_of(tx, from).await?;
    let record = Record::of("forget_recognised").on("person", from.0);
    let record = seal(tx, record, grant, into, erased).await?;
    tx.record(record);
    Ok(())
}

async fn erase(
    tx: &mut Tx,
    person: PersonId,
    of: Option<Modality>,
    grant: Option<ConsentId>,
) -> Result<Erased> {
    // What hangs on the prints first: with them it would go unseen, and nobody would be told that somebody is not there any more.
    let (sightings, ended) = tx.recognition().erase_sightings(person, of).await?;
    let prints = tx.recognition().erase_prints(person, of, grant).await?;
    tell::gone(tx, &ended).await?;
    // What thinks with it thinks again without.
    let reach = Reach {
        people: [person.0].into(),
        ..Reach::default()
    };
    stop_readers(tx, &reach).await?;
    Ok(Erased { prints, sightings })
}

/// Has the scrub take it off the disk, and says in the record how much it was. The consent is the withdrawal, or the grant on which it
/// hung.
pub(super) async fn seal(
    tx: &mut Tx,
    record: Record,
    consent: ConsentId,
    person: PersonId,
    erased: Erased,
) -> Result<Record> {
    if erased == Erased::default() {
        return Ok(record);
    }
    let erasure = Erasure {
        id: ErasureId::mint(),
        target_kind: "consent".to_owned(),
        target_id: consent.0,
        counts: Counts {
            prints: erased.prints,
            sightings: erased.sightings,
            ..Counts::default()
        },
        erased_at: tx.now(),
        scrub_by: tx.now() + SCRUBBED_WITHIN,
        scrubbed_at: None,
        wal: None,
    };
    // Whoever has no login has nobody who could ask for the receipt but those who wrote down what they said.
    // And what somebody else does is theirs to answer for: nobody writes among the things of another.
    let belonging = tx.people().belonging(person).await?;
    let has_login = belonging.is_some_and(Belonging::has_account);
    let is_theirs = tx.person().is_none_or(|by| by == person);
    tx.erasures()
        .insert(&erasure, (has_login && is_theirs).then_some(person))
        .await?;
    Ok(record
        .with("erasure_id", erasure.id.to_string())
        .with("erased_prints", erased.prints)
        .with("erased_sightings", erased.sightings))
}
