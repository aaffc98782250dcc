//! A try to prove who one is: let through or refused before it costs anything, counted if it fails, and written down.

use std::{net::IpAddr, time::Duration};

use super::{
    Actor, Origin,
    throttle::{Attempt, Ticket},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    storage::TxScope,
    telemetry::metric,
};

/// How often it is looked whether a window of refusals is over.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Makes a try, unless too many failed. It failed when what was given is wrong: an outage is nobody's fault.
pub(super) async fn attempt<T>(
    hub: &Hub,
    what: Attempt<'_>,
    from: &Origin,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let ticket = begin(hub, what, from.address)?;
    let done = work.await;
    match &done {
        Ok(_) => ticket.succeeded(hub.clock.now()),
        Err(Error::Unauthenticated(_) | Error::Invalid(_)) => count("failed"),
        Err(_) => ticket.give_back(),
    }
    done
}

fn begin<'a>(hub: &'a Hub, what: Attempt<'_>, address: Option<IpAddr>) -> Result<Ticket<'a>> {
    let now = hub.clock.now();
    hub.throttle.take(what, address, now).map_err(|retry_after| {
        hub.refusals.throttle(now);
        count("throttled");
        Error::Throttled { retry_after }
    })
}

fn count(outcome: &'static str) {
    metrics::counter!(metric::TRIES_FAILED, "outcome" => outcome).increment(1);
}

/// Writes refusals down that have no entry of their own, when their window is over or the process ends.
pub async fn write_down(hub: &Hub, is_ending: bool) -> Result<()> {
    let Some(counted) = hub.refusals.due(hub.clock.now(), is_ending) else {
        return Ok(());
    };
    let mut tx = hub.db.begin(TxScope::System, Actor::hub()).await?;
    tx.record(
        Record::of("sign_in")
            .refused()
            .with("since", counted.since.to_rfc3339())
            .with("refused_tries", counted.refused)
            .with("throttled_tries", counted.throttled),
    );
    let now = tx.now();
    tx.commit().await?;
    hub.refusals.forget(&counted, now);
    Ok(())
}

/// Writes them down from now on, the last ones when the process closes.
pub fn start(hub: &Hub) {
    let hub = hub.clone();
    hub.lifecycle.clone().spawn(async move {
        loop {
            let is_ending = tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => false,
                () = hub.lifecycle.closing() => true,
            };
            if let Err(error) = write_down(&hub, is_ending).await {
                tracing::warn!(
                    error = error.chain(),
                    "refused sign-ins could not be written down"
                );
            }
            if is_ending {
                return;
            }
        }
    });
}
