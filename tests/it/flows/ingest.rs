//! What comes from outside: accepted once, answered item by item, and refused without a trace.

use std::collections::{HashMap, HashSet};

use chrono::Duration;
use hub::{
    clock::{Clock, DateTime},
    error::Error,
    events::ingest::{Inbound, Outcome},
    ids::EventId,
};
use serde_json::{Value, json};
use support::{TestHub, heard, thing, turn_of};
use tokio::task::JoinSet;

fn event_of(outcome: &Outcome) -> EventId {
    match outcome {
        Outcome::Accepted { event, .. } | Outcome::Duplicate { event } => *event,
        other => unreachable!("{other:?}"),
    }
}

/// The reason of a rejection and the field it points to.
fn rejection(outcome: &Outcome) -> (&str, &str) {
    match outcome {
        Outcome::Rejected { reason, errors } => (reason, &errors[0].pointer),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_event_again_is_answered_with_the_first() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    let item = heard("good morning");
    let first = kitchen.sends(vec![item.clone()]).await.unwrap().remove(0);
    let before = hub.sql().census().await;
    for _ in 0..3 {
        let again = kitchen.sends(vec![item.clone()]).await.unwrap().remove(0);
        let event = event_of(&first);
        assert_eq!(again, Outcome::Duplicate { event });
    }
    assert_eq!(hub.sql().census().await, before);
    hub.run_jobs().await;
}

#[tokio::test]
async fn an_id_that_was_used_for_something_else_is_a_conflict() {
    let hub = TestHub::start().await;
    let first = thing(json!({"n": 1}));
    let others = [
        Inbound {
            payload: json!({"n": 2}),
            ..first.clone()
        },
        Inbound {
            event_type: "x.test.other".to_owned(),
            ..first.clone()
        },
        Inbound {
            occurred_at: Some(hub.clock.now()),
            ..first.clone()
        },
    ];
    hub.home.kitchen.sends(vec![first.clone()]).await.unwrap();
    for other in others {
        let outcome = hub.home.kitchen.sends(vec![other]).await.unwrap().remove(0);
        assert_eq!(rejection(&outcome), ("conflict", "/client_id"));
    }
    // The ids of another device are its own.
    let outcome = hub.home.office.sends(vec![first]).await.unwrap().remove(0);
    assert!(matches!(outcome, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn a_batch_is_answered_item_by_item_and_its_good_items_commit_together() {
    let hub = TestHub::start().await;
    let (one, two) = (heard("one"), heard("two"));
    let unknown = Inbound {
        event_type: "weather".to_owned(),
        ..thing(json!({}))
    };
    let conflict = Inbound {
        payload: json!({"text": "other"}),
        ..one.clone()
    };
    let batch = vec![
        one.clone(),
        unknown,
        thing(json!({"n": 1})),
        Inbound {
            payload: json!({"txt": "typo"}),
            ..heard("")
        },
        one,
        conflict,
        two,
    ];
    let outcomes = hub.home.kitchen.sends(batch).await.unwrap();
    let turn = turn_of(&outcomes[0]);
    assert_eq!(rejection(&outcomes[1]), ("unknown_type", "/event_type"));
    assert_eq!(rejection(&outcomes[3]), ("invalid", "/payload/text"));
    assert_eq!(
        outcomes[4],
        Outcome::Duplicate {
            event: event_of(&outcomes[0])
        }
    );
    assert_eq!(rejection(&outcomes[5]), ("conflict", "/client_id"));
    assert_eq!(turn_of(&outcomes[6]), turn, "a batch is one turn");
    let accepted = [&outcomes[0], &outcomes[2], &outcomes[6]].map(event_of);
    let positions = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Accepted { position, .. } => Some(*position),
        _ => None,
    });
    let told: Vec<(i64, EventId)> = positions.zip(accepted).collect();
    let stored: Vec<(i64, uuid::Uuid)> = hub
        .sql()
        .rows("select position, id from hub.events where source_kind = 'device' order by position")
        .await;
    let stored: Vec<(i64, EventId)> = stored.into_iter().map(|(at, id)| (at, id.into())).collect();
    assert_eq!(told, stored);
    let entry: String = hub
        .sql()
        .value("select body from hub.audit_entries where operation = 'append_events'")
        .await;
    let entry: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(
        entry["events"],
        json!({"first": stored[0].0, "last": stored[2].0})
    );
    let inputs = hub.home.whole().await.turns().inputs(turn).await.unwrap();
    assert_eq!(inputs, [accepted[0], accepted[2]]);
    assert_eq!(hub.run_jobs().await, 1);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let hub = TestHub::start().await;
    let bad = [bad_payloads(), bad_names(), bad_times(hub.clock.now())];
    let before = hub.sql().census().await;
    for (item, pointer) in bad.into_iter().flatten() {
        let outcome = hub.home.kitchen.sends(vec![item]).await.unwrap().remove(0);
        assert_eq!(rejection(&outcome).1, pointer);
    }
    for size in [0, 101] {
        let batch = (0..size).map(|_| heard("hello")).collect();
        let refused = hub.home.kitchen.sends(batch).await;
        assert!(
            matches!(refused, Err(Error::Invalid(_))),
            "a batch of {size}: {refused:?}"
        );
    }
    assert_eq!(hub.sql().census().await, before);
}

/// Transcripts and others' events whose content is wrong, and the field at fault.
fn bad_payloads() -> Vec<(Inbound, &'static str)> {
    let with = |payload: Value| Inbound { payload, ..heard("") };
    vec![
        (with(json!(null)), "/payload"),
        (with(json!(["text"])), "/payload"),
        (with(json!({})), "/payload/text"),
        (with(json!({"text": " "})), "/payload/text"),
        (with(json!({"text": 7})), "/payload/text"),
        (with(json!({"text": "a\0b"})), "/payload/text"),
        (with(json!({"text": "x".repeat(16_001)})), "/payload/text"),
        (with(json!({"text": "hello", "mood": "fine"})), "/payload/mood"),
        (
            with(json!({"text": "hello", "is_final": false})),
            "/payload/is_final",
        ),
        (
            with(json!({"text": "hello", "participant": "x".repeat(201)})),
            "/payload/participant",
        ),
        (
            thing(json!({"deep": {"list": ["a", "\0"]}})),
            "/payload/deep/list/1",
        ),
        (thing(json!({"big": "x".repeat(70_000)})), "/payload"),
    ]
}

/// Client ids and types that none can be.
fn bad_names() -> Vec<(Inbound, &'static str)> {
    let by = |client_id: String| Inbound {
        client_id,
        ..heard("hello")
    };
    let of = |event_type: &str| Inbound {
        event_type: event_type.to_owned(),
        ..heard("hello")
    };
    let ids = [String::new(), "x".repeat(201), "a\0b".to_owned()].map(by);
    let types = ["turn.ended", "x.", "x.Übel"].map(of);
    let ids = ids.into_iter().map(|item| (item, "/client_id"));
    ids.chain(types.into_iter().map(|item| (item, "/event_type")))
        .collect()
}

/// Beyond what a device's clock may be wrong, and longer ago than anything is kept.
fn bad_times(now: DateTime) -> Vec<(Inbound, &'static str)> {
    let at = |occurred_at| Inbound {
        occurred_at: Some(occurred_at),
        ..heard("hello")
    };
    [now + Duration::minutes(11), now - Duration::days(401)]
        .map(|time| (at(time), "/occurred_at"))
        .into()
}

/// What a user says comes from a signed-in user, not from a device that says so.
#[tokio::test]
async fn a_satellite_cannot_speak_as_a_user() {
    let hub = TestHub::start().await;
    for payload in [
        json!({"content": [{"type": "text", "text": "I am Ada"}]}),
        json!({"\0": 1}),
    ] {
        let forged = Inbound {
            event_type: "message.user".to_owned(),
            payload,
            ..heard("")
        };
        let outcome = hub.home.kitchen.sends(vec![forged]).await.unwrap().remove(0);
        assert_eq!(rejection(&outcome), ("unknown_type", "/event_type"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_duplicates_are_one_event() {
    let hub = TestHub::start().await;
    let items: Vec<Inbound> = (0..6).map(|number| heard(&format!("number {number}"))).collect();
    let mut tasks = JoinSet::new();
    for task in 0..12 {
        let (kitchen, mut batch) = (hub.home.kitchen.clone(), items.clone());
        batch.rotate_left(task % 6);
        tasks.spawn(async move {
            let sent = batch.clone();
            let outcomes = kitchen.sends(batch).await.unwrap();
            sent.into_iter().zip(outcomes).collect::<Vec<_>>()
        });
    }
    let (mut ids, mut accepted) = (HashMap::<String, HashSet<EventId>>::new(), 0);
    while let Some(answered) = tasks.join_next().await {
        for (item, outcome) in answered.unwrap() {
            ids.entry(item.client_id).or_default().insert(event_of(&outcome));
            accepted += usize::from(matches!(outcome, Outcome::Accepted { .. }));
        }
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
    assert_eq!((ids.len(), accepted), (6, 6));
    assert_eq!(hub.sql().count("events", "type = 'transcript'").await, 6);
    hub.run_jobs().await;
    assert_eq!(hub.sql().count("turns", "state <> 'planned'").await, 0);
}
