//! All SQL lives here: the pools, the one unit of work, and one file for each domain's tables.

mod actions;
mod append;
mod artifacts;
mod audit;
mod bell;
mod commands;
mod connections;
mod consents;
mod db;
mod delegations;
mod deliveries;
mod devices;
mod embeddings;
mod erasures;
mod error;
mod events;
mod fresh_jobs;
mod gauges;
mod guard;
mod idempotency;
mod identity;
mod jobs;
mod login;
mod mailbox_room;
mod memories;
mod pairings;
mod patience;
mod people;
mod places;
mod recognition;
mod schema;
mod scram;
mod sessions;
mod shadows;
mod turn_stream;
mod turns;
mod tx;
mod way;

pub use actions::{ActionFilter, Actions, Change, NewDecision, StoredAction};
pub use artifacts::{Artifacts, HeldArtifact};
pub use audit::{
    Audit, Backlog, ChainEnd, NewPlaces, Sizes, Slice, StoredEntry, StoredLeaf, Tree, WaitingChain,
};
pub use bell::{Bell, Listener, Ring};
pub use commands::{Commands, Ending, NewCommand, StoredCommand};
pub use connections::{Entered, Hello};
pub use consents::Consents;
pub use db::{Db, MIGRATOR};
pub use delegations::{Delegations, HeldChain};
pub use devices::Devices;
pub use embeddings::{EmbeddingTable, KnownModel, Progress, Unembedded, VectorHit};
pub use erasures::{Erasures, Found, PROBE, Reach, TABLES, Unscrubbed};
pub use events::{EventFilter, Events, Known};
pub use fresh_jobs::FreshJobs;
pub use gauges::Waiting;
pub use guard::{roles_are_apart, tables_are_protected};
pub use idempotency::{Claimed, Idempotency, IdempotencyKey};
pub use identity::{
    AgentBrief, Credential, DeviceStanding, Generation, Identity, NewAgent, PersonalCredential, SignIn,
    StoredUser, UserStanding,
};
pub use jobs::{Jobs, Lease, NewJob};
pub use login::Login;
pub use mailbox_room::Room;
pub use memories::{Memories, NewCandidate, NewMemory, WordHit};
pub use pairings::{NewPairing, Pairings};
pub use patience::bounded;
pub use people::{HeldPerson, MOVED, People, STAYING};
pub use places::{Places, Switches};
pub use recognition::{NewPrint, Recognition, Seen};
pub use schema::Schema;
pub use sessions::{ConversationKey, Sessions};
pub use shadows::{Shadows, Untold};
pub use turn_stream::TurnStream;
pub use turns::{TurnRow, Turns, Within, lane_of};
pub use tx::{Committed, Head, Tx, TxScope};
pub use way::Way;
