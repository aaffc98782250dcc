//! What the throttle remembers: failures until they are forgiven, tries under way, and places from which somebody signed in.

use std::collections::HashMap;

use chrono::Duration;

use crate::clock::DateTime;

/// Counts kept at most: a few hundred KiB, and more than there is time to fill before the first are forgiven.
pub(super) const MOST_COUNTS: usize = 10_000;
/// Places kept at most from which a name signed in.
const MOST_PLACES: usize = 1_000;
/// How long such a place is kept.
pub(super) const PLACE_LIFE: Duration = Duration::days(30);

/// So many failures at once, and then one every so often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) burst: i32,
    pub(super) every: Duration,
}

/// Why a try may not begin, the lesser reason first: waiting for others' ends does not help against failures.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refused {
    /// Too many are under way, and would be too many if they failed.
    UnderWay,
    /// Too many failed: one is forgiven after this.
    Failures(std::time::Duration),
}

#[derive(Debug, Default)]
pub(super) struct Table {
    counts: HashMap<u64, Count>,
    /// When a name last signed in from an address.
    places: HashMap<u64, DateTime>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    /// When all failures are forgiven: each moves it on by the limit's `every`.
    forgiven_at: DateTime,
    under_way: i32,
}

impl Count {
    /// How long until all failures are forgiven. Never more than the whole limit: a clock that was set back is believed, and
    /// what it makes too long is forgotten.
    fn owed(&mut self, limit: Limit, now: DateTime) -> Duration {
        self.forgiven_at = self.forgiven_at.clamp(now, now + limit.every * limit.burst);
        self.forgiven_at - now
    }

    fn check(&mut self, limit: Limit, now: DateTime) -> Option<Refused> {
        let room = limit.every * (limit.burst - 1) - self.owed(limit, now);
        if room < Duration::zero() {
            return Some(Refused::Failures((-room).to_std().unwrap_or_default()));
        }
        (room < limit.every * self.under_way).then_some(Refused::UnderWay)
    }

    fn fail(&mut self, limit: Limit, now: DateTime) {
        self.forgiven_at = now + self.owed(limit, now) + limit.every;
    }

    fn is_clear(&self, now: DateTime) -> bool {
        self.under_way == 0 && self.forgiven_at <= now
    }
}

impl Table {
    pub(super) fn is_known(&self, place: u64, now: DateTime) -> bool {
        self.places.get(&place).is_some_and(|at| now - *at < PLACE_LIFE)
    }

    pub(super) fn know(&mut self, place: u64, now: DateTime) {
        self.places.insert(place, now);
        while self.places.len() > MOST_PLACES {
            let oldest = self.places.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
            oldest.and_then(|key| self.places.remove(&key));
        }
    }

    /// Begins a try in all counts or in none.
    pub(super) fn begin(&mut self, counts: &[(u64, Limit)], now: DateTime) -> Result<(), Refused> {
        let refused = counts
            .iter()
            .filter_map(|(key, limit)| self.check(*key, *limit, now));
        if let Some(worst) = refused.max() {
            return Err(worst);
        }
        for (key, _) in counts {
            self.count(*key, now).under_way += 1;
        }
        Ok(())
    }

    /// Ends a try that has begun.
    pub(super) fn end(&mut self, counts: &[(u64, Limit)], has_failed: bool, now: DateTime) {
        for (key, limit) in counts {
            let count = self.count(*key, now);
            count.under_way -= 1;
            if has_failed {
                count.fail(*limit, now);
            } else if count.is_clear(now) {
                self.counts.remove(key);
            }
        }
    }

    /// Counts a failure that never was under way, if there is room for it.
    pub(super) fn fail(&mut self, key: u64, limit: Limit, now: DateTime) -> Result<(), std::time::Duration> {
        if let Some(Refused::Failures(wait)) = self.check(key, limit, now) {
            return Err(wait);
        }
        self.count(key, now).fail(limit, now);
        Ok(())
    }

    fn check(&mut self, key: u64, limit: Limit, now: DateTime) -> Option<Refused> {
        self.counts.get_mut(&key)?.check(limit, now)
    }

    fn count(&mut self, key: u64, now: DateTime) -> &mut Count {
        if !self.counts.contains_key(&key) {
            self.make_room(now);
        }
        self.counts.entry(key).or_insert(Count {
            forgiven_at: now,
            under_way: 0,
        })
    }

    /// When there is no room, whoever is forgiven first goes: those who failed most stay. What is under way stays, too, and is
    /// as bounded as connections are.
    fn make_room(&mut self, now: DateTime) {
        if self.counts.len() < MOST_COUNTS {
            return;
        }
        self.counts.retain(|_, count| !count.is_clear(now));
        if self.counts.len() >= MOST_COUNTS {
            let idle = self.counts.iter().filter(|(_, count)| count.under_way == 0);
            let least = idle
                .min_by_key(|(_, count)| count.forgiven_at)
                .map(|(key, _)| *key);
            least.and_then(|key| self.counts.remove(&key));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }
}
