//! The mailbox of a device: in order, at least once, and answered once.

use chrono::Duration;
use hub::{
    error::{Error, Result},
    ids::CommandId,
    mailbox::{Command, CommandState, take::MAX_IN_FLIGHT},
};
use serde_json::json;
use support::{TestDevice, TestHub};

/// Has the kitchen say so many things that are answered there.
async fn replies(hub: &TestHub, count: usize) {
    for number in 0..count {
        hub.home.kitchen.hears(&format!("remember that {number}")).await;
    }
    hub.run_jobs().await;
}

async fn state(hub: &TestHub, id: CommandId) -> CommandState {
    hub.home
        .whole()
        .await
        .commands()
        .find(id)
        .await
        .unwrap()
        .unwrap()
        .state
}

fn seqs(commands: &[Command]) -> Vec<i64> {
    commands.iter().map(|command| command.seq).collect()
}

#[tokio::test]
async fn commands_come_in_order_and_only_so_many_at_once() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    let room = usize::try_from(MAX_IN_FLIGHT).unwrap();
    replies(&hub, room + 3).await;
    let taken = kitchen.takes().await;
    assert_eq!(seqs(&taken), (1..=MAX_IN_FLIGHT).collect::<Vec<_>>());
    assert!(kitchen.takes().await.is_empty(), "there is no room");
    kitchen.succeeds(taken[5].id, json!({})).await.unwrap();
    assert_eq!(seqs(&kitchen.takes().await), [MAX_IN_FLIGHT + 1]);
}

#[tokio::test]
async fn what_a_lost_socket_left_unacknowledged_is_sent_again() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    replies(&hub, 3).await;
    let taken = kitchen.takes().await;
    kitchen.acknowledges(taken[0].id).await.unwrap();
    let connected = kitchen.connects(&[]).await;
    let open: Vec<CommandId> = connected.open_commands.iter().map(|command| command.id).collect();
    assert_eq!(open, [taken[0].id]);
    let again = kitchen.takes().await;
    assert_eq!(seqs(&again), [2, 3]);
    assert!(again.iter().all(|command| command.attempts == 2));
}

#[tokio::test]
async fn an_older_socket_is_given_nothing() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    let older = kitchen.connects(&[]).await.generation;
    kitchen.connects(&[]).await;
    replies(&hub, 1).await;
    let refused = kitchen.takes_with(older).await;
    assert!(
        matches!(refused, Err(Error::Conflict { code: "replaced", .. })),
        "{refused:?}"
    );
    assert_eq!(kitchen.takes().await.len(), 1);
}

/// The word came over the next socket, before the command was sent there again.
#[tokio::test]
async fn an_answer_to_an_earlier_socket_counts() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    replies(&hub, 2).await;
    let taken = kitchen.takes().await;
    kitchen.connects(&[]).await;
    kitchen.acknowledges(taken[0].id).await.unwrap();
    kitchen.succeeds(taken[1].id, json!({})).await.unwrap();
    assert!(
        kitchen.takes().await.is_empty(),
        "it is sent again although it was answered"
    );
    assert_eq!(state(&hub, taken[0].id).await, CommandState::Acknowledged);
    assert_eq!(state(&hub, taken[1].id).await, CommandState::Succeeded);
}

#[tokio::test]
async fn the_first_answer_stands() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    replies(&hub, 1).await;
    let id = kitchen.takes().await[0].id;
    kitchen.succeeds(id, json!({"n": 1})).await.unwrap();
    let before = hub.sql().census().await;
    kitchen.succeeds(id, json!({"n": 1})).await.unwrap();
    kitchen.fails(id, "no, it did not").await.unwrap();
    for refused in [kitchen.acknowledges(id).await, kitchen.progresses(id, 50).await] {
        assert!(
            matches!(refused, Err(Error::Conflict { code: "ended", .. })),
            "{refused:?}"
        );
    }
    assert_eq!(hub.sql().census().await, before);
    let command = hub.home.whole().await.commands().find(id).await.unwrap().unwrap();
    assert_eq!(
        (command.state, command.result),
        (CommandState::Succeeded, Some(json!({"n": 1})))
    );
}

#[tokio::test]
async fn a_command_that_was_not_sent_cannot_be_answered() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    replies(&hub, 1).await;
    let id: uuid::Uuid = hub.sql().value("select id from hub.commands").await;
    for refused in answers(kitchen, id.into()).await {
        assert!(
            matches!(
                refused,
                Err(Error::Conflict {
                    code: "not_sent" | "not_deliverable",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn another_devices_command_is_not_there() {
    let hub = TestHub::start().await;
    let (kitchen, office) = (&hub.home.kitchen, &hub.home.office);
    kitchen.connects(&[]).await;
    office.connects(&[]).await;
    replies(&hub, 1).await;
    let id = kitchen.takes().await[0].id;
    assert!(office.takes().await.is_empty());
    for refused in answers(office, id).await {
        assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    }
    assert_eq!(state(&hub, id).await, CommandState::Sent);
}

async fn answers(device: &TestDevice, id: CommandId) -> [Result<()>; 2] {
    [
        device.acknowledges(id).await,
        device.succeeds(id, json!({})).await,
    ]
}

#[tokio::test]
async fn a_revoked_device_can_say_nothing_any_more() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    replies(&hub, 1).await;
    let id = kitchen.takes().await[0].id;
    let mut tx = hub.home.whole().await;
    hub::devices::revoke::revoke(&mut tx, kitchen.id).await.unwrap();
    tx.commit().await.unwrap();
    let refused = kitchen.succeeds(id, json!({})).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    hub.clock.advance(Duration::hours(1));
    hub.sweep().await;
    assert_eq!(state(&hub, id).await, CommandState::Expired);
}
