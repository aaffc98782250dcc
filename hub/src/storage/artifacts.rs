//! Artifacts.

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    artifacts::{Artifact, ArtifactState},
    clock::DateTime,
    error::{Error, Result},
    ids::{AgentId, ArtifactId, PersonId},
    page::PageRequest,
};

/// The table of artifacts. What was deleted is not found in it.
pub struct Artifacts<'a>(&'a mut Tx);

impl Tx {
    /// The table of artifacts.
    pub fn artifacts(&mut self) -> Artifacts<'_> {
        Artifacts(self)
    }
}

/// An artifact with what only the hub knows of it.
#[derive(Debug)]
pub struct HeldArtifact {
    /// What everybody is told who may see it.
    pub artifact: Artifact,
    /// Whose it is alone.
    pub audience: Option<PersonId>,
    /// What the audit log commits to it with; it goes with the artifact.
    pub salt: [u8; 32],
}

struct ArtifactRow {
    id: Uuid,
    audience_person_id: Option<Uuid>,
    space_id: Uuid,
    name: Option<String>,
    media_type: String,
    size_bytes: i64,
    sha256: Vec<u8>,
    salt: Vec<u8>,
    state: String,
    created_at: DateTime,
    stored_at: Option<DateTime>,
}

impl ArtifactRow {
    fn read(self) -> Result<HeldArtifact> {
        let state = ArtifactState::parse(&self.state);
        let salt = <[u8; 32]>::try_from(self.salt);
        let artifact = Artifact {
            id: self.id.into(),
            name: self.name,
            media_type: self.media_type,
            size_bytes: self.size_bytes.unsigned_abs(),
            sha256: hex::encode(self.sha256),
            space_id: self.space_id.into(),
            is_private: self.audience_person_id.is_some(),
            state: state.ok_or_else(|| Error::internal("an artifact in an unknown state"))?,
            created_at: self.created_at,
            stored_at: self.stored_at,
        };
        Ok(HeldArtifact {
            artifact,
            audience: self.audience_person_id.map(PersonId),
            salt: salt.map_err(|_| Error::internal("an artifact with a malformed salt"))?,
        })
    }
}

