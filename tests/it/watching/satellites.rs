//! Subscriptions of satellites.

use std::time::Duration;

use hub::{
    devices::revoke::revoke,
    satellite::protocol::{CloseReason, HubFrame, Renew, SatelliteFrame, Unsubscribed},
};
use serde_json::json;
use support::{Served, TestHub, thing};
use tokio::time::timeout;

use super::{
    begins, end, greet, happens, lets_read, name, position, positions, sees, sees_so_many, subscribe,
    unsubscribe,
};
use crate::satellite::ended;

async fn home() -> (TestHub, Served) {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    (hub, served)
}

#[tokio::test]
async fn a_subscriber_is_told_what_happens_from_now_on_until_it_ends() {
    let (hub, served) = home().await;
    happens(&hub.home.kitchen, 3).await;
    let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, None).await;
    assert!(!welcome.resumed);
    let begun = begins(&mut office, subscribe("all", &["x.*"], None)).await;
    assert_eq!((begun.resumed, position(&begun.cursor)), (false, end(&hub).await));
    happens(&hub.home.kitchen, 2).await;
    let event = sees(&mut office).await;
    assert_eq!((event.subscription, event.topic.as_str()), (name("all"), "x.*"));
    assert_eq!(position(&event.cursor), end(&hub).await - 1);
    assert_eq!(event.body["event_type"], "x.test.thing");
    assert_eq!(event.body["payload"], json!({"number": 0}));
    assert_eq!(event.body["cursor"], event.cursor);
    assert_eq!(sees(&mut office).await.body["payload"], json!({"number": 1}));
    office.says(unsubscribe("all")).await;
    let over = HubFrame::Unsubscribed(Unsubscribed {
        subscription: name("all"),
    });
    assert_eq!(office.hears().await, over);
    happens(&hub.home.kitchen, 1).await;
    // What comes next is the answer to this.
    office.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(office.hears().await, HubFrame::Pong(_)));
}

#[tokio::test]
async fn a_subscription_goes_on_when_the_credential_was_renewed() {
    let (hub, served) = home().await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    begins(&mut office, subscribe("all", &["x.*"], None)).await;
    office.says(SatelliteFrame::Renew(Renew {})).await;
    assert!(matches!(office.hears().await, HubFrame::Renewed(_)));
    // The old one ends, and longer than the look at who may still watch takes nothing happens.
    hub.clock.advance(chrono::Duration::minutes(10));
    assert_eq!(office.hears_within(Duration::from_millis(1_200)).await, None);
    happens(&hub.home.kitchen, 1).await;
    assert_eq!(sees(&mut office).await.body["payload"], json!({"number": 0}));
    begins(&mut office, subscribe("more", &["x.*"], None)).await;
}

#[tokio::test]
async fn what_came_since_a_place_is_replayed_and_then_goes_on() {
    let (hub, served) = home().await;
    // More than is kept of the newest part of a log.
    for _ in 0..7 {
        happens(&hub.home.kitchen, 100).await;
    }
    let all = positions(&hub, "x.test.thing", 0).await;
    let from = format!("1:{}", all[9]);
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let begun = begins(&mut office, subscribe("things", &["x.test.thing"], Some(&from))).await;
    assert_eq!((begun.resumed, &begun.cursor), (true, &from));
    happens(&hub.home.kitchen, 5).await;
    let all = positions(&hub, "x.test.thing", 0).await;
    assert_eq!(sees_so_many(&mut office, 695).await, all[10..]);
    // Others come and go as they like; each starts where it says.
    let start = format!("1:{}", all[700]);
    begins(&mut office, subscribe("again", &["*"], Some(&start))).await;
    assert_eq!(sees_so_many(&mut office, 4).await, all[701..]);
}

#[tokio::test]
async fn where_the_hello_was_a_subscription_goes_on() {
    let (hub, served) = home().await;
    happens(&hub.home.kitchen, 5).await;
    let all = positions(&hub, "x.test.thing", 0).await;
    let was = format!("1:{}", all[1]);
    let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, Some(&was)).await;
    assert!(welcome.resumed);
    let begun = begins(&mut office, subscribe("things", &["x.test.*"], None)).await;
    assert_eq!((begun.resumed, &begun.cursor), (true, &was));
    assert_eq!(sees_so_many(&mut office, 3).await, all[2..]);
    // A place of its own counts more.
    let own = format!("1:{}", all[3]);
    let begun = begins(&mut office, subscribe("others", &["x.test.*"], Some(&own))).await;
    assert_eq!(begun.cursor, own);
    assert_eq!(sees_so_many(&mut office, 1).await, all[4..]);
}

