//! What takes its time: one thing after the other, in the order in which it came, beside everything that is done at once.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use hub_satellite::Pending;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::effects::{Outcome, Task};
use crate::satellite::protocol::Command;

/// How often the hub is told that something is not over: it gives a command two minutes without a sign of life.
const BEAT: Duration = Duration::from_secs(15);
/// What waits at most; more is refused.
const MAX_WAITING: usize = 64;

/// What runs and what waits.
pub(super) struct Work {
    beat: Duration,
    waiting: VecDeque<Pending>,
    running: Option<Running>,
}

struct Running {
    command: Command,
    task: Task,
    cancel: CancellationToken,
    began: Instant,
    beat_at: Instant,
}

impl Default for Work {
    fn default() -> Self {
        Self::beating(BEAT)
    }
}

/// Something about the work.
pub(super) enum News {
    /// A command ended.
    Ended(Command, Outcome),
    /// These are not over: the first has run for so long.
    GoesOn {
        running: Uuid,
        for_s: u64,
        waiting: Vec<Uuid>,
    },
}

impl Work {
    /// With nothing to do, which will say this often that something goes on.
    pub(super) fn beating(beat: Duration) -> Self {
        Self {
            beat,
            waiting: VecDeque::new(),
            running: None,
        }
    }

    /// Takes a command, once however often it comes; gives it back where too many wait.
    pub(super) fn take(&mut self, pending: Pending) -> Result<(), Pending> {
        let id = pending.command_id();
        if self.waiting.iter().any(|waits| waits.command_id() == id) {
            return Ok(());
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(pending);
            Ok(())
        } else {
            Err(pending)
        }
    }

    /// What may be begun now.
    pub(super) fn next_to_begin(&mut self) -> Option<Pending> {
        if self.running.is_none() {
            self.waiting.pop_front()
        } else {
            None
        }
    }

    /// Runs it.
    pub(super) fn run(&mut self, command: Command, task: Task, cancel: CancellationToken) {
        let now = Instant::now();
        self.running = Some(Running {
            command,
            task,
            cancel,
            began: now,
            beat_at: now + self.beat,
        });
    }

    /// The hub does not want a command any more.
    pub(super) fn cancel(&mut self, command_id: Uuid) {
        self.waiting.retain(|pending| pending.command_id() != command_id);
        if let Some(running) = &self.running
            && running.command.command_id == command_id
        {
            running.cancel.cancel();
        }
    }

    /// Whether nothing runs and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// What comes of it; waits for ever where nothing runs. May be dropped and called again at any time.
    pub(super) async fn news(&mut self) -> News {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        tokio::select! {
            outcome = &mut running.task.work => match self.running.take() {
                Some(running) => News::Ended(running.command, outcome),
                None => pending().await,
            },
            () = sleep_until(running.beat_at) => {
                running.beat_at += self.beat;
                News::GoesOn {
                    running: running.command.command_id,
                    for_s: running.began.elapsed().as_secs(),
                    waiting: self.waiting.iter().map(Pending::command_id).collect(),
                }
            }
        }
    }

    /// Stops what runs, as if the hub had asked for it, and says what came of it.
    pub(super) async fn stop(mut self) -> Option<(Command, Outcome)> {
        let running = self.running.take()?;
        running.cancel.cancel();
        let outcome = running.task.work.await;
        Some((running.command, outcome))
    }
}
