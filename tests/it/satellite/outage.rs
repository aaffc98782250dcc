//! A database that is away: sockets stay, nothing is promised that is not kept, and all goes on when it is back.

use std::time::Duration;

use chrono::Duration as TimeDelta;
use hub::{
    satellite::protocol::{CommandStage, ErrorCode, HubFrame},
    storage::Ring,
};
use serde_json::json;
use support::{Proxy, Served, Socket, TestHub};
use uuid::Uuid;

use super::{acknowledge, position, refused_event, standing, succeed, tell};

async fn proxied() -> TestHub {
    TestHub::builder()
        .proxied()
        .config(|config| config.database.acquire_timeout_ms = 2_000)
        .start()
        .await
}

fn way(hub: &TestHub) -> &Proxy {
    hub.proxy.as_ref().expect("this hub is proxied")
}

/// A row in the office's mailbox, past the hub that cannot reach its database.
async fn queue(hub: &TestHub, seq: i64, state: &str) -> Uuid {
    let (office, id) = (&hub.home.office, hub::ids::fresh());
    let attempts = i64::from(state != "queued");
    hub.sql()
        .execute(&format!(
            "insert into hub.commands (agent_id, id, device_id, seq, kind, arguments, arguments_salt, state, attempts,
               deadline_at, last_deadline_at, created_at)
             values ('{}', '{id}', '{}', {seq}, 'echo', '{{}}', decode(repeat('00', 32), 'hex'), '{state}', {attempts},
               '2026-03-01T12:02Z', '2026-03-01T13:00Z', '2026-03-01T12:00Z')",
            office.agent, office.id
        ))
        .await;
    id
}

#[tokio::test]
async fn a_socket_outlives_its_database() {
    let hub = proxied().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let id = tell(&hub.home, &hub.home.office, "one").await;
    office.is_told().await;
    way(&hub).cut();
    office.transcribes("one", "hello").await;
    assert_eq!(refused_event(office.hears().await, "one").0, ErrorCode::Busy);
    office.acknowledges(id.0).await;
    assert_eq!(
        super::refused(office.hears().await, id.0, CommandStage::Ack).0,
        ErrorCode::Busy
    );
    office.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(office.hears().await, HubFrame::Pong(_)));
    let queued = queue(&hub, 100, "queued").await;
    way(&hub).heal();
    // After a look that failed, what was not acknowledged comes again, because nobody knows what of it arrived. A look that
    // only had to wait goes on where it was.
    let (mut told, mut attempts) = (office.is_told().await, 1);
    if told.command_id == id.0 {
        attempts = told.attempt;
        assert_eq!(attempts, 2);
        told = office.is_told().await;
    }
    assert_eq!((told.command_id, told.attempt), (queued, 1));
    office.transcribes("one", "hello").await;
    position(&office.hears().await, "one");
    acknowledge(&mut office, id).await;
    assert_eq!(standing(&hub, id).await, format!("acknowledged {attempts}"));
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_database_that_hangs_does_not_hold_a_socket_for_ever() {
    let hub = proxied().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    way(&hub).stall();
    office.transcribes("one", "hello").await;
    assert_eq!(refused_event(office.hears().await, "one").0, ErrorCode::Busy);
    way(&hub).heal();
    loop {
        office.transcribes("one", "hello").await;
        match office.hears().await {
            HubFrame::Accepted(_) | HubFrame::Duplicate(_) => break,
            busy => assert_eq!(refused_event(busy, "one").0, ErrorCode::Busy),
        }
    }
    assert_eq!(hub.sql().count("events", "client_id = 'one'").await, 1);
    hub.run_jobs().await;
}

/// The commands were marked as sent, and the word that they were never came back: they were not written to the socket.
#[tokio::test]
async fn commands_whose_hand_over_failed_half_way_come_later() {
    let hub = proxied().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    way(&hub).cut();
    hub.db.bell().ring_here([Ring::Device(hub.home.office.id)]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let half = queue(&hub, 100, "sent").await;
    // Long enough for the try that the ring caused to have failed.
    office.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(office.hears().await, HubFrame::Pong(_)));
    way(&hub).heal();
    let told = office.is_told().await;
    assert_eq!((told.command_id, told.attempt), (half, 2));
}

/// While the database was away no heartbeat was written, and another process took the connection for dead.
#[tokio::test]
async fn a_connection_that_aged_out_meanwhile_is_taken_up_again() {
    let hub = proxied().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    hub.clock.advance(TimeDelta::minutes(5));
    hub.sweep().await;
    let queued = tell(&hub.home, &hub.home.office, "one").await;
    assert_eq!(office.is_told().await.command_id, queued.0);
    office.transcribes("one", "hello").await;
    position(&office.hears().await, "one");
    assert_eq!(hub.sql().count("device_connections", "generation = 1").await, 1);
    succeed(&mut office, queued, json!(1)).await;
    hub.run_jobs().await;
}

/// Longer than two heartbeats the hub could not listen, because it waited for its database.
#[tokio::test]
async fn a_hub_that_did_not_listen_calls_nobody_silent() {
    let hub = TestHub::builder()
        .proxied()
        .config(|config| {
            config.database.acquire_timeout_ms = 1_500;
            config.satellite.heartbeat_ms = 300;
        })
        .start()
        .await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    way(&hub).cut();
    for number in 0..3 {
        let id = format!("n{number}");
        office.transcribes(&id, "hello").await;
        assert_eq!(refused_event(office.hears().await, &id).0, ErrorCode::Busy);
    }
    way(&hub).heal();
    office.transcribes("one", "hello").await;
    loop {
        match office.hears().await {
            HubFrame::Accepted(_) => break,
            busy => assert_eq!(refused_event(busy, "one").0, ErrorCode::Busy),
        }
        office.transcribes("one", "hello").await;
    }
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_hello_while_the_database_is_away_may_be_said_again() {
    let hub = proxied().await;
    let served = Served::start(&hub).await;
    let mut socket = Socket::open(&served.socket_url(), None).await.unwrap();
    way(&hub).cut();
    socket
        .says_text(
            &json!({"type": "hello", "token": secrecy::ExposeSecret::expose_secret(&hub.home.office.token)})
                .to_string(),
        )
        .await;
    let end = socket.end().await;
    super::ended(&end, hub::satellite::protocol::CloseReason::Internal);
    assert_eq!(end.error.unwrap().code, ErrorCode::Busy);
    let refused = Socket::open(&served.socket_url(), Some(&hub.home.office.token)).await;
    assert_eq!(refused.err().map(|status| status.as_u16()), Some(503));
    way(&hub).heal();
    Socket::greet(&served, &hub.home.office, &[]).await;
}

/// The goodbye of a shutdown does not wait for a database that is away.
#[tokio::test]
async fn a_shutdown_without_a_database_still_says_goodbye() {
    let hub = proxied().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    way(&hub).stall();
    let began = tokio::time::Instant::now();
    let (end, ()) = tokio::join!(office.end(), served.shut_down());
    super::ended(&end, hub::satellite::protocol::CloseReason::Restart);
    assert!(began.elapsed() < Duration::from_secs(15));
    way(&hub).heal();
}
