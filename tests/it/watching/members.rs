//! Who belongs to the agent no more sees no more of it, on every node and within a second: not by a stream, not by a program's, and
//! not through a device of their own.

use std::time::Duration;

use axum::http::Method;
use hub::{
    events,
    identity::Role,
    satellite::{self, protocol::CloseReason},
    turns::offline::Offline,
};
use serde_json::json;
use support::{Client, Rest, Served, StreamEvent, TestHub, User};
use tokio::time::{Instant, timeout};

use super::{Events, greet};
use crate::satellite::ended;

/// What is revoked ends within this. (The look is every half a second.)
const AT_ONCE: Duration = Duration::from_secs(1);

/// Bob on two nodes: with his sign-in, with a program and with a device of his own.
struct Home {
    hub: TestHub,
    nodes: [Served; 2],
    ada: Client,
    bob: User,
    his: Client,
    program: Client,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let here = Served::start(&hub).await;
        let node = hub.another_process(Offline);
        let there = Served::deaf(&node).await;
        // It hears no bell of the other: its own looks are all there is.
        events::watchers::start(&node);
        satellite::watch::start(&node);
        let rest = Rest::of(&hub);
        let ada = rest.user(&hub.owner("ada").await).await;
        let bob = hub.home.user("bob", Role::Member).await;
        let his = rest.user(&bob).await;
        let wish = json!({"name": "a wall", "scopes": ["events:read"]});
        let made = his.post("tokens", wish).await.expect(201);
        let program = rest.bearer(made.text("/secret"));
        Self {
            hub,
            nodes: [here, there],
            ada,
            bob,
            his,
            program,
        }
    }

    /// Bob watches by his sign-in and by his program on both nodes; then this happens.
    async fn all_end_after(&self, change: impl AsyncFnOnce()) {
        let mut streams = Vec::new();
        for node in &self.nodes {
            for who in [&self.his, &self.program] {
                streams.push(Events::of(node, who, "", None).await.0);
            }
        }
        change().await;
        let began = Instant::now();
        for mut stream in streams {
            let over = timeout(AT_ONCE, over(&mut stream)).await;
            assert!(over.is_ok(), "a stream goes on after {:?}", began.elapsed());
        }
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }
}

/// Until it is said that it is over.
async fn over(stream: &mut Events) -> StreamEvent {
    loop {
        let event = stream.next().await.expect("it is said that it is over");
        if event.event == "goodbye" {
            return event;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_blocked_or_left_watches_no_more_on_any_node() {
    let home = Home::new().await;
    let path = format!("members/{}", home.bob.id);
    home.all_end_after(async || {
        let blocked = home
            .ada
            .ask(Method::PATCH, &path)
            .json(&json!({"role": "blocked"}));
        let _ = blocked.send().await.expect(200);
    })
    .await;
    let home = Home::new().await;
    let path = format!("members/{}", home.bob.id);
    home.all_end_after(async || {
        let _ = home.ada.delete(&path).await.expect(200);
    })
    .await;
    let home = Home::new().await;
    home.all_end_after(async || {
        let _ = home
            .his
            .ask(Method::POST, "members/leave")
            .send()
            .await
            .expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_personal_device_goes_with_its_person_on_any_node() {
    for node in 0..2 {
        let home = Home::new().await;
        let office = &home.hub.home.office;
        let given = format!(
            "update hub.devices set person_id = '{}' where id = '{}'",
            home.bob.person, office.id
        );
        home.hub.sql().execute(&given).await;
        let (mut socket, _) = greet(&home.nodes[node].socket_url(), office, None).await;
        let path = format!("members/{}", home.bob.id);
        let _ = home.ada.delete(&path).await.expect(200);
        let end = timeout(AT_ONCE, socket.end()).await;
        ended(&end.expect("it ends within a second"), CloseReason::Revoked);
        let again = support::Socket::open(&home.nodes[node].socket_url(), Some(&office.token)).await;
        assert!(again.is_err(), "its credential is good for nothing");
    }
}
