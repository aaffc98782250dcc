//! Faults: the hub killed, its database away, its audit store away, a satellite cut at every frame. Nothing may be lost and
//! nothing doubled. Seeded: a failed run is repeated by the seed that it prints.
//!
//! `HUB_FAULT_RUNS` says how often each fault strikes; `scripts/faults` runs more of them and shows what was counted. The same
//! for the short stories of `matrix`: `scripts/faults --matrix`.

mod cut;
mod database;
mod household;
mod killed;
mod matrix;
mod nodes;
mod person;
mod satellite;
mod store;

use std::time::Duration;

use household::Tally;
use support::Program;
use tokio::time::{Instant, sleep};

/// How often a fault strikes when nobody says.
const RUNS: u32 = 4;

/// How long the store may take to hold all that was committed: a publisher that was killed holds its lease for half a minute.
const PUBLISHED_WITHIN: Duration = Duration::from_mins(1);

#[expect(clippy::disallowed_methods, reason = "more runs are asked for by a variable")]
fn runs() -> u32 {
    let asked = std::env::var("HUB_FAULT_RUNS").ok();
    asked.map_or(RUNS, |text| text.parse().expect("HUB_FAULT_RUNS is a number"))
}

/// What makes a run quick and a fault likely to hurt: short leases, so that a killed worker's job is soon another's.
const SETTINGS: [(&str, &str); 4] = [
    ("HUB_WORKER__LEASE_MS", "3000"),
    ("HUB_WORKER__POLL_MS", "200"),
    ("HUB_AUDIT__PUBLISH_EVERY_MS", "200"),
    ("HUB_DATABASE__ACQUIRE_TIMEOUT_MS", "2000"),
];

/// One line for the summary, and the judgement.
#[expect(clippy::print_stdout, reason = "what was counted is shown")]
fn judge(fault: &str, strikes: u32, tally: &Tally, extra: &str) {
    let Tally {
        events,
        planned,
        dead,
        actions,
        approved,
        commands,
        redelivered,
        unknown,
        lost,
        doubled,
        ..
    } = tally;
    println!(
        "faults: {fault} {strikes} times; {events} events, {planned} turns planned, {dead} dead; {actions} actions, \
         {approved} approved; {commands} commands, {redelivered} sent again; {extra}; {unknown} unknown, {lost} lost, \
         {doubled} doubled"
    );
    assert_eq!(
        (*lost, *doubled, *dead, *unknown),
        (0, 0, 0, 0),
        "{:#?}",
        tally.notes
    );
    assert_eq!(tally.notes, Vec::<String>::new());
}

/// How many entries of the log the write-once store holds, as the hub says.
async fn published(program: &Program) -> i64 {
    let asked = "select published_size from hub.publisher_state";
    program.sql().value(asked).await
}

/// Stops the hub, and holds its audit log against the entries in the database. Returns how many there are.
async fn verified(program: &mut Program) -> i64 {
    let entries = program.sql().count("audit_entries", "true").await;
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    while published(program).await < entries {
        let is_late = Instant::now() > deadline;
        assert!(!is_late, "the log is not published:\n{}", program.tail());
        sleep(Duration::from_millis(200)).await;
    }
    assert!(program.stop().await, "the hub stops well:\n{}", program.tail());
    let (is_whole, said) = program.run(&["audit", "verify", "--json"]).await;
    assert!(is_whole, "{said}");
    let report: serde_json::Value = serde_json::from_str(&said).expect("a report in JSON");
    let counted = program.sql().count("audit_entries", "true").await;
    assert_eq!(report["entries"].as_i64(), Some(counted), "{said}");
    counted
}
