//! Access tokens of users: short-lived JWTs signed by the hub. A token says who; what they may do is read on each request.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::SignedIn;
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{SignInId, UserId},
};

/// How long an access token is good.
pub const LIFE: chrono::Duration = chrono::Duration::minutes(15);
/// What is said of one that was good.
pub const EXPIRED: &str = "the access token has expired: refresh it or sign in again";
/// Who issues and for whom: a token of another issuer or for another purpose is none.
pub const ISSUER: &str = "hub";

/// The keys that sign and verify.
#[derive(Clone)]
pub struct TokenKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
}

impl TokenKeys {
    /// From the private key in PKCS #8 and the raw public key.
    #[must_use]
    pub fn new(pkcs8: &[u8], public: &[u8; 32]) -> Self {
        Self {
            encoding: EncodingKey::from_ed_der(pkcs8),
            decoding: DecodingKey::from_ed_der(public),
        }
    }

    /// Signs a token for a sign-in.
    pub fn sign(&self, who: &SignedIn, now: DateTime) -> Result<SecretString> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: who.user.0,
            sid: who.sign_in.0,
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        };
        let token = encode(&Header::new(Algorithm::EdDSA), &claims, &self.encoding);
        token
            .map(SecretString::from)
            .map_err(|error| Error::because("a token could not be signed", error))
    }

    /// Signs claims of another kind: their `aud` is a purpose, so that none passes for an access token.
    pub fn sign_for<T: Serialize>(&self, claims: &T) -> Result<SecretString> {
        let token = encode(&Header::new(Algorithm::EdDSA), claims, &self.encoding);
        token
            .map(SecretString::from)
            .map_err(|error| Error::because("a link could not be signed", error))
    }

    /// Reads claims that were signed for a purpose; none where they were not. Whether they have expired is for the caller.
    #[must_use]
    pub fn verify_for<T: DeserializeOwned>(&self, token: &str, purpose: &str) -> Option<T> {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[purpose]);
        rules.validate_exp = false;
        let read = decode::<T>(token, &self.decoding, &rules).ok()?;
        Some(read.claims)
    }

    /// Reads a token. The algorithm is pinned; time is the hub's.
    pub fn verify(&self, token: &str, now: DateTime) -> Result<SignedIn> {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[ISSUER]);
        rules.validate_exp = false;
        let claims = decode::<Claims>(token, &self.decoding, &rules)
            .map_err(|_| Error::Unauthenticated("the access token is not one of this hub"))?
            .claims;
        if claims.exp <= now.timestamp() {
            return Err(Error::Unauthenticated(EXPIRED));
        }
        Ok(SignedIn {
            user: UserId(claims.sub),
            sign_in: SignInId(claims.sid),
        })
    }
}
