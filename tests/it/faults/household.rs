//! The load: two satellites that talk and do, and a person who decides; and what must be true of it afterwards.

use std::{collections::HashMap, time::Duration};

use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};
use support::{Program, Seeded, transcript};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{
    person::Person,
    satellite::{Satellite, State, Step},
};

/// How long all that was said may take to come to its end.
const DRAINED_WITHIN: Duration = Duration::from_mins(2);
/// Unanswered events above which a satellite holds its tongue.
const ENOUGH: usize = 40;

/// Who lives with the hub.
pub(super) struct Household {
    pub(super) kitchen: Satellite,
    pub(super) office: Satellite,
    pub(super) person: Person,
    tasks: TaskTracker,
    said: usize,
}

/// What a fault test counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events: usize,
    pub(super) planned: i64,
    pub(super) dead: i64,
    pub(super) actions: usize,
    pub(super) approved: usize,
    pub(super) commands: usize,
    pub(super) redelivered: i64,
    pub(super) unknown: i64,
    pub(super) lost: usize,
    pub(super) doubled: usize,
    pub(super) notes: Vec<String>,
}

impl Household {
    /// Everyone comes in.
    pub(super) async fn start(program: &Program, seed: &Seeded) -> Self {
        Self::across(program, &program.socket_url(), seed).await
    }

    /// The same, with the office at another server.
    pub(super) async fn across(program: &Program, office_at: &str, seed: &Seeded) -> Self {
        let tasks = TaskTracker::new();
        let satellite = |name, at: &str| Satellite::start(at, &program.satellite(name).token, &tasks);
        let kitchen = satellite("kitchen", &program.socket_url());
        let office = satellite("office", office_at);
        let person = Person::start(program, seed.fork(1), &tasks).await;
        // Each must have been welcome once: what can be told to a place depends on what is there.
        while [&kitchen, &office]
            .iter()
            .any(|satellite| satellite.state().connections == 0)
        {
            sleep(Duration::from_millis(10)).await;
        }
        Self {
            kitchen,
            office,
            person,
            tasks,
            said: 0,
        }
    }

