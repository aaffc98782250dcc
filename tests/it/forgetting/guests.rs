//! Guests, and whoever is blocked: they are forgotten like anybody else, and a guest reaches nothing but what is theirs.

use axum::http::Method;
use hub::identity::Role;
use serde_json::{Value, json};
use support::{Client, User};

use super::Story;

const NOTHING: [String; 0] = [];

impl Story {
    async fn guest(&self) -> (User, Client) {
        let gil = self.hub.home.user("gil", Role::Guest).await;
        let client = self.rest.user(&gil).await;
        (gil, client)
    }

    /// Who runs the household blocks somebody.
    async fn blocks(&self, user: &User) {
        let path = format!("members/{}", user.id);
        let _ = self
            .owner
            .patch(&path, json!({"role": "blocked"}))
            .await
            .expect(200);
    }

    async fn only(&self, column: &str, table: &str, condition: &str) -> String {
        let query = format!("select {column}::text from hub.{table} where {condition}");
        self.hub.sql().value(&query).await
    }
}

async fn receipts(client: &Client) -> Vec<Value> {
    client.get("erasures").await.expect(200).items().to_vec()
}

#[tokio::test]
async fn a_guest_forgets_what_they_said_what_is_remembered_of_it_and_the_whole_talk() {
    let story = Story::new().await;
    let (gil, client) = story.guest().await;
    let own = format!("audience_person_id = '{}'", gil.person);
    let said = story
        .says(&client, "remember that my blood group is zanzibar")
        .await;
    let done = client.post(&format!("events/{said}/forget"), json!({})).await;
    let done = done.expect(200);
    assert!(done.json["erasure"]["counts"]["memories"].as_u64() > Some(0));
    assert_eq!(story.holds("zanzibar").await, NOTHING);

    story
        .says(&client, "remember that my blood group is zanzibar")
        .await;
    let memory = story.only("id", "memories", &format!("{own} limit 1")).await;
    let path = format!("memories/{memory}/forget");
    let _ = client.post(&path, json!({})).await.expect(200);
    assert_eq!(story.holds("zanzibar").await, NOTHING);

    story
        .says(&client, "remember that my blood group is zanzibar")
        .await;
    let condition = format!("{own} and state = 'open'");
    let session = story.only("id", "sessions", &condition).await;
    let path = format!("sessions/{session}/forget");
    let _ = client.post(&path, json!({})).await.expect(200);
    assert_eq!(story.holds("zanzibar").await, NOTHING);

    // The receipts are theirs, and nobody else is told.
    let seen = receipts(&client).await;
    assert_eq!(seen.len(), 3);
    let first = format!("erasures/{}", seen[0]["id"].as_str().unwrap());
    let _ = client.get(&first).await.expect(200);
    assert_eq!(receipts(&story.owner).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_guest_forgets_themself_and_is_told_of_nothing_but_their_own() {
    let story = Story::new().await;
    let (_gil, client) = story.guest().await;
    story
        .says(&client, "remember that my blood group is zanzibar")
        .await;
    // In a room, where the household heard it.
    let kitchen = &story.hub.home.kitchen;
    story.speaks(kitchen, "gil", "the zanzibar train is late").await;
    let path = "people/self/forget";
    let would = client.post(path, json!({"dry_run": true})).await.expect(200);
    assert!(!story.holds("zanzibar").await.is_empty());
    let done = client.post(path, json!({})).await.expect(200);
    assert_eq!(would.json["erasure"]["counts"], done.json["erasure"]["counts"]);
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    assert_eq!(done.json["beside"], json!([]), "the household's part is told");
    let seen = receipts(&client).await;
    assert_eq!(seen, [done.json["erasure"].clone()]);
    // The household reads that they were forgotten, and what it could see of them.
    let told = receipts(&story.owner).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["counts"]["people"], 1);
    assert_ne!(told[0]["id"], seen[0]["id"]);
    let id = told[0]["id"].as_str().unwrap();
    let theirs = client.get(&format!("erasures/{id}")).await;
    let _ = theirs.refuses(404, "not_found");
    // Again changes nothing, and answers the same.
    let again = client.post(path, json!({})).await.expect(200);
    assert_eq!(again.json["erasure"]["id"], done.json["erasure"]["id"]);
    assert_eq!(again.json["beside"], json!([]));
}

/// There is a receipt for them also where nothing was theirs alone.
#[tokio::test]
async fn a_guest_who_said_nothing_is_forgotten_too() {
    let story = Story::new().await;
    let (_gil, client) = story.guest().await;
    let done = client.post("people/self/forget", json!({})).await.expect(200);
    assert_eq!(
        done.json["erasure"]["counts"]["people"], 0,
        "that is the household's"
    );
    assert_eq!(receipts(&client).await, [done.json["erasure"].clone()]);
    assert_eq!(receipts(&story.owner).await[0]["counts"]["people"], 1);
    // A member is answered as ever: with the household's.
    let bob = story.bob.post("people/self/forget", json!({})).await.expect(200);
    assert_eq!(bob.json["erasure"]["counts"]["people"], 1);
}

#[tokio::test]
async fn a_guest_reaches_nothing_of_the_households_and_nobody_else() {
    let story = Story::new().await;
    let (_gil, client) = story.guest().await;
    let heard = story.hears("remember that the bins go out on Monday").await;
    let bobs = story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let memory = story.memory(&story.owner, "bins go out").await.unwrap();
    let bobs_memory = story.memory(&story.bob, "zanzibar").await.unwrap();
    let sessions = story.owner.get("sessions").await.expect(200);
    let session = sessions.text("/items/0/id").to_owned();
    let (nora, dora) = (story.knows("Nora", &[]).await, story.knows("Dora", &[]).await);
    let forgets = format!("people/{dora}/forget");
    let gone = story.owner.post(&forgets, json!({})).await.expect(200);
    let forgotten = story.hears("remember that pemba is an island").await;
    story.forgets(&forgotten).await;
    let (bob, ada) = (story.person("bob").await, story.person("ada").await);
    let before = story.hub.sql().count("erasures", "true").await;
    for path in [
        format!("events/{heard}/forget"),
        format!("events/{bobs}/forget"),
        format!("events/{forgotten}/forget"),
        format!("memories/{memory}/forget"),
        format!("memories/{bobs_memory}/forget"),
        format!("sessions/{session}/forget"),
        format!("people/{nora}/forget"),
        // Forgotten before: its receipt is the household's.
        forgets,
        format!("people/{bob}/forget"),
        format!("people/{ada}/forget"),
    ] {
        for body in [json!({}), json!({"dry_run": true})] {
            let answer = client.post(&path, body).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.told());
        }
    }
    assert_eq!(story.hub.sql().count("erasures", "true").await, before);
    assert_eq!(receipts(&client).await, [] as [Value; 0]);
    let receipt = format!("erasures/{}", gone.text("/erasure/id"));
    let _ = client.get(&receipt).await.refuses(404, "not_found");
    assert!(story.memory(&story.owner, "bins").await.is_some());
    assert!(story.memory(&story.bob, "zanzibar").await.is_some());
}

