//! Actions, decisions, attempts.

use serde_json::Value;
use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    actions::{Action, ActionAttempt, ActionDecision, ActionState},
    clock::DateTime,
    error::{Error, Result},
    identity::Trust,
    ids::{ActionId, AgentId, AttemptId, CommandId, DecisionId, PersonId, SessionId, TurnId, UserId},
    page::PageRequest,
    telemetry::trace,
};

/// The tables of actions.
pub struct Actions<'a>(&'a mut Tx);

impl Tx {
    /// The tables of actions.
    pub fn actions(&mut self) -> Actions<'_> {
        Actions(self)
    }
}

/// Which actions are asked for.
#[derive(Debug, Clone, Copy)]
pub struct ActionFilter {
    /// In this state; none: all.
    pub state: Option<ActionState>,
    /// Which page.
    pub page: PageRequest,
}

/// An action with what only the hub needs.
#[derive(Debug, Clone)]
pub struct StoredAction {
    /// What everyone sees.
    pub action: Action,
    /// The salt of the arguments' commitment.
    pub salt: [u8; 32],
    /// SHA-256 of the canonical arguments.
    pub arguments_sha256: [u8; 32],
    /// SHA-256 of the tool's schema at the proposal.
    pub schema_sha256: [u8; 32],
}

struct ActionRow {
    id: Uuid,
    turn_id: Option<Uuid>,
    session_id: Option<Uuid>,
    audience_person_id: Option<Uuid>,
    tool: String,
    summary: String,
    arguments: Value,
    arguments_salt: Vec<u8>,
    arguments_sha256: Vec<u8>,
    schema_sha256: Vec<u8>,
    trust: String,
    required_scopes: Vec<String>,
    state: String,
    result: Option<Value>,
    error: Option<String>,
    deadline_at: DateTime,
    created_at: DateTime,
    updated_at: DateTime,
    erased_at: Option<DateTime>,
}

impl TryFrom<ActionRow> for StoredAction {
    type Error = Error;

    fn try_from(row: ActionRow) -> Result<Self> {
        let digest = |bytes: Vec<u8>| {
            <[u8; 32]>::try_from(bytes).map_err(|_| Error::internal("a digest of the wrong length"))
        };
        let arguments_sha256 = digest(row.arguments_sha256)?;
        let action = Action {
            id: row.id.into(),
            turn_id: row.turn_id.map(TurnId),
            session_id: row.session_id.map(SessionId),
            audience_person_id: row.audience_person_id.map(PersonId),
            tool: row.tool,
            summary: row.summary,
            arguments: row.arguments,
            arguments_sha256: hex::encode(arguments_sha256),
            required_scopes: row.required_scopes,
            trust: Trust::parse(&row.trust),
            state: ActionState::parse(&row.state)
                .ok_or_else(|| Error::internal("an action in an unknown state"))?,
            result: row.result,
            error: row.error,
            deadline_at: row.deadline_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            erased_at: row.erased_at,
        };
        Ok(Self {
            action,
            salt: digest(row.arguments_salt)?,
            arguments_sha256,
            schema_sha256: digest(row.schema_sha256)?,
        })
    }
}

