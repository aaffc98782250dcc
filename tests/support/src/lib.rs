//! The harness: a whole hub on a database of its own, with a clock that is moved, users and satellites that act.
//!
//! ```text
//! let hub = TestHub::start().await;
//! let ada = hub.owner("ada").await;
//! hub.home.kitchen.hears("remember that the spare key is with Nora").await;
//! hub.run_jobs().await;
//! assert_eq!(ada.recalls("spare key").await[0].memory.content, "The spare key is with Nora");
//! ```

#![expect(
    clippy::missing_panics_doc,
    reason = "a helper of a test panics when the test cannot go on"
)]

mod api;
mod aws;
mod certificates;
mod clock;
mod cluster;
mod collector;
mod database;
mod embedder;
mod front;
mod household;
mod hub;
mod listening;
mod machines;
mod model;
mod program;
mod proxy;
mod queue;
mod role;
mod runtime;
mod satellite;
mod scripted_server;
mod seeded;
mod served;
mod shell;
mod socket;

mod rest;
mod snapshot;
mod superuser;
mod talk;
mod user;
mod voice;
mod wire;

pub use api::{Api, Operation};
pub use aws::Aws;
pub use clock::TestClock;
pub use cluster::Cluster;
pub use collector::{Collector, Told};
pub use embedder::{EmbeddingServer, embedding_of};
pub use front::TlsFront;
pub use household::Household;
pub use hub::{TestHub, TestHubBuilder};
pub use listening::{Listening, StreamEvent};
pub use machines::Node;
pub use program::{Program, Satellite};
pub use proxy::Proxy;
pub use queue::TestQueue;
pub use role::{Refusal, RoleSession};

pub use rest::{Answer, Ask, Client, Rest, Session};
pub use runtime::{Held, ScriptedRuntime};
pub use satellite::{TestDevice, heard, thing, turn_of};
pub use scripted_server::{Heard, Line, Piece, ScriptedServer};
pub use seeded::Seeded;
pub use served::Served;
pub use shell::Shell;
pub use socket::{End, Message, Socket, transcript};

pub use snapshot::Snapshot;
pub use superuser::SuperuserSql;
pub use user::User;
pub use voice::{face, near, voice};
pub use wire::{Cut, Edge, Side, Wire};
