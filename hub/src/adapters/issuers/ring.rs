//! The keys of one issuer as they are known, without I/O: when one is good, and when to look again.

use std::{collections::HashMap, time::Duration};

use chrono::TimeDelta;

use super::{IssuerKey, NoKey};
use crate::clock::DateTime;

/// An issuer is asked at most this often, whatever tokens come: anybody can make up the id of a key.
pub(super) const LOOK_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Known keys are looked at again after this, so that one that was taken back is not believed for long.
pub(super) const STALE_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long known keys are good while the issuer is away.
pub(super) const KEEP: TimeDelta = TimeDelta::hours(24);

/// The keys.
#[derive(Default)]
pub(super) struct Ring {
    keys: HashMap<String, IssuerKey>,
    read_at: Option<DateTime>,
    tried_at: Option<DateTime>,
    /// It was asked, and nothing came of it yet.
    is_asked: bool,
    is_away: bool,
}

/// What there is of a key.
pub(super) enum Found {
    /// It is good.
    Key(IssuerKey),
    /// It is good, and it is time to look again.
    Stale(IssuerKey),
    /// It is not known; the issuer is to be asked, or is being asked.
    Look,
    /// It is not known, and the issuer was asked.
    None(NoKey),
}

impl Ring {
    pub(super) fn find(&self, id: &str, now: DateTime) -> Found {
        let is_good = |at: DateTime| now - at < KEEP;
        let key = self.keys.get(id).filter(|_| self.read_at.is_some_and(is_good));
        let wait = self.wait(now);
        let is_stale = self.read_at.is_none_or(|at| now - at >= STALE_AFTER);
        match (key, wait) {
            (Some(key), None) if is_stale => Found::Stale(key.clone()),
            (Some(key), _) => Found::Key(key.clone()),
            (None, None) => Found::Look,
            (None, Some(_)) if self.is_asked => Found::Look,
            (None, Some(retry_after)) if self.is_away => Found::None(NoKey::Away { retry_after }),
            (None, Some(_)) => Found::None(NoKey::Unknown),
        }
    }

    /// The issuer is asked now.
    pub(super) const fn asks(&mut self, now: DateTime) {
        self.tried_at = Some(now);
        self.is_asked = true;
    }

    /// Nobody asks it now. Whoever did, and has gone before it answered, counts as one whom it did not answer: else those who come
    /// and go could have it asked without end.
    pub(super) const fn settles(&mut self) {
        if std::mem::replace(&mut self.is_asked, false) {
            self.is_away = true;
        }
    }

    /// These are its keys. True when it had been away.
    pub(super) fn renewed(&mut self, keys: HashMap<String, IssuerKey>, now: DateTime) -> bool {
        self.keys = keys;
        self.read_at = Some(now);
        self.is_asked = false;
        std::mem::take(&mut self.is_away)
    }

    /// It did not answer. True for the first time.
    pub(super) const fn failed(&mut self) -> bool {
        self.is_asked = false;
        !std::mem::replace(&mut self.is_away, true)
    }

    /// How long it may not be asked yet. A clock that was set back keeps nobody waiting.
    fn wait(&self, now: DateTime) -> Option<Duration> {
        let since = now - self.tried_at?;
        let is_soon = since >= TimeDelta::zero() && since < LOOK_EVERY;
        is_soon.then(|| (LOOK_EVERY - since).to_std().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use jsonwebtoken::{Algorithm, DecodingKey};

    use super::*;

    fn at(seconds: i64) -> DateTime {
        Utc.timestamp_opt(1_800_000_000 + seconds, 0).unwrap()
    }

    fn with(ids: &[&str]) -> HashMap<String, IssuerKey> {
        let key = IssuerKey {
            algorithm: Algorithm::ES256,
            key: DecodingKey::from_secret(b"any"),
        };
        ids.iter().map(|id| ((*id).to_owned(), key.clone())).collect()
    }

    fn told(found: &Found) -> String {
        match found {
            Found::Key(_) => "key".to_owned(),
            Found::Stale(_) => "stale".to_owned(),
            Found::Look => "look".to_owned(),
            Found::None(why) => format!("{why:?}"),
        }
    }

    #[test]
    fn an_issuer_is_asked_once_a_minute_and_its_keys_outlive_it_by_a_day() {
        let mut ring = Ring::default();
        let find = |ring: &Ring, id, seconds| told(&ring.find(id, at(seconds)));
        assert_eq!(find(&ring, "a", 0), "look");
        ring.asks(at(0));
        // Whoever comes meanwhile waits for what is found.
        assert_eq!(find(&ring, "a", 1), "look");
        assert!(ring.failed() && !ring.failed());
        assert_eq!(find(&ring, "a", 20), "Away { retry_after: 40s }");
        assert_eq!(find(&ring, "a", 60), "look");
        ring.asks(at(60));
        assert!(ring.renewed(with(&["a"]), at(60)));
        assert_eq!(find(&ring, "a", 61), "key");
        assert_eq!(find(&ring, "b", 61), "Unknown");
        assert_eq!(find(&ring, "b", 120), "look");
        // The clock was set back.
        assert_eq!(find(&ring, "b", -500), "look");
        assert_eq!(find(&ring, "a", 659), "key");
        assert_eq!(find(&ring, "a", 660), "stale");
        ring.asks(at(660));
        ring.failed();
        assert_eq!(find(&ring, "a", 661), "key");
        let day = 60 + 86_400;
        assert_eq!(find(&ring, "a", day - 1), "stale");
        assert_eq!(find(&ring, "a", day), "look");
        ring.asks(at(day));
        ring.failed();
        assert_eq!(find(&ring, "a", day), "Away { retry_after: 60s }");
        // Rotated: what is not in the new list is gone.
        assert!(ring.renewed(with(&["b"]), at(day)));
        assert_eq!(find(&ring, "a", day + 1), "Unknown");
        assert_eq!(find(&ring, "b", day + 1), "key");
    }

    #[test]
    fn who_asks_and_goes_has_asked() {
        let mut ring = Ring::default();
        ring.asks(at(0));
        ring.settles();
        assert_eq!(told(&ring.find("a", at(1))), "Away { retry_after: 59s }");
        ring.settles();
        ring.asks(at(60));
        assert!(ring.renewed(with(&["a"]), at(60)));
        ring.settles();
        assert_eq!(told(&ring.find("a", at(61))), "key");
        assert_eq!(told(&ring.find("b", at(61))), "Unknown");
    }
}
