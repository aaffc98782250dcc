//! The job that makes the embeddings an agent's memories lack. It asks the far side without holding a transaction, and keeps
//! what came in short ones; run twice, it finds nothing to do.
//!
//! An outage waits. A text that the model will not take is told from a model that takes nothing by asking for a plain word as
//! well: only then is the text at fault, counted, and in the end noted and passed over.

use std::time::Duration;

use uuid::Uuid;

use super::embedding::EmbeddingModel;
use crate::{
    adapters::models::ModelError,
    error::Result,
    hub::Hub,
    identity::Actor,
    jobs::{Failure, JobKind},
    places::gate::usable_memories,
    storage::{Lease, NewJob, Tx, TxScope, Unembedded},
};

/// One of these jobs at a time for each agent.
const LANE: &str = "embeddings";
/// Calls of one job at most; what is left is for the next.
const MOST_BATCHES: usize = 16;
/// Characters of one call at most: APIs bound the tokens of a call, and the longest memories would pass that.
const MOST_CHARACTERS: usize = 100_000;
/// A text that every model takes.
const PLAIN: &str = "hello";
/// Characters of a problem that are kept.
const MOST_OF_A_PROBLEM: usize = 500;
/// How long to wait for a model that is there and answers nothing that can be used.
const BROKEN: Duration = Duration::from_mins(1);
/// How long to wait where nobody says.
const AWAY: Duration = Duration::from_secs(1);
/// What a job says it waits for.
const WAITING_FOR: &str = "the embedding model";
/// The same while the model refuses the hub itself.
const WAITING_FOR_KEY: &str =
    "an embedding model that accepts the hub: see embeddings.api_key, .model, .dimensions and .base_url";

/// Queues the job, unless it is queued already.
pub async fn queue(tx: &mut Tx) -> Result<()> {
    let subject = tx.agent().0;
    tx.jobs()
        .insert_once(NewJob {
            kind: JobKind::EmbedMemories,
            lane: LANE.to_owned(),
            subject,
        })
        .await
}

/// Runs it.
pub async fn embed(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    let Some(model) = hub.embeddings.model() else {
        return finish(hub, lease, false).await;
    };
    let most = hub.embeddings.batch() * MOST_BATCHES;
    let missing = {
        let mut tx = begin(hub, lease).await?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        tx.embeddings().missing(model, limit).await?
    };
    let mut rest = missing.as_slice();
    while let Some(batch) = next_batch(&mut rest, hub.embeddings.batch()) {
        embed_batch(hub, lease, model, batch).await?;
    }
    finish(hub, lease, missing.len() >= most).await
}

/// Takes the next texts for one call: at least one, and no more than a call may hold.
fn next_batch<'a>(rest: &mut &'a [Unembedded], most: usize) -> Option<&'a [Unembedded]> {
    let mut characters = 0;
    let fits = rest.iter().take(most).take_while(|memory| {
        characters += memory.content.chars().count();
        characters <= MOST_CHARACTERS
    });
    let count = fits.count().max(1).min(rest.len());
    let (batch, others) = rest.split_at(count);
    *rest = others;
    (!batch.is_empty()).then_some(batch)
}

async fn embed_batch(
    hub: &Hub,
    lease: &Lease,
    model: &EmbeddingModel,
    batch: &[Unembedded],
) -> Result<(), Failure> {
    match try_batch(hub, lease, model, batch).await? {
        Ok(()) => return Ok(()),
        Err(error) if batch.len() == 1 => return at_fault(hub, lease, model, &batch[0], &error).await,
        Err(_) => {}
    }
    for memory in batch {
        if let Err(error) = try_batch(hub, lease, model, std::slice::from_ref(memory)).await? {
            at_fault(hub, lease, model, memory, &error).await?;
        }
    }
    Ok(())
}

