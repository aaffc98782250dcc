//! `device_command`: an instruction to one satellite, through its mailbox.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Attempt, Execution, Risk, Tool};
use crate::{
    devices::Device,
    error::{Error, Result},
    identity::Scope,
    ids::{DeviceId, PersonId},
    mailbox::{
        COMMAND_LIFE,
        send::{Outgoing, send},
    },
    storage::Tx,
};

pub(super) struct DeviceCommand;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    device_id: DeviceId,
    kind: String,
    arguments: Value,
}

#[async_trait]
impl Tool for DeviceCommand {
    fn name(&self) -> &'static str {
        "device_command"
    }

    fn description(&self) -> &'static str {
        "Have one device carry out a command of a kind that it has declared."
    }

    fn argument_schema(&self) -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["device_id", "kind", "arguments"],
            "properties": {
                "device_id": {"type": "string", "format": "uuid"},
                "kind": {"type": "string", "minLength": 1, "maxLength": 100},
                "arguments": {"type": "object"}
            }
        })
    }

    fn required_scopes(&self) -> &'static [Scope] {
        &[Scope::CommandsReceive]
    }

    fn risk(&self) -> Risk {
        Risk::Medium
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    async fn check(&self, tx: &mut Tx, arguments: &Value) -> Result<()> {
        let arguments = read(arguments)?;
        let person = tx.person();
        let device = tx.devices().find(arguments.device_id).await?;
        let problem = unfit(device.as_ref(), &arguments.kind, person);
        problem.map_or(Ok(()), |problem| Err(Error::invalid("/arguments", problem)))
    }

    async fn execute(&self, tx: &mut Tx, attempt: Attempt, arguments: &Value) -> Result<Execution> {
        let arguments = read(arguments)?;
        let device = tx.devices().find(arguments.device_id).await?;
        if let Some(problem) = unfit(device.as_ref(), &arguments.kind, attempt.audience) {
            return Ok(Execution::Refused(problem));
        }
        let outgoing = Outgoing {
            device: arguments.device_id,
            kind: arguments.kind,
            arguments: arguments.arguments,
            attempt: Some((attempt.action, attempt.attempt)),
            turn: None,
            audience: attempt.audience,
            sender: None,
            supersede_key: None,
            life: COMMAND_LIFE,
        };
        send(tx, outgoing).await?;
        Ok(Execution::Sent)
    }
}

fn read(arguments: &Value) -> Result<Arguments> {
    let read =
        Arguments::deserialize(arguments).map_err(|error| Error::invalid("/arguments", error.to_string()))?;
    if read.kind.is_empty() || read.kind.len() > 100 || !read.arguments.is_object() {
        return Err(Error::invalid(
            "/arguments",
            "needs a kind of 1 to 100 characters and an object of arguments",
        ));
    }
    Ok(read)
}

/// Why a device cannot be told to do something.
fn unfit(device: Option<&Device>, kind: &str, person: Option<PersonId>) -> Option<String> {
    device.map_or_else(
        || Some("the device is not one of this agent's".to_owned()),
        |device| device.unfit_for(kind, person),
    )
}
