//! Putting a command into a device's mailbox: a row first, in the device's order.

use chrono::Duration;
use serde_json::Value;
use tracing::Instrument;

use super::LONGEST_LIFE;
use crate::{
    error::{Error, Result},
    events::payload::find_nul,
    ids::{ActionId, AttemptId, CommandId, DeviceId, PersonId, TurnId, UserId},
    secret::random_bytes,
    storage::{NewCommand, Ring, Tx},
    telemetry::trace,
};

/// Bytes of a command's arguments at most.
const MAX_ARGUMENTS: usize = 64 * 1024;

/// A command to send.
#[derive(Debug)]
pub struct Outgoing {
    /// To whom.
    pub device: DeviceId,
    /// What to do.
    pub kind: String,
    /// With what.
    pub arguments: Value,
    /// The action and the attempt it carries.
    pub attempt: Option<(ActionId, AttemptId)>,
    /// The turn whose reply it is.
    pub turn: Option<TurnId>,
    /// Who may see it.
    pub audience: Option<PersonId>,
    /// Which user sends it; none: the hub.
    pub sender: Option<UserId>,
    /// It takes the place of those with the same key that the device does not have yet.
    pub supersede_key: Option<String>,
    /// How long the device has to answer.
    pub life: Duration,
}

/// Queues a command and wakes the device's socket after the commit. The caller records the operation.
pub async fn send(tx: &mut Tx, outgoing: Outgoing) -> Result<NewCommand> {
    if outgoing.arguments.to_string().len() > MAX_ARGUMENTS || find_nul(&outgoing.arguments, "").is_some() {
        return Err(Error::invalid(
            "/arguments",
            "must be at most 64 KiB, without the character NUL",
        ));
    }
    let now = tx.now();
    let seq = tx.devices().next_seq(outgoing.device).await?;
    let command = NewCommand {
        id: CommandId::mint(),
        device: outgoing.device,
        seq,
        kind: outgoing.kind,
        arguments: outgoing.arguments,
        salt: random_bytes(),
        attempt: outgoing.attempt,
        turn: outgoing.turn,
        audience: outgoing.audience,
        sender: outgoing.sender,
        supersede_key: outgoing.supersede_key,
        deadline_at: now + outgoing.life,
        last_deadline_at: now + outgoing.life.max(LONGEST_LIFE),
    };
    let span = trace::command(command.id.0, command.device.0);
    tx.commands().insert(&command).instrument(span).await?;
    tx.commit_to("command", command.id.0, &command.salt, &command.arguments);
    tx.ring(Ring::Device(command.device));
    Ok(command)
}
