//! Who else vouches for people: issuers of OIDC, such as Cognito.

use std::{collections::BTreeSet, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{ConfigError, between, within};

/// Issuers at most.
const MOST: usize = 10;
/// Audiences of one at most.
const MOST_AUDIENCES: usize = 20;
/// Characters of a URL or an audience at most.
const LONGEST: usize = 300;

/// The section `identity`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// The issuers whose tokens are believed beside the hub's own.
    pub issuers: Vec<IssuerConfig>,
    /// Certificates in PEM of those who vouch for the issuers, besides the ones that this machine trusts. Empty: nobody else.
    pub ca_file: PathBuf,
    /// How long reading an issuer's keys may take, in milliseconds.
    pub issuer_timeout_ms: u64,
}

/// One issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// What the operator calls it.
    pub name: String,
    /// Its URL, as it stands in `iss` of its tokens.
    pub url: String,
    /// For whom its tokens must be: `aud`, or the client ids of Cognito.
    pub audiences: Vec<String>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            ca_file: PathBuf::new(),
            issuer_timeout_ms: 5_000,
        }
    }
}

impl IdentityConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let issuers = &self.issuers;
        within(issuers.len() <= MOST, "identity.issuers", "must be at most 10")?;
        within(
            issuers.iter().all(|issuer| is_name(&issuer.name)),
            "identity.issuers",
            "must each have a name of 1 to 40 small letters, digits, - or _",
        )?;
        within(
            issuers.iter().all(|issuer| is_url(&issuer.url)),
            "identity.issuers",
            "must each have a url like https://issuer.example, as it stands in the tokens (http only for this machine)",
        )?;
        within(
            issuers.iter().all(|issuer| are_audiences(&issuer.audiences)),
            "identity.issuers",
            "must each have 1 to 20 audiences: who the tokens are for, such as Cognito's client ids",
        )?;
        let differ = |of: fn(&IssuerConfig) -> &str| {
            let all: BTreeSet<&str> = issuers.iter().map(of).collect();
            all.len() == issuers.len()
        };
        within(
            differ(|issuer| &issuer.name) && differ(|issuer| &issuer.url),
            "identity.issuers",
            "must each have a name and a url of their own",
        )?;
        between(self.issuer_timeout_ms, 100..=15_000, "identity.issuer_timeout_ms")
    }
}

/// Whether keys may be read there: nobody on the way can put others in their place.
#[must_use]
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let is_here = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    }
}

fn is_url(url: &str) -> bool {
    let is_bare = !url.contains(['?', '#', '@']);
    url.len() <= LONGEST && is_bare && is_safe(url)
}

fn is_name(name: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (1..=40).contains(&name.len()) && name.bytes().all(is_sign)
}

fn are_audiences(audiences: &[String]) -> bool {
    let is_one =
        |text: &String| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    (1..=MOST_AUDIENCES).contains(&audiences.len()) && audiences.iter().all(is_one)
}
