//! A try to prove who one is: let through or refused before it costs anything, counted if it fails, and written down.

use std::time::Duration;

use super::{
    Actor, Origin,
    refusals::Refusals,
    throttle::{Secret, Ticket},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    ids::UserId,
    storage::TxScope,
    telemetry::metric,
};

/// How often it is looked whether a window of refusals is over.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// What the audit log calls a try of a password.
const PASSWORD: &str = "password";
/// What the audit log calls a try of a user code.
const USER_CODE: &str = "user_code";

/// Tries a password, unless too many failed. It failed when what was given is wrong: an outage is nobody's fault. The work
/// holds no transaction when it fails: the refusal is written down in one of its own.
pub(super) async fn with_password<T>(
    hub: &Hub,
    name: &str,
    from: &Origin,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let ticket = begin(hub, name, from).await?;
    let done = work.await;
    match &done {
        Ok(_) => ticket.succeeded(hub.clock.now()),
        Err(Error::Unauthenticated(_)) => {
            drop(ticket);
            count("failed");
            write_down_in(
                &hub.refusals,
                hub,
                (PASSWORD, Some(name)),
                from.request_id.clone(),
            )
            .await?;
        }
        Err(_) => ticket.give_back(),
    }
    done
}

/// Tries a user code of a pairing, unless this user tried too many that were wrong. It was wrong when there is no such thing
/// as `what`; then `wrong` is what to answer. The work holds no transaction when it fails.
pub async fn with_user_code<T>(
    hub: &Hub,
    user: UserId,
    from: &Origin,
    work: impl Future<Output = Result<T>>,
    (what, wrong): (&'static str, Error),
) -> Result<T> {
    let taken = hub.throttle.take_code(user, from.address, hub.clock.now()).await;
    let ticket = taken.map_err(|retry_after| throttled(hub, retry_after))?;
    match work.await {
        Err(Error::NotFound { what: missing }) if missing == what => {
            drop(ticket);
            write_down_one(hub, USER_CODE, from).await?;
            Err(wrong)
        }
        done => {
            ticket.give_back();
            done
        }
    }
}

/// What to answer to a secret that was wrong: that it was, or, after too many, to wait. It has been looked at, and whoever has
/// a right one is held up by nobody.
pub async fn refused(hub: &Hub, what: Secret, from: &Origin, wrong: Error) -> Error {
    if let Err(retry_after) = hub.throttle.wrong(what, from.address, hub.clock.now()) {
        return throttled(hub, retry_after);
    }
    match write_down_one(hub, word(what), from).await {
        Ok(()) => wrong,
        Err(error) => error,
    }
}

async fn begin<'a>(hub: &'a Hub, name: &str, from: &Origin) -> Result<Ticket<'a>> {
    // The database compares names in any case by its own rules, so it gives the one spelling to count by: by any other rules
    // some name could be spelt in many ways, each with tries of its own.
    let spelt = hub
        .db
        .begin_system()
        .await?
        .identity()
        .in_lower_case(name)
        .await?;
    let taken = hub.throttle.take(&spelt, from.address, hub.clock.now()).await;
    taken.map_err(|retry_after| throttled(hub, retry_after))
}

fn throttled(hub: &Hub, retry_after: Duration) -> Error {
    hub.refusals.throttle(hub.clock.now());
    count("throttled");
    Error::Throttled { retry_after }
}

const fn word(what: Secret) -> &'static str {
    match what {
        Secret::ClaimCode => "claim_code",
        Secret::InvitationCode => "invitation_code",
        Secret::RefreshToken => "refresh_token",
        Secret::DeviceCode => "device_code",
    }
}

/// Writes one refusal down, or counts it for [`write_down`] when there were many.
async fn write_down_one(hub: &Hub, tried: &'static str, from: &Origin) -> Result<()> {
    count("failed");
    write_down_in(&hub.refusals, hub, (tried, None), from.request_id.clone()).await
}

/// Writes down that a credential was refused, apart from the tries of who has none: neither silences the other.
pub(super) async fn credential_refused(
    hub: &Hub,
    shown: &'static str,
    request_id: Option<String>,
) -> Result<()> {
    write_down_in(&hub.refused_credentials, hub, (shown, None), request_id).await
}

/// Whose name was tried is looked up for every one, so that nobody can tell by the time it takes whether there is such a user.
async fn write_down_in(
    refusals: &Refusals,
    hub: &Hub,
    (tried, name): (&'static str, Option<&str>),
    request_id: Option<String>,
) -> Result<()> {
    if !refusals.refuse(hub.clock.now()) {
        return Ok(());
    }
    let nobody = Actor::anonymous(request_id);
    let mut tx = hub.db.begin(TxScope::System, nobody).await?;
    let user = match name {
        Some(name) => tx.identity().user_by_name(name).await?,
        None => None,
    };
    let record = Record::of("sign_in").refused().with("tried", tried);
    tx.record(match user {
        Some(user) => record.on("user", user.id.0),
        None => record,
    });
    tx.commit().await?;
    Ok(())
}

fn count(outcome: &'static str) {
    metrics::counter!(metric::TRIES_FAILED, "outcome" => outcome).increment(1);
}

/// Writes refusals down that have no entry of their own, when their window is over or the process ends.
pub async fn write_down(hub: &Hub, is_ending: bool) -> Result<()> {
    let credentials = Record::of("sign_in").with("tried", "credential");
    write_down_those(hub, &hub.refusals, is_ending, Record::of("sign_in")).await?;
    write_down_those(hub, &hub.refused_credentials, is_ending, credentials).await
}

async fn write_down_those(hub: &Hub, refusals: &Refusals, is_ending: bool, record: Record) -> Result<()> {
    let Some(counted) = refusals.due(hub.clock.now(), is_ending) else {
        return Ok(());
    };
    let mut tx = hub.db.begin(TxScope::System, Actor::hub()).await?;
    tx.record(
        record
            .refused()
            .with("since", counted.since.to_rfc3339())
            .with("refused_tries", counted.refused)
            .with("throttled_tries", counted.throttled),
    );
    let now = tx.now();
    tx.commit().await?;
    refusals.forget(&counted, now);
    Ok(())
}

/// Writes them down from now on, the last ones when the process closes.
pub fn start(hub: &Hub) {
    let all = hub.clone();
    hub.lifecycle.spawn_every(LOOK_EVERY, move |is_ending| {
        let hub = all.clone();
        async move {
            if let Err(error) = write_down(&hub, is_ending).await {
                tracing::warn!(
                    error = error.chain(),
                    "refused sign-ins could not be written down"
                );
            }
        }
    });
}
