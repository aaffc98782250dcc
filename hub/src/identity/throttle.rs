//! How often somebody may fail to prove who they are.
//!
//! Of a password, which can be guessed, a try is counted when it begins and given back unless it failed, so that tries at once
//! cannot slip through together. These counts have to have room, each with a burst and then one failure every so often:
//!
//! | of | burst | then one every |
//! |---|---|---|
//! | one name from one address | 10 | 30 s |
//! | one address, whatever names it tries | 40 | 10 s |
//! | one name from anywhere | 100 | 10 s |
//!
//! The last two stop those with many names or addresses, and could lock out whoever shares one with them for as long as they
//! go on. So only the first counts where this name signed in within 30 days. What is refused counts nowhere: who waits as long
//! as they are told gets their try. A try that finds only tries under way before it, not failures, waits for their end: they
//! may all be right.
//!
//! A user code of a pairing is short, and can be guessed by who is signed in: it counts like a password, 10 of one user and 40 of
//! one address. Whoever asks for a pairing is counted by address, 20 and then one every 10 s: each leaves a row and an entry.
//!
//! A [`Secret`] has a hundred bits and more, which nobody guesses: it is looked at first, and a right one is never refused.
//! The wrong ones are counted for each kind and address, 40 and then one every 10 s, to bound what they leave behind.
//!
//! Each process counts for itself and forgets when it ends.

mod table;

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard},
};

use chrono::Duration;
use tokio::sync::Notify;

use self::table::{Limit, Refused, Table};
use super::network;
use crate::{clock::DateTime, ids::UserId};

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

/// Pairings that one address may ask for: a house with many devices, not a flood.
const PAIRINGS: Limit = Limit {
    burst: 20,
    every: Duration::seconds(10),
};

/// What is too long to be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secret {
    /// A claim code: 100 bits.
    ClaimCode,
    /// The code of an invitation: 100 bits.
    InvitationCode,
    /// A refresh token: 256 bits.
    RefreshToken,
    /// The device code of a pairing: 256 bits.
    DeviceCode,
}

/// The failed tries of this process.
#[derive(Debug, Default)]
pub struct Throttle {
    /// Names and addresses are kept as hashes with a key of this process: small, and nothing to read.
    hasher: RandomState,
    table: Mutex<Table>,
    /// A try has ended.
    ended: Notify,
}

/// A try that was let through. One that is dropped has failed.
#[derive(Debug)]
#[must_use = "a try that is dropped has failed"]
pub struct Ticket<'a> {
    throttle: &'a Throttle,
    counts: Vec<(u64, Limit)>,
    place: u64,
    begun_at: DateTime,
    has_failed: bool,
}

impl Throttle {
    /// Counts a try of a password, or says how long to wait. The name has the one spelling that the database compares.
    pub async fn take(
        &self,
        name: &str,
        address: Option<IpAddr>,
        now: DateTime,
    ) -> Result<Ticket<'_>, std::time::Duration> {
        self.patiently(|| self.try_take(name, address, now)).await
    }

    /// Counts a try of a user code, or says how long to wait.
    pub async fn take_code(
        &self,
        user: UserId,
        address: Option<IpAddr>,
        now: DateTime,
    ) -> Result<Ticket<'_>, std::time::Duration> {
        let place = self.key(("user code", user));
        let counts = vec![
            (place, NAME_AND_ADDRESS),
            (self.key(("user codes", address.map(network))), ADDRESS),
        ];
        self.patiently(|| self.begin(counts.clone(), place, now)).await
    }

    /// Counts somebody who asks for a pairing, or says how long to wait.
    pub fn ask_pairing(&self, address: Option<IpAddr>, now: DateTime) -> Result<(), std::time::Duration> {
        let key = self.key(("pairing", address.map(network)));
        self.lock().fail(key, PAIRINGS, now)
    }

    /// Counts a secret that was wrong, or says how long to wait before the next one.
    pub fn wrong(
        &self,
        what: Secret,
        address: Option<IpAddr>,
        now: DateTime,
    ) -> Result<(), std::time::Duration> {
        let key = self.key((what, address.map(network)));
        self.lock().fail(key, ADDRESS, now)
    }

    /// Tries again when a try has ended, as long as only tries under way are before it.
    async fn patiently<'a>(
        &'a self,
        take: impl Fn() -> Result<Ticket<'a>, Refused>,
    ) -> Result<Ticket<'a>, std::time::Duration> {
        loop {
            // Heard from here on: an end between the look and the wait is not missed.
            let ended = self.ended.notified();
            match take() {
                Ok(ticket) => return Ok(ticket),
                Err(Refused::Failures(wait)) => return Err(wait),
                Err(Refused::UnderWay) => ended.await,
            }
        }
    }

    fn try_take(&self, name: &str, address: Option<IpAddr>, now: DateTime) -> Result<Ticket<'_>, Refused> {
        let network = address.map(network);
        let place = self.key(("place", name, network));
        let mut counts = vec![(place, NAME_AND_ADDRESS)];
        if !self.lock().is_known(place, now) {
            counts.push((self.key(("address", network)), ADDRESS));
            counts.push((self.key(("name", name)), NAME));
        }
        self.begin(counts, place, now)
    }

    fn begin(&self, counts: Vec<(u64, Limit)>, place: u64, now: DateTime) -> Result<Ticket<'_>, Refused> {
        self.lock().begin(&counts, now)?;
        Ok(Ticket {
            throttle: self,
            counts,
            place,
            begun_at: now,
            has_failed: true,
        })
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no panic while held")
    }
}

impl Ticket<'_> {
    /// It was right: nothing is counted, and the name may come from here.
    pub fn succeeded(self, now: DateTime) {
        self.throttle.lock().know(self.place, now);
        self.give_back();
    }

    /// It was neither right nor wrong.
    pub fn give_back(mut self) {
        self.has_failed = false;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.throttle
            .lock()
            .end(&self.counts, self.has_failed, self.begun_at);
        self.throttle.ended.notify_waiters();
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
