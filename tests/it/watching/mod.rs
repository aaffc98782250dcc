//! Watching the log over real sockets: by satellites, by consoles and as a stream of server-sent events. Each event comes once and in
//! order, whatever is cut, and nobody sees what is another's.

mod consoles;
mod cut;
mod members;
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
use support::{Client, Listening, Served, Socket, StreamEvent, TestDevice, TestHub, thing};

/// What is waited for comes within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

/// Lets a device read events.
async fn lets_read(hub: &TestHub, device: &TestDevice) {
    let scopes = ["events:read", "events:write", "commands:receive"];
    hub.gives_scopes(device, &scopes).await;
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

/// A stream of events.
struct Events(Listening);

impl Events {
    async fn ask(served: &Served, client: &Client, query: &str, after: Option<&str>) -> reqwest::Response {
        Listening::ask(served, client, &format!("events/stream{query}"), after).await
    }

    /// Begins, and returns what the stream says of where it starts.
    async fn of(served: &Served, client: &Client, query: &str, after: Option<&str>) -> (Self, Value) {
        let path = format!("events/stream{query}");
        let mut events = Self(Listening::to(served, client, &path, after).await);
        let first = events.next().await.unwrap();
        assert_eq!(first.event, "started");
        assert_eq!(first.id.as_deref(), first.data["cursor"].as_str());
        (events, first.data)
    }

    async fn next(&mut self) -> Option<StreamEvent> {
        self.0.next().await
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

/// Another process of the hub, whose way to the database is this proxy.
fn behind(hub: &TestHub, proxy: &support::Proxy) -> Hub {
    let url = proxy.url.clone().into();
    hub.reconfigured(|config| {
        config.database.url = url;
        config.database.acquire_timeout_ms = 500;
    })
}
