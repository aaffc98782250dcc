//! How the queue is doing, as one process knows: its circuits, and what is said of it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::QueueError;
use crate::{adapters::circuit::Circuit, clock::DateTime, telemetry::metric};

/// The status of the queue. Shared by all of a process.
#[derive(Debug, Default)]
pub struct QueueStatus {
    sending: Circuit,
    receiving: Circuit,
    report: Mutex<QueueReport>,
}

/// What the status says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueReport {
    /// Whether there is a queue; otherwise the table of jobs is one.
    pub is_used: bool,
    /// Why no messages are sent; none where they are.
    pub sending_trouble: Option<&'static str>,
    /// Why none are received; none where they are.
    pub receiving_trouble: Option<&'static str>,
    /// Messages in the dead-letter queue when last counted; none where they are not counted.
    pub dead_letters: Option<u64>,
}

/// What is done with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Messages go out.
    Sending,
    /// Messages come in.
    Receiving,
}

impl QueueReport {
    /// What is in the way, in a sentence for everyone.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        self.sending_trouble.or(self.receiving_trouble)
    }
}

impl QueueStatus {
    /// There is a queue.
    pub fn begin(&self) {
        self.report_now().is_used = true;
        metrics::gauge!(metric::QUEUE_AWAY).set(0.0);
    }

    /// What is known now.
    #[must_use]
    pub fn report(&self) -> QueueReport {
        self.report_now().clone()
    }

    /// Whether there is a queue and nothing is in its way.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let report = self.report_now();
        report.is_used && report.trouble().is_none()
    }

    /// Whether this did not work when last tried.
    #[must_use]
    pub fn is_troubled(&self, way: Way) -> bool {
        trouble(&mut self.report_now(), way).is_some()
    }

    /// Whether to try now; otherwise after how long to ask again.
    pub fn enter(&self, way: Way, now: DateTime) -> Result<(), Duration> {
        self.circuit(way).enter(now)
    }

    /// It worked. Said when nothing else is in the way any more.
    pub fn answered(&self, way: Way) {
        self.circuit(way).answered();
        let mut report = self.report_now();
        let was_troubled = trouble(&mut report, way).take().is_some();
        if was_troubled && report.trouble().is_none() {
            metrics::gauge!(metric::QUEUE_AWAY).set(0.0);
            tracing::info!("the queue is back");
        }
    }

    /// It did not work. Said once, when the trouble begins. Returns how long to wait.
    pub fn failed(&self, way: Way, now: DateTime, error: &QueueError) -> Duration {
        let (wait, _) = self.circuit(way).failed(now, None);
        let mut report = self.report_now();
        let was_well = report.trouble().is_none();
        *trouble(&mut report, way) = Some(error.summary());
        if was_well {
            metrics::gauge!(metric::QUEUE_AWAY).set(1.0);
            tracing::error!(
                %error,
                "{}: jobs are found by polling, and nothing is lost{}",
                error.summary(),
                error.advice()
            );
        }
        wait
    }

    /// What lies in the dead-letter queue. Returns what lay there before.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
    pub fn count_dead_letters(&self, count: u64) -> u64 {
        metrics::gauge!(metric::QUEUE_DEAD_LETTERS).set(count as f64);
        let before = self.report_now().dead_letters.replace(count);
        before.unwrap_or_default()
    }

    const fn circuit(&self, way: Way) -> &Circuit {
        match way {
            Way::Sending => &self.sending,
            Way::Receiving => &self.receiving,
        }
    }

    fn report_now(&self) -> MutexGuard<'_, QueueReport> {
        // Nothing panics while it is held, and each field is right by itself.
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn trouble(report: &mut QueueReport, way: Way) -> &mut Option<&'static str> {
    match way {
        Way::Sending => &mut report.sending_trouble,
        Way::Receiving => &mut report.receiving_trouble,
    }
}
