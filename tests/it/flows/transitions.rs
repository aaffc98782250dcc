//! An action only ever goes where the design lets it, whatever is done to it in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use hub::{
    actions::{Action, ActionState, resolve::Resolution},
    ids::{ActionId, CommandId},
    mailbox::{CommandState, finish::Answer},
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use support::{Seeded, TestHub, User};

use ActionState::{
    Approved, Cancelled, Executing, Expired, Failed, Proposed, Rejected, Succeeded, TimedOut, Unknown,
};

/// Every transition there is (DESIGN 12).
const LISTED: [(ActionState, ActionState); 17] = [
    (Proposed, Approved),
    (Proposed, Rejected),
    (Proposed, Expired),
    (Approved, Executing),
    (Approved, Proposed),  // what was approved is not what would run
    (Approved, Failed),    // it cannot even be tried
    (Approved, Cancelled), // nobody can yet
    (Approved, TimedOut),  // it did not begin in time
    (Executing, Succeeded),
    (Executing, Failed),
    (Executing, Cancelled),
    (Executing, TimedOut),
    (Executing, Unknown),
    (Unknown, Succeeded),
    (Unknown, Failed),
    (Unknown, Cancelled), // the device says late that it had stopped
    (Unknown, Approved),  // a person says: again
];

/// Operations between two looks at what they came to.
const STEPS: usize = 300;
/// Looks at most.
const ROUNDS: usize = 5;

#[test]
fn the_rules_are_the_listed_ones() {
    let rules: BTreeSet<(&str, &str)> = ActionState::ALL
        .into_iter()
        .flat_map(|from| ActionState::ALL.map(|to| (from, to)))
        .filter(|(from, to)| from.may_become(*to))
        .map(|(from, to)| (from.as_str(), to.as_str()))
        .collect();
    assert_eq!(rules, listed());
}

fn listed() -> BTreeSet<(&'static str, &'static str)> {
    LISTED.map(|(from, to)| (from.as_str(), to.as_str())).into()
}

#[tokio::test]
async fn an_action_goes_only_where_it_may() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let mut random = Seeded::default();
    hub.home.office.connects(&["speaker.say"]).await;
    let mut seen = BTreeSet::new();
    // An unlucky seed tries few kinds of steps at first.
    for _ in 0..ROUNDS {
        for _ in 0..STEPS {
            step(&hub, &ada, &mut random).await;
        }
        seen = check_log(&hub).await;
        if seen.len() > 6 {
            break;
        }
    }
    assert!(seen.len() > 6, "only {seen:?} were tried");
    check_rows(&hub).await;
    hub.run_jobs().await;
}

/// Does something to somebody. Most of it is refused, and changes nothing.
async fn step(hub: &TestHub, ada: &User, rng: &mut StdRng) {
    let action = any_action(hub, rng).await;
    let office = &hub.home.office;
    match rng.random_range(0..24) {
        0..2 => {
            hub.home
                .kitchen
                .hears("tell the office that dinner is ready")
                .await;
        }
        2..5 => {
            hub.run_jobs().await;
        }
        5..8 => {
            office.takes().await;
        }
        8 => {
            office.connects(&["speaker.say"]).await;
        }
        9..11 => {
            // Within a command's life, beyond it, and rarely beyond a proposal's.
            let passed = [1, 1, 1, 3, 3, 25 * 60].choose(rng).copied().unwrap();
            hub.clock.advance(Duration::minutes(passed));
        }
        11..13 => hub.sweep().await,
        13..18 => {
            if let Some(action) = action {
                decide(ada, action.id, rng).await;
            }
        }
        _ => {
            if let Some(command) = any_command(hub, rng).await {
                answer(hub, command, rng).await;
            }
        }
    }
}

async fn decide(ada: &User, id: ActionId, rng: &mut StdRng) {
    let resolutions = [Resolution::Done, Resolution::NotDone, Resolution::Retry];
    let _ = match rng.random_range(0..6) {
        0..3 => ada.approves(id).await,
        3 => ada.rejects(id).await,
        _ => ada.resolves(id, *resolutions.choose(rng).unwrap()).await,
    };
}

async fn answer(hub: &TestHub, id: CommandId, rng: &mut StdRng) {
    let states = [
        CommandState::Succeeded,
        CommandState::Failed,
        CommandState::Unsupported,
        CommandState::Cancelled,
        CommandState::Unknown,
    ];
    let state = *states.choose(rng).unwrap();
    let answer = Answer {
        state,
        result: Some(json!({})),
        error: None,
    };
    let _ = match rng.random_range(0..4) {
        0 => hub.home.office.acknowledges(id).await,
        1 => hub.home.office.progresses(id, 50).await,
        _ => hub.home.office.answers(id, answer).await,
    };
}

async fn any_action(hub: &TestHub, rng: &mut StdRng) -> Option<Action> {
    let filter = hub::storage::ActionFilter {
        state: None,
        page: hub::page::PageRequest {
            after: None,
            limit: 4,
        },
    };
    let listed = hub.home.whole().await.actions().list(filter).await.unwrap();
    listed.choose(rng).cloned()
}

async fn any_command(hub: &TestHub, rng: &mut StdRng) -> Option<CommandId> {
    let page = hub::page::PageRequest {
        after: None,
        limit: 4,
    };
    let listed = hub
        .home
        .whole()
        .await
        .commands()
        .list(Some(hub.home.office.id), page)
        .await
        .unwrap();
    listed.choose(rng).map(|command| command.id)
}

/// Every action's way through the log. Returns the transitions that were seen.
async fn check_log(hub: &TestHub) -> BTreeSet<(String, String)> {
    let events: Vec<(String, String)> = hub
        .sql()
        .rows(
            "select payload ->> 'action_id', payload ->> 'state' from hub.events where type = 'action.changed'
             order by position",
        )
        .await;
    let (mut last, mut seen) = (BTreeMap::<String, String>::new(), BTreeSet::new());
    for (action, state) in events {
        match last.insert(action, state.clone()) {
            None => assert_eq!(state, "proposed", "an action begins as something else"),
            Some(before) => {
                assert!(listed().contains(&(&before, &state)), "{before} became {state}");
                seen.insert((before, state));
            }
        }
    }
    let rows: Vec<(String, String)> = hub.sql().rows("select id::text, state from hub.actions").await;
    assert_eq!(
        rows.into_iter().collect::<BTreeMap<_, _>>(),
        last,
        "the log and the table differ"
    );
    seen
}

async fn check_rows(hub: &TestHub) {
    let broken: Vec<String> = hub
        .sql()
        .values(
            "select 'sent without a yes' from hub.actions a where (select count(*) from hub.action_attempts t
                 where t.action_id = a.id) > (select count(*) from hub.action_decisions d
                 where d.action_id = a.id and d.decision in ('approve', 'retry'))
             union all select 'two commands for one attempt' from hub.commands where attempt_id is not null
               group by attempt_id having count(*) > 1
             union all select 'open without being executed' from hub.action_attempts t join hub.actions a
               on a.id = t.action_id where t.state = 'open' and a.state <> 'executing'
             union all select 'executing without an open attempt' from hub.actions a where state = 'executing'
               and not exists (select from hub.action_attempts t where t.action_id = a.id and t.state = 'open')",
        )
        .await;
    assert_eq!(broken, Vec::<String>::new());
}
