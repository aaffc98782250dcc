//! The mailbox: in order, at least once, never more in flight than a device can hold.

use hub::{
    mailbox::take::MAX_IN_FLIGHT,
    satellite::protocol::{CommandStage, OpenCommand},
};
use serde_json::json;
use support::{Served, Socket, TestHub};

use super::{accepted, acknowledge, standing, succeed, tell};

#[tokio::test]
async fn commands_come_in_order() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    for number in 0..5 {
        tell(&hub.home, &hub.home.office, &number.to_string()).await;
    }
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    for number in 5..20 {
        tell(&hub.home, &hub.home.office, &number.to_string()).await;
    }
    for number in 0..20_i64 {
        let command = office.is_told().await;
        assert_eq!(
            (command.seq, &command.arguments["text"]),
            (number + 1, &json!(number.to_string()))
        );
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let first = tell(&hub.home, &hub.home.office, "first").await;
    let second = tell(&hub.home, &hub.home.office, "second").await;
    for attempt in 1..=3 {
        let (mut office, welcome) = Socket::greet(&served, &hub.home.office, &[]).await;
        assert_eq!(welcome.open_commands, []);
        for id in [first, second] {
            let command = office.is_told().await;
            assert_eq!((command.command_id, command.attempt), (id.0, attempt));
        }
    }
    assert_eq!(standing(&hub, first).await, "sent 3");
}

#[tokio::test]
async fn what_was_acknowledged_is_named_and_not_sent_again() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let first = tell(&hub.home, &hub.home.office, "first").await;
    let second = tell(&hub.home, &hub.home.office, "second").await;
    office.is_told().await;
    office.is_told().await;
    acknowledge(&mut office, first).await;
    drop(office);
    let (mut office, welcome) = Socket::greet(&served, &hub.home.office, &[]).await;
    let open = OpenCommand {
        command_id: first.0,
        kind: "speaker.say".to_owned(),
        seq: 1,
    };
    assert_eq!(welcome.open_commands, [open]);
    let again = office.is_told().await;
    assert_eq!((again.command_id, again.attempt), (second.0, 2));
    succeed(&mut office, first, json!("done before the cut")).await;
    assert_eq!(standing(&hub, first).await, "succeeded 1");
}

#[tokio::test]
async fn an_acknowledgement_may_come_over_the_next_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let id = tell(&hub.home, &hub.home.office, "one").await;
    office.is_told().await;
    drop(office);
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    office.acknowledges(id.0).await;
    let mut heard = vec![office.hears().await, office.hears().await];
    heard.retain(|frame| accepted(frame, id, CommandStage::Ack));
    assert_eq!(heard.len(), 1);
    assert_eq!(standing(&hub, id).await, "acknowledged 2");
}

#[tokio::test]
async fn a_device_holds_only_so_many_at_once() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let most = usize::try_from(MAX_IN_FLIGHT).unwrap();
    let mut ids = Vec::new();
    for _ in 0..most + 3 {
        ids.push(tell(&hub.home, &hub.home.office, "one").await);
    }
    let (mut office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    for id in &ids[..most] {
        assert_eq!(office.is_told().await.command_id, id.0);
    }
    // An acknowledgement makes no room, a result does.
    office.acknowledges(ids[0].0).await;
    let heard = office.hears().await;
    assert!(accepted(&heard, ids[0], CommandStage::Ack), "{heard:?}");
    office.says_text(r#"{"type":"ping"}"#).await;
    assert!(office.hears().await.encode().contains("pong"));
    assert_eq!(standing(&hub, ids[most]).await, "queued 0");
    office.succeeds(ids[0].0, json!(1)).await;
    assert!(accepted(&office.hears().await, ids[0], CommandStage::Result));
    assert_eq!(office.is_told().await.command_id, ids[most].0);
    assert_eq!(hub.sql().count("commands", "state = 'queued'").await, 2);
}

/// The old socket has passed the check of its generation and waits for the rows when the new one comes.
#[tokio::test]
async fn no_command_is_lost_between_two_sockets() {
    let hub = TestHub::start().await;
    let office = &hub.home.office;
    let old = office.connects(&[]).await.generation;
    let id = tell(&hub.home, office, "one").await;
    let mut held = hub.sql().pool().begin().await.unwrap();
    sqlx::raw_sql("select from hub.commands for update")
        .execute(&mut *held)
        .await
        .unwrap();
    let old_takes = office.takes_with(old);
    let new_connects = async {
        let _ = hub.sql().waits_for_locks(1).await;
        office.connects(&[]).await
    };
    let release = async {
        // Until the new socket is in, or waits its turn behind the old one.
        let _ = hub.sql().waits_for_locks(2).await;
        held.rollback().await.unwrap();
    };
    let (_, _, ()) = tokio::join!(old_takes, new_connects, release);
    let taken: Vec<_> = office
        .takes()
        .await
        .into_iter()
        .map(|command| command.id)
        .collect();
    assert_eq!(taken, [id], "{}", standing(&hub, id).await);
}
