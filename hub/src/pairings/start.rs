//! A device without a credential asks for one.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use secrecy::SecretString;

use super::{Asked, INTERVAL_S, LIFE, MOST_WAITING};
use crate::{
    audit::record::Record,
    devices::{DEVICE_SCOPES, MAX_CAPABILITIES, MAX_KIND, is_kind},
    error::{Error, Result},
    events::payload::check_name,
    hub::Hub,
    identity::{Actor, Origin, Scope, credentials::PAIRING_PREFIX},
    ids::PairingId,
    secret,
    storage::{NewPairing, TxScope},
};

/// Characters of a name, a program or a version at most.
const MAX_NAME: usize = 100;
/// Codes that are drawn until one is free: with a thousand that wait, one in 25 million is taken.
const DRAWS: usize = 3;
/// When a full table is asked again.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// What the device is told.
#[derive(Debug)]
pub struct Started {
    /// To poll with. Shown once.
    pub device_code: SecretString,
    /// For the person.
    pub user_code: String,
    /// How long both are good.
    pub life: chrono::Duration,
    /// Seconds between polls.
    pub interval_s: i32,
}

/// Starts a pairing.
pub async fn start(hub: &Hub, asked: Asked, from: &Origin) -> Result<Started> {
    check(&asked)?;
    let counted = hub.throttle.ask_pairing(from.address, hub.clock.now());
    counted.map_err(|retry_after| Error::Throttled { retry_after })?;
    let nobody = Actor::anonymous(from.request_id.clone());
    let mut tx = hub.db.begin(TxScope::System, nobody).await?;
    let asked_from = from.address.map(|address| address.to_canonical().to_string());
    let network = from.address.map(|address| site(address).to_string());
    // Starts at once may pass it by as many as there are connections to the database.
    let mut record = Record::of("start_pairing");
    if tx.pairings().waiting().await? >= MOST_WAITING {
        let ended = tx.pairings().make_room(network.as_deref()).await?;
        let retry_after = ASK_AGAIN;
        let ended = ended.ok_or(Error::Throttled { retry_after })?;
        record = record.with("ended_pairing_id", ended.to_string());
    }
    let (id, device_code) = (PairingId::mint(), secret::mint(PAIRING_PREFIX));
    let expires_at = tx.now() + LIFE;
    let mut new = NewPairing {
        id,
        device_code: secret::hash(&device_code),
        user_code: secret::mint_user_code(),
        asked,
        asked_from,
        network,
        interval_s: INTERVAL_S,
        expires_at,
    };
    for _ in 0..DRAWS {
        if tx.pairings().insert(&new).await? {
            tx.record(record.on("pairing", id.0));
            tx.commit().await?;
            return Ok(Started {
                device_code,
                user_code: new.user_code,
                life: LIFE,
                interval_s: INTERVAL_S,
            });
        }
        new.user_code = secret::mint_user_code();
    }
    Err(Error::internal("every user code that was drawn is taken"))
}

/// Whose place it is: one customer has many IPv6 networks, and gets them by 48 bits.
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into(),
        single @ IpAddr::V4(_) => single,
    }
}

fn check(asked: &Asked) -> Result<()> {
    let named = [
        ("/name", asked.name.as_deref()),
        ("/client_id", Some(asked.software.as_str())),
        ("/client_version", asked.version.as_deref()),
    ];
    for (pointer, text) in named {
        if let Some(text) = text {
            check_name(text, MAX_NAME).map_err(|detail| Error::invalid(pointer, detail))?;
        }
    }
    if asked.capabilities.len() > MAX_CAPABILITIES {
        let detail = format!("must be at most {MAX_CAPABILITIES}");
        return Err(Error::invalid("/capabilities", detail));
    }
    if let Some(at) = asked.capabilities.iter().position(|kind| !is_kind(kind)) {
        let detail = format!("must have 1 to {MAX_KIND} visible ASCII characters");
        return Err(Error::invalid(format!("/capabilities/{at}"), detail));
    }
    let is_known = |word: &String| Scope::parse(word).is_some_and(|scope| DEVICE_SCOPES.contains(&scope));
    if asked.scopes.iter().all(is_known) {
        return Ok(());
    }
    Err(Error::invalid("/scope", "names a scope that no device can have"))
}
