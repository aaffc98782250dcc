//! `GET /v1/agents/{agent_id}/events/stream`

use axum::http::Method;
use hub::{
    events::{
        cursor::Cursor,
        stream::{EventStream, Over, Told},
        topic::Topics,
        watchers::look,
    },
    hub::Hub,
};
use serde_json::json;
use sqlx::Executor;
use support::{Client, Rest, Served, StreamEvent, TestHub, User, thing};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{Events, SOON, end, happens, position, positions};

async fn home() -> (TestHub, Served, Rest, Client) {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
    let client = rest.user(&ada).await;
    (hub, served, rest, client)
}

#[tokio::test]
async fn a_stream_says_where_it_starts_and_what_happens() {
    let (hub, served, _, ada) = home().await;
    happens(&hub.home.kitchen, 2).await;
    let (mut live, started) = Events::of(&served, &ada, "", None).await;
    let here = format!("1:{}", end(&hub).await);
    assert_eq!(started, json!({"cursor": here, "resumed": false}));
    happens(&hub.home.kitchen, 2).await;
    let event = live.next().await.unwrap();
    let listed = ada.get(&format!("events?after={here}&limit=1")).await.expect(200);
    assert_eq!((event.event.as_str(), &event.data), ("event", &listed.items()[0]));
    assert_eq!(event.id.as_deref(), event.data["cursor"].as_str());
    // Whoever comes again says where they were.
    let (mut again, started) = Events::of(&served, &ada, "", event.id.as_deref()).await;
    assert_eq!(started, json!({"cursor": event.id, "resumed": true}));
    assert_eq!(again.hears(1).await, live.hears(1).await);
    let (mut since, started) =
        Events::of(&served, &ada, &format!("?since={here}&topics=x.test.*"), None).await;
    assert_eq!(started["resumed"], true);
    assert_eq!(
        since.hears(2).await,
        positions(&hub, "x.test.thing", position(&here)).await
    );
    // What a browser saw last counts more than what its page asked for first.
    let (_, started) = Events::of(&served, &ada, &format!("?since={here}"), event.id.as_deref()).await;
    assert_eq!(json!(event.id), started["cursor"]);
    let (_, started) = Events::of(&served, &ada, "", Some("7:1")).await;
    assert_eq!(
        started,
        json!({"cursor": format!("1:{}", end(&hub).await), "resumed": false})
    );
}

#[tokio::test]
async fn topics_leave_out_the_others() {
    let (hub, served, _, ada) = home().await;
    let query = format!("?topics=space.*,x.*@{}", hub.home.office.space);
    let (mut live, _) = Events::of(&served, &ada, &query, None).await;
    happens(&hub.home.kitchen, 1).await;
    happens(&hub.home.office, 1).await;
    hub.home.rename(hub.home.kitchen.space, "pantry").await.unwrap();
    let of_office = live.next().await.unwrap();
    assert_eq!(of_office.data["space_id"], json!(hub.home.office.space));
    assert_eq!(live.next().await.unwrap().data["event_type"], "space.changed");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let (hub, served, rest, ada) = home().await;
    for (query, pointer) in [
        ("?topics=", "?topics"),
        ("?topics=message", "?topics"),
        ("?topics=*,", "?topics"),
        ("?since=x", "?since"),
        ("?since=1:-1", "?since"),
        ("?nothing=1", "?nothing"),
        ("?topics=*@00000000-0000-0000-0000-000000000000", "?topics"),
    ] {
        let _ = ada.get(&format!("events/stream{query}")).await.points_at(pointer);
    }
    for bad in ["", "x", "1", "-1"] {
        let ask = ada
            .ask(Method::GET, "events/stream")
            .header("last-event-id", bad.as_bytes());
        let _ = ask.send().await.refuses(400, "malformed");
    }
    // A device may, when it may read events.
    let _ = rest
        .device(&hub.home.office)
        .get("events/stream")
        .await
        .refuses(403, "forbidden");
    hub.gives_scopes(&hub.home.office, &["events:read"]).await;
    let (mut live, _) = Events::of(&served, &rest.device(&hub.home.office), "?topics=x.*", None).await;
    happens(&hub.home.kitchen, 1).await;
    assert_eq!(live.hears(1).await, [end(&hub).await]);
}

/// Within a second; the test waits a little longer.
#[tokio::test]
async fn a_stream_ends_with_the_sign_in_the_role_or_the_hub() {
    let (hub, served, rest, ada) = home().await;
    let bob = hub.member("bob").await;
    let his = rest.user(&bob).await;
    let (mut hers, _) = Events::of(&served, &ada, "", None).await;
    let (mut of_bob, _) = Events::of(&served, &his, "", None).await;
    let _ = ada.ask(Method::POST, "/v1/sign-out").send().await.expect(204);
    let demoted = format!(
        "update hub.memberships set role = 'guest' where user_id = '{}'",
        bob.id
    );
    hub.sql().execute(&demoted).await;
    for (stream, reason) in [(&mut hers, "revoked"), (&mut of_bob, "changed")] {
        let over = timeout(std::time::Duration::from_secs(3), stream.next()).await;
        assert_eq!(goodbye(over.unwrap()), reason);
        assert_eq!(stream.next().await, None);
    }
    assert_eq!(Events::ask(&served, &ada, "", None).await.status(), 401);
    assert_eq!(Events::ask(&served, &his, "", None).await.status(), 403);
    let eva = rest.user(&hub.member("eva").await).await;
    let (mut live, _) = Events::of(&served, &eva, "", None).await;
    let (over, ()) = tokio::join!(live.next(), served.shut_down());
    assert_eq!(goodbye(over), "restart");
}

