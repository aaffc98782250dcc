//! What may have been done: a person says which, and what a device says later does not undo it.

use chrono::Duration;
use hub::{
    actions::{ActionState, resolve::Resolution},
    error::Error,
    ids::{ActionId, CommandId},
};
use serde_json::json;
use support::{TestHub, User};

use super::{executing, told};

async fn unknown(hub: &TestHub, ada: &User) -> (ActionId, CommandId) {
    let id = executing(hub, ada).await;
    let sent = hub.home.office.takes().await.remove(0);
    hub.home.office.acknowledges(sent.id).await.unwrap();
    hub.clock.advance(Duration::minutes(3));
    hub.sweep().await;
    (id, sent.id)
}

async fn attempts(hub: &TestHub, id: ActionId) -> Vec<String> {
    let attempts = hub.home.whole().await.actions().attempts(id).await.unwrap();
    attempts.into_iter().map(|attempt| attempt.state).collect()
}

#[tokio::test]
async fn a_person_says_that_it_was_done_or_not() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    for (resolution, expected) in [
        (Resolution::Done, ActionState::Succeeded),
        (Resolution::NotDone, ActionState::Failed),
    ] {
        let (id, sent) = unknown(&hub, &ada).await;
        assert_eq!(ada.resolves(id, resolution).await.unwrap().state, expected);
        let again = ada.resolves(id, Resolution::Retry).await;
        assert!(
            matches!(
                again,
                Err(Error::Conflict {
                    code: "wrong_state",
                    ..
                })
            ),
            "{again:?}"
        );
        // What the device says now is kept with the command only.
        hub.home.office.succeeds(sent, json!({"n": 1})).await.unwrap();
        assert_eq!(ada.action(id).await.state, expected);
        let command = hub
            .home
            .whole()
            .await
            .commands()
            .find(sent)
            .await
            .unwrap()
            .unwrap();
        assert!(command.is_late);
    }
    assert_eq!(hub.run_jobs().await, 0);
}

#[tokio::test]
async fn a_retry_is_a_second_attempt() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let (id, first) = unknown(&hub, &ada).await;
    ada.resolves(id, Resolution::Retry).await.unwrap();
    assert_eq!(hub.run_jobs().await, 1);
    let second = hub.home.office.takes().await.remove(0);
    assert_ne!(second.id, first);
    hub.home.office.succeeds(second.id, json!({})).await.unwrap();
    assert_eq!(
        told(&hub, id).await,
        [
            "proposed",
            "approved",
            "executing",
            "unknown",
            "approved",
            "executing",
            "succeeded"
        ]
    );
    assert_eq!(attempts(&hub, id).await, ["unknown", "succeeded"]);
}

/// The first attempt's device speaks up while the second one is under way: only the second decides.
#[tokio::test]
async fn a_late_result_of_the_first_attempt_does_not_end_the_second() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    for is_sent in [false, true] {
        let (id, first) = unknown(&hub, &ada).await;
        ada.resolves(id, Resolution::Retry).await.unwrap();
        if is_sent {
            hub.run_jobs().await;
        }
        let before = ada.action(id).await.state;
        hub.home.office.fails(first, "too loud here").await.unwrap();
        assert_eq!(ada.action(id).await.state, before);
        hub.run_jobs().await;
        assert_eq!(attempts(&hub, id).await, ["failed", "open"]);
        let second = hub.home.office.takes().await.remove(0);
        hub.home
            .office
            .succeeds(second.id, json!({"heard": true}))
            .await
            .unwrap();
        let done = ada.action(id).await;
        assert_eq!(
            (done.state, done.result),
            (ActionState::Succeeded, Some(json!({"heard": true})))
        );
    }
}

/// It may have been done: approving it as if it had not would do it again without saying so.
#[tokio::test]
async fn what_is_unknown_is_neither_approved_nor_rejected() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let (id, _) = unknown(&hub, &ada).await;
    for refused in [ada.approves(id).await, ada.rejects(id).await] {
        let is_wrong = matches!(
            refused,
            Err(Error::Conflict {
                code: "wrong_state" | "expired",
                ..
            })
        );
        assert!(is_wrong, "{refused:?}");
    }
    assert_eq!(ada.action(id).await.state, ActionState::Unknown);
}

#[tokio::test]
async fn only_what_is_unknown_is_resolved() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    for resolution in [Resolution::Done, Resolution::NotDone, Resolution::Retry] {
        let refused = ada.resolves(id, resolution).await;
        assert!(
            matches!(
                refused,
                Err(Error::Conflict {
                    code: "wrong_state",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}
