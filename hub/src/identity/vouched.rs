//! Sign-ins at issuers that the audit log tells of. Nobody tells the hub of them: it sees them by the tokens, each of which comes with
//! every request. So one entry tells of a sign-in, or of a token where the issuer does not say when that was. Each process counts for
//! itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{clock::DateTime, ids::UserId};

/// Remembered at most; beyond that all of them are told again.
const MOST: usize = 10_000;

/// A user, and when they signed in, until when that is good.
#[derive(Debug, Default)]
pub struct Vouched(Mutex<HashMap<(UserId, DateTime), DateTime>>);

impl Vouched {
    /// Whether the log tells of it.
    pub fn is_told(&self, user: UserId, began_at: DateTime) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.contains_key(&(user, began_at))
    }

    /// It does now; nobody asks after its end.
    pub fn told(&self, user: UserId, began_at: DateTime, until: DateTime, now: DateTime) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST {
            told.retain(|_, until| *until > now);
        }
        if told.len() >= MOST {
            told.clear();
        }
        // A later token of the same sign-in is good for longer.
        told.insert((user, began_at), until);
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
        assert!(!vouched.is_told(user, now));
        vouched.told(user, now, later, now);
        assert!(vouched.is_told(user, now) && !vouched.is_told(user, later));
        for _ in 1..MOST {
            vouched.told(UserId::mint(), now, later, now);
        }
        assert!(vouched.is_told(user, now));
        vouched.told(user, later, later + Duration::hours(1), later);
        assert!(
            !vouched.is_told(user, now) && vouched.is_told(user, later),
            "what is over goes"
        );
    }
}
