//! Who may say what on the satellite channel: every type of message by a device that has the scope for it, and by one that has
//! every other.

use std::collections::BTreeSet;

use hub::satellite::protocol::{CloseReason, ErrorCode, Goodbye, HubFrame};
use serde_json::{Value, json};
use support::{Served, Socket, TestHub};
use syn::Item;
use uuid::Uuid;

use super::source::modules_of_satellites;

/// What a message needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// A credential with any scope of the channel.
    Any,
    /// This scope.
    The(&'static str),
}

use Needs::{Any, The};

/// The table. A type of message that is not in it fails the test.
pub(super) const TABLE: [(&str, Needs); 11] = [
    ("hello", Any),
    ("event", The("events:write")),
    ("events", The("events:write")),
    ("command_ack", The("commands:receive")),
    ("command_progress", The("commands:receive")),
    ("command_result", The("commands:receive")),
    ("report", The("state:write")),
    ("renew", Any),
    ("ping", Any),
    ("subscribe", The("events:read")),
    ("unsubscribe", Any),
];

/// What a device may have: one of the scopes that let it onto the channel, and perhaps more.
const SCOPES: [&str; 4] = [
    "events:write",
    "commands:receive",
    "commands:receive,events:read",
    "state:write",
];

#[test]
fn the_table_names_every_type_of_message() {
    let all = modules_of_satellites();
    let of = "protocol::from_satellite";
    let module = all
        .iter()
        .find(|module| module.name == of)
        .expect("the frames are there");
    let frames = module.file.items.iter().find_map(|item| match item {
        Item::Enum(found) if found.ident == "SatelliteFrame" => Some(found),
        _ => None,
    });
    let variants = frames.expect("the frames are an enum").variants.iter();
    let there: BTreeSet<String> = variants
        .map(|variant| snake(&variant.ident.to_string()))
        .collect();
    let named: BTreeSet<String> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, there, "say here what each type of message needs");
}

#[tokio::test]
async fn every_type_of_message_is_taken_with_its_scope_and_refused_without() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let mut wrong = Vec::new();
    for (name, needs) in TABLE {
        for has in SCOPES {
            let is_allowed = has.split(',').any(|scope| needs == The(scope)) || needs == Any;
            let before = content(&hub).await;
            let verdict = says(&hub, &served, has, name).await;
            let is_refused = verdict == Some(ErrorCode::Forbidden);
            if is_refused == is_allowed {
                wrong.push(format!("{name} with {has}: {verdict:?}"));
            }
            if is_refused && content(&hub).await != before {
                wrong.push(format!("{name} with {has} was refused and kept"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    hub.run_jobs().await;
}

#[tokio::test]
async fn without_a_scope_of_the_channel_nobody_is_greeted() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    hub.gives_scopes(&hub.home.office, &["events:read"]).await;
    let token = &hub.home.office.token;
    let mut socket = Socket::open(&served.socket_url(), Some(token)).await.unwrap();
    socket.says_hello(&[]).await;
    let end = socket.end().await;
    let said = end.goodbye.as_ref().and_then(Goodbye::close_reason);
    assert_eq!(said, Some(CloseReason::Unauthorized), "{end:?}");
}

/// What the hub answers to a message of a device with these scopes: why it refuses, if it does.
async fn says(hub: &TestHub, served: &Served, scope: &str, name: &str) -> Option<ErrorCode> {
    hub.gives_scopes(&hub.home.office, &[scope]).await;
    let token = &hub.home.office.token;
    let mut socket = Socket::open(&served.socket_url(), Some(token)).await.unwrap();
    if name != "hello" {
        socket.says_hello(&[]).await;
        assert!(matches!(socket.hears().await, HubFrame::Welcome(_)));
    }
    socket.says_text(&message(name).to_string()).await;
    match socket.hears().await {
        HubFrame::Rejected(rejected) => Some(rejected.code),
        HubFrame::Error(notice) => Some(notice.code),
        _ => None,
    }
}

/// A good message of each type, as far as one can be good without a command.
fn message(name: &str) -> Value {
    let event =
        json!({"client_id": Uuid::from_u128(rand::random()), "event_type": "x.test.thing", "payload": {}});
    let mut message = match name {
        "event" => event,
        "events" => json!({"events": [event]}),
        "command_ack" | "command_progress" => json!({"command_id": Uuid::nil()}),
        "command_result" => json!({"command_id": Uuid::nil(), "status": "ok"}),
        "report" => json!({"report_id": "1", "state": {"charge": rand::random::<u32>()}}),
        "subscribe" => json!({"subscription": "all", "topics": ["*"]}),
        "unsubscribe" => json!({"subscription": "all"}),
        "hello" | "renew" | "ping" => json!({}),
        _ => panic!("add here a good message of the type {name}"),
    };
    message["type"] = json!(name);
    message
}

/// What a refusal must leave as it was.
async fn content(hub: &TestHub) -> (i64, i64, i64, i64) {
    let events = hub.sql().count("events", "type <> 'device.presence'").await;
    let tokens = hub.sql().count("access_tokens", "true").await;
    let shadows = hub.sql().count("device_shadows", "true").await;
    (events, tokens, hub.sql().count("commands", "true").await, shadows)
}

fn snake(name: &str) -> String {
    let mut word = String::new();
    for char in name.chars() {
        if char.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(char.to_ascii_lowercase());
    }
    word
}
