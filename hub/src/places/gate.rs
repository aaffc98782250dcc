//! The one gate that every sink asks before it keeps, plans on or passes on what belongs to a space (DESIGN 13). `PRIVACY.md` lists
//! the sinks; a test reads the source and holds the list.
//!
//! Who comes and goes is told by `Tx::append_unless_private`, which asks the same as it commits.
//!
//! It fails closed: a mode that nobody knows is private, and what cannot be found is not kept. What was kept before a switch stays,
//! and people may read it; the agent does not.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Closed;
use crate::{
    consents::{ConsentPurpose, Standing, Use, check::check, standing},
    error::Result,
    ids::{ConsentId, DeviceId, PersonId, SessionId, SpaceId},
    recognition::Modality,
    storage::{TurnRow, Tx},
};

/// What somebody wants to do with what belongs to a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Keep what was heard, sensed, measured or sent there.
    Keep,
    /// Think about it, show it to a model, say something about it.
    Plan,
    /// Remember it.
    Remember,
    /// Know who it is, by how they sound or look.
    Recognise(Modality),
}

/// What the gate is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matter {
    /// Where it belongs.
    pub space: SpaceId,
    /// The session, where it belongs to one.
    pub session: Option<SessionId>,
    /// The device, where it came by one.
    pub device: Option<DeviceId>,
    /// The person it is of, where one is known.
    pub person: Option<PersonId>,
    /// What for.
    pub purpose: Purpose,
}

impl Matter {
    /// Something to keep of a space, of no session and of nobody in particular.
    #[must_use]
    pub const fn kept_in(space: SpaceId) -> Self {
        Self {
            space,
            session: None,
            device: None,
            person: None,
            purpose: Purpose::Keep,
        }
    }

    /// What a turn thinks about, or says.
    #[must_use]
    pub const fn of_turn(turn: &TurnRow) -> Self {
        Self {
            space: turn.space,
            session: Some(turn.session),
            device: None,
            person: turn.audience,
            purpose: Purpose::Plan,
        }
    }
}

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It may be done; by this grant, where it took one.
    Open(Option<ConsentId>),
    /// It may not.
    Closed(Closed),
}

/// Why something may not be done now; none: it may. In order with the log only after the agent's head row was taken: a change of
/// mode is then before or after what is appended, and nothing slips between.
pub async fn closed(tx: &mut Tx, matter: Matter) -> Result<Option<Closed>> {
    Ok(match ask(tx, matter).await? {
        Answer::Open(_) => None,
        Answer::Closed(why) => Some(why),
    })
}

/// The same, with the grant that it takes.
pub async fn ask(tx: &mut Tx, matter: Matter) -> Result<Answer> {
    let switches = tx.places().switches(matter.space, matter.session).await?;
    match switches.closed() {
        Some(why) => Ok(Answer::Closed(why)),
        None => ask_the_person(tx, matter).await,
    }
}

/// The same, held until the unit of work ends, for what is written beside the log: a change of the space's mode waits for it, or
/// it sees the change.
pub async fn closed_and_held(tx: &mut Tx, matter: Matter) -> Result<Option<Closed>> {
    let switches = tx.places().hold_switches(matter.space, matter.session).await?;
    Ok(switches.closed())
}

/// What people who are known allow. What nobody said takes the household's rules.
async fn ask_the_person(tx: &mut Tx, matter: Matter) -> Result<Answer> {
    let purpose = match matter.purpose {
        Purpose::Keep | Purpose::Plan => None,
        Purpose::Remember => Some(ConsentPurpose::Memory),
        Purpose::Recognise(by) => Some(by.purpose()),
    };
    let (Some(person), Some(purpose)) = (matter.person, purpose) else {
        return Ok(Answer::Open(None));
    };
    let of = Use {
        space: Some(matter.space),
        device: matter.device,
        at: tx.now(),
    };
    Ok(match check(tx, person, purpose, &of).await? {
        Standing::Granted(grant) => Answer::Open(Some(grant)),
        Standing::ByDefault => Answer::Open(None),
        Standing::Refused => Answer::Closed(Closed::NoConsent),
    })
}

/// Those of some memories that the agent may use now: where they were learnt nobody has asked for privacy.
pub async fn usable_memories(tx: &mut Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    tx.places().memories_of_open_spaces(ids).await
}

/// Those of some sessions whose words the agent may use now.
pub async fn usable_sessions(tx: &mut Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    tx.places().sessions_of_open_spaces(ids).await
}

/// Those who have prints and may be known by them, in a space that is open: each by which grant. In a closed one nobody.
pub async fn recognisable(
    tx: &mut Tx,
    by: Modality,
    space: SpaceId,
    device: Option<DeviceId>,
) -> Result<HashMap<PersonId, ConsentId>> {
    if closed(tx, Matter::kept_in(space)).await?.is_some() {
        return Ok(HashMap::new());
    }
    let of = Use {
        space: Some(space),
        device,
        at: tx.now(),
    };
    let histories = tx.consents().histories_of_printed(by.purpose()).await?;
    let granted =
        histories
            .into_iter()
            .filter_map(|(person, history)| match standing(by.purpose(), &history, &of) {
                Standing::Granted(grant) => Some((person, grant)),
                Standing::ByDefault | Standing::Refused => None,
            });
    Ok(granted.collect())
}
