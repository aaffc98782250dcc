//! Who has read what of late: one entry of the audit log tells of all that somebody reads of a thing within a minute, so that
//! whoever looks again and again does not fill it. Each process counts for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::Duration;
use uuid::Uuid;

use crate::{clock::DateTime, ids::AgentId};

/// How long one entry speaks for.
const FOR: Duration = Duration::minutes(1);
/// Remembered at most; beyond that each read has its entry.
const MOST: usize = 10_000;

/// Somebody reads a thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reading {
    /// Of which agent.
    pub agent: AgentId,
    /// Who, by the name of their credential.
    pub who: String,
    /// What is done.
    pub operation: &'static str,
    /// The thing.
    pub id: Uuid,
}

/// What was read of late.
#[derive(Debug, Default)]
pub struct Reads(Mutex<HashMap<Reading, DateTime>>);

impl Reads {
    /// Whether an entry that was made speaks for this.
    pub fn is_told(&self, reading: &Reading, now: DateTime) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(reading).is_some_and(|at| now - *at < FOR)
    }

    /// An entry was made.
    pub fn told(&self, reading: Reading, now: DateTime) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST {
            told.retain(|_, at| now - *at < FOR);
        }
        if told.len() < MOST {
            told.insert(reading, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    fn reading(who: &str) -> Reading {
        Reading {
            agent: AgentId::HUB,
            who: who.to_owned(),
            operation: "read_consents",
            id: Uuid::nil(),
        }
    }

    #[test]
    fn an_entry_speaks_for_a_minute_of_one_who_reads_one_thing() {
        let (reads, now) = (Reads::default(), SystemClock.now());
        assert!(!reads.is_told(&reading("ada"), now));
        reads.told(reading("ada"), now);
        assert!(reads.is_told(&reading("ada"), now + Duration::seconds(59)));
        assert!(!reads.is_told(&reading("ada"), now + FOR));
        assert!(!reads.is_told(&reading("bob"), now));
        let other = Reading {
            id: Uuid::max(),
            ..reading("ada")
        };
        assert!(!reads.is_told(&other, now));
    }

    #[test]
    fn what_is_remembered_has_a_bound_beyond_which_each_is_told() {
        let (reads, now) = (Reads::default(), SystemClock.now());
        for number in 0..=MOST {
            reads.told(reading(&number.to_string()), now);
        }
        assert!(!reads.is_told(&reading(&MOST.to_string()), now));
        reads.told(reading("ada"), now + FOR);
        assert!(reads.is_told(&reading("ada"), now + FOR));
    }
}
