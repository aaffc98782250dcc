//! What goes down: a command, its acknowledgement, its result, and what is refused.

use chrono::Duration;
use hub::{
    actions::ActionState,
    ids::CommandId,
    mailbox::cancel::cancel,
    satellite::protocol::{CommandCancel, CommandStage, ErrorCode, HubFrame},
};
use serde_json::json;
use support::{Served, Socket, TestHub};
use uuid::Uuid;

use super::{accepted, acknowledge, footprint, position, refused, standing, succeed, tell};

/// A hub, and its office with a command that it was sent.
async fn told() -> (TestHub, Served, Socket, CommandId) {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let id = tell(&hub.home, &hub.home.office, "one").await;
    office.is_told().await;
    (hub, served, office, id)
}

/// The same, when the office has acknowledged it.
async fn acknowledged() -> (TestHub, Served, Socket, CommandId) {
    let (hub, served, mut office, id) = told().await;
    acknowledge(&mut office, id).await;
    (hub, served, office, id)
}

#[tokio::test]
async fn an_approved_action_is_carried_out_by_the_satellite_that_can() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let ada = hub.owner("ada").await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &["speaker.say"]).await;
    kitchen
        .transcribes("one", "tell the office that dinner is ready")
        .await;
    position(&kitchen.hears().await, "one");
    hub.run_jobs().await;
    let reply = kitchen.is_told().await;
    assert_eq!(reply.kind, "reply");
    let action = ada.actions(ActionState::Proposed).await.remove(0);
    ada.approves(action.id).await.unwrap();
    hub.run_jobs().await;
    let command = office.is_told().await;
    assert_eq!((command.kind.as_str(), command.attempt), ("speaker.say", 1));
    assert_eq!(command.arguments["text"], "Dinner is ready");
    let id = command.command_id.into();
    office.acknowledges(command.command_id).await;
    assert!(accepted(&office.hears().await, id, CommandStage::Ack));
    assert_eq!(ada.action(action.id).await.state, ActionState::Executing);
    office.succeeds(command.command_id, json!({"heard": 2})).await;
    assert!(accepted(&office.hears().await, id, CommandStage::Result));
    let done = ada.action(action.id).await;
    assert_eq!(
        (done.state, done.result),
        (ActionState::Succeeded, Some(json!({"heard": 2})))
    );
    assert_eq!(standing(&hub, id).await, "succeeded 1");
}

#[tokio::test]
async fn a_result_sent_again_is_accepted_and_the_first_one_stands() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let id = tell(&hub.home, &hub.home.office, "one").await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    office.is_told().await;
    acknowledge(&mut office, id).await;
    acknowledge(&mut office, id).await;
    succeed(&mut office, id, json!(1)).await;
    let after = footprint(&hub).await;
    for result in [1, 2] {
        succeed(&mut office, id, json!(result)).await;
    }
    let failed = json!({"type": "command_result", "command_id": id.0, "status": "error",
        "error": {"code": "late", "message": "no, it failed"}});
    office.says_text(&failed.to_string()).await;
    assert!(accepted(&office.hears().await, id, CommandStage::Result));
    assert_eq!(footprint(&hub).await, after);
    office.acknowledges(id.0).await;
    let (code, detail) = refused(office.hears().await, id.0, CommandStage::Ack);
    assert!(
        code == ErrorCode::Conflict && detail.contains("do not start it"),
        "{detail}"
    );
}

#[tokio::test]
async fn an_expired_command_is_not_to_be_started() {
    let (hub, _served, mut office, id) = told().await;
    hub.clock.advance(Duration::minutes(3));
    let before = footprint(&hub).await;
    for is_swept in [false, true] {
        if is_swept {
            hub.sweep().await;
        }
        office.acknowledges(id.0).await;
        let (code, detail) = refused(office.hears().await, id.0, CommandStage::Ack);
        assert!(
            code == ErrorCode::Conflict && detail.contains("do not start it"),
            "{detail}"
        );
        assert!(is_swept || footprint(&hub).await == before);
    }
    assert_eq!(
        standing(&hub, id).await,
        "expired 1",
        "it was never acknowledged, so it never started"
    );
}

#[tokio::test]
async fn a_late_result_is_kept_as_late() {
    let (hub, _served, mut office, id) = acknowledged().await;
    hub.clock.advance(Duration::minutes(3));
    hub.sweep().await;
    assert_eq!(standing(&hub, id).await, "unknown 1", "it may have run");
    succeed(&mut office, id, json!("done")).await;
    assert_eq!(standing(&hub, id).await, "succeeded 1 late");
}