impl Actions<'_> {
    /// Inserts a proposal.
    pub async fn insert(&mut self, new: &StoredAction) -> Result<()> {
        let agent = self.0.agent();
        let action = &new.action;
        sqlx::query!(
            "insert into actions (agent_id, id, turn_id, session_id, audience_person_id, tool, summary, arguments,
               arguments_salt, arguments_sha256, schema_sha256, required_scopes, state, deadline_at, created_at,
               updated_at, trace_context, trust)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17)",
            agent.0,
            action.id.0,
            action.turn_id.map(|id| id.0),
            action.session_id.map(|id| id.0),
            action.audience_person_id.map(|id| id.0),
            action.tool,
            action.summary,
            action.arguments,
            new.salt.as_slice(),
            new.arguments_sha256.as_slice(),
            new.schema_sha256.as_slice(),
            &action.required_scopes,
            action.state.as_str(),
            action.deadline_at,
            action.created_at,
            trace::context(),
            action.trust.as_str()
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// The trace of what proposed an action.
    pub async fn trace_context(&mut self, id: ActionId) -> Result<Option<String>> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select trace_context from actions where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        Ok(found.fetch_optional(self.0.connection()).await?.flatten())
    }

    /// One action.
    pub async fn find(&mut self, id: ActionId) -> Result<Option<StoredAction>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ActionRow,
            "select id, turn_id, session_id, audience_person_id, tool, summary, arguments, arguments_salt,
               arguments_sha256, schema_sha256, trust, required_scopes, state, result, error, deadline_at, created_at,
               updated_at, erased_at
             from actions where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        row.fetch_optional(self.0.connection())
            .await?
            .map(StoredAction::try_from)
            .transpose()
    }

    /// One action, locked for a transition.
    pub async fn lock(&mut self, id: ActionId) -> Result<Option<StoredAction>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ActionRow,
            "select id, turn_id, session_id, audience_person_id, tool, summary, arguments, arguments_salt,
               arguments_sha256, schema_sha256, trust, required_scopes, state, result, error, deadline_at, created_at,
               updated_at, erased_at
             from actions where agent_id = $1 and id = $2 for no key update",
            agent.0,
            id.0
        );
        row.fetch_optional(self.0.connection())
            .await?
            .map(StoredAction::try_from)
            .transpose()
    }

    /// A page of actions, newest first.
    pub async fn list(&mut self, filter: ActionFilter) -> Result<Vec<Action>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ActionRow,
            "select id, turn_id, session_id, audience_person_id, tool, summary, arguments, arguments_salt,
               arguments_sha256, schema_sha256, trust, required_scopes, state, result, error, deadline_at, created_at,
               updated_at, erased_at
             from actions
             where agent_id = $1 and ($2::text is null or state = $2) and ($3::uuid is null or id < $3)
             order by id desc limit $4",
            agent.0,
            filter.state.map(ActionState::as_str),
            filter.page.after,
            filter.page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter()
            .map(|row| StoredAction::try_from(row).map(|stored| stored.action))
            .collect()
    }

    /// Moves an action from one state to another; the caller has checked that it may, and holds the row.
    pub async fn transition(&mut self, id: ActionId, from: ActionState, change: &Change) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update actions set state = $4, result = coalesce($5, result), error = $6,
               deadline_at = coalesce($7, deadline_at), updated_at = $8
             where agent_id = $1 and id = $2 and state = $3",
            agent.0,
            id.0,
            from.as_str(),
            change.state.as_str(),
            change.result,
            change.error,
            change.deadline_at,
            now
        )
        .execute(self.0.connection())
        .await?;
        one(
            done.rows_affected(),
            "an action was not in the state it was locked in",
        )
    }

    /// Keeps a decision.
    pub async fn insert_decision(
        &mut self,
        action: &StoredAction,
        decision: &NewDecision<'_>,
    ) -> Result<DecisionId> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let id = DecisionId::mint();
        sqlx::query!(
            "insert into action_decisions (agent_id, id, action_id, decision, user_id, reason, arguments_sha256,
               schema_sha256, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            agent.0,
            id.0,
            action.action.id.0,
            decision.decision,
            decision.user.0,
            decision.reason,
            action.arguments_sha256.as_slice(),
            action.schema_sha256.as_slice(),
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(id)
    }

    /// The decisions about an action, oldest first.
    pub async fn decisions(&mut self, id: ActionId) -> Result<Vec<ActionDecision>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            "select id, decision, user_id, reason, created_at from action_decisions
             where agent_id = $1 and action_id = $2 order by id",
            agent.0,
            id.0
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let read = rows.into_iter().map(|row| ActionDecision {
            id: row.id.into(),
            decision: row.decision,
            user_id: UserId(row.user_id),
            reason: row.reason,
            created_at: row.created_at,
        });
        Ok(read.collect())
    }

    /// Opens the next attempt.
    pub async fn open_attempt(&mut self, action: ActionId, fence: i64) -> Result<AttemptId> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let id = AttemptId::mint();
        sqlx::query!(
            "insert into action_attempts (agent_id, id, action_id, number, fence, state, started_at)
             select $1, $2, $3, 1 + coalesce(max(number), 0), $4, 'open', $5 from action_attempts
             where agent_id = $1 and action_id = $3",
            agent.0,
            id.0,
            action.0,
            fence,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(id)
    }

    /// Ends an attempt; false when it had ended.
    pub async fn close_attempt(&mut self, id: AttemptId, state: &str) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update action_attempts set state = $3, finished_at = $4
             where agent_id = $1 and id = $2 and state in ('open', 'unknown', 'timed_out')",
            agent.0,
            id.0,
            state,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The attempts at an action, oldest first.
    pub async fn attempts(&mut self, id: ActionId) -> Result<Vec<ActionAttempt>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            r#"select a.id, a.number, a.state, c.id as "command_id?", a.started_at, a.finished_at from action_attempts a
               left join commands c on c.agent_id = a.agent_id and c.attempt_id = a.id
               where a.agent_id = $1 and a.action_id = $2 order by a.number"#,
            agent.0,
            id.0
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let read = rows.into_iter().map(|row| ActionAttempt {
            id: row.id.into(),
            number: row.number,
            state: row.state,
            command_id: row.command_id.map(CommandId),
            started_at: row.started_at,
            finished_at: row.finished_at,
        });
        Ok(read.collect())
    }

    /// Actions of every agent whose time has passed before they began.
    pub async fn overdue(&mut self, most: i64) -> Result<Vec<(AgentId, ActionId)>> {
        let now = self.0.now();
        let rows = sqlx::query!(
            "select agent_id, id from actions where state in ('proposed', 'approved') and deadline_at < $1
             order by deadline_at limit $2",
            now,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.agent_id.into(), row.id.into()))
            .collect())
    }
}

/// What a transition writes.
#[derive(Debug, Clone)]
pub struct Change {
    /// The next state.
    pub state: ActionState,
    /// What came of it; none keeps what is there.
    pub result: Option<Value>,
    /// Why it did not work.
    pub error: Option<String>,
    /// A new deadline; none keeps what is there.
    pub deadline_at: Option<DateTime>,
}

impl Change {
    /// To a state, with nothing else.
    #[must_use]
    pub const fn to(state: ActionState) -> Self {
        Self {
            state,
            result: None,
            error: None,
            deadline_at: None,
        }
    }
}

/// A decision to keep.
#[derive(Debug)]
pub struct NewDecision<'a> {
    /// The word.
    pub decision: &'static str,
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: Option<&'a str>,
}
