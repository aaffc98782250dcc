//! Cut off after every frame while others append: whoever comes again with the last cursor misses nothing and is told nothing twice.

use hub::satellite::protocol::HubFrame;
use rand::Rng;
use support::{Proxy, Rest, Seeded, Served, TestDevice, TestHub};
use tokio::task::JoinSet;

use super::{Events, begins, behind, end, greet, happens, lets_read, position, positions, sees, subscribe};

/// Events that are appended while the socket is cut.
const EVENTS: usize = 250;

/// Appends beside the test, in batches of any size.
fn appends(device: TestDevice, seed: &Seeded) -> JoinSet<()> {
    let (mut rng, mut writers) = (seed.fork(1), JoinSet::new());
    writers.spawn(async move {
        let mut left = EVENTS;
        while left > 0 {
            let count = rng.random_range(1..=5).min(left);
            happens(&device, count).await;
            left -= count;
        }
    });
    writers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_cut_after_every_frame_is_told_each_event_once_and_in_order() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    let proxy = Proxy::before(&format!("http://{}/", served.address())).await;
    let url = format!("{}v1/satellites/connect", proxy.url.replacen("http", "ws", 1));
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let start = end(&hub).await;
    let (mut seen, mut last, mut cuts) = (Vec::new(), format!("1:{start}"), 0);
    let mut writers = appends(hub.home.kitchen.clone(), &seed);
    while seen.len() < EVENTS {
        // Half of the time the place is said in the hello, half of the time with the subscription.
        let (resume, cursor) = if rng.random_bool(0.5) {
            (Some(&*last), None)
        } else {
            (None, Some(&*last))
        };
        let (mut socket, welcome) = greet(&url, &hub.home.office, resume).await;
        assert_eq!(welcome.resumed, resume.is_some());
        let begun = begins(&mut socket, subscribe("things", &["x.test.*"], cursor)).await;
        assert_eq!((begun.resumed, &begun.cursor), (true, &last));
        // Most of the time after one frame; now and then after none, or some more.
        let frames = [1, 1, 1, 1, 0, 2, 9][rng.random_range(0..7)];
        for _ in 0..frames.min(EVENTS - seen.len()) {
            let event = sees(&mut socket).await;
            seen.push(position(&event.cursor));
            last = event.cursor;
        }
        proxy.cut();
        cuts += 1;
        // Frames that were on their way are lost, or were read into nothing.
        drop(socket);
        proxy.heal();
    }
    while writers.join_next().await.is_some() {}
    assert_eq!(
        seen,
        positions(&hub, "x.test.thing", start).await,
        "after {cuts} cuts"
    );
    assert!(cuts > 50, "{cuts} cuts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_after_every_event_is_told_each_event_once_and_in_order() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let seed = Seeded::default();
    let (_, started) = Events::of(&served, &ada, "", None).await;
    let mut last = started["cursor"].as_str().unwrap().to_owned();
    let start = position(&last);
    let mut writers = appends(hub.home.kitchen.clone(), &seed);
    let mut seen = Vec::new();
    while seen.len() < EVENTS {
        let (mut stream, started) = Events::of(&served, &ada, "?topics=x.test.*", Some(&last)).await;
        assert_eq!(
            (started["resumed"].as_bool(), started["cursor"].as_str()),
            (Some(true), Some(&*last))
        );
        let heard = stream.hears(1).await;
        last = format!("1:{}", heard[0]);
        seen.extend(heard);
    }
    while writers.join_next().await.is_some() {}
    assert_eq!(seen, positions(&hub, "x.test.thing", start).await);
}

/// Nobody is cut off here: what is replayed and what comes live meet while others append.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_replayed_and_what_comes_live_meet_without_a_seam() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    let seed = Seeded::default();
    let mut writers = appends(hub.home.kitchen.clone(), &seed);
    let (mut socket, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let mut sockets = 0;
    while !writers.is_empty() {
        begins(&mut socket, subscribe("all", &["x.test.thing"], Some("1:0"))).await;
        let mut seen: Vec<i64> = Vec::new();
        let now = positions(&hub, "x.test.thing", 0).await.len();
        while seen.len() < now {
            seen.push(position(&sees(&mut socket).await.cursor));
        }
        let all = positions(&hub, "x.test.thing", 0).await;
        assert_eq!(seen, all[..seen.len()]);
        socket.says(super::unsubscribe("all")).await;
        while matches!(socket.hears().await, HubFrame::Event(_)) {}
        sockets += 1;
        while writers.try_join_next().is_some() {}
    }
    assert!(sockets > 1);
}

/// The database is away for one node, and what the other appends meanwhile is told when it is back.
#[tokio::test]
async fn while_the_database_is_away_a_subscription_waits_and_then_misses_nothing() {
    let hub = TestHub::start().await;
    lets_read(&hub, &hub.home.office).await;
    let proxy = Proxy::before(secrecy::ExposeSecret::expose_secret(&hub.config.database.url)).await;
    let node = behind(&hub, &proxy);
    let served = Served::start(&node).await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let begun = begins(&mut office, subscribe("things", &["x.*"], None)).await;
    happens(&hub.home.kitchen, 2).await;
    let mut seen = super::sees_so_many(&mut office, 2).await;
    proxy.cut();
    for _ in 0..3 {
        happens(&hub.home.kitchen, 100).await;
    }
    // The socket is still there, and says so.
    office.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(office.hears().await, HubFrame::Pong(_)));
    proxy.heal();
    happens(&hub.home.kitchen, 1).await;
    seen.extend(super::sees_so_many(&mut office, 301).await);
    assert_eq!(
        seen,
        positions(&hub, "x.test.thing", position(&begun.cursor)).await
    );
}
