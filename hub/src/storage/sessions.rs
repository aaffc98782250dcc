//! Conversations and sessions.

use super::Tx;
use crate::{
    clock::DateTime,
    error::Result,
    ids::{ConversationId, PersonId, SessionId, SpaceId},
};

/// The tables of conversations and sessions.
pub struct Sessions<'a>(&'a mut Tx);

impl Tx {
    /// The tables of conversations and sessions.
    pub fn sessions(&mut self) -> Sessions<'_> {
        Sessions(self)
    }
}

/// A session that takes events.
#[derive(Debug, Clone, Copy)]
pub struct OpenSession {
    /// Its id.
    pub id: SessionId,
    /// The last event in it.
    pub last_event_at: DateTime,
    /// It closes by itself after this many seconds without one.
    pub idle_after_s: Option<i32>,
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
            "insert into conversations (agent_id, id, kind, space_id, audience_person_id, created_at)
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            agent.0,
            ConversationId::mint().0,
            key.kind,
            key.space.0,
            key.audience.map(|id| id.0),
            now
        )
        .execute(self.0.connection())
        .await?;
        // A second statement sees what a concurrent insert committed.
        let id = self.find_conversation(key).await?;
        id.ok_or_else(|| crate::error::Error::internal("a conversation vanished"))
    }

    async fn find_conversation(&mut self, key: ConversationKey) -> Result<Option<ConversationId>> {
        let agent = self.0.agent();
        let id = sqlx::query_scalar!(
            "select id from conversations where agent_id = $1 and kind = $2 and space_id = $3
               and audience_person_id is not distinct from $4",
            agent.0,
            key.kind,
            key.space.0,
            key.audience.map(|id| id.0)
        );
        Ok(id.fetch_optional(self.0.connection()).await?.map(ConversationId))
    }

    /// The open session of a conversation, locked. Not against events that refer to it: they are inserted by whoever holds
    /// the head row, for which the locker waits.
    pub async fn open_session(&mut self, conversation: ConversationId) -> Result<Option<OpenSession>> {
        let agent = self.0.agent();
        let row = sqlx::query!(
            "select id, last_event_at, idle_after_s from sessions
             where agent_id = $1 and conversation_id = $2 and state = 'open' for no key update",
            agent.0,
            conversation.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| OpenSession {
            id: row.id.into(),
            last_event_at: row.last_event_at,
            idle_after_s: row.idle_after_s,
        }))
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

    /// Notes that a session is in use.
    pub async fn touch(&mut self, id: SessionId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update sessions set last_event_at = greatest(last_event_at, $3) where agent_id = $1 and id = $2",
            agent.0,
            id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Closes a session.
    pub async fn close(&mut self, id: SessionId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update sessions set state = 'closed', closed_at = $3 where agent_id = $1 and id = $2 and state = 'open'",
            agent.0,
            id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}
