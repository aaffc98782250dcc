//! Who is gone is said to be gone, who is back is said to be back, and who was revoked is out, however late a node looks.

use std::time::Duration;

use chrono::Duration as TimeDelta;
use futures_util::future::try_join_all;
use hub::{
    devices::{Socket as Seat, Standing, revoke::revoke},
    ids::AgentId,
    jobs::sweep::end_overdue,
    satellite::{protocol::CloseReason, share::Work, watch},
    turns::offline::Offline,
};
use sqlx::Executor;
use support::{Served, Socket, TestHub};
use tokio::time::timeout;

use super::{ended, ends_at_once, position};

async fn presence(hub: &TestHub) -> Vec<bool> {
    let said = "select (payload ->> 'is_connected')::bool from hub.events where type = 'device.presence' order by position";
    hub.sql().values(said).await
}

#[tokio::test]
async fn a_device_whose_node_was_killed_is_said_to_be_gone() {
    let hub = TestHub::start().await;
    // The node says nothing any more: nobody starts its watch.
    let node = hub.another_process(Offline);
    let served = Served::deaf(&node).await;
    let (mut kitchen, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    end_overdue(&hub).await.unwrap();
    assert_eq!(presence(&hub).await, [true]);
    let heard_at: String = hub
        .sql()
        .value("select heartbeat_at::text from hub.device_connections")
        .await;
    hub.clock.advance(TimeDelta::minutes(2));
    for _ in 0..2 {
        end_overdue(&hub).await.unwrap();
        assert_eq!(presence(&hub).await, [true, false]);
    }
    let seen_at: String = hub
        .sql()
        .value("select last_seen_at::text from hub.devices where name = 'kitchen'")
        .await;
    assert_eq!(seen_at, heard_at);
    // It was only cut off: at its next word it is back.
    kitchen.transcribes("one", "hello").await;
    let told = position(&kitchen.hears().await, "one");
    let kept: i64 = hub
        .sql()
        .value("select position from hub.events where client_id = 'one'")
        .await;
    assert_eq!(told, kept);
    assert_eq!(presence(&hub).await, [true, false, true]);
    // What it said is the operation, and its record covers the events; that it is back stands beside it.
    let kept: Vec<String> = hub
        .sql()
        .values(
            "select concat_ws(' ', operation, body::jsonb -> 'events' ->> 'last',
               jsonb_array_length(body::jsonb -> 'commitments')) from hub.audit_entries
             where agent_id <> '00000000-0000-0000-0000-000000000000' order by agent_seq desc limit 2",
        )
        .await;
    let last = hub.sql().count("events", "true").await;
    assert_eq!(
        kept,
        ["connect_device".to_owned(), format!("append_events {last} 2")]
    );
    hub.run_jobs().await;
}

/// A node that could not reach the database for a while looks again.
#[tokio::test]
async fn a_device_revoked_while_its_node_could_not_look_is_out_at_the_next_look() {
    let hub = TestHub::start().await;
    let served = Served::deaf(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let mut tx = hub.home.whole().await;
    revoke(&mut tx, hub.home.office.id).await.unwrap();
    tx.commit().await.unwrap();
    hub.clock.advance(TimeDelta::hours(1));
    watch::look(&hub).await.unwrap();
    ends_at_once(&mut socket, CloseReason::Revoked).await;
}

/// A heartbeat waits for whatever holds a connection; who looks for the revoked does not.
#[tokio::test]
async fn a_revocation_does_not_wait_for_the_heartbeats() {
    let hub = TestHub::builder()
        .config(|config| config.satellite.heartbeat_ms = 1_000)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let mut slow = hub.sql().pool().begin().await.unwrap();
    slow.execute("select from hub.device_connections for share")
        .await
        .unwrap();
    let _ = hub.sql().waits_for_locks(1).await;
    // Nothing but the look can notice it.
    hub.sql()
        .execute("update hub.devices set revoked_at = now() where name = 'office'")
        .await;
    let end = timeout(Duration::from_secs(2), socket.end()).await.unwrap();
    ended(&end, CloseReason::Revoked);
    slow.rollback().await.unwrap();
}

/// Its socket waits for others, who keep all that the database has for sockets.
#[tokio::test]
async fn a_revoked_device_is_out_though_its_socket_waits_for_its_turn() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let crowd = (0..hub.config.satellite.work_at_once).map(|_| {
        let patience = Duration::from_secs(10);
        hub.share.room(AgentId::mint(), Work::Message, patience)
    });
    let _crowd = try_join_all(crowd).await.unwrap();
    socket.transcribes("one", "hello").await;
    hub.sql()
        .execute("update hub.devices set revoked_at = now() where name = 'office'")
        .await;
    let end = timeout(Duration::from_secs(2), socket.end()).await.unwrap();
    ended(&end, CloseReason::Revoked);
}

#[tokio::test]
async fn sockets_with_nothing_to_do_are_left_alone() {
    let hub = TestHub::start().await;
    let served = Served::deaf(&hub).await;
    let (_office, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    // Of another credential of the same device, long ago.
    hub.sql()
        .execute(
            "insert into hub.access_tokens (agent_id, id, kind, device_id, token_sha256, scopes, created_at, revoked_at)
             select agent_id, gen_random_uuid(), kind, device_id, sha256(('old' || id)::bytea), scopes, created_at, created_at
             from hub.access_tokens",
        )
        .await;
    let sitting = hub.sockets.sitting();
    assert_eq!(sitting.len(), 1);
    let mut tx = hub.db.begin_system().await.unwrap();
    assert_eq!(tx.devices().concerned(hub.node, &sitting).await.unwrap(), []);
}

/// Queueing a command refers to its device; a socket that is taken up again must not wait for that, nor that for it.
#[tokio::test]
async fn a_socket_is_taken_up_again_while_a_command_is_queued() {
    let hub = TestHub::start().await;
    let office = &hub.home.office;
    let mut queueing = hub.sql().pool().begin().await.unwrap();
    let refer = sqlx::AssertSqlSafe(format!(
        "select from hub.devices where id = '{}' for key share",
        office.id
    ));
    queueing.execute(sqlx::raw_sql(refer)).await.unwrap();
    let mut tx = hub.home.whole().await;
    let seat = Seat {
        device: office.id,
        node: hub.node,
        generation: 0,
    };
    let held = timeout(Duration::from_secs(2), tx.devices().hold(seat)).await;
    assert_eq!(held.expect("it waits").unwrap(), Standing::BackAgain);
}
