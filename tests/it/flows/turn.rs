//! From a word in a room to a memory and an answer.

use hub::{
    events::ingest::Outcome,
    memory::Tier,
    turns::{Block, TurnState},
};
use serde_json::{Value, json};
use support::{TestHub, turn_of};

#[tokio::test]
async fn what_is_told_in_the_kitchen_is_remembered_and_answered() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    let outcome = kitchen.hears("Remember that the spare key is with Nora.").await;
    let queued = hub.home.turn(turn_of(&outcome)).await;
    assert_eq!(queued.state, TurnState::Queued);
    assert_eq!(hub.run_jobs().await, 1);
    let planned = hub.home.turn(queued.id).await;
    assert_eq!(planned.state, TurnState::Planned);
    assert_eq!(
        planned.reply,
        Some(vec![Block::text(
            "I will remember that the spare key is with Nora."
        )])
    );
    assert_eq!(planned.runtime.as_deref(), Some("offline"));

    let reply = kitchen.takes().await;
    assert_eq!(reply.len(), 1);
    assert_eq!(
        (reply[0].kind.as_str(), reply[0].turn_id),
        ("reply", Some(queued.id))
    );
    assert_eq!(
        reply[0].arguments["text"],
        "I will remember that the spare key is with Nora."
    );
    assert_eq!(hub.sql().count("deliveries", "state = 'pending'").await, 1);
    kitchen.acknowledges(reply[0].id).await.unwrap();
    kitchen.succeeds(reply[0].id, json!({})).await.unwrap();
    assert_eq!(hub.sql().count("deliveries", "state = 'delivered'").await, 1);

    let found = ada.recalls("where is the spare key").await;
    let (fact, said) = (&found[0], &found[1]);
    assert_eq!(
        (fact.memory.content.as_str(), fact.memory.tier),
        ("The spare key is with Nora", Tier::Semantic)
    );
    assert_eq!(said.memory.tier, Tier::Episodic);
    let Outcome::Accepted { event, .. } = outcome else {
        unreachable!()
    };
    for recalled in [fact, said] {
        let source = &recalled.why.sources[0];
        assert_eq!((source.event_id, source.device_id), (event, Some(kitchen.id)));
        assert_eq!(recalled.why.words.as_ref().unwrap().matched, ["key", "spare"]);
    }
}

#[tokio::test]
async fn what_was_remembered_in_one_room_is_answered_in_another() {
    let hub = TestHub::start().await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    hub.run_jobs().await;
    let asked = hub
        .home
        .office
        .hears("What do you remember about the spare key?")
        .await;
    hub.run_jobs().await;
    let turn = hub.home.turn(turn_of(&asked)).await;
    let Block::Text { text } = &turn.reply.unwrap()[0];
    assert!(
        text.starts_with("The spare key is with Nora (told in the kitchen"),
        "{text}"
    );
}

/// What a user says in private is planned, answered and remembered for that user.
#[tokio::test]
async fn a_private_word_stays_private_through_the_whole_turn() {
    let hub = TestHub::start().await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    bob.says("remember that the present for Ada is a bicycle", "1")
        .await
        .unwrap();
    hub.run_jobs().await;
    assert_eq!(
        bob.recalls("bicycle").await[0].memory.audience_person_id,
        Some(bob.person)
    );
    assert!(ada.recalls("bicycle").await.is_empty());
    // A shared room never recalls it either.
    let asked = hub
        .home
        .kitchen
        .hears("what do you remember about the bicycle")
        .await;
    hub.run_jobs().await;
    let turn = hub.home.turn(turn_of(&asked)).await;
    assert_eq!(
        turn.reply,
        Some(vec![Block::text("I remember nothing about the bicycle.")])
    );
    let open = "audience_person_id is null and (payload::text like '%present%' or payload::text like '%is a bicycle%')";
    assert_eq!(hub.sql().count("events", open).await, 0);
}

#[tokio::test]
async fn the_words_of_a_session_are_thought_about_in_their_order() {
    let hub = TestHub::start().await;
    let mut turns = Vec::new();
    for number in 0..5 {
        turns.push(turn_of(
            &hub.home.kitchen.hears(&format!("remember that {number}")).await,
        ));
    }
    assert_eq!(hub.run_jobs().await, 5);
    let planned: Vec<uuid::Uuid> = hub
        .sql()
        .values(
            "select (payload ->> 'turn_id')::uuid from hub.events where type = 'message.agent' order by position",
        )
        .await;
    assert_eq!(planned, turns.iter().map(|turn| turn.0).collect::<Vec<_>>());
    assert_eq!(hub.sql().count("sessions", "true").await, 1);
}

#[tokio::test]
async fn a_silent_room_opens_a_new_session() {
    let hub = TestHub::start().await;
    for (minutes, sessions) in [(0, 1), (10, 1), (11, 2)] {
        hub.clock.advance(chrono::Duration::minutes(minutes));
        hub.home.kitchen.hears("hello").await;
        assert_eq!(
            hub.sql().count("sessions", "true").await,
            sessions,
            "after {minutes} minutes"
        );
    }
    assert_eq!(hub.sql().count("sessions", "state = 'open'").await, 1);
    hub.run_jobs().await;
}

/// One operation, one entry; and what was said stands in none of them.
#[tokio::test]
async fn every_step_is_in_the_audit_log_and_no_word_of_it() {
    let hub = TestHub::start().await;
    let outcome = hub
        .home
        .kitchen
        .hears("remember that the safe opens with zanzibar")
        .await;
    hub.run_jobs().await;
    let entries: Vec<(String, String)> = hub
        .sql()
        .rows(&format!(
            "select operation, body from hub.audit_entries where agent_id = '{}' order by agent_seq desc limit 2",
            hub.home.agent
        ))
        .await;
    let (turn, append) = (&entries[0], &entries[1]);
    assert_eq!(
        (turn.0.as_str(), append.0.as_str()),
        ("run_turn", "append_events")
    );
    let body: Value = serde_json::from_str(&turn.1).unwrap();
    assert_eq!(body["resource"], json!({"kind": "turn", "id": turn_of(&outcome)}));
    let kinds: Vec<&str> = body["commitments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "memory").count(), 2);
    assert_eq!(
        hub.sql().count("audit_entries", "body ilike '%zanzibar%'").await,
        0
    );
}
