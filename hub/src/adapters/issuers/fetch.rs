//! Reading an issuer's keys: its discovery document, then the list of keys that this names. Bounded in size and time; no redirect is
//! followed; only keys that sign with RS256 or ES256 are taken.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use reqwest::{Client, header::ACCEPT};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::timeout;

use super::IssuerKey;
use crate::{
    adapters::body::{self, Unread},
    config::is_safe_issuer_url,
    error::root,
};

/// A document at most: many times what issuers send.
const MAX_BYTES: usize = 256 * 1024;
/// Keys of one issuer at most.
const MAX_KEYS: usize = 100;
/// Bytes of an RSA modulus at least: 2048 bits.
const MIN_MODULUS: usize = 256;

/// Why an issuer's keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It does not answer.
    #[error("it is not reachable: {0}")]
    Away(String),
    /// It answers something else.
    #[error("{0}")]
    Malformed(String),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<Value>,
}

/// The keys of the issuer at a URL, by their ids.
pub(super) async fn keys(
    http: &Client,
    issuer: &str,
    within: Duration,
) -> Result<HashMap<String, IssuerKey>, IssuerError> {
    let read = timeout(within, read(http, issuer)).await;
    read.unwrap_or_else(|_| Err(IssuerError::Away("no answer in time".to_owned())))
}

async fn read(http: &Client, issuer: &str) -> Result<HashMap<String, IssuerKey>, IssuerError> {
    let well_known = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let found: Discovery = get(http, &well_known, "discovery document").await?;
    if found.issuer != issuer {
        return Err(malformed("its discovery document names another issuer"));
    }
    if !is_safe_issuer_url(&found.jwks_uri) {
        return Err(malformed("its keys are not at an https address"));
    }
    let listed: Listed = get(http, &found.jwks_uri, "list of keys").await?;
    if listed.keys.len() > MAX_KEYS {
        return Err(malformed("its list of keys has more than 100"));
    }
    let keys: HashMap<String, IssuerKey> = listed.keys.into_iter().filter_map(usable).collect();
    if keys.is_empty() {
        return Err(malformed("its list has no key for RS256 or ES256"));
    }
    Ok(keys)
}

async fn get<T: DeserializeOwned>(http: &Client, url: &str, what: &str) -> Result<T, IssuerError> {
    let away = |error: reqwest::Error| IssuerError::Away(root(&error));
    let sent = http.get(url).header(ACCEPT, "application/json").send();
    let mut answer = sent.await.map_err(away)?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        return Err(IssuerError::Away(format!("it answers {status} for its {what}")));
    }
    let read = body::whole(&mut answer, MAX_BYTES).await;
    let body = read.map_err(|unread| match unread {
        Unread::Broken(error) => away(error),
        Unread::TooLong => malformed(&format!("its {what} is longer than {MAX_BYTES} bytes")),
    })?;
    serde_json::from_slice(&body).map_err(|_| malformed(&format!("its {what} cannot be read")))
}

/// A key that verifies signatures by an algorithm of ours. Others are passed over: an issuer may have them for others.
fn usable(listed: Value) -> Option<(String, IssuerKey)> {
    let jwk: Jwk = serde_json::from_value(listed).ok()?;
    let common = &jwk.common;
    let is_to_sign = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let (algorithm, said) = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if is_long(&rsa.n) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let is_ours = common.key_algorithm.as_ref().is_none_or(|named| *named == said);
    let id = common.key_id.clone()?;
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (is_to_sign && is_ours).then_some((id, IssuerKey { algorithm, key }))
}

fn is_long(modulus: &str) -> bool {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(modulus);
    bytes.is_ok_and(|bytes| bytes.len() >= MIN_MODULUS)
}

fn malformed(why: &str) -> IssuerError {
    IssuerError::Malformed(why.to_owned())
}
