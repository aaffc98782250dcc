//! How the audit log is doing, as one process knows: for readiness and for people.

use std::{mem, sync::Mutex};

use serde::Serialize;

use super::breach::AuditError;
use crate::{adapters::worm::Description, clock::DateTime, error::Error, storage::Sizes, telemetry::metric};

/// The status of the audit log. Shared by all of a process.
#[derive(Debug, Default)]
pub struct AuditStatus(Mutex<AuditReport>);

/// What the status says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Entries that have no place in the signed log yet.
    pub waiting_entries: u64,
    /// Signed entries that the store does not hold yet.
    pub unpublished_entries: u64,
    /// When this process last saw every entry signed, but for those waiting.
    pub sequenced_at: Option<DateTime>,
    /// When this process last saw everything signed in the store.
    pub published_at: Option<DateTime>,
    /// What keeps the log from being changed, as far as it was found; none before the store was opened.
    pub store: Option<Description>,
    /// Why entries get no place in the log; none where they do.
    pub sequencer_trouble: Option<Trouble>,
    /// Why the store does not get what is signed; none where it does.
    pub publisher_trouble: Option<Trouble>,
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What it is, in a sentence for everyone.
    pub summary: String,
    /// What it is, for an operator: with causes, so not for the public.
    pub text: String,
    /// Whether it stays until a person has looked; otherwise it passes when what is away comes back.
    pub needs_person: bool,
}

/// Who is in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Sequencer,
    Publisher,
}

/// What the status comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditHealth {
    /// The log is kept.
    Kept,
    /// Entries wait for the database or the store; nothing is lost, and nobody is refused for it.
    Delayed,
    /// The log has stopped, and a person has to look.
    Stopped,
}

impl AuditReport {
    /// What it comes to.
    #[must_use]
    pub fn health(&self) -> AuditHealth {
        match self.worst_trouble() {
            Some(trouble) if trouble.needs_person => AuditHealth::Stopped,
            Some(_) => AuditHealth::Delayed,
            None => AuditHealth::Kept,
        }
    }

    /// What is in the way; of two, the one that needs a person.
    #[must_use]
    pub fn worst_trouble(&self) -> Option<&Trouble> {
        let troubles = [&self.sequencer_trouble, &self.publisher_trouble];
        troubles
            .into_iter()
            .flatten()
            .max_by_key(|trouble| trouble.needs_person)
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        Self {
            summary: error.to_string(),
            text: error.in_full(),
            needs_person: !error.is_outage(),
        }
    }
}

impl From<&AuditError> for Trouble {
    fn from(error: &AuditError) -> Self {
        Self {
            summary: error.to_string(),
            text: error.chain(),
            needs_person: matches!(error, AuditError::Breach(_)),
        }
    }
}

impl AuditStatus {
    /// What is known now.
    #[must_use]
    pub fn report(&self) -> AuditReport {
        self.update(|report| report.clone())
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
    pub(super) fn sequenced(&self, at: DateTime, waiting: u64) {
        metrics::gauge!(metric::AUDIT_WAITING).set(waiting as f64);
        self.update(|report| {
            report.waiting_entries = waiting;
            report.sequenced_at = Some(at);
        });
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
    pub(super) fn sizes(&self, at: DateTime, sizes: Sizes) {
        let unpublished = sizes.signed.saturating_sub(sizes.published);
        metrics::gauge!(metric::AUDIT_UNPUBLISHED).set(unpublished as f64);
        self.update(|report| {
            report.unpublished_entries = unpublished;
            if unpublished == 0 {
                report.published_at = Some(at);
            }
        });
    }

    /// Says what the store is and what protects it. Logged only when it changes.
    pub fn tell_store(&self, store: Description) {
        let before = self.update(|report| report.store.replace(store.clone()));
        if before.as_ref() == Some(&store) {
            return;
        }
        let Description {
            kind,
            place,
            is_enforced,
            protection,
        } = store;
        let kind = kind.as_str();
        let was_enforced = before.is_some_and(|before| before.is_enforced);
        if was_enforced && !is_enforced {
            tracing::warn!(
                audit.store = kind,
                place,
                protection,
                "nobody keeps the audit store any more"
            );
        } else {
            tracing::info!(
                audit.store = kind,
                place,
                is_enforced,
                protection,
                "what keeps the audit log"
            );
        }
    }

    /// Says how a part is doing. Logged only when it changes.
    pub(super) fn tell(&self, part: Part, trouble: Option<Trouble>) {
        let before = self.update(|report| {
            let known = match part {
                Part::Sequencer => &mut report.sequencer_trouble,
                Part::Publisher => &mut report.publisher_trouble,
            };
            mem::replace(known, trouble.clone())
        });
        if before == trouble {
            return;
        }
        match trouble {
            None => tracing::info!(audit.part = part.as_str(), "the audit log goes on"),
            Some(Trouble {
                text,
                needs_person: false,
                ..
            }) => {
                tracing::warn!(audit.part = part.as_str(), error = text, "audit entries wait");
            }
            Some(Trouble {
                text,
                needs_person: true,
                ..
            }) => {
                tracing::error!(
                    audit.part = part.as_str(),
                    error = text,
                    "the audit log has stopped: look into it now"
                );
            }
        }
    }

    fn update<T>(&self, change: impl FnOnce(&mut AuditReport) -> T) -> T {
        change(&mut self.0.lock().expect("no panic while held"))
    }
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::Publisher => "publisher",
        }
    }
}
