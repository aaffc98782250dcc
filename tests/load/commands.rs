//! Commands at a steady rate, sent over REST: from the request until the hub has accepted the device's result.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{
    Settings,
    fleet::{Fleet, KIND},
    percentiles::percentiles,
    person::Person,
    tell,
    town::{Device, Town},
};

/// How long each rate is tried.
const ROUND: Duration = Duration::from_secs(8);
/// How long what was sent may take to be done.
const DRAIN: Duration = Duration::from_secs(5);
/// A rate is held when this share of a hundred is done by a second later, at most so late.
const HELD: (usize, Duration) = (99, Duration::from_millis(250));
/// Rates beyond this are not tried.
const MOST: u64 = 3_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Commands a second to begin with, at most 3000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    rate: u64,
    /// Only this rate: by default it is raised by a quarter until the hub does not hold it.
    #[arg(long)]
    only: bool,
    /// Satellites that take turns, at most 1000; a hundred are a household.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    sockets: u16,
}

type Done = mpsc::UnboundedReceiver<(Uuid, Instant)>;

pub(crate) async fn measure(arguments: Arguments, set: Settings) {
    let sockets = usize::from(arguments.sockets);
    let town = Town::found(sockets, set).await;
    let person = Person::move_in(&town).await;
    let (fleet, mut done) = Fleet::launch(&town.devices, town.program.address(), 32);
    assert!(
        fleet.gather(sockets, Duration::from_mins(1)).await,
        "not all are welcome"
    );
    sleep(DRAIN).await;
    let mut rate = arguments.rate;
    loop {
        let is_held = try_rate(&person, &town.devices, &mut done, rate).await;
        if arguments.only || !is_held || rate >= MOST {
            return;
        }
        rate = (rate + rate.div_ceil(4)).min(MOST);
        tell("a moment to catch up");
        sleep(DRAIN).await;
    }
}

/// Whether the hub held the rate.
async fn try_rate(person: &Person, devices: &[Device], done: &mut Done, rate: u64) -> bool {
    let (told, mut sent) = mpsc::unbounded_channel();
    let tasks = TaskTracker::new();
    let mut tick = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < ROUND {
        tick.tick().await;
        // Neighbours in the list are one household: take turns among those.
        let device = devices[number * 101 % devices.len()].clone();
        number += 1;
        let (person, told) = (person.clone(), told.clone());
        tasks.spawn(async move {
            let began = Instant::now();
            let body = json!({"device_id": device.id, "kind": KIND, "arguments": {"text": "ping"}});
            let id = person.order(&body, device.agent.0).await;
            let _ = told.send((id, began));
        });
    }
    drop(told);
    tasks.close();
    let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
    sleep(HELD.1 * 4).await;
    let mut finished: HashMap<Uuid, Instant> = HashMap::new();
    while let Ok((id, at)) = done.try_recv() {
        finished.insert(id, at);
    }
    let (mut times, mut refused) = (Vec::new(), 0);
    while let Ok((id, began)) = sent.try_recv() {
        match id {
            Ok(id) => times.extend(finished.get(&id).map(|at| *at - began)),
            Err(_) => refused += 1,
        }
    }
    let in_time = times.iter().filter(|time| **time <= HELD.1).count();
    println!(
        "  {rate:>5}/s   {}   {refused} refused, {} not done",
        percentiles(times.clone()),
        number - refused - times.len()
    );
    in_time * 100 >= number * HELD.0
}
