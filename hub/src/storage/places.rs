//! Locations and spaces.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{LocationId, SessionId, SpaceId},
    page::PageRequest,
    places::{Closed, PrivacyMode, Space},
};

/// The tables of places.
pub struct Places<'a>(&'a mut Tx);

impl Tx {
    /// The tables of places.
    pub fn places(&mut self) -> Places<'_> {
        Places(self)
    }
}

struct SpaceRow {
    id: uuid::Uuid,
    location_id: Option<uuid::Uuid>,
    name: String,
    privacy_mode: String,
    is_elsewhere: bool,
    created_at: DateTime,
    updated_at: DateTime,
}

impl From<SpaceRow> for Space {
    fn from(row: SpaceRow) -> Self {
        Self {
            id: row.id.into(),
            location_id: row.location_id.map(LocationId),
            name: row.name,
            privacy_mode: PrivacyMode::parse(&row.privacy_mode),
            is_elsewhere: row.is_elsewhere,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What decides whether anything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// The space's mode.
    pub mode: PrivacyMode,
    /// Whether the session is recorded; true where none was named.
    pub is_recorded: bool,
}

impl Switches {
    /// Of what is not there.
    const OFF: Self = Self {
        mode: PrivacyMode::Private,
        is_recorded: false,
    };

    /// Why nothing may be kept; none: it may.
    #[must_use]
    pub const fn closed(self) -> Option<Closed> {
        match (self.mode, self.is_recorded) {
            (PrivacyMode::Private, _) => Some(Closed::PrivacyMode),
            (PrivacyMode::Normal, false) => Some(Closed::NoRecording),
            (PrivacyMode::Normal, true) => None,
        }
    }
}

struct SwitchesRow {
    privacy_mode: String,
    is_recorded: bool,
}

impl From<SwitchesRow> for Switches {
    fn from(row: SwitchesRow) -> Self {
        Self {
            mode: PrivacyMode::parse(&row.privacy_mode),
            is_recorded: row.is_recorded,
        }
    }
}

impl Places<'_> {
    /// Inserts a location.
    pub async fn insert_location(&mut self, id: LocationId, name: &str) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "insert into locations (agent_id, id, name, created_at) values ($1, $2, $3, $4)",
            agent.0,
            id.0,
            name,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Whether a location exists.
    pub async fn has_location(&mut self, id: LocationId) -> Result<bool> {
        let agent = self.0.agent();
        let exists = sqlx::query_scalar!(
            r#"select exists (select from locations where agent_id = $1 and id = $2) as "exists!""#,
            agent.0,
            id.0
        );
        Ok(exists.fetch_one(self.0.connection()).await?)
    }

    /// Inserts a space; false when the name is taken.
    pub async fn insert_space(&mut self, space: &Space) -> Result<bool> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "insert into spaces (agent_id, id, location_id, name, privacy_mode, is_elsewhere, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (agent_id, lower(name)) do nothing",
            agent.0,
            space.id.0,
            space.location_id.map(|id| id.0),
            space.name,
            space.privacy_mode.as_str(),
            space.is_elsewhere,
            space.created_at,
            space.updated_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// One space.
    pub async fn space(&mut self, id: SpaceId) -> Result<Option<Space>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            SpaceRow,
            "select id, location_id, name, privacy_mode, is_elsewhere, created_at, updated_at from spaces
             where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        Ok(row.fetch_optional(self.0.connection()).await?.map(Space::from))
    }

