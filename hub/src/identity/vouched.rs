//! Sign-ins at issuers that the audit log tells of. Nobody tells the hub of them: it sees them by the tokens, each of which comes with
//! every request. So one entry tells of a sign-in, or of a token where the issuer does not say when that was. Each process counts for
//! itself.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{clock::DateTime, ids::UserId};

/// Remembered at most; beyond that all of them are told again.
const MOST: usize = 10_000;

/// A user, and when they signed in, until when that is good.
#[derive(Debug, Default)]
pub struct Vouched(Mutex<HashMap<(UserId, DateTime), DateTime>>);

impl Vouched {
    /// Whether it is still to be told: then whoever asked tells it, and nobody else. Nobody asks after its end.
    pub fn takes(&self, user: UserId, began_at: DateTime, until: DateTime, now: DateTime) -> bool {
        let mut told = self.lock();
        if let Some(known) = told.get_mut(&(user, began_at)) {
            // A later token of the same sign-in is good for longer.
            *known = until.max(*known);
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, until| *until > now);
        }
        if told.len() >= MOST {
            told.clear();
        }
        told.insert((user, began_at), until);
        true
    }

    /// It could not be told.
    pub fn gives_back(&self, user: UserId, began_at: DateTime) {
        self.lock().remove(&(user, began_at));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(UserId, DateTime), DateTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn each_sign_in_is_told_once_and_so_many_are_remembered() {
        let (vouched, now, user) = (Vouched::default(), SystemClock.now(), UserId::mint());
        let later = now + Duration::hours(1);
        let takes = |user: UserId, at: DateTime| vouched.takes(user, at, later, now);
        assert!(takes(user, now) && !takes(user, now));
        vouched.gives_back(user, now);
        assert!(takes(user, now), "it was not told");
        for _ in 1..MOST {
            assert!(takes(UserId::mint(), now));
        }
        // A later token of it keeps it.
        let much_later = later + Duration::hours(1);
        assert!(!vouched.takes(user, now, much_later, now));
        assert!(vouched.takes(user, later, much_later, later));
        assert!(
            !vouched.takes(user, now, much_later, later),
            "what is over goes, and nothing else"
        );
    }
}
