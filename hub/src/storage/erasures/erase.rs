//! Taking the content out of what forgetting reaches. The envelopes stay: that something was, when and where.

use serde_json::json;
use uuid::Uuid;

use super::{Erasures, Reach, reach::list};
use crate::{
    audit::entry::commitment,
    error::Result,
    ids::{ActionId, CommandId, DeviceId, ErasureId, PersonId, TurnId},
};

/// What stands in the place of a text that a person will read.
pub(super) const FORGOTTEN: &str = "(forgotten)";

impl Erasures<'_> {
    /// Holds what others take before the head row, each kind in one order: turns, also those under way that have read any of it, then
    /// commands, then actions. With all of these that are somebody's own, where they are merged.
    pub async fn hold(&mut self, reach: &Reach, merged: Option<PersonId>) -> Result<()> {
        let (agent, merged) = (self.0.agent(), merged.map(|id| id.0));
        sqlx::query!(
            "select id from turns where agent_id = $1 and (id = any ($2) or audience_person_id = $7
               or state in ('queued', 'running', 'waiting')
                 and (read_event_ids && $3 or read_memory_ids && $4 or read_action_ids && $5 or read_person_ids && $6))
             order by id for no key update",
            agent.0,
            &reach.spoke(),
            &list(&reach.events),
            &list(&reach.memories),
            &list(&reach.actions),
            &list(&reach.people),
            merged
        )
        .fetch_all(self.0.connection())
        .await?;
        let commands: Vec<Uuid> = reach.commands.iter().map(|(id, _)| *id).collect();
        sqlx::query!(
            "select id from commands where agent_id = $1 and (id = any ($2) or audience_person_id = $3)
             order by device_id, seq for no key update",
            agent.0,
            &commands,
            merged
        )
        .fetch_all(self.0.connection())
        .await?;
        sqlx::query!(
            "select id from actions where agent_id = $1 and (id = any ($2) or audience_person_id = $3)
             order by id for no key update",
            agent.0,
            &list(&reach.actions),
            merged
        )
        .fetch_all(self.0.connection())
        .await?;
        Ok(())
    }

    /// Holds the turns, so that none of them ends or says more meanwhile: those that go, and those under way that have read any of
    /// it. Those that have not ended come back, each with whether nothing is left that it could run on.
    pub async fn hold_turns(&mut self, reach: &Reach) -> Result<Vec<(TurnId, bool)>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            r#"with held as (select id, state from turns where agent_id = $1 and (id = any ($2)
                 or state in ('queued', 'running', 'waiting')
                   and (read_event_ids && $3 or read_memory_ids && $4 or read_action_ids && $5 or read_person_ids && $6))
                 order by id for no key update)
               select h.id, not exists (select from turn_inputs i join events e on e.agent_id = i.agent_id and e.id = i.event_id
                 where i.agent_id = $1 and i.turn_id = h.id and e.payload is not null and e.id <> all ($3)) as "is_empty!"
               from held h where h.state in ('queued', 'running', 'waiting')"#,
            agent.0,
            &reach.spoke(),
            &list(&reach.events),
            &list(&reach.memories),
            &list(&reach.actions),
            &list(&reach.people)
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.id.into(), row.is_empty))
            .collect())
    }

    /// Turns that have begun to read any of it since. Nobody is waited for: whoever holds one of them has done with it, or is about to
    /// find out by itself.
    pub async fn hold_late_readers(&mut self, reach: &Reach) -> Result<Vec<TurnId>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            "select id from turns where agent_id = $1 and state = 'running'
               and (read_event_ids && $2 or read_memory_ids && $3 or read_action_ids && $4 or read_person_ids && $5)
             for no key update skip locked",
            agent.0,
            &list(&reach.events),
            &list(&reach.memories),
            &list(&reach.actions),
            &list(&reach.people)
        );
        let ids = ids.fetch_all(self.0.connection()).await?;
        Ok(ids.into_iter().map(TurnId).collect())
    }

    /// The commands and actions that have not ended, each command with its device.
    pub async fn open_of(&mut self, reach: &Reach) -> Result<(Vec<(DeviceId, CommandId)>, Vec<ActionId>)> {
        let agent = self.0.agent();
        let ids: Vec<Uuid> = reach.commands.iter().map(|(id, _)| *id).collect();
        let commands = sqlx::query!(
            "select device_id, id from commands
             where agent_id = $1 and id = any ($2) and state in ('queued', 'sent', 'acknowledged') order by id",
            agent.0,
            &ids
        );
        let commands = commands.fetch_all(self.0.connection()).await?;
        let actions = sqlx::query_scalar!(
            "select id from actions where agent_id = $1 and id = any ($2) and state in ('proposed', 'approved') order by id",
            agent.0,
            &list(&reach.actions)
        );
        let actions = actions.fetch_all(self.0.connection()).await?;
        let commands = commands
            .into_iter()
            .map(|row| (row.device_id.into(), row.id.into()));
        Ok((commands.collect(), actions.into_iter().map(ActionId).collect()))
    }

    /// Whether any of these events holds nothing any more, or any of these actions.
    pub async fn is_any_gone(&mut self, events: &[Uuid], actions: &[Uuid]) -> Result<bool> {
        let agent = self.0.agent();
        let gone = sqlx::query_scalar!(
            r#"select exists (select from events where agent_id = $1 and id = any ($2) and payload is null)
                 or exists (select from actions where agent_id = $1 and id = any ($3) and erased_at is not null) as "gone!""#,
            agent.0,
            events,
            actions
        );
        Ok(gone.fetch_one(self.0.connection()).await?)
    }

    /// Has a turn that is under way begin anew, without what was forgotten: what it has said and done goes.
    pub async fn begin_anew(&mut self, turn: TurnId) -> Result<()> {
        self.0.turn_stream().begin_anew(turn).await?;
        let agent = self.0.agent();
        sqlx::query!(
            "update turns set state = 'queued' where agent_id = $1 and id = $2 and state = 'running'",
            agent.0,
            turn.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Payloads with their salts, and the digest by which a source would be told that it said the same.
    pub async fn erase_events(&mut self, ids: &[Uuid]) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update events set payload = null, payload_salt = null, client_digest = null, erased_at = $3
             where agent_id = $1 and id = any ($2) and erased_at is null",
            agent.0,
            ids,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// What turns said while they ran, their steps, and why they came to nothing.
    pub async fn erase_turns(&mut self, reach: &Reach) -> Result<u64> {
        let (agent, spoke) = (self.0.agent(), reach.spoke());
        let said = sqlx::query!(
            "with said as (delete from turn_stream where agent_id = $1 and turn_id = any ($2) and kind = 'delta'),
               steps as (delete from turn_steps where agent_id = $1 and turn_id = any ($2))
             update turns set reason = case when reason is null then null else $3 end, read_memory_ids = '{}'
             where agent_id = $1 and id = any ($2)",
            agent.0,
            &spoke,
            "forgotten"
        );
        let done = said.execute(self.0.connection()).await?.rows_affected();
        // Of a job that is leased, whoever holds it says how it ended, without a word of what it read.
        sqlx::query!(
            "update jobs set last_error = null where id in (select id from jobs
               where agent_id = $1 and kind = 'run_turn' and last_error is not null
                 and (payload ->> 'subject')::uuid = any ($2) for no key update skip locked)",
            agent.0,
            &spoke
        )
        .execute(self.0.connection())
        .await?;
        Ok(done)
    }

    /// What turns wanted to remember, committed or not, with what it came from.
    pub async fn erase_candidates(&mut self, reach: &Reach) -> Result<u64> {
        let agent = self.0.agent();
        let candidates = list(&reach.candidates);
        sqlx::query!(
            "delete from memory_sources where agent_id = $1 and candidate_id = any ($2)",
            agent.0,
            &candidates
        )
        .execute(self.0.connection())
        .await?;
        let gone = sqlx::query!(
            "delete from memory_candidates where agent_id = $1 and id = any ($2)",
            agent.0,
            &candidates
        );
        Ok(gone.execute(self.0.connection()).await?.rows_affected())
    }

    /// Memories with their vectors, leaving tombstones; their candidates are gone. How many memories and vectors.
    pub async fn erase_memories(&mut self, reach: &Reach, erasure: ErasureId) -> Result<(u64, u64)> {
        let memories = list(&reach.memories);
        self.bury(&memories, erasure).await?;
        let agent = self.0.agent();
        let vectors = sqlx::query_scalar!(
            r#"with a as (delete from embeddings_384 where agent_id = $1 and owner_id = any ($2) returning 1),
                 b as (delete from embeddings_768 where agent_id = $1 and owner_id = any ($2) returning 1),
                 c as (delete from embeddings_1024 where agent_id = $1 and owner_id = any ($2) returning 1),
                 d as (delete from embeddings_1536 where agent_id = $1 and owner_id = any ($2) returning 1)
               select (select count(*) from a) + (select count(*) from b) + (select count(*) from c)
                 + (select count(*) from d) as "count!""#,
            agent.0,
            &memories
        );
        let vectors = vectors.fetch_one(self.0.connection()).await?;
        let gone = sqlx::query!(
            "delete from memories where agent_id = $1 and id = any ($2)",
            agent.0,
            &memories
        );
        let memories = gone.execute(self.0.connection()).await?.rows_affected();
        Ok((memories, vectors.unsigned_abs()))
    }

    async fn bury(&mut self, memories: &[Uuid], erasure: ErasureId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let rows = sqlx::query!(
            "select id, content, content_salt from memories where agent_id = $1 and id = any ($2)",
            agent.0,
            memories
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let hash = |content: &str, salt: &[u8]| {
            let salt = <[u8; 32]>::try_from(salt).unwrap_or_default();
            commitment(&salt, &json!(content)).to_vec()
        };
        let hashes: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| hash(&row.content, &row.content_salt))
            .collect();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        sqlx::query!(
            "insert into memory_tombstones (agent_id, id, audience_person_id, erasure_id, content_sha256, forgotten_at)
             select $1, m.id, m.audience_person_id, $2, t.hash, $3
             from unnest($4::uuid[], $5::bytea[]) as t(id, hash) join memories m on m.agent_id = $1 and m.id = t.id",
            agent.0,
            erasure.0,
            now,
            &ids,
            &hashes
        )
        .execute(self.0.connection())
        .await?;
        // One version of a memory refers to the other.
        sqlx::query!(
            "update memories set superseded_by = null where agent_id = $1 and superseded_by = any ($2)",
            agent.0,
            memories
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// What actions were about, the hashes of it, and what people said to them.
    pub async fn erase_actions(&mut self, reach: &Reach) -> Result<u64> {
        let (agent, now, actions) = (self.0.agent(), self.0.now(), list(&reach.actions));
        let nothing = [0_u8; 32];
        let done = sqlx::query!(
            "with decisions as (update action_decisions set reason = null, arguments_sha256 = $4
               where agent_id = $1 and action_id = any ($2))
             update actions set summary = $5, arguments = '{}', arguments_salt = $4, arguments_sha256 = $4, result = null,
               error = case when error is null then null else $5 end, erased_at = $3
             where agent_id = $1 and id = any ($2) and erased_at is null",
            agent.0,
            &actions,
            now,
            nothing.as_slice(),
            FORGOTTEN
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// What commands carried and what came of them.
    pub async fn erase_commands(&mut self, reach: &Reach) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let ids: Vec<Uuid> = reach.commands.iter().map(|(id, _)| *id).collect();
        let done = sqlx::query!(
            "update commands set arguments = '{}', arguments_salt = $4, progress = null, result = null, error = null,
               result_salt = null, supersede_key = null, erased_at = $3
             where agent_id = $1 and id = any ($2) and erased_at is null",
            agent.0,
            &ids,
            now,
            [0_u8; 32].as_slice()
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Kept answers that name any of it. Whoever sends such a request again is told why there is no answer, and nothing is done
    /// twice.
    pub async fn erase_answers(&mut self, reach: &Reach, people: &[Uuid]) -> Result<u64> {
        let agent = self.0.agent();
        let named: Vec<Uuid> = [
            &reach.events,
            &reach.turns,
            &reach.repeating,
            &reach.candidates,
            &reach.memories,
            &reach.actions,
            &reach.artifacts,
        ]
        .into_iter()
        .flatten()
        .copied()
        .chain(reach.commands.iter().map(|(id, _)| *id))
        .chain(people.iter().copied())
        .collect();
        let done = sqlx::query!(
            "update idempotency_keys set answer = 'null', body_sha256 = ''
             where agent_id = $1 and answer is not null and exists (
               select from regexp_matches(answer::text, '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'g') as found
               where found[1]::uuid = any ($2))",
            agent.0,
            &named
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
