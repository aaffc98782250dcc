//! What nobody should ask, and what nobody may: each gets a clear answer, and what goes on goes on.

use std::time::Duration;

use hub::satellite::protocol::{CloseReason, ErrorCode, HubFrame, SatelliteFrame};
use serde_json::{Value, json};
use support::{Served, Socket, TestHub};

use super::{begins, end, greet, happens, lets_read, refused, sees, subscribe, unsubscribe};
use crate::satellite::ended;

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_name_and_its_field() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let nowhere = format!("*@{}", hub.home.agent);
    let many = vec!["*"; 17];
    for (field, wrong, pointer) in [
        ("topics", json!("*"), "/topics"),
        ("topics", json!([]), "/topics"),
        ("topics", json!(many), "/topics"),
        ("topics", json!([7]), "/topics/0"),
        ("topics", json!(["*", "nobody.says"]), "/topics/1"),
        ("topics", json!(["message"]), "/topics/0"),
        ("topics", json!(["*@kitchen"]), "/topics/0"),
        ("topics", json!([nowhere]), "/topics/0"),
        (
            "topics",
            json!(["x.".to_owned() + &"a".repeat(10_000)]),
            "/topics/0",
        ),
        ("cursor", json!(7), "/cursor"),
        ("cursor", json!(""), "/cursor"),
        ("cursor", json!("1"), "/cursor"),
        ("cursor", json!("1:-1"), "/cursor"),
        ("cursor", json!("1:1:1"), "/cursor"),
        ("cursor", json!("99999999999:99999999999999999999"), "/cursor"),
        ("agent_id", json!("self"), "/agent_id"),
    ] {
        let mut asked = json!({"type": "subscribe", "subscription": "s", "topics": ["*"]});
        asked[field] = wrong.clone();
        office.says_text(&asked.to_string()).await;
        let shown = wrong.to_string();
        let shown = &shown[..shown.len().min(80)];
        assert_eq!(
            refused(&mut office, "s").await,
            (ErrorCode::Invalid, pointer.to_owned()),
            "{shown}"
        );
    }
    // Without a good name there is nothing to refuse it by.
    for (asked, pointer) in [
        (json!({"type": "subscribe", "topics": ["*"]}), ""),
        (
            json!({"type": "subscribe", "subscription": "", "topics": ["*"]}),
            "/subscription",
        ),
        (
            json!({"type": "subscribe", "subscription": "a".repeat(129), "topics": ["*"]}),
            "/subscription",
        ),
        (json!({"type": "unsubscribe"}), ""),
    ] {
        office.says_text(&asked.to_string()).await;
        let HubFrame::Error(error) = office.hears().await else {
            panic!("{asked} is not answered by an error");
        };
        let at = error.errors.first().map_or("", |error| error.pointer.as_str());
        assert_eq!((error.code, at), (ErrorCode::Invalid, pointer));
    }
    // Nothing was begun, and all still works.
    happens(&hub.home.kitchen, 1).await;
    begins(&mut office, subscribe("s", &["x.*"], None)).await;
    happens(&hub.home.kitchen, 1).await;
    assert_eq!(sees(&mut office).await.cursor, format!("1:{}", end(&hub).await));
}

#[tokio::test]
async fn a_name_is_used_once_and_an_end_needs_a_beginning() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, None).await;
    begins(&mut office, subscribe("s0", &["*"], None)).await;
    // The first one goes on, so that its name is not said to be refused.
    let mut elsewhere = subscribe("s0", &["*"], None);
    if let SatelliteFrame::Subscribe(asked) = &mut elsewhere {
        asked.agent_id = Some(hub.home.office.id.0);
    }
    for (again, code) in [
        (subscribe("s0", &["*"], None), ErrorCode::Conflict),
        (subscribe("s0", &["message"], None), ErrorCode::Invalid),
        (subscribe("s0", &["*"], Some("x")), ErrorCode::Invalid),
        (elsewhere, ErrorCode::NotFound),
    ] {
        office.says(again).await;
        assert!(matches!(office.hears().await, HubFrame::Error(error) if error.code == code));
    }
    happens(&hub.home.kitchen, 1).await;
    assert_eq!(sees(&mut office).await.subscription.as_str(), "s0");
    office.says(unsubscribe("s1")).await;
    assert_eq!(refused(&mut office, "s1").await.0, ErrorCode::NotFound);
    for number in 1..welcome.limits.max_subscriptions {
        begins(&mut office, subscribe(&format!("s{number}"), &["*"], None)).await;
    }
    office.says(subscribe("more", &["*"], None)).await;
    assert_eq!(refused(&mut office, "more").await.0, ErrorCode::Conflict);
    office.says(unsubscribe("s0")).await;
    assert!(matches!(office.hears().await, HubFrame::Unsubscribed(_)));
    begins(&mut office, subscribe("more", &["*"], None)).await;
}

