//! People: two who turn out to be one, somebody who comes back, and what somebody shares.

mod merge;
mod merge_circles;
mod merge_consents;
mod merge_forgets;
mod merge_races;
mod renaming;
mod returning;
mod sharing;

use hub::{identity::Role, ids::PersonId};
use serde_json::{Value, json};
use support::{Answer, Client, Rest, TestHub, User};

/// A hub with Ada, who owns its agent, and Bob, who runs the household with her.
struct Story {
    hub: TestHub,
    rest: Rest,
    ada: User,
    owner: Client,
    bob: User,
    admin: Client,
}

impl Story {
    async fn new() -> Self {
        Self::on(TestHub::start().await).await
    }

    async fn on(hub: TestHub) -> Self {
        let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
        let bob = hub.home.user("bob", Role::Admin).await;
        Self {
            owner: rest.user(&ada).await,
            admin: rest.user(&bob).await,
            hub,
            rest,
            ada,
            bob,
        }
    }

    /// Somebody without a login.
    async fn knows(&self, name: &str, aliases: &[&str]) -> String {
        let made = self
            .owner
            .post("people", json!({"name": name, "aliases": aliases}))
            .await;
        made.expect(201).text("/id").to_owned()
    }

    async fn merges(&self, client: &Client, from: &str, into: &str) -> Answer {
        let path = format!("people/{from}/merge");
        client.post(&path, json!({"into": into})).await
    }

    /// Somebody says something in private, and the agent thinks about it.
    async fn says(&self, client: &Client, text: &str) {
        client.says(text).await;
        self.hub.run_jobs().await;
    }

    /// Where a person is still named: past row-level security, in each column that holds ids.
    async fn named(&self, person: impl ToString) -> Vec<String> {
        let person = person.to_string();
        let ids = "a.atttypid = 'uuid'::regtype and a.attname like '%person%'";
        let (sql, mut found) = (self.hub.sql(), Vec::new());
        for (table, column) in sql.columns(ids).await {
            if sql.count(&table, &format!("{column} = '{person}'")).await > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
        found
    }

    async fn entries(&self, operation: &str) -> Vec<Value> {
        let query = format!(
            "select body::jsonb from hub.audit_entries where operation = '{operation}' order by agent_seq"
        );
        self.hub.sql().values(&query).await
    }

    async fn person_of(&self, user: &User) -> PersonId {
        let query = format!(
            "select person_id from hub.person_accounts where user_id = '{}' and agent_id = '{}'",
            user.id, self.hub.home.agent
        );
        PersonId(self.hub.sql().value(&query).await)
    }
}
