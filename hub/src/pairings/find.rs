//! Somebody looks at who asks, before they decide.

use super::Pairing;
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::{Caller, Origin, attempt::with_user_code},
    secret::read_user_code,
};

/// What there is none of when a code is wrong.
pub(super) const PAIRING: &str = "pairing";

/// The pairing of a user code that waits.
pub async fn find(hub: &Hub, caller: &Caller, typed: &str, from: &Origin) -> Result<Pairing> {
    let code = read(typed)?;
    let work = async {
        let mut tx = hub.db.begin_system().await?;
        let now = tx.now();
        let found = tx.pairings().find(&code).await?;
        found
            .filter(|pairing| pairing.is_open(now))
            .ok_or(Error::NotFound { what: PAIRING })
    };
    Box::pin(tried(hub, caller, from, work)).await
}

/// Does something with a code that may be a guess.
pub async fn tried<T>(
    hub: &Hub,
    caller: &Caller,
    from: &Origin,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let user = caller
        .user()
        .ok_or_else(|| Error::internal("a pairing is decided by a person"))?;
    with_user_code(hub, user, from, work, (PAIRING, wrong_code())).await
}

/// A code as it was minted. What cannot be one is no guess.
pub fn read(typed: &str) -> Result<String> {
    read_user_code(typed).ok_or_else(wrong_code)
}

fn wrong_code() -> Error {
    Error::invalid(
        "/user_code",
        "is not a code that waits: a device shows it, for ten minutes, and it is good once",
    )
}
