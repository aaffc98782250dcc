//! `hub.console.v1`: how a user watches the agents that they belong to. The frames are the satellite's: `hello` (with the token of a
//! sign-in), `subscribe`, `unsubscribe` and `ping` go up; `subscribed`, `unsubscribed`, `event`, `rejected`, `error`, `pong` and
//! `goodbye` come down. Only the welcome is another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Limits;

/// The WebSocket subprotocol that a console offers and the hub selects.
pub const CONSOLE_SUBPROTOCOL: &str = "hub.console.v1";

/// The answer to a console's `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "welcome")]
pub struct ConsoleWelcome {
    /// Who signed in.
    pub user_id: Uuid,
    /// The agents that they belong to.
    pub agents: Vec<ConsoleAgent>,
    /// The bounds on this socket.
    pub limits: Limits,
    /// Seconds within which each side lets the other hear something; after two without, the connection is dead.
    pub heartbeat_s: u32,
}

/// An agent that a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleAgent {
    /// Its id.
    pub agent_id: Uuid,
    /// What people call it.
    pub name: String,
    /// The user's role there.
    pub role: String,
}

impl ConsoleWelcome {
    /// The frame as the text of one WebSocket message.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("frames have string keys and no fallible parts")
    }
}
