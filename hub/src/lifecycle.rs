//! The life of a process: everything runs on one tracker and ends in two stages.
//!
//! Stage one, *closing*: stop accepting, say goodbye, finish what is under way. Stage two, *cancelled*: stop at the next
//! await. Whatever is not done by then is in the database and goes on after the next start.
//!
//! Tasks that serve the others, such as the audit log's, are *last*: they go on until the others have ended, finish, and
//! then end, too.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long stage one may take: longer than a turn's last write, shorter than what a supervisor waits before it kills.
const DRAIN: Duration = Duration::from_secs(6);
/// How long stage two may take.
const CANCEL: Duration = Duration::from_secs(2);
/// How long the last tasks may take to finish: one publication of a few hundred audit entries takes a tenth of it.
const FINISH: Duration = Duration::from_secs(2);

/// The handle that everything long-lived holds.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    closing: CancellationToken,
    cancelled: CancellationToken,
    tracker: TaskTracker,
    drained: CancellationToken,
    last: TaskTracker,
}

impl Lifecycle {
    /// Runs a task on the tracker.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Does something now and then from now on, and a last time when the process closes; it is told whether that is it.
    pub fn spawn_every<F, W>(&self, pause: Duration, work: F)
    where
        F: Fn(bool) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let lifecycle = self.clone();
        self.spawn(async move {
            loop {
                let is_ending = tokio::select! {
                    () = tokio::time::sleep(pause) => false,
                    () = lifecycle.closing() => true,
                };
                work(is_ending).await;
                if is_ending {
                    return;
                }
            }
        });
    }

    /// Counts a future of somebody else's task as work to wait for; it is dropped when stage two begins.
    pub async fn run<F: Future>(&self, work: F) {
        let _token = self.tracker.token();
        tokio::select! {
            _ = work => {}
            () = self.cancelled.cancelled() => {}
        }
    }

    /// Runs a task that serves the others: when [`drained`](Self::drained) ends, it finishes and ends.
    pub fn spawn_last<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.last.spawn(task);
    }

    /// Ends when all tasks but the last ones have ended, or were given up.
    pub async fn drained(&self) {
        self.drained.cancelled().await;
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
        self.last.close();
        if !ended_within(&self.tracker, DRAIN).await {
            tracing::warn!(tasks = self.tracker.len(), "not drained in time, cancelling");
            self.cancelled.cancel();
            ended_within(&self.tracker, CANCEL).await;
        }
        self.drained.cancel();
        let is_finished = ended_within(&self.last, FINISH).await;
        self.cancelled.cancel();
        let left = self.tracker.len() + self.last.len();
        if !is_finished || left > 0 {
            tracing::warn!(tasks = left, "tasks did not end, leaving them");
        }
    }
}

async fn ended_within(tasks: &TaskTracker, limit: Duration) -> bool {
    tokio::time::timeout(limit, tasks.wait()).await.is_ok()
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
