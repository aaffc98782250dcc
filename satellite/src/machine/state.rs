//! What the satellite is like, on its way to the hub: always the whole and always the newest, one report at a time. So a report
//! that is lost, refused as too soon or cut off by a crash needs no memory: what comes next says it all.

use crate::protocol::{ClientId, JsonObject, Report};

/// What is reported, and whether the hub has it.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What it is like, and which version of what is wanted it has dealt with; none: it reports nothing.
    now: Option<(JsonObject, Option<i64>)>,
    /// The hub has another one, or none.
    is_news: bool,
    /// The report that is not answered yet.
    sent: Option<ClientId>,
    /// The hub was too busy for it.
    is_held: bool,
    /// How many there were, which gives each its name.
    count: u64,
}

impl State {
    /// It is like this from now on. What it dealt with before it has still dealt with.
    pub(super) fn set(&mut self, state: JsonObject, reached: Option<i64>) {
        let before = self.now.take().and_then(|(_, reached)| reached);
        self.now = Some((state, reached.max(before)));
        self.is_news = true;
    }

    /// There is a new socket: nobody knows what came of the last report.
    pub(super) fn unsend(&mut self) {
        (self.sent, self.is_held, self.is_news) = (None, false, self.now.is_some());
    }

    /// The next report, if there is something to say and nothing unanswered.
    pub(super) fn next(&mut self) -> Option<Report> {
        if !self.is_news || self.is_held || self.sent.is_some() {
            return None;
        }
        let (state, reached) = self.now.clone()?;
        self.count += 1;
        let report_id = ClientId::try_from(self.count.to_string()).ok()?;
        self.sent = Some(report_id.clone());
        self.is_news = false;
        Some(Report {
            report_id,
            state,
            whole: true,
            reached,
        })
    }

    /// The hub has dealt with a report, or refused it for good.
    pub(super) fn answered(&mut self, id: &ClientId) {
        if self.sent.as_ref() == Some(id) {
            self.sent = None;
        }
    }

    /// The hub was too busy for it: what it is like then is said later.
    pub(super) fn hold(&mut self, id: &ClientId) {
        if self.sent.as_ref() == Some(id) {
            (self.sent, self.is_held, self.is_news) = (None, true, true);
        }
    }

    /// It is time to try again.
    pub(super) fn release(&mut self) {
        self.is_held = false;
    }

    /// Whether the hub does not have it yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_news || self.sent.is_some()
    }
}
