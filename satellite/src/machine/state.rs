//! What the satellite is like, on its way to the hub: always the whole and always the newest, one report at a time. So a report
//! that is lost, refused as too soon or cut off by a crash needs no memory: what comes next says it all.

use crate::protocol::{ClientId, JsonObject, Report};

/// Ticks of half a second after which a report that was discarded is made again.
const SAY_AGAIN_AFTER: u32 = 60;

/// What is reported, and whether the hub has it.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What it is like, and which version of what is wanted it has dealt with; none: it reports nothing.
    now: Option<(JsonObject, Option<i64>)>,
    /// The hub has another one, or none.
    is_news: bool,
    /// The report that is not answered yet.
    sent: Option<ClientId>,
    /// Ticks until the next one may be sent.
    held_for: u32,
    /// The hub keeps nothing of where the satellite is; that may end, and nobody says when.
    is_discarded: bool,
    /// How many there were, which gives each its name.
    count: u64,
}

impl State {
    /// It is like this from now on. What it dealt with before it has still dealt with.
    pub(super) fn set(&mut self, state: JsonObject, reached: Option<i64>) {
        let before = self.now.take().and_then(|(_, reached)| reached);
        // Not the larger one: a hub that was restored counts on from less, and itself keeps what is larger.
        self.now = Some((state, reached.or(before)));
        self.is_news = true;
        if self.is_discarded {
            self.held_for = 0;
        }
    }

    /// There is a new socket: nobody knows what came of the last report.
    pub(super) fn unsend(&mut self) {
        (self.sent, self.held_for, self.is_news) = (None, 0, self.now.is_some());
    }

    /// The next report, if there is something to say and nothing unanswered.
    pub(super) fn next(&mut self) -> Option<Report> {
        if !self.is_news || self.held_for > 0 || self.sent.is_some() {
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
            (self.sent, self.is_discarded) = (None, false);
        }
    }

    /// The hub kept nothing of it: it is said again from time to time, so that the hub does not believe something old when it
    /// keeps again.
    pub(super) fn discarded(&mut self, id: &ClientId) {
        if self.sent.as_ref() == Some(id) {
            let is_old = !self.is_news;
            (self.sent, self.is_news, self.is_discarded) = (None, true, true);
            self.held_for = if is_old { SAY_AGAIN_AFTER } else { 1 };
        }
    }

    /// The hub was too busy for it: what it is like then is said later.
    pub(super) fn hold(&mut self, id: &ClientId) {
        if self.sent.as_ref() == Some(id) {
            (self.sent, self.held_for, self.is_news) = (None, 1, true);
        }
    }

    /// It is time to try again.
    pub(super) fn release(&mut self) {
        self.held_for = self.held_for.saturating_sub(1);
    }

    /// Whether the hub does not have it yet, and would keep it.
    pub(super) fn is_waiting(&self) -> bool {
        (self.is_news && !self.is_discarded) || self.sent.is_some()
    }
}
