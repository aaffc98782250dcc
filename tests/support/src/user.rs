//! A user who acts: through the operations, as the edge would call them.

use std::ops::Deref;

use hub::{
    actions::{
        Action, ActionState,
        approve::{Said, approve},
        reject::reject,
        resolve::{Resolution, resolve},
    },
    error::Result,
    events::{ingest::Outcome, say::say},
    hub::Hub,
    identity::{Caller, Principal, Role},
    ids::{ActionId, AgentId, PersonId, UserId},
    memory::{
        ask::ask_one,
        recall::{Question, Recalled, recall},
    },
    page::PageRequest,
    storage::{ActionFilter, Tx},
    turns::Block,
};

/// A user with a role in an agent. Is its [`Caller`].
#[derive(Clone)]
pub struct User {
    hub: Hub,
    caller: Caller,
    /// Its id.
    pub id: UserId,
    /// The person they are to the agent.
    pub person: PersonId,
}

impl Deref for User {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl User {
    pub(crate) fn new(hub: &Hub, agent: AgentId, who: (UserId, Role, PersonId)) -> Self {
        let (user, role, person) = who;
        let principal = Principal::User {
            user,
            role,
            person: Some(person),
            within: None,
        };
        Self {
            hub: hub.clone(),
            caller: Caller {
                agent,
                principal,
                request_id: None,
                proof: None,
            },
            id: user,
            person,
        }
    }

    /// A unit of work with this user's eyes.
    pub async fn begin(&self) -> Tx {
        let begun = self.hub.db.begin(self.caller.tx_scope(), self.caller.actor());
        begun.await.expect("the database is there")
    }

    /// Says something to the agent, in private. `client_id` is the client's own id of it.
    pub async fn says(&self, text: &str, client_id: &str) -> Result<Outcome> {
        say(
            &self.hub,
            &self.caller,
            &[Block::text(text)],
            client_id.to_owned(),
        )
        .await
    }

    /// Asks the agent's memory.
    pub async fn recalls(&self, question: &str) -> Vec<Recalled> {
        let meaning = ask_one(&self.hub, question).await;
        let question = Question {
            text: question,
            words: "english",
            meaning: &meaning.expect("the database is there"),
            most: 10,
        };
        let found = recall(&mut self.begin().await, &question).await;
        found.expect("the memory answers")
    }

    /// The actions in a state, newest first.
    pub async fn actions(&self, state: ActionState) -> Vec<Action> {
        let filter = ActionFilter {
            state: Some(state),
            page: PageRequest {
                after: None,
                limit: 100,
            },
        };
        let listed = self.begin().await.actions().list(filter).await;
        listed.expect("actions can be read")
    }

    /// One action.
    pub async fn action(&self, id: ActionId) -> Action {
        let found = self.begin().await.actions().find(id).await;
        found
            .expect("actions can be read")
            .expect("the action can be seen")
            .action
    }

    /// Approves an action.
    pub async fn approves(&self, id: ActionId) -> Result<Action> {
        let mut tx = self.begin().await;
        let action = approve(&mut tx, &self.caller, id, Said::default()).await?;
        tx.commit().await?;
        Ok(action)
    }

    /// Rejects an action.
    pub async fn rejects(&self, id: ActionId) -> Result<Action> {
        let mut tx = self.begin().await;
        let action = reject(&mut tx, &self.caller, id, Said::default()).await?;
        tx.commit().await?;
        Ok(action)
    }

    /// Says what became of an action.
    pub async fn resolves(&self, id: ActionId, resolution: Resolution) -> Result<Action> {
        let mut tx = self.begin().await;
        let action = resolve(&mut tx, &self.caller, id, resolution, Said::default()).await?;
        tx.commit().await?;
        Ok(action)
    }
}
