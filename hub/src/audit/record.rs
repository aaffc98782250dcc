//! What an operation says of itself; the commit makes it an entry.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::entry::{
    AuditEntry, Commitment, EventRange, Outcome, Principal, PrincipalKind, Resource, VERSION, commitment,
};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    identity::{Actor, ActorKind},
    ids::{AgentId, PersonId},
};

/// Commitments of one entry at most: about 28 KiB of the 32 that an entry may have.
const MOST_COMMITMENTS: usize = 180;

/// One operation, as it will stand in the audit log. Never holds content, only commitments to it.
#[derive(Debug, Clone)]
pub struct Record {
    pub(crate) operation: &'static str,
    outcome: Outcome,
    resource: Option<Resource>,
    details: Map<String, Value>,
    pub(crate) commitments: Vec<Commitment>,
    pub(crate) positions: Option<(i64, i64)>,
}

impl Record {
    /// An operation by its id, `verb_noun`.
    #[must_use]
    pub fn of(operation: &'static str) -> Self {
        Self {
            operation,
            outcome: Outcome::Ok,
            resource: None,
            details: Map::new(),
            commitments: Vec::new(),
            positions: None,
        }
    }

    /// It was refused, and nothing changed.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }

    /// What it was done to.
    #[must_use]
    pub fn on(mut self, kind: &str, id: impl Into<Uuid>) -> Self {
        self.resource = Some(Resource {
            kind: kind.to_owned(),
            id: id.into(),
        });
        self
    }

    /// The id of what it was done to.
    pub(crate) fn resource_id(&self) -> Option<Uuid> {
        self.resource.as_ref().map(|resource| resource.id)
    }

    /// A fact that is not content: a state, a count, a scope.
    #[must_use]
    pub fn with(mut self, key: &str, fact: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), fact.into());
        self
    }

    /// What was somebody's alone is the household's now.
    #[must_use]
    pub fn widened(self, from: PersonId) -> Self {
        self.with("old_audience_person_id", from.to_string())
            .with("new_audience", "household")
    }

    /// Commits to a piece of content that lives in a row with its salt.
    #[must_use]
    pub fn commits(mut self, kind: &str, id: impl Into<Uuid>, salt: &[u8; 32], content: &Value) -> Self {
        let sha256 = commitment(salt, content);
        self.commitments.push(Commitment {
            kind: kind.to_owned(),
            id: id.into(),
            sha256,
        });
        self
    }

    /// This record and as many more as its commitments need: an entry holds at most [`MOST_COMMITMENTS`].
    pub(crate) fn continued(mut self) -> Vec<Self> {
        if self.commitments.len() <= MOST_COMMITMENTS {
            return vec![self];
        }
        let rest = self.commitments.split_off(MOST_COMMITMENTS);
        let mut next = Self::of(self.operation).with("continues", true);
        next.resource.clone_from(&self.resource);
        next.commitments = rest;
        std::iter::once(self).chain(next.continued()).collect()
    }

    /// The entry's canonical text.
    pub(crate) fn into_entry(
        self,
        by: &Actor,
        id: Uuid,
        at: Numbered,
        recorded_at: DateTime,
    ) -> Result<String> {
        let entry = AuditEntry {
            version: VERSION,
            entry_id: id,
            agent_id: at.agent.0,
            agent_seq: at.agent_seq.unsigned_abs(),
            epoch: u64::from(at.epoch.unsigned_abs()),
            recorded_at,
            operation: self.operation.to_owned(),
            outcome: self.outcome,
            principal: principal(by),
            request_id: by.request_id.clone(),
            resource: self.resource,
            events: self.positions.map(|(first, last)| EventRange {
                first: first.unsigned_abs(),
                last: last.unsigned_abs(),
            }),
            commitments: self.commitments,
            details: self.details,
        };
        let bytes = entry
            .to_canonical()
            .map_err(|error| Error::because("an audit entry is not valid", error))?;
        String::from_utf8(bytes).map_err(|error| Error::because("an audit entry is not text", error))
    }
}

/// An entry's place in its agent's chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) agent: AgentId,
    pub(crate) agent_seq: i64,
    pub(crate) epoch: i32,
}

fn principal(by: &Actor) -> Principal {
    let kind = match by.kind {
        ActorKind::User => PrincipalKind::User,
        ActorKind::Device => PrincipalKind::Device,
        ActorKind::Agent => PrincipalKind::Agent,
        ActorKind::Service => PrincipalKind::Service,
        ActorKind::Hub => PrincipalKind::Hub,
        ActorKind::Anonymous => PrincipalKind::Anonymous,
    };
    Principal {
        kind,
        id: by.id,
        device_id: None,
        access_token_id: by.access_token.map(|token| token.0),
    }
}