/// Within a second; the test waits a little longer.
#[tokio::test]
async fn a_stream_ends_with_the_personal_token_that_it_was_asked_with() {
    let (_hub, served, rest, ada) = home().await;
    let wish = json!({"name": "a wall", "scopes": ["events:read"]});
    let made = ada.post("tokens", wish).await.expect(201);
    let wall = rest.bearer(made.text("/secret"));
    let (mut live, _) = Events::of(&served, &wall, "", None).await;
    let path = format!("tokens/{}", made.text("/token/id"));
    let _ = ada.delete(&path).await.expect(204);
    let over = timeout(std::time::Duration::from_secs(3), live.next()).await;
    assert_eq!(goodbye(over.unwrap()), "revoked");
    assert_eq!(Events::ask(&served, &wall, "", None).await.status(), 401);
}

/// A log that cannot be read for a while: the replays that want to wait, each with a connection, and one was left for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_leave_connections_for_everybody_else() {
    let hub = TestHub::builder()
        .config(|config| config.database.app_connections = 6)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    for _ in 0..6 {
        happens(&hub.home.kitchen, 100).await;
    }
    let mut locked = hub.sql().pool().begin().await.unwrap();
    let lock = "lock table hub.events in access exclusive mode";
    locked.execute(lock).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(Events::of(&served, &ada, "", Some("1:0")).await.0);
    }
    let spaces = timeout(std::time::Duration::from_secs(1), ada.get("spaces")).await;
    let _ = spaces.expect("others are answered meanwhile").expect(200);
    locked.rollback().await.unwrap();
    for stream in &mut streams {
        let _ = stream.hears(100).await;
    }
}

/// A stream that has read more than it has told.
async fn far_ahead(hub: &Hub, user: &User) -> EventStream {
    let start = Cursor::parse("1:0");
    let stream = EventStream::begin(hub, (**user).clone(), Topics::all(), start).await;
    let mut stream = stream.unwrap();
    assert!(matches!(stream.next().await, Some(Told::Started(_))));
    assert!(matches!(stream.next().await, Some(Told::Event(_))));
    stream
}

#[tokio::test]
async fn what_was_read_before_the_end_is_not_told_after_it() {
    let hub = TestHub::start().await;
    let bob = hub.member("bob").await;
    happens(&hub.home.kitchen, 20).await;
    let stopping = hub.reconfigured(|_| ());
    let mut of_stopping = far_ahead(&stopping, &bob).await;
    let mut revoked = far_ahead(&hub, &bob).await;
    let ends = format!(
        "update hub.memberships set revoked_at = now() where user_id = '{}'",
        bob.id
    );
    hub.sql().execute(&ends).await;
    look(&hub).await.unwrap();
    stopping.lifecycle.close();
    for (stream, reason) in [(&mut revoked, Over::Revoked), (&mut of_stopping, Over::Restart)] {
        assert!(matches!(stream.next().await, Some(Told::Over(over)) if over == reason));
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_time_is_over_and_goes_on_where_it_was() {
    let hub = TestHub::builder()
        .config(|config| config.http.stream_ms = 300)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let start = end(&hub).await;
    let (mut seen, mut last, mut streams) = (Vec::new(), format!("1:{start}"), 0);
    while seen.len() < 12 {
        let (mut live, started) = Events::of(&served, &ada, "", Some(&last)).await;
        assert_eq!(started["resumed"], true);
        if streams < 3 {
            happens(&hub.home.kitchen, 4).await;
        }
        streams += 1;
        loop {
            let heard = live.next().await.unwrap();
            if heard.event == "goodbye" {
                assert_eq!(goodbye(Some(heard)), "time");
                break;
            }
            last = heard.id.unwrap();
            seen.push(position(&last));
        }
        assert_eq!(live.next().await, None);
    }
    assert_eq!(seen, (start + 1..=start + 12).collect::<Vec<_>>());
    assert!(streams >= 3);
}

#[tokio::test]
async fn a_user_has_few_streams_at_once() {
    let (_hub, served, _, ada) = home().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(Events::of(&served, &ada, "", None).await);
    }
    let refused = Events::ask(&served, &ada, "", None).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    drop(streams.pop());
    let again = timeout(super::SOON, async {
        while Events::ask(&served, &ada, "", None).await.status() != 200 {}
    });
    again.await.expect("who has gone makes room");
}

#[track_caller]
fn goodbye(heard: Option<StreamEvent>) -> String {
    let heard = heard.expect("the stream says why it ends");
    assert_eq!(heard.event, "goodbye", "{heard:?}");
    heard.data["reason"].as_str().unwrap().to_owned()
}

/// What waits for a reader is one event and what its connection buffers; the rest stays in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_takes_nothing_is_let_go() {
    let hub = TestHub::builder()
        .config(|config| {
            config.http.max_connections = 1;
            config.http.write_timeout_ms = 300;
        })
        .start()
        .await;
    let served = Served::start(&hub).await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut deaf = socket.connect(served.address()).await.unwrap();
    let ask = format!(
        "GET /v1/agents/self/events/stream HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {}\r\n\r\n",
        ada.credential()
    );
    deaf.write_all(ask.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    deaf.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let let_go = timeout(SOON, async {
        while !has_room(&served).await {
            let much = (0..20).map(|_| thing(json!({"text": "x".repeat(20_000)})));
            assert_eq!(hub.home.kitchen.sends(much.collect()).await.unwrap().len(), 20);
        }
    });
    assert!(let_go.await.is_ok(), "it is held for as long as it likes");
}

/// Whether one more connection is served.
async fn has_room(served: &Served) -> bool {
    let mut other = TcpStream::connect(served.address()).await.unwrap();
    let asked = other
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n")
        .await;
    asked.is_ok() && other.read_u8().await.is_ok()
}
