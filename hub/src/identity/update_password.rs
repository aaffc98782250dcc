//! Choosing another password. Every other sign-in of the user ends with it: whoever knew the old one, or took one of them, is out.

use secrecy::{ExposeSecret, SecretString};

use super::{
    Known, Origin, Proof,
    own_password::{typed_again, wrong},
    password,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    storage::TxScope,
};

/// Changes it for who typed the old one.
pub async fn update_password(
    hub: &Hub,
    who: &Known,
    typed: SecretString,
    new: SecretString,
    from: &Origin,
) -> Result<()> {
    // Whoever comes by an issuer has their password there.
    let Proof::SignIn(sign_in) = who.proof else {
        return Err(Error::Forbidden {
            scope: "a sign-in of this hub",
        });
    };
    password::check(&new, "/new_password")?;
    let old = typed_again(hub, who.user, typed, from).await?;
    let hash = hub.passwords.hash(new).await?;
    let actor = who.actor(from.request_id.clone());
    let mut tx = hub.db.begin(TxScope::System, actor).await?;
    // The one that was typed, and not one that somebody else chose meanwhile.
    let is_changed = tx
        .identity()
        .change_password(who.user, old.expose_secret(), &hash)
        .await?;
    if !is_changed {
        return Err(wrong());
    }
    let ended = tx.identity().revoke_sign_ins(who.user, Some(sign_in)).await?;
    tx.record(
        Record::of("update_password")
            .on("user", who.user.0)
            .with("ended_sign_ins", ended),
    );
    tx.commit().await?;
    Ok(())
}
