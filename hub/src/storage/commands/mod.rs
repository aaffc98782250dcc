//! Commands: the mailboxes.

mod delivery;

use serde_json::Value;
use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{ActionId, AgentId, AttemptId, CommandId, DeviceId, PersonId, SpaceId, TurnId, UserId},
    mailbox::{Command, CommandState},
    page::PageRequest,
    telemetry::trace,
};

/// The tables of commands and deliveries.
pub struct Commands<'a>(pub(super) &'a mut Tx);

impl Tx {
    /// The tables of commands and deliveries.
    pub fn commands(&mut self) -> Commands<'_> {
        Commands(self)
    }
}

/// A command to queue.
#[derive(Debug)]
pub struct NewCommand {
    /// Its id.
    pub id: CommandId,
    /// To whom.
    pub device: DeviceId,
    /// Its place in the device's order.
    pub seq: i64,
    /// What to do.
    pub kind: String,
    /// With what.
    pub arguments: Value,
    /// The salt of the arguments' commitment.
    pub salt: [u8; 32],
    /// The action and the attempt it belongs to.
    pub attempt: Option<(ActionId, AttemptId)>,
    /// The turn whose reply it is.
    pub turn: Option<TurnId>,
    /// Who may see it.
    pub audience: Option<PersonId>,
    /// Which user sent it; none: the hub.
    pub sender: Option<UserId>,
    /// It takes the place of those with the same key that the device does not have yet.
    pub supersede_key: Option<String>,
    /// Answered by then.
    pub deadline_at: DateTime,
    /// Progress never moves the deadline past this.
    pub last_deadline_at: DateTime,
}

/// A command with what only the hub needs.
#[derive(Debug, Clone)]
pub struct StoredCommand {
    /// What everyone sees.
    pub command: Command,
    /// The attempt it carries.
    pub attempt: Option<AttemptId>,
    /// Progress never moves the deadline past this.
    pub last_deadline_at: DateTime,
    /// Who may see it.
    pub audience: Option<PersonId>,
}

struct CommandRow {
    id: Uuid,
    device_id: Uuid,
    seq: i64,
    kind: String,
    arguments: Value,
    action_id: Option<Uuid>,
    attempt_id: Option<Uuid>,
    turn_id: Option<Uuid>,
    audience_person_id: Option<Uuid>,
    state: String,
    attempts: i32,
    deadline_at: DateTime,
    last_deadline_at: DateTime,
    progress: Option<Value>,
    result: Option<Value>,
    error: Option<Value>,
    is_late: bool,
    supersede_key: Option<String>,
    cancel_requested_at: Option<DateTime>,
    created_at: DateTime,
    finished_at: Option<DateTime>,
    erased_at: Option<DateTime>,
}

impl TryFrom<CommandRow> for StoredCommand {
    type Error = Error;

    fn try_from(row: CommandRow) -> Result<Self> {
        let command = Command {
            id: row.id.into(),
            device_id: row.device_id.into(),
            seq: row.seq,
            kind: row.kind,
            arguments: row.arguments,
            action_id: row.action_id.map(ActionId),
            turn_id: row.turn_id.map(TurnId),
            state: CommandState::parse(&row.state)
                .ok_or_else(|| Error::internal("a command in an unknown state"))?,
            attempts: row.attempts,
            deadline_at: row.deadline_at,
            progress: row.progress,
            result: row.result,
            error: row.error,
            is_late: row.is_late,
            supersede_key: row.supersede_key,
            cancel_requested_at: row.cancel_requested_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
            erased_at: row.erased_at,
        };
        Ok(Self {
            command,
            attempt: row.attempt_id.map(AttemptId),
            last_deadline_at: row.last_deadline_at,
            audience: row.audience_person_id.map(PersonId),
        })
    }
}

fn seen(rows: Vec<CommandRow>) -> Result<Vec<Command>> {
    rows.into_iter()
        .map(|row| StoredCommand::try_from(row).map(|stored| stored.command))
        .collect()
}

/// A query of commands: what stands before and after what is read of them, and what it is asked with.
macro_rules! commands {
    ($before:literal, $after:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            CommandRow,
            $before
                + " id, device_id, seq, kind, arguments, action_id, attempt_id, turn_id, audience_person_id, state, attempts,
                 deadline_at, last_deadline_at, progress, result, error, is_late, supersede_key, cancel_requested_at,
                 created_at, finished_at, erased_at "
                + $after,
            $($argument),+
        )
    };
}
use commands;

