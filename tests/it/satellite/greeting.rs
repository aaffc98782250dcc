//! From the upgrade to the welcome, and every way not to get there.

use hub::{
    devices::revoke::revoke,
    identity::{
        Origin,
        claim::{claim, mint_code},
        newcomer::Newcomer,
    },
    satellite::protocol::{CloseReason, ErrorCode, HubFrame, Limits, SUBPROTOCOL},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use support::{End, Served, Socket, TestHub};

use super::{ended, footprint, generation};

/// Opens a socket without a credential and says this first.
async fn says_first(served: &Served, text: &str) -> End {
    let mut socket = Socket::open(&served.socket_url(), None).await.unwrap();
    socket.says_text(text).await;
    socket.end().await
}

fn hello(token: &str) -> String {
    json!({"type": "hello", "token": token}).to_string()
}

#[tokio::test]
async fn a_satellite_that_says_hello_is_welcome() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (_socket, welcome) = Socket::greet(&served, kitchen, &["speaker.say"]).await;
    assert_eq!(
        (welcome.device_id, welcome.agent_id),
        (kitchen.id.0, kitchen.agent.0)
    );
    assert_eq!(
        (welcome.device_name.as_str(), welcome.heartbeat_s),
        ("kitchen", 15)
    );
    assert_eq!((welcome.limits, welcome.resumed), (Limits::default(), false));
    assert_eq!(welcome.open_commands, []);
    let device = hub
        .home
        .whole()
        .await
        .devices()
        .find(kitchen.id)
        .await
        .unwrap()
        .unwrap();
    assert!(device.is_connected && device.can("speaker.say") && !device.can("display.show"));
    assert_eq!(hub.sql().count("events", "type = 'device.presence'").await, 1);
}

#[tokio::test]
async fn a_token_may_come_in_the_hello() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let mut socket = Socket::open(&served.socket_url(), None).await.unwrap();
    socket
        .says_text(&hello(hub.home.office.token.expose_secret()))
        .await;
    assert!(matches!(socket.hears().await, HubFrame::Welcome(welcome) if welcome.device_name == "office"));
}

#[tokio::test]
async fn a_hello_without_a_good_token_is_refused() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let before = footprint(&hub).await;
    for text in [
        r#"{"type":"hello"}"#.to_owned(),
        hello("hubd_0000000000000000000000000000000000000000000"),
        hello(""),
        hello("a.b.c"),
    ] {
        let end = says_first(&served, &text).await;
        ended(&end, CloseReason::Unauthorized);
        assert_eq!(end.error.unwrap().code, ErrorCode::Forbidden, "{text}");
    }
    assert_eq!(footprint(&hub).await, before);
    assert_eq!(hub.sql().count("device_connections", "true").await, 0);
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_the_upgrade() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    for wrong in ["hubd_0000000000000000000000000000000000000000000", "x"] {
        let refused = Socket::open(&served.socket_url(), Some(&SecretString::from(wrong))).await;
        assert_eq!(refused.err().map(|status| status.as_u16()), Some(401));
    }
}

/// An upgrade with these subprotocols, by hand: the status and what the hub says of it.
async fn upgrade(served: &Served, offered: Option<&str>) -> (u16, Value) {
    let url = served.socket_url().replacen("ws", "http", 1);
    let mut request = reqwest::Client::new()
        .get(url)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    if let Some(offered) = offered {
        request = request.header("sec-websocket-protocol", offered);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn an_upgrade_without_the_subprotocol_is_refused_and_told_what_is_needed() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    for offered in [
        None,
        Some("hub.satellite.v2"),
        Some("graphql-ws, hub.console.v1"),
        Some(""),
    ] {
        let (status, problem) = upgrade(&served, offered).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("malformed")),
            "{offered:?}: {problem}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(SUBPROTOCOL));
    }
    let (status, _) = upgrade(&served, Some("other, hub.satellite.v1")).await;
    assert_eq!(status, 101);
}