    /// Talks for a while, as fast as the hub answers.
    pub(super) async fn talk(&mut self, rng: &mut StdRng, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if self.kitchen.waiting() + self.office.waiting() < ENOUGH {
                self.say(rng);
            }
            let pause = Duration::from_millis(rng.random_range(1..20));
            sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    fn say(&mut self, rng: &mut StdRng) {
        self.said += 1;
        let (number, is_kitchen) = (self.said, rng.random_bool(0.5));
        let (satellite, other) = if is_kitchen {
            (&self.kitchen, "office")
        } else {
            (&self.office, "kitchen")
        };
        let text = match rng.random_range(0..10) {
            0..4 => format!("remember that thing{number} is on shelf{number}"),
            4..7 => format!("tell the {other} that call{number} is over"),
            7 => format!("what do you remember about thing{}", rng.random_range(0..number)),
            _ => format!("hello number {number}"),
        };
        satellite.says(transcript(&format!("said-{number}"), &text));
    }

    /// Waits until all that was said has come to its end.
    pub(super) async fn drain(&self, program: &mut Program) {
        let deadline = Instant::now() + DRAINED_WITHIN;
        let mut is_quiet = 0;
        // Twice in a row: a job that ends may cause another.
        while is_quiet < 2 {
            assert!(
                program.is_running(),
                "the hub ended by itself:\n{}",
                program.tail()
            );
            let open = self.open(program).await;
            is_quiet = if open == "0 0 0 0" && self.kitchen.is_settled() && self.office.is_settled() {
                is_quiet + 1
            } else {
                0
            };
            if Instant::now() > deadline {
                let states =
                    [self.kitchen.state(), self.office.state()].map(|state| (state.outbox, state.wrong));
                panic!(
                    "jobs, turns, actions and commands are left: {open}; {states:?}\n{}",
                    program.tail()
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn open(&self, program: &Program) -> String {
        program
            .sql()
            .value(
                "select concat_ws(' ',
                   (select count(*) from hub.jobs where state in ('queued', 'leased')),
                   (select count(*) from hub.turns where state in ('queued', 'running', 'waiting')),
                   (select count(*) from hub.actions where state in ('proposed', 'approved', 'executing')),
                   (select count(*) from hub.commands where state in ('queued', 'sent', 'acknowledged')))",
            )
            .await
    }

    /// Everyone leaves, and the books are compared.
    pub(super) async fn settle(self, program: &Program) -> Tally {
        let (kitchen, office, decided) = (self.kitchen.state(), self.office.state(), self.person.decided());
        let said = self.said;
        drop((self.kitchen, self.office, self.person));
        self.tasks.close();
        self.tasks.wait().await;
        for wrong in [&kitchen.wrong, &office.wrong, &decided.wrong] {
            assert_eq!(wrong, &Vec::<String>::new());
        }
        let mut tally = Tally {
            events: said,
            actions: decided.actions.len(),
            ..Tally::default()
        };
        check_log(program, &mut tally).await;
        check_events(program, &mut tally, &[&kitchen, &office]).await;
        check_turns(program, &mut tally).await;
        check_actions(program, &mut tally, &decided.actions).await;
        check_commands(program, &mut tally, &[&kitchen, &office]).await;
        tally
    }
}

/// Positions and audit entries are dense.
async fn check_log(program: &Program, tally: &mut Tally) {
    for (table, number) in [("events", "position"), ("audit_entries", "agent_seq")] {
        let gaps: Vec<String> = program
            .sql()
            .values(&format!(
                "select agent_id::text from hub.{table} group by agent_id
                 having count(*) <> max({number}) or min({number}) <> 1"
            ))
            .await;
        tally.lost += gaps.len();
        note(tally, !gaps.is_empty(), || format!("gaps in {table}"));
    }
}

/// Every event that was said is in the log once, as the one that the satellite was told.
async fn check_events(program: &Program, tally: &mut Tally, satellites: &[&State]) {
    let rows: Vec<(String, Uuid)> = program
        .sql()
        .rows("select client_id, id from hub.events where client_id is not null")
        .await;
    let told: HashMap<&String, &Uuid> = satellites.iter().flat_map(|state| &state.accepted).collect();
    let kept: HashMap<&String, &Uuid> = rows.iter().map(|(client_id, id)| (client_id, id)).collect();
    assert_eq!(told.len(), tally.events, "everything was answered");
    tally.doubled += rows.len() - kept.len();
    let lost = told
        .iter()
        .filter(|(client_id, id)| kept.get(**client_id) != Some(*id))
        .count();
    tally.lost += lost;
    tally.doubled += kept.len().saturating_sub(told.len());
    note(tally, lost > 0, || format!("{lost} events are not in the log"));
}

/// Every event was thought about once, and what followed from it is there once.
async fn check_turns(program: &Program, tally: &mut Tally) {
    let sql = program.sql();
    tally.planned = sql.count("turns", "state = 'planned'").await;
    tally.dead = sql.count("turns", "state = 'dead'").await;
    let (without, twice): (i64, i64) = sql
        .rows(
            "select count(*) filter (where turns = 0), count(*) filter (where turns > 1) from (
               select (select count(*) from hub.turn_inputs i join hub.turns t on t.id = i.turn_id
                       where i.event_id = e.id and t.state in ('planned', 'skipped', 'dead')) as turns
               from hub.events e where client_id is not null) as each",
        )
        .await
        .remove(0);
    counted(tally, "turns", without, twice);
    let kept = |number: &str| {
        format!(
            "(select count(*) from hub.memories m where m.tier = 'semantic' and m.content = 'Thing{number} is on shelf{number}')"
        )
    };
    let per_event = format!(
        "select count(*) filter (where things = 0), count(*) filter (where things > 1) from (
           select {} as things from (select substring(client_id from 6) as n from hub.events
             where payload->>'text' like 'remember that%') as said) as each",
        kept("' || n || '")
    );
    let (without, twice) = sql.rows::<(i64, i64)>(&per_event).await.remove(0);
    counted(tally, "memories", without, twice);
    let (without, twice): (i64, i64) = sql
        .rows(
            "select count(*) filter (where replies = 0), count(*) filter (where replies > 1) from (
               select (select count(*) from hub.commands c where c.turn_id = t.id and c.state = 'succeeded') as replies
               from hub.turns t where t.reply_event_id is not null) as each",
        )
        .await
        .remove(0);
    counted(tally, "replies", without, twice);
}

/// Every proposal is there once and was decided once; what was approved was attempted once and done, what was rejected never.
async fn check_actions(program: &Program, tally: &mut Tally, decided: &HashMap<String, bool>) {
    let sql = program.sql();
    let (without, twice): (i64, i64) = sql
        .rows(
            "select count(*) filter (where actions = 0), count(*) filter (where actions > 1) from (
               select (select count(*) from hub.actions a
                       where a.arguments->'arguments'->>'text' = 'Call' || n || ' is over') as actions
               from (select substring(client_id from 6) as n from hub.events
                     where payload->>'text' like 'tell the%') as said) as each",
        )
        .await
        .remove(0);
    counted(tally, "actions", without, twice);
    let rows: Vec<(Uuid, String, i64, i64, i64)> = sql
        .rows(
            "select id, state, (select count(*) from hub.action_decisions d where d.action_id = a.id),
               (select count(*) from hub.action_attempts t where t.action_id = a.id),
               (select count(*) from hub.commands c where c.action_id = a.id and c.state = 'succeeded')
             from hub.actions a",
        )
        .await;
    tally.lost += decided.len().saturating_sub(rows.len());
    for (id, state, decisions, attempts, done) in rows {
        let is_approved = decided.get(&id.to_string()).copied();
        tally.approved += usize::from(is_approved == Some(true));
        tally.unknown += i64::from(state == "unknown");
        let is_right = match is_approved {
            Some(true) => (state.as_str(), decisions, attempts, done) == ("succeeded", 1, 1, 1),
            Some(false) => (state.as_str(), decisions, attempts, done) == ("rejected", 1, 0, 0),
            None => false,
        };
        if !is_right {
            let is_doubled = decisions > 1 || attempts > 1 || done > 1;
            tally.doubled += usize::from(is_doubled);
            tally.lost += usize::from(!is_doubled && state != "unknown");
            note(tally, true, || {
                format!(
                    "action {id} is {state}: approved {is_approved:?}, {decisions} decisions, {attempts} attempts, {done} done"
                )
            });
        }
    }
}

