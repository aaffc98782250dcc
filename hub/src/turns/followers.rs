//! How many follow turns on this node: a few of each caller and not too many at all, since each reads the tables once a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    error::{Error, Result},
    identity::Caller,
};

/// Of one caller: a turn on each of their screens.
const MOST_OF_ONE: usize = 8;
/// Of all: with a few queries each second they leave the database to the others.
const MOST: usize = 200;
/// When to come again: streams end within seconds.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// The followers of this process, counted.
#[derive(Debug, Default)]
pub struct Followers(Arc<Mutex<HashMap<String, usize>>>);

/// A follower's place. Dropping it makes room.
#[derive(Debug)]
pub struct Place {
    followers: Arc<Mutex<HashMap<String, usize>>>,
    who: String,
}

impl Followers {
    /// Takes a place, where there is one.
    pub fn enter(&self, caller: &Caller) -> Result<Place> {
        let who = caller.key();
        let mut followers = lock(&self.0);
        let own = followers.get(&who).copied().unwrap_or_default();
        if own >= MOST_OF_ONE || followers.values().sum::<usize>() >= MOST {
            return Err(Error::Throttled {
                retry_after: COME_AGAIN,
            });
        }
        followers.insert(who.clone(), own + 1);
        Ok(Place {
            followers: Arc::clone(&self.0),
            who,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
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
