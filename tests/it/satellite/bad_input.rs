//! What no satellite should send: each gets a clear answer, and nothing changes.

use hub::satellite::protocol::{CloseReason, ErrorCode, HubFrame, MAX_FRAME_BYTES};
use serde_json::json;
use support::{Message, Served, Socket, TestHub};

use super::{ended, footprint, position, refused_event};

#[tokio::test]
async fn what_is_no_frame_ends_the_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    for text in [
        "",
        "{",
        "null",
        "[]",
        "\"hello\"",
        "{}",
        r#"{"type":null}"#,
        r#"{"type":["ping"]}"#,
        "{\"type\":\"ping\"",
        "{\"type\":\"ping\"}}",
        "{'type':'ping'}",
        "\u{0}",
    ] {
        let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
        let before = footprint(&hub).await;
        kitchen.says_text(text).await;
        let end = kitchen.end().await;
        ended(&end, CloseReason::ProtocolError);
        assert_eq!(end.error.unwrap().code, ErrorCode::Malformed, "{text}");
        assert_eq!(footprint(&hub).await, before, "{text}");
    }
}

#[tokio::test]
async fn a_binary_frame_ends_the_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let before = footprint(&hub).await;
    kitchen.says_bytes(br#"{"type":"ping"}"#.to_vec()).await;
    ended(&kitchen.end().await, CloseReason::BinaryFrame);
    assert_eq!(footprint(&hub).await, before);
}

#[tokio::test]
async fn a_frame_above_the_limit_ends_the_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    for bytes in [MAX_FRAME_BYTES + 1, 10 * 1024 * 1024] {
        let (kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
        let before = footprint(&hub).await;
        let end = kitchen.ends_while_saying(Message::text("x".repeat(bytes))).await;
        ended(&end, CloseReason::FrameTooLarge);
        assert_eq!(footprint(&hub).await, before);
    }
    let unknown = Socket::open(&served.socket_url(), None).await.unwrap();
    let end = unknown
        .ends_while_saying(Message::binary(vec![0; 10 * 1024 * 1024]))
        .await;
    ended(&end, CloseReason::FrameTooLarge);
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let room = MAX_FRAME_BYTES - r#"{"type":"ping","nonce":""}"#.len();
    kitchen
        .says_text(&json!({"type": "ping", "nonce": "x".repeat(room)}).to_string())
        .await;
    assert!(matches!(kitchen.hears().await, HubFrame::Pong(_)));
}

#[tokio::test]
async fn what_cannot_be_understood_is_answered_and_the_socket_stays() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let before = footprint(&hub).await;
    let many: Vec<_> = (0..101)
        .map(|n| json!({"client_id": n.to_string(), "event_type": "x.a", "payload": {}}))
        .collect();
    for (text, code, pointer) in [
        (json!({"type": "report", "state": {}}), ErrorCode::Invalid, ""),
        (json!({"type": "x".repeat(10_000)}), ErrorCode::Unsupported, ""),
        (json!({"type": "event"}), ErrorCode::Invalid, ""),
        (json!({"type": "events", "events": many}), ErrorCode::TooLarge, ""),
        (
            json!({"type": "events", "events": 7}),
            ErrorCode::Invalid,
            "/events",
        ),
        (
            json!({"type": "command_ack", "command_id": "nonsense"}),
            ErrorCode::Invalid,
            "/command_id",
        ),
        (json!({"type": "ping", "nonce": 7}), ErrorCode::Invalid, "/nonce"),
        (
            json!({"type": "events", "events": []}),
            ErrorCode::Invalid,
            "/events",
        ),
    ] {
        kitchen.says_text(&text.to_string()).await;
        let HubFrame::Error(error) = kitchen.hears().await else {
            panic!("{text} is not answered by an error");
        };
        assert_eq!(error.code, code, "{error:?}");
        assert_eq!(
            error.errors.first().map_or("", |error| error.pointer.as_str()),
            pointer,
            "{error:?}"
        );
        assert!(error.detail.len() < 300);
    }
    assert_eq!(footprint(&hub).await, before);
    kitchen.transcribes("one", "still there").await;
    position(&kitchen.hears().await, "one");
    hub.run_jobs().await;
}

