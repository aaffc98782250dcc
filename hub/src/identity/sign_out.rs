//! Ending a sign-in, or all of a user's: their access tokens are refused from the commit on.

use super::{Known, Proof};
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
    let mut tx = hub.db.begin(TxScope::System, who.actor(request_id)).await?;
    if tx.identity().revoke_sign_in(sign_in).await? {
        tx.record(Record::of("sign_out").on("user", who.user.0));
    }
    tx.commit().await?;
    Ok(())
}

/// Ends every sign-in of a user, on whichever device: one of them may be in somebody else's hands.
pub async fn sign_out_everywhere(hub: &Hub, who: &Known, request_id: Option<String>) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::System, who.actor(request_id)).await?;
    let ended = tx.identity().revoke_sign_ins(who.user, None).await?;
    tx.record(
        Record::of("sign_out")
            .on("user", who.user.0)
            .with("ended_sign_ins", ended),
    );
    tx.commit().await?;
    Ok(())
}
