//! Sharing: one's own file becomes the household's, by one's own hand.

use axum::http::Method;
use hub::places::PrivacyMode;
use serde_json::{Value, json};
use support::{Answer, Client};

use super::{BYTES, Story, new};

impl Story {
    /// A file of Ada's alone; its id.
    async fn hers(&self, completes: bool) -> String {
        let mut private = new(BYTES);
        private["is_private"] = json!(true);
        let made = self.owner.post("artifacts", private).await.expect(201);
        assert_eq!(self.send(&made, BYTES).await.status(), 200);
        let id = made.text("/artifact/id").to_owned();
        if completes {
            let _ = self.complete(&id).await.expect(200);
        }
        id
    }

    async fn bob(&self) -> Client {
        self.rest.user(&self.hub.member("bob").await).await
    }

    async fn entries(&self) -> Vec<Value> {
        let entries = "select body::jsonb from hub.audit_entries where operation = 'share_artifact'";
        self.hub.sql().values(entries).await
    }
}

async fn shares(client: &Client, id: &str) -> Answer {
    client
        .ask(Method::POST, &format!("artifacts/{id}/share"))
        .send()
        .await
}

#[tokio::test]
async fn a_shared_artifact_is_the_households_with_its_bytes_and_that_is_told_and_written_down_once() {
    for story in Story::of_both().await {
        let (id, bob) = (story.hers(true).await, story.bob().await);
        let _ = bob
            .get(&format!("artifacts/{id}"))
            .await
            .refuses(404, "not_found");
        let shared = shares(&story.owner, &id).await.expect(200);
        assert_eq!(shared.json["is_private"], false);
        let seen = bob.get(&format!("artifacts/{id}")).await.expect(200);
        assert_eq!(seen.json, shared.json);
        let link = bob.get(&format!("artifacts/{id}/download")).await.expect(200);
        let bytes = super::client()
            .get(story.at(link.text("/url")))
            .send()
            .await
            .unwrap();
        assert_eq!(bytes.bytes().await.unwrap(), BYTES);
        // Again changes nothing, whoever asks.
        let _ = shares(&story.owner, &id).await.expect(200);
        let _ = shares(&bob, &id).await.expect(200);
        let told = bob.get("events?types=artifact.shared").await.expect(200);
        let said = json!({"artifact_id": id, "person_id": story.ada.person});
        assert_eq!(told.items().len(), 1);
        assert_eq!(told.items()[0]["payload"], said);
        let [entry] = &story.entries().await[..] else {
            panic!("it is written down once");
        };
        let details = json!({"old_audience_person_id": story.ada.person, "new_audience": "household"});
        assert_eq!(
            (&entry["details"], &entry["principal"]["id"]),
            (&details, &json!(story.ada.id))
        );
    }
}

#[tokio::test]
async fn nobody_shares_what_is_somebody_elses_nor_a_program_or_a_device_in_their_name() {
    let story = Story::in_a_directory().await;
    let (id, bob) = (story.hers(true).await, story.bob().await);
    let _ = shares(&bob, &id).await.refuses(404, "not_found");
    let program = json!({"name": "reader", "scopes": ["artifacts:read", "artifacts:write"]});
    let program = story.owner.post("tokens", program).await.expect(201);
    let program = story.rest.bearer(program.text("/secret"));
    let _ = shares(&program, &id).await.refuses(403, "forbidden");
    let device = story.rest.device(&story.hub.home.office);
    let _ = shares(&device, &id).await.refuses(403, "forbidden");
    let never = json!({"name": "sharer", "scopes": ["artifacts:share"]});
    let _ = story.owner.post("tokens", never).await.expect(422);
    let _ = bob
        .get(&format!("artifacts/{id}"))
        .await
        .refuses(404, "not_found");
    assert_eq!(story.entries().await, [] as [Value; 0]);
}

#[tokio::test]
async fn neither_what_is_not_there_yet_nor_what_is_of_a_private_space_is_shared_meanwhile() {
    let story = Story::in_a_directory().await;
    let id = story.hers(false).await;
    let _ = shares(&story.owner, &id).await.refuses(409, "not_uploaded");
    let _ = story.complete(&id).await.expect(200);
    let home = &story.hub.home;
    home.set_privacy(home.elsewhere, PrivacyMode::Private)
        .await
        .unwrap();
    let _ = shares(&story.owner, &id).await.refuses(409, "privacy_mode");
    home.set_privacy(home.elsewhere, PrivacyMode::Normal)
        .await
        .unwrap();
    let _ = shares(&story.owner, &id).await.expect(200);
}
