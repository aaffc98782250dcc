//! Conversations and sessions.

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{ConversationId, DelegationId, PersonId, SessionId, SpaceId},
    page::PageRequest,
    sessions::{Session, TalkKind},
};

/// The tables of conversations and sessions.
pub struct Sessions<'a>(&'a mut Tx);

impl Tx {
    /// The tables of conversations and sessions.
    pub fn sessions(&mut self) -> Sessions<'_> {
        Sessions(self)
    }
}

struct SessionRow {
    id: Uuid,
    kind: String,
    space_id: Uuid,
    audience_person_id: Option<Uuid>,
    is_open: bool,
    is_recorded: bool,
    opened_at: DateTime,
    last_event_at: DateTime,
    closed_at: Option<DateTime>,
}

impl TryFrom<SessionRow> for Session {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            kind: TalkKind::parse(&row.kind)
                .ok_or_else(|| Error::internal("a conversation of an unknown kind"))?,
            space_id: row.space_id.into(),
            audience_person_id: row.audience_person_id.map(PersonId),
            is_open: row.is_open,
            is_recorded: row.is_recorded,
            opened_at: row.opened_at,
            last_event_at: row.last_event_at,
            closed_at: row.closed_at,
        })
    }
}

/// What makes a conversation the one it is.
#[derive(Debug, Clone, Copy)]
pub struct ConversationKey {
    /// `space` or `direct`.
    pub kind: &'static str,
    /// The space.
    pub space: SpaceId,
    /// Whose it is.
    pub audience: Option<PersonId>,
    /// By which delegation, where it is with somebody who acts by one.
    pub delegation: Option<DelegationId>,
}

impl Sessions<'_> {
    /// The conversation of a place, made if it is not there.
    pub async fn conversation(&mut self, key: ConversationKey) -> Result<ConversationId> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let found = self.find_conversation(key).await?;
        if let Some(id) = found {
            return Ok(id);
        }
        sqlx::query!(
            "insert into conversations (agent_id, id, kind, space_id, audience_person_id, created_at, delegation_id)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            agent.0,
            ConversationId::mint().0,
            key.kind,
            key.space.0,
            key.audience.map(|id| id.0),
            now,
            key.delegation.map(|id| id.0)
        )
        .execute(self.0.connection())
        .await?;
        // A second statement sees what a concurrent insert committed.
        let id = self.find_conversation(key).await?;
        id.ok_or_else(|| Error::internal("a conversation vanished"))
    }

    async fn find_conversation(&mut self, key: ConversationKey) -> Result<Option<ConversationId>> {
        let agent = self.0.agent();
        let id = sqlx::query_scalar!(
            "select id from conversations where agent_id = $1 and kind = $2 and space_id = $3
               and audience_person_id is not distinct from $4 and delegation_id is not distinct from $5",
            agent.0,
            key.kind,
            key.space.0,
            key.audience.map(|id| id.0),
            key.delegation.map(|id| id.0)
        );
        Ok(id.fetch_optional(self.0.connection()).await?.map(ConversationId))
    }

    /// The open session of a place, if it has not fallen silent: locked, and noted as in use. One statement, since every
    /// event comes by here. Not locked against events that refer to it: they are inserted by whoever holds the head row, for
    /// which the locker waits.
    pub async fn in_use(&mut self, key: ConversationKey) -> Result<Option<SessionId>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let id = sqlx::query_scalar!(
            "update sessions s set last_event_at = greatest(s.last_event_at, $5) from conversations c
             where c.agent_id = $1 and c.kind = $2 and c.space_id = $3 and c.audience_person_id is not distinct from $4
               and c.delegation_id is not distinct from $6 and s.agent_id = $1 and s.conversation_id = c.id and s.state = 'open'
               and (s.idle_after_s is null or not s.is_recorded or $5 - s.last_event_at <= make_interval(secs => s.idle_after_s))
             returning s.id",
            agent.0,
            key.kind,
            key.space.0,
            key.audience.map(|id| id.0),
            now,
            key.delegation.map(|id| id.0)
        );
        Ok(id.fetch_optional(self.0.connection()).await?.map(SessionId))
    }

    /// Closes a session, if it is open: what is said next begins another. One that is not recorded stays, for another would be.
    pub async fn close(&mut self, id: SessionId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update sessions set state = 'closed', closed_at = $3
             where agent_id = $1 and id = $2 and state = 'open' and is_recorded",
            agent.0,
            id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Closes the session of a conversation that has fallen silent, if one has. One that is not recorded stays: what a person has
    /// switched off is not switched on by silence.
    pub async fn close_idle(&mut self, conversation: ConversationId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update sessions set state = 'closed', closed_at = $3
             where agent_id = $1 and conversation_id = $2 and state = 'open' and is_recorded
               and $3 - last_event_at > make_interval(secs => idle_after_s)",
            agent.0,
            conversation.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Opens a session; false when another transaction has just done so.
    pub async fn insert(
        &mut self,
        id: SessionId,
        conversation: ConversationId,
        key: ConversationKey,
        idle_after_s: Option<i32>,
    ) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "insert into sessions (agent_id, id, conversation_id, space_id, audience_person_id, state, idle_after_s,
               opened_at, last_event_at)
             values ($1, $2, $3, $4, $5, 'open', $6, $7, $7)
             on conflict (agent_id, conversation_id) where state = 'open' do nothing",
            agent.0,
            id.0,
            conversation.0,
            key.space.0,
            key.audience.map(|id| id.0),
            idle_after_s,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// One session.
    pub async fn find(&mut self, id: SessionId) -> Result<Option<Session>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            SessionRow,
            r#"select s.id, c.kind, s.space_id, s.audience_person_id, s.state = 'open' as "is_open!", s.is_recorded,
                 s.opened_at, s.last_event_at, s.closed_at
               from sessions s join conversations c on c.agent_id = s.agent_id and c.id = s.conversation_id
               where s.agent_id = $1 and s.id = $2"#,
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Session::try_from).transpose()
    }

    /// One session, held for a change. Not against events that refer to it, as [`Self::in_use`] says.
    pub async fn lock(&mut self, id: SessionId) -> Result<Option<Session>> {
        let agent = self.0.agent();
        sqlx::query!(
            "select from sessions where agent_id = $1 and id = $2 for no key update",
            agent.0,
            id.0
        )
        .execute(self.0.connection())
        .await?;
        self.find(id).await
    }

    /// A page of sessions, newest first, of one space or of all, with those that have ended or without.
    pub async fn list(
        &mut self,
        space: Option<SpaceId>,
        only_open: bool,
        page: PageRequest,
    ) -> Result<Vec<Session>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            SessionRow,
            r#"select s.id, c.kind, s.space_id, s.audience_person_id, s.state = 'open' as "is_open!", s.is_recorded,
                 s.opened_at, s.last_event_at, s.closed_at
               from sessions s join conversations c on c.agent_id = s.agent_id and c.id = s.conversation_id
               where s.agent_id = $1 and ($2::uuid is null or s.space_id = $2) and (not $3 or s.state = 'open')
                 and ($4::uuid is null or s.id < $4)
               order by s.id desc limit $5"#,
            agent.0,
            space.map(|id| id.0),
            only_open,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(Session::try_from).collect()
    }

    /// Switches a session that is held.
    pub async fn set_recorded(&mut self, id: SessionId, is_recorded: bool) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update sessions set is_recorded = $3 where agent_id = $1 and id = $2",
            agent.0,
            id.0,
            is_recorded
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a held session was not switched")
    }
}