/// Embeds texts and keeps what came. The inner error is one that a text may have caused.
async fn try_batch(
    hub: &Hub,
    lease: &Lease,
    model: &EmbeddingModel,
    batch: &[Unembedded],
) -> Result<Result<(), ModelError>, Failure> {
    let batch = usable(hub, lease, batch).await?;
    if batch.is_empty() {
        return Ok(Ok(()));
    }
    let texts: Vec<String> = batch.iter().map(|memory| memory.content.clone()).collect();
    let embeddings = match hub.embeddings.of_memories(hub.clock.now(), &texts).await {
        Ok(embeddings) => embeddings,
        Err(error) => return perhaps_of_the_text(error).map(Err),
    };
    let made: Vec<_> = batch.into_iter().zip(&embeddings).collect();
    let mut tx = begin(hub, lease).await?;
    tx.jobs().hold(lease).await?;
    tx.embeddings().insert(model, &made).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Those whose spaces have not gone private since they were read: the texts leave the house, and calls before this one took time.
async fn usable<'a>(hub: &Hub, lease: &Lease, batch: &'a [Unembedded]) -> Result<Vec<&'a Unembedded>> {
    let ids: Vec<Uuid> = batch.iter().map(|memory| memory.id).collect();
    let usable = usable_memories(&mut begin(hub, lease).await?, &ids).await?;
    Ok(batch
        .iter()
        .filter(|memory| usable.contains(&memory.id))
        .collect())
}

/// A text failed. Notes it where it is the text's fault and no try is left.
async fn at_fault(
    hub: &Hub,
    lease: &Lease,
    model: &EmbeddingModel,
    memory: &Unembedded,
    error: &ModelError,
) -> Result<(), Failure> {
    if let Err(also) = hub
        .embeddings
        .of_memories(hub.clock.now(), &[PLAIN.to_owned()])
        .await
    {
        let also = perhaps_of_the_text(also)?;
        tracing::error!(error = %also, "memories wait for their embeddings: the model answers nothing");
        return Err(Failure::Wait {
            waiting_for: format!("an embedding model that answers: {also}"),
            retry_after: BROKEN,
        });
    }
    let may_try_again =
        matches!(error, ModelError::Malformed(_)) && lease.attempts + 1 < hub.config.worker.max_attempts;
    if may_try_again {
        let reason = error.to_string();
        return Err(Failure::Retry { reason });
    }
    tracing::warn!(memory.id = %memory.id, "the embedding model will not take a memory; words still find it");
    let problem: String = error.to_string().chars().take(MOST_OF_A_PROBLEM).collect();
    let mut tx = begin(hub, lease).await?;
    tx.jobs().hold(lease).await?;
    tx.embeddings().refuse(model, memory, &problem).await?;
    tx.commit().await?;
    Ok(())
}

/// The error, where a text may be its cause; otherwise what to wait for.
fn perhaps_of_the_text(error: ModelError) -> Result<ModelError, Failure> {
    match error {
        ModelError::Refused(_) | ModelError::Malformed(_) => Ok(error),
        ModelError::Away { retry_after, .. } => Err(Failure::Wait {
            waiting_for: WAITING_FOR.to_owned(),
            retry_after: retry_after.unwrap_or(AWAY),
        }),
        ModelError::Misconfigured(_) => Err(Failure::Wait {
            waiting_for: WAITING_FOR_KEY.to_owned(),
            retry_after: BROKEN,
        }),
    }
}

async fn finish(hub: &Hub, lease: &Lease, is_more: bool) -> Result<(), Failure> {
    let mut tx = begin(hub, lease).await?;
    tx.jobs().finish(lease).await?;
    if is_more {
        queue(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn begin(hub: &Hub, lease: &Lease) -> Result<Tx> {
    hub.db.begin(TxScope::WholeAgent(lease.agent), Actor::hub()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(lengths: &[usize], most: usize) -> Vec<usize> {
        let memory = |length: &usize| Unembedded {
            id: Uuid::nil(),
            content: "é".repeat(*length),
        };
        let memories: Vec<Unembedded> = lengths.iter().map(memory).collect();
        let mut rest = memories.as_slice();
        std::iter::from_fn(|| next_batch(&mut rest, most).map(<[Unembedded]>::len)).collect()
    }

    #[test]
    fn a_call_holds_so_many_texts_and_so_many_characters() {
        assert_eq!(sizes(&[], 3), Vec::<usize>::new());
        assert_eq!(sizes(&[1; 7], 3), [3, 3, 1]);
        assert_eq!(sizes(&[60_000, 40_000, 1, 100_000, 1], 8), [2, 1, 1, 1]);
        assert_eq!(sizes(&[MOST_CHARACTERS * 2, 1], 8), [1, 1], "one at least");
    }
}
