//! People: whose words are whose, and forgetting somebody.

use hub::identity::Trust;
use serde_json::{Value, json};
use support::{TestDevice, heard};

use super::Story;

impl Story {
    pub(super) async fn knows(&self, name: &str, aliases: &[&str]) -> String {
        let made = self
            .owner
            .post("people", json!({"name": name, "aliases": aliases}))
            .await
            .expect(201);
        made.text("/id").to_owned()
    }

    /// Somebody speaks, by what a device calls them. The event.
    pub(super) async fn speaks(&self, device: &TestDevice, participant: &str, text: &str) -> Value {
        let mut said = heard(text);
        said.payload["participant"] = json!(participant);
        device.sends(vec![said]).await.unwrap();
        self.hub.run_jobs().await;
        let id = self.last_event(&self.owner, "transcript").await;
        self.event(&self.owner, &id).await
    }
}

#[tokio::test]
async fn a_transcript_is_whose_name_its_device_says() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &["voice-7", "Granny"]).await;
    let eve = story.knows("Eve", &[]).await;
    // Since before that was refused.
    let same = format!("update hub.people set aliases = '{{granny}}' where id = '{eve}'");
    story.hub.sql().execute(&same).await;
    let kitchen = &story.hub.home.kitchen;
    for called in ["Nora", "nora", "VOICE-7"] {
        let event = story.speaks(kitchen, called, "hello").await;
        assert_eq!(event["person_id"], json!(nora), "{called}");
        // It is the household's all the same, and believed as far as its device.
        assert_eq!(
            (&event["audience_person_id"], &event["trust"]),
            (&Value::Null, &json!("household"))
        );
    }
    for called in ["Granny", "Somebody", ""] {
        let event = story.speaks(kitchen, called, "hello").await;
        assert_eq!(event["person_id"], Value::Null, "{called}");
    }
    let home = &story.hub.home;
    let outside = home.satellite("door", home.elsewhere, Trust::Guest).await;
    let event = story.speaks(&outside, "Nora", "hello").await;
    assert_eq!(
        event["person_id"],
        Value::Null,
        "a guest's device is taken at its word"
    );
}

#[tokio::test]
async fn somebody_is_forgotten_with_what_they_said() {
    let story = Story::new().await;
    let nora = story.knows("Zanzibar Nora", &["zanzibar-7"]).await;
    let kitchen = &story.hub.home.kitchen;
    story
        .speaks(
            kitchen,
            "zanzibar-7",
            "remember that the zanzibar key is under the mat",
        )
        .await;
    story.hears("remember that the bins go out on Monday").await;
    let path = format!("people/{nora}/forget");
    let _ = story.bob.post(&path, json!({})).await.refuses(403, "forbidden");
    let would = story
        .owner
        .post(&path, json!({"dry_run": true}))
        .await
        .expect(200);
    assert_eq!(
        story.owner.get(&format!("people/{nora}")).await.expect(200).json["name"],
        "Zanzibar Nora"
    );
    let done = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(would.json["erasure"]["counts"], done.json["erasure"]["counts"]);
    assert_eq!(done.json["erasure"]["counts"]["people"], 1);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    assert!(story.memory(&story.owner, "bins").await.is_some());
    let left = story.owner.get(&format!("people/{nora}")).await.expect(200);
    assert_eq!(
        (&left.json["name"], &left.json["aliases"]),
        (&Value::Null, &json!([]))
    );
    assert!(left.json["forgotten_at"].is_string());
    let _ = story
        .owner
        .patch(&format!("people/{nora}"), json!({"name": "again"}))
        .await
        .refuses(409, "forgotten");
    assert_eq!(
        story.owner.post(&path, json!({})).await.expect(200).json,
        done.json
    );
}

#[tokio::test]
async fn whoever_has_a_login_is_forgotten_by_themself_only() {
    let story = Story::new().await;
    story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let people = story.bob.get("people").await.expect(200);
    let bob = people
        .items()
        .iter()
        .find(|person| person["name"] == "bob")
        .unwrap()["id"]
        .clone();
    let path = format!("people/{}/forget", bob.as_str().unwrap());
    let _ = story.owner.post(&path, json!({})).await.refuses(409, "has_login");
    assert!(!story.holds("zanzibar").await.is_empty());
    let _ = story.bob.post(&path, json!({})).await.expect(200);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    // The login stays, and what is said from here on is kept.
    story
        .says(&story.bob, "remember that the bins go out on Monday")
        .await;
    assert!(story.memory(&story.bob, "bins").await.is_some());
}

#[tokio::test]
async fn bounds_of_people_are_pointed_at() {
    let story = Story::new().await;
    let many: Vec<String> = (0..21).map(|number| format!("name {number}")).collect();
    for (body, pointer) in [
        (json!({"name": ""}), "/name"),
        (json!({"name": "a".repeat(201)}), "/name"),
        (json!({"name": "Nora", "aliases": many}), "/aliases"),
        (json!({"name": "Nora", "aliases": ["x", "\n"]}), "/aliases/1"),
        (
            json!({"name": "Nora", "relationship": "a".repeat(501)}),
            "/relationship",
        ),
    ] {
        let refused = story.owner.post("people", body).await;
        let _ = refused.refuses(422, "invalid").points_at(pointer);
    }
    let _ = story
        .bob
        .post("people", json!({"name": "Nora"}))
        .await
        .refuses(403, "forbidden");
}
