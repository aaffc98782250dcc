//! Embeddings of memories, in the table of their length, and the models that they are of.

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{AgentId, MemoryId},
    memory::embedding::{Dimensions, Embedding, EmbeddingModel},
};

/// The tables of embeddings.
pub struct EmbeddingTable<'a>(&'a mut Tx);

impl Tx {
    /// The tables of embeddings.
    pub fn embeddings(&mut self) -> EmbeddingTable<'_> {
        EmbeddingTable(self)
    }
}

/// A memory that its meaning found.
#[derive(Debug, Clone)]
pub struct VectorHit {
    /// The memory.
    pub id: MemoryId,
    /// 1 is the same meaning.
    pub cosine: f32,
}

/// A memory without an embedding of a model.
#[derive(Debug, Clone)]
pub struct Unembedded {
    /// The memory.
    pub id: Uuid,
    /// What to embed.
    pub content: String,
}

/// How far a model has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Memories.
    pub memories: i64,
    /// Of these, without an embedding.
    pub missing: i64,
    /// Of these, such as the model will never take.
    pub refused: i64,
}

/// A model that memories have, or had, embeddings of.
#[derive(Debug, Clone)]
pub struct KnownModel {
    /// The model.
    pub model: EmbeddingModel,
    /// Whether questions are asked of it.
    pub is_active: bool,
    /// When a process last had it configured.
    pub wanted_at: DateTime,
}

/// Gives a statement, written for any length, the name of the table of one length.
macro_rules! on_table {
    ($dimensions:expr, $statement:ident ! ($($argument:expr),* $(,)?)) => {
        match $dimensions {
            Dimensions::D384 => $statement!("embeddings_384", $($argument),*),
            Dimensions::D768 => $statement!("embeddings_768", $($argument),*),
            Dimensions::D1024 => $statement!("embeddings_1024", $($argument),*),
            Dimensions::D1536 => $statement!("embeddings_1536", $($argument),*),
        }
    };
}

