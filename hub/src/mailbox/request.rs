//! Somebody sends a command: to a device, or to whichever device of a space can do it.

use chrono::Duration;
use serde_json::{Map, Value, json};

use super::{
    Command, CommandState,
    finish::end,
    send::{Outgoing, send},
};
use crate::{
    audit::record::Record,
    devices::Device,
    error::{Error, Result},
    events::payload::check_text,
    identity::Caller,
    ids::{DeviceId, PersonId, SpaceId, UserId},
    storage::{Ending, NewCommand, Tx},
};

/// How long a device may be given to answer: from what a person waits for to what may wait for a device that is away over
/// night.
pub const LIVES: std::ops::RangeInclusive<Duration> = Duration::seconds(1)..=Duration::days(1);
/// Characters of a supersede key at most.
const MAX_KEY: usize = 100;
/// Commands of one device that have not ended at most: beyond it nobody reads the mailbox.
const MAX_OPEN: i64 = 1_000;
/// Of these, sent by one user at most: nobody fills it alone.
const MAX_OPEN_OF_ONE: i64 = 100;
/// Devices of an agent that are looked through for one that can.
const MAX_DEVICES: i64 = 1_000;

/// To whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressee {
    /// This device, if it is where the sender believes.
    Device(DeviceId, Option<SpaceId>),
    /// Any device of this space that can do it.
    AnyIn(SpaceId),
}

/// A command as it is wanted.
#[derive(Debug)]
pub struct Request {
    /// To whom.
    pub to: Addressee,
    /// What to do.
    pub kind: String,
    /// With what.
    pub arguments: Map<String, Value>,
    /// How long the device has to answer.
    pub life: Duration,
    /// It takes the place of those with the same key that the device does not have yet.
    pub supersede_key: Option<String>,
}

/// Puts it into the mailbox of the device that is chosen. Refused when none can do it, its mailbox is full, or the sender has
/// put enough there.
pub async fn request(tx: &mut Tx, caller: &Caller, wanted: Request) -> Result<Command> {
    check(&wanted)?;
    let device = addressee(tx, caller.person(), &wanted).await?;
    let key = wanted.supersede_key.clone();
    let outgoing = Outgoing {
        device: device.id,
        kind: wanted.kind,
        arguments: Value::Object(wanted.arguments),
        attempt: None,
        turn: None,
        audience: device.person_id,
        sender: caller.user(),
        supersede_key: wanted.supersede_key,
        life: wanted.life,
    };
    // The device's row is taken by the first statement of it, before the rows of older commands: as its socket does.
    let new = send(tx, outgoing).await?;
    let record = Record::of("send_command").on("command", new.id.0);
    tx.record(record.with("device_id", device.id.to_string()));
    if let Some(key) = key {
        replace(tx, &new, &key).await?;
    }
    check_room(tx, &device, caller.user()).await?;
    let command = tx.commands().find(new.id).await?;
    command.ok_or_else(|| Error::internal("a command was sent and is not there"))
}

fn check(wanted: &Request) -> Result<()> {
    check_text(&wanted.kind, 100).map_err(|detail| Error::invalid("/kind", detail))?;
    if let Some(key) = &wanted.supersede_key {
        check_text(key, MAX_KEY).map_err(|detail| Error::invalid("/supersede_key", detail))?;
    }
    if LIVES.contains(&wanted.life) {
        return Ok(());
    }
    let (least, most) = (LIVES.start().num_milliseconds(), LIVES.end().num_milliseconds());
    Err(Error::invalid(
        "/timeout_ms",
        format!("must be between {least} and {most}"),
    ))
}

/// Whether the mailbox was not full before; the device's row is held, so nobody else adds to it meanwhile.
async fn check_room(tx: &mut Tx, device: &Device, sender: Option<UserId>) -> Result<()> {
    let full = |detail| Err(Error::conflict("mailbox_full", detail));
    if tx.commands().open(device.id).await? > MAX_OPEN {
        return full(format!(
            "{} has {MAX_OPEN} commands that have not ended",
            device.name
        ));
    }
    let Some(sender) = sender else { return Ok(()) };
    if tx.commands().open_by(device.id, sender).await? > MAX_OPEN_OF_ONE {
        return full(format!(
            "{} has {MAX_OPEN_OF_ONE} commands from you that have not ended",
            device.name
        ));
    }
    Ok(())
}

