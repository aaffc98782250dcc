//! What was kept long enough goes, and the audit log says how much of it went: one entry for each agent and portion, and never what.

use std::collections::BTreeSet;

use chrono::Duration;

use crate::{
    audit::record::Record,
    clock::DateTime,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::AgentId,
    storage::{Tx, TxScope},
};

/// How long what people sent to devices can be read after it ended.
const KEEP_COMMANDS: Duration = Duration::days(30);
/// Of each kind at once, for the agent's log waits for it.
const MOST: i64 = 5_000;
/// Portions of an agent in one sweep, so that no agent keeps the others waiting.
const MOST_PORTIONS: usize = 100;
/// Things, the oldest of each kind, whose agents one sweep comes to; the next one goes on.
const MOST_OLD: i64 = 10_000;

/// Until when what is kept is too old.
#[derive(Debug, Clone, Copy)]
struct Ends {
    commands: DateTime,
    sightings: DateTime,
}

/// Expires the content of all agents: payloads of events whose retention is over, what people sent to devices, and who was recognised
/// where.
pub(super) async fn expire_content(hub: &Hub) -> Result<()> {
    let now = hub.clock.now();
    let ends = Ends {
        commands: now - KEEP_COMMANDS,
        sightings: now - hub.config.recognition.keep(),
    };
    for agent in concerned(hub, ends).await? {
        // One of which nothing can be erased must not keep the others from it.
        if let Err(error) = expire_all(hub, agent, ends).await {
            tracing::error!(agent.id = %agent, error = error.chain(), "what was kept long enough could not be erased");
        }
    }
    Ok(())
}

async fn concerned(hub: &Hub, ends: Ends) -> Result<BTreeSet<AgentId>> {
    let mut tx = hub.db.begin_system().await?;
    let mut agents = BTreeSet::new();
    agents.extend(tx.events().with_expired(MOST_OLD).await?);
    agents.extend(tx.commands().with_ended(ends.commands, MOST_OLD).await?);
    agents.extend(tx.recognition().with_old(ends.sightings, MOST_OLD).await?);
    Ok(agents)
}

async fn expire_all(hub: &Hub, agent: AgentId, ends: Ends) -> Result<()> {
    for _ in 0..MOST_PORTIONS {
        if hub.lifecycle.is_closing() || !expire(hub, agent, ends).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// A portion; whether there may be more.
async fn expire(hub: &Hub, agent: AgentId, ends: Ends) -> Result<bool> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    // First, as whoever forgets takes it before they touch what is kept.
    tx.take_head().await?;
    let counts = erase(&mut tx, ends).await?;
    let is_full = counts.iter().any(|(_, count)| *count >= MOST.unsigned_abs());
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let record = counts.fold(None, |record: Option<Record>, (kind, count)| {
        let record = record.unwrap_or_else(|| Record::of("expire_content"));
        Some(record.with(kind, count))
    });
    let Some(record) = record else { return Ok(false) };
    tx.record(record);
    tx.commit().await?;
    Ok(is_full)
}

async fn erase(tx: &mut Tx, ends: Ends) -> Result<[(&'static str, u64); 3]> {
    Ok([
        ("payloads", tx.events().erase_expired(MOST).await?),
        ("commands", tx.commands().purge(ends.commands, MOST).await?),
        ("sightings", tx.recognition().purge(ends.sightings, MOST).await?),
    ])
}
