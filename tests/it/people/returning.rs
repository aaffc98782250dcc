//! Somebody comes back: as who they were, unless that one is nobody any more.

use hub::identity::Role;
use serde_json::json;

use super::Story;

impl Story {
    /// Bob leaves, and comes back with a code.
    async fn bob_comes_back(&self, meanwhile: impl AsyncFnOnce(&str)) -> String {
        let bob = self.hub.home.user("robert", Role::Member).await;
        let client = self.rest.user(&bob).await;
        self.says(&client, "remember that zanzibar is an island").await;
        let path = format!("members/{}", bob.id);
        let _ = self.owner.delete(&path).await.expect(200);
        meanwhile(&bob.person.to_string()).await;
        let made = self.owner.post("invitations", json!({"role": "member"})).await;
        let code = made.expect(201).text("/code").to_owned();
        let body = json!({"code": code});
        let accepted = client.post("/v1/invitations/accept", body).await;
        assert!(accepted.status.is_success(), "{}", accepted.told());
        self.says(&client, "remember that the bins go out on Monday")
            .await;
        assert!(client.memory("bins").await.is_some());
        let now = self.person_of(&bob).await.to_string();
        let person = client.get(&format!("people/{now}")).await.expect(200);
        assert_eq!(person.json["user_id"], json!(bob.id));
        assert!(person.json["name"].is_string(), "{}", person.told());
        assert_eq!(person.json["id"], json!(now));
        now
    }
}

#[tokio::test]
async fn whoever_comes_back_is_who_they_were() {
    let story = Story::new().await;
    let mut was = String::new();
    let now = story.bob_comes_back(async |old| was = old.to_owned()).await;
    assert_eq!(now, was);
}

#[tokio::test]
async fn whoever_was_forgotten_meanwhile_is_somebody_new() {
    let story = Story::new().await;
    let mut was = String::new();
    let now = story
        .bob_comes_back(async |old| {
            was = old.to_owned();
            let path = format!("people/{old}/forget");
            let _ = story.owner.post(&path, json!({})).await.expect(200);
        })
        .await;
    assert_ne!(now, was);
    let left = story.owner.get(&format!("people/{was}")).await.expect(200);
    assert_eq!(
        (&left.json["name"], &left.json["user_id"]),
        (&json!(null), &json!(null))
    );
}

#[tokio::test]
async fn whoever_was_merged_is_the_other() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    let (old, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
    let _ = story.merges(&story.admin, &old, &robert).await.expect(200);
    let _ = story
        .owner
        .delete(&format!("members/{}", story.bob.id))
        .await
        .expect(200);
    let made = story.owner.post("invitations", json!({"role": "member"})).await;
    let code = made.expect(201).text("/code").to_owned();
    let accepted = story
        .admin
        .post("/v1/invitations/accept", json!({"code": code}))
        .await;
    assert!(accepted.status.is_success(), "{}", accepted.told());
    assert_eq!(story.person_of(&story.bob).await.to_string(), robert);
    assert_ne!(robert, nora);
}