#[tokio::test]
async fn progress_moves_the_deadline_and_is_answered_only_when_refused() {
    let (hub, _served, mut office, id) = acknowledged().await;
    hub.clock.advance(Duration::seconds(90));
    let progress = |percent: i64, note: &str| {
        json!({"type": "command_progress", "command_id": id.0, "percent": percent, "note": note}).to_string()
    };
    office.says_text(&progress(50, "half way")).await;
    for (percent, note) in [(101, "x"), (300, "x"), (50, "a\0b"), (50, "")] {
        office.says_text(&progress(percent, note)).await;
        assert_eq!(
            refused(office.hears().await, id.0, CommandStage::Progress).0,
            ErrorCode::Invalid
        );
    }
    hub.clock.advance(Duration::seconds(90));
    hub.sweep().await;
    assert_eq!(standing(&hub, id).await, "acknowledged 1");
    hub.clock.advance(Duration::seconds(60));
    hub.sweep().await;
    assert_eq!(standing(&hub, id).await, "unknown 1");
    // It is told that nobody waits for it any more; how it ended is still heard.
    office.says_text(&progress(60, "on my way")).await;
    let refused = refused(office.hears().await, id.0, CommandStage::Progress);
    assert_eq!(refused.0, ErrorCode::Conflict);
    succeed(&mut office, id, json!("done")).await;
    assert_eq!(standing(&hub, id).await, "succeeded 1 late");
}

#[tokio::test]
async fn nobody_answers_for_another_device() {
    let (hub, served, _office, id) = told().await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let before = footprint(&hub).await;
    for command in [id.0, Uuid::nil(), hub.home.kitchen.id.0] {
        kitchen.acknowledges(command).await;
        assert_eq!(
            refused(kitchen.hears().await, command, CommandStage::Ack).0,
            ErrorCode::NotFound
        );
        kitchen.succeeds(command, json!(1)).await;
        assert_eq!(
            refused(kitchen.hears().await, command, CommandStage::Result).0,
            ErrorCode::NotFound
        );
    }
    assert_eq!(footprint(&hub).await, before);
}

#[tokio::test]
async fn nothing_is_answered_before_it_was_sent() {
    let hub = TestHub::start().await;
    let served = Served::deaf(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    for _ in 0..32 {
        tell(&hub.home, &hub.home.office, "first").await;
    }
    for _ in 0..32 {
        office.is_told().await;
    }
    let id = tell(&hub.home, &hub.home.office, "waits: the device holds enough").await;
    let before = footprint(&hub).await;
    office.acknowledges(id.0).await;
    assert_eq!(
        refused(office.hears().await, id.0, CommandStage::Ack).0,
        ErrorCode::Conflict
    );
    office.succeeds(id.0, json!(1)).await;
    assert_eq!(
        refused(office.hears().await, id.0, CommandStage::Result).0,
        ErrorCode::Conflict
    );
    assert_eq!(footprint(&hub).await, before);
}

#[tokio::test]
async fn a_result_is_bounded() {
    let (hub, _served, mut office, id) = acknowledged().await;
    let before = footprint(&hub).await;
    for result in [json!("x".repeat(64 * 1024)), json!({"deep": ["a\0b"]})] {
        office.succeeds(id.0, result).await;
        assert_eq!(
            refused(office.hears().await, id.0, CommandStage::Result).0,
            ErrorCode::Invalid
        );
    }
    let bad = json!({"type": "command_result", "command_id": id.0, "status": "perhaps"});
    office.says_text(&bad.to_string()).await;
    assert_eq!(
        refused(office.hears().await, id.0, CommandStage::Result).0,
        ErrorCode::Invalid
    );
    assert_eq!(footprint(&hub).await, before);
    assert_eq!(office.hears_within(std::time::Duration::ZERO).await, None);
}

/// A command that the device has may be under way: it is told, on each of its sockets, and its answer decides.
#[tokio::test]
async fn a_device_is_told_that_nobody_wants_a_command_any_more() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let id = tell(&hub.home, &hub.home.office, "one").await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    office.is_told().await;
    acknowledge(&mut office, id).await;
    cancel_by_somebody(&hub, id).await;
    assert_eq!(office.hears().await, cancelled(id));
    assert_eq!(
        standing(&hub, id).await,
        "acknowledged 1",
        "only the device can say"
    );
    assert!(office.leaves().await);
    let (mut office, welcome) = Socket::greet(&served, &hub.home.office, &[]).await;
    assert_eq!(welcome.open_commands.len(), 1);
    assert_eq!(
        office.hears().await,
        cancelled(id),
        "the new socket is told again"
    );
    let stopped = json!({"type": "command_result", "command_id": id.0, "status": "cancelled"});
    office.says_text(&stopped.to_string()).await;
    assert!(accepted(&office.hears().await, id, CommandStage::Result));
    assert_eq!(standing(&hub, id).await, "cancelled 1");
}

/// It was done all the same: that is what counts.
#[tokio::test]
async fn a_command_may_be_done_before_the_device_hears_that_nobody_wants_it() {
    let (hub, _served, mut office, id) = acknowledged().await;
    cancel_by_somebody(&hub, id).await;
    assert_eq!(office.hears().await, cancelled(id));
    succeed(&mut office, id, json!(1)).await;
    assert_eq!(standing(&hub, id).await, "succeeded 1");
}

async fn cancel_by_somebody(hub: &TestHub, id: CommandId) {
    let mut tx = hub.home.whole().await;
    cancel(&mut tx, id).await.expect("it may be cancelled");
    tx.commit().await.expect("the database is there");
}

fn cancelled(id: CommandId) -> HubFrame {
    HubFrame::CommandCancel(CommandCancel { command_id: id.0 })
}
