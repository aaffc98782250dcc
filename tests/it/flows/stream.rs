//! What the agent says while it thinks: over a real socket, with a model that streams, and does not always to the end.

use chrono::Duration;
use hub::{jobs::sweep::remove_old, places::PrivacyMode};
use serde_json::json;
use support::{
    Client, Held, Line, Listening, Piece, Rest, ScriptedServer, Served, StreamEvent, TestHub, turn_of,
};

use super::planner::{planning, says};

pub(super) const REPLY: &str = "Hello, Ada. \"How\" are you, höre ich? 😀";
/// The pieces of a plan's stream before the first text.
pub(super) const HEAD: usize = 4;

/// All that a client is told of a turn that has ended.
pub(super) async fn told(client: &Client, turn: &str) -> Vec<StreamEvent> {
    let answer = client.get(&format!("turns/{turn}/stream")).await.expect(200);
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    StreamEvent::all_of(&text)
}

pub(super) fn names(heard: &[StreamEvent]) -> Vec<&str> {
    heard.iter().map(|heard| heard.event.as_str()).collect()
}

/// The reply as whoever follows has it in the end.
pub(super) fn text(heard: &[StreamEvent]) -> String {
    let mut text = String::new();
    for StreamEvent { event, data, .. } in heard {
        match event.as_str() {
            "delta" => text.push_str(data["text"].as_str().unwrap()),
            "restart" => text.clear(),
            _ => {}
        }
    }
    text
}

/// A plan whose stream waits in the middle of the reply.
fn held_plan() -> (Line, Held) {
    let (held, mut pieces) = (Held::default(), Line::plan(&says(REPLY)).pieces());
    pieces.insert(HEAD + 3, Piece::Hold(held.clone()));
    (Line::Stream(pieces), held)
}

pub(super) async fn served() -> (TestHub, ScriptedServer, Served, Client) {
    let (hub, server) = planning().await;
    let served = Served::start(&hub).await;
    let client = Rest::of(&hub).user(&hub.owner("ada").await).await;
    (hub, server, served, client)
}

#[tokio::test]
async fn the_reply_is_heard_while_it_is_written_and_can_be_taken_up_anywhere() {
    let (hub, server, served, ada) = served().await;
    let (line, held) = held_plan();
    server.then(line);
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let path = format!("turns/{id}/stream");
    let listening = async {
        let mut listening = Listening::to(&served, &ada, &path, None).await;
        held.begun().await;
        // The model is not done: what comes now is seen before there is a reply.
        let first = listening.next().await.unwrap();
        held.go_on();
        let mut all = vec![first];
        all.extend(listening.rest().await);
        all
    };
    let (_, all) = tokio::join!(hub.run_jobs(), listening);
    assert_eq!(all[0].event, "delta");
    let first = all[0].data["text"].as_str().unwrap();
    assert!(REPLY.starts_with(first) && first.len() < REPLY.len(), "{first}");
    assert_eq!(text(&all), REPLY);
    let end = all.last().unwrap();
    assert_eq!(
        (end.event.as_str(), end.data["state"].as_str()),
        ("completed", Some("planned"))
    );
    assert_eq!(end.data["reply"][0]["text"], REPLY);
    let rest = Listening::to(&served, &ada, &path, all[0].id.as_deref())
        .await
        .rest()
        .await;
    assert_eq!(rest, all[1..]);
    let rest = Listening::to(&served, &ada, &path, end.id.as_deref())
        .await
        .rest()
        .await;
    assert_eq!(
        names(&rest),
        ["completed"],
        "whoever asks after the end is told the end"
    );
    for bad in ["-1", "x", ""] {
        let ask = ada
            .ask(axum::http::Method::GET, &path)
            .header("last-event-id", bad.as_bytes());
        let _ = ask.send().await.refuses(400, "malformed");
    }
}

#[tokio::test]
async fn a_space_that_goes_private_says_nothing_more_and_nothing_is_left_of_what_it_said() {
    let (hub, server, served, ada) = served().await;
    let (line, held) = held_plan();
    server.then(line);
    let kitchen = &hub.home.kitchen;
    let id = turn_of(&kitchen.hears("the safe opens with 4711").await);
    let listening = async {
        let mut listening = Listening::to(&served, &ada, &format!("turns/{id}/stream"), None).await;
        held.begun().await;
        let first = listening.next().await.unwrap();
        hub.home
            .set_privacy(kitchen.space, PrivacyMode::Private)
            .await
            .unwrap();
        held.go_on();
        (first, listening.rest().await)
    };
    let (_, (first, rest)) = tokio::join!(hub.run_jobs(), listening);
    assert_eq!((first.event.as_str(), names(&rest)), ("delta", vec!["skipped"]));
    assert_eq!(hub.sql().count("turn_stream", "kind = 'delta'").await, 0);
    assert_eq!(hub.sql().count("turn_stream", "kind = 'skipped'").await, 1);
}

