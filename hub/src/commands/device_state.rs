//! `hub devices --state NAME`: what a device says it is like, what is wanted of it, and what is left to do.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    remote::{Call, Failure, Remote},
    terminal::{ago, one_line},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    devices::{
        Device,
        shadow::{Document, Shadow},
    },
};

/// Shows the state of a device; where something is wanted, changes first what is.
pub(super) async fn state(
    hub: &mut Remote,
    device: &Device,
    want: Option<&Document>,
) -> Result<ExitCode, Failure> {
    let path = format!("/v1/agents/self/devices/{}/shadow", device.id);
    let read = Call::get(path.clone());
    if hub.is_curl() && want.is_none() {
        return hub.show_curl(&read);
    }
    let mut shadow: Shadow = hub.client.call_for(&read).await?;
    if let Some(want) = want {
        let body = json!({"expected_version": shadow.desired.version, "desired": want});
        let change = Call::patch(path, body).once();
        if hub.is_curl() {
            return hub.show_curl(&change);
        }
        shadow = hub.client.call_for(&change).await?;
    }
    hub.tell(&shadow, told(device, &shadow, SystemClock.now()))
}

/// Reads what is wanted, as it is typed.
pub(super) fn parse(text: &str) -> Result<Wanted, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(document)) => Ok(Wanted(document)),
        Ok(_) => Err(r#"it must be a JSON object, such as {"light":{"on":true}}"#.to_owned()),
        Err(error) => Err(format!("it cannot be read as JSON: {error}")),
    }
}

/// A merge patch to what is wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted(pub(super) Document);

fn told(device: &Device, shadow: &Shadow, now: DateTime) -> String {
    let there = if device.is_connected {
        "connected"
    } else {
        "not connected"
    };
    let (desired, reported) = (&shadow.desired, &shadow.reported);
    let mut lines = vec![format!("{}  {there}", one_line(&device.name))];
    lines.push(match reported.changed_at {
        Some(at) => format!(
            "  is      {}, as it said {}",
            shown(&reported.state),
            ago(at, now)
        ),
        None => "  is      not known: it has not reported yet".to_owned(),
    });
    if let Some(at) = desired.changed_at {
        lines.push(format!(
            "  wanted  {}, since {}",
            shown(&desired.state),
            ago(at, now)
        ));
        lines.push(if shadow.is_in_sync() {
            "  left    nothing: it is as it should be".to_owned()
        } else if reported.reached_version == desired.version {
            format!("  left    {}, though it has dealt with it", shown(&shadow.delta))
        } else {
            format!("  left    {}", shown(&shadow.delta))
        });
    }
    lines.join("\n")
}

/// On one line, without what would steer a terminal: JSON writes that as escapes.
fn shown(document: &Document) -> String {
    one_line(&Value::Object(document.clone()).to_string())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        devices::shadow::{Desired, Reported},
        ids::DeviceId,
    };

    fn document(value: Value) -> Document {
        serde_json::from_value(value).unwrap()
    }

    fn lamp() -> Device {
        serde_json::from_value(json!({
            "id": DeviceId::mint(), "space_id": crate::ids::fresh(), "person_id": null, "name": "lamp", "capabilities": [],
            "waiting_capabilities": [], "scopes": [], "default_trust": "household", "software": null, "is_connected": true,
            "connected_at": null, "last_seen_at": null, "created_at": SystemClock.now(), "revoked_at": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_state_reads_as_one_would_tell_it() {
        let (lamp, now) = (lamp(), SystemClock.now());
        let mut desired = Desired::default();
        let mut reported = Reported::default();
        let told = |desired: &Desired, reported: &Reported| {
            told(
                &lamp,
                &Shadow::of(lamp.id, desired.clone(), reported.clone()),
                now,
            )
        };
        assert_eq!(
            told(&desired, &reported),
            "lamp  connected\n  is      not known: it has not reported yet"
        );
        (desired.state, desired.version) = (document(json!({"on": true})), 1);
        desired.changed_at = Some(now);
        (reported.state, reported.version) = (document(json!({"on": false, "watts": 7})), 1);
        reported.changed_at = Some(now - TimeDelta::minutes(3));
        assert_eq!(
            told(&desired, &reported),
            "lamp  connected\n  is      {\"on\":false,\"watts\":7}, as it said 3 min ago\n  wanted  {\"on\":true}, since just now\n  \
             left    {\"on\":true}"
        );
        reported.reached_version = 1;
        assert!(told(&desired, &reported).ends_with("left    {\"on\":true}, though it has dealt with it"));
        reported.state = document(json!({"on": true}));
        assert!(told(&desired, &reported).ends_with("left    nothing: it is as it should be"));
    }

    #[test]
    fn what_is_wanted_is_an_object() {
        assert_eq!(parse(r#"{"on":null}"#).unwrap().0, document(json!({"on": null})));
        assert!(parse("on").unwrap_err().contains("JSON"));
        assert!(parse("[1]").unwrap_err().contains("object"));
    }
}