/// Every command was carried out at most once, and its result is the one that the satellite gave.
async fn check_commands(program: &Program, tally: &mut Tally, satellites: &[&State]) {
    let sql = program.sql();
    let rows: Vec<(Uuid, String, i32, Option<Value>)> = sql
        .rows("select id, state, attempts, result from hub.commands")
        .await;
    tally.commands = rows.len();
    tally.redelivered = sql
        .value("select coalesce(sum(attempts - 1), 0)::bigint from hub.commands")
        .await;
    for (id, state, attempts, result) in rows {
        let done: u32 = satellites
            .iter()
            .filter_map(|satellite| satellite.carried_out.get(&id))
            .sum();
        let settled = satellites
            .iter()
            .any(|satellite| matches!(satellite.journal.get(&id), Some(Step::Settled(_))));
        let is_right = state == "succeeded" && done == 1 && settled && result == Some(json!({ "done": id }));
        tally.doubled += usize::from(done > 1);
        tally.unknown += i64::from(state == "unknown");
        tally.lost += usize::from(!is_right && done <= 1 && state != "unknown");
        note(tally, !is_right, || {
            format!("command {id} is {state} after {attempts}, done {done} times, {result:?}")
        });
    }
}

fn counted(tally: &mut Tally, what: &str, without: i64, twice: i64) {
    tally.lost += usize::try_from(without).unwrap();
    tally.doubled += usize::try_from(twice).unwrap();
    note(tally, without + twice > 0, || {
        format!("{what}: {without} missing, {twice} doubled")
    });
}

fn note(tally: &mut Tally, is_wrong: bool, what: impl FnOnce() -> String) {
    if is_wrong {
        tally.notes.push(what());
    }
}
