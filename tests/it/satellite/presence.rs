//! Who watches is told once that a device came, and once that it went and why.

use std::time::Duration;

use chrono::Duration as TimeDelta;
use hub::{jobs::sweep::end_overdue, turns::offline::Offline};
use serde_json::{Value, json};
use support::{Served, Socket, TestHub};

use super::nodes::revokes;

/// What was said: true for one that came, else the reason.
async fn presence(hub: &TestHub) -> Vec<Value> {
    hub.sql()
        .values(
            "select case when (payload ->> 'is_connected')::bool then to_jsonb(true) else payload -> 'reason' end
             from hub.events where type = 'device.presence' order by position",
        )
        .await
}

async fn until(hub: &TestHub, expected: &[Value]) {
    for _ in 0..500 {
        if presence(hub).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(presence(hub).await, expected);
}

#[tokio::test]
async fn a_newer_socket_of_a_device_that_is_there_changes_nothing() {
    let hub = TestHub::start().await;
    let there = Served::start(&hub.another_process(Offline)).await;
    let here = Served::start(&hub).await;
    let (mut one, _) = Socket::greet(&here, &hub.home.office, &[]).await;
    let (mut two, _) = Socket::greet(&there, &hub.home.office, &[]).await;
    one.end().await;
    let (three, _) = Socket::greet(&here, &hub.home.office, &[]).await;
    two.end().await;
    assert_eq!(presence(&hub).await, [true]);
    assert!(three.leaves().await);
    until(&hub, &[json!(true), json!("left")]).await;
    // However soon it comes again, nobody knew that it would.
    let (_four, _) = Socket::greet(&here, &hub.home.office, &[]).await;
    assert_eq!(presence(&hub).await, [json!(true), json!("left"), json!(true)]);
}

#[tokio::test]
async fn it_is_said_why_a_device_went() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.heartbeat_ms = 200)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    let mut expected = Vec::new();
    let (socket, _) = Socket::greet(&served, office, &[]).await;
    drop(socket);
    expected.extend([json!(true), json!("left")]);
    until(&hub, &expected).await;
    // Whoever does not read answers no ping.
    let (_silent, _) = Socket::greet(&served, office, &[]).await;
    expected.extend([json!(true), json!("silent")]);
    until(&hub, &expected).await;
    let (mut bad, _) = Socket::greet(&served, office, &[]).await;
    bad.says_text("nonsense").await;
    bad.end().await;
    expected.extend([json!(true), json!("protocol_error")]);
    until(&hub, &expected).await;
    let (mut last, _) = Socket::greet(&served, office, &[]).await;
    revokes(&hub, office).await;
    last.end().await;
    expected.extend([json!(true), json!("revoked")]);
    until(&hub, &expected).await;
}

#[tokio::test]
async fn a_device_whose_node_is_lost_goes_once_and_may_come_back_elsewhere() {
    let hub = TestHub::start().await;
    let office = &hub.home.office;
    // The node says nothing any more: nobody starts its watch.
    let lost = Served::deaf(&hub.another_process(Offline)).await;
    let (_old, _) = Socket::greet(&lost, office, &[]).await;
    hub.clock.advance(TimeDelta::minutes(2));
    for _ in 0..3 {
        end_overdue(&hub).await.unwrap();
    }
    assert_eq!(presence(&hub).await, [json!(true), json!("node_lost")]);
    let served = Served::start(&hub).await;
    let (_new, _) = Socket::greet(&served, office, &[]).await;
    assert_eq!(
        presence(&hub).await,
        [json!(true), json!("node_lost"), json!(true)]
    );
}

/// Its node was killed, and nobody has noticed when it comes to another one: it was there all the time.
#[tokio::test]
async fn a_device_that_moves_before_its_node_is_missed_was_never_gone() {
    let hub = TestHub::start().await;
    let office = &hub.home.office;
    let lost = Served::deaf(&hub.another_process(Offline)).await;
    let (_old, _) = Socket::greet(&lost, office, &[]).await;
    hub.clock.advance(TimeDelta::minutes(2));
    let served = Served::start(&hub).await;
    let (_new, _) = Socket::greet(&served, office, &[]).await;
    end_overdue(&hub).await.unwrap();
    assert_eq!(presence(&hub).await, [true]);
}

#[tokio::test]
async fn a_shutdown_says_of_each_device_that_the_hub_restarts() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    tokio::join!(office.end(), kitchen.end(), served.shut_down());
    let went = json!("restart");
    assert_eq!(
        presence(&hub).await,
        [json!(true), json!(true), went.clone(), went]
    );
}
