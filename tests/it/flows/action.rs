//! From a proposal to what was done: a person decides, a device does it, and every step is told.

use hub::{
    actions::{
        ActionState,
        approve::{Said, approve},
    },
    error::Error,
    turns::Block,
};
use serde_json::json;
use support::{TestHub, turn_of};

use super::{executing, proposed, told};

#[tokio::test]
async fn an_approved_action_is_done_by_the_right_device_and_carries_its_result() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let action = proposed(&hub, &ada).await;
    assert_eq!(action.summary, "Say in the office: dinner is ready");
    assert_eq!(action.arguments["device_id"], json!(hub.home.office.id));
    assert_eq!(
        hub.sql().count("commands", "kind <> 'reply'").await,
        0,
        "it was sent before anyone approved"
    );

    assert_eq!(
        ada.approves(action.id).await.unwrap().state,
        ActionState::Approved
    );
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(ada.action(action.id).await.state, ActionState::Executing);

    let office = &hub.home.office;
    let command = office.takes().await.remove(0);
    assert_eq!(
        (command.kind.as_str(), command.action_id),
        ("speaker.say", Some(action.id))
    );
    assert_eq!(command.arguments, json!({"text": "Dinner is ready"}));
    office.acknowledges(command.id).await.unwrap();
    office.succeeds(command.id, json!({"heard_by": 2})).await.unwrap();

    let done = ada.action(action.id).await;
    assert_eq!(
        (done.state, done.result),
        (ActionState::Succeeded, Some(json!({"heard_by": 2})))
    );
    assert_eq!(
        told(&hub, action.id).await,
        ["proposed", "approved", "executing", "succeeded"]
    );
    let mut tx = ada.begin().await;
    let attempts = tx.actions().attempts(action.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].state.as_str(), attempts[0].command_id),
        ("succeeded", Some(command.id))
    );
    let decisions = tx.actions().decisions(action.id).await.unwrap();
    assert_eq!((decisions.len(), decisions[0].user_id), (1, ada.id));
    let operations: Vec<String> = hub
        .sql()
        .values(&format!(
            "select operation from hub.audit_entries where agent_id = '{}' order by agent_seq desc limit 5",
            hub.home.agent
        ))
        .await;
    let expected = [
        "finish_command",
        "acknowledge_command",
        "execute_action",
        "approve_action",
        "run_turn",
    ];
    assert_eq!(operations, expected);
}

#[tokio::test]
async fn a_rejected_action_is_never_done() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = proposed(&hub, &ada).await.id;
    ada.rejects(id).await.unwrap();
    assert!(ada.approves(id).await.is_err());
    assert_eq!(hub.run_jobs().await, 0);
    assert!(hub.home.office.takes().await.is_empty());
    assert_eq!(told(&hub, id).await, ["proposed", "rejected"]);
}

#[tokio::test]
async fn a_device_says_that_it_did_not_work() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    let office = &hub.home.office;
    let command = office.takes().await.remove(0);
    office.fails(command.id, "the speaker is broken").await.unwrap();
    let failed = ada.action(id).await;
    assert_eq!(
        (failed.state, failed.error.as_deref()),
        (ActionState::Failed, Some("the speaker is broken"))
    );
}

/// What may be done changed between the approval and the execution.
#[tokio::test]
async fn a_device_that_was_revoked_meanwhile_fails_the_action() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = proposed(&hub, &ada).await.id;
    ada.approves(id).await.unwrap();
    let mut tx = hub.home.whole().await;
    hub::devices::revoke::revoke(&mut tx, hub.home.office.id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    hub.run_jobs().await;
    let failed = ada.action(id).await;
    assert_eq!(
        (failed.state, failed.error.as_deref()),
        (ActionState::Failed, Some("the device office was revoked"))
    );
    assert_eq!(hub.sql().count("commands", "kind <> 'reply'").await, 0);
    assert_eq!(hub.sql().count("action_attempts", "state = 'open'").await, 0);
}

/// What was approved is no longer what would run: people are asked again.
#[tokio::test]
async fn an_approval_is_void_when_the_tool_or_the_arguments_changed() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    for change in [
        "schema_sha256 = sha256('x')",
        "arguments = arguments || '{\"kind\": \"siren\"}'",
    ] {
        let id = proposed(&hub, &ada).await.id;
        ada.approves(id).await.unwrap();
        hub.sql()
            .execute(&format!("update hub.actions set {change} where id = '{id}'"))
            .await;
        hub.run_jobs().await;
        assert_eq!(ada.action(id).await.state, ActionState::Proposed, "{change}");
        let again = ada.approves(id).await;
        assert!(
            matches!(
                again,
                Err(Error::Conflict {
                    code: "tool_changed",
                    ..
                })
            ),
            "{again:?}"
        );
        ada.rejects(id).await.unwrap();
    }
    assert_eq!(hub.sql().count("commands", "kind <> 'reply'").await, 0);
}

#[tokio::test]
async fn an_approval_names_what_was_seen() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let action = proposed(&hub, &ada).await;
    let saw = |sha256: &str| Said {
        arguments_sha256: Some(sha256.to_owned()),
        reason: None,
    };
    let mut tx = ada.begin().await;
    let refused = approve(&mut tx, &ada, action.id, saw(&"0".repeat(64))).await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                code: "arguments_changed",
                ..
            })
        ),
        "{refused:?}"
    );
    approve(&mut tx, &ada, action.id, saw(&action.arguments_sha256))
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_is_proposed_to_a_device_that_cannot_do_it() {
    let hub = TestHub::start().await;
    let asked = hub
        .home
        .kitchen
        .hears("tell the office that dinner is ready")
        .await;
    hub.run_jobs().await;
    let turn = hub.home.turn(turn_of(&asked)).await;
    let expected = "Nothing in the office has said that it can speak or show a text.";
    assert_eq!(turn.reply, Some(vec![Block::text(expected)]));
    assert_eq!(hub.sql().count("actions", "true").await, 0);
}

/// What is somebody's own speaks for that person only, whoever approves.
#[tokio::test]
async fn nothing_is_proposed_to_a_device_that_is_somebody_elses() {
    let hub = TestHub::start().await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    hub.home.office.connects(&["speaker.say"]).await;
    let own = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        bob.person, hub.home.office.id
    );
    hub.sql().execute(&own).await;
    ada.says("tell the office that dinner is ready", "1")
        .await
        .unwrap();
    hub.run_jobs().await;
    assert_eq!(hub.sql().count("actions", "true").await, 0);
    bob.says("tell the office that dinner is ready", "2")
        .await
        .unwrap();
    hub.run_jobs().await;
    assert_eq!(hub.sql().count("actions", "true").await, 1);
}
