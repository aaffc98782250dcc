//! The hub's own share of a turn: the offline rules take no time worth naming, so all of it is the hub's.

use std::time::{Duration, Instant};

use hub::jobs::worker::run_next;
use support::TestHub;

pub(crate) async fn measure(round: Duration) {
    let hub = TestHub::start().await;
    hub.home.office.connects(&["speaker.say"]).await;
    let said = [
        "remember that the spare key is with Nora",
        "what do you remember about the spare key",
        "tell the office that dinner is ready",
        "nobody asked for this",
    ];
    let (started, mut times) = (Instant::now(), Vec::new());
    for text in said.iter().cycle() {
        hub.home.kitchen.hears(text).await;
        let began = Instant::now();
        run_next(&hub).await.unwrap();
        times.push(began.elapsed());
        if started.elapsed() > round {
            break;
        }
    }
    println!("  {}", super::percentiles(times));
}