async fn addressee(tx: &mut Tx, person: Option<PersonId>, wanted: &Request) -> Result<Device> {
    match wanted.to {
        Addressee::Device(id, space) => {
            let device = tx.devices().find(id).await?;
            let device = device
                .ok_or_else(|| Error::invalid("/device_id", "there is no such device in this agent"))?;
            let problem = if space.is_some_and(|space| space != device.space_id) {
                Some(format!("the device {} is in another space", device.name))
            } else {
                device.unfit_for(&wanted.kind, person)
            };
            problem.map_or(Ok(device), |problem| {
                Err(Error::conflict("device_cannot", problem))
            })
        }
        Addressee::AnyIn(space) => {
            let space = tx.places().space(space).await?;
            let space =
                space.ok_or_else(|| Error::invalid("/space_id", "there is no such space in this agent"))?;
            let devices = tx.devices().live(MAX_DEVICES).await?.into_iter();
            let there = devices.filter(|device| device.space_id == space.id);
            choose(there, &wanted.kind, person).ok_or_else(|| {
                let detail = format!(
                    "no device in {} has declared that it can do {}",
                    space.name, wanted.kind
                );
                Error::conflict("no_device", detail)
            })
        }
    }
}

/// Of those that can, one that is connected, else the one that was there last; of equals always the same.
fn choose(devices: impl Iterator<Item = Device>, kind: &str, person: Option<PersonId>) -> Option<Device> {
    devices
        .filter(|device| device.unfit_for(kind, person).is_none())
        .max_by_key(|device| {
            (
                device.is_connected,
                device.last_seen_at,
                std::cmp::Reverse(device.id),
            )
        })
}

/// Ends the older commands of the key: the device does not have them, so they never started.
async fn replace(tx: &mut Tx, new: &NewCommand, key: &str) -> Result<()> {
    for stored in tx.commands().replaceable(new.device, key, new.seq).await? {
        let reason = json!({"code": "superseded", "message": "a newer command took its place"});
        let ending = Ending {
            state: CommandState::Superseded,
            result: None,
            error: Some(reason),
            is_late: false,
            salt: None,
        };
        end(tx, stored, ending).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{Clock, SystemClock},
        devices::{Capability, SATELLITE_SCOPES},
        identity::Trust,
    };

    fn device(name: &str, is_connected: bool, seen_s: Option<i64>) -> Device {
        let now = SystemClock.now();
        let kind = "speaker.say".to_owned();
        Device {
            id: DeviceId::mint(),
            space_id: SpaceId::mint(),
            person_id: None,
            name: name.to_owned(),
            capabilities: vec![Capability {
                kind,
                arguments_schema: None,
            }],
            waiting_capabilities: Vec::new(),
            scopes: SATELLITE_SCOPES.map(|scope| scope.as_str().to_owned()).to_vec(),
            default_trust: Trust::Household,
            software: None,
            is_connected,
            connected_at: None,
            last_seen_at: seen_s.map(|seconds| now - Duration::seconds(seconds)),
            created_at: now,
            revoked_at: None,
        }
    }

    fn chosen(devices: &[Device], kind: &str) -> Option<String> {
        choose(devices.iter().cloned(), kind, None).map(|device| device.name)
    }

    #[test]
    fn a_device_that_is_there_goes_before_one_that_was() {
        let (here, gone, never) = (
            device("here", true, Some(30)),
            device("gone", false, Some(1)),
            device("never", false, None),
        );
        let all = [never.clone(), gone.clone(), here];
        assert_eq!(chosen(&all, "speaker.say").as_deref(), Some("here"));
        assert_eq!(
            chosen(&[never.clone(), gone], "speaker.say").as_deref(),
            Some("gone")
        );
        assert_eq!(chosen(&[never], "speaker.say").as_deref(), Some("never"));
        assert_eq!(chosen(&all, "display.show"), None);
        assert_eq!(chosen(&all, "reply"), None, "a reply is the agent's own");
    }
}
