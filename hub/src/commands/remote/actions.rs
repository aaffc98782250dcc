//! Actions as a person decides about them: which one is meant, what exactly it would do, and what became of it.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Call, Client, Failure, Names, short_id};
use crate::{
    actions::{Action, ActionState},
    commands::terminal::one_line,
    page::MAX_LIMIT,
};

/// Pages read at most: who has more waiting than this types whole ids.
const MAX_PAGES: usize = 5;
/// Most devices answer at once; who wants to wait longer looks again.
const MOST_WAIT: Duration = Duration::from_secs(10);
/// Soon enough to feel immediate.
const POLL: Duration = Duration::from_millis(250);

/// An action that is over, or not yet.
#[derive(Debug)]
pub struct Ending {
    /// What to tell.
    pub text: String,
    /// Whether it is, or may still become, what the person wanted.
    pub is_good: bool,
}

impl Ending {
    /// The code to exit with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if self.is_good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[derive(Deserialize)]
struct Details {
    action: Action,
}

/// The request for one page of the actions in a state, newest first.
#[must_use]
pub fn in_state(state: Option<ActionState>, limit: u32) -> Call {
    let call = Call::get("/v1/agents/self/actions");
    let call = match state {
        Some(state) => call.query("state", &state.as_str()),
        None => call,
    };
    call.query("limit", &limit)
}

/// The request that decides about an action.
#[must_use]
pub fn decide(action: &Action, verb: &str, mut body: Value, reason: Option<&str>) -> Call {
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    Call::post(format!("/v1/agents/self/actions/{}/{verb}", action.id), body).once()
}

/// Binds a decision to the arguments that were seen: the hub refuses it for others.
#[must_use]
pub fn bound(action: &Action) -> Value {
    json!({"arguments_sha256": action.arguments_sha256})
}

/// The action that was meant: by a whole id, by either end of the id of one in the state, or the only one in it.
pub async fn find(client: &Client, typed: Option<&str>, state: ActionState) -> Result<Action, Failure> {
    // A whole id needs no search, and the hub itself says why that action cannot be decided on.
    if let Some(id) = typed.and_then(|typed| Uuid::parse_str(typed).ok()) {
        return one(client, id).await;
    }
    let waiting = in_state(Some(state), MAX_LIMIT);
    let mut found = client.pages::<Action>(&waiting, MAX_PAGES).await?.items;
    let Some(typed) = typed else {
        return only(found, state);
    };
    let ids: Vec<Uuid> = found.iter().map(|action| action.id.0).collect();
    let picked = short_id::pick(&ids, typed).map_err(|mismatch| {
        let state = state.as_str();
        Failure::Usage(format!("{typed} {mismatch}\n  see what is {state}: hub inbox"))
    })?;
    found.retain(|action| action.id.0 == picked);
    only(found, state)
}

/// Waits until an action is over, but not for long.
pub async fn settled(client: &Client, mut action: Action) -> Result<Action, Failure> {
    let began = Instant::now();
    while is_under_way(action.state) && began.elapsed() < MOST_WAIT {
        tokio::time::sleep(POLL).await;
        action = one(client, action.id.0).await?;
    }
    Ok(action)
}

/// What became of an action after a decision.
#[must_use]
pub fn ending(action: &Action) -> Ending {
    let why = action.error.as_deref().map(one_line);
    let because = why.map_or(String::new(), |why| format!(": {why}"));
    let result = action
        .result
        .as_ref()
        .map(|result| arguments(result, &Names::default()));
    let (is_good, text) = match action.state {
        ActionState::Succeeded => match result.filter(|result| !result.is_empty()) {
            Some(result) => (true, format!("Done: {result}")),
            None => (true, "Done.".to_owned()),
        },
        ActionState::Approved => (
            true,
            "Approved; it has not begun yet. Look later: hub inbox --all".to_owned(),
        ),
        ActionState::Executing => (
            true,
            "Begun; it is not over yet. Look later: hub inbox --all".to_owned(),
        ),
        ActionState::Rejected => (true, "Rejected: it will not be done.".to_owned()),
        ActionState::Proposed => (
            false,
            format!("Not done{because}. It waits for a decision again: hub inbox"),
        ),
        ActionState::Unknown => (
            false,
            format!("It may or may not have happened{because}. Say which: hub inbox"),
        ),
        ActionState::Failed => (false, format!("Not done{because}.")),
        ActionState::Cancelled => (false, format!("Cancelled{because}.")),
        ActionState::TimedOut => (false, format!("Not begun in time{because}.")),
        ActionState::Expired => (false, "Expired: nobody decided in time.".to_owned()),
    };
    Ending { text, is_good }
}

/// Every part of a JSON value, on one line: what is approved is seen whole. An id is followed by the name that it has.
#[must_use]
pub fn arguments(value: &Value, names: &Names) -> String {
    let mut parts = Vec::new();
    collect(value, &mut String::new(), &mut parts);
    let told = parts.iter().map(|(path, value)| {
        let id = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        let name = id.and_then(|id| names.get(id));
        let name = name.map_or(String::new(), |name| format!(" ({name})"));
        let gap = if path.is_empty() { "" } else { " " };
        format!("{}{gap}{value}{name}", one_line(path))
    });
    told.collect::<Vec<_>>().join(" · ")
}

fn collect<'a>(value: &'a Value, path: &mut String, parts: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                collect(value, path, parts);
                path.truncate(length);
            }
        }
        Value::Null if path.is_empty() => {}
        _ => parts.push((path.clone(), value)),
    }
}

async fn one(client: &Client, id: Uuid) -> Result<Action, Failure> {
    let call = Call::get(format!("/v1/agents/self/actions/{id}"));
    let details: Details = client.call_for(&call).await?;
    Ok(details.action)
}

fn only(mut found: Vec<Action>, state: ActionState) -> Result<Action, Failure> {
    let waiting = found.len();
    match found.pop() {
        Some(action) if waiting == 1 => Ok(action),
        Some(_) => Err(Failure::Usage(format!(
            "{waiting} actions are {}: which one? give its id, as hub inbox shows it",
            state.as_str()
        ))),
        None => Err(Failure::Usage(format!(
            "no action is {}; see them all: hub inbox --all",
            state.as_str()
        ))),
    }
}

const fn is_under_way(state: ActionState) -> bool {
    matches!(state, ActionState::Approved | ActionState::Executing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_approved_is_seen_whole() {
        let value =
            json!({"kind": "speaker.say", "arguments": {"text": "it's\nready", "loud": true, "to": []}});
        assert_eq!(
            arguments(&value, &Names::default()),
            r#"arguments.loud true · arguments.text "it's\nready" · arguments.to [] · kind "speaker.say""#
        );
        assert_eq!(arguments(&Value::Null, &Names::default()), "");
        assert_eq!(arguments(&json!("said"), &Names::default()), r#""said""#);
        let id = Uuid::nil();
        let names = Names::from_iter([(id, "office".to_owned())]);
        let told = format!(r#"device_id "{id}" (office)"#);
        assert_eq!(arguments(&json!({"device_id": id}), &names), told);
    }
}
