//! The socket to the hub: connecting, waiting, noticing silence, connecting again. Whatever happens comes out as one
//! [`LinkEvent`] after the other.

mod connect;
mod open;

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::ambient;
use crate::backoff::Backoff;
use crate::protocol::{BearerToken, CloseReason, FrameError, Goodbye, HubFrame, SatelliteFrame};
use connect::{ConnectError, Socket, connect};
pub use connect::{Target, UrlProblem};
use open::{Heard, Open};

/// The longest wait that a hub can impose, whatever it says.
const LONGEST_IMPOSED_WAIT: Duration = Duration::from_mins(5);

/// Something that happened on the way to the hub.
#[derive(Debug)]
pub enum LinkEvent {
    /// The socket is open.
    Up,
    /// A frame came.
    Frame(HubFrame),
    /// Something came that is no frame of this version; the link is still good.
    Unreadable(FrameError),
    /// A heartbeat is due.
    HeartbeatDue,
    /// The socket is gone, or could not be opened; the link tries again by itself.
    Down {
        /// For people.
        why: String,
        /// When it tries again.
        again_in: Duration,
    },
    /// The hub does not want this satellite back.
    Refused(CloseReason),
}

/// A connection that restores itself.
pub struct Link {
    target: Target,
    backoff: Backoff,
    state: State,
    /// What the hub said before it closed.
    goodbye: Option<Goodbye>,
}

enum State {
    Waiting { until: Instant },
    Connecting(BoxFuture<'static, Result<Socket, ConnectError>>),
    Open(Box<Open>),
}

impl Link {
    /// A link that begins to connect when first asked for an event.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            backoff: Backoff::default(),
            state: State::Waiting {
                until: Instant::now(),
            },
            goodbye: None,
        }
    }

    /// The next event. May be dropped and called again at any time without losing one.
    pub async fn next(&mut self) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    sleep_until(*until).await;
                    self.state = State::Connecting(connect(self.target.clone()).boxed());
                }
                State::Connecting(attempt) => {
                    let outcome = attempt.await;
                    return self.connected(outcome);
                }
                State::Open(open) => {
                    let heard = open.next().await;
                    if let Some(event) = self.heard(heard) {
                        return event;
                    }
                }
            }
        }
    }

    /// The hub said welcome: from now on both sides let each other hear something this often.
    pub fn welcomed(&mut self, heartbeat: Duration) {
        self.backoff.reset();
        if let State::Open(open) = &mut self.state {
            open.welcomed(heartbeat);
        }
    }

    /// Connects with another credential from now on.
    pub fn use_token(&mut self, token: BearerToken) {
        self.target.use_token(token);
    }

    /// Keeps the hub's farewell for when the socket closes.
    pub fn departing(&mut self, goodbye: Goodbye) {
        self.goodbye = Some(goodbye);
    }

    /// Sends a frame while the next event is awaited. Without an open socket it is dropped: what matters is sent again
    /// after the next welcome.
    pub fn send(&mut self, frame: SatelliteFrame) {
        if let State::Open(open) = &mut self.state {
            open.enqueue(frame);
        }
    }

    /// Closes the socket politely.
    pub async fn leave(self) {
        if let State::Open(open) = self.state {
            open.leave().await;
        }
    }

    fn connected(&mut self, outcome: Result<Socket, ConnectError>) -> LinkEvent {
        match outcome {
            Ok(socket) => {
                self.goodbye = None;
                self.state = State::Open(Box::new(Open::new(socket)));
                LinkEvent::Up
            }
            Err(ConnectError::Refused(reason)) => self.refused(reason),
            Err(ConnectError::Failed { why, retry_after }) => self.wait(why, retry_after),
        }
    }

    fn heard(&mut self, heard: Heard) -> Option<LinkEvent> {
        match heard {
            Heard::Beat => Some(LinkEvent::HeartbeatDue),
            Heard::Silence => Some(self.down(None, "the hub went silent")),
            Heard::NoWelcome => Some(self.down(None, "the hub did not say welcome")),
            Heard::Stuck => Some(self.down(None, "the hub does not read")),
            Heard::Message(Some(Ok(message))) => self.message(&message),
            // What the hub said before it went may still be unread when writing fails; it is asked again soon enough.
            Heard::Message(Some(Err(error))) | Heard::Broken(error) => {
                Some(self.closed_with(None, &reason(&error)))
            }
            Heard::Message(None) => Some(self.closed_with(None, "the connection was closed")),
        }
    }

    fn message(&mut self, message: &Message) -> Option<LinkEvent> {
        match message {
            Message::Text(text) => Some(match HubFrame::decode(text.as_str()) {
                Ok(frame) => LinkEvent::Frame(frame),
                Err(error) => LinkEvent::Unreadable(error),
            }),
            Message::Close(frame) => Some(self.closed(frame.as_ref())),
            Message::Binary(_) => Some(self.down(None, "the hub sent something binary")),
            // The socket answers pings by itself when it is next read or written.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
        }
    }

    fn closed(&mut self, frame: Option<&CloseFrame>) -> LinkEvent {
        let reason = frame.and_then(|frame| CloseReason::from_code(frame.code.into()));
        let why = match (reason, frame) {
            (Some(reason), _) => format!("the hub closed: {reason}"),
            (None, Some(frame)) => format!("the hub closed: {} {}", frame.code, frame.reason),
            (None, None) => "the hub closed".into(),
        };
        self.closed_with(reason, &why)
    }

    /// The end of the socket, in the light of the goodbye that may have come before it.
    fn closed_with(&mut self, reason: Option<CloseReason>, why: &str) -> LinkEvent {
        let goodbye = self.goodbye.take();
        let reason = reason.or_else(|| goodbye.as_ref().and_then(Goodbye::close_reason));
        match reason {
            Some(reason) if !reason.may_reconnect() => self.refused(reason),
            Some(_) | None => {
                let imposed = goodbye.as_ref().and_then(|goodbye| goodbye.reconnect_after_ms);
                let why = goodbye.map_or(why.into(), |goodbye| {
                    format!("the hub said goodbye: {}", goodbye.reason)
                });
                self.down(imposed.map(Duration::from_millis), &why)
            }
        }
    }

    fn down(&mut self, again_in: Option<Duration>, why: &str) -> LinkEvent {
        self.wait(format!("connection lost ({why})"), again_in)
    }

    fn wait(&mut self, why: String, imposed: Option<Duration>) -> LinkEvent {
        let own = self.backoff.next(ambient::chance());
        let again_in = imposed.map_or(own, |imposed| imposed.min(LONGEST_IMPOSED_WAIT));
        self.state = State::Waiting {
            until: Instant::now() + again_in,
        };
        LinkEvent::Down { why, again_in }
    }

    fn refused(&mut self, reason: CloseReason) -> LinkEvent {
        // Whoever goes on asking all the same is at least slow about it.
        self.state = State::Waiting {
            until: Instant::now() + LONGEST_IMPOSED_WAIT,
        };
        LinkEvent::Refused(reason)
    }
}

fn reason(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => "closed".into(),
        tungstenite::Error::Protocol(_) => "cut off".into(),
        tungstenite::Error::Io(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}
