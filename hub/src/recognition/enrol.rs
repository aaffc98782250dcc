//! Making a print, by whoever runs the household, of themself or of anybody else whose own grant is in force. That it is their voice
//! or face those say who run it: nobody passes off somebody else's as their own, and follows them by it.

use serde_json::json;

use super::{MAX_MODEL, MOST_OF_A_PERSON, MOST_OF_AN_AGENT, Print, vector::Vector};
use crate::{
    audit::record::Record,
    consents::whose::{Whose, seen},
    error::{Error, Result},
    events::payload::check_name,
    identity::Caller,
    ids::{ConsentId, DeviceId, PersonId, PrintId, SpaceId},
    places::{
        Closed,
        gate::{Answer, Matter, Purpose, ask},
    },
    secret::random_bytes,
    storage::{NewPrint, Tx},
};

/// A print to make.
#[derive(Debug)]
pub struct Enrolment {
    /// The voice or face.
    pub vector: Vector,
    /// What made the vector.
    pub model: String,
    /// Where it was taken; none: elsewhere.
    pub space: Option<SpaceId>,
    /// By which device.
    pub device: Option<DeviceId>,
}

/// Keeps a print by the grant that is in force there and now. The same vector again by the same grant is the same print.
pub async fn enrol(tx: &mut Tx, caller: &Caller, whose: Whose, new: Enrolment) -> Result<Print> {
    check_name(&new.model, MAX_MODEL).map_err(|detail| Error::invalid("/model", detail))?;
    // From here on nothing is withdrawn or forgotten before this commits.
    tx.take_head().await?;
    let person = seen(tx, caller, whose).await?;
    let user = caller.user().ok_or(Error::NotFound { what: "person" })?;
    may_be_known(tx, person).await?;
    let space = match new.space {
        Some(space) => space,
        None => tx.places().elsewhere().await?,
    };
    super::observe::check_place(tx, space, new.device).await?;
    let consent = granted(tx, person, space, &new).await?;
    let model = new.model.trim();
    if let Some(same) = tx
        .recognition()
        .same_print(person, model, &new.vector, consent)
        .await?
    {
        return Ok(same);
    }
    make_room(tx, person, &new.vector).await?;
    let print = Print {
        id: PrintId::mint(),
        person_id: person,
        modality: new.vector.modality(),
        model: model.to_owned(),
        consent_id: consent,
        made_by_user_id: user,
        created_at: tx.now(),
    };
    let salt = random_bytes();
    let kept = NewPrint {
        print: &print,
        vector: &new.vector,
        salt: &salt,
    };
    tx.recognition().insert_print(&kept).await?;
    let record = Record::of("enrol_print").on("print", print.id.0);
    let record = record.commits("print", print.id.0, &salt, &json!(new.vector.numbers()));
    tx.record(
        record
            .with("modality", print.modality.as_str())
            .with("person_id", print.person_id.to_string())
            .with("consent_id", consent.to_string()),
    );
    Ok(print)
}

/// Refuses whoever was forgotten, themself too: nobody would know by what name. And whoever does not belong to the agent any more.
async fn may_be_known(tx: &mut Tx, person: PersonId) -> Result<()> {
    let found = tx.people().find(person).await?;
    if found.is_none_or(|person| person.name.is_none()) {
        return Err(Error::conflict("forgotten", "this person was forgotten"));
    }
    if tx.recognition().has_left(person).await? {
        let detail = "they do not belong to this agent any more";
        return Err(Error::conflict("not_a_member", detail));
    }
    Ok(())
}

/// The grant that it takes.
async fn granted(tx: &mut Tx, person: PersonId, space: SpaceId, new: &Enrolment) -> Result<ConsentId> {
    let matter = Matter {
        device: new.device,
        person: Some(person),
        purpose: Purpose::Recognise(new.vector.modality()),
        ..Matter::kept_in(space)
    };
    match ask(tx, matter).await? {
        Answer::Open(Some(grant)) => Ok(grant),
        Answer::Open(None) => Err(refused(Closed::NoConsent)),
        Answer::Closed(why) => Err(refused(why)),
    }
}

/// Why something cannot be done with a voice or a face now.
pub(super) fn refused(why: Closed) -> Error {
    let detail = match why {
        Closed::NoConsent => "they have not allowed that, or not there, or not any more",
        Closed::PrivacyMode => "the space is private",
        Closed::NoRecording => "the session is not recorded",
    };
    Error::conflict(why.as_str(), detail)
}

async fn make_room(tx: &mut Tx, person: PersonId, vector: &Vector) -> Result<()> {
    let (own, all) = tx.recognition().count_prints(person, vector.modality()).await?;
    if own >= MOST_OF_A_PERSON {
        let detail =
            format!("they have {MOST_OF_A_PERSON} prints of this modality: delete one that is not needed");
        return Err(Error::conflict("too_many", detail));
    }
    if all >= MOST_OF_AN_AGENT {
        let detail =
            format!("there are {MOST_OF_AN_AGENT} prints of this modality, and no more can be compared");
        return Err(Error::conflict("too_many", detail));
    }
    Ok(())
}
