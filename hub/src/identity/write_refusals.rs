//! What was refused at an agent and has no entry of its own is written down, as often as it was, when its window is over or the process
//! ends.

use std::time::Duration;

use super::{Actor, refusals::Counted, refusals_by_agent::RefusalsByAgent};
use crate::{audit::record::Record, error::Result, hub::Hub, ids::AgentId};

/// How often it is looked whether a window is over.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Writes down what is due, for each agent by itself: one that cannot be written does not keep back the others.
pub async fn write_refusals(hub: &Hub, is_ending: bool) -> Result<()> {
    let uses = write_all(hub, &hub.refused_uses, is_ending, |counted| {
        told(Record::of("use_delegation"), counted).with("refused_uses", counted.refused)
    });
    let uses = uses.await;
    let requests = write_all(hub, &hub.refused_requests, is_ending, |counted| {
        told(Record::of("authorize_request"), counted).with("refused_requests", counted.refused)
    });
    requests.await.and(uses)
}

fn told(record: Record, counted: &Counted) -> Record {
    record.refused().with("since", counted.since.to_rfc3339())
}

async fn write_all(
    hub: &Hub,
    refusals: &RefusalsByAgent,
    is_ending: bool,
    record: impl Fn(&Counted) -> Record,
) -> Result<()> {
    let mut done = Ok(());
    for (agent, counted) in refusals.due(hub.clock.now(), is_ending) {
        let written = write(hub, refusals, (agent, counted), record(&counted)).await;
        done = done.and(written);
    }
    done
}

async fn write(
    hub: &Hub,
    refusals: &RefusalsByAgent,
    (agent, counted): (AgentId, Counted),
    record: Record,
) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    tx.record_at(agent, Actor::hub(), record);
    let now = tx.now();
    tx.commit().await?;
    refusals.forget(agent, &counted, now);
    Ok(())
}

/// Writes them down from now on, the last ones when the process closes.
pub fn start(hub: &Hub) {
    let all = hub.clone();
    hub.lifecycle.spawn_every(LOOK_EVERY, move |is_ending| {
        let hub = all.clone();
        async move {
            if let Err(error) = write_refusals(&hub, is_ending).await {
                tracing::warn!(
                    error = error.chain(),
                    "what was refused at agents could not be written down"
                );
            }
        }
    });
}
