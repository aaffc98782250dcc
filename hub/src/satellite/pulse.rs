//! Whether the other side of a socket lives: it is asked at each beat, and whatever comes from it is a sign.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{
    outgoing::{Ended, Outgoing},
    protocol::{CloseReason, MISSED_HEARTBEATS},
};
use crate::hub::Hub;

/// The pulse of a greeted socket.
pub(super) struct Pulse {
    every: Duration,
    beats: Interval,
    heard: Instant,
}

impl Pulse {
    pub(super) fn new(hub: &Hub) -> Self {
        let every = Duration::from_millis(hub.config.satellite.heartbeat_ms);
        let mut beats = interval(every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            every,
            beats,
            heard: Instant::now(),
        }
    }

    /// Waits for the next beat.
    pub(super) async fn beat(&mut self) {
        self.beats.tick().await;
    }

    /// At a beat: asks for a sign of life, unless there was none for too long.
    pub(super) async fn ask(&self, out: &mut Outgoing) -> Result<(), Ended> {
        if self.heard.elapsed() > self.every * MISSED_HEARTBEATS {
            return Err(Ended::because(CloseReason::Silent));
        }
        out.ping().await
    }

    /// Something came.
    pub(super) const fn hears(&mut self, at: Instant) {
        self.heard = at;
    }

    /// Since then the hub did not listen; that is not the other side's silence.
    pub(super) fn was_busy(&mut self, since: Instant) {
        self.heard += since.elapsed();
    }
}

/// Seconds between beats, as a welcome says it.
pub(super) fn heartbeat_s(hub: &Hub) -> u32 {
    u32::try_from(hub.config.satellite.heartbeat_ms.div_ceil(1000)).unwrap_or(u32::MAX)
}