impl Commands<'_> {
    /// Queues a command.
    pub async fn insert(&mut self, new: &NewCommand) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "insert into commands (agent_id, id, device_id, seq, kind, arguments, arguments_salt, action_id, attempt_id,
               turn_id, audience_person_id, state, deadline_at, last_deadline_at, created_at, supersede_key, trace_context,
               sent_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'queued', $12, $13, $14, $15, $16, $17)",
            agent.0,
            new.id.0,
            new.device.0,
            new.seq,
            new.kind,
            new.arguments,
            new.salt.as_slice(),
            new.attempt.map(|(action, _)| action.0),
            new.attempt.map(|(_, attempt)| attempt.0),
            new.turn.map(|id| id.0),
            new.audience.map(|id| id.0),
            new.deadline_at,
            new.last_deadline_at,
            now,
            new.supersede_key,
            trace::context(),
            new.sender.map(|id| id.0)
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// The commands of a key before a place in the device's order that the device does not have yet, locked.
    pub async fn replaceable(
        &mut self,
        device: DeviceId,
        key: &str,
        before_seq: i64,
    ) -> Result<Vec<StoredCommand>> {
        let agent = self.0.agent();
        let rows = commands!(
            "select",
            "from commands
             where agent_id = $1 and device_id = $2 and supersede_key = $3 and seq < $4
               and state in ('queued', 'sent')
             order by seq for no key update",
            agent.0,
            device.0,
            key,
            before_seq
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(StoredCommand::try_from).collect()
    }

    /// Notes that nobody wants a command any more which the device has. The caller holds the row.
    pub async fn ask_to_cancel(&mut self, id: CommandId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update commands set cancel_requested_at = $3
             where agent_id = $1 and id = $2 and state = 'acknowledged' and cancel_requested_at is null",
            agent.0,
            id.0,
            now
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a locked command was not asked to be cancelled",
        )
    }

    /// One command.
    pub async fn find(&mut self, id: CommandId) -> Result<Option<Command>> {
        let agent = self.0.agent();
        let row = commands!(
            "select",
            "from commands where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(|row| StoredCommand::try_from(row).map(|stored| stored.command))
            .transpose()
    }

    /// One command of one device, locked for a change.
    pub async fn lock(&mut self, device: DeviceId, id: CommandId) -> Result<Option<StoredCommand>> {
        let agent = self.0.agent();
        let row = commands!(
            "select",
            "from commands where agent_id = $1 and device_id = $2 and id = $3 for no key update",
            agent.0,
            device.0,
            id.0
        );
        row.fetch_optional(self.0.connection())
            .await?
            .map(StoredCommand::try_from)
            .transpose()
    }

    /// A page of commands, newest first, of one device or of all.
    pub async fn list(&mut self, device: Option<DeviceId>, page: PageRequest) -> Result<Vec<Command>> {
        let agent = self.0.agent();
        let rows = commands!(
            "select",
            "from commands
             where agent_id = $1 and ($2::uuid is null or device_id = $2) and ($3::uuid is null or id < $3)
             order by id desc limit $4",
            agent.0,
            device.map(|id| id.0),
            page.after,
            page.rows()
        );
        seen(rows.fetch_all(self.0.connection()).await?)
    }

    /// Ends a command. The caller holds the row and has checked that it may end so. Returns where its device is.
    pub async fn finish(&mut self, id: CommandId, ending: &Ending) -> Result<SpaceId> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query_scalar!(
            r#"update commands set state = $3, result = $4, error = $5, is_late = $6, finished_at = $7, result_salt = $8
               where agent_id = $1 and id = $2
               returning (select d.space_id from devices d where d.agent_id = $1 and d.id = device_id) as "space!""#,
            agent.0,
            id.0,
            ending.state.as_str(),
            ending.result,
            ending.error,
            ending.is_late,
            now,
            ending.salt.as_ref().map(<[u8; 32]>::as_slice)
        );
        let space = done.fetch_optional(self.0.connection()).await?;
        space
            .map(SpaceId)
            .ok_or_else(|| Error::internal("a locked command did not end"))
    }

    /// Agents whose people sent something to devices that ended before a time, at most so many.
    pub async fn with_ended(&mut self, before: DateTime, most: i64) -> Result<Vec<AgentId>> {
        let agents = sqlx::query_scalar!(
            "select distinct agent_id from commands
             where sent_by is not null and action_id is null and turn_id is null and finished_at < $1 limit $2",
            before,
            most
        );
        let agents = agents.fetch_all(self.0.connection()).await?;
        Ok(agents.into_iter().map(AgentId).collect())
    }

    /// Removes what people of the agent sent to devices and what ended before a time, at most so many. Nothing refers to these:
    /// deliveries have a turn, attempts an action. How many.
    pub async fn purge(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "delete from commands where agent_id = $1 and id in (select id from commands
               where agent_id = $1 and sent_by is not null and action_id is null and turn_id is null and finished_at < $2
               order by finished_at limit $3 for update skip locked)",
            agent.0,
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Commands whose time has passed, of every agent.
    pub async fn overdue(&mut self, most: i64) -> Result<Vec<(AgentId, DeviceId, CommandId)>> {
        let now = self.0.now();
        let rows = sqlx::query!(
            "select agent_id, device_id, id from commands
             where state in ('queued', 'sent', 'acknowledged') and deadline_at < $1 order by deadline_at limit $2",
            now,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.agent_id.into(), row.device_id.into(), row.id.into()))
            .collect())
    }
}

/// How a command ends.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The last state.
    pub state: CommandState,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it did not work.
    pub error: Option<Value>,
    /// Whether it came after the deadline.
    pub is_late: bool,
    /// The salt of the commitment to what the device said.
    pub salt: Option<[u8; 32]>,
}