#[tokio::test]
async fn a_device_that_is_revoked_while_it_says_hello_is_told_so() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let mut socket = Socket::open(&served.socket_url(), Some(&kitchen.token))
        .await
        .unwrap();
    let mut revoking = hub.home.whole().await;
    revoke(&mut revoking, kitchen.id).await.unwrap();
    // The credential is still good, and the hello waits for the device's row.
    socket.says_hello(&[]).await;
    let _ = hub.sql().waits_for_locks(1).await;
    revoking.commit().await.unwrap();
    ended(&socket.end().await, CloseReason::Revoked);
    assert_eq!(generation(&hub, kitchen).await, 0);
}

#[tokio::test]
async fn a_users_token_is_refused() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let code = mint_code(&hub, hub.home.agent).await.unwrap();
    let claimer = Newcomer {
        name: "ada".to_owned(),
        password: SecretString::from("correct horse"),
        from: Origin::default(),
    };
    let (_, tokens) = claim(&hub, &code, claimer).await.unwrap();
    let tokens = tokens.expect("who comes by a password is signed in");
    let before = footprint(&hub).await;
    ended(
        &says_first(&served, &hello(tokens.access.expose_secret())).await,
        CloseReason::Unauthorized,
    );
    let mut socket = Socket::open(&served.socket_url(), Some(&tokens.access))
        .await
        .unwrap();
    socket.says_hello(&[]).await;
    ended(&socket.end().await, CloseReason::Unauthorized);
    assert_eq!(footprint(&hub).await, before);
}

#[tokio::test]
async fn a_device_that_may_do_nothing_is_refused() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    hub.gives_scopes(kitchen, &[]).await;
    let mut socket = Socket::open(&served.socket_url(), Some(&kitchen.token))
        .await
        .unwrap();
    socket.says_hello(&[]).await;
    let end = socket.end().await;
    ended(&end, CloseReason::Unauthorized);
    assert_eq!(end.error.unwrap().code, ErrorCode::Forbidden);
    assert_eq!(generation(&hub, kitchen).await, 0);
}

#[tokio::test]
async fn a_device_may_only_what_its_scopes_say() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (kitchen, office) = (&hub.home.kitchen, &hub.home.office);
    hub.gives_scopes(kitchen, &["commands:receive"]).await;
    hub.gives_scopes(office, &["events:write"]).await;
    let (mut deaf, _) = Socket::greet(&served, kitchen, &[]).await;
    let before = footprint(&hub).await;
    deaf.transcribes("one", "hello").await;
    assert_eq!(
        super::refused_event(deaf.hears().await, "one").0,
        ErrorCode::Forbidden
    );
    assert_eq!(footprint(&hub).await, before);
    let told = "operation = 'authorize_request' and body like '%append_events%'";
    assert_eq!(hub.sql().count("audit_entries", told).await, 1);
    let command = super::tell(&hub.home, office, "for your ears only").await;
    let (mut idle, _) = Socket::greet(&served, office, &["speaker.say"]).await;
    idle.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(idle.hears().await, HubFrame::Pong(_)));
    idle.acknowledges(command.0).await;
    let (code, _) = super::refused(
        idle.hears().await,
        command.0,
        hub::satellite::protocol::CommandStage::Ack,
    );
    assert_eq!(code, ErrorCode::Forbidden);
    assert_eq!(super::standing(&hub, command).await, "queued 0");
}

#[tokio::test]
async fn whoever_says_nothing_keeps_no_socket() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.hello_timeout_ms = 200)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let mut socket = Socket::open(&served.socket_url(), Some(&hub.home.kitchen.token))
        .await
        .unwrap();
    ended(&socket.end().await, CloseReason::HelloTimeout);
    assert_eq!(generation(&hub, &hub.home.kitchen).await, 0);
}

#[tokio::test]
async fn a_frame_before_hello_ends_the_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let before = footprint(&hub).await;
    for text in [
        r#"{"type":"event","client_id":"a","event_type":"transcript","payload":{"text":"hi"}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"nonsense"}"#,
        r#"{"type":"hello","token":7}"#,
        "hello",
        "[]",
        "",
    ] {
        ended(&says_first(&served, text).await, CloseReason::ProtocolError);
    }
    let mut socket = Socket::open(&served.socket_url(), None).await.unwrap();
    socket.says_bytes(b"{}".to_vec()).await;
    ended(&socket.end().await, CloseReason::BinaryFrame);
    assert_eq!(footprint(&hub).await, before);
}

