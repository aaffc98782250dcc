//! What an agent's log tells of that was refused, on its way there: uses of its delegations, and requests of those who lack a role or
//! a scope.
//!
//! It is bounded like refused sign-ins ([`super::refusals`]), and apart from them: each agent where something is refused has a window
//! of its own. So nobody who fails at sign-in silences them, and no agent's refusals those of another.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use super::refusals::{Counted, Window};
use crate::{clock::DateTime, ids::AgentId};

/// Agents whose windows are kept at most: a hundred KiB or so, and more than are likely to have any refusals within an hour. Only whom
/// an agent let in is refused there, so that nobody fills this who is not let in by a thousand of them.
const MOST_AGENTS: usize = 1_000;

/// The refusals of one kind of this process, by agent.
#[derive(Debug, Default)]
pub struct RefusalsByAgent(Mutex<HashMap<AgentId, Window>>);

impl RefusalsByAgent {
    /// Something was refused. Whether it gets an entry of its own; if not, it is counted.
    pub fn refuse(&self, agent: AgentId, now: DateTime) -> bool {
        let mut windows = self.lock();
        if !windows.contains_key(&agent) {
            make_room(&mut windows, now);
        }
        windows.entry(agent).or_default().refuse(now)
    }

    /// What is to be written, of each agent whose window is over, or of all when the process ends.
    #[must_use]
    pub fn due(&self, now: DateTime, is_ending: bool) -> Vec<(AgentId, Counted)> {
        let windows = self.lock();
        let due = |(agent, window): (&AgentId, &Window)| Some((*agent, window.due(now, is_ending)?));
        windows.iter().filter_map(due).collect()
    }

    /// That is written now. What came meanwhile stays.
    pub fn forget(&self, agent: AgentId, written: &Counted, now: DateTime) {
        if let Some(window) = self.lock().get_mut(&agent) {
            window.forget(written, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, Window>> {
        self.0.lock().expect("no panic while held")
    }
}

/// When there is no room, what is over goes, and then whichever is over first, with what was counted of it.
fn make_room(windows: &mut HashMap<AgentId, Window>, now: DateTime) {
    if windows.len() < MOST_AGENTS {
        return;
    }
    windows.retain(|_, window| !window.is_idle(now));
    if windows.len() >= MOST_AGENTS {
        let first = windows.iter().min_by_key(|(_, window)| window.ends_at());
        let first = first.map(|(agent, _)| *agent);
        first.and_then(|agent| windows.remove(&agent));
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::{
        clock::{Clock, SystemClock},
        identity::refusals::{ONE_BY_ONE, WINDOW},
    };

    fn one_by_one(refusals: &RefusalsByAgent, agent: AgentId, times: u32, now: DateTime) -> u32 {
        let written = (0..times).filter(|_| refusals.refuse(agent, now)).count();
        u32::try_from(written).unwrap()
    }

    #[test]
    fn each_agent_has_as_many_in_an_hour_and_the_others_are_counted_for_it() {
        let (refusals, now) = (RefusalsByAgent::default(), SystemClock.now());
        let (one, other) = (AgentId::mint(), AgentId::mint());
        assert_eq!(one_by_one(&refusals, one, ONE_BY_ONE + 5, now), ONE_BY_ONE);
        assert_eq!(one_by_one(&refusals, other, 1, now), 1);
        assert_eq!(refusals.due(now, false), []);
        let counted = Counted {
            since: now,
            refused: 5,
            throttled: 0,
        };
        assert_eq!(refusals.due(now + WINDOW, false), [(one, counted)]);
        assert_eq!(refusals.due(now, true), [(one, counted)]);
        refusals.forget(one, &counted, now + WINDOW);
        assert_eq!(refusals.due(now + WINDOW, true), []);
        assert_eq!(one_by_one(&refusals, one, 1, now + WINDOW), 1);
    }

    #[test]
    fn so_many_agents_are_kept_and_what_is_over_goes_first() {
        let (refusals, now) = (RefusalsByAgent::default(), SystemClock.now());
        let first = AgentId::mint();
        one_by_one(&refusals, first, ONE_BY_ONE, now);
        let later = now + Duration::seconds(1);
        for _ in 0..MOST_AGENTS {
            refusals.refuse(AgentId::mint(), later);
        }
        assert_eq!(refusals.lock().len(), MOST_AGENTS);
        assert!(
            !refusals.lock().contains_key(&first),
            "it would have been over first"
        );
        let next = later + WINDOW;
        refusals.refuse(AgentId::mint(), next);
        assert_eq!(refusals.lock().len(), 1, "all others were over");
    }
}
