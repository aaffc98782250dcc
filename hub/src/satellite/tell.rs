//! The wide event of one message: a line in the log and its metrics, as a request has them.

use std::time::Instant;

use super::{
    client::{Operation, Step, Watching},
    hello::Guest,
    protocol::{CloseReason, CommandStage, ErrorCode, HubFrame, Subject},
};
use crate::telemetry::{metric, trace};

/// A message that is being dealt with.
pub(super) struct Told {
    frame: &'static str,
    items: usize,
    started: Instant,
}

impl Told {
    /// From here on its time counts.
    #[must_use]
    pub(super) fn of(step: &Step) -> Self {
        let (frame, items) = match step {
            Step::Answer(_) => ("answered", 1),
            Step::Close(..) => ("unreadable", 1),
            Step::Watch(asked) => return Self::of_watching(asked),
            Step::Do(Operation::Ingest(items)) => ("events", items.len()),
            Step::Do(Operation::Report(..)) => ("report", 1),
            Step::Do(Operation::Renew) => ("renew", 1),
            Step::Do(operation) => (stage(operation.subject().as_ref()), 1),
        };
        Self {
            frame,
            items,
            started: Instant::now(),
        }
    }

    /// The same, of a message about a subscription.
    #[must_use]
    pub(super) fn of_watching(asked: &Watching) -> Self {
        Self {
            frame: match asked {
                Watching::Begin(_) => "subscribe",
                Watching::End(_) => "unsubscribe",
            },
            items: 1,
            started: Instant::now(),
        }
    }

    /// What kind of message it is.
    pub(super) const fn frame(&self) -> &'static str {
        self.frame
    }

    /// It has come to its end: says so, once.
    pub(super) fn ends(self, guest: &Guest, answers: Result<&[HubFrame], CloseReason>) {
        let outcome = answers.map_or("closed", outcome);
        let seconds = self.started.elapsed().as_secs_f64();
        trace::dealt_with(outcome);
        metrics::counter!(metric::MESSAGES, "frame" => self.frame, "outcome" => outcome).increment(1);
        metrics::histogram!(metric::MESSAGE_SECONDS, "frame" => self.frame).record(seconds);
        tracing::info!(
            agent.id = %guest.caller.agent, device.id = %guest.device, message.frame = self.frame,
            message.items = self.items, message.outcome = outcome, duration_ms = seconds * 1000.0, "message"
        );
    }
}

const fn stage(subject: Option<&Subject>) -> &'static str {
    match subject {
        Some(Subject::Command { of, .. }) => match of {
            CommandStage::Ack => "command_ack",
            CommandStage::Progress => "command_progress",
            CommandStage::Result => "command_result",
        },
        Some(Subject::Event { .. } | Subject::Subscription { .. } | Subject::Report { .. }) | None => {
            "events"
        }
    }
}

/// What became of the worst part of a message.
fn outcome(answers: &[HubFrame]) -> &'static str {
    let refusals = answers.iter().filter_map(|answer| match answer {
        HubFrame::Rejected(rejected) => Some(rejected.code),
        HubFrame::Error(notice) => Some(notice.code),
        _ => None,
    });
    refusals
        .max_by_key(|code| is_ours(*code))
        .map_or("accepted", refused)
}

/// Whether the hub, not the satellite, is at fault.
const fn is_ours(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Busy)
}

const fn refused(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Malformed => "malformed",
        ErrorCode::Invalid => "invalid",
        ErrorCode::Unsupported => "unsupported",
        ErrorCode::Conflict => "conflict",
        ErrorCode::Forbidden => "forbidden",
        ErrorCode::NotFound => "not_found",
        ErrorCode::TooLarge => "too_large",
        ErrorCode::Busy => "busy",
        ErrorCode::Other => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::satellite::protocol::{ErrorNotice, Pong};

    fn refusal(code: ErrorCode) -> HubFrame {
        HubFrame::Error(ErrorNotice {
            code,
            detail: String::new(),
            errors: Vec::new(),
        })
    }

    #[test]
    fn a_message_is_as_good_as_its_worst_part() {
        let good = || HubFrame::Pong(Pong { nonce: None });
        assert_eq!(outcome(&[]), "accepted");
        assert_eq!(outcome(&[good()]), "accepted");
        assert_eq!(outcome(&[good(), refusal(ErrorCode::Invalid)]), "invalid");
        let both = [refusal(ErrorCode::Busy), refusal(ErrorCode::Invalid), good()];
        assert_eq!(
            outcome(&both),
            "busy",
            "what is the hub's fault is what an operator looks for"
        );
    }
}