#[tokio::test]
async fn a_second_hello_ends_the_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &["echo"]).await;
    let before = footprint(&hub).await;
    socket.says_hello(&["display.show"]).await;
    ended(&socket.end().await, CloseReason::ProtocolError);
    assert_eq!(
        (footprint(&hub).await, generation(&hub, kitchen).await),
        (before, 1)
    );
}

#[tokio::test]
async fn what_a_device_says_of_itself_is_bounded() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let token = kitchen.token.expose_secret();
    let kinds = |count: usize| {
        (0..count)
            .map(|n| json!({"kind": format!("kind.{n}")}))
            .collect::<Vec<_>>()
    };
    let schema = |text: &str| json!([{"kind": "echo", "arguments_schema": {"title": text}}]);
    let hello = |capabilities: Value, name: &str| {
        json!({"type": "hello", "token": token, "capabilities": capabilities, "software": {"name": name}})
            .to_string()
    };
    for (text, pointer) in [
        (hello(json!(kinds(65)), ""), "/capabilities"),
        (hello(json!([{"kind": "a b"}]), ""), "/capabilities/0/kind"),
        (hello(json!([{"kind": ""}]), ""), "/capabilities/0/kind"),
        (
            hello(json!([{"kind": "k".repeat(101)}]), ""),
            "/capabilities/0/kind",
        ),
        (hello(json!([{"kind": "a"}, {}]), ""), "/capabilities/1"),
        (
            hello(schema(&"x".repeat(16 * 1024)), ""),
            "/capabilities/0/arguments_schema",
        ),
        (hello(schema("\0"), ""), "/capabilities/0/arguments_schema"),
        (hello(json!([]), &"x".repeat(1_000)), "/software"),
        (hello(json!([]), "a\0b"), "/software"),
    ] {
        let end = says_first(&served, &text).await;
        ended(&end, CloseReason::ProtocolError);
        let error = end.error.unwrap();
        assert_eq!(error.code, ErrorCode::Invalid);
        assert_eq!(error.errors[0].pointer, pointer);
    }
    assert_eq!(generation(&hub, kitchen).await, 0);
    let mut socket = Socket::open(&served.socket_url(), None).await.unwrap();
    socket.says_text(&hello(json!(kinds(64)), "a thing")).await;
    assert!(matches!(socket.hears().await, HubFrame::Welcome(_)));
}

#[tokio::test]
async fn a_full_hub_refuses_before_the_upgrade() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.max_sockets = 1)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let (first, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    for token in [None, Some(&hub.home.office.token)] {
        assert_eq!(refusal(&served, token).await, Some(503));
    }
    drop(first);
    until_let_in(&served, None).await;
}

#[tokio::test]
async fn strangers_at_the_door_are_few_and_take_no_devices_seat() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.max_sockets = 1)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let mut strangers = Vec::new();
    while let Ok(socket) = Socket::open(&served.socket_url(), None).await {
        strangers.push(socket);
    }
    assert_eq!(strangers.len(), 8, "of one address");
    assert_eq!(refusal(&served, None).await, Some(503));
    let (_seated, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    // One who waited is told that the seat is taken, and may come again.
    let late = strangers.pop().unwrap();
    let end = says_hello_late(late, hub.home.office.token.expose_secret()).await;
    ended(&end, CloseReason::Internal);
    assert_eq!(end.error.unwrap().code, ErrorCode::Busy);
    assert!(end.goodbye.unwrap().reconnect_after_ms.is_some());
    assert_eq!(generation(&hub, &hub.home.office).await, 0);
}

async fn says_hello_late(mut socket: Socket, token: &str) -> End {
    socket.says_text(&hello(token)).await;
    socket.end().await
}

async fn refusal(served: &Served, token: Option<&SecretString>) -> Option<u16> {
    let opened = Socket::open(&served.socket_url(), token).await;
    opened.err().map(|status| status.as_u16())
}

async fn until_let_in(served: &Served, token: Option<&SecretString>) {
    let mut tries = 0;
    while Socket::open(&served.socket_url(), token).await.is_err() {
        tries += 1;
        assert!(tries < 1_000, "the place of a socket that has gone stays taken");
        tokio::task::yield_now().await;
    }
}
