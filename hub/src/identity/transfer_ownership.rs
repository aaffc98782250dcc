//! Passing an agent on: its owner, and nobody for them, makes somebody else the owner, and becomes an admin.

use chrono::TimeDelta;
use secrecy::SecretString;

use super::{
    Caller, Origin, Principal, Proof, Role,
    held::{changed, pair},
    issued::LEEWAY,
    membership::{Refusal, Whose},
    own_password::typed_again,
    update_member::revoke_invitations_beyond,
};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::{Error, Result},
    hub::Hub,
    ids::UserId,
    storage::Tx,
};

/// Whether the owner wants it, beyond doubt.
#[derive(Debug, Clone, Copy)]
pub struct Confirmed(bool);

/// How long ago somebody may have signed in at their issuer, in the place of typing a password.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// Whether the caller is the owner by a sign-in; then they must have typed their password again, for a sign-in may lie open on a
/// table. Whoever comes by an issuer has none here: they must have signed in there just now.
pub async fn confirm(
    hub: &Hub,
    caller: &Caller,
    typed: Option<SecretString>,
    from: &Origin,
) -> Result<Confirmed> {
    let Principal::User {
        user,
        role: Role::Owner,
        within: None,
        ..
    } = &caller.principal
    else {
        return Ok(Confirmed(false));
    };
    if let Some(Proof::Issuer { signed_in_at, .. }) = caller.proof {
        let now = hub.clock.now();
        let is_fresh = |at: DateTime| now - at < FRESH && at <= now + LEEWAY;
        return if signed_in_at.is_some_and(is_fresh) {
            Ok(Confirmed(true))
        } else {
            Err(Error::conflict("sign_in_again", SIGN_IN_AGAIN))
        };
    }
    let typed = typed.ok_or_else(|| Error::invalid("/password", "is missing"))?;
    typed_again(hub, *user, typed, from).await?;
    Ok(Confirmed(true))
}

const SIGN_IN_AGAIN: &str = "sign in at your issuer again, and send this within 5 minutes with the new token, whose \
    auth_time says when you signed in; where your issuer does not send auth_time, have it do so";

/// Makes a member or an admin the owner. At no moment are there two, or none.
pub async fn transfer_ownership(
    tx: &mut Tx,
    caller: &Caller,
    to: UserId,
    confirmed: Confirmed,
) -> Result<()> {
    let pair = pair(tx, caller, to).await?;
    // The one who was the owner when they typed their password, and is.
    if !confirmed.0 || pair.by != Role::Owner {
        return Err(Refusal::OwnersOnly.into());
    }
    if pair.whose == Whose::Own {
        return Err(Error::conflict("own_membership", "you own the agent already"));
    }
    if pair.from < Role::Member || tx.identity().is_disabled(to).await? {
        return Err(Error::conflict(
            "not_a_member",
            "only a member or an admin who can sign in can become the owner",
        ));
    }
    let from = caller
        .user()
        .ok_or_else(|| Error::internal("a device owns an agent"))?;
    // First the one: the database knows one owner only.
    tx.identity().change_role(from, Role::Admin).await?;
    tx.identity().change_role(to, Role::Owner).await?;
    let invitations = revoke_invitations_beyond(tx, from, Role::Admin).await?;
    tx.record(
        Record::of("transfer_ownership")
            .on("user", to.0)
            .with("former_owner", from.to_string())
            .with("former_role", pair.from.as_str())
            .with("revoked_invitations", invitations),
    );
    changed(tx, from, Some(Role::Admin), "transferred").await?;
    changed(tx, to, Some(Role::Owner), "transferred").await
}
