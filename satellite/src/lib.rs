//! The satellite channel of Agent Hub: the frames ([`protocol`]), and a client that loses nothing and does nothing twice
//! ([`Satellite`]). The README has a whole satellite; `openapi/SATELLITES.md` has the rules, in any language.
//!
//! Who has another way to read, write and keep things takes the rules alone: [`machine`] does no I/O.

mod ambient;
mod backoff;
mod credentials;
mod journal;
pub mod link;
pub mod machine;
pub mod protocol;
mod satellite;
#[cfg(test)]
mod tests;
pub mod tls;

pub use ambient::{fresh_client_id, now};
pub use credentials::{Credentials, CredentialsError};
pub use journal::{Journal, JournalError};
pub use satellite::{Happening, Satellite};
