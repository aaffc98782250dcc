//! The password, typed again by somebody who is signed in: a sign-in may lie open on a table.

use secrecy::{ExposeSecret, SecretString};

use super::{Origin, attempt, password::MAX_BYTES};
use crate::{
    error::{Error, Result},
    hub::Hub,
    ids::UserId,
};

/// Whether a user typed their own password; the hash that it has. It counts as a try, as at a sign-in.
pub(super) async fn typed_again(
    hub: &Hub,
    user: UserId,
    typed: SecretString,
    from: &Origin,
) -> Result<SecretString> {
    if typed.expose_secret().len() > MAX_BYTES {
        return Err(wrong());
    }
    let name = hub.db.begin_system().await?.identity().user_name(user).await?;
    let name = name.ok_or(Error::NotFound { what: "user" })?;
    let work = is_theirs(hub, &name, typed);
    let done = Box::pin(attempt::with_password(hub, &name, from, work)).await;
    done.map_err(|error| match error {
        // Their sign-in is good: only what they typed is not.
        Error::Unauthenticated(_) => wrong(),
        other => other,
    })
}

/// What to answer where it is not.
pub(super) fn wrong() -> Error {
    Error::invalid("/password", "is not your password")
}

async fn is_theirs(hub: &Hub, name: &str, typed: SecretString) -> Result<SecretString> {
    let user = hub.db.begin_system().await?.identity().user_by_name(name).await?;
    let hash = user.and_then(|user| user.password_hash);
    let is_right = hub.passwords.verify(typed, hash.clone()).await?;
    hash.filter(|_| is_right)
        .ok_or(Error::Unauthenticated("the password is wrong"))
}
