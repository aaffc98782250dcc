//! The tamper-evident record of every operation.
//!
//! Its rules are pure: they touch no database, no disk, no clock and no source of randomness. From the inside out:
//!
//! - [`entry`] says what one operation's record holds and how it is spelled (RFC 8785);
//! - [`leaf`] chains an agent's entries: each names the hash of the one before;
//! - [`merkle`] hashes leaves into the hub's one tree (RFC 6962);
//! - [`tiles`] names and encodes the objects of the store ([C2SP tlog-tiles]);
//! - [`growth`] turns appended leaves into the objects to store;
//! - [`keys`] and [`checkpoint`] sign a tree head and check it ([C2SP tlog-checkpoint]);
//! - [`verify`] reads a store without the hub and says whether it is whole, and where not.
//!
//! Around them, what the hub does: [`record`] is what an operation says of itself; [`mod@sequence`] gives each entry its
//! place in the one log and signs it; [`mod@publish`] writes the log to the store; [`compare`] holds the database against
//! the store; [`run`] keeps both going, at the [`pace`] that the store's disk allows, and [`status`] tells how they do.
//!
//! # The store
//!
//! | object | what it holds | mutable |
//! |---|---|---|
//! | `tile/entries/<N>[.p/<W>]` | leaves 256 N onwards, 256 of them or W | no |
//! | `tile/<L>/<N>[.p/<W>]` | hashes of level L, 256 of them or W | no |
//! | `checkpoints/<N>[.p/<W>]` | the signed tree head whose newest bundle is N: size 256 (N + 1), or 256 N + W | no |
//! | `checkpoint` | the newest signed tree head | yes |
//!
//! `checkpoints/` is ours, the rest is the standard's. Every completed bundle has its checkpoint there for the whole
//! retention, so a cut-off end shows although `checkpoint` itself may be put back. A publisher writes the
//! objects first, `checkpoint` next and `checkpoints/…` last: then whoever reads the history before
//! `checkpoint` never finds the history ahead of it, unless someone put `checkpoint` back.
//!
//! [C2SP tlog-tiles]: https://c2sp.org/tlog-tiles
//! [C2SP tlog-checkpoint]: https://c2sp.org/tlog-checkpoint

pub mod breach;
pub mod checkpoint;
pub mod compare;
pub mod entry;
pub mod growth;
pub mod keys;
pub mod leaf;
pub mod merkle;
pub mod pace;
pub mod publish;
pub mod read;
pub mod reads;
pub mod record;
mod resume;
pub mod run;
pub mod sequence;
pub mod status;
pub mod tiles;
pub mod verify;

#[cfg(test)]
pub(crate) mod samples;
