//! Pairing: how a device that has no credential gets one, by a code that it shows and a person types (RFC 8628).
//!
//! The device asks, and gets a device code, which is a secret of 256 bits, and a user code, which people type. Whoever runs an
//! agent looks at who asks, and approves it for their agent or rejects it. The device polls with its device code meanwhile, and
//! gets its credential: it is made when it is collected, and nobody else ever sees it. An answer that was lost can be asked for
//! again for [`GRACE`]: the credential is made of the device code and a salt, so it is the same one. After that the device code
//! is worth nothing. A device that was approved and never came for its credential is revoked when its time is over.

pub mod approve;
pub mod collect;
pub mod expire;
pub mod find;
pub mod reject;
pub mod start;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    ids::{AgentId, DeviceId, PairingId},
};

/// How long a person has to walk to where they are signed in: the codes die after it.
pub const LIFE: Duration = Duration::minutes(10);
/// How long an approved device has at least to come for its credential: two polls of one that was slowed down as far as it goes.
pub const COLLECT_WITHIN: Duration = Duration::seconds(2 * SLOWEST_S as i64);
/// How long a lost answer can be asked for again: three polls of a device that was slowed down as far as it goes, for the next
/// one may be lost, too.
pub const GRACE: Duration = Duration::seconds(3 * SLOWEST_S as i64);
/// How long a pairing can be looked at after its end, by who mends something.
pub const KEPT: Duration = Duration::days(1);
/// How long a device waits between polls, in seconds (RFC 8628, 3.2).
pub const INTERVAL_S: i32 = 5;
/// What a poll that came too soon adds to it (RFC 8628, 3.5).
const SLOWER_BY_S: i32 = 5;
/// It grows no longer than a person has patience.
const SLOWEST_S: i32 = 60;
/// Polls travel: one that was sent in time may arrive so much too soon after the one before.
const JITTER: Duration = Duration::milliseconds(500);
/// Pairings that wait at once at most, over all addresses: a hub of many households, and a table that nobody fills. Beyond it the
/// network that has most waiting makes room for the one that asks, so that nobody keeps the others out with a few addresses.
pub const MOST_WAITING: i64 = 1_000;

/// How a pairing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairingState {
    /// For a person.
    Waiting,
    /// The device has not come for its credential yet.
    Approved,
    /// A person said no.
    Rejected,
    /// The device has its credential.
    Collected,
    /// The device never came for its credential, and was revoked; or it had to make room for another that asks.
    Expired,
}

impl PairingState {
    const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Approved,
        Self::Rejected,
        Self::Collected,
        Self::Expired,
    ];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Collected => "collected",
            Self::Expired => "expired",
        }
    }

    /// Reads the word; anything else is at its end.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == word);
        known.unwrap_or(Self::Expired)
    }
}

/// What a device says of itself when it asks. Nobody has checked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// What it would like to be called.
    #[schema(example = "hall")]
    pub name: Option<String>,
    /// The program that runs on it.
    #[schema(example = "hub satellite")]
    pub software: String,
    /// The program's version.
    pub version: Option<String>,
    /// The command kinds that it can carry out.
    pub capabilities: Vec<String>,
    /// The scopes that it would like to have.
    pub scopes: Vec<String>,
}

/// A device that asks for a credential.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Pairing {
    /// Its id.
    pub id: PairingId,
    /// How it stands.
    pub state: PairingState,
    /// What the device says of itself: claims, for a person to judge.
    pub asked: Asked,
    /// The address that it asked from, as the hub saw it.
    pub asked_from: Option<String>,
    /// When it asked.
    pub created_at: DateTime,
    /// When its codes die.
    pub expires_at: DateTime,
}

/// A pairing as the device that polls meets it.
#[derive(Debug, Clone)]
pub struct Polling {
    /// Which.
    pub id: PairingId,
    /// How it stands.
    pub state: PairingState,
    /// When its codes die.
    pub expires_at: DateTime,
    /// The last poll.
    pub polled_at: Option<DateTime>,
    /// Seconds between polls.
    pub interval_s: i32,
    /// Whose device it became.
    pub device: Option<(AgentId, DeviceId)>,
    /// When its credential was first collected, and what that was made with.
    pub collected: Option<(DateTime, [u8; 32])>,
}

impl Pairing {
    /// Whether somebody can decide about it.
    #[must_use]
    pub fn is_open(&self, now: DateTime) -> bool {
        self.state == PairingState::Waiting && now < self.expires_at
    }
}

impl Polling {
    /// How long to wait from now on, if this poll came too soon.
    #[must_use]
    pub fn slowed(&self, now: DateTime) -> Option<i32> {
        let due = self.polled_at? + Duration::seconds(self.interval_s.into()) - JITTER;
        (now < due).then(|| (self.interval_s + SLOWER_BY_S).min(SLOWEST_S))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    fn polling(polled_s_ago: i64, interval_s: i32) -> Option<i32> {
        let now = SystemClock.now();
        let pairing = Polling {
            id: PairingId::mint(),
            state: PairingState::Waiting,
            expires_at: now + LIFE,
            polled_at: Some(now - Duration::seconds(polled_s_ago)),
            interval_s,
            device: None,
            collected: None,
        };
        pairing.slowed(now)
    }

    #[test]
    fn who_polls_too_soon_waits_longer_and_never_for_ever() {
        assert_eq!(polling(5, 5), None);
        assert_eq!(polling(4, 5), Some(10));
        assert_eq!(polling(5, 10), Some(15));
        assert_eq!(polling(0, SLOWEST_S), Some(SLOWEST_S));
    }
}
