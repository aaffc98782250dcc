//! What comes from outside becomes events: checked, deduplicated, kept or discarded, and queued for a turn.
//!
//! A batch answers item by item; the good ones commit together, with one turn and one job.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{ClientKey, EventKind, MOST_AHEAD, MOST_BEHIND, NewEvent, Place, Source, payload};
use crate::{
    audit::{entry::commitment, record::Record},
    clock::DateTime,
    delegations::budget,
    devices::{Socket, connect::hold},
    error::{Error, FieldError, Result},
    hub::Hub,
    identity::{Caller, Principal, Trust},
    ids::{EventId, TurnId},
    jobs::JobKind,
    people::attribute::{Speaker, attribute, trust_of},
    places::gate::{Matter, Purpose, closed},
    secret::random_bytes,
    sessions::find::{Talk, find},
    storage::{Known, NewJob, Tx, lane_of},
    telemetry::metric,
};

/// Events a batch holds at most.
pub const MAX_BATCH: usize = 100;
/// Characters of a client id at most.
pub const MAX_CLIENT_ID: usize = 200;

/// Something from outside.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The sender's own id: the same id with the same content is the same event.
    pub client_id: String,
    /// The name of its type.
    pub event_type: String,
    /// Its content.
    pub payload: Value,
    /// When the sender says it happened.
    pub occurred_at: Option<DateTime>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Accepted {
        /// Its id.
        event: EventId,
        /// Its position.
        position: i64,
        /// The turn that thinks about it.
        turn: Option<TurnId>,
    },
    /// It was in the log.
    Duplicate {
        /// The id of the first.
        event: EventId,
    },
    /// It is not well formed, or its id was used for something else.
    Rejected {
        /// A word for programs.
        reason: &'static str,
        /// The bad fields.
        errors: Vec<FieldError>,
    },
    /// It was not kept, on purpose.
    Discarded {
        /// Why.
        reason: &'static str,
    },
}

/// Takes in a batch from a satellite or from a user. Returns one outcome an item, in order.
pub async fn ingest(hub: &Hub, caller: &Caller, talk: Talk, items: Vec<Inbound>) -> Result<Vec<Outcome>> {
    ingest_over(hub, caller, None, talk, items).await
}

/// The same, over a socket that has to be its device's newest.
pub async fn ingest_over(
    hub: &Hub,
    caller: &Caller,
    socket: Option<Socket>,
    talk: Talk,
    items: Vec<Inbound>,
) -> Result<Vec<Outcome>> {
    if items.is_empty() || items.len() > MAX_BATCH {
        return Err(Error::invalid(
            "/events",
            format!("must hold 1 to {MAX_BATCH} events"),
        ));
    }
    let now = hub.clock.now();
    let checked: Vec<_> = items.into_iter().map(|item| check(caller, item, now)).collect();
    let outcomes = if checked.iter().any(Result::is_ok) {
        let mut tx = hub.db.begin(caller.talk_scope(), caller.actor()).await?;
        if let Some(socket) = socket {
            hold(&mut tx, socket).await?;
        }
        let mut batch = Batch::new(caller, talk);
        let mut outcomes = batch.place(&mut tx, checked).await?;
        batch.commit(tx, &mut outcomes).await?;
        outcomes
    } else {
        checked.into_iter().filter_map(Result::err).collect()
    };
    outcomes.iter().for_each(count);
    Ok(outcomes)
}

/// An item that is well formed.
struct Checked {
    kind: EventKind,
    client: ClientKey,
    payload: Value,
    occurred_at: Option<DateTime>,
}

