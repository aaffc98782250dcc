//! Knowing people by voice and face, as far as they allow it.

mod consent;
mod enrolling;
mod merging;
mod observing;
mod presence;
mod remembering;
mod rights;
mod time;
mod turns;

use chrono::Duration;
use hub::{config::Config, ids::SpaceId};
use serde_json::{Value, json};
use support::{Answer, Client, Rest, TestHub, User, voice};

/// A household in which Ada may be heard in the kitchen.
struct House {
    hub: TestHub,
    rest: Rest,
    ada: User,
    owner: Client,
    kitchen: SpaceId,
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(config: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        Self::of(TestHub::builder().config(config).start().await).await
    }

    async fn of(hub: TestHub) -> Self {
        let ada = hub.owner("ada").await;
        let rest = Rest::of(&hub);
        let owner = rest.user(&ada).await;
        let kitchen = hub.home.kitchen.space;
        Self {
            hub,
            rest,
            ada,
            owner,
            kitchen,
        }
    }

    /// Somebody who lives here and has a print.
    async fn member(&self, name: &str, of: u64) -> (User, Client) {
        let user = self.hub.member(name).await;
        let client = self.rest.user(&user).await;
        allow(&client, "voice").await;
        let _ = self.enrol_them(&user, &voice(of)).await.expect(201);
        (user, client)
    }

    /// Somebody without a login, who allows it and has a print; their id.
    async fn knows(&self, name: &str, vector: &[f64]) -> String {
        let made = self.owner.post("people", json!({"name": name})).await.expect(201);
        let path = format!("people/{}", made.text("/id"));
        let grant = json!({"purpose": "voice", "evidence": "said so"});
        let _ = self
            .owner
            .post(&format!("{path}/consents"), grant)
            .await
            .expect(201);
        let print = print(vector, self.kitchen);
        let _ = self
            .owner
            .post(&format!("{path}/prints"), print)
            .await
            .expect(201);
        made.text("/id").to_owned()
    }

    /// Ada allows it, and has a print.
    async fn ada_is_known(&self) -> String {
        let grant = allow(&self.owner, "voice").await;
        let _ = self.enrol(&self.owner, &voice(1)).await.expect(201);
        grant
    }

    async fn enrol(&self, client: &Client, vector: &[f64]) -> Answer {
        client
            .post("people/self/prints", print(vector, self.kitchen))
            .await
    }

    /// Ada, who runs the household, enrols somebody.
    async fn enrol_them(&self, user: &User, vector: &[f64]) -> Answer {
        let path = format!("people/{}/prints", user.person);
        self.owner.post(&path, print(vector, self.kitchen)).await
    }

    /// A worker hears something in the kitchen.
    async fn hears(&self, vector: &[f64]) -> Answer {
        self.hears_in(self.kitchen, vector).await
    }

    async fn hears_in(&self, space: SpaceId, vector: &[f64]) -> Answer {
        self.owner
            .post("observations", print(vector, space))
            .await
            .expect(200)
    }

    /// It is Ada, as she says.
    async fn ada_is_there(&self) -> String {
        let seen = self.hears(&voice(1)).await;
        let id = seen.text("/hypothesis_id").to_owned();
        let _ = self.decides(&self.owner, &id, "confirm").await.expect(200);
        id
    }

    async fn decides(&self, client: &Client, hypothesis: &str, how: &str) -> Answer {
        client
            .post(&format!("hypotheses/{hypothesis}/{how}"), json!({}))
            .await
    }

    async fn present(&self) -> Vec<Value> {
        self.owner.get("presence").await.expect(200).items().to_vec()
    }

    async fn past(&self) -> Vec<Value> {
        let past = self.owner.get("presence/history").await.expect(200);
        past.items().to_vec()
    }

    /// Time passes, and Ada signs in again.
    async fn passes(&mut self, seconds: i64) {
        self.hub.clock.advance(Duration::seconds(seconds));
        self.owner = self.rest.user(&self.ada).await;
    }

    /// The same, and what time ends is swept.
    async fn waits(&mut self, seconds: i64) {
        self.passes(seconds).await;
        hub::jobs::sweep::end_overdue(&self.hub).await.unwrap();
        hub::jobs::sweep::remove_old(&self.hub).await.unwrap();
    }

    /// Rows of all that is known of bodies.
    async fn rows(&self) -> i64 {
        let mut all = 0;
        for table in TABLES {
            all += self.hub.sql().count(table, "true").await;
        }
        all
    }
}

const TABLES: [&str; 6] = [
    "voiceprints",
    "faceprints",
    "identity_hypotheses",
    "recognition_observations",
    "presence",
    "presence_history",
];

fn print(vector: &[f64], space: SpaceId) -> Value {
    json!({"modality": "voice", "vector": vector, "model": "net", "space_id": space})
}

fn face_print(vector: &[f64], space: SpaceId) -> Value {
    let mut face = print(vector, space);
    face["modality"] = json!("face");
    face
}

/// Somebody allows something for themself; the grant.
async fn allow(client: &Client, purpose: &str) -> String {
    allow_as(client, json!({"purpose": purpose})).await
}

async fn allow_as(client: &Client, grant: Value) -> String {
    let made = client.post("people/self/consents", grant).await.expect(201);
    made.text("/id").to_owned()
}

async fn withdraw(client: &Client, what: Value) -> Answer {
    client
        .post("people/self/consents/withdraw", what)
        .await
        .expect(200)
}