    /// One space, locked for a change. Not against rows that refer to it: they are inserted by units of work that then wait
    /// for the head row, which the changer holds.
    pub async fn lock_space(&mut self, id: SpaceId) -> Result<Option<Space>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            SpaceRow,
            "select id, location_id, name, privacy_mode, is_elsewhere, created_at, updated_at from spaces
             where agent_id = $1 and id = $2 for no key update",
            agent.0,
            id.0
        );
        Ok(row.fetch_optional(self.0.connection()).await?.map(Space::from))
    }

    /// A page of spaces by id.
    pub async fn spaces(&mut self, page: PageRequest) -> Result<Vec<Space>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            SpaceRow,
            "select id, location_id, name, privacy_mode, is_elsewhere, created_at, updated_at from spaces
             where agent_id = $1 and ($2::uuid is null or id > $2) order by id limit $3",
            agent.0,
            page.after,
            page.rows()
        );
        Ok(rows
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Space::from)
            .collect())
    }

    /// Changes a space's name and privacy mode; false when the name is taken.
    pub async fn update_space(&mut self, id: SpaceId, name: &str, mode: PrivacyMode) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let is_taken = sqlx::query_scalar!(
            r#"select exists (select from spaces where agent_id = $1 and lower(name) = lower($2) and id <> $3)
               as "taken!""#,
            agent.0,
            name,
            id.0
        )
        .fetch_one(self.0.connection())
        .await?;
        if is_taken {
            return Ok(false);
        }
        let done = sqlx::query!(
            "update spaces set name = $3, privacy_mode = $4, updated_at = $5 where agent_id = $1 and id = $2",
            agent.0,
            id.0,
            name,
            mode.as_str(),
            now
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "a locked space was not changed")?;
        Ok(true)
    }

    /// The space for what happens in no known place.
    pub async fn elsewhere(&mut self) -> Result<SpaceId> {
        let agent = self.0.agent();
        let id = sqlx::query_scalar!(
            "select id from spaces where agent_id = $1 and is_elsewhere",
            agent.0
        );
        let id = id.fetch_optional(self.0.connection()).await?;
        id.map(SpaceId)
            .ok_or_else(|| Error::internal("the agent has no space elsewhere"))
    }

    /// What the switches of a space, and of a session where one is named, say now. Read after the head row was taken, it is in
    /// order with the append. A space that is gone counts as private, and a session that is gone as not recorded.
    pub async fn switches(&mut self, id: SpaceId, session: Option<SessionId>) -> Result<Switches> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            SwitchesRow,
            r#"select s.privacy_mode, ($3::uuid is null or coalesce((select t.is_recorded from sessions t
                 where t.agent_id = $1 and t.id = $3), false)) as "is_recorded!"
               from spaces s where s.agent_id = $1 and s.id = $2"#,
            agent.0,
            id.0,
            session.map(|id| id.0)
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map_or(Switches::OFF, Switches::from))
    }

    /// The same; the space's mode does not change before the unit of work ends. For what is no part of the log, and so does not
    /// take its head row. Of a session whoever asks holds the turn, for which a change waits.
    pub async fn hold_switches(&mut self, id: SpaceId, session: Option<SessionId>) -> Result<Switches> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            SwitchesRow,
            r#"select s.privacy_mode, ($3::uuid is null or coalesce((select t.is_recorded from sessions t
                 where t.agent_id = $1 and t.id = $3), false)) as "is_recorded!"
               from spaces s where s.agent_id = $1 and s.id = $2 for share of s"#,
            agent.0,
            id.0,
            session.map(|id| id.0)
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map_or(Switches::OFF, Switches::from))
    }

    /// Those of these memories that were learnt in spaces which are not private now.
    pub async fn memories_of_open_spaces(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select m.id from memories m join spaces s on s.agent_id = m.agent_id and s.id = m.space_id
             where m.agent_id = $1 and m.id = any ($2) and s.privacy_mode = 'normal'",
            agent.0,
            ids
        );
        Ok(found.fetch_all(self.0.connection()).await?.into_iter().collect())
    }

    /// Those of these sessions that are recorded now, in spaces which are not private.
    pub async fn sessions_of_open_spaces(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select t.id from sessions t join spaces s on s.agent_id = t.agent_id and s.id = t.space_id
             where t.agent_id = $1 and t.id = any ($2) and t.is_recorded and s.privacy_mode = 'normal'",
            agent.0,
            ids
        );
        Ok(found.fetch_all(self.0.connection()).await?.into_iter().collect())
    }
}
