//! The bytes of request bodies that are being read. A body that never ends costs its sender little and the hub all that came of
//! it, so both are bounded: what one may hold, and what all may hold together.
//!
//! Whoever has no credential yet has little to say and a room of their own: they cannot fill that of the others.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// The largest body of somebody unknown: a name, and a password of the longest with most of it escaped.
pub const STRANGERS_BODY: usize = 4 * 1024;
/// Bodies of all who are unknown: four thousand at once.
const STRANGERS_ROOM: usize = 16 * 1024 * 1024;
/// Bodies of all who are known: 256 of the largest that is taken by default, or thousands of those that are usual.
const CALLERS_ROOM: usize = 64 * 1024 * 1024;

/// Whose body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// One who showed a credential.
    Caller,
    /// One who need not.
    Stranger,
}

/// What there is room for, in bytes.
#[derive(Debug)]
pub struct Bodies {
    callers: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// Room for one body; dropping it gives it back.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Default for Bodies {
    fn default() -> Self {
        Self {
            callers: Arc::new(Semaphore::new(CALLERS_ROOM)),
            strangers: Arc::new(Semaphore::new(STRANGERS_ROOM)),
        }
    }
}

impl Bodies {
    /// Room for a body of at most so many bytes, if there is any now.
    pub fn hold(&self, sender: Sender, bytes: usize) -> Result<Held> {
        let room = match sender {
            Sender::Caller => &self.callers,
            Sender::Stranger => &self.strangers,
        };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let held = Arc::clone(room).try_acquire_many_owned(bytes);
        held.map(Held).map_err(|full| Error::Unavailable {
            what: "room for the body",
            source: Some(full.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bodies_together_are_bounded_and_strangers_fill_only_their_own_room() {
        let bodies = Bodies::default();
        let strangers: Vec<Held> =
            std::iter::from_fn(|| bodies.hold(Sender::Stranger, STRANGERS_BODY).ok()).collect();
        assert_eq!(strangers.len(), STRANGERS_ROOM / STRANGERS_BODY);
        let all = bodies.hold(Sender::Caller, CALLERS_ROOM).unwrap();
        assert!(bodies.hold(Sender::Caller, 1).is_err());
        drop((strangers, all));
        assert!(bodies.hold(Sender::Caller, 1).is_ok() && bodies.hold(Sender::Stranger, 1).is_ok());
    }
}
