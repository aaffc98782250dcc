//! The matrix: each fault, in many seeded runs. In a run a device says things, and its owner sends it commands with deadlines,
//! some of them short, replaces some and cancels some; the fault strikes at a moment that the seed gives. Then the law is held
//! against what the device really did: nothing lost, nothing doubled, and what nobody can know said to be `unknown`.
//!
//! Runs go in batches over one hub, and what strikes the hub strikes a whole batch. A run that fails prints how to repeat it.

mod device;
mod judge;
mod orders;
mod process;
mod reference;
mod run;
mod story;
mod world;

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use judge::Tally;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reference::ReferenceRun;
use run::{Done, Run};
use tokio::time::sleep;
use world::{Place, World};

/// Runs that share a batch: those whose seeds have one quotient by this.
const BATCH: u64 = 20;
/// How long a story lasts, about: what strikes the hub does so within.
const STORY_MS: u64 = 900;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    HubKilled,
    SatelliteKilled,
    SatelliteProgramKilled,
    DatabaseAway,
    SocketCut,
    TwoSockets,
    DeviceClock,
    HubClock,
    Several,
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::HubKilled => "hub killed",
            Self::SatelliteKilled => "satellite killed",
            Self::SatelliteProgramKilled => "`hub satellite` killed",
            Self::DatabaseAway => "database away",
            Self::SocketCut => "socket cut at a frame",
            Self::TwoSockets => "two sockets of a device",
            Self::DeviceClock => "device's clock wrong",
            Self::HubClock => "hub's clock steps",
            Self::Several => "several at once",
        }
    }

    /// The test that makes it strike.
    const fn test(self) -> &'static str {
        match self {
            Self::HubKilled => "a_killed_hub",
            Self::SatelliteKilled => "a_killed_satellite",
            Self::SatelliteProgramKilled => "a_killed_program_of_a_satellite",
            Self::DatabaseAway => "a_database_that_goes_away",
            Self::SocketCut => "a_socket_cut_at_any_frame",
            Self::TwoSockets => "two_sockets_of_one_device",
            Self::DeviceClock => "a_device_with_a_wrong_clock",
            Self::HubClock => "a_hub_whose_clock_steps",
            Self::Several => "several_faults_at_once",
        }
    }

    /// How to repeat one run.
    fn repeats(self, seed: u64) -> String {
        format!("scripts/faults --matrix 1 {seed} {}", self.test())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_hub_loses_nothing_and_doubles_nothing() {
    matrix(Fault::HubKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_satellite_loses_nothing_and_doubles_nothing() {
    matrix(Fault::SatelliteKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_program_of_a_satellite_loses_nothing_and_doubles_nothing() {
    matrix(Fault::SatelliteProgramKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_loses_nothing_and_doubles_nothing() {
    matrix(Fault::DatabaseAway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_cut_at_any_frame_loses_nothing_and_doubles_nothing() {
    matrix(Fault::SocketCut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sockets_of_one_device_lose_nothing_and_double_nothing() {
    matrix(Fault::TwoSockets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_with_a_wrong_clock_loses_nothing_and_doubles_nothing() {
    matrix(Fault::DeviceClock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_clock_steps_loses_nothing_and_doubles_nothing() {
    matrix(Fault::HubClock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_faults_at_once_lose_nothing_and_double_nothing() {
    matrix(Fault::Several).await;
}

/// As many runs of a fault as are asked for, and the judgement.
async fn matrix(fault: Fault) {
    let first = first_seed();
    let last = first + u64::from(super::runs());
    let mut world = if fault == Fault::HubClock {
        World::here().await
    } else {
        World::program().await
    };
    let mut tally = Tally::default();
    let mut from = first;
    while from < last {
        let to = last.min((from / BATCH + 1) * BATCH);
        for done in batch(&mut world, fault, from..to).await {
            tally.add(world.sql(), &done).await;
        }
        from = to;
    }
    let entries = match &mut world.place {
        Place::Program(program) => super::verified(program).await,
        Place::Here(_) => world.sql().count("audit_entries", "true").await,
    };
    // Before the hub's folder is gone: a failure leaves its log.
    sum_up(fault, &tally, entries);
    world.end().await;
}

/// Runs that share what strikes the hub.
async fn batch(world: &mut World, fault: Fault, seeds: std::ops::Range<u64>) -> Vec<Done> {
    let mut rng = StdRng::seed_from_u64(seeds.start / BATCH);
    let done = if fault == Fault::SatelliteProgramKilled {
        let runs = join_all(seeds.map(|seed| ReferenceRun::begin(world, seed))).await;
        join_all(runs.iter().map(ReferenceRun::until_welcome)).await;
        join_all(runs.into_iter().map(ReferenceRun::go)).await
    } else {
        let runs = join_all(seeds.map(|seed| Run::begin(world, fault, seed))).await;
        join_all(runs.iter().map(Run::until_welcome)).await;
        let all = join_all(runs.into_iter().map(Run::go));
        tokio::join!(all, strike(world, fault, &mut rng)).0
    };
    world.until_quiet().await;
    done
}

/// What strikes the hub of a batch.
async fn strike(world: &mut World, fault: Fault, rng: &mut StdRng) {
    let after = |rng: &mut StdRng| sleep(Duration::from_millis(rng.random_range(0..STORY_MS)));
    let kills = match fault {
        Fault::HubKilled => rng.random_range(1..=2),
        Fault::Several => 1,
        _ => 0,
    };
    let outages = match fault {
        Fault::DatabaseAway => rng.random_range(1..=3),
        Fault::Several => 1,
        _ => 0,
    };
    let steps = if fault == Fault::HubClock {
        rng.random_range(1..=3)
    } else {
        0
    };
    for _ in 0..outages {
        after(rng).await;
        let proxy = world.program_mut().proxy();
        if rng.random_bool(0.6) {
            proxy.cut();
        } else {
            proxy.stall();
        }
        let away = Duration::from_millis(rng.random_range(10..1_200));
        sleep(away).await;
        proxy.heal();
    }
    for _ in 0..kills {
        after(rng).await;
        let program = world.program_mut();
        program.kill().await;
        let away = Duration::from_millis(rng.random_range(0..300));
        sleep(away).await;
        program.start().await;
    }
    for _ in 0..steps {
        after(rng).await;
        let Place::Here(here) = &world.place else { continue };
        let step = match rng.random_range(0..4) {
            0 => TimeDelta::milliseconds(rng.random_range(-2_000..2_000)),
            1 => TimeDelta::seconds(rng.random_range(-600..600)),
            _ => TimeDelta::minutes(rng.random_range(-240..240)),
        };
        here.hub.clock.advance(step);
    }
    if let Place::Here(here) = &world.place {
        // What a step back has put off comes when the clock goes on.
        sleep(3 * Duration::from_millis(STORY_MS)).await;
        here.hub.clock.advance(TimeDelta::hours(30));
    }
}

/// The first seed: given, or any that begins a batch.
#[expect(clippy::disallowed_methods, reason = "a run is repeated by its seed")]
fn first_seed() -> u64 {
    let given = std::env::var("TEST_SEED").ok();
    given.map_or_else(
        || u64::from(rand::random::<u32>()) * BATCH,
        |text| text.parse().expect("TEST_SEED is a number"),
    )
}

/// One line for the table, and the judgement.
#[expect(clippy::print_stdout, reason = "what was counted is shown")]
fn sum_up(fault: Fault, tally: &Tally, entries: i64) {
    let Tally {
        runs,
        events,
        commands,
        done,
        never_started,
        unknown,
        late,
        again,
        lost,
        doubled,
        notes,
    } = tally;
    println!(
        "matrix: {} | {runs} | {events} | {commands} | {done} | {never_started} | {unknown} | {late} | {again} | {entries} | {lost} | \
         {doubled} | {}",
        fault.name(),
        notes.len()
    );
    assert!(
        notes.is_empty(),
        "to repeat a run alone, and what was wrong with it:\n{}",
        notes.join("\n")
    );
}
