//! What a queue costs and brings: events appended and turns planned by two worker processes, rung for by the database's bell alone, and
//! by SQS beside it. The queue is a stand-in on this machine, which takes its share of the processors and is nearer than AWS.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hub::{
    adapters::queue::Queue,
    config::QueueConfig,
    hub::Hub,
    ids::TurnId,
    jobs::{receive, relay, worker},
    turns::{TurnState, offline::Offline},
};
use support::{Aws, Household, TestHub, turn_of};

/// Agents that talk at once: each has a lane of its own.
const AGENTS: usize = 4;
/// Events of each agent that wait before the workers come.
const WAITING: usize = 100;
/// How often an agent looks whether its turn is planned.
const LOOK: Duration = Duration::from_millis(10);

pub(crate) async fn measure(round: Duration) {
    let aws = Aws::stand_in().await;
    let queue = aws.queue().await;
    let config = QueueConfig {
        url: queue.url.clone(),
        dead_letter_url: queue.dead_letter_url.clone(),
        ..QueueConfig::default()
    };
    measure_one("the bell alone", QueueConfig::default(), None, round).await;
    measure_one("SQS beside it", config, Some(queue.through(&aws)), round).await;
}

async fn measure_one(name: &str, config: QueueConfig, queue: Option<Arc<dyn Queue>>, round: Duration) {
    let hub = TestHub::builder().config(|all| all.queue = config).start().await;
    hub.expect_leftovers();
    hub.db.run_bell(&hub.lifecycle);
    if let Some(queue) = &queue {
        hub.queue.begin();
        relay::start(&hub, queue);
    }
    let agents =
        join_all((0..AGENTS).map(async |number| hub.household(&format!("home{number}")).await)).await;

    let began = Instant::now();
    join_all(agents.iter().map(talk)).await;
    let appended = rate(AGENTS * WAITING, began);
    let began = Instant::now();
    let workers = [work(&hub, queue.as_ref()), work(&hub, queue.as_ref())];
    while planned(&hub).await < AGENTS * WAITING {
        tokio::time::sleep(LOOK).await;
    }
    let drained = rate(AGENTS * WAITING, began);
    let began = Instant::now();
    let times = join_all(agents.iter().map(|home| ask(home, round))).await;
    let times: Vec<Duration> = times.into_iter().flatten().collect();
    let answered = rate(times.len(), began);
    println!(
        "  {name:<15} {appended:>6.0} events/s   {drained:>6.0} turns/s of what waits   {answered:>6.0} turns/s one by one\n  {:<15} {}",
        "",
        super::percentiles(times)
    );
    for worker in workers {
        worker.lifecycle.shut_down().await;
    }
}

/// A process with the usual number of workers.
fn work(hub: &TestHub, queue: Option<&Arc<dyn Queue>>) -> Hub {
    let other = hub.another_process(Offline);
    other.db.run_bell(&other.lifecycle);
    if let Some(queue) = queue {
        other.queue.begin();
        receive::start(&other, queue);
    }
    worker::start(&other);
    other
}

async fn talk(home: &Household) {
    for number in 0..WAITING {
        home.kitchen
            .hears(&format!("remember that thing{number} is on shelf{number}"))
            .await;
    }
}

/// One thing after the other, each when the one before was thought about. Returns how long each took, from before its append.
async fn ask(home: &Household, round: Duration) -> Vec<Duration> {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < round {
        let said = Instant::now();
        let turn = turn_of(&home.kitchen.hears("what do you remember about thing7").await);
        while !is_planned(home, turn).await {
            tokio::time::sleep(LOOK).await;
        }
        times.push(said.elapsed());
    }
    times
}

async fn is_planned(home: &Household, turn: TurnId) -> bool {
    let mut tx = home.whole().await;
    tx.turns().find(turn).await.unwrap().unwrap().state == TurnState::Planned
}

async fn planned(hub: &TestHub) -> usize {
    let events = hub.sql().count(
        "turn_inputs",
        "exists (select from hub.turns t where t.id = turn_id and t.state = 'planned')",
    );
    usize::try_from(events.await).unwrap()
}

fn rate(count: usize, began: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of events is small")]
    let count = count as f64;
    count / began.elapsed().as_secs_f64()
}
