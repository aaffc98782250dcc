//! Tokens of issuers: from what somebody sends to whom the issuer says they are.

use jsonwebtoken::{Algorithm, Validation, dangerous::insecure_decode_claims, decode, decode_header};
use serde::Deserialize;

use super::issued::{Claims, Issued, check};
use crate::{
    adapters::issuers::{Issuer, NoKey},
    error::{Error, Result},
    hub::Hub,
};

/// Bytes of a token at most: issuers' ones have a few thousand at most.
const MAX_TOKEN: usize = 8 * 1024;
/// Characters of a key's id at most.
const MAX_KEY_ID: usize = 300;

const NOT_ITS: Error = Error::Unauthenticated("the token is not one that its issuer signed for this hub");

/// What is read before anything is proved: whose keys to ask.
#[derive(Deserialize)]
struct Whose {
    iss: String,
}

/// Whom a token is about; none where no issuer is named that is configured.
pub async fn verify(hub: &Hub, token: &str) -> Result<Option<Issued>> {
    let Some(issuer) = named(hub, token) else {
        return Ok(None);
    };
    let header = decode_header(token).map_err(|_| NOT_ITS)?;
    // What is pinned here never comes from the token: its key says by which of the two it is verified.
    let is_ours = matches!(header.alg, Algorithm::RS256 | Algorithm::ES256);
    let id = header
        .kid
        .filter(|id| is_ours && id.len() <= MAX_KEY_ID)
        .ok_or(NOT_ITS)?;
    let now = hub.clock.now();
    let found = issuer.key(&id, now).await.map_err(|why| match why {
        NoKey::Unknown => {
            Error::Unauthenticated("the token is signed with a key that its issuer does not have")
        }
        NoKey::Away { retry_after } => Error::Full {
            what: "a key of the token's issuer",
            retry_after,
        },
    })?;
    let mut rules = Validation::new(found.algorithm);
    // Time is the hub's, and whom it is for is another word with Cognito: both are checked below.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = decode::<Claims>(token, &found.key, &rules)
        .map_err(|_| NOT_ITS)?
        .claims;
    let config = issuer.config();
    check(claims, &config.url, &config.audiences, now)
        .map(Some)
        .map_err(Error::Unauthenticated)
}

fn named<'a>(hub: &'a Hub, token: &str) -> Option<&'a Issuer> {
    hub.issuers.iter().next()?;
    let whose: Whose = (token.len() <= MAX_TOKEN)
        .then(|| insecure_decode_claims(token).ok())
        .flatten()?;
    hub.issuers.find(&whose.iss)
}
