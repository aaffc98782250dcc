//! Waiting for the end of a turn, without holding a transaction.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Turn,
    standing::{STILL_MAY_EVERY, still_may},
};
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::Caller,
    ids::TurnId,
    storage::Ring,
};

/// How often the table is read when no bell rings.
const POLL: Duration = Duration::from_secs(1);

/// The turn, once it has ended or the time is over; refused as soon as the caller may not see it any more.
pub async fn wait(hub: &Hub, caller: &Caller, id: TurnId, limit: Duration) -> Result<Turn> {
    let (mut caller, mut asked_at) = (caller.clone(), Instant::now());
    // Listening before the first look: an end in between is not missed.
    let bell = hub.db.bell().listen(Ring::Turn(id));
    let until = Instant::now() + limit;
    loop {
        let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
        let turn = tx
            .turns()
            .find(id)
            .await?
            .ok_or(Error::NotFound { what: "turn" })?;
        drop(tx);
        let left = until.saturating_duration_since(Instant::now());
        if turn.state.is_final() || left.is_zero() || hub.lifecycle.is_closing() {
            return Ok(turn);
        }
        tokio::select! {
            () = bell.rung_or_after(left.min(POLL)) => {}
            () = hub.lifecycle.closing() => {}
        }
        if asked_at.elapsed() >= STILL_MAY_EVERY {
            still_may(hub, &mut caller).await?;
            asked_at = Instant::now();
        }
    }
}
