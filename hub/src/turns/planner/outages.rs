//! How the model is doing, and what a failed call means for the turns: which wait, for how long, and what is said of it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;

use crate::{
    adapters::{circuit::Circuit, models::ModelError},
    clock::DateTime,
    telemetry::metric,
    turns::runtime::{Health, RuntimeError, Standing},
};

/// How long a turn waits for somebody to correct the configuration before it asks again.
const CONFIGURED_AGAIN: Duration = Duration::from_mins(1);
/// An outage that lasts is said again this often, so that an alarm on the line stays on with it.
const SAY_AGAIN: TimeDelta = TimeDelta::minutes(10);
/// What a turn says it waits for.
const WAITING_FOR: &str = "the model";
/// The same while the model refuses the hub itself.
const WAITING_FOR_KEY: &str =
    "a model that accepts the hub: see model.api_key, model.name and model.base_url";

/// The outages of one model.
#[derive(Default)]
pub(super) struct Outages {
    circuit: Circuit,
    standing: Mutex<Standing>,
    /// When an outage was last said.
    said_at: Mutex<Option<DateTime>>,
}

impl Outages {
    /// How it is doing.
    pub(super) fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a turn ask, or has it wait.
    pub(super) fn enter(&self, now: DateTime) -> Result<(), RuntimeError> {
        let entered = self.circuit.enter(now);
        entered.map_err(|retry_after| RuntimeError::Away {
            waiting_for: WAITING_FOR.to_owned(),
            retry_after,
        })
    }

    /// It is there.
    pub(super) fn answered(&self, now: DateTime) {
        self.note(Health::Answers, now);
        metrics::gauge!(metric::MODEL_CIRCUIT).set(0.0);
        if self.circuit.answered() {
            tracing::info!("the model is back");
        }
    }

    /// What a failed call means for the turn. An outage is said when it begins, when it becomes another, and now and then while it
    /// lasts.
    pub(super) fn failed(&self, now: DateTime, error: &ModelError) -> RuntimeError {
        let (health, waiting_for, asked_for) = match error {
            ModelError::Away { retry_after, .. } => (Health::Away, WAITING_FOR, *retry_after),
            ModelError::Misconfigured(_) => (Health::Refuses, WAITING_FOR_KEY, Some(CONFIGURED_AGAIN)),
            // It is there, and this turn's to deal with.
            ModelError::Refused(_) => {
                self.answered(now);
                return RuntimeError::Refused(error.to_string());
            }
            ModelError::Malformed(_) => {
                self.answered(now);
                return RuntimeError::Malformed(error.to_string());
            }
        };
        let (retry_after, _) = self.circuit.failed(now, asked_for);
        metrics::gauge!(metric::MODEL_CIRCUIT).set(1.0);
        let is_new = self.note(health, now);
        if self.is_to_be_said(is_new, now) {
            tracing::error!(%error, "turns wait for {waiting_for}");
        }
        RuntimeError::Away {
            waiting_for: waiting_for.to_owned(),
            retry_after,
        }
    }

    /// Notes how the model is doing; whether that is new.
    fn note(&self, health: Health, now: DateTime) -> bool {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = standing.health != health;
        if is_new {
            *standing = Standing {
                health,
                since: Some(now),
            };
        }
        is_new
    }

    /// Whether an outage is said now.
    fn is_to_be_said(&self, is_new: bool, now: DateTime) -> bool {
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = is_new || said_at.is_none_or(|at| now - at >= SAY_AGAIN);
        if is_due {
            *said_at = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn an_outage_is_said_when_it_begins_or_changes_and_again_while_it_lasts() {
        let outages = Outages::default();
        let begin = SystemClock.now();
        let says = |minute: i64, health: Health| {
            let now = begin + TimeDelta::minutes(minute);
            outages.is_to_be_said(outages.note(health, now), now)
        };
        let said = (0..=30).filter(|minute| says(*minute, Health::Away));
        assert_eq!(said.collect::<Vec<_>>(), [0, 10, 20, 30]);
        assert!(says(31, Health::Refuses), "it became another");
        assert!(!says(40, Health::Refuses) && says(41, Health::Refuses));
        assert!(
            outages.note(Health::Answers, begin) && says(42, Health::Away),
            "it is back, and away again"
        );
    }
}
