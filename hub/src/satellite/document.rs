//! The AsyncAPI document of the channel: its messages by the Rust types that read and write them, for who builds a satellite.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use super::protocol::{
    Accepted, Batch, CloseReason, Command, CommandAck, CommandCancel, CommandProgress, CommandResult,
    Desired, Discarded, Duplicate, ErrorNotice, Goodbye, HELLO_WITHIN, Hello, NewEvent, Ping, Pong, Rejected,
    Renew, Renewed, Report, SUBPROTOCOL, Subscribe, Subscribed, TopicEvent, Unsubscribe, Unsubscribed,
    Welcome,
};

/// Where satellites connect.
const ADDRESS: &str = "/v1/satellites/connect";

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    Satellite,
    Hub,
}

/// A message: its `type`, who sends it, and its schema.
struct Message {
    name: &'static str,
    sender: Sender,
    payload: Value,
    schemas: Vec<(String, Value)>,
}

/// The AsyncAPI 3 document.
#[must_use]
pub fn document() -> Value {
    let messages = messages();
    let channel_messages: Map<String, Value> = messages
        .iter()
        .map(|message| {
            let key = message.key();
            let reference = json!({"$ref": format!("#/components/messages/{key}")});
            (key, reference)
        })
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Agent Hub: the satellite channel",
            "version": env!("CARGO_PKG_VERSION"),
            "description": about(),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {"satellite": {
            "address": ADDRESS,
            "title": "The satellite channel",
            "description": "A WebSocket. Each text message holds one JSON object with a `type`; fields that are not known are ignored.",
            "messages": channel_messages,
            "bindings": {"ws": {"method": "GET", "headers": headers(), "bindingVersion": "0.1.0"}},
        }},
        "operations": {
            "hear_satellite": operation("receive", "What a satellite sends.", Sender::Satellite, &messages),
            "tell_satellite": operation("send", "What the hub sends.", Sender::Hub, &messages),
        },
        "components": {"messages": components(&messages), "schemas": schemas(&messages)},
        "x-close-codes": close_codes(),
    })
}

fn about() -> String {
    format!(
        "The satellite offers the subprotocol `{SUBPROTOCOL}` and sends `hello` within {} seconds; the hub answers `welcome`. Then \
         events go up, each answered by `accepted`, `duplicate`, `rejected` or `discarded`; commands come down, each answered by \
         `command_ack`, and once the hub has accepted that, carried out and answered by `command_result`. `desired` tells what the \
         device should be like, and `report` what it is like. SATELLITES.md beside this document tells a session step by step, with every error and close code.",
        HELLO_WITHIN.as_secs()
    )
}

/// Every message of the channel.
fn messages() -> Vec<Message> {
    vec![
        Message::up::<Hello>("hello"),
        Message::up::<NewEvent>("event"),
        Message::up::<Batch>("events"),
        Message::up::<CommandAck>("command_ack"),
        Message::up::<CommandProgress>("command_progress"),
        Message::up::<CommandResult>("command_result"),
        Message::up::<Report>("report"),
        Message::up::<Renew>("renew"),
        Message::up::<Ping>("ping"),
        Message::up::<Subscribe>("subscribe"),
        Message::up::<Unsubscribe>("unsubscribe"),
        Message::down::<Welcome>("welcome"),
        Message::down::<Accepted>("accepted"),
        Message::down::<Duplicate>("duplicate"),
        Message::down::<Rejected>("rejected"),
        Message::down::<Discarded>("discarded"),
        Message::down::<Command>("command"),
        Message::down::<CommandCancel>("command_cancel"),
        Message::down::<Desired>("desired"),
        Message::down::<Subscribed>("subscribed"),
        Message::down::<Unsubscribed>("unsubscribed"),
        Message::down::<TopicEvent>("event"),
        Message::down::<Renewed>("renewed"),
        Message::down::<ErrorNotice>("error"),
        Message::down::<Goodbye>("goodbye"),
        Message::down::<Pong>("pong"),
    ]
}

impl Message {
    fn up<T: ToSchema>(name: &'static str) -> Self {
        Self::of::<T>(name, Sender::Satellite)
    }

    fn down<T: ToSchema>(name: &'static str) -> Self {
        Self::of::<T>(name, Sender::Hub)
    }

    fn of<T: ToSchema>(name: &'static str, sender: Sender) -> Self {
        let mut schemas = Vec::new();
        <T as ToSchema>::schemas(&mut schemas);
        schemas.push((T::name().into_owned(), <T as PartialSchema>::schema()));
        let tag = json!({"type": "object", "required": ["type"], "properties": {"type": {"const": name}}});
        let body = json!({"$ref": format!("#/components/schemas/{}", T::name())});
        Self {
            name,
            sender,
            payload: json!({"allOf": [tag, body]}),
            schemas: schemas
                .into_iter()
                .map(|(name, schema)| (name, plain(&schema)))
                .collect(),
        }
    }

    /// Both sides send an `event`.
    fn key(&self) -> String {
        match self.sender {
            Sender::Satellite => format!("satellite_{}", self.name),
            Sender::Hub => format!("hub_{}", self.name),
        }
    }
}

fn plain(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).expect("a schema has string keys")
}

fn headers() -> Value {
    json!({
        "type": "object",
        "required": ["Sec-WebSocket-Protocol"],
        "properties": {
            "Sec-WebSocket-Protocol": {"type": "string", "const": SUBPROTOCOL},
            "Authorization": {"type": "string", "description": "`Bearer` and the device's credential, unless `hello` carries it."},
        },
    })
}

fn operation(action: &str, summary: &str, sender: Sender, messages: &[Message]) -> Value {
    let of_sender = messages.iter().filter(|message| message.sender == sender);
    let references: Vec<Value> = of_sender
        .map(|message| json!({"$ref": format!("#/channels/satellite/messages/{}", message.key())}))
        .collect();
    json!({
        "action": action, "summary": summary, "channel": {"$ref": "#/channels/satellite"}, "messages": references,
    })
}

fn components(messages: &[Message]) -> Map<String, Value> {
    let component = |message: &Message| json!({"name": message.name, "payload": message.payload});
    messages
        .iter()
        .map(|message| (message.key(), component(message)))
        .collect()
}

fn schemas(messages: &[Message]) -> Map<String, Value> {
    messages
        .iter()
        .flat_map(|message| message.schemas.clone())
        .collect()
}

fn close_codes() -> Vec<Value> {
    let code = |reason: CloseReason| json!({"code": reason.code(), "reason": reason.name(), "may_reconnect": reason.may_reconnect()});
    CloseReason::ALL.into_iter().map(code).collect()
}
