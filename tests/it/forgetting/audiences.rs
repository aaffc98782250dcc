//! Who is told what was forgotten, and how much: everybody of what they could see, and nobody of what was somebody else's alone.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};
use support::Client;

use super::Story;

impl Story {
    /// What is private to somebody: the ids of events and of memories.
    pub(super) async fn private_of(&self, person: &str) -> BTreeSet<String> {
        let query = format!(
            "select id::text from hub.events where audience_person_id = '{person}' and payload is not null
             union all select id::text from hub.memories where audience_person_id = '{person}'"
        );
        self.hub.sql().values(&query).await.into_iter().collect()
    }

    async fn memories(&self, audience: &str) -> Value {
        json!(self.hub.sql().count("memories", audience).await)
    }
}

/// The ids that somebody is told are gone.
pub(super) async fn told(client: &Client) -> BTreeSet<String> {
    let events = client
        .get("events?types=event.forgotten,memory.forgotten&limit=200")
        .await
        .expect(200);
    let ids = |event: &Value| {
        let lists = ["event_ids", "memory_ids"].map(|key| event["payload"][key].as_array().cloned());
        lists.into_iter().flatten().flatten().collect::<Vec<Value>>()
    };
    let all = events.items().iter().flat_map(ids);
    all.map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn the_household_hears_that_somebody_was_forgotten_and_nothing_of_what_was_theirs_alone() {
    let story = Story::new().await;
    let bob = story.person("bob").await;
    for text in ["zanzibar is an island", "pemba is one, too"] {
        story.says(&story.bob, &format!("remember that {text}")).await;
    }
    let heard = story
        .speaks(
            &story.hub.home.kitchen,
            "bob",
            "remember that the bins go out on Monday",
        )
        .await;
    assert_eq!(heard["person_id"], json!(bob));
    let private = story.private_of(&bob).await;
    let (alone, shared) = (
        story.memories("audience_person_id is not null").await,
        story.memories("audience_person_id is null").await,
    );
    assert!(private.len() > 4 && alone != json!(0) && shared != json!(0));

    let forget = format!("people/{bob}/forget");
    let would = story
        .bob
        .post(&forget, json!({"dry_run": true}))
        .await
        .expect(200);
    let done = story.bob.post(&forget, json!({})).await.expect(200);
    assert_eq!(done.json["erasure"]["counts"]["people"], 1);
    assert_eq!(done.json["erasure"]["counts"]["memories"], shared);
    assert_eq!(done.json["beside"][0]["counts"]["memories"], alone);
    for counts in ["/erasure/counts", "/beside/0/counts"] {
        assert_eq!(would.json.pointer(counts), done.json.pointer(counts));
    }
    // Of what was the household's everybody is told; of the rest he alone.
    let of_ada = told(&story.owner).await;
    assert!(of_ada.contains(heard["id"].as_str().unwrap()), "{of_ada:?}");
    assert_eq!(of_ada.intersection(&private).count(), 0, "{of_ada:?}");
    assert!(private.is_subset(&told(&story.bob).await));
    let seen = story.owner.get("erasures").await.expect(200);
    assert_eq!(seen.items(), std::slice::from_ref(&done.json["erasure"]));
    let all = story.bob.get("erasures").await.expect(200);
    assert_eq!(all.items().len(), 2);
    let beside = format!("erasures/{}", done.text("/beside/0/id"));
    let _ = story.owner.get(&beside).await.refuses(404, "not_found");
    let _ = story.bob.get(&beside).await.expect(200);
    // Again is the same, to him.
    let again = story.bob.post(&forget, json!({})).await.expect(200);
    assert_eq!(again.json, done.json);
    let again = story.owner.post(&forget, json!({})).await.expect(200);
    assert_eq!(
        (&again.json["erasure"], &again.json["beside"]),
        (&done.json["erasure"], &json!([]))
    );
    let tombs = format!(
        "audience_person_id is distinct from (select audience_person_id from hub.erasures e
           where e.id = memory_tombstones.erasure_id) or '{bob}' = id::text"
    );
    assert_eq!(story.hub.sql().count("memory_tombstones", &tombs).await, 0);
}

#[tokio::test]
async fn whoever_forgets_somebody_who_has_left_is_not_told_how_much_was_theirs_alone() {
    let story = Story::new().await;
    let bob = story.person("bob").await;
    story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let private = story.private_of(&bob).await;
    let _ = story
        .bob
        .ask(Method::POST, "members/leave")
        .send()
        .await
        .expect(200);
    let done = story
        .owner
        .post(&format!("people/{bob}/forget"), json!({}))
        .await
        .expect(200);
    let mut counts = done.json["erasure"]["counts"].clone();
    assert_eq!(counts["people"].take(), 1);
    let counts = counts.as_object().unwrap().values();
    assert!(
        counts
            .into_iter()
            .all(|count| *count == json!(0) || count.is_null()),
        "{}",
        done.json
    );
    assert_eq!(done.json["beside"], json!([]));
    assert_eq!(story.owner.get("erasures").await.expect(200).items().len(), 1);
    assert_eq!(told(&story.owner).await.intersection(&private).count(), 0);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}

#[tokio::test]
async fn a_member_who_forgets_what_they_said_to_all_keeps_to_themself_what_it_reaches_of_theirs() {
    let story = Story::new().await;
    let bob = story.person("bob").await;
    let heard = story
        .speaks(
            &story.hub.home.kitchen,
            "bob",
            "remember that the spare key is with zanzibar Nora",
        )
        .await;
    story
        .says(&story.bob, "what do you remember about the spare key")
        .await;
    let private = story.private_of(&bob).await;
    let done = story
        .bob
        .post(
            &format!("events/{}/forget", heard["id"].as_str().unwrap()),
            json!({}),
        )
        .await
        .expect(200);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    let counts = &done.json["beside"][0]["counts"];
    assert!(
        counts["events"].as_u64() > Some(0),
        "nothing of his was reached: {}",
        done.json
    );
    let (of_ada, of_bob) = (told(&story.owner).await, told(&story.bob).await);
    assert!(of_ada.contains(heard["id"].as_str().unwrap()));
    assert_eq!(of_ada.intersection(&private).count(), 0, "{of_ada:?}");
    assert!(of_bob.intersection(&private).count() > 0);
    let seen = story.owner.get("erasures").await.expect(200);
    assert_eq!(seen.items(), std::slice::from_ref(&done.json["erasure"]));
}

/// What is the household's of something private is not named by it: its id tells when somebody was alone with the agent.
#[tokio::test]
async fn the_household_is_not_told_of_what_private_thing_its_own_came() {
    let story = Story::new().await;
    let said = story
        .says(&story.bob, "remember that the zanzibar key is with Nora")
        .await;
    let memory = story.memory(&story.bob, "zanzibar").await.unwrap();
    let _ = story
        .bob
        .post(&format!("memories/{memory}/share"), json!({}))
        .await
        .expect(200);
    let done = story
        .bob
        .post(&format!("events/{said}/forget"), json!({}))
        .await
        .expect(200);
    assert_eq!(done.text("/erasure/target_id"), said);
    let seen = story.owner.get("erasures").await.expect(200);
    assert_eq!(seen.items(), std::slice::from_ref(&done.json["beside"][0]));
    assert_eq!(
        (&seen.items()[0]["target_kind"], &seen.items()[0]["target_id"]),
        (&json!("memory"), &json!(memory))
    );
    assert_eq!(told(&story.owner).await, [memory].into());
}
