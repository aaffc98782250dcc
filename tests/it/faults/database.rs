//! The database away and back, under load.

use std::time::Duration;

use rand::Rng;
use support::{Program, Seeded};
use tokio::time::{Instant, sleep, timeout};

use super::{SETTINGS, household::Household, judge, runs, verified};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_database_comes_and_goes_stays_up_and_loses_nothing() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let mut program = Program::proxied(&SETTINGS).await;
    program.start().await;
    let mut home = Household::start(&program, &seed).await;
    for _ in 0..runs() {
        let time = Duration::from_millis(rng.random_range(50..1_000));
        home.talk(&mut rng, time).await;
        let is_cut = rng.random_bool(0.7);
        if is_cut {
            program.proxy().cut();
        } else {
            program.proxy().stall();
        }
        let away = Duration::from_millis(rng.random_range(20..1_500));
        let (asked, ()) = tokio::join!(ask(&program, is_cut), home.talk(&mut rng, away));
        assert_eq!(asked.0, Some(200), "alive, whatever is away");
        assert!(
            !is_cut || asked.1 == Some(503),
            "not ready without a database: {asked:?}"
        );
        program.proxy().heal();
        assert!(program.is_running(), "{}", program.tail());
        until_ready(&program).await;
    }
    home.talk(&mut rng, Duration::from_millis(300)).await;
    home.drain(&mut program).await;
    let (kitchen, office) = (home.kitchen.state(), home.office.state());
    assert_eq!(
        (kitchen.connections, office.connections),
        (1, 1),
        "sockets outlive their database"
    );
    let statuses = home.person.decided().statuses;
    let others: Vec<&u16> = statuses
        .keys()
        .filter(|status| ![200, 503].contains(*status))
        .collect();
    assert!(
        others.is_empty(),
        "only 200 and 503 are answers here: {statuses:?}"
    );
    let away = statuses.get(&503).copied().unwrap_or_default();
    let tally = home.settle(&program).await;
    let entries = verified(&mut program).await;
    let busy = kitchen.busy + office.busy;
    let extra =
        format!("{away} answers of 503, {busy} of busy, no socket lost; audit log of {entries} whole");
    judge("database away", runs(), &tally, &extra);
}

/// Health and readiness, asked once.
async fn ask(program: &Program, is_cut: bool) -> (Option<u16>, Option<u16>) {
    let health = program.status("/healthz").await;
    // Stalled, the answer comes only when it goes on.
    let ready = if is_cut {
        program.status("/readyz").await
    } else {
        None
    };
    (health, ready)
}

async fn until_ready(program: &Program) {
    let began = Instant::now();
    let ready = async {
        while program.status("/readyz").await != Some(200) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let is_ready = timeout(Duration::from_secs(20), ready).await.is_ok();
    assert!(
        is_ready,
        "not ready after {:?}:\n{}",
        began.elapsed(),
        program.tail()
    );
}