fn check(caller: &Caller, item: Inbound, now: DateTime) -> std::result::Result<Checked, Outcome> {
    let refused = |reason, pointer: &str, detail: &str| {
        let errors = vec![FieldError {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        }];
        Err(Outcome::Rejected { reason, errors })
    };
    if item.client_id.is_empty()
        || item.client_id.chars().count() > MAX_CLIENT_ID
        || item.client_id.contains('\0')
    {
        return refused(
            "invalid",
            "/client_id",
            "must have 1 to 200 characters, none of them NUL",
        );
    }
    let Some(kind) = EventKind::parse(&item.event_type).filter(|kind| may_send(caller, kind)) else {
        return refused(
            "unknown_type",
            "/event_type",
            "is not a type that may be sent; a third party's begins with x.",
        );
    };
    if kind != EventKind::MessageUser
        && let Err(Error::Invalid(errors)) = payload::check(&kind, &item.payload, "/payload")
    {
        return Err(Outcome::Rejected {
            reason: "invalid",
            errors,
        });
    }
    if item
        .occurred_at
        .is_some_and(|at| at > now + MOST_AHEAD || at < now - MOST_BEHIND)
    {
        let (days, minutes) = (MOST_BEHIND.num_days(), MOST_AHEAD.num_minutes());
        let allowed = format!("must lie within the last {days} days and at most {minutes} minutes ahead");
        return refused("invalid", "/occurred_at", &allowed);
    }
    let sent = json!({"type": kind.name(), "payload": item.payload, "occurred_at": item.occurred_at});
    let client = ClientKey {
        id: client_id(caller, item.client_id),
        digest: commitment(&[0; 32], &sent),
    };
    Ok(Checked {
        kind,
        client,
        payload: item.payload,
        occurred_at: item.occurred_at,
    })
}

/// The name of what somebody sends: their own for it. Delegates of one agent are one source, so that of each stands for whose it is.
fn client_id(caller: &Caller, id: String) -> String {
    if caller.delegation().is_none() {
        return id;
    }
    let named = commitment(&[0; 32], &json!([caller.own_key(), id]));
    hex::encode(named)
}

/// What a user says comes from the user, whose content was checked before; all else from satellites.
const fn may_send(caller: &Caller, kind: &EventKind) -> bool {
    match caller.principal {
        Principal::User { .. } | Principal::Delegate(_) => matches!(kind, EventKind::MessageUser),
        Principal::Device { .. } => kind.is_from_satellites(),
    }
}

/// The good items of a batch on their way into the log.
struct Batch<'a> {
    caller: &'a Caller,
    talk: Talk,
    /// The outcomes to fill in after the commit, and the turn inputs.
    accepted: Vec<usize>,
    inputs: Vec<Uuid>,
    turn: TurnId,
}

impl<'a> Batch<'a> {
    fn new(caller: &'a Caller, talk: Talk) -> Self {
        Self {
            caller,
            talk,
            accepted: Vec::new(),
            inputs: Vec::new(),
            turn: TurnId::mint(),
        }
    }

