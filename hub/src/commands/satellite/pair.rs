//! `hub satellite NAME --pair`: asks for credentials, shows the code for the person, and waits until they have decided.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use hub_satellite::{Credentials, CredentialsError};

use super::console::Console;
use super::{Args, effects};
use crate::commands::address;
use crate::commands::remote::{BaseUrl, Call, Client, Failure, SignInFile};
use crate::config::DataDir;
use crate::pairings::COLLECT_WITHIN;
use crate::satellite::protocol::BearerToken;

/// What a hub may make a satellite wait between polls at most.
const SLOWEST: Duration = Duration::from_mins(1);
/// What `slow_down` adds (RFC 8628, 3.5).
const SLOWER_BY: Duration = Duration::from_secs(5);
/// The path of the channel, which the address of the hub does not have.
const CHANNEL: &str = "/v1/satellites/connect";

/// The satellite got no credentials.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// It has some.
    #[error("there are credentials for this satellite at {} already; run it without --pair, or move them away", .0.display())]
    Exists(PathBuf),
    /// The hub is not where it was said to be.
    #[error("{0:?} is not an address such as wss://hub.example.com/v1/satellites/connect")]
    Url(String),
    /// The hub could not be asked.
    #[error("cannot pair: {0}")]
    Asked(#[from] Failure),
    /// A person said no.
    #[error("cannot pair: a person said no")]
    Denied,
    /// Nobody came in time.
    #[error("cannot pair: nobody approved the code in time; run the same again for a new one")]
    Expired,
    /// The hub does not know the code any more.
    #[error("cannot pair: the hub refused ({0}); run the same again for a new code")]
    Refused(String),
    /// They cannot be kept.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// What the hub answers first.
#[derive(Deserialize)]
struct Codes {
    device_code: BearerToken,
    user_code: String,
    verification_uri: String,
    expires_in: u32,
    interval: u32,
}

/// And last.
#[derive(Deserialize)]
struct Paired {
    access_token: BearerToken,
    agent_id: Uuid,
    device_id: Uuid,
    name: String,
}

/// Gets credentials, and keeps them in a file that only its owner can read.
pub(super) async fn pair(args: &Args, path: &Path, console: &mut Console) -> Result<(), PairError> {
    // Before anybody is asked to come.
    if path.exists() {
        return Err(PairError::Exists(path.into()));
    }
    let dir = DataDir(args.hub_dir.clone());
    let url = args.url.clone();
    let base = match &url {
        Some(url) => base(url).ok_or_else(|| PairError::Url(url.clone()))?,
        None => BaseUrl::of(address::find(&dir)),
    };
    let ca_file = args.ca_file.as_deref().map(std::path::absolute).transpose();
    let ca_file = ca_file.map_err(|source: io::Error| Failure::System {
        what: "cannot find the certificates".into(),
        source,
    })?;
    let client = Client::new(base, ca_file.clone(), SignInFile::of(&dir))?;
    let codes: Codes = client.read(&client.call_openly(&ask(&args.name)).await?)?;
    show(&codes, console);
    let paired = wait(&client, &codes).await?;
    let mut credentials = json!({
        "device_id": paired.device_id,
        "agent_id": paired.agent_id,
        "name": paired.name,
        "token": paired.access_token.expose(),
    });
    if let Some(url) = url {
        credentials["url"] = url.into();
    }
    if let Some(ca_file) = ca_file {
        credentials["ca_file"] = ca_file.to_string_lossy().into();
    }
    Credentials::write(path, &credentials)?;
    console.status(&format!(
        "paired as {}; its credentials are in {}",
        paired.name,
        path.display()
    ));
    Ok(())
}

fn ask(name: &str) -> Call {
    let kinds: Vec<String> = effects::capabilities()
        .into_iter()
        .map(|capability| capability.kind)
        .collect();
    let body = json!({
        "client_id": "hub satellite",
        "client_version": env!("CARGO_PKG_VERSION"),
        "scope": "events:write commands:receive",
        "name": name,
        "capabilities": kinds,
    });
    Call::post("/v1/pairings", body).open()
}

fn show(codes: &Codes, console: &mut Console) {
    console.status(&format!(
        "This satellite shows the code  {}  for {} minutes.\nWhere you are signed in, run:  hub pair {}\nMore at {}",
        codes.user_code,
        codes.expires_in / 60,
        codes.user_code,
        codes.verification_uri
    ));
}

/// Polls until a person has decided. A hub that is away is asked again: the code outlives it.
async fn wait(client: &Client, codes: &Codes) -> Result<Paired, PairError> {
    let end = Instant::now() + patience(codes);
    let mut interval = Duration::from_secs(codes.interval.into()).clamp(Duration::from_secs(1), SLOWEST);
    let poll = Call::post(
        "/v1/pairings/token",
        json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": codes.device_code.expose(),
        }),
    )
    .open();
    while Instant::now() < end {
        sleep(interval).await;
        match client.call_oauth(&poll).await {
            Ok(Ok(paired)) => return Ok(client.read::<Paired>(&paired)?),
            Ok(Err(word)) => match word.as_str() {
                "authorization_pending" => {}
                "slow_down" => interval = (interval + SLOWER_BY).min(SLOWEST),
                "access_denied" => return Err(PairError::Denied),
                "expired_token" => return Err(PairError::Expired),
                _ => return Err(PairError::Refused(word)),
            },
            Err(failure) if is_passing(&failure) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Err(PairError::Expired)
}

/// How long to poll at most. Who is approved in the last second of the code may still come for a while: a code that is over
/// before that is said to be by the hub.
fn patience(codes: &Codes) -> Duration {
    Duration::from_secs(codes.expires_in.into()) + COLLECT_WITHIN.to_std().unwrap_or_default()
}

/// Whether asking again later may help.
fn is_passing(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable { .. } | Failure::Late { .. } | Failure::Broken { .. } => true,
        Failure::Refused(problem) => problem.status == 429 || problem.status >= 500,
        _ => false,
    }
}

/// The hub's address, from that of its channel.
fn base(url: &str) -> Option<BaseUrl> {
    let url = url.strip_suffix(CHANNEL)?;
    let base = if let Some(rest) = url.strip_prefix("wss://") {
        format!("https://{rest}")
    } else {
        format!("http://{}", url.strip_prefix("ws://")?)
    };
    base.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_approved_in_the_last_second_is_waited_for() {
        let codes = Codes {
            device_code: BearerToken::from("secret".to_owned()),
            user_code: "WDJB-MJHT".to_owned(),
            verification_uri: "https://hub.example".to_owned(),
            expires_in: 600,
            interval: 5,
        };
        assert_eq!(patience(&codes), Duration::from_mins(12));
    }

    #[test]
    fn the_hub_is_where_its_channel_is() {
        let found = |url| base(url).map(|base| base.to_string());
        let channel = "wss://hub.example/v1/satellites/connect";
        assert_eq!(found(channel).as_deref(), Some("https://hub.example"));
        let channel = "ws://127.0.0.1:9000/prefix/v1/satellites/connect";
        assert_eq!(found(channel).as_deref(), Some("http://127.0.0.1:9000/prefix"));
        for wrong in [
            "https://hub.example",
            "wss://hub.example",
            "wss:///v1/satellites/connect",
        ] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }
}
