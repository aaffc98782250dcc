//! What stood on a membership ends with it, in the same unit of work: nothing of it comes back with a membership that begins again.
//!
//! What the user watches ends by itself within a second (`events/watchers.rs`), as their role is read anew on each look. Their
//! personal devices are revoked, for such a device sees its person's private things. The person stays: what the agent remembers
//! of them is another matter. But nobody knows them by their voice or face any more.

use super::{Ended, membership::EndedDevice};
use crate::{
    audit::record::Record,
    devices::{
        Device,
        revoke::{take_back, tell},
    },
    error::Result,
    ids::{PersonId, UserId},
    recognition::erase::left,
    storage::Tx,
};

/// What is to end.
pub(super) struct Ending {
    ended: Ended,
    devices: Vec<Device>,
    person: Option<PersonId>,
}

/// Revokes the tokens, invitations, delegations and devices of a user.
pub(super) async fn end(tx: &mut Tx, user: UserId) -> Result<Ending> {
    let member = tx.identity().member(user).await?;
    let tokens = tx.identity().revoke_personal_tokens_of(user).await?;
    let invitations = tx.identity().revoke_invitations_of(user, &[]).await?;
    let made = tx.delegations().made_by(user).await?;
    let delegations = tx.delegations().revoke(&made).await?;
    let person = member.and_then(|member| member.person_id);
    let mut devices = Vec::new();
    if let Some(person) = person {
        let mut theirs = tx.devices().personal_of(person).await?;
        theirs.sort_unstable_by_key(|device| device.id);
        for device in theirs {
            devices.extend(take_back(tx, device.id).await?);
        }
    }
    let ended = Ended {
        tokens,
        invitations,
        delegations,
        devices: devices.iter().map(about).collect(),
    };
    Ok(Ending {
        ended,
        devices,
        person,
    })
}

impl Ending {
    /// Erases what they were known by, and says what ended, for the operation's record.
    pub(super) async fn told(&self, tx: &mut Tx, record: Record) -> Result<Record> {
        let record = record
            .with("revoked_tokens", self.ended.tokens)
            .with("revoked_invitations", self.ended.invitations)
            .with("revoked_delegations", self.ended.delegations)
            .with("revoked_devices", self.ended.devices.len());
        let Some(person) = self.person else {
            return Ok(record);
        };
        // Whoever observes or enrols is before this, and then met here, or after it, and then finds that they have left.
        tx.take_head().await?;
        left(tx, person, record).await
    }

    /// Tells of the devices. After the operation's own record, which covers the events; each device has one of its own.
    pub(super) fn finish(self, tx: &mut Tx) -> Ended {
        for device in &self.devices {
            tell(tx, device);
        }
        self.ended
    }
}

fn about(device: &Device) -> EndedDevice {
    EndedDevice {
        id: device.id,
        name: device.name.clone(),
    }
}
