//! The device polls, and comes for its credential.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{GRACE, PairingState, Polling};
use crate::{
    audit::record::Record,
    devices::Device,
    error::{Error, Result},
    hub::Hub,
    identity::{Actor, ActorKind, Origin, attempt::refused, credentials::DEVICE_PREFIX, throttle::Secret},
    ids::{AgentId, DeviceId, TokenId},
    secret,
    storage::TxScope,
};

/// What a poll is answered.
#[derive(Debug)]
pub enum Polled {
    /// Nobody has decided yet.
    Pending,
    /// It came too soon: wait five seconds longer from now on.
    TooSoon,
    /// A person said no, or the device was revoked before it came.
    Denied,
    /// The time is over.
    Expired,
    /// Nobody knows the code, or what it was for has been collected.
    Unknown,
    /// Here it is.
    Collected(Box<Collected>),
}

/// A device and its credential.
#[derive(Debug)]
pub struct Collected {
    /// The agent.
    pub agent: AgentId,
    /// The device.
    pub device: Device,
    /// Its credential.
    pub token: SecretString,
}

/// Answers a poll.
pub async fn collect(hub: &Hub, device_code: &SecretString, from: &Origin) -> Result<Polled> {
    let hash = secret::hash(device_code);
    let mut tx = hub.db.begin_system().await?;
    let Some(found) = tx.pairings().lock_polled(&hash).await? else {
        drop(tx);
        return match refused(hub, Secret::DeviceCode, from, UNKNOWN).await {
            Error::NotFound { .. } => Ok(Polled::Unknown),
            other => Err(other),
        };
    };
    let now = tx.now();
    match found.state {
        PairingState::Rejected => Ok(Polled::Denied),
        PairingState::Expired => Ok(Polled::Expired),
        PairingState::Waiting | PairingState::Approved if now >= found.expires_at => Ok(Polled::Expired),
        PairingState::Waiting => {
            let slower = found.slowed(now);
            let interval_s = slower.unwrap_or(found.interval_s);
            tx.pairings().polled(found.id, interval_s).await?;
            tx.commit_lazily().await?;
            Ok(if slower.is_some() {
                Polled::TooSoon
            } else {
                Polled::Pending
            })
        }
        PairingState::Approved | PairingState::Collected => {
            let at = found.device;
            drop(tx);
            let (agent, device) =
                at.ok_or_else(|| Error::internal("an approved pairing without a device"))?;
            hand_over(hub, (agent, device), device_code, from).await
        }
    }
}

const UNKNOWN: Error = Error::NotFound { what: "device code" };

/// Makes the credential, or the same one again. In the agent's own unit of work, where everything is read anew.
async fn hand_over(
    hub: &Hub,
    (agent, device): (AgentId, DeviceId),
    device_code: &SecretString,
    from: &Origin,
) -> Result<Polled> {
    let actor = Actor {
        kind: ActorKind::Device,
        id: Some(device.0),
        access_token: None,
        request_id: from.request_id.clone(),
    };
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), actor).await?;
    let found = tx.pairings().lock_polled(&secret::hash(device_code)).await?;
    let Some(found) = found.filter(|found| found.device == Some((agent, device))) else {
        return Ok(Polled::Unknown);
    };
    // Locked: it is not revoked before the credential is there for that to end.
    let Some(device) = tx.devices().lock_live(device).await? else {
        return Ok(Polled::Denied);
    };
    let now = tx.now();
    let token = match (found.state, found.collected) {
        (PairingState::Approved, _) if now < found.expires_at => {
            let salt = secret::random_bytes();
            let token = credential(device_code, &salt);
            let id = TokenId::mint();
            tx.identity()
                .insert_device_token(id, device.id, &secret::hash(&token))
                .await?;
            tx.pairings().collected(found.id, &salt).await?;
            tx.record(record(&found, &device));
            token
        }
        (PairingState::Collected, Some((at, salt))) if now - at <= GRACE => {
            tx.record(record(&found, &device).with("repeated", true));
            credential(device_code, &salt)
        }
        (PairingState::Collected, _) => return Ok(Polled::Unknown),
        _ => return Ok(Polled::Expired),
    };
    tx.commit().await?;
    let collected = Collected { agent, device, token };
    Ok(Polled::Collected(Box::new(collected)))
}

fn record(found: &Polling, device: &Device) -> Record {
    Record::of("collect_credential")
        .on("device", device.id.0)
        .with("pairing_id", found.id.to_string())
}

/// Who has the device code and the salt makes it; what the database holds is not enough.
fn credential(device_code: &SecretString, salt: &[u8; 32]) -> SecretString {
    let digest = Sha256::new()
        .chain_update(b"hub device credential\n")
        .chain_update(salt)
        .chain_update(device_code.expose_secret())
        .finalize();
    SecretString::from(format!(
        "{DEVICE_PREFIX}_{}",
        BASE64_URL_SAFE_NO_PAD.encode(digest)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_the_same_by_the_same_code_and_salt_only() {
        let (one, other) = (secret::mint("hubp"), secret::mint("hubp"));
        let made = |code, salt| credential(code, &[salt; 32]).expose_secret().to_owned();
        assert_eq!(made(&one, 1), made(&one, 1));
        assert_eq!(made(&one, 1).len(), 48);
        assert_ne!(made(&one, 1), made(&one, 2));
        assert_ne!(made(&one, 1), made(&other, 1));
    }
}
