//! Signing in with name and password.

use secrecy::{ExposeSecret, SecretString};

use super::{Actor, Origin, SignedIn, attempt, credentials::REFRESH_PREFIX, tokens};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    ids::{SignInId, UserId},
    secret,
    storage::{Tx, TxScope},
};

/// How long a sign-in lives without being refreshed.
pub const SIGN_IN_LIFE: chrono::Duration = chrono::Duration::days(30);
/// The one answer for a wrong name and a wrong password.
const REFUSED: Error = Error::Unauthenticated("the name or the password is wrong");

/// What a sign-in gives: shown once.
#[derive(Debug)]
pub struct Tokens {
    /// For the `Authorization` header.
    pub access: SecretString,
    /// How long it is good.
    pub access_life: chrono::Duration,
    /// For the next tokens; each is good once.
    pub refresh: SecretString,
}

/// Signs a user in.
pub async fn sign_in(hub: &Hub, name: &str, typed: SecretString, from: &Origin) -> Result<Tokens> {
    let work = with_password(hub, name, typed, from);
    Box::pin(attempt::with_password(hub, name, from, work)).await
}

async fn with_password(hub: &Hub, name: &str, typed: SecretString, from: &Origin) -> Result<Tokens> {
    let user = hub.db.begin_system().await?.identity().user_by_name(name).await?;
    let user = user.filter(|user| !user.is_disabled);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let is_right = hub.passwords.verify(typed, hash).await?;
    let user = user.filter(|_| is_right).ok_or(REFUSED)?;
    let mut tx = begin(hub, from).await?;
    // Held until the end: whoever changes it ends the sign-ins by the old one, this one too.
    let typed = user.password_hash.as_ref().map(ExposeSecret::expose_secret);
    if tx.identity().hold_password(user.id).await?.as_deref() != typed {
        return Err(REFUSED);
    }
    let tokens = issue(hub, &mut tx, user.id).await?;
    tx.commit().await?;
    Ok(tokens)
}

/// Begins a unit of work of nobody known.
pub(super) async fn begin(hub: &Hub, from: &Origin) -> Result<Tx> {
    let nobody = Actor::anonymous(from.request_id.clone());
    hub.db.begin(TxScope::System, nobody).await
}

/// Begins a sign-in of a user who has proved who they are, in the same unit of work.
pub(super) async fn issue(hub: &Hub, tx: &mut Tx, user: UserId) -> Result<Tokens> {
    let (now, sign_in) = (tx.now(), SignInId::mint());
    let refresh = secret::mint(REFRESH_PREFIX);
    tx.identity()
        .insert_sign_in(sign_in, user, &secret::hash(&refresh), now + SIGN_IN_LIFE)
        .await?;
    tx.record(
        Record::of("sign_in")
            .on("user", user.0)
            .with("sign_in_id", sign_in.to_string()),
    );
    let access = hub.keys.tokens.sign(&SignedIn { user, sign_in }, now)?;
    Ok(Tokens {
        access,
        access_life: tokens::LIFE,
        refresh,
    })
}
