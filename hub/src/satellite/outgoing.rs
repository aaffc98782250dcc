//! Writing to a socket: each write has a deadline, and every end has a reason.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::time::timeout;

use super::protocol::{self, CloseReason, ErrorCode, ErrorNotice, Goodbye, HubFrame};
use crate::{
    devices::{presence::LEFT, shadow::Shadow},
    hub::Hub,
    ids::CommandId,
    mailbox,
    secret::random_bytes,
    telemetry::metric,
};

/// A socket that does not take a frame for this long reads too slowly, or for half of what its connection may: so it is told
/// why, if it reads on.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long the close handshake may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How long the other side has to read why its frame was not read.
const LINGER: Duration = Duration::from_secs(1);
/// On a restart satellites come back spread over this time, so that they do not all come at once.
const SPREAD_MS: u64 = 2_000;
/// The longest reason a close frame can carry is 123 bytes; the detail goes into an `error` frame before it.
const BEFORE_RESTART_MS: u64 = 500;

/// Why a socket ends.
#[derive(Debug)]
pub enum Ended {
    /// The hub closes it, with what to say first.
    Close(CloseReason, Option<ErrorNotice>),
    /// The other side has gone.
    Gone,
}

impl Ended {
    /// For a reason that says it all.
    pub(super) const fn because(reason: CloseReason) -> Self {
        Self::Close(reason, None)
    }

    /// Why a device went, for those who watch.
    #[must_use]
    pub const fn parting(&self) -> &'static str {
        match self {
            Self::Close(reason, _) => reason.name(),
            Self::Gone => LEFT,
        }
    }

    /// The word in logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Close(reason, _) => reason.name(),
            Self::Gone => "gone",
        }
    }
}

/// A socket.
pub(super) struct Outgoing {
    socket: WebSocket,
    write_within: Duration,
}

impl Outgoing {
    pub(super) fn new(hub: &Hub, socket: WebSocket) -> Self {
        let patience = Duration::from_millis(hub.config.http.write_timeout_ms);
        Self {
            socket,
            write_within: WRITE_WITHIN.min(patience / 2),
        }
    }

    /// The text of the next message; none for a sign of life.
    pub(super) async fn receive(&mut self) -> Result<Option<Utf8Bytes>, Ended> {
        match self.socket.recv().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Binary(_))) => Err(Ended::because(CloseReason::BinaryFrame)),
            Some(Err(error)) if is_too_large(&error) => Err(Ended::because(CloseReason::FrameTooLarge)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Ended::Gone),
        }
    }

    /// Writes a frame.
    pub(super) async fn send(&mut self, frame: &HubFrame) -> Result<(), Ended> {
        self.send_text(frame.encode()).await
    }

    /// Writes the text of a frame.
    pub(super) async fn send_text(&mut self, text: String) -> Result<(), Ended> {
        self.write(Message::Text(text.into())).await
    }

    /// Asks for a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), Ended> {
        self.write(Message::Ping(Vec::new().into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(self.write_within, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => Err(Ended::because(CloseReason::Slow)),
        }
    }

    /// Says why and closes.
    pub(super) async fn close(mut self, hub: &Hub, ended: Ended) {
        metrics::counter!(metric::SOCKETS_CLOSED, "reason" => ended.name()).increment(1);
        let Ended::Close(reason, notice) = ended else {
            // A satellite that leaves is answered: reading on sends our half of the closing handshake.
            let _ = timeout(CLOSE_WITHIN, self.receive()).await;
            return;
        };
        let farewell = async {
            let is_busy = notice
                .as_ref()
                .is_some_and(|notice| notice.code == ErrorCode::Busy);
            if let Some(notice) = notice {
                self.send(&HubFrame::Error(notice)).await?;
            }
            // Whoever is sent away for want of room comes again no sooner than those of a restart.
            let comes_later = reason == CloseReason::Restart || is_busy;
            let wait = comes_later.then(|| BEFORE_RESTART_MS + jitter(hub));
            self.send(&HubFrame::Goodbye(Goodbye::new(reason, wait))).await?;
            let close = CloseFrame {
                code: reason.code(),
                reason: reason.name().into(),
            };
            self.write(Message::Close(Some(close))).await?;
            // The other side answers with its own close; reading on until then lets ours arrive. What is too large cannot be
            // read on: a reset would overtake our word, so wait while the other side reads it.
            while self.receive().await.is_ok() {}
            if reason == CloseReason::FrameTooLarge {
                tokio::time::sleep(LINGER).await;
            }
            Ok::<(), Ended>(())
        };
        let _ = timeout(CLOSE_WITHIN, farewell).await;
    }
}

fn jitter(hub: &Hub) -> u64 {
    let spread = if hub.sockets.count() > 10 {
        SPREAD_MS * 5
    } else {
        SPREAD_MS
    };
    u64::from_le_bytes(random_bytes()) % spread
}

fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().to_lowercase().contains("too long")
        || error.to_string().to_lowercase().contains("too big")
}

/// A command as the satellite gets it.
pub(super) fn command(command: mailbox::Command) -> HubFrame {
    HubFrame::Command(protocol::Command {
        command_id: command.id.0,
        seq: command.seq,
        kind: command.kind,
        arguments: command.arguments.as_object().cloned().unwrap_or_default(),
        deadline_at: command.deadline_at,
        attempt: u32::try_from(command.attempts).unwrap_or(u32::MAX),
    })
}

/// What is wanted of the device now.
pub(super) fn desired(shadow: Shadow) -> HubFrame {
    HubFrame::Desired(protocol::Desired {
        version: shadow.desired.version,
        delta: shadow.delta,
    })
}

/// Nobody wants a command any more.
pub(super) const fn cancel(id: CommandId) -> HubFrame {
    HubFrame::CommandCancel(protocol::CommandCancel { command_id: id.0 })
}
