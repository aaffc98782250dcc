//! Sharing: one's own memory becomes the household's, by one's own hand; what it came from does not.

use axum::http::Method;
use hub::{identity::Role, places::PrivacyMode};
use serde_json::{Value, json};
use support::Answer;

use super::Story;

impl Story {
    /// Bob tells the agent something in private: the memory.
    async fn bobs_memory(&self) -> Value {
        self.says(&self.admin, "remember that the zanzibar key is under the mat")
            .await;
        self.admin.memory("zanzibar").await.expect("it is remembered")
    }

    /// How many memories of an id somebody sees.
    async fn with_id(&self, client: &support::Client, id: &Value) -> usize {
        let memories = client.get("memories?limit=200").await.expect(200);
        memories
            .items()
            .iter()
            .filter(|memory| memory["id"] == *id)
            .count()
    }

    async fn recalls(&self, client: &support::Client) -> Vec<Value> {
        let asked = json!({"question": "where is the zanzibar key"});
        let found = client.post("recall", asked).await.expect(200);
        found.items().to_vec()
    }
}

async fn shares(client: &support::Client, memory: &Value) -> Answer {
    let path = format!("memories/{}/share", memory["id"].as_str().unwrap());
    client.ask(Method::POST, &path).send().await
}

#[tokio::test]
async fn a_shared_memory_is_the_households_and_where_it_came_from_is_not() {
    let story = Story::new().await;
    let memory = story.bobs_memory().await;
    assert!(story.owner.memory("zanzibar").await.is_none());
    let shared = shares(&story.admin, &memory).await.expect(200);
    assert_eq!(shared.json["audience_person_id"], Value::Null);
    let seen = story.owner.memory("zanzibar").await.expect("it is shared");
    assert_eq!((&seen["id"], &seen["session_id"]), (&memory["id"], &Value::Null));
    let hers = story.recalls(&story.owner).await;
    let hers = hers
        .iter()
        .find(|found| found["memory"]["id"] == memory["id"])
        .unwrap();
    assert_eq!(hers["why"]["sources"], json!([]), "what Bob said is his");
    let his = story.recalls(&story.admin).await;
    let his = his
        .iter()
        .find(|found| found["memory"]["id"] == memory["id"])
        .unwrap();
    assert_eq!(his["why"]["sources"].as_array().unwrap().len(), 1);
    assert_eq!(his["memory"]["session_id"], memory["session_id"]);
    // Nothing else of his is anybody's.
    let words = story.owner.get("events?limit=200").await.expect(200);
    assert!(!words.told().contains("zanzibar"));
    let told = story.owner.get("events?types=memory.shared").await.expect(200);
    assert_eq!(
        told.items()[0]["payload"],
        json!({"memory_id": memory["id"], "person_id": story.bob.person})
    );
    let entries = story.entries("share_memory").await;
    assert_eq!(entries[0]["principal"]["id"], json!(story.bob.id));
    assert_eq!(
        (
            &entries[0]["details"]["old_audience_person_id"],
            &entries[0]["details"]["new_audience"]
        ),
        (&json!(story.bob.person), &json!("household"))
    );
    // Again changes nothing.
    let _ = shares(&story.admin, &memory).await.expect(200);
    let _ = shares(&story.owner, &memory).await.expect(200);
    assert_eq!(story.entries("share_memory").await.len(), 1);
}

#[tokio::test]
async fn nobody_shares_what_is_somebody_elses() {
    let story = Story::new().await;
    let memory = story.bobs_memory().await;
    let _ = shares(&story.owner, &memory).await.refuses(404, "not_found");
    let guest = story.hub.home.user("gil", Role::Guest).await;
    let guest = story.rest.user(&guest).await;
    let _ = shares(&guest, &memory).await.refuses(403, "forbidden");
    let device = story.rest.device(&story.hub.home.office);
    let _ = shares(&device, &memory).await.refuses(403, "forbidden");
    let program = json!({"name": "reader", "scopes": ["memories:read"]});
    let program = story.admin.post("tokens", program).await.expect(201);
    let program = story.rest.bearer(program.text("/secret"));
    let _ = shares(&program, &memory).await.refuses(403, "forbidden");
    let nothing = json!({"id": "0198f2aa-7c11-7d02-9a3e-5b1f00c0ffee"});
    let _ = shares(&story.admin, &nothing).await.refuses(404, "not_found");
    assert!(story.owner.memory("zanzibar").await.is_none());
    assert_eq!(story.entries("share_memory").await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_was_learnt_in_a_private_space_is_not_shared_meanwhile() {
    let story = Story::new().await;
    let memory = story.bobs_memory().await;
    let elsewhere = story.hub.home.elsewhere;
    story
        .hub
        .home
        .set_privacy(elsewhere, PrivacyMode::Private)
        .await
        .unwrap();
    let _ = shares(&story.admin, &memory).await.refuses(409, "privacy_mode");
    story
        .hub
        .home
        .set_privacy(elsewhere, PrivacyMode::Normal)
        .await
        .unwrap();
    let _ = shares(&story.admin, &memory).await.expect(200);
}

#[tokio::test]
async fn a_shared_memory_is_taken_back_by_forgetting_it() {
    let story = Story::new().await;
    let memory = story.bobs_memory().await;
    let _ = shares(&story.admin, &memory).await.expect(200);
    let path = format!("memories/{}/forget", memory["id"].as_str().unwrap());
    // As of everything that is the household's: who runs it may forget it, and what Bob said stays his.
    let _ = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(story.with_id(&story.admin, &memory["id"]).await, 0);
    let said = story.admin.get("events?types=message.user").await.expect(200);
    assert!(said.told().contains("zanzibar"));
    let memory = story.bobs_memory().await;
    let _ = shares(&story.admin, &memory).await.expect(200);
    let path = format!("memories/{}/forget", memory["id"].as_str().unwrap());
    let _ = story.admin.post(&path, json!({})).await.expect(200);
    assert_eq!(story.with_id(&story.owner, &memory["id"]).await, 0);
    assert_eq!(story.with_id(&story.admin, &memory["id"]).await, 0);
}
