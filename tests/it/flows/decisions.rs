//! Who decides, when, and once.

use chrono::Duration;
use hub::{
    actions::{
        ActionState,
        approve::{Said, approve},
    },
    error::{Error, Result},
};
use support::TestHub;
use tokio::task::JoinSet;

use super::{proposed, told};

fn is_wrong_state<T>(ended: &Result<T>) -> bool {
    matches!(
        ended,
        Err(Error::Conflict {
            code: "wrong_state",
            ..
        })
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_decisions_at_once_one_counts() {
    let hub = TestHub::start().await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    for _ in 0..8 {
        let id = proposed(&hub, &ada).await.id;
        let mut deciding = JoinSet::new();
        for (user, is_yes) in [(&ada, true), (&ada, false), (&bob, true), (&bob, false)] {
            let user = user.clone();
            deciding.spawn(async move {
                if is_yes {
                    user.approves(id).await
                } else {
                    user.rejects(id).await
                }
            });
        }
        let ended = deciding.join_all().await;
        assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1, "{ended:?}");
        assert_eq!(
            ended.iter().filter(|ended| is_wrong_state(ended)).count(),
            3,
            "{ended:?}"
        );
        let decisions = hub
            .sql()
            .count("action_decisions", &format!("action_id = '{id}'"))
            .await;
        assert_eq!(decisions, 1);
        assert_eq!(told(&hub, id).await.len(), 2);
    }
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_device_decides_nothing() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = proposed(&hub, &ada).await.id;
    let kitchen = hub.home.kitchen.caller().await.unwrap();
    let mut tx = hub.home.whole().await;
    let refused = approve(&mut tx, &kitchen, id, Said::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
}

#[tokio::test]
async fn another_users_private_action_is_not_there() {
    let hub = TestHub::start().await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    hub.home.office.connects(&["speaker.say"]).await;
    bob.says("tell the office that I am late", "1").await.unwrap();
    hub.run_jobs().await;
    assert!(ada.actions(ActionState::Proposed).await.is_empty());
    let id = bob.actions(ActionState::Proposed).await[0].id;
    for refused in [ada.approves(id).await, ada.rejects(id).await] {
        assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    }
    bob.rejects(id).await.unwrap();
}

#[tokio::test]
async fn a_proposal_that_nobody_decided_expires_after_a_day() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = proposed(&hub, &ada).await.id;
    hub.clock.advance(Duration::hours(24));
    // Not even when the sweep has not come by yet.
    let late = ada.approves(id).await;
    assert!(
        matches!(late, Err(Error::Conflict { code: "expired", .. })),
        "{late:?}"
    );
    hub.sweep().await;
    assert_eq!(
        ada.action(id).await.state,
        ActionState::Proposed,
        "it is swept in its last instant"
    );
    hub.clock.advance(Duration::microseconds(1));
    for _ in 0..2 {
        hub.sweep().await;
    }
    assert_eq!(told(&hub, id).await, ["proposed", "expired"]);
    assert!(is_wrong_state(&ada.rejects(id).await));
}
