//! Going on with a refresh token. Each is good once: one that is used again, of whatever age, ends the sign-in, because one of
//! the two who have it is a thief. But an answer can be lost: for [`GRACE`] the token before the newest gets the same answer.

use chrono::Duration;
use secrecy::SecretString;

use super::{
    Origin, SignedIn, attempt,
    refresh_token::{Salt, family, successor},
    sign_in::{SIGN_IN_LIFE, Tokens, begin},
    throttle::Secret,
    tokens,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    secret,
    storage::{Generation, SignIn, Tx},
};

/// How long a lost answer can be asked for again: a client's patience and a few tries.
pub const GRACE: Duration = Duration::seconds(30);

const NOT_VALID: Error = Error::Unauthenticated("the refresh token is not valid or expired: sign in again");

/// Gives the next tokens for a refresh token.
pub async fn refresh(hub: &Hub, presented: &SecretString, from: &Origin) -> Result<Tokens> {
    let mut tx = begin(hub, from).await?;
    let hash = secret::hash(presented);
    let found = tx
        .identity()
        .sign_in_by_refresh(&family(presented), &hash)
        .await?;
    let Some(found) = found else {
        drop(tx);
        return Err(attempt::refused(hub, Secret::RefreshToken, from, NOT_VALID).await);
    };
    let now = tx.now();
    let refresh = match found.generation {
        Generation::Newest => rotate(&mut tx, &found, presented).await?,
        Generation::BeforeNewest { salt, replaced_at } if now - replaced_at <= GRACE => {
            tx.record(record(&found).with("repeated", true));
            successor(presented, &salt)
        }
        Generation::BeforeNewest { .. } | Generation::Earlier => return end(tx, &found).await,
    };
    let who = SignedIn {
        user: found.user,
        sign_in: found.id,
    };
    let access = hub.keys.tokens.sign(&who, now)?;
    tx.commit().await?;
    Ok(Tokens {
        access,
        access_life: tokens::LIFE,
        refresh,
    })
}

async fn rotate(tx: &mut Tx, found: &SignIn, presented: &SecretString) -> Result<SecretString> {
    let (salt, until): (Salt, _) = (secret::random_bytes(), tx.now() + SIGN_IN_LIFE);
    let next = successor(presented, &salt);
    tx.identity()
        .rotate_refresh(found.id, &secret::hash(&next), &salt, until)
        .await?;
    tx.record(record(found));
    Ok(next)
}

/// Somebody else has the token: nobody goes on with this sign-in.
async fn end(mut tx: Tx, found: &SignIn) -> Result<Tokens> {
    tx.identity().revoke_sign_in(found.id).await?;
    tx.record(record(found).refused().with("reason", "reuse"));
    tx.commit().await?;
    Err(Error::Unauthenticated(
        "the refresh token was used before: sign in again",
    ))
}

fn record(found: &SignIn) -> Record {
    Record::of("refresh_sign_in").on("user", found.user.0)
}
