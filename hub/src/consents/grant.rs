//! Allowing something: a new row in a person's history.

use serde_json::json;

use super::{
    Consent, ConsentPurpose, Decision, EvidenceKind, LONGEST, MAX_EVIDENCE, MOST, MOST_AHEAD,
    whose::{Speaker, Whose, speaks_for},
};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place, payload::check_text},
    identity::Caller,
    ids::{ConsentId, DeviceId, SpaceId},
    storage::Tx,
};

/// What is allowed.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// What for.
    pub purpose: ConsentPurpose,
    /// In this space only.
    pub space: Option<SpaceId>,
    /// By this device only.
    pub device: Option<DeviceId>,
    /// From when; none: from now on.
    pub starts_at: Option<DateTime>,
    /// Until when; none: until it is withdrawn.
    pub expires_at: Option<DateTime>,
    /// What is written down about it.
    pub evidence: Option<String>,
}

/// Writes a grant down.
pub async fn grant(tx: &mut Tx, caller: &Caller, whose: Whose, new: NewGrant) -> Result<Consent> {
    check(tx, &new)?;
    let speaker = speaks_for(tx, caller, whose, Decision::Granted).await?;
    if speaker.evidence == EvidenceKind::RecordedBy && new.evidence.is_none() {
        let detail = "must say how they said so, for somebody without a login";
        return Err(Error::invalid("/evidence", detail));
    }
    make_sure_they_are_known(tx, speaker).await?;
    make_sure_of_scope(tx, &new).await?;
    let history = tx.consents().history(speaker.person, new.purpose).await?;
    if history.len() >= MOST {
        let detail = "there are too many grants for this purpose: withdraw it, and grant what is needed";
        return Err(Error::conflict("too_many_consents", detail));
    }
    let consent = Consent {
        space_id: new.space,
        device_id: new.device,
        starts_at: new.starts_at.unwrap_or(tx.now()),
        expires_at: new.expires_at,
        evidence: new.evidence,
        ..row(
            tx,
            caller.request_id.as_ref(),
            speaker,
            new.purpose,
            Decision::Granted,
        )
    };
    tx.consents().insert(&consent).await?;
    tell(tx, &consent).await?;
    tx.record(recorded(Record::of("grant_consent"), &consent));
    Ok(consent)
}

/// A row that says nothing in particular yet.
pub(super) fn row(
    tx: &Tx,
    request: Option<&String>,
    speaker: Speaker,
    purpose: ConsentPurpose,
    decision: Decision,
) -> Consent {
    Consent {
        id: ConsentId::mint(),
        person_id: speaker.person,
        purpose,
        decision,
        space_id: None,
        device_id: None,
        starts_at: tx.now(),
        expires_at: None,
        withdraws_id: None,
        evidence_kind: speaker.evidence,
        evidence: None,
        given_by_user_id: speaker.user,
        request_id: request.cloned(),
        created_at: tx.now(),
    }
}

/// The event that says what somebody decided: to them, where they can see it, else to the household.
pub(super) async fn tell(tx: &mut Tx, consent: &Consent) -> Result<()> {
    let space = tx.places().elsewhere().await?;
    let own = consent.evidence_kind == EvidenceKind::OwnWord;
    let place = Place {
        person: Some(consent.person_id),
        audience: own.then_some(consent.person_id),
        ..Place::in_space(space)
    };
    let said = json!({"consent_id": consent.id, "person_id": consent.person_id, "purpose": consent.purpose,
        "decision": consent.decision});
    // What is granted or withdrawn counts before or after each thing that is remembered.
    tx.take_head().await?;
    tx.append(NewEvent::by_hub(EventKind::ConsentChanged, place, said));
    Ok(())
}

/// What the audit log says of it: not what was written down.
pub(super) fn recorded(record: Record, consent: &Consent) -> Record {
    record
        .on("consent", consent.id.0)
        .with("person_id", consent.person_id.to_string())
        .with("purpose", consent.purpose.as_str())
        .with("evidence_kind", consent.evidence_kind.as_str())
}

fn check(tx: &Tx, new: &NewGrant) -> Result<()> {
    if let Some(evidence) = &new.evidence {
        check_text(evidence, MAX_EVIDENCE).map_err(|detail| Error::invalid("/evidence", detail))?;
    }
    let (now, starts_at) = (tx.now(), new.starts_at.unwrap_or(tx.now()));
    if starts_at > now + MOST_AHEAD || starts_at < now - MOST_AHEAD {
        return Err(Error::invalid("/starts_at", "must lie within a year of now"));
    }
    let Some(end) = new.expires_at else { return Ok(()) };
    if end <= starts_at || end <= now {
        Err(Error::invalid(
            "/expires_at",
            "must lie after the beginning, and ahead",
        ))
    } else if end > now + LONGEST {
        Err(Error::invalid("/expires_at", "must lie within ten years"))
    } else {
        Ok(())
    }
}

/// Of somebody who was forgotten nobody writes anything down: they could not take it back. Whoever has a login says it themself, and is
/// forgotten again by their own word.
async fn make_sure_they_are_known(tx: &mut Tx, speaker: Speaker) -> Result<()> {
    if speaker.evidence == EvidenceKind::OwnWord {
        return Ok(());
    }
    match tx.people().find(speaker.person).await? {
        Some(person) if person.forgotten_at.is_none() => Ok(()),
        _ => {
            let detail = "this person was forgotten, and nothing is written down of them any more: make them known anew first";
            Err(Error::conflict("forgotten", detail))
        }
    }
}

async fn make_sure_of_scope(tx: &mut Tx, new: &NewGrant) -> Result<()> {
    if let Some(space) = new.space
        && tx.places().space(space).await?.is_none()
    {
        return Err(Error::invalid("/space_id", "is not a space of this agent"));
    }
    let Some(device) = new.device else { return Ok(()) };
    let found = tx.devices().find(device).await?;
    match found.filter(|device| device.is_open_to(tx.person())) {
        Some(_) => Ok(()),
        None => Err(Error::invalid("/device_id", "is not a device of this agent")),
    }
}