#[tokio::test]
async fn who_may_not_read_events_is_told_nothing_of_them() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut office, welcome) = greet(&served.socket_url(), &hub.home.office, Some("1:0")).await;
    assert!(!welcome.resumed, "not even that there is such a place");
    office.says(subscribe("s", &["*"], None)).await;
    assert_eq!(refused(&mut office, "s").await.0, ErrorCode::Forbidden);
    // Another agent is none.
    lets_read(&hub, &hub.home.kitchen).await;
    let away = hub.household("away").await;
    let (mut kitchen, _) = greet(&served.socket_url(), &hub.home.kitchen, None).await;
    let asked = json!({"type": "subscribe", "subscription": "s", "topics": ["*"], "agent_id": away.agent});
    kitchen.says_text(&asked.to_string()).await;
    assert_eq!(refused(&mut kitchen, "s").await.0, ErrorCode::NotFound);
    let theirs = format!("*@{}", away.kitchen.space);
    kitchen.says(subscribe("s", &[&theirs], None)).await;
    assert_eq!(
        refused(&mut kitchen, "s").await,
        (ErrorCode::Invalid, "/topics/0".to_owned())
    );
}

/// The socket stays for what the device may still do.
#[tokio::test]
async fn a_scope_that_is_taken_away_ends_the_subscriptions() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    lets_read(&hub, office).await;
    let (mut socket, _) = greet(&served.socket_url(), office, None).await;
    begins(&mut socket, subscribe("s", &["x.*"], None)).await;
    hub.gives_scopes(office, &["events:write", "commands:receive"])
        .await;
    assert_eq!(refused(&mut socket, "s").await.0, ErrorCode::Forbidden);
    happens(&hub.home.kitchen, 1).await;
    socket.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(socket.hears().await, HubFrame::Pong(_)));
}

/// At once: what the device could when it said hello counts no more.
#[tokio::test]
async fn subscribing_again_does_not_bring_a_scope_back() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    lets_read(&hub, office).await;
    let (mut socket, _) = greet(&served.socket_url(), office, None).await;
    hub.gives_scopes(office, &["events:write", "commands:receive"])
        .await;
    socket.says(subscribe("s", &["x.*"], None)).await;
    assert_eq!(refused(&mut socket, "s").await.0, ErrorCode::Forbidden);
    // Nor is one needed that it did not have then.
    lets_read(&hub, office).await;
    begins(&mut socket, subscribe("s", &["x.*"], None)).await;
}

#[tokio::test]
async fn a_device_that_became_anothers_sees_the_new_ones_and_no_more_the_formers() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (office, ada, bob) = (&hub.home.office, hub.owner("ada").await, hub.member("bob").await);
    lets_read(&hub, office).await;
    let becomes = |person| {
        format!(
            "update hub.devices set person_id = '{person}' where id = '{}'",
            office.id
        )
    };
    hub.sql().execute(&becomes(ada.person)).await;
    let (mut socket, _) = greet(&served.socket_url(), office, None).await;
    ada.says("in private", "a1").await.unwrap();
    bob.says("in private", "b1").await.unwrap();
    hub.sql().execute(&becomes(bob.person)).await;
    begins(&mut socket, subscribe("s", &["message.*"], Some("1:0"))).await;
    assert_eq!(
        sees(&mut socket).await.body["audience_person_id"],
        json!(bob.person)
    );
    assert_eq!(socket.hears_within(Duration::from_millis(500)).await, None);
    hub.run_jobs().await;
}

/// What a personal device saw is not what the next one's owner may see.
#[tokio::test]
async fn a_device_that_becomes_anothers_must_ask_again() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (office, ada) = (&hub.home.office, hub.owner("ada").await);
    lets_read(&hub, office).await;
    let (mut socket, _) = greet(&served.socket_url(), office, None).await;
    begins(&mut socket, subscribe("s", &["x.*"], None)).await;
    let given = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        ada.person, office.id
    );
    hub.sql().execute(&given).await;
    assert_eq!(refused(&mut socket, "s").await.0, ErrorCode::Conflict);
}

#[tokio::test]
async fn a_hello_with_a_place_that_is_none_is_refused() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    for wrong in ["", "x", "1:-1"] {
        let token = Some(&hub.home.office.token);
        let mut socket = Socket::open(&served.socket_url(), token).await.unwrap();
        let hello: Value = json!({"type": "hello", "resume": wrong});
        socket.says_text(&hello.to_string()).await;
        let end = socket.end().await;
        ended(&end, CloseReason::ProtocolError);
        assert_eq!(end.error.unwrap().errors[0].pointer, "/resume");
    }
}
