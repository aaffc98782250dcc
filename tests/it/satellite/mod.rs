//! The satellite channel, over real sockets: greeting, events, commands, leaving, bad input, a database that is away.

mod autobahn;
mod bad_input;
mod commands;
mod delivery;
mod events;
mod gone;
mod greeting;
mod growth;
mod leaving;
mod nodes;
mod outage;
mod presence;
mod renewal;
mod room;
mod slow;
mod state;

use chrono::Duration;
use hub::{
    ids::CommandId,
    mailbox::send::{Outgoing, send},
    satellite::protocol::{
        Accepted, CloseReason, CommandStage, ErrorCode, Goodbye, HubFrame, NewEvent, Rejected,
        SatelliteFrame, Subject,
    },
};
use serde_json::{Value, json};
use support::{End, Household, Socket, TestDevice, TestHub};
use tokio::time::timeout;
use uuid::Uuid;

/// Everything that a refusal must leave as it was, but for the entry that tells of it. Not who is connected: a refused socket leaves.
async fn footprint(hub: &TestHub) -> String {
    hub.sql()
        .value(
            "select concat_ws(' ',
               (select count(*) from hub.events where type <> 'device.presence'),
               (select count(*) from hub.audit_entries
                where operation not in ('connect_device', 'disconnect_device', 'sign_in', 'authorize_request')),
               (select count(*) from hub.sessions), (select count(*) from hub.turns),
               (select count(*) from hub.jobs), (select count(*) from hub.memories),
               (select count(*) from hub.actions),
               (select string_agg(concat(id, state, attempts, result, progress), ',' order by id) from hub.commands),
               (select string_agg(concat(id, capabilities, software), ',' order by id) from hub.devices))",
        )
        .await
}

/// How often a device was let in.
async fn generation(hub: &TestHub, device: &TestDevice) -> i64 {
    hub.sql()
        .value(&format!(
            "select generation from hub.devices where id = '{}'",
            device.id
        ))
        .await
}

/// Puts a command into a device's mailbox.
async fn tell(home: &Household, device: &TestDevice, text: &str) -> CommandId {
    let mut tx = home.whole().await;
    let outgoing = Outgoing {
        device: device.id,
        kind: "speaker.say".to_owned(),
        arguments: json!({ "text": text }),
        attempt: None,
        turn: None,
        audience: None,
        sender: None,
        supersede_key: None,
        life: Duration::minutes(2),
    };
    let sent = send(&mut tx, outgoing).await.expect("a command can be queued");
    tx.commit().await.expect("the mailbox is there");
    sent.id
}

/// A command's state, how often it was sent, and whether its result was late.
async fn standing(hub: &TestHub, id: CommandId) -> String {
    hub.sql()
        .value(&format!(
            "select concat_ws(' ', state, attempts, case when is_late then 'late' end) from hub.commands
             where id = '{id}'"
        ))
        .await
}

/// Acknowledges a command, and may go on.
async fn acknowledge(socket: &mut Socket, id: CommandId) {
    socket.acknowledges(id.0).await;
    assert!(accepted(&socket.hears().await, id, CommandStage::Ack));
}

/// Has done a command, which is accepted.
async fn succeed(socket: &mut Socket, id: CommandId, result: Value) {
    socket.succeeds(id.0, result).await;
    assert!(accepted(&socket.hears().await, id, CommandStage::Result));
}

fn accepted(frame: &HubFrame, command: CommandId, stage: CommandStage) -> bool {
    matches!(frame, HubFrame::Accepted(Accepted::Command { command_id, of })
        if *command_id == command.0 && *of == stage)
}

/// The refusal of a step of a command.
fn refused(frame: HubFrame, command: Uuid, stage: CommandStage) -> (ErrorCode, String) {
    let subject = Subject::Command {
        command_id: command,
        of: stage,
    };
    match frame {
        HubFrame::Rejected(rejected) if rejected.subject == subject => (rejected.code, rejected.detail),
        other => panic!("not a refusal of {stage:?}: {other:?}"),
    }
}

/// The refusal of an event, with the pointer to its first bad field.
fn refused_event(frame: HubFrame, client_id: &str) -> (ErrorCode, String) {
    let subject = Subject::Event {
        client_id: client_id.to_owned().try_into().unwrap(),
    };
    match frame {
        HubFrame::Rejected(Rejected {
            subject: about,
            code,
            errors,
            ..
        }) if about == subject => {
            let pointer = errors.into_iter().next().map(|error| error.pointer);
            (code, pointer.unwrap_or_default())
        }
        other => panic!("not a refusal of {client_id}: {other:?}"),
    }
}

/// The position of an accepted event.
fn position(frame: &HubFrame, client_id: &str) -> i64 {
    match frame {
        HubFrame::Accepted(Accepted::Event {
            client_id: of,
            position,
            ..
        }) if of.as_str() == client_id => *position,
        other => panic!("{client_id} is not accepted: {other:?}"),
    }
}

fn batch(events: Vec<NewEvent>) -> SatelliteFrame {
    SatelliteFrame::Events(events.into())
}

/// That a socket ended for a reason, said in both words and code.
pub(crate) fn ended(end: &End, reason: CloseReason) {
    let said = end.goodbye.as_ref().and_then(Goodbye::close_reason);
    assert_eq!((said, end.code), (Some(reason), Some(reason.code())), "{end:?}");
}

/// That a socket ends for a reason within a second.
async fn ends_at_once(socket: &mut Socket, reason: CloseReason) {
    let end = timeout(std::time::Duration::from_secs(1), socket.end()).await;
    ended(&end.expect("it ends within a second"), reason);
}

/// Changes a device's credentials, behind the hub's back.
async fn sets_credentials(hub: &TestHub, device: &TestDevice, change: &str) {
    let changed = format!(
        "update hub.access_tokens set {change} where device_id = '{}'",
        device.id
    );
    hub.sql().execute(&changed).await;
}