/// What somebody shared as a member is the household's: as a guest they forget what they said, and no more.
#[tokio::test]
async fn a_guest_who_was_a_member_forgets_what_is_theirs_alone_now() {
    let story = Story::new().await;
    let own = story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let memory = story.memory(&story.bob, "zanzibar").await.unwrap();
    let path = format!("memories/{memory}/share");
    let shared = story.bob.ask(Method::POST, &path).send().await;
    let _ = shared.expect(200);
    let demote = "update hub.memberships set role = 'guest' where user_id in (select id from hub.users where name = 'bob')";
    story.hub.sql().execute(demote).await;
    let path = format!("memories/{memory}/forget");
    let _ = story.bob.post(&path, json!({})).await.refuses(404, "not_found");
    let path = format!("events/{own}/forget");
    let _ = story.bob.post(&path, json!({})).await.expect(200);
    assert!(story.memory(&story.owner, "zanzibar").await.is_some());
}

#[tokio::test]
async fn who_is_blocked_is_forgotten_by_the_owner_and_stays_blocked() {
    let story = Story::new().await;
    let (gil, client) = story.guest().await;
    story
        .says(&client, "remember that my blood group is zanzibar")
        .await;
    let path = format!("people/{}/forget", gil.person);
    let refused = story.owner.post(&path, json!({})).await;
    let _ = refused.refuses(409, "has_login");
    story.blocks(&gil).await;
    let _ = story.bob.post(&path, json!({})).await.refuses(403, "forbidden");
    // No program forgets whoever has a login: with them go the names by which a room knows them.
    let program = json!({"name": "cleaner", "scopes": ["erasures:write"]});
    let program = story.owner.post("tokens", program).await.expect(201);
    let program = story.rest.bearer(program.text("/secret"));
    let _ = program.post(&path, json!({})).await.refuses(403, "forbidden");
    let _ = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    for path in ["people/self/forget", "messages"] {
        let body = json!({"content": [{"type": "text", "text": "hello"}]});
        let body = if path == "messages" { body } else { json!({}) };
        let _ = client.post(path, body).await.refuses(404, "not_found");
    }
    let _ = client.get("erasures").await.refuses(404, "not_found");
    // No code of an admin's lets them back in.
    let admin = story.hub.home.user("eve", Role::Admin).await;
    let admin = story.rest.user(&admin).await;
    let code = admin.post("invitations", json!({"role": "guest"})).await;
    let body = json!({"code": code.expect(201).text("/code")});
    let refused = client.post("/v1/invitations/accept", body).await;
    let _ = refused.refuses(422, "invalid");
}
