//! A command ends: by its result, or because its time has passed. Whatever it carried ends with it.

use serde_json::{Value, json};

use super::{Command, CommandState, MAX_RESULT};
use crate::{
    actions::settle::settle,
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place, payload::find_nul},
    ids::{CommandId, DeviceId, PersonId, SpaceId},
    places::gate::{Matter, closed_and_held},
    secret::random_bytes,
    storage::{Ending, StoredCommand, Tx},
    telemetry::metric,
};

/// What a device says came of a command.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The last state: one that a device may report.
    pub state: CommandState,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it did not work.
    pub error: Option<Value>,
}

/// Keeps a device's answer. The same answer again changes nothing; the first one stands. An answer after the deadline is
/// kept as late, and still says what happened. Of one from a private space the state is kept, so that what was asked for comes to an
/// end, and nothing of what it says.
pub async fn finish(tx: &mut Tx, device: DeviceId, id: CommandId, answer: Answer) -> Result<()> {
    check(&answer)?;
    let Some(place) = tx.devices().place_of(device).await? else {
        return Err(Error::NotFound { what: "command" });
    };
    // Held, since what it ends takes more rows before the agent's head: the mode does not change until the commit.
    let matter = Matter::kept_in(place.space);
    let answer = match closed_and_held(tx, matter).await? {
        None => answer,
        Some(_) => answer.without_content(),
    };
    take(tx, device, id, answer).await
}

impl Answer {
    fn without_content(self) -> Self {
        Self {
            state: self.state,
            result: None,
            error: None,
        }
    }
}

async fn take(tx: &mut Tx, device: DeviceId, id: CommandId, answer: Answer) -> Result<()> {
    let stored = tx
        .commands()
        .lock(device, id)
        .await?
        .ok_or(Error::NotFound { what: "command" })?;
    let is_late = match stored.command.state {
        CommandState::Queued if stored.command.attempts == 0 => {
            return Err(Error::conflict(
                "not_sent",
                "the command was not sent to this device yet",
            ));
        }
        CommandState::Queued | CommandState::Sent | CommandState::Acknowledged => false,
        // The hub gave it up; now the device says what happened.
        CommandState::Unknown | CommandState::Expired if !stored.command.is_late => true,
        _ => return Ok(()),
    };
    let answer = match stored.command.erased_at {
        None => answer,
        // What it was about was forgotten: how it ended is kept, and no word of it.
        Some(_) => answer.without_content(),
    };
    let salt = random_bytes();
    let said = json!({"result": answer.result, "error": answer.error});
    let record = Record::of("finish_command")
        .on("command", id.0)
        .with("state", answer.state.as_str());
    tx.record(
        record
            .with("is_late", is_late)
            .commits("command_result", id.0, &salt, &said),
    );
    end(
        tx,
        stored,
        Ending {
            state: answer.state,
            result: answer.result,
            error: answer.error,
            is_late,
            salt: Some(salt),
        },
    )
    .await
}

/// Ends a locked command and what it carried.
pub(super) async fn end(tx: &mut Tx, stored: StoredCommand, ending: Ending) -> Result<()> {
    let mut command = stored.command;
    let space = tx.commands().finish(command.id, &ending).await?;
    command.state = ending.state;
    command.result = ending.result;
    command.error = ending.error;
    tell(tx, &command, stored.audience, space);
    metrics::counter!(metric::COMMANDS, "state" => command.state.as_str()).increment(1);
    if let (Some(action), Some(attempt)) = (command.action_id, stored.attempt) {
        settle(tx, action, attempt, &command).await?;
    }
    if command.turn_id.is_some() {
        tx.commands()
            .settle_delivery(command.id, delivery(command.state))
            .await?;
    }
    Ok(())
}

/// The event that says where a command stands.
pub(super) fn tell(tx: &mut Tx, command: &Command, audience: Option<PersonId>, space: SpaceId) {
    let place = Place {
        device: Some(command.device_id),
        audience,
        ..Place::in_space(space)
    };
    let said = json!({"command_id": command.id, "kind": command.kind, "state": command.state});
    tx.append(NewEvent::by_hub(EventKind::CommandChanged, place, said));
}

const fn delivery(state: CommandState) -> &'static str {
    match state {
        CommandState::Succeeded => "delivered",
        CommandState::Unknown => "unknown",
        CommandState::Queued | CommandState::Sent | CommandState::Acknowledged => "pending",
        CommandState::Failed
        | CommandState::Unsupported
        | CommandState::Cancelled
        | CommandState::Expired
        | CommandState::Superseded => "failed",
    }
}

fn check(answer: &Answer) -> Result<()> {
    for (pointer, value) in [("/result", &answer.result), ("/error", &answer.error)] {
        let Some(value) = value else { continue };
        if value.to_string().len() > MAX_RESULT {
            return Err(Error::invalid(
                pointer,
                format!("must be at most {MAX_RESULT} bytes"),
            ));
        }
        if let Some(at) = find_nul(value, pointer) {
            return Err(Error::invalid(at, "must not contain the character NUL"));
        }
    }
    Ok(())
}
