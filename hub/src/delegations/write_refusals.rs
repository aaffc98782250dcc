//! Refused uses of delegations that have no entry of their own are written down, as many as they were, when their window is over
//! or the process ends.

use std::time::Duration;

use crate::{
    audit::record::Record,
    error::Result,
    hub::Hub,
    identity::{Actor, refusals::Counted},
    ids::AgentId,
};

/// How often it is looked whether a window is over.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Writes down what is due, for each agent by itself: one that cannot be written does not keep back the others.
pub async fn write_refusals(hub: &Hub, is_ending: bool) -> Result<()> {
    let mut done = Ok(());
    for (agent, counted) in hub.refused_uses.due(hub.clock.now(), is_ending) {
        let written = write(hub, agent, counted).await;
        done = done.and(written);
    }
    done
}

async fn write(hub: &Hub, agent: AgentId, counted: Counted) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    let record = Record::of("use_delegation")
        .refused()
        .with("since", counted.since.to_rfc3339())
        .with("refused_uses", counted.refused);
    tx.record_at(agent, Actor::hub(), record);
    let now = tx.now();
    tx.commit().await?;
    hub.refused_uses.forget(agent, &counted, now);
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
                    "refused uses of delegations could not be written down"
                );
            }
        }
    });
}
