//! How often somebody may fail to prove who they are.
//!
//! A try is counted when it begins and given back unless it failed, so that tries at once cannot slip through together. Three
//! counts have to have room, each with a burst and then one try every so often:
//!
//! | of | burst | then one every |
//! |---|---|---|
//! | one name from one address | 10 | 30 s |
//! | one address, whatever it tries: names, claim codes, refresh tokens | 40 | 10 s |
//! | one name from anywhere | 100 | 10 s |
//!
//! The last one stops those with many addresses, and could lock the owner out for as long as they go on. So it does not count
//! for an address from which this name signed in within 30 days. What is refused counts nowhere: who waits as long as they
//! are told gets their try.
//!
//! Each process counts for itself and forgets when it ends. An IPv6 address is its network of 64 bits, which one customer has.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::Mutex,
};

use chrono::Duration;

use crate::clock::DateTime;

/// Counts kept at most: a few hundred KiB, and more than there is time to fill before the first are forgiven.
const MOST_COUNTS: usize = 10_000;
/// Places kept at most from which a name signed in.
const MOST_PLACES: usize = 1_000;
/// How long such a place is kept.
const PLACE_LIFE: Duration = Duration::days(30);

const NAME_AND_ADDRESS: Limit = Limit {
    burst: 10,
    every: Duration::seconds(30),
};
const ADDRESS: Limit = Limit {
    burst: 40,
    every: Duration::seconds(10),
};
const NAME: Limit = Limit {
    burst: 100,
    every: Duration::seconds(10),
};

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub enum Attempt<'a> {
    /// The password of a login name.
    Password(&'a str),
    /// A claim code.
    Claim,
    /// A refresh token.
    Refresh,
}

/// The failed tries of this process.
#[derive(Debug, Default)]
pub struct Throttle {
    /// Names and addresses are kept as hashes with a key of this process: small, and nothing to read.
    hasher: RandomState,
    table: Mutex<Table>,
}

/// A try that was let through.
#[derive(Debug)]
#[must_use = "a try that is dropped has failed"]
pub struct Ticket<'a> {
    throttle: &'a Throttle,
    counts: Vec<(u64, Limit)>,
    place: Option<u64>,
}

impl Throttle {
    /// Counts a try, or says how long to wait.
    pub fn take(
        &self,
        attempt: Attempt<'_>,
        address: Option<IpAddr>,
        now: DateTime,
    ) -> Result<Ticket<'_>, std::time::Duration> {
        let network = address.map(network);
        let mut counts = vec![(self.key(("address", network)), ADDRESS)];
        let mut table = self.table.lock().expect("no panic while held");
        let place = if let Attempt::Password(name) = attempt {
            let name = name.to_lowercase();
            let place = self.key(("place", &name, network));
            counts.push((place, NAME_AND_ADDRESS));
            if !table.is_known(place, now) {
                counts.push((self.key(("name", &name)), NAME));
            }
            Some(place)
        } else {
            None
        };
        table.take(&counts, now)?;
        drop(table);
        Ok(Ticket {
            throttle: self,
            counts,
            place,
        })
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

impl Ticket<'_> {
    /// It was right: nothing is counted, and the name may come from here.
    pub fn succeeded(self, now: DateTime) {
        if let Some(place) = self.place {
            let mut table = self.throttle.table.lock().expect("no panic while held");
            table.places.insert(place, now);
            while table.places.len() > MOST_PLACES {
                remove_least(&mut table.places);
            }
        }
        self.give_back();
    }

    /// It was neither right nor wrong.
    pub fn give_back(self) {
        let mut table = self.throttle.table.lock().expect("no panic while held");
        for (key, limit) in &self.counts {
            if let Some(forgiven_at) = table.counts.get_mut(key) {
                *forgiven_at -= limit.every;
            }
        }
    }
}

/// So many tries at once, and then one every so often.
#[derive(Debug, Clone, Copy)]
struct Limit {
    burst: i32,
    every: Duration,
}

#[derive(Debug, Default)]
struct Table {
    /// When all tries of a key are forgiven: each failed one moves it on by the limit's `every`.
    counts: HashMap<u64, DateTime>,
    /// When a name last signed in from an address.
    places: HashMap<u64, DateTime>,
}

impl Table {
    fn is_known(&self, place: u64, now: DateTime) -> bool {
        self.places.get(&place).is_some_and(|at| now - *at < PLACE_LIFE)
    }

    /// Counts in all or in none.
    fn take(&mut self, counts: &[(u64, Limit)], now: DateTime) -> Result<(), std::time::Duration> {
        let waits = counts.iter().map(|(key, limit)| {
            let owed = self.owed(*key, now);
            owed - limit.every * (limit.burst - 1)
        });
        let wait = waits.max().unwrap_or_default();
        if wait > Duration::zero() {
            return Err(wait.to_std().unwrap_or_default());
        }
        for (key, limit) in counts {
            let forgiven_at = now + self.owed(*key, now) + limit.every;
            self.make_room(now);
            self.counts.insert(*key, forgiven_at);
        }
        Ok(())
    }

    fn owed(&self, key: u64, now: DateTime) -> Duration {
        self.counts.get(&key).map_or(Duration::zero(), |forgiven_at| {
            (*forgiven_at - now).max(Duration::zero())
        })
    }

    /// When there is no room, whoever is forgiven first goes: those who failed most stay.
    fn make_room(&mut self, now: DateTime) {
        if self.counts.len() < MOST_COUNTS {
            return;
        }
        self.counts.retain(|_, forgiven_at| *forgiven_at > now);
        if self.counts.len() >= MOST_COUNTS {
            remove_least(&mut self.counts);
        }
    }
}

fn remove_least(kept: &mut HashMap<u64, DateTime>) {
    let least = kept.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
    least.and_then(|key| kept.remove(&key));
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
