//! How sockets end: by the other side, by silence, by slowness, by a shutdown.

use std::time::Duration;

use hub::{
    jobs::worker::run_next,
    satellite::protocol::{CloseReason, HubFrame},
    turns::offline::Offline,
};
use serde_json::json;
use support::{Served, Socket, TestHub};

use super::{ended, position};

async fn is_connected(hub: &TestHub) -> bool {
    hub.sql().count("device_connections", "true").await > 0
}

async fn until_gone(hub: &TestHub) {
    for _ in 0..500 {
        if !is_connected(hub).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a socket that has gone is still registered");
}

#[tokio::test]
async fn a_satellite_that_leaves_is_answered_and_gone() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (socket, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    assert!(is_connected(&hub).await);
    assert!(socket.leaves().await, "the hub answers the closing handshake");
    until_gone(&hub).await;
    assert_eq!(hub.sockets.count(), 0);
    let said: Vec<bool> = hub
        .sql()
        .values(
            "select (payload->>'is_connected')::bool from hub.events where type = 'device.presence' order by position",
        )
        .await;
    assert_eq!(said, [true, false]);
}

#[tokio::test]
async fn a_satellite_that_is_cut_off_is_gone() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (socket, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    drop(socket);
    until_gone(&hub).await;
}

#[tokio::test]
async fn a_silent_socket_is_closed_after_two_heartbeats() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.heartbeat_ms = 200)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let (mut socket, welcome) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    assert_eq!(welcome.heartbeat_s, 1, "never a heartbeat of nothing");
    // Whoever reads answers the pings, and may stay.
    assert_eq!(socket.hears_within(Duration::from_millis(900)).await, None);
    // Whoever does not read answers nothing.
    until_gone(&hub).await;
    ended(&socket.end().await, CloseReason::Silent);
}

#[tokio::test]
async fn a_shutdown_says_goodbye_and_loses_nothing() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let mut unsaid = Socket::open(&served.socket_url(), None).await.unwrap();
    for number in 0..20 {
        kitchen.transcribes(&format!("n{number}"), "hello").await;
    }
    let (kitchen, office, unsaid, ()) =
        tokio::join!(kitchen.end(), office.end(), unsaid.end(), served.shut_down());
    for end in [&kitchen, &office, &unsaid] {
        ended(end, CloseReason::Restart);
        let wait = end.goodbye.as_ref().unwrap().reconnect_after_ms.unwrap();
        assert!((500..20_000).contains(&wait), "{wait}");
    }
    let accepted = kitchen.frames.len();
    for (number, frame) in kitchen.frames.iter().enumerate() {
        position(frame, &format!("n{number}"));
    }
    let kept = hub.sql().count("events", "client_id is not null").await;
    assert_eq!(
        usize::try_from(kept).unwrap(),
        accepted,
        "what is in the log was answered, and the other way round"
    );
    assert!(!is_connected(&hub).await);
    // The process that was shut down begins nothing any more; the next one goes on.
    let next = hub.another_process(Offline);
    while run_next(&next).await.unwrap() {}
}

#[tokio::test]
async fn a_closing_hub_takes_no_new_sockets() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let router = hub::http::router(&hub);
    served.shut_down().await;
    let request = axum::http::Request::get("/v1/satellites/connect")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert!(answer.status().is_client_error() || answer.status().as_u16() == 503);
}

/// Takes as long as the hub waits for a slow reader, ten seconds.
#[tokio::test]
async fn a_slow_reader_is_let_go_and_may_come_back() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut slow, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let ping = json!({"type": "ping", "nonce": "x".repeat(200 * 1024)}).to_string();
    let mut sent = 0;
    // Says more than fits between the two, and reads none of the answers.
    while tokio::time::timeout(Duration::from_secs(2), slow.says_text(&ping))
        .await
        .is_ok()
        && sent < 500
    {
        sent += 1;
    }
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    office.transcribes("meanwhile", "hello").await;
    position(&office.hears().await, "meanwhile");
    for _ in 0..200 {
        if hub.sql().count("device_connections", "true").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        hub.sql().count("device_connections", "true").await,
        1,
        "the slow one is out"
    );
    let (mut again, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    again.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(again.hears().await, HubFrame::Pong(_)));
    hub.run_jobs().await;
}
