//! `report`: a device says what it is like.

use super::{
    hello::Guest,
    protocol::{Accepted, ClientId, DiscardReason, Discarded, HubFrame, Subject},
};
use crate::{
    devices::{
        Socket,
        report::{Report, Reported, report},
    },
    error::Result,
    hub::Hub,
    storage::TxScope,
};

/// Takes a report in, and says so.
pub(super) async fn take_report(
    hub: &Hub,
    guest: &Guest,
    socket: Socket,
    name: &ClientId,
    said: &Report,
) -> Result<HubFrame> {
    let scope = TxScope::WholeAgent(guest.caller.agent);
    let mut tx = hub.db.begin(scope, guest.caller.actor()).await?;
    let reported = report(&mut tx, socket, said).await?;
    tx.commit().await?;
    let report_id = name.clone();
    Ok(match reported {
        Reported::Kept { version } => HubFrame::Accepted(Accepted::Report { report_id, version }),
        Reported::Discarded => HubFrame::Discarded(Discarded {
            subject: Subject::Report { report_id },
            reason: DiscardReason::PrivacyMode,
        }),
    })
}
