//! Agents acting for others: what can be given, to whom it is bound, how it is passed on, counted, written down and ended.

mod chains;
mod counts;
mod ends;
mod privacy;
mod spaces;
mod thefts;
mod told;

use hub::identity::Role;
use serde_json::{Value, json};
use support::{Client, Household, Rest, TestHub, User};

/// Ada's agent, and Bob's, which acts for hers.
struct Home {
    hub: TestHub,
    rest: Rest,
    ada: Client,
    /// Bob's agent.
    beta: Household,
    bob: User,
    his: Client,
}

/// A delegation that somebody made.
struct Given {
    id: String,
    secret: String,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let rest = Rest::of(&hub);
        let ada = rest.user(&hub.owner("ada").await).await;
        let beta = hub.household("beta").await;
        let bob = beta.owner("bob").await;
        let his = rest.user(&bob).await;
        Self {
            hub,
            rest,
            ada,
            beta,
            bob,
            his,
        }
    }

    /// To Bob's agent.
    fn to_beta(&self, scopes: &[&str]) -> Value {
        json!({"to_agent_id": self.beta.agent, "scopes": scopes})
    }

    /// Bob, acting for Ada's agent.
    async fn bob_with(&self, scopes: &[&str]) -> (Client, Given) {
        let given = give(&self.ada, self.to_beta(scopes)).await;
        (self.his.clone().acting_by(&given.secret), given)
    }

    /// A service that acts for Ada's agent.
    async fn service_with(&self, scopes: &[&str]) -> (Client, Given) {
        let given = give(&self.ada, to_service(scopes)).await;
        (self.rest.bearer(&given.secret), given)
    }

    /// Somebody else of Bob's agent.
    async fn of_beta(&self, name: &str, role: Role) -> Client {
        self.rest.user(&self.beta.user(name, role).await).await
    }

    /// A delegation as the owner sees it.
    async fn seen(&self, given: &Given) -> Value {
        let path = format!("delegations/{}", given.id);
        self.ada.get(&path).await.expect(200).json
    }

    async fn sql(&self, statement: &str) {
        self.hub.sql().execute(statement).await;
    }

    /// The audit entries of uses at an agent, oldest first.
    async fn uses(&self, agent: hub::ids::AgentId) -> Vec<Value> {
        let query = format!(
            "select body::jsonb from hub.audit_entries where operation = 'use_delegation' and agent_id = '{agent}'
             order by agent_seq"
        );
        self.hub.sql().values(&query).await
    }
}

fn to_service(scopes: &[&str]) -> Value {
    json!({"to_service": "calendar-sync", "scopes": scopes})
}

/// The same wish with a limit.
fn with(mut wish: Value, key: &str, value: impl Into<Value>) -> Value {
    wish[key] = value.into();
    wish
}

async fn give(by: &Client, wish: Value) -> Given {
    let made = by.post("delegations", wish).await.expect(201);
    Given {
        id: made.text("/delegation/id").to_owned(),
        secret: made.text("/secret").to_owned(),
    }
}

fn says(text: &str) -> Value {
    json!({"client_id": text, "content": [{"type": "text", "text": text}]})
}
