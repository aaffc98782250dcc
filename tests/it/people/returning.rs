//! Somebody comes back: as who they were, unless that one is nobody any more.

use hub::identity::Role;
use serde_json::{Value, json};
use support::{Answer, Client, User};

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
        let code = self.code().await;
        accepts(&client, &code).await;
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

    async fn code(&self) -> String {
        let made = self.owner.post("invitations", json!({"role": "member"})).await;
        made.expect(201).text("/code").to_owned()
    }

    async fn forgets(&self, person: &str) -> Answer {
        self.owner
            .post(&format!("people/{person}/forget"), json!({}))
            .await
    }

    /// Somebody who lived here, and left.
    async fn former(&self, name: &str, before: impl AsyncFnOnce(&Client)) -> (User, Client) {
        let user = self.hub.home.user(name, Role::Member).await;
        let client = self.rest.user(&user).await;
        before(&client).await;
        let _ = self
            .owner
            .delete(&format!("members/{}", user.id))
            .await
            .expect(200);
        (user, client)
    }
}

async fn accepts(client: &Client, code: &str) {
    let accepted = client.post("/v1/invitations/accept", json!({"code": code})).await;
    assert!(accepted.status.is_success(), "{}", accepted.told());
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
            let _ = story.forgets(old).await.expect(200);
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
    accepts(&story.admin, &story.code().await).await;
    assert_eq!(story.person_of(&story.bob).await.to_string(), robert);
    assert_ne!(robert, nora);
}

/// Nobody is believed to have allowed again what they had taken back.
#[tokio::test]
async fn what_they_had_taken_back_stays_taken_back() {
    let story = Story::new().await;
    let took_back = async |client: &Client| {
        let withdrawal = json!({"purpose": "memory"});
        let _ = client
            .post("people/self/consents/withdraw", withdrawal)
            .await
            .expect(200);
    };
    for (name, is_forgotten) in [("robert", false), ("carol", true)] {
        let (user, client) = story.former(name, took_back).await;
        if is_forgotten {
            let _ = story.forgets(&user.person.to_string()).await.expect(200);
        }
        accepts(&client, &story.code().await).await;
        story.says(&client, "remember that zanzibar is an island").await;
        assert!(client.memory("zanzibar").await.is_none(), "{name}");
        let history = client.get("people/self/consents").await.expect(200);
        let rows: Vec<(&Value, &Value)> = history
            .items()
            .iter()
            .map(|row| (&row["purpose"], &row["decision"]))
            .collect();
        assert_eq!(rows, [(&json!("memory"), &json!("withdrawn"))], "{name}");
    }
    let told: Vec<Value> = story.entries("accept_invitation").await;
    let carried: Vec<&Value> = told
        .iter()
        .map(|entry| &entry["details"]["carried_withdrawals"])
        .collect();
    assert_eq!(carried, [&json!([]), &json!(["memory"])]);
}

/// Either they are forgotten and then somebody new, or they are back, and nobody else forgets them.
#[tokio::test]
async fn coming_back_while_one_is_forgotten_makes_nobody_of_no_name() {
    let story = Story::new().await;
    let mut forgotten = 0;
    for number in 0..12 {
        let (user, client) = story.former(&format!("robert{number}"), async |_| {}).await;
        let (code, person) = (story.code().await, user.person.to_string());
        let ((), answer) = tokio::join!(accepts(&client, &code), story.forgets(&person));
        let is_now = story.person_of(&user).await.to_string();
        let found = client.get(&format!("people/{is_now}")).await.expect(200);
        assert!(found.json["name"].is_string(), "{}", found.told());
        if answer.status == 200 {
            assert_ne!(is_now, person);
        } else {
            let _ = answer.refuses(409, "has_login");
            assert_eq!(is_now, person);
        }
        forgotten += usize::from(is_now != person);
    }
    eprintln!("{forgotten} of 12 were forgotten before they came back");
}
