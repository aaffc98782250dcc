//! Ending a sign-in: its access tokens are refused from the commit on.

use super::{Actor, ActorKind, SignedIn};
use crate::{audit::record::Record, error::Result, hub::Hub, storage::TxScope};

/// Ends the sign-in that a token belongs to.
pub async fn sign_out(hub: &Hub, who: &SignedIn, request_id: Option<String>) -> Result<()> {
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(who.user.0),
        access_token: None,
        request_id,
    };
    let mut tx = hub.db.begin(TxScope::System, actor).await?;
    if tx.identity().revoke_sign_in(who.sign_in).await? {
        tx.record(Record::of("sign_out").on("user", who.user.0));
    }
    tx.commit().await?;
    Ok(())
}
