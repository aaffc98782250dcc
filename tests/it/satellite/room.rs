//! Room for everybody: what one agent's devices take of the sockets and of the database is bounded, and so is what one socket
//! takes by saying much.

use futures_util::future::join_all;
use hub::{
    identity::Trust,
    satellite::protocol::{Accepted, HubFrame, SUBPROTOCOL},
};
use reqwest::{Client, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::Executor;
use support::{Rest, Served, Socket, TestDevice, TestHub};

/// Asks for a socket as a device does, and reads how that is answered.
async fn knocks(served: &Served, device: &TestDevice) -> Response {
    let http = Client::builder().build().unwrap();
    let url = format!("http://{}/v1/satellites/connect", served.address());
    let knock = http
        .get(url)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", SUBPROTOCOL)
        .bearer_auth(device.token.expose_secret());
    knock.send().await.unwrap()
}

#[tokio::test]
async fn an_agent_with_all_its_sockets_is_told_when_to_come_again_and_others_come_in() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.max_sockets_per_agent = 1)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let (first, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;

    let refused = knocks(&served, &hub.home.office).await;
    assert_eq!(refused.status(), 503);
    let after: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=8).contains(&after), "{after}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "full");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("this agent's devices"),
        "{problem}"
    );

    let neighbours = hub.household("neighbours").await;
    let _theirs = Socket::greet(&served, &neighbours.kitchen, &[]).await;
    // When one goes, its socket is the next one's.
    assert!(first.leaves().await);
    let mut tries = 0;
    while Socket::open(&served.socket_url(), Some(&hub.home.office.token))
        .await
        .is_err()
    {
        tries += 1;
        assert!(tries < 1_000, "the socket that was left stays taken");
    }
}

/// All that one agent's devices say waits for its log, which somebody holds, and each message that is worked on holds a
/// connection meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_messages_wait_leaves_the_database_to_others() {
    let hub = TestHub::builder()
        .config(|config| {
            config.database.app_connections = 4;
            config.database.acquire_timeout_ms = 1_000;
        })
        .start()
        .await;
    let served = Served::start(&hub).await;
    let mut sockets = Vec::new();
    for number in 0..8 {
        let name = format!("speaker {number}");
        let device = hub
            .home
            .satellite(&name, hub.home.elsewhere, Trust::Household)
            .await;
        sockets.push(Socket::greet(&served, &device, &[]).await.0);
    }
    let neighbours = hub.household("neighbours").await;
    let (mut theirs, _) = Socket::greet(&served, &neighbours.kitchen, &[]).await;
    let bob = Rest::of(&hub).user(&neighbours.owner("bob").await).await;

    let mut held = hub.sql().pool().begin().await.unwrap();
    let lock = format!(
        "select from hub.agent_heads where agent_id = '{}' for update",
        hub.home.agent
    );
    held.execute(sqlx::AssertSqlSafe(lock)).await.unwrap();
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.transcribes(&format!("said-{number}"), "hello").await;
    }
    let _ = hub.sql().waits_for_locks(2).await;
    theirs.transcribes("theirs", "hello").await;
    assert!(is_accepted(&theirs.hears().await));
    let _ = bob.get("events").await.expect(200);
    held.rollback().await.unwrap();
    let answers = join_all(sockets.iter_mut().map(Socket::hears)).await;
    assert!(answers.iter().all(is_accepted), "{answers:?}");
    hub.run_jobs().await;
}

/// The hub reads a socket's next frame when it has answered the one before: what is said ahead waits with the one who says it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_says_much_is_answered_in_order_and_not_before_others() {
    const MUCH: usize = 400;
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut loud, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let (mut quiet, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    for number in 0..MUCH {
        loud.transcribes(&format!("loud-{number}"), "blah").await;
    }
    quiet.transcribes("quiet", "may I?").await;
    assert!(is_accepted(&quiet.hears().await));
    let kept = hub.sql().count("events", "client_id like 'loud-%'").await;
    assert!(
        kept < i64::try_from(MUCH).unwrap(),
        "the other waited for all {kept}"
    );
    for number in 0..MUCH {
        match loud.hears().await {
            HubFrame::Accepted(Accepted::Event { client_id, .. }) => {
                assert_eq!(client_id.as_str(), format!("loud-{number}"));
            }
            other => panic!("not accepted: {other:?}"),
        }
    }
    hub.expect_leftovers();
}

fn is_accepted(answer: &HubFrame) -> bool {
    matches!(answer, HubFrame::Accepted(Accepted::Event { .. }))
}