macro_rules! select_missing {
    ($table:literal, $connection:expr, $agent:expr, $model:expr, $most:expr) => {
        sqlx::query_as!(
            Unembedded,
            "select m.id, m.content from memories m
             where m.agent_id = $1 and m.lifecycle = 'committed' and exists (select from spaces s
                 where s.agent_id = m.agent_id and s.id = m.space_id and s.privacy_mode = 'normal')
               and not exists (select from "
                + $table
                + " e where e.agent_id = m.agent_id and e.owner_id = m.id and e.owner_kind = 'memory' and e.model = $2)
             order by m.id desc limit $3",
            $agent,
            $model,
            $most
        )
        .fetch_all($connection)
        .await
    };
}

// The memory is held, so that one that is forgotten, edited or shared in this moment is met either before, and then as it is
// now, or after, and then takes its embedding along. So is its space: of one that went private nothing more is kept.
macro_rules! insert_embeddings {
    ($table:literal, $connection:expr, $agent:expr, $model:expr, $ids:expr, $contents:expr, $numbers:expr, $width:expr, $now:expr) => {
        sqlx::query!(
            "insert into "
                + $table
                + " (agent_id, owner_kind, owner_id, model, audience_person_id, embedding, created_at)
             select m.agent_id, 'memory', m.id, $2, m.audience_person_id,
               ($5::real[])[(t.place - 1) * $6::integer + 1 : t.place * $6::integer], $7
             from unnest($3::uuid[], $4::text[]) with ordinality as t(id, content, place)
             join memories m on m.agent_id = $1 and m.id = t.id
             join spaces s on s.agent_id = m.agent_id and s.id = m.space_id
             where m.lifecycle = 'committed' and m.content = t.content and s.privacy_mode = 'normal'
             for share of m, s
             on conflict do nothing",
            $agent,
            $model,
            $ids,
            $contents,
            $numbers,
            $width,
            $now
        )
        .execute($connection)
        .await
    };
}

macro_rules! insert_problem {
    ($table:literal, $connection:expr, $agent:expr, $model:expr, $id:expr, $content:expr, $problem:expr, $now:expr) => {
        sqlx::query!(
            "insert into "
                + $table
                + " (agent_id, owner_kind, owner_id, model, audience_person_id, problem, created_at)
             select m.agent_id, 'memory', m.id, $2, m.audience_person_id, $5, $6
             from memories m join spaces s on s.agent_id = m.agent_id and s.id = m.space_id
             where m.agent_id = $1 and m.id = $3 and m.lifecycle = 'committed' and m.content = $4
               and s.privacy_mode = 'normal'
             for share of m, s
             on conflict do nothing",
            $agent,
            $model,
            $id,
            $content,
            $problem,
            $now
        )
        .execute($connection)
        .await
    };
}

macro_rules! count_missing {
    ($table:literal, $connection:expr, $model:expr) => {
        sqlx::query!(
            r#"select m.agent_id, count(*) as "missing!" from memories m
               where m.lifecycle = 'committed' and exists (select from spaces s
                   where s.agent_id = m.agent_id and s.id = m.space_id and s.privacy_mode = 'normal')
                 and not exists (select from "#
                + $table
                + " e where e.agent_id = m.agent_id and e.owner_id = m.id and e.owner_kind = 'memory' and e.model = $1)
               group by m.agent_id",
            $model
        )
        .map(|row| (AgentId(row.agent_id), row.missing))
        .fetch_all($connection)
        .await
    };
}

macro_rules! measure_progress {
    ($table:literal, $connection:expr, $model:expr) => {
        sqlx::query_as!(
            Progress,
            r#"select count(*) as "memories!", count(*) filter (where e.model is null) as "missing!",
                 count(e.problem) as "refused!"
               from memories m left join "#
                + $table
                + " e on e.agent_id = m.agent_id and e.owner_id = m.id and e.owner_kind = 'memory' and e.model = $1
               where m.lifecycle = 'committed' and exists (select from spaces s
                 where s.agent_id = m.agent_id and s.id = m.space_id and s.privacy_mode = 'normal')",
            $model
        )
        .fetch_one($connection)
        .await
    };
}

macro_rules! delete_some {
    ($table:literal, $connection:expr, $model:expr, $most:expr) => {
        sqlx::query!(
            "delete from "
                + $table
                + " where ctid = any (array(select ctid from "
                + $table
                + " where model = $1 limit $2))",
            $model,
            $most
        )
        .execute($connection)
        .await
    };
}

impl EmbeddingTable<'_> {
    /// Searches by meaning, nearest first, among what the unit of work may see.
    pub async fn nearest(
        &mut self,
        question: &Embedding,
        model: &EmbeddingModel,
        most: i32,
    ) -> Result<Vec<VectorHit>> {
        let rows = sqlx::query!(
            r#"select memory_id as "memory_id!", cosine as "cosine!" from recall_vectors($1, $2, $3)"#,
            question.numbers(),
            model.name,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let hits = rows.into_iter().map(|row| VectorHit {
            id: MemoryId(row.memory_id),
            cosine: row.cosine,
        });
        Ok(hits.collect())
    }

    /// Memories of the agent without an embedding of a model, newest first, at most so many.
    pub async fn missing(&mut self, model: &EmbeddingModel, most: i64) -> Result<Vec<Unembedded>> {
        let (agent, name) = (self.0.agent().0, &model.name);
        let connection = self.0.connection();
        Ok(on_table!(
            model.dimensions,
            select_missing!(connection, agent, name, most)
        )?)
    }

    /// Keeps embeddings, each with the audience of its memory. One that is there, or whose memory is not what was embedded any
    /// more, is passed over.
    pub async fn insert(&mut self, model: &EmbeddingModel, made: &[(&Unembedded, &Embedding)]) -> Result<()> {
        let (agent, now, name) = (self.0.agent().0, self.0.now(), &model.name);
        let ids: Vec<Uuid> = made.iter().map(|(memory, _)| memory.id).collect();
        let contents: Vec<String> = made.iter().map(|(memory, _)| memory.content.clone()).collect();
        let numbers: Vec<f32> = made
            .iter()
            .flat_map(|(_, embedding)| embedding.numbers())
            .copied()
            .collect();
        let width = i32::try_from(model.dimensions.count()).unwrap_or(i32::MAX);
        let connection = self.0.connection();
        on_table!(
            model.dimensions,
            insert_embeddings!(connection, agent, name, &ids, &contents, &numbers, width, now)
        )?;
        Ok(())
    }

    /// Notes that a model will never take a memory.
    pub async fn refuse(&mut self, model: &EmbeddingModel, memory: &Unembedded, problem: &str) -> Result<()> {
        let (agent, now, name) = (self.0.agent().0, self.0.now(), &model.name);
        let connection = self.0.connection();
        on_table!(
            model.dimensions,
            insert_problem!(connection, agent, name, memory.id, memory.content, problem, now)
        )?;
        Ok(())
    }

    /// The agents that have memories without an embedding of a model, and how many.
    pub async fn agents_missing(&mut self, model: &EmbeddingModel) -> Result<Vec<(AgentId, i64)>> {
        let (name, connection) = (&model.name, self.0.connection());
        Ok(on_table!(model.dimensions, count_missing!(connection, name))?)
    }

    /// How far a model has come, over all agents.
    pub async fn progress(&mut self, model: &EmbeddingModel) -> Result<Progress> {
        let (name, connection) = (&model.name, self.0.connection());
        Ok(on_table!(model.dimensions, measure_progress!(connection, name))?)
    }

    /// Deletes embeddings of a model, at most so many. How many it deleted.
    pub async fn remove_some(&mut self, model: &EmbeddingModel, most: i64) -> Result<u64> {
        let (name, connection) = (&model.name, self.0.connection());
        let done = on_table!(model.dimensions, delete_some!(connection, name, most))?;
        Ok(done.rows_affected())
    }

    /// Every model that there are embeddings of.
    pub async fn models(&mut self) -> Result<Vec<KnownModel>> {
        let rows = sqlx::query!(
            "select name, dimensions, is_active, wanted_at from embedding_models order by created_at, name"
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter()
            .map(|row| {
                let dimensions = u32::try_from(row.dimensions).ok().and_then(Dimensions::of);
                Ok(KnownModel {
                    model: EmbeddingModel {
                        name: row.name,
                        dimensions: dimensions
                            .ok_or_else(|| Error::internal("an embedding model of an unknown length"))?,
                    },
                    is_active: row.is_active,
                    wanted_at: row.wanted_at,
                })
            })
            .collect()
    }

    /// Notes that a model is configured now. The first one of all is asked from the beginning.
    pub async fn want(&mut self, model: &EmbeddingModel) -> Result<()> {
        let (now, dimensions) = (self.0.now(), stored(model.dimensions));
        sqlx::query!(
            "insert into embedding_models (name, dimensions, is_active, wanted_at, created_at)
             values ($1, $2, not exists (select from embedding_models where is_active), $3, $3)
             on conflict (name, dimensions) do update set wanted_at = excluded.wanted_at",
            model.name,
            dimensions,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Has questions asked of this model from now on.
    pub async fn activate(&mut self, model: &EmbeddingModel) -> Result<()> {
        let dimensions = stored(model.dimensions);
        sqlx::query!("update embedding_models set is_active = false where is_active")
            .execute(self.0.connection())
            .await?;
        let done = sqlx::query!(
            "update embedding_models set is_active = true where name = $1 and dimensions = $2",
            model.name,
            dimensions
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a model to activate is not there")
    }

    /// Forgets a model that has no embeddings any more.
    pub async fn remove_model(&mut self, model: &EmbeddingModel) -> Result<()> {
        let dimensions = stored(model.dimensions);
        sqlx::query!(
            "delete from embedding_models where name = $1 and dimensions = $2 and not is_active",
            model.name,
            dimensions
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}

fn stored(dimensions: Dimensions) -> i32 {
    i32::try_from(dimensions.count()).unwrap_or(i32::MAX)
}
