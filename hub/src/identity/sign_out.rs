//! Ending a sign-in: its access tokens are refused from the commit on.

use super::{Actor, ActorKind, Known, Proof};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    storage::TxScope,
};

/// Ends the sign-in that a token belongs to.
pub async fn sign_out(hub: &Hub, who: &Known, request_id: Option<String>) -> Result<()> {
    // What an issuer gave, it ends.
    let Proof::SignIn(sign_in) = who.proof else {
        return Err(Error::Forbidden {
            scope: "a sign-in of this hub",
        });
    };
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(who.user.0),
        access_token: None,
        request_id,
    };
    let mut tx = hub.db.begin(TxScope::System, actor).await?;
    if tx.identity().revoke_sign_in(sign_in).await? {
        tx.record(Record::of("sign_out").on("user", who.user.0));
    }
    tx.commit().await?;
    Ok(())
}
