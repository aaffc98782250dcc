//! How far the lines are, and when the next one of a recording is due.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::source::{Line, Speed};

/// How far the lines are.
pub(super) struct Progress {
    /// When the first recorded line was due, and its time in the recording.
    began: Option<(Instant, f64)>,
    /// A line that is not due yet, and when it is.
    pub(super) next: Option<(Line, Instant)>,
    pub(super) has_input_ended: bool,
    pub(super) is_summed_up: bool,
    pub(super) read: u64,
    pub(super) skipped: u64,
    /// When a line was last said.
    pub(super) active_at: Instant,
}

impl Progress {
    /// Before the first line.
    pub(super) fn new() -> Self {
        Self {
            began: None,
            next: None,
            has_input_ended: false,
            is_summed_up: false,
            read: 0,
            skipped: 0,
            active_at: Instant::now(),
        }
    }

    /// Whether the next line is wanted.
    pub(super) fn may_read(&self) -> bool {
        !self.has_input_ended && self.next.is_none()
    }

    /// Whether every line was said.
    pub(super) fn has_ended(&self) -> bool {
        self.has_input_ended && self.next.is_none()
    }

    /// When a recorded line is to be said; `None` for at once.
    pub(super) fn due_at(&mut self, line: &Line, speed: Option<Speed>) -> Option<Instant> {
        let (Some(Speed::Times(times)), Some(at_s)) = (speed, line.at_s) else {
            return None;
        };
        let (began, first_s) = *self.began.get_or_insert_with(|| (Instant::now(), at_s));
        // A time before the first line's, or beyond all bounds, is due at once.
        let wait = Duration::try_from_secs_f64((at_s - first_s) / times).unwrap_or_default();
        began.checked_add(wait)
    }

    /// Waits until the held line is due; for ever when there is none.
    pub(super) async fn due(&self) {
        match &self.next {
            Some((_, due_at)) => sleep_until(*due_at).await,
            None => pending().await,
        }
    }
}