impl Artifacts<'_> {
    /// Who announces them: users and devices do.
    fn maker(&self) -> Option<(&'static str, Uuid)> {
        let actor = self.0.actor();
        actor.id.map(|id| (actor.kind.as_str(), id))
    }

    /// Inserts one whose bytes are awaited.
    pub async fn insert(&mut self, new: &HeldArtifact, digest: &[u8; 32]) -> Result<()> {
        let (agent, maker) = (self.0.agent(), self.maker());
        let HeldArtifact {
            artifact,
            audience,
            salt,
        } = new;
        sqlx::query!(
            "insert into artifacts (agent_id, id, audience_person_id, space_id, name, media_type, size_bytes, sha256, salt,
               state, created_at, made_by_kind, made_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', $10, $11, $12)",
            agent.0,
            artifact.id.0,
            audience.map(|id| id.0),
            artifact.space_id.0,
            artifact.name,
            artifact.media_type,
            i64::try_from(artifact.size_bytes).unwrap_or(i64::MAX),
            digest.as_slice(),
            salt.as_slice(),
            artifact.created_at,
            maker.map(|(kind, _)| kind),
            maker.map(|(_, id)| id)
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// One.
    pub async fn find(&mut self, id: ArtifactId) -> Result<Option<Artifact>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ArtifactRow,
            r#"select id, audience_person_id, space_id, name, media_type, size_bytes, sha256 as "sha256!", salt as "salt!", state,
               created_at, stored_at
             from artifacts where agent_id = $1 and id = $2 and state <> 'deleted'"#,
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(ArtifactRow::read).transpose()?.map(|held| held.artifact))
    }

    /// One with whose it is and its salt, locked for a change.
    pub async fn lock(&mut self, id: ArtifactId) -> Result<Option<HeldArtifact>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ArtifactRow,
            r#"select id, audience_person_id, space_id, name, media_type, size_bytes, sha256 as "sha256!", salt as "salt!", state,
               created_at, stored_at
             from artifacts where agent_id = $1 and id = $2 and state <> 'deleted' for no key update"#,
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(ArtifactRow::read).transpose()
    }

    /// A page of them, newest first.
    pub async fn list(&mut self, page: PageRequest) -> Result<Vec<Artifact>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ArtifactRow,
            r#"select id, audience_person_id, space_id, name, media_type, size_bytes, sha256 as "sha256!", salt as "salt!", state,
               created_at, stored_at
             from artifacts
             where agent_id = $1 and state <> 'deleted' and ($2::uuid is null or id < $2) order by id desc limit $3"#,
            agent.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(|row| row.read().map(|held| held.artifact)).collect()
    }

    /// How many uploads of whoever does this are unfinished, and how many bytes they announce together. Who makes one sees it,
    /// so that row-level security hides none of them here.
    pub async fn unfinished_of_maker(&mut self) -> Result<(i64, u64)> {
        let (agent, maker) = (self.0.agent(), self.maker());
        let row = sqlx::query!(
            r#"select count(*) as "count!", coalesce(sum(size_bytes), 0)::bigint as "bytes!" from artifacts
               where agent_id = $1 and state = 'pending' and made_by_kind = $2 and made_by = $3"#,
            agent.0,
            maker.map(|(kind, _)| kind),
            maker.map(|(_, id)| id)
        );
        let row = row.fetch_one(self.0.connection()).await?;
        Ok((row.count, row.bytes.unsigned_abs()))
    }

    /// Notes that the bytes are there. The caller holds the row.
    pub async fn store(&mut self, id: ArtifactId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update artifacts set state = 'stored', stored_at = $3 where agent_id = $1 and id = $2 and state = 'pending'",
            agent.0,
            id.0,
            now
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a locked artifact was not stored",
        )
    }

    /// Gives one to the household. The caller holds the row.
    pub async fn share(&mut self, id: ArtifactId) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update artifacts set audience_person_id = null where agent_id = $1 and id = $2 and state = 'stored'",
            agent.0,
            id.0
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a locked artifact was not shared",
        )
    }

    /// Deletes one, save what is needed to remove its bytes: what it is called goes, what kind it was said to be,
    /// and its hash with the salt that the audit log has committed to it by. The caller holds the row.
    pub async fn delete(&mut self, id: ArtifactId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update artifacts set state = 'deleted', name = null, media_type = 'application/octet-stream', sha256 = null, salt = null,
               deleted_at = $3
             where agent_id = $1 and id = $2 and state <> 'deleted'",
            agent.0,
            id.0,
            now
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a locked artifact was not deleted",
        )
    }

    /// Whether its bytes are awaited still; the row is held until the unit of work ends.
    pub async fn is_unfinished(&mut self, id: ArtifactId) -> Result<bool> {
        // The head comes before the row, as whoever completes it takes them.
        self.0.take_head().await?;
        let locked = self.lock(id).await?;
        Ok(locked.is_some_and(|held| held.artifact.state == ArtifactState::Pending))
    }

    /// Uploads that were announced before, and not finished. Across agents.
    pub async fn unfinished_before(
        &mut self,
        before: DateTime,
        most: i64,
    ) -> Result<Vec<(AgentId, ArtifactId)>> {
        let rows = sqlx::query!(
            "select agent_id, id from artifacts where state = 'pending' and created_at <= $1 order by created_at limit $2",
            before,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        Ok(rows.map(|row| (row.agent_id.into(), row.id.into())).collect())
    }

    /// What was deleted and may have bytes: those that were not removed yet, and once more those that settled since. Across
    /// agents.
    pub async fn to_remove(
        &mut self,
        settled_before: DateTime,
        most: i64,
    ) -> Result<Vec<(AgentId, ArtifactId)>> {
        let rows = sqlx::query!(
            "select agent_id, id from artifacts
             where state = 'deleted' and (removed_at is null or created_at < $1) order by deleted_at limit $2",
            settled_before,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        Ok(rows.map(|row| (row.agent_id.into(), row.id.into())).collect())
    }

    /// Notes that the bytes of a deleted one were removed; the row goes, too, where no more can come.
    pub async fn removed(&mut self, id: ArtifactId, settled_before: DateTime) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let gone = sqlx::query!(
            "delete from artifacts where agent_id = $1 and id = $2 and state = 'deleted' and created_at < $3",
            agent.0,
            id.0,
            settled_before
        );
        if gone.execute(self.0.connection()).await?.rows_affected() == 1 {
            return Ok(());
        }
        sqlx::query!(
            "update artifacts set removed_at = $3 where agent_id = $1 and id = $2 and state = 'deleted'",
            agent.0,
            id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}
