//! Handing the mailbox to a socket, and what is wanted of its device. Also where a socket learns that it was revoked or replaced.

use tracing::Instrument;

use super::{
    hello::Guest,
    in_turn,
    operate::farewell,
    outgoing::{self, Ended, Outgoing},
    protocol::CloseReason,
};
use crate::{
    devices::{Socket, connect::hold_with, shadow::Shadow},
    error::{Error, Result},
    hub::Hub,
    identity::{Actor, Scope, authorize::authorize},
    mailbox::take::{HandOver, Handed, hand_over},
    storage::{TxScope, Untold},
    telemetry::trace,
};

/// What a socket still has to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owed {
    /// Nothing: the next ring tells.
    Nothing,
    /// The device holds all that it may. Nobody rings when it answers one: its own socket knows.
    Room,
    /// There was no turn at the database for a look: nothing was looked at yet.
    Turn,
    /// The last look failed. Its commands may be marked as sent and were not written, its news was not heard.
    Look,
}

/// Sends what waits in the mailbox. When the database is away the socket stays, and owes another look.
pub(super) async fn deliver(
    hub: &Hub,
    out: &mut Outgoing,
    guest: &Guest,
    socket: Socket,
    owed: Owed,
) -> Result<Owed, Ended> {
    match in_turn(hub, guest.caller.agent, look(hub, guest, socket, owed)).await {
        Ok(Some((handed, desired))) => {
            for id in handed.cancelled {
                out.send(&outgoing::cancel(id)).await?;
            }
            for command in handed.commands {
                let story = handed.traces.get(&command.id).map(String::as_str);
                let span = trace::delivery(command.id.0, guest.device.0, command.attempts, story);
                out.send(&outgoing::command(command)).instrument(span).await?;
            }
            if let Some(shadow) = desired {
                out.send(&outgoing::desired(shadow)).await?;
            }
            Ok(if handed.is_full { Owed::Room } else { Owed::Nothing })
        }
        Ok(None) => Err(Ended::because(CloseReason::Revoked)),
        Err(error) => {
            if let Some(reason) = farewell(&error) {
                return Err(Ended::because(reason));
            }
            tracing::warn!(device.id = %guest.device, error = error.chain(), "commands could not be delivered yet");
            // To send again what was sent would only make the crowd larger.
            let is_crowded = matches!(error, Error::Full { .. }) && owed != Owed::Look;
            Ok(if is_crowded { Owed::Turn } else { Owed::Look })
        }
    }
}

/// The commands to write, and what is wanted where that was not told; none when the credential has ended.
async fn look(
    hub: &Hub,
    guest: &Guest,
    socket: Socket,
    owed: Owed,
) -> Result<Option<(Handed, Option<Shadow>)>> {
    let agent = guest.caller.agent;
    // Lazily: a device starts nothing before its acknowledgement is committed, and the disk has that only together with this.
    // A database that crashes before forgets that the commands were sent, and they are sent again.
    let mut tx = hub
        .db
        .begin_lazily(TxScope::WholeAgent(agent), Actor::hub())
        .await?;
    if !hold_with(&mut tx, socket, guest.token()).await? {
        return Ok(None);
    }
    let may_receive = authorize(&guest.caller, Scope::CommandsReceive).is_ok();
    let handed = if may_receive {
        let what = match owed {
            Owed::Nothing | Owed::Room | Owed::Turn => HandOver::Next,
            Owed::Look => HandOver::Again,
        };
        hand_over(&mut tx, socket, what).await?
    } else {
        Handed::default()
    };
    // Of a device that may not be told it is marked all the same, or every look would find it.
    let untold = tx.shadows().take_untold(socket, owed == Owed::Look).await?;
    let desired = untold.filter(|_| may_receive).and_then(worth_telling);
    tx.commit().await?;
    Ok(Some((handed, desired)))
}

/// A socket that was told of something is told of every change, so that what it was told last is what is wanted. One that was
/// told nothing yet is told when there is something to do, or when its device may still be at something that is not wanted any more.
fn worth_telling(untold: Untold) -> Option<Shadow> {
    let Untold { shadow, was_told } = untold;
    let is_settled = shadow.is_in_sync() && shadow.reported.reached_version == shadow.desired.version;
    (was_told || !is_settled).then_some(shadow)
}
