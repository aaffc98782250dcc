//! Refused sign-ins on their way into the audit log.
//!
//! A try costs its sender nothing, and an audit entry stays for ever. So the first [`ONE_BY_ONE`] refusals of a
//! [`WINDOW`] are written as they are, in the sign-in's own transaction; the others are counted, together with the tries that
//! were throttled, and one entry says how many they were when the window closes or the process ends. What a process had
//! counted when it was killed is lost, never what was written one by one.

use std::sync::{Mutex, MutexGuard};

use chrono::Duration;

use crate::clock::DateTime;

/// How long a window is: short enough to see an attack in the log on the same day, with at most 21 entries in each.
pub const WINDOW: Duration = Duration::hours(1);
/// Refusals of a window with an entry of their own.
pub const ONE_BY_ONE: u32 = 20;

/// The refused sign-ins of this process.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Window>);

/// Tries that have no entry of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// When the first of them was.
    pub since: DateTime,
    /// Tries that were wrong.
    pub refused: u64,
    /// Tries that were not let through.
    pub throttled: u64,
}

/// The refusals of a window, and those before it that are still to be written.
#[derive(Debug, Default)]
pub struct Window {
    ends_at: Option<DateTime>,
    written: u32,
    counted: Option<Counted>,
}

impl Refusals {
    /// A try was wrong. Whether it gets an entry of its own; if not, it is counted.
    pub fn refuse(&self, now: DateTime) -> bool {
        self.lock().refuse(now)
    }

    /// A try was not let through.
    pub fn throttle(&self, now: DateTime) {
        let mut window = self.lock();
        window.open(now);
        window.counted(now).throttled += 1;
    }

    /// What is to be written when the window is over, or when the process ends.
    #[must_use]
    pub fn due(&self, now: DateTime, is_ending: bool) -> Option<Counted> {
        self.lock().due(now, is_ending)
    }

    /// That is written now. What came meanwhile stays.
    pub fn forget(&self, written: &Counted, now: DateTime) {
        self.lock().forget(written, now);
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.0.lock().expect("no panic while held")
    }
}

impl Window {
    /// A try was wrong. Whether it gets an entry of its own; if not, it is counted.
    pub fn refuse(&mut self, now: DateTime) -> bool {
        self.open(now);
        let is_written = self.written < ONE_BY_ONE;
        if is_written {
            self.written += 1;
        } else {
            self.counted(now).refused += 1;
        }
        is_written
    }

    /// What is to be written when it is over, or when the process ends.
    #[must_use]
    pub fn due(&self, now: DateTime, is_ending: bool) -> Option<Counted> {
        let counted = self.counted?;
        (is_ending || self.is_over(now) || now - counted.since >= WINDOW).then_some(counted)
    }

    /// That is written now. What came meanwhile stays.
    pub fn forget(&mut self, written: &Counted, now: DateTime) {
        let Some(counted) = self.counted.take() else {
            return;
        };
        let left = Counted {
            since: now,
            refused: counted.refused.saturating_sub(written.refused),
            throttled: counted.throttled.saturating_sub(written.throttled),
        };
        self.counted = (left.refused + left.throttled > 0).then_some(left);
    }

    /// When it is over; none before it was opened.
    pub(crate) const fn ends_at(&self) -> Option<DateTime> {
        self.ends_at
    }

    /// Whether there is nothing to be kept of it.
    pub(crate) fn is_idle(&self, now: DateTime) -> bool {
        self.counted.is_none() && self.is_over(now)
    }

    /// Begins a window when the last one is over.
    fn open(&mut self, now: DateTime) {
        if self.is_over(now) {
            self.written = 0;
            self.ends_at = Some(now + WINDOW);
        }
    }

    fn is_over(&self, now: DateTime) -> bool {
        self.ends_at.is_none_or(|ends_at| now >= ends_at)
    }

    fn counted(&mut self, now: DateTime) -> &mut Counted {
        self.counted.get_or_insert(Counted {
            since: now,
            refused: 0,
            throttled: 0,
        })
    }
}