    /// Decides on each item and appends the good ones. From `take_head` on, nothing else is appended for this agent: what is
    /// read here of client ids and of the privacy mode is in order with the append. A session that is switched off is held until then.
    async fn place(
        &mut self,
        tx: &mut Tx,
        items: Vec<std::result::Result<Checked, Outcome>>,
    ) -> Result<Vec<Outcome>> {
        let (space, audience) = match self.talk {
            Talk::Voice { space, audience } | Talk::Direct { space, audience, .. } => (space, audience),
        };
        let session = find(tx, self.talk).await?;
        let budget = budget::hold(tx, self.caller).await?;
        tx.take_head().await?;
        let matter = Matter {
            space,
            session: Some(session),
            device: self.device(),
            person: audience,
            purpose: Purpose::Keep,
        };
        let closed = closed(tx, matter).await?;
        let known = known(tx, self.caller, &items).await?;
        let people = attribute(tx, self.caller, &participants(&items)).await?;
        let trust = trust_of(tx, self.caller).await?;
        let actor = self.caller.actor();
        let place = Place {
            space,
            session: Some(session),
            device: self.device(),
            person: audience,
            audience,
        };
        let mut seen = HashMap::new();
        let mut outcomes = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            outcomes.push(match item {
                Err(refused) => refused,
                Ok(item) => match (repeated(&item, &known, &seen), closed) {
                    (Some(outcome), _) => outcome,
                    (None, Some(why)) => Outcome::Discarded { reason: why.as_str() },
                    (None, None) => {
                        let speaker = participant(&item).and_then(|called| people.get(called).copied());
                        let event = Self::event(item, (place, speaker), trust, &actor);
                        self.accept(tx, index, event, &mut seen)
                    }
                },
            });
        }
        if !self.inputs.is_empty() {
            budget::count(tx, self.caller, budget).await?;
            tx.turns()
                .insert(self.turn, session, audience, &self.inputs)
                .await?;
            tx.jobs()
                .insert(NewJob {
                    kind: JobKind::RunTurn,
                    lane: lane_of(session),
                    subject: self.turn.0,
                })
                .await?;
        }
        Ok(outcomes)
    }

    fn event(
        item: Checked,
        (place, speaker): (Place, Option<Speaker>),
        trust: Trust,
        actor: &crate::identity::Actor,
    ) -> NewEvent {
        let place = Place {
            person: speaker.map(|speaker| speaker.person).or(place.person),
            ..place
        };
        NewEvent {
            id: EventId::mint(),
            kind: item.kind,
            payload: item.payload,
            salt: random_bytes(),
            occurred_at: item.occurred_at,
            place,
            source: Source {
                kind: actor.kind,
                id: actor.id,
                client: Some(item.client),
            },
            trust: speaker.map_or(trust, |speaker| speaker.most_trust.min(trust)),
        }
    }

    fn accept(
        &mut self,
        tx: &mut Tx,
        index: usize,
        event: NewEvent,
        seen: &mut HashMap<String, Known>,
    ) -> Outcome {
        if let Some(client) = &event.source.client {
            seen.insert(
                client.id.clone(),
                Known {
                    id: event.id,
                    digest: Some(client.digest.to_vec()),
                },
            );
        }
        let needs_turn = event.kind.needs_turn();
        let id = tx.append(event);
        self.accepted.push(index);
        if needs_turn {
            self.inputs.push(id.0);
        }
        // The position is filled in after the commit.
        Outcome::Accepted {
            event: id,
            position: 0,
            turn: needs_turn.then_some(self.turn),
        }
    }

    const fn device(&self) -> Option<crate::ids::DeviceId> {
        match &self.caller.principal {
            Principal::Device { device, .. } => Some(*device),
            Principal::User { .. } | Principal::Delegate(_) => None,
        }
    }

    async fn commit(self, mut tx: Tx, outcomes: &mut [Outcome]) -> Result<()> {
        if self.accepted.is_empty() {
            return Ok(());
        }
        let count = self.accepted.len();
        tx.record(Record::of("append_events").with("count", count));
        let committed = tx.commit().await?;
        let last = committed.head.map_or(0, |head| head.position);
        let first = last + 1 - i64::try_from(count).unwrap_or_default();
        for (at, index) in (first..).zip(self.accepted) {
            if let Some(Outcome::Accepted { position, .. }) = outcomes.get_mut(index) {
                *position = at;
            }
        }
        Ok(())
    }
}

/// Who said it, as the device says.
fn participant(item: &Checked) -> Option<&str> {
    let called = item
        .payload
        .get("participant")
        .filter(|_| item.kind == EventKind::Transcript);
    called?.as_str()
}

fn participants(items: &[std::result::Result<Checked, Outcome>]) -> Vec<String> {
    let named = items.iter().flatten().filter_map(participant);
    named.map(str::to_owned).collect()
}

async fn known(
    tx: &mut Tx,
    caller: &Caller,
    items: &[std::result::Result<Checked, Outcome>],
) -> Result<HashMap<String, Known>> {
    let actor = caller.actor();
    let Some(source) = actor.id else {
        return Ok(HashMap::new());
    };
    let ids: HashSet<String> = items
        .iter()
        .flatten()
        .map(|item| item.client.id.clone())
        .collect();
    let ids: Vec<String> = ids.into_iter().collect();
    tx.events().known(actor.kind.as_str(), source, &ids).await
}

/// The same client id again: the same event, or a conflict.
fn repeated(
    item: &Checked,
    known: &HashMap<String, Known>,
    seen: &HashMap<String, Known>,
) -> Option<Outcome> {
    let first = known.get(&item.client.id).or_else(|| seen.get(&item.client.id))?;
    // What was forgotten does not come back because its sender did not hear that it had arrived.
    if first
        .digest
        .as_ref()
        .is_none_or(|digest| *digest == item.client.digest)
    {
        return Some(Outcome::Duplicate { event: first.id });
    }
    let detail = "was used for another content".to_owned();
    let errors = vec![FieldError {
        pointer: "/client_id".to_owned(),
        detail,
    }];
    Some(Outcome::Rejected {
        reason: "conflict",
        errors,
    })
}

fn count(outcome: &Outcome) {
    let word = match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Duplicate { .. } => "duplicate",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Discarded { .. } => "discarded",
    };
    metrics::counter!(metric::EVENTS, "outcome" => word).increment(1);
}
