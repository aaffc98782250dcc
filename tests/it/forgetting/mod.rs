//! Forgetting is real: what goes, who may have it forgotten, and that nothing brings it back.

mod again;
mod audiences;
mod canary;
mod fence;
mod guests;
mod meanwhile;
mod people;
mod reach;
mod receipts;
mod rights;
mod scrub;
mod stores;
mod withdrawn;

use hub::identity::Role;
use serde_json::{Value, json};
use support::{Client, Rest, TestHub, User};

/// A hub with Ada, who owns its agent, and Bob, who lives there.
struct Story {
    hub: TestHub,
    rest: Rest,
    ada: User,
    owner: Client,
    bob: Client,
}

impl Story {
    async fn new() -> Self {
        Self::on(TestHub::start().await).await
    }

    async fn on(hub: TestHub) -> Self {
        let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
        let owner = rest.user(&ada).await;
        let bob = rest.user(&hub.home.user("bob", Role::Member).await).await;
        Self {
            hub,
            rest,
            ada,
            owner,
            bob,
        }
    }

    /// The kitchen hears something, and the agent thinks about it. The event's id.
    async fn hears(&self, text: &str) -> String {
        self.hub.home.kitchen.hears(text).await;
        self.hub.run_jobs().await;
        self.last_event(&self.owner, "transcript").await
    }

    /// Somebody says something, and the agent thinks about it. The event's id.
    async fn says(&self, client: &Client, text: &str) -> String {
        let event = client.says(text).await;
        self.hub.run_jobs().await;
        event
    }

    /// The owner has an event forgotten.
    async fn forgets(&self, event: &str) {
        let path = format!("events/{event}/forget");
        let _ = self.owner.post(&path, json!({})).await.expect(200);
    }

    async fn last_event(&self, client: &Client, kind: &str) -> String {
        let events = client
            .get(&format!("events?types={kind}&limit=200"))
            .await
            .expect(200);
        let last = events.items().last().expect("there is one");
        last["id"].as_str().expect("an id").to_owned()
    }

    async fn event(&self, client: &Client, id: &str) -> Value {
        let events = client.get("events?limit=200").await.expect(200);
        let mut all = events.items().iter();
        all.find(|event| event["id"] == id).expect("it is there").clone()
    }

    /// Who a user is to the agent.
    async fn person(&self, user: &str) -> String {
        let query = format!(
            "select person_id::text from hub.person_accounts a join hub.users u on u.id = a.user_id where u.name = '{user}'"
        );
        self.hub.sql().value(&query).await
    }

    /// The id of the newest memory that holds this.
    async fn memory(&self, client: &Client, text: &str) -> Option<String> {
        let found = client.memory(text).await?;
        Some(found["id"].as_str().expect("an id").to_owned())
    }

    /// Everything that the database holds of a text, by table and column: past row-level security.
    async fn holds(&self, text: &str) -> Vec<String> {
        let is_there = |column: &str| format!("strpos(lower({column}::text), lower('{text}')) > 0");
        let (sql, mut found) = (self.hub.sql(), Vec::new());
        for (table, column) in sql.columns("true").await {
            let count = sql.count(&table, &is_there(&column)).await;
            if count > 0 {
                found.push(format!("{table}.{column}: {count}"));
            }
        }
        found
    }
}
