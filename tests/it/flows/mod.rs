//! What people and satellites do, from end to end through the operations.

mod action;
mod broken_stream;
mod deadlines;
mod decisions;
mod embeddings;
mod ingest;
mod mailbox;
mod meaning;
mod outages;
mod planner;
mod privacy;
mod resolve;
mod steps;
mod stream;
mod talkers;
mod together;
mod transitions;
mod trust;
mod turn;

use hub::{actions::Action, ids::ActionId, turns::Turn};
use support::{TestHub, User, turn_of};

/// The turn that thinks about what the kitchen says, after the jobs have run.
async fn turn_about(hub: &TestHub, said: &str) -> Turn {
    let id = turn_of(&hub.home.kitchen.hears(said).await);
    hub.run_jobs().await;
    hub.home.turn(id).await
}

/// Has the kitchen ask for a word in the office. Returns the proposed action.
async fn proposed(hub: &TestHub, ada: &User) -> Action {
    hub.home.office.connects(&["speaker.say"]).await;
    hub.home
        .kitchen
        .hears("tell the office that dinner is ready")
        .await;
    hub.run_jobs().await;
    ada.actions(hub::actions::ActionState::Proposed).await.remove(0)
}

/// The same, approved and sent to the office's mailbox.
async fn executing(hub: &TestHub, ada: &User) -> ActionId {
    let id = proposed(hub, ada).await.id;
    ada.approves(id).await.unwrap();
    hub.run_jobs().await;
    id
}

/// The states that an action went through, as the log tells them.
async fn told(hub: &TestHub, id: ActionId) -> Vec<String> {
    hub.sql()
        .values(&format!(
            "select payload ->> 'state' from hub.events where type = 'action.changed'
               and payload ->> 'action_id' = '{id}' order by position"
        ))
        .await
}
