//! The life of a process: everything runs on one tracker and ends in two stages.
//!
//! Stage one, *closing*: stop accepting, say goodbye, finish what is under way. Stage two, *cancelled*: stop at the next
//! await. Whatever is not done by then is in the database and goes on after the next start.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long stage one may take: longer than a turn's last write, shorter than what a supervisor waits before it kills.
const DRAIN: Duration = Duration::from_secs(8);
/// How long stage two may take.
const CANCEL: Duration = Duration::from_secs(2);

/// The handle that everything long-lived holds.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    closing: CancellationToken,
    cancelled: CancellationToken,
    tracker: TaskTracker,
}

impl Lifecycle {
    /// Runs a task on the tracker.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Counts a future of somebody else's task as work to wait for; it is dropped when stage two begins.
    pub async fn run<F: Future>(&self, work: F) {
        let _token = self.tracker.token();
        tokio::select! {
            _ = work => {}
            () = self.cancelled.cancelled() => {}
        }
    }

    /// Ends when stage one begins.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Whether stage one has begun.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Ends when stage two begins.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Cancelled when stage two begins; for work that takes a token.
    #[must_use]
    pub fn cancel_token(&self) -> CancellationToken {
        self.cancelled.child_token()
    }

    /// Begins stage one.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Goes through both stages and returns when every task has ended or was given up.
    pub async fn shut_down(&self) {
        self.close();
        self.tracker.close();
        if tokio::time::timeout(DRAIN, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "not drained in time, cancelling");
        }
        self.cancelled.cancel();
        if tokio::time::timeout(CANCEL, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "tasks did not end, leaving them");
        }
    }
}

/// Ends at Ctrl-C or SIGTERM.
pub async fn stop_signal() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("a signal handler can be installed at start");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
