//! Handing a device's commands to its socket. They are marked as sent before they are written: a crash in between sends
//! them again, never not at all.

use std::collections::HashMap;

use super::Command;
use crate::{
    devices::Socket,
    error::Result,
    ids::CommandId,
    storage::{Room, Tx},
    telemetry::trace,
};

/// Commands a device holds unanswered at most; the rest waits in the mailbox.
pub const MAX_IN_FLIGHT: i64 = 32;
/// Of these, sent by people at most: the rest is left for replies, which so need not wait for what nobody answers.
pub const MAX_BY_PEOPLE: i64 = MAX_IN_FLIGHT - 8;

/// What to hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// What was not sent yet.
    Next,
    /// What was not acknowledged either: after a hand-over that failed half way nobody knows what of it was written.
    Again,
}

/// What a socket is to write now.
#[derive(Debug, Default)]
pub struct Handed {
    /// In order.
    pub commands: Vec<Command>,
    /// The traces they belong to, where there are any.
    pub traces: HashMap<CommandId, String>,
    /// What the device has and nobody wants any more.
    pub cancelled: Vec<CommandId>,
    /// The device holds all that it may, or all of one kind: more may wait, and is handed over when one of these is answered.
    pub is_full: bool,
}

/// Marks the next commands of a socket as sent, in order. The unit of work [holds](crate::devices::connect::hold) the socket, so
/// that one which is no longer the device's newest gets none.
pub async fn hand_over(tx: &mut Tx, socket: Socket, what: HandOver) -> Result<Handed> {
    if what == HandOver::Again {
        tx.commands().requeue_unacknowledged(socket.device).await?;
    }
    let (cancelled, held) = tx
        .commands()
        .take_cancels(socket, what == HandOver::Again)
        .await?;
    let room = Room {
        all: MAX_IN_FLIGHT - held.all,
        by_people: (MAX_BY_PEOPLE - held.by_people).max(0),
    };
    if room.all <= 0 {
        return Ok(Handed {
            cancelled,
            is_full: true,
            ..Handed::default()
        });
    }
    let commands = tx.commands().take_queued(socket.device, room).await?;
    let is_full = is_full(tx, socket, room, commands.len()).await?;
    let traces = if trace::is_on() && !commands.is_empty() {
        let ids: Vec<CommandId> = commands.iter().map(|command| command.id).collect();
        tx.commands().trace_contexts(socket.device, &ids).await?
    } else {
        HashMap::new()
    };
    Ok(Handed {
        commands,
        traces,
        cancelled,
        is_full,
    })
}

/// Whether the device may hold no more, or no more of what people send: an answer makes room. Where it took fewer than there was
/// room for of either, that is known.
async fn is_full(tx: &mut Tx, socket: Socket, room: Room, taken: usize) -> Result<bool> {
    if i64::try_from(taken).is_ok_and(|taken| taken < room.all.min(room.by_people)) {
        return Ok(false);
    }
    let held = tx.commands().in_flight(socket.device).await?;
    Ok(held.all >= MAX_IN_FLIGHT || held.by_people >= MAX_BY_PEOPLE)
}
