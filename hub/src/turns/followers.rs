//! How many follow turns, or watch the log, on this node: a few of each caller and not too many at all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    error::{Error, Result},
    identity::Caller,
    telemetry::metric,
};

/// Of one caller: a turn, or the log, on each of their screens.
const MOST_OF_ONE: usize = 8;
/// Of those who follow turns: with a few queries each second they leave the database to the others.
const MOST_FOLLOWERS: usize = 200;
/// Of those who watch the log: they share what is read of it, and hold a connection.
const MOST_WATCHERS: usize = 2_000;
/// When to come again: streams end within seconds.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// The followers of this process, counted.
#[derive(Debug)]
pub struct Followers {
    most: usize,
    /// Whether they are told as a metric.
    is_told: bool,
    all: Arc<Mutex<HashMap<String, usize>>>,
}

/// A follower's place. Dropping it makes room.
#[derive(Debug)]
pub struct Place {
    followers: Arc<Mutex<HashMap<String, usize>>>,
    who: String,
    is_told: bool,
}

impl Followers {
    /// Room for those who follow turns.
    #[must_use]
    pub fn of_turns() -> Self {
        Self {
            most: MOST_FOLLOWERS,
            is_told: false,
            all: Arc::default(),
        }
    }

    /// Room for those who watch the log.
    #[must_use]
    pub fn of_the_log() -> Self {
        Self {
            most: MOST_WATCHERS,
            is_told: true,
            all: Arc::default(),
        }
    }

    /// Takes a place, where there is one. All that came from one delegation share its places: whoever passes it on has no more for
    /// that.
    pub fn enter(&self, caller: &Caller) -> Result<Place> {
        let root = caller.root_delegation();
        self.enter_as(root.map_or_else(|| caller.key(), |id| format!("delegation:{id}")))
    }

    /// The same, for whoever has this name.
    pub fn enter_as(&self, who: String) -> Result<Place> {
        let mut followers = lock(&self.all);
        let own = followers.get(&who).copied().unwrap_or_default();
        if own >= MOST_OF_ONE || followers.values().sum::<usize>() >= self.most {
            return Err(Error::Throttled {
                retry_after: COME_AGAIN,
            });
        }
        followers.insert(who.clone(), own + 1);
        if self.is_told {
            metrics::gauge!(metric::WATCHERS).increment(1.0);
        }
        Ok(Place {
            is_told: self.is_told,
            followers: Arc::clone(&self.all),
            who,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_told {
            metrics::gauge!(metric::WATCHERS).decrement(1.0);
        }
        let mut followers = lock(&self.followers);
        if let Some(own) = followers.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                followers.remove(&self.who);
            }
        }
    }
}

fn lock(followers: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    // Nothing panics while it is held.
    followers.lock().unwrap_or_else(PoisonError::into_inner)
}
