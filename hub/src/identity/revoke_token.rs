//! Revoking a personal access token: it is refused from the commit on, and what watches with it ends within a second.

use super::Caller;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::TokenId,
    storage::Tx,
};

/// Revokes a token of the caller's own, or of anybody when the caller owns the agent. Revoking twice is no error.
pub async fn revoke_token(tx: &mut Tx, caller: &Caller, id: TokenId) -> Result<()> {
    let of = tx.identity().personal_token_user(id).await?;
    let is_seen = of.is_some_and(|user| caller.sees_tokens_of().is_none_or(|own| own == user));
    if !is_seen {
        return Err(Error::NotFound { what: "token" });
    }
    if tx.identity().revoke_personal_token(id).await? {
        tx.record(Record::of("revoke_token").on("access_token", id.0));
    }
    Ok(())
}
