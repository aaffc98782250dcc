//! A session that is not recorded: nothing of it is kept until a person switches it on again.

use chrono::Duration;
use hub::{events::ingest::Outcome, places::PrivacyMode, turns::TurnState};
use serde_json::{Value, json};
use support::{Client, Rest, TestHub, turn_of};

use super::kept;

const WORD: &str = "xylophone";

async fn home() -> (TestHub, Client) {
    let hub = TestHub::start().await;
    let owner = Rest::of(&hub).user(&hub.owner("ada").await).await;
    (hub, owner)
}

/// Somebody else of the house: Ada's sign-in has ended meanwhile.
async fn bob(hub: &TestHub) -> Client {
    Rest::of(hub).user(&hub.member("bob").await).await
}

/// The one open session of a space.
async fn open(client: &Client, space: hub::ids::SpaceId) -> String {
    let found = client
        .get(&format!("sessions?is_open=true&space_id={space}"))
        .await
        .expect(200);
    assert_eq!(found.items().len(), 1, "{}", found.told());
    found.text("/items/0/id").to_owned()
}

async fn switch(client: &Client, id: &str, is_recorded: bool) -> Value {
    let switched = client
        .patch(&format!("sessions/{id}"), json!({"is_recorded": is_recorded}))
        .await;
    switched.expect(200).json
}

fn is_not_recorded(outcome: &Outcome) -> bool {
    *outcome
        == Outcome::Discarded {
            reason: "no_recording",
        }
}

#[tokio::test]
async fn what_is_said_in_it_is_not_kept_and_silence_does_not_end_that() {
    let (hub, owner) = home().await;
    let kitchen = &hub.home.kitchen;
    kitchen.hears("hello").await;
    hub.run_jobs().await;
    let id = open(&owner, kitchen.space).await;
    let switched = switch(&owner, &id, false).await;
    assert_eq!(
        (&switched["is_recorded"], &switched["is_open"]),
        (&json!(false), &json!(true))
    );
    for _ in 0..3 {
        let said = format!("remember that the word is {WORD}");
        assert!(is_not_recorded(&kitchen.hears(&said).await));
        // Longer than a voice may be silent.
        hub.clock.advance(Duration::minutes(11));
    }
    assert_eq!(kept(&hub, WORD).await, Vec::<String>::new());
    let owner = bob(&hub).await;
    assert_eq!(open(&owner, kitchen.space).await, id);
    // The room next to it is another session.
    assert!(matches!(
        hub.home.office.hears("hello").await,
        Outcome::Accepted { .. }
    ));
    switch(&owner, &id, true).await;
    assert!(matches!(kitchen.hears("hello").await, Outcome::Accepted { .. }));
    hub.run_jobs().await;
    let said = "select payload from hub.events where type = 'session.changed' order by position";
    let told: Vec<Value> = hub.sql().values(said).await;
    assert_eq!(
        told,
        [
            json!({"session_id": id, "is_recorded": false}),
            json!({"session_id": id, "is_recorded": true})
        ]
    );
}

#[tokio::test]
async fn its_open_turns_end_at_once() {
    let (hub, owner) = home().await;
    let kitchen = &hub.home.kitchen;
    let turn = turn_of(&kitchen.hears("remember that the safe opens with 4711").await);
    switch(&owner, &open(&owner, kitchen.space).await, false).await;
    let ended = hub.home.turn(turn).await;
    assert_eq!(
        (ended.state, ended.reason.as_deref()),
        (TurnState::Skipped, Some("no_recording"))
    );
    assert_eq!(hub.run_jobs().await, 0, "its job has gone with it");
    assert_eq!(hub.sql().count("memories", "true").await, 0);
}

#[tokio::test]
async fn as_it_is_already_changes_nothing_and_one_that_has_ended_cannot_be_switched() {
    let (hub, owner) = home().await;
    let kitchen = &hub.home.kitchen;
    kitchen.hears("hello").await;
    hub.run_jobs().await;
    let id = open(&owner, kitchen.space).await;
    switch(&owner, &id, true).await;
    assert_eq!(hub.sql().count("events", "type = 'session.changed'").await, 0);
    hub.clock.advance(Duration::minutes(11));
    kitchen.hears("hello again").await;
    hub.run_jobs().await;
    let late = owner
        .patch(&format!("sessions/{id}"), json!({"is_recorded": false}))
        .await;
    let _ = late.refuses(409, "session_closed");
    let body = json!({"is_recorded": "no"});
    let _ = owner
        .patch(&format!("sessions/{id}"), body)
        .await
        .refuses(422, "invalid");
}

/// A private conversation is nobody else's to see, or to switch.
#[tokio::test]
async fn a_direct_session_is_its_persons_own() {
    let (hub, owner) = home().await;
    let bob = Rest::of(&hub).user(&hub.member("bob").await).await;
    let body = json!({"content": [{"type": "text", "text": "hello"}]});
    let _ = owner.post("messages", body.clone()).await.expect(202);
    hub.run_jobs().await;
    let id = open(&owner, hub.home.elsewhere).await;
    assert_eq!(bob.get("sessions").await.expect(200).items().len(), 0);
    for answer in [
        bob.get(&format!("sessions/{id}")).await,
        bob.patch(&format!("sessions/{id}"), json!({"is_recorded": false}))
            .await,
    ] {
        let _ = answer.refuses(404, "not_found");
    }
    switch(&owner, &id, false).await;
    let said = owner.post("messages", body.clone()).await.expect(202);
    assert_eq!(
        (said.text("/outcome"), said.text("/reason")),
        ("discarded", "no_recording")
    );
    // What Bob says is not Ada's.
    assert_eq!(
        bob.post("messages", body).await.expect(202).text("/outcome"),
        "accepted"
    );
    hub.run_jobs().await;
}

/// The mode of the space counts before the session, and neither opens the other.
#[tokio::test]
async fn a_session_that_is_switched_on_in_a_private_space_keeps_nothing() {
    let (hub, owner) = home().await;
    let kitchen = &hub.home.kitchen;
    kitchen.hears("hello").await;
    hub.run_jobs().await;
    let id = open(&owner, kitchen.space).await;
    switch(&owner, &id, false).await;
    hub.home
        .set_privacy(kitchen.space, PrivacyMode::Private)
        .await
        .unwrap();
    switch(&owner, &id, true).await;
    assert_eq!(
        kitchen.hears("hello").await,
        Outcome::Discarded {
            reason: "privacy_mode"
        }
    );
    switch(&owner, &id, false).await;
    hub.home
        .set_privacy(kitchen.space, PrivacyMode::Normal)
        .await
        .unwrap();
    assert!(is_not_recorded(&kitchen.hears("hello").await));
}