/// A satellite resends until it is answered by the event's own id: an `error` without one would make it resend for ever.
#[tokio::test]
async fn an_event_that_cannot_be_kept_is_refused_by_its_id() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let before = footprint(&hub).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let event = |event_type: &str, payload: &str| {
        format!(r#"{{"type":"event","client_id":"one","event_type":"{event_type}","payload":{payload}}}"#)
    };
    for (text, pointer) in [
        (event("transcript", r#"{"text":"a\u0000b"}"#), "/payload/text"),
        (event("transcript", r#"{"text":"a\ud800b"}"#), "/payload"),
        (event("transcript", r#"{"text":"\udc00\ud800"}"#), "/payload"),
        (event("transcript", r#"{"text":""}"#), "/payload/text"),
        (event("transcript", r#"{"text":"  \n "}"#), "/payload/text"),
        (event("transcript", r#"{"text":7}"#), "/payload/text"),
        (
            event("transcript", r#"{"text":"hi","is_final":false}"#),
            "/payload/is_final",
        ),
        (
            event("transcript", r#"{"text":"hi","loud":true}"#),
            "/payload/loud",
        ),
        (
            event("transcript", r#"{"text":"hi","participant":["ada"]}"#),
            "/payload/participant",
        ),
        (
            event("transcript", r#"{"text":"hi","participant":"a\u0000"}"#),
            "/payload/participant",
        ),
        (
            event("transcript", &format!(r#"{{"text":"{}"}}"#, "x".repeat(16_001))),
            "/payload/text",
        ),
        (event("transcript", "[]"), "/payload"),
        (event("x.a", &format!(r#"{{"deep":{deep}}}"#)), "/payload"),
        (event("x.a", r#"{"a\u0000":1}"#), "/payload"),
        (event("x.a", r#"{"n":1e999}"#), "/payload"),
        (
            event("x.a", &format!(r#"{{"a":"{}"}}"#, "x".repeat(64 * 1024))),
            "/payload",
        ),
        (event(&format!("x.{}", "a".repeat(99)), "{}"), "/event_type"),
        (
            event("x.a", r#"{},"occurred_at":"2020-01-01T00:00:00Z""#),
            "/occurred_at",
        ),
        (
            event("x.a", r#"{},"occurred_at":"2030-01-01T00:00:00Z""#),
            "/occurred_at",
        ),
        (
            event("x.a", r#"{},"occurred_at":"+262142-12-31T23:59:59Z""#),
            "/occurred_at",
        ),
        (event("x.a", r#"{},"occurred_at":"yesterday""#), "/occurred_at"),
    ] {
        kitchen.says_text(&text).await;
        let (code, at) = refused_event(kitchen.hears().await, "one");
        let shown = &text[..text.len().min(150)];
        assert!(
            matches!(code, ErrorCode::Invalid | ErrorCode::Unsupported),
            "{code:?} {shown}"
        );
        assert!(at.starts_with(pointer), "{at} for {shown}");
    }
    assert_eq!(footprint(&hub).await, before);
    kitchen
        .says_text(&event("x.a", r#"{"n":1e300,"m":-0.0,"i":18446744073709551615}"#))
        .await;
    position(&kitchen.hears().await, "one");
}

/// Whatever the payload, a batch's good items are kept.
#[tokio::test]
async fn a_lone_surrogate_spoils_its_own_item_only() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let item = |id: &str, text: &str| {
        format!(r#"{{"client_id":"{id}","event_type":"x.a","payload":{{"t":"{text}"}}}}"#)
    };
    let deep = format!(
        r#"{{"client_id":"c","event_type":"x.a","payload":{{"t":{}1{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let items = [item("a", "good"), item("b", r"\ud800"), deep, item("d", "good")].join(",");
    kitchen
        .says_text(&format!(r#"{{"type":"events","events":[{items}]}}"#))
        .await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(kitchen.hears().await);
    }
    answers.sort_by_key(|frame| !matches!(frame, HubFrame::Accepted(_)));
    assert_eq!(position(&answers[1], "d"), position(&answers[0], "a") + 1);
    let bad: Vec<_> = answers.drain(2..).collect();
    for (frame, id, pointer) in [
        (&bad[0], "b", "/events/1/payload"),
        (&bad[1], "c", "/events/2/payload"),
    ] {
        let (code, at) = refused_event(frame.clone(), id);
        assert!(code == ErrorCode::Invalid && at.starts_with(pointer), "{at}");
    }
}

/// The largest of everything that is allowed goes all the way through.
#[tokio::test]
async fn the_largest_transcript_is_thought_about() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    for (id, text) in [
        ("long", "word ".repeat(3_199)),
        ("one", "x".repeat(16_000)),
        ("wide", "ß".repeat(16_000)),
        ("told", format!("remember that {}", "ß".repeat(7_000))),
    ] {
        kitchen.transcribes(id, &text).await;
        position(&kitchen.hears().await, id);
        hub.run_jobs().await;
    }
    assert_eq!(hub.sql().count("turns", "state = 'planned'").await, 4);
}
