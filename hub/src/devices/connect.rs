//! A device's socket comes and goes.

use serde_json::Value;

use super::{
    Capability, Socket, Standing, part,
    presence::{Presence, look_up_and_tell, tell},
    register::changed,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    identity::{Actor, Caller},
    ids::{DeviceId, TokenId},
    mailbox::Command,
    storage::{Entered, Hello, Ring, Tx, TxScope},
};

/// Commands named in `open_commands` at most.
const MOST_OPEN: i64 = 100;

/// What a device says of itself at hello.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// The kinds it can carry out. They describe; they grant nothing.
    pub capabilities: Vec<Capability>,
    /// What runs on it.
    pub software: Option<Value>,
}

/// A socket that was let in.
#[derive(Debug)]
pub struct Connected {
    /// The newest wins; every write of a socket is checked against it.
    pub generation: i64,
    /// What the device acknowledged and has not answered.
    pub open_commands: Vec<Command>,
    /// The kinds it declared that nobody has approved.
    pub waiting_capabilities: Vec<String>,
}

/// The code of the conflict of a socket that a newer one replaced.
pub const REPLACED: &str = "replaced";
/// The code of the conflict of a socket whose device was revoked.
pub const REVOKED: &str = "revoked";

/// Refuses a unit of work that a socket has no right to any more. One that it has is finished before a newer hello is
/// heard, so begin with this: whatever the older socket wrote is there for the newer one to see.
pub async fn hold(tx: &mut Tx, socket: Socket) -> Result<()> {
    let standing = tx.devices().hold(socket).await?;
    stand(tx, socket, standing).await
}

/// The same; false when the credential that the socket came with is not alive any more.
pub async fn hold_with(tx: &mut Tx, socket: Socket, token: TokenId) -> Result<bool> {
    let Some(standing) = tx.devices().hold_with(socket, token).await? else {
        return Ok(false);
    };
    stand(tx, socket, standing).await?;
    Ok(true)
}

async fn stand(tx: &mut Tx, socket: Socket, standing: Standing) -> Result<()> {
    match standing {
        Standing::Newest => Ok(()),
        Standing::BackAgain => come_back(tx, socket).await,
        Standing::Replaced => Err(Error::conflict(REPLACED, "a newer socket of this device is open")),
        Standing::Revoked => Err(revoked()),
    }
}

pub(super) fn revoked() -> Error {
    Error::conflict(REVOKED, "the device was revoked")
}

/// The device was said to be gone while its node could not reach the database, and is there all the same.
async fn come_back(tx: &mut Tx, socket: Socket) -> Result<()> {
    look_up_and_tell(tx, socket.device, Presence::Came).await?;
    tx.record_beside(
        Record::of("connect_device")
            .on("device", socket.device.0)
            .with("generation", socket.generation),
    );
    Ok(())
}

/// Lets a socket in: it takes the place of any earlier one, and what was sent to that without being acknowledged is sent
/// again.
pub async fn connect(hub: &Hub, caller: &Caller, device: DeviceId, hello: Introduction) -> Result<Connected> {
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(caller.agent), caller.actor())
        .await?;
    let before = tx.devices().find(device).await?.ok_or_else(revoked)?;
    let stored = Hello {
        capabilities: serde_json::to_value(&hello.capabilities).unwrap_or_default(),
        kinds: kinds(&hello.capabilities),
        software: hello.software,
    };
    let entered = tx.devices().connect(device, hub.node, &stored).await?;
    let Entered {
        generation,
        approved,
        was_there,
    } = entered.ok_or_else(revoked)?;
    let waiting_capabilities = kinds(&part(hello.capabilities, approved.as_deref()).1);
    tx.commands().requeue_unacknowledged(device).await?;
    let open_commands = tx.commands().acknowledged(device, MOST_OPEN).await?;
    if !was_there {
        tell(&mut tx, device, before.place(), Presence::Came);
    }
    let mut record = Record::of("connect_device")
        .on("device", device.0)
        .with("generation", generation);
    if !waiting_capabilities.is_empty() {
        record = record.with("waiting_capabilities", waiting_capabilities.len());
    }
    // Once for each that is new: a device that comes back asks for nothing more.
    let known = kinds(&before.waiting_capabilities);
    if waiting_capabilities.iter().any(|kind| !known.contains(kind)) {
        tx.append(changed(&before, "capabilities_waiting"));
    }
    tx.record(record);
    tx.ring(Ring::Device(device));
    tx.commit().await?;
    Ok(Connected {
        generation,
        open_commands,
        waiting_capabilities,
    })
}

fn kinds(capabilities: &[Capability]) -> Vec<String> {
    capabilities
        .iter()
        .map(|capability| capability.kind.clone())
        .collect()
}

/// Takes a socket out, and says why it ended. One that was replaced takes out nothing but itself.
pub async fn disconnect(
    hub: &Hub,
    actor: Actor,
    at: (crate::ids::AgentId, DeviceId),
    generation: i64,
    reason: &'static str,
) -> Result<()> {
    let (agent, device) = at;
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), actor).await?;
    if !tx.devices().disconnect(device, generation).await? {
        return Ok(());
    }
    look_up_and_tell(&mut tx, device, Presence::Went(reason)).await?;
    tx.record(
        Record::of("disconnect_device")
            .on("device", device.0)
            .with("generation", generation)
            .with("reason", reason),
    );
    tx.commit().await?;
    Ok(())
}