#[tokio::test]
async fn a_place_that_the_log_does_not_go_on_from_is_said_to_be_none() {
    let (hub, served) = home().await;
    happens(&hub.home.kitchen, 1).await;
    for (number, elsewhere) in ["2:1", "0:1", "1:100000"].into_iter().enumerate() {
        let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, Some(elsewhere)).await;
        assert!(!welcome.resumed, "{elsewhere}");
        let here = format!("1:{}", end(&hub).await);
        for (name, cursor) in [("a", None), ("b", Some(elsewhere))] {
            let begun = begins(&mut office, subscribe(name, &["x.*"], cursor)).await;
            assert_eq!((begun.resumed, &begun.cursor), (false, &here), "{elsewhere}");
        }
        happens(&hub.home.kitchen, 1).await;
        let (one, other) = (sees(&mut office).await, sees(&mut office).await);
        assert_eq!(one.body, other.body, "{number}");
        assert_ne!(one.subscription, other.subscription);
    }
}

#[tokio::test]
async fn a_topic_of_a_space_leaves_what_happens_there() {
    let (hub, served) = home().await;
    lets_read(&hub, &hub.home.kitchen).await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let topic = format!("x.*@{}", hub.home.kitchen.space);
    begins(&mut office, subscribe("kitchen", &["turn.ended", &topic], None)).await;
    happens(&hub.home.office, 1).await;
    happens(&hub.home.kitchen, 1).await;
    happens(&hub.home.office, 1).await;
    happens(&hub.home.kitchen, 1).await;
    for _ in 0..2 {
        let event = sees(&mut office).await;
        assert_eq!(event.topic, topic);
        assert_eq!(event.body["space_id"], json!(hub.home.kitchen.space));
    }
}

