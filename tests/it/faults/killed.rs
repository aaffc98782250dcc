//! `kill -9` of the hub at random moments under load.

use std::time::Duration;

use rand::Rng;
use support::{Program, Seeded};
use tokio::time::sleep;

use super::{SETTINGS, household::Household, judge, runs, verified};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_killed_at_any_moment_loses_nothing_and_does_nothing_twice() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let mut program = Program::new(&SETTINGS).await;
    program.start().await;
    let mut home = Household::start(&program, &seed).await;
    for _ in 0..runs() {
        let time = Duration::from_millis(rng.random_range(50..2_000));
        home.talk(&mut rng, time).await;
        program.kill().await;
        sleep(Duration::from_millis(rng.random_range(0..300))).await;
        program.start().await;
    }
    home.talk(&mut rng, Duration::from_millis(300)).await;
    home.drain(&mut program).await;
    let connections = home.kitchen.state().connections + home.office.state().connections;
    let tally = home.settle(&program).await;
    let entries = verified(&mut program).await;
    let extra = format!("{connections} sockets; audit log of {entries} whole");
    judge("killed", runs(), &tally, &extra);
}
