//! What was kept long enough goes, and the audit log says how much of it went: one entry for each agent and sweep, and never what.

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
/// Of each kind that one sweep takes from an agent, whose log waits for it; the next sweep goes on.
const MOST: i64 = 5_000;
/// Agents that one sweep comes to.
const MOST_AGENTS: i64 = 1_000;

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
        if hub.lifecycle.is_closing() {
            return Ok(());
        }
        // One of which nothing can be erased must not keep the others from it.
        if let Err(error) = expire(hub, agent, ends).await {
            tracing::error!(agent.id = %agent, error = error.chain(), "what was kept long enough could not be erased");
        }
    }
    Ok(())
}

async fn concerned(hub: &Hub, ends: Ends) -> Result<BTreeSet<AgentId>> {
    let mut tx = hub.db.begin_system().await?;
    let mut agents = BTreeSet::new();
    agents.extend(tx.events().with_expired(MOST_AGENTS).await?);
    agents.extend(tx.commands().with_ended(ends.commands, MOST_AGENTS).await?);
    agents.extend(tx.recognition().with_old(ends.sightings, MOST_AGENTS).await?);
    Ok(agents)
}

async fn expire(hub: &Hub, agent: AgentId, ends: Ends) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    // First, as whoever forgets takes it before they touch what is kept.
    tx.take_head().await?;
    let counts = erase(&mut tx, ends).await?;
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let record = counts.fold(None, |record: Option<Record>, (kind, count)| {
        let record = record.unwrap_or_else(|| Record::of("expire_content"));
        Some(record.with(kind, count))
    });
    let Some(record) = record else { return Ok(()) };
    tx.record(record);
    tx.commit().await?;
    Ok(())
}

async fn erase(tx: &mut Tx, ends: Ends) -> Result<[(&'static str, u64); 3]> {
    Ok([
        ("payloads", tx.events().erase_expired(MOST).await?),
        ("commands", tx.commands().purge(ends.commands, MOST).await?),
        ("sightings", tx.recognition().purge(ends.sightings, MOST).await?),
    ])
}