/// Commands and answers come between the events of a long replay.
#[tokio::test]
async fn a_long_replay_keeps_nothing_else_waiting() {
    let (hub, served) = home().await;
    for _ in 0..10 {
        happens(&hub.home.kitchen, 100).await;
    }
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    begins(&mut office, subscribe("all", &["*"], Some("1:0"))).await;
    office.says_text(r#"{"type":"ping"}"#).await;
    let mut before = 0;
    while matches!(office.hears().await, HubFrame::Event(_)) {
        before += 1;
    }
    assert!(before < 900, "{before} events came before the answer");
}

/// Nobody is told of what is another's: neither what is replayed nor what happens.
#[tokio::test]
async fn a_device_sees_what_is_its_audiences_and_nothing_else() {
    let (hub, served) = home().await;
    lets_read(&hub, &hub.home.kitchen).await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    // The kitchen's is Ada's own; the office is the household's.
    let own = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        ada.person, hub.home.kitchen.id
    );
    hub.sql().execute(&own).await;
    ada.says("before, in private", "a1").await.unwrap();
    bob.says("before, in private", "b1").await.unwrap();
    let (mut kitchen, _) = greet(&served.socket_url(), &hub.home.kitchen, None).await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    for socket in [&mut kitchen, &mut office] {
        let asked = subscribe("all", &["message.*", "x.*"], Some("1:0"));
        begins(socket, asked).await;
    }
    bob.says("live, in private", "b2").await.unwrap();
    ada.says("live, in private", "a2").await.unwrap();
    let marker = hub.home.office.sends(vec![thing(json!({"marker": true}))]).await;
    assert_eq!(marker.unwrap().len(), 1);
    let mut seen = Vec::new();
    for socket in [&mut kitchen, &mut office] {
        let mut of_this = Vec::new();
        loop {
            let event = sees(socket).await;
            if event.body["payload"]["marker"] == true {
                break;
            }
            of_this.push(event.body["audience_person_id"].clone());
        }
        seen.push(of_this);
    }
    assert_eq!(seen, [vec![json!(ada.person), json!(ada.person)], vec![]]);
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_revoked_device_is_told_nothing_more() {
    let (hub, served) = home().await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    begins(&mut office, subscribe("all", &["*"], None)).await;
    let mut tx = hub.home.whole().await;
    revoke(&mut tx, hub.home.office.id).await.unwrap();
    tx.commit().await.unwrap();
    let ends = timeout(Duration::from_secs(3), office.end()).await;
    ended(&ends.unwrap(), CloseReason::Revoked);
}

/// Takes as long as the hub waits for a slow reader, ten seconds.
#[tokio::test]
async fn a_slow_reader_is_let_go_and_goes_on_where_it_was() {
    let (hub, served) = home().await;
    lets_read(&hub, &hub.home.kitchen).await;
    let (mut slow, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let begun = begins(&mut slow, subscribe("all", &["x.*"], None)).await;
    let (mut other, _) = greet(&served.socket_url(), &hub.home.kitchen, None).await;
    begins(&mut other, subscribe("all", &["x.*"], None)).await;
    // More than fits between the two, and none of it is read.
    for _ in 0..25 {
        let much = json!({"much": "x".repeat(60_000)});
        let things = (0..10).map(|_| thing(much.clone())).collect();
        let _ = hub.home.kitchen.sends(things).await.unwrap();
        assert_eq!(
            sees_so_many(&mut other, 10).await.len(),
            10,
            "others are told meanwhile"
        );
    }
    for _ in 0..300 {
        if hub.sql().count("device_connections", "true").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = hub.sql().count("device_connections", "true").await;
    assert_eq!(left, 1, "the slow one is out");
    let (mut again, welcome) = greet(&served.socket_url(), &hub.home.office, Some(&begun.cursor)).await;
    assert!(welcome.resumed);
    begins(&mut again, subscribe("all", &["x.*"], None)).await;
    let all = positions(&hub, "x.test.thing", position(&begun.cursor)).await;
    assert_eq!(sees_so_many(&mut again, 250).await, all);
}

/// A read that finds no connection is given up after a second; eight of them, one after another, would be eight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_keeps_a_socket_waiting_once_and_not_for_each_subscription() {
    let hub = TestHub::builder()
        .config(|config| {
            config.database.app_connections = 2;
            config.database.acquire_timeout_ms = 1_000;
        })
        .start()
        .await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    // More than fits between the two, so that all are still far back.
    let much = json!({"much": "x".repeat(5_000)});
    for _ in 0..7 {
        let things = (0..100).map(|_| thing(much.clone())).collect();
        let _ = hub.home.kitchen.sends(things).await.unwrap();
    }
    let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, None).await;
    for number in 0..welcome.limits.max_subscriptions {
        office
            .says(subscribe(&format!("s{number}"), &["x.*"], Some("1:0")))
            .await;
    }
    let mut begun = 0;
    while begun < welcome.limits.max_subscriptions {
        begun += u32::from(matches!(office.hears().await, HubFrame::Subscribed(_)));
    }
    let _held = (hub.home.household_eyes().await, hub.home.household_eyes().await);
    office.says_text(r#"{"type":"ping"}"#).await;
    let pong = async { while !matches!(office.hears().await, HubFrame::Pong(_)) {} };
    timeout(Duration::from_secs(4), pong)
        .await
        .expect("it is answered soon");
}

/// The bound of a socket, and that each is on its own.
#[tokio::test]
async fn several_subscriptions_are_apart() {
    let (hub, served) = home().await;
    let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, None).await;
    happens(&hub.home.kitchen, 2).await;
    for number in 0..welcome.limits.max_subscriptions {
        let begun = begins(
            &mut office,
            subscribe(&format!("s{number}"), &["x.*"], Some("1:0")),
        )
        .await;
        assert!(begun.resumed);
        assert_eq!(sees_so_many(&mut office, 2).await.len(), 2);
    }
    happens(&hub.home.kitchen, 1).await;
    let mut told: Vec<String> = Vec::new();
    for _ in 0..welcome.limits.max_subscriptions {
        told.push(sees(&mut office).await.subscription.as_str().to_owned());
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), welcome.limits.max_subscriptions as usize);
}