#[tokio::test]
async fn a_private_turn_is_heard_by_nobody_else() {
    let (hub, server, _, ada) = served().await;
    let bob = Rest::of(&hub).user(&hub.member("bob").await).await;
    server.then(Line::plan(&says(REPLY)));
    let sent = ada
        .post(
            "messages",
            json!({"content": [{"type": "text", "text": "hello"}]}),
        )
        .await;
    let sent = sent.expect(202);
    let id = sent.text("/turn_id");
    hub.run_jobs().await;
    assert_eq!(text(&told(&ada, id).await), REPLY);
    let _ = bob
        .get(&format!("turns/{id}/stream"))
        .await
        .refuses(404, "not_found");
    let mut eyes = hub.home.household_eyes().await;
    let seen = eyes
        .turn_stream()
        .after(hub::ids::TurnId(id.parse().unwrap()), 0)
        .await
        .unwrap();
    assert_eq!(seen, Vec::new(), "the database itself does not show it");
}

/// A worker that dies in the middle: what it said is taken back by the next one, and its own late words count for nothing.
#[tokio::test]
async fn a_worker_that_dies_while_it_speaks_is_spoken_over() {
    let (hub, server, served, ada) = served().await;
    let (line, held) = held_plan();
    server.then(line);
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let mut listening = Listening::to(&served, &ada, &format!("turns/{id}/stream"), None).await;
    let mut worker = hub.start_one_job();
    held.begun().await;
    let first = listening.next().await.unwrap();
    worker.shutdown().await;
    hub.clock.advance(Duration::minutes(2));
    server.then(Line::plan(&says("Hello again.")));
    hub.run_jobs().await;
    let mut all = vec![first];
    all.extend(listening.rest().await);
    assert_eq!(
        (all[0].event.as_str(), all[1].event.as_str()),
        ("delta", "restart")
    );
    assert_eq!(
        (text(&all).as_str(), all.last().unwrap().event.as_str()),
        ("Hello again.", "completed")
    );
}

#[tokio::test]
async fn a_replayed_turn_goes_on_after_its_end_and_streams_are_gone_after_a_day() {
    let (hub, server, served, ada) = served().await;
    server.then(Line::fails(400, "context too long"));
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    hub.run_jobs().await;
    let all = told(&ada, &id.to_string()).await;
    assert_eq!(names(&all), ["dead"]);
    let dead = hub.dead_jobs().await;
    let _ = ada
        .post(&format!("dead-jobs/{}/replay", dead[0].id), json!({}))
        .await
        .expect(204);
    server.then(Line::plan(&says(REPLY)));
    hub.run_jobs().await;
    let path = format!("turns/{id}/stream");
    let rest = Listening::to(&served, &ada, &path, all[0].id.as_deref())
        .await
        .rest()
        .await;
    assert_eq!((names(&rest)[0], text(&rest).as_str()), ("restart", REPLY));
    let ends = "kind in ('completed', 'skipped', 'dead')";
    assert_eq!(hub.sql().count("turn_stream", ends).await, 1);
    hub.clock.advance(Duration::hours(23));
    remove_old(&hub).await.unwrap();
    assert_eq!(hub.sql().count("turn_stream", ends).await, 1);
    hub.clock.advance(Duration::hours(2));
    remove_old(&hub).await.unwrap();
    assert_eq!(hub.sql().count("turn_stream", "true").await, 0);
    let ada = Rest::of(&hub).user(&hub.member("eva").await).await;
    assert_eq!(names(&told(&ada, &id.to_string()).await), ["completed"]);
}

#[tokio::test]
async fn a_stream_ends_with_the_sign_in_of_who_follows() {
    let (hub, server, served, ada) = served().await;
    let (line, held) = held_plan();
    server.then(line);
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let path = format!("turns/{id}/stream");
    let mut worker = hub.start_one_job();
    held.begun().await;
    let mut listening = Listening::to(&served, &ada, &path, None).await;
    assert_eq!(listening.next().await.unwrap().event, "delta");
    let _ = ada.post("/v1/sign-out", json!({})).await;
    // The model is not done, so nothing but the sign-out ends it.
    let heard = listening.rest().await;
    assert!(heard.iter().all(|heard| heard.event == "delta"), "{heard:?}");
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    // The model may have been silent for too long meanwhile.
    hub.expect_leftovers();
}

#[tokio::test]
async fn one_caller_follows_a_few_streams_at_once() {
    let (hub, _, served, ada) = served().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let path = format!("turns/{id}/stream");
    let mut listening = Vec::new();
    for _ in 0..8 {
        listening.push(Listening::to(&served, &ada, &path, None).await);
    }
    let _ = ada.get(&path).await.refuses(429, "throttled");
    let bob = Rest::of(&hub).user(&hub.member("bob").await).await;
    let _other = Listening::to(&served, &bob, &path, None).await;
    drop(listening);
    hub.expect_leftovers();
}
