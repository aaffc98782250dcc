//! Commands whose time has passed. A device starts a command only after the hub has accepted its acknowledgement, so one that
//! was not acknowledged never started; one that was may have run, and the hub says so.

use super::{CommandState, finish::end};
use crate::{
    audit::record::Record,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{AgentId, CommandId, DeviceId},
    storage::{Ending, Ring, TxScope},
};

/// Commands a sweep ends at most.
const BATCH: i64 = 200;

/// Ends every overdue command.
pub async fn expire_overdue(hub: &Hub) -> Result<usize> {
    let overdue = hub.db.begin_system().await?.commands().overdue(BATCH).await?;
    let count = overdue.len();
    for (agent, device, id) in overdue {
        // One that cannot be ended must not keep the others from it.
        if let Err(error) = expire(hub, agent, device, id).await {
            tracing::error!(command.id = %id, error = error.chain(), "an overdue command could not be ended");
        }
    }
    Ok(count)
}

async fn expire(hub: &Hub, agent: AgentId, device: DeviceId, id: CommandId) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    let Some(stored) = tx.commands().lock(device, id).await? else {
        return Ok(());
    };
    if !stored.command.state.is_open() || stored.command.deadline_at >= tx.now() {
        return Ok(());
    }
    let state = if stored.command.state == CommandState::Acknowledged {
        CommandState::Unknown
    } else {
        CommandState::Expired
    };
    tx.record(
        Record::of("expire_command")
            .on("command", id.0)
            .with("state", state.as_str()),
    );
    end(
        &mut tx,
        stored,
        Ending {
            state,
            result: None,
            error: None,
            is_late: false,
            salt: None,
        },
    )
    .await?;
    // There is room for the next one, which its socket has no other way to know.
    tx.ring(Ring::Device(device));
    tx.commit().await?;
    Ok(())
}
