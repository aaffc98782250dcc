//! Whether a device is there, said to those who watch: once when it comes, and once when it goes.
//!
//! A newer socket that takes the place of an open one changes nothing, and nothing is said. One that is opened after the older
//! was closed, however soon, is said to have come: nobody knew that it would.

use serde_json::json;

use crate::{
    error::Result,
    events::{EventKind, NewEvent, Place},
    ids::DeviceId,
    storage::Tx,
};

/// Its socket ended from its own side.
pub const LEFT: &str = "left";
/// Its node kept it alive no longer: that was killed, or could not reach the database.
pub const NODE_LOST: &str = "node_lost";

/// What became of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is there, and was not.
    Came,
    /// It is not there, and was: [`LEFT`], [`NODE_LOST`], or the name of the reason for which the hub closed its socket.
    Went(&'static str),
}

/// Appends it, for a device that was not read yet.
pub(super) async fn look_up_and_tell(tx: &mut Tx, device: DeviceId, presence: Presence) -> Result<()> {
    if let Some(place) = tx.devices().place_of(device).await? {
        tell(tx, device, place, presence);
    }
    Ok(())
}

/// Appends it, where the device is. What is said of a personal device is for its person; of a private space nothing is said.
pub(super) fn tell(tx: &mut Tx, device: DeviceId, place: Place, presence: Presence) {
    let said = match presence {
        Presence::Came => json!({"device_id": device, "is_connected": true}),
        Presence::Went(reason) => json!({"device_id": device, "is_connected": false, "reason": reason}),
    };
    tx.append_unless_private(NewEvent::by_hub(EventKind::DevicePresence, place, said));
}
