//! The open socket. Reading goes on while writing waits: two sides that each write and do not read would wait for ever.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connect::Socket;
use crate::protocol::{CloseReason, HELLO_WITHIN, MISSED_HEARTBEATS, SatelliteFrame};

/// How long the hub may leave a frame unread before it counts as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How long a polite farewell may take.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);

/// What an open socket has to say.
pub(super) enum Heard {
    /// A message; `None` at the end.
    Message(Option<Result<Message, Error>>),
    /// Writing failed.
    Broken(Error),
    /// The hub does not read.
    Stuck,
    /// A heartbeat is due.
    Beat,
    /// The hub said nothing for too long.
    Silence,
    /// The hub did not say welcome.
    NoWelcome,
}

/// A socket with what waits to be written to it.
pub(super) struct Open {
    socket: Socket,
    queue: VecDeque<SatelliteFrame>,
    is_flushed: bool,
    /// When writing last got on.
    written_at: Instant,
    heard_at: Instant,
    /// `None` until the hub has said welcome.
    heartbeat: Option<Duration>,
    beat_at: Instant,
}

impl Open {
    /// Just opened.
    pub(super) fn new(socket: Socket) -> Self {
        let now = Instant::now();
        Self {
            socket,
            queue: VecDeque::new(),
            is_flushed: true,
            written_at: now,
            heard_at: now,
            heartbeat: None,
            beat_at: now,
        }
    }

    /// From now on both sides let each other hear something this often.
    pub(super) fn welcomed(&mut self, heartbeat: Duration) {
        // A heartbeat of zero would spin.
        let heartbeat = heartbeat.max(Duration::from_secs(1));
        self.heartbeat = Some(heartbeat);
        self.beat_at = Instant::now() + heartbeat;
    }

    /// Takes a frame to be written while [`Open::next`] is awaited.
    pub(super) fn enqueue(&mut self, frame: SatelliteFrame) {
        if self.is_written() {
            self.written_at = Instant::now();
        }
        self.queue.push_back(frame);
    }

    /// Writes, reads and watches the clock. May be dropped and called again at any time.
    pub(super) async fn next(&mut self) -> Heard {
        let silent_at = self.heard_at
            + self
                .heartbeat
                .map_or(HELLO_WITHIN, |heartbeat| heartbeat * MISSED_HEARTBEATS);
        let stuck_at = self.written_at + WRITE_WITHIN;
        let (beat_at, is_welcomed, is_writing) = (self.beat_at, self.heartbeat.is_some(), !self.is_written());
        let heard = tokio::select! {
            heard = poll_fn(|context| self.poll(context)) => heard,
            () = sleep_until(beat_at), if is_welcomed => Heard::Beat,
            () = sleep_until(stuck_at), if is_writing => Heard::Stuck,
            () = sleep_until(silent_at) => if is_welcomed { Heard::Silence } else { Heard::NoWelcome },
        };
        match heard {
            Heard::Message(_) => self.heard_at = Instant::now(),
            Heard::Beat => self.beat_at = Instant::now() + self.heartbeat.unwrap_or(HELLO_WITHIN),
            Heard::Broken(_) | Heard::Stuck | Heard::Silence | Heard::NoWelcome => {}
        }
        heard
    }

    /// Writes what waits and closes, as long as the hub plays along.
    pub(super) async fn leave(mut self) {
        let farewell = async {
            // A hub that is already gone needs no farewell.
            let _ = poll_fn(|context| self.poll_write(context)).await;
            let reason = CloseReason::Leaving;
            let frame = CloseFrame {
                code: reason.code().into(),
                reason: reason.name().into(),
            };
            let _ = self.socket.close(Some(frame)).await;
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _ = timeout(FAREWELL_WITHIN, farewell).await;
    }

    fn is_written(&self) -> bool {
        self.queue.is_empty() && self.is_flushed
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        if let Poll::Ready(Err(error)) = self.poll_write(context) {
            return Poll::Ready(Heard::Broken(error));
        }
        self.socket.poll_next_unpin(context).map(Heard::Message)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.queue.is_empty() {
            ready!(self.socket.poll_ready_unpin(context))?;
            if let Some(frame) = self.queue.pop_front() {
                self.is_flushed = false;
                self.socket.start_send_unpin(Message::text(frame.encode()))?;
            }
            self.written_at = Instant::now();
        }
        if !self.is_flushed {
            ready!(self.socket.poll_flush_unpin(context))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}
