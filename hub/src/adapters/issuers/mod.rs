//! Issuers of OIDC, and the keys that they sign with: read where their discovery document says, kept for a while, and
//! read again when one is missing, at most once a minute.
//!
//! An issuer that is away changes nothing for the keys that are known, for a day (`KEEP`). A key that the issuer takes back is
//! refused after at most ten minutes (`STALE_AFTER`).

mod fetch;
mod ring;

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex as Turn;

pub use self::fetch::IssuerError;
use self::ring::{Found, Ring};
use crate::{
    adapters::models::account,
    clock::DateTime,
    config::{Config, ConfigError, IssuerConfig},
};

/// When to come again while somebody asks.
const AGAIN: Duration = Duration::from_secs(1);

/// The issuers that are configured.
#[derive(Default)]
pub struct Issuers(Vec<Issuer>);

/// One issuer.
pub struct Issuer {
    config: IssuerConfig,
    http: reqwest::Client,
    within: Duration,
    ring: Mutex<Ring>,
    /// One reads the keys at a time.
    looking: Turn<()>,
}

/// A key, and the one algorithm that it is for.
#[derive(Clone)]
pub struct IssuerKey {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: DecodingKey,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer has none of this id.
    Unknown,
    /// It cannot be known now: the issuer is away.
    Away {
        /// When to come again.
        retry_after: Duration,
    },
}

impl Issuers {
    /// Those of a configuration. Nothing is asked yet; certificates that cannot be used are refused.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let identity = &config.identity;
        if identity.issuers.is_empty() {
            return Ok(Self::default());
        }
        let within = Duration::from_millis(identity.issuer_timeout_ms);
        let http = account::http(within, &identity.ca_file, "identity.ca_file")?;
        let issuer = |config: &IssuerConfig| Issuer {
            config: config.clone(),
            http: http.clone(),
            within,
            ring: Mutex::default(),
            looking: Turn::default(),
        };
        Ok(Self(identity.issuers.iter().map(issuer).collect()))
    }

    /// The one of a URL.
    #[must_use]
    pub fn find(&self, url: &str) -> Option<&Issuer> {
        self.0.iter().find(|issuer| issuer.config.url == url)
    }

    /// Each of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.0.iter()
    }
}

impl Issuer {
    /// What was configured of it.
    #[must_use]
    pub const fn config(&self) -> &IssuerConfig {
        &self.config
    }

    /// The key of an id.
    pub async fn key(&self, id: &str, now: DateTime) -> Result<IssuerKey, NoKey> {
        let found = self.ring().find(id, now);
        match found {
            Found::Key(key) => return Ok(key),
            Found::Stale(key) => {
                // One request looks; the others go on with what is known.
                let Ok(_turn) = self.looking.try_lock() else {
                    return Ok(key);
                };
                self.ring().settles();
                self.look(now).await;
            }
            Found::Look => {
                let _turn = self.looking.lock().await;
                self.ring().settles();
                // Somebody may have looked meanwhile.
                if matches!(self.ring().find(id, now), Found::Look) {
                    self.look(now).await;
                }
            }
            Found::None(why) => return Err(why),
        }
        let found = self.ring().find(id, now);
        match found {
            Found::Key(key) | Found::Stale(key) => Ok(key),
            Found::None(why) => Err(why),
            // Somebody asks again already.
            Found::Look => Err(NoKey::Away { retry_after: AGAIN }),
        }
    }

    /// Reads the keys now, without keeping them; how many there are.
    pub async fn probe(&self) -> Result<usize, IssuerError> {
        let keys = fetch::keys(&self.http, &self.config.url, self.within).await?;
        Ok(keys.len())
    }

    async fn look(&self, now: DateTime) {
        self.ring().asks(now);
        match fetch::keys(&self.http, &self.config.url, self.within).await {
            Ok(keys) => {
                if self.ring().renewed(keys, now) {
                    tracing::info!(issuer = self.config.name, "an issuer's keys can be read again");
                }
            }
            Err(error) => {
                if self.ring().failed() {
                    let error = crate::error::chain(&error);
                    tracing::warn!(
                        issuer = self.config.name,
                        error,
                        "an issuer's keys cannot be read; those that are known are good for a day"
                    );
                }
            }
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().expect("no panic while held")
    }
}
