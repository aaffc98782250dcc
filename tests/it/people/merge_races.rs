//! Whoever is merged in this moment: nothing is written under the old name, whoever read it before.

use hub::{
    error::Error,
    turns::{Block, TurnState, runtime::Thought},
};
use serde_json::{Value, json};
use support::{ScriptedRuntime, TestHub, turn_of};

use super::Story;

#[tokio::test]
async fn a_turn_that_runs_begins_anew_as_who_they_are() {
    let runtime = ScriptedRuntime::default();
    let story = Story::on(TestHub::builder().runtime(runtime.clone()).start().await).await;
    let says = |text: &str| Thought {
        reply: vec![Block::text(text)],
        ..Thought::default()
    };
    let held = runtime.then_hold(says("to the old one"));
    let outcome = story.bob.says("hello", "1").await.unwrap();
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    let (old, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
    let _ = story.merges(&story.admin, &old, &robert).await.expect(200);
    runtime.then(says("to who he is"));
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    story.hub.run_jobs().await;
    let turn = story.hub.home.turn(turn_of(&outcome)).await;
    assert_eq!(turn.state, TurnState::Planned);
    assert_eq!(story.named(&old).await, [] as [String; 0]);
    let replies = story.admin.get("events?types=message.agent").await.expect(200);
    let replies: Vec<&Value> = replies
        .items()
        .iter()
        .map(|event| &event["payload"]["content"][0]["text"])
        .collect();
    assert_eq!(replies, ["to who he is"]);
}

#[tokio::test]
async fn whoever_works_for_the_old_one_is_told_to_come_again() {
    let story = Story::new().await;
    let (old, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
    // Begun before, and ending after.
    story.bob.says("hello", "1").await.unwrap();
    story.hub.run_jobs().await;
    let _ = story.merges(&story.admin, &old, &robert).await.expect(200);
    let before = story.hub.sql().count("events", "true").await;
    let late = story.bob.says("hello again", "2").await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    assert_eq!(story.hub.sql().count("events", "true").await, before);
    assert_eq!(story.named(&old).await, [] as [String; 0]);
    // As a request he is who he is now.
    story.says(&story.admin, "hello again").await;
    assert_eq!(story.person_of(&story.bob).await.to_string(), robert);
}

#[tokio::test]
async fn two_merges_crosswise_leave_one_person() {
    for _ in 0..5 {
        let story = Story::new().await;
        let (one, other) = (story.knows("One", &[]).await, story.knows("Other", &[]).await);
        let (first, second) = tokio::join!(
            story.merges(&story.owner, &one, &other),
            story.merges(&story.admin, &other, &one)
        );
        let won = [&first, &second]
            .iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(won, 1, "{} and {}", first.told(), second.told());
        let lost = if first.status == 200 { second } else { first };
        let _ = lost.refuses(409, "merged");
        let of_name = "name in ('One', 'Other')";
        assert_eq!(story.hub.sql().count("people", of_name).await, 1);
    }
}

#[tokio::test]
async fn a_merge_beside_forgetting_and_beside_talk_leaves_nothing_of_the_old_name() {
    for round in 0..5 {
        let story = Story::new().await;
        let (old, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
        story.bob.says("hello", "1").await.unwrap();
        story.hub.run_jobs().await;
        let forgets = format!("people/{robert}/forget");
        let renames = format!("people/{old}");
        let (merged, forgotten, said, renamed) = tokio::join!(
            story.merges(&story.admin, &old, &robert),
            story.owner.post(&forgets, json!({})),
            story.admin.post(
                "messages",
                json!({"content": [{"type": "text", "text": "hello"}]})
            ),
            story
                .owner
                .patch(&renames, json!({"relationship": "the one who hums"})),
        );
        story.hub.run_jobs().await;
        for answer in [&merged, &forgotten, &said, &renamed] {
            assert!(
                [200, 202, 409, 503].contains(&answer.status.as_u16()),
                "round {round}: {}",
                answer.told()
            );
        }
        let now = story.person_of(&story.bob).await.to_string();
        if merged.status == 200 {
            assert_eq!(story.named(&old).await, [] as [String; 0], "round {round}");
            assert_eq!(now, robert);
        } else {
            assert_eq!(now, old, "{}", merged.told());
        }
    }
}

/// Whoever takes up the turn in this moment may see nothing of it, as who they were: it is answered all the same.
#[tokio::test]
async fn a_turn_that_begins_in_this_moment_is_answered() {
    for round in 0..12 {
        let story = Story::new().await;
        let (old, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
        let outcome = story
            .bob
            .says("remember that the bins go out on Monday", "1")
            .await;
        let turn = turn_of(&outcome.unwrap());
        let (merged, _) = tokio::join!(story.merges(&story.admin, &old, &robert), async {
            // Each round a little later.
            for _ in 0..round * 8 {
                tokio::task::yield_now().await;
            }
            story.hub.run_jobs().await
        });
        let merged = if merged.status == 503 {
            story.merges(&story.admin, &old, &robert).await
        } else {
            merged
        };
        let _ = merged.expect(200);
        story.hub.clock.advance(chrono::Duration::minutes(5));
        story.hub.run_jobs().await;
        let turn = story.hub.home.turn(turn).await;
        assert_eq!(
            (turn.state, turn.reason),
            (TurnState::Planned, None),
            "round {round}"
        );
        assert_eq!(story.named(&old).await, [] as [String; 0], "round {round}");
    }
}
