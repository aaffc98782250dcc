//! `renew`: the device of a socket gets a new credential, and its socket goes on with that.

use super::{
    hello::Guest,
    in_turn,
    operate::{farewell, notice},
    protocol::{BearerToken, CloseReason, HubFrame, Renewed},
};
use crate::{
    devices::{Socket, renew::renew as renew_credential, rotate::Fresh},
    error::Result,
    hub::Hub,
    storage::TxScope,
};
use secrecy::ExposeSecret;

/// Renews. What cannot be done is said by an `error`, for no id belongs to it.
pub(super) async fn renew(hub: &Hub, guest: &Guest, socket: Socket) -> Result<Vec<HubFrame>, CloseReason> {
    match in_turn(hub, guest.caller.agent, renewed(hub, guest, socket)).await {
        Ok(fresh) => Ok(vec![HubFrame::Renewed(Renewed {
            token: BearerToken::from(fresh.token.expose_secret().to_owned()),
            previous_ends_at: fresh.others_end_at,
        })]),
        Err(error) => match farewell(&error) {
            Some(reason) => Err(reason),
            None => Ok(vec![HubFrame::Error(notice(&error))]),
        },
    }
}

async fn renewed(hub: &Hub, guest: &Guest, socket: Socket) -> Result<Fresh> {
    let scope = TxScope::WholeAgent(guest.caller.agent);
    let mut tx = hub.db.begin(scope, guest.caller.actor()).await?;
    let fresh = renew_credential(&mut tx, socket, guest.token()).await?;
    tx.commit().await?;
    // What must be alive for this socket is the new one from now on: the old one ends while it is open.
    hub.sockets.renewed(guest.token(), fresh.id);
    hub.watchers.renewed(guest.token(), fresh.id);
    guest.goes_on_with(fresh.id);
    Ok(fresh)
}
