//! Watching the log over real sockets: by satellites, by consoles and as a stream of server-sent events. Each event comes once and in
//! order, whatever is cut, and nobody sees what is another's.

mod consoles;
mod cut;
mod nodes;
mod refusals;
mod satellites;
mod streams;

use std::time::Duration;

use hub::{
    hub::Hub,
    satellite::protocol::{
        ClientId, ErrorCode, Hello, HubFrame, Rejected, SatelliteFrame, Subject, Subscribe, Subscribed,
        TopicEvent, Unsubscribe, Welcome,
    },
};
use serde_json::{Value, json};
use support::{Client, Served, Socket, TestDevice, TestHub, thing};

/// What is waited for comes within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

/// Lets a device read events.
async fn lets_read(hub: &TestHub, device: &TestDevice) {
    has_scopes(hub, device, "{events:read,events:write,commands:receive}").await;
}

async fn has_scopes(hub: &TestHub, device: &TestDevice, scopes: &str) {
    let id = device.id;
    hub.sql()
        .execute(&format!(
            "update hub.devices set scopes = '{scopes}' where id = '{id}';
             update hub.access_tokens set scopes = '{scopes}' where device_id = '{id}'"
        ))
        .await;
}

/// Appends so many events for the household, in one commit.
async fn happens(device: &TestDevice, count: usize) {
    let things = (0..count).map(|number| thing(json!({ "number": number })));
    let sent = device.sends(things.collect()).await;
    assert_eq!(sent.unwrap().len(), count);
}

fn name(text: &str) -> ClientId {
    text.to_owned().try_into().unwrap()
}

fn subscribe(subscription: &str, topics: &[&str], cursor: Option<&str>) -> SatelliteFrame {
    SatelliteFrame::Subscribe(Subscribe {
        subscription: name(subscription),
        agent_id: None,
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        cursor: cursor.map(str::to_owned),
    })
}

fn unsubscribe(subscription: &str) -> SatelliteFrame {
    SatelliteFrame::Unsubscribe(Unsubscribe {
        subscription: name(subscription),
    })
}

/// Opens the socket of a device and says hello, with where it was.
async fn greet(url: &str, device: &TestDevice, resume: Option<&str>) -> (Socket, Welcome) {
    let opened = Socket::open(url, Some(&device.token)).await;
    let mut socket = opened.expect("the device's token is good");
    let hello = Hello {
        resume: resume.map(str::to_owned),
        ..Hello::default()
    };
    socket.says(SatelliteFrame::Hello(hello)).await;
    match socket.hears().await {
        HubFrame::Welcome(welcome) => (socket, welcome),
        other => panic!("not welcome: {other:?}"),
    }
}

/// Subscribes, and returns where that starts.
async fn begins(socket: &mut Socket, frame: SatelliteFrame) -> Subscribed {
    socket.says(frame).await;
    match socket.hears().await {
        HubFrame::Subscribed(begun) => begun,
        other => panic!("not subscribed: {other:?}"),
    }
}

/// The next frame, which is an event.
async fn sees(socket: &mut Socket) -> TopicEvent {
    match socket.hears().await {
        HubFrame::Event(event) => event,
        other => panic!("not an event: {other:?}"),
    }
}

/// The positions of the next events.
async fn sees_so_many(socket: &mut Socket, count: usize) -> Vec<i64> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.push(position(&sees(socket).await.cursor));
    }
    seen
}

/// The next frame, which refuses this subscription; its code and the field it points at.
async fn refused(socket: &mut Socket, subscription: &str) -> (ErrorCode, String) {
    match socket.hears().await {
        HubFrame::Rejected(Rejected {
            subject: Subject::Subscription { subscription: of },
            code,
            errors,
            ..
        }) if of.as_str() == subscription => {
            let pointer = errors.into_iter().next().map(|error| error.pointer);
            (code, pointer.unwrap_or_default())
        }
        other => panic!("not a refusal of {subscription}: {other:?}"),
    }
}

fn position(cursor: &str) -> i64 {
    let (epoch, position) = cursor.split_once(':').unwrap();
    assert_eq!(epoch, "1");
    position.parse().unwrap()
}

/// The positions after one, of events of a type, that everybody may see.
async fn positions(hub: &TestHub, event_type: &str, after: i64) -> Vec<i64> {
    let agent = hub.home.agent;
    hub.sql()
        .values(&format!(
            "select position from hub.events where agent_id = '{agent}' and type = '{event_type}'
               and position > {after} and audience_person_id is null order by position"
        ))
        .await
}

async fn end(hub: &TestHub) -> i64 {
    let agent = hub.home.agent;
    let query = format!("select position from hub.agent_heads where agent_id = '{agent}'");
    hub.sql().value(&query).await
}

/// A stream of events as it comes over a real socket.
struct Listening {
    answer: reqwest::Response,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Heard {
    id: Option<String>,
    event: String,
    data: Value,
}

impl Listening {
    async fn ask(served: &Served, client: &Client, query: &str, after: Option<&str>) -> reqwest::Response {
        let url = format!("http://{}/v1/agents/self/events/stream{query}", served.address());
        let mut ask = reqwest::Client::builder()
            .build()
            .unwrap()
            .get(url)
            .bearer_auth(client.credential());
        if let Some(after) = after {
            ask = ask.header("last-event-id", after);
        }
        ask.send().await.unwrap()
    }

    /// Begins, and returns what the stream says of where it starts.
    async fn to(served: &Served, client: &Client, query: &str, after: Option<&str>) -> (Self, Value) {
        let answer = Self::ask(served, client, query, after).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut listening = Self {
            answer,
            text: String::new(),
        };
        let first = listening.next().await.unwrap();
        assert_eq!(first.event, "started");
        assert_eq!(first.id.as_deref(), first.data["cursor"].as_str());
        (listening, first.data)
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let heard = parse(&self.text[..end]);
                self.text.drain(..end + 2);
                if heard.is_some() {
                    return heard;
                }
                continue;
            }
            let piece = tokio::time::timeout(SOON, self.answer.chunk()).await;
            let piece = piece.expect("something comes soon").unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The positions of the next events.
    async fn hears(&mut self, count: usize) -> Vec<i64> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let next = self.next().await.expect("the stream goes on");
            assert_eq!(next.event, "event", "{next:?}");
            assert_eq!(next.id.as_deref(), next.data["cursor"].as_str());
            heard.push(position(next.id.as_deref().unwrap()));
        }
        heard
    }
}

/// None for a comment.
fn parse(event: &str) -> Option<Heard> {
    let field = |name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start().to_owned())
    };
    Some(Heard {
        id: field("id:"),
        event: field("event:")?,
        data: serde_json::from_str(&field("data:")?).unwrap(),
    })
}

/// Another process of the hub, whose way to the database is this proxy.
fn behind(hub: &TestHub, proxy: &support::Proxy) -> Hub {
    let url = proxy.url.clone().into();
    hub.reconfigured(|config| {
        config.database.url = url;
        config.database.acquire_timeout_ms = 500;
    })
}
