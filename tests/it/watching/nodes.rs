//! Several processes: what is appended at one is seen at the other, and a wake-up that is lost costs latency only.

use std::time::Duration;

use hub::{events, satellite::protocol::CloseReason, turns::offline::Offline};
use support::{Rest, Served, TestHub};
use tokio::time::{Instant, timeout};

use super::{
    Events, begins, end, greet, happens, lets_read, position, positions, sees, sees_so_many, subscribe,
};
use crate::satellite::ended;

#[tokio::test]
async fn what_happens_at_one_node_is_seen_at_the_other() {
    let hub = TestHub::start().await;
    let node = hub.another_process(Offline);
    let (_here, there) = (Served::start(&hub).await, Served::start(&node).await);
    lets_read(&hub, &hub.home.office).await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let (mut office, _) = greet(&there.socket_url(), &hub.home.office, None).await;
    let begun = begins(&mut office, subscribe("things", &["x.*"], None)).await;
    let (mut stream, _) = Events::of(&there, &ada, "?topics=x.*", None).await;
    let began = Instant::now();
    for _ in 0..20 {
        happens(&hub.home.kitchen, 1).await;
        assert_eq!(position(&sees(&mut office).await.cursor), end(&hub).await);
    }
    // The look at the tables alone would take a second each time.
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert_eq!(
        stream.hears(20).await,
        positions(&hub, "x.test.thing", position(&begun.cursor)).await
    );
}

/// Neither process hears a bell of the other: the look at the tables, once a second, is all there is.
#[tokio::test]
async fn with_every_wake_up_lost_only_time_is() {
    let hub = TestHub::start().await;
    let node = hub.another_process(Offline);
    let there = Served::deaf(&node).await;
    events::tail::start(&node);
    lets_read(&hub, &hub.home.office).await;
    let (mut office, _) = greet(&there.socket_url(), &hub.home.office, None).await;
    let begun = begins(&mut office, subscribe("things", &["x.*"], None)).await;
    for _ in 0..3 {
        happens(&hub.home.kitchen, 5).await;
        let told = timeout(Duration::from_secs(5), sees_so_many(&mut office, 5)).await;
        let after = end(&hub).await - 5;
        assert_eq!(told.unwrap(), positions(&hub, "x.test.thing", after).await);
    }
    assert_eq!(position(&begun.cursor) + 15, end(&hub).await);
}

/// Nobody looks either: nothing comes, and nothing is lost. The next look finds all of it.
#[tokio::test]
async fn without_a_wake_up_and_without_a_look_nothing_comes_and_nothing_is_lost() {
    let hub = TestHub::start().await;
    let node = hub.another_process(Offline);
    let there = Served::deaf(&node).await;
    lets_read(&hub, &hub.home.office).await;
    let (mut office, _) = greet(&there.socket_url(), &hub.home.office, None).await;
    begins(&mut office, subscribe("things", &["x.*"], None)).await;
    // Once it has read where the log ends, it waits.
    happens(&hub.home.kitchen, 1).await;
    events::tail::look(&node).await.unwrap();
    sees(&mut office).await;
    happens(&hub.home.kitchen, 3).await;
    assert_eq!(office.hears_within(Duration::from_millis(1_500)).await, None);
    events::tail::look(&node).await.unwrap();
    assert_eq!(sees_so_many(&mut office, 3).await.len(), 3);
}

/// A role that ended elsewhere ends here within a second, also where no bell is heard.
#[tokio::test]
async fn what_is_revoked_at_one_node_ends_at_the_other() {
    let hub = TestHub::start().await;
    let node = hub.another_process(Offline);
    let there = Served::deaf(&node).await;
    events::watchers::start(&node);
    let rest = Rest::of(&hub);
    let ada = rest.user(&hub.owner("ada").await).await;
    let (mut stream, _) = Events::of(&there, &ada, "", None).await;
    let _ = ada
        .ask(axum::http::Method::POST, "/v1/sign-out")
        .send()
        .await
        .expect(204);
    let over = timeout(Duration::from_secs(3), stream.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (over.event.as_str(), over.data["reason"].as_str()),
        ("goodbye", Some("revoked"))
    );
}

/// As `hub recover` leaves it after a restore: every place means another event now.
#[tokio::test]
async fn a_log_that_was_replaced_lets_its_watchers_go_and_says_so() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    lets_read(&hub, &hub.home.office).await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    happens(&hub.home.kitchen, 5).await;
    let (mut office, _) = greet(&served.socket_url(), &hub.home.office, None).await;
    let begun = begins(&mut office, subscribe("things", &["x.*"], None)).await;
    let (mut stream, _) = Events::of(&served, &ada, "", None).await;
    // Both have read where the log ends.
    happens(&hub.home.kitchen, 1).await;
    sees(&mut office).await;
    stream.hears(1).await;
    let agent = hub.home.agent;
    let recovered = format!("update hub.agent_heads set epoch = 2 where agent_id = '{agent}'");
    hub.sql().execute(&recovered).await;
    ended(&office.end().await, CloseReason::Restart);
    let over = stream.next().await.unwrap();
    assert_eq!(
        (over.event.as_str(), over.data["reason"].as_str()),
        ("goodbye", Some("changed"))
    );
    let (mut again, welcome) = greet(&served.socket_url(), &hub.home.office, Some(&begun.cursor)).await;
    assert!(!welcome.resumed);
    let begun = begins(&mut again, subscribe("things", &["x.*"], Some(&begun.cursor))).await;
    assert_eq!(
        (begun.resumed, begun.cursor),
        (false, format!("2:{}", end(&hub).await))
    );
    // What is before can be read anew, page by page, into the new epoch.
    let page = ada.get("events?limit=2").await.expect(200);
    assert_eq!(page.text("/next_cursor"), "2:2");
    let (mut stream, _) = Events::of(&served, &ada, "", Some("2:0")).await;
    for item in page.items() {
        assert_eq!(
            stream.next().await.unwrap().data,
            *item,
            "both give it the same cursor"
        );
    }
    let _ = ada.get("events?after=2:2").await.expect(200);
}
