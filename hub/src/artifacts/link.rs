//! Links that the hub signs to the bytes of one artifact, for the store that is a directory. A link is good for one purpose and
//! a short time, and the row is read each time one is used: what was deleted is gone, whatever link there is.

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    clock::DateTime,
    error::{Error, Result},
    identity::tokens::{ISSUER, TokenKeys},
    ids::{AgentId, ArtifactId},
};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To send the bytes.
    Upload,
    /// To read them.
    Download,
}

/// The artifact of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub agent: AgentId,
    /// Which.
    pub artifact: ArtifactId,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: ArtifactId,
    agent: AgentId,
    exp: i64,
}

impl Purpose {
    const fn audience(self) -> &'static str {
        match self {
            Self::Upload => "artifact upload",
            Self::Download => "artifact download",
        }
    }
}

impl Link {
    /// The link as a path of the hub.
    pub fn sign(self, keys: &TokenKeys, purpose: Purpose, now: DateTime, life: TimeDelta) -> Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: purpose.audience().to_owned(),
            sub: self.artifact,
            agent: self.agent,
            exp: (now + life).timestamp(),
        };
        let token = keys.sign_for(&claims)?;
        Ok(format!("/v1/artifact-bytes/{}", token.expose_secret()))
    }

    /// Reads the last part of such a path.
    pub fn verify(keys: &TokenKeys, purpose: Purpose, token: &str, now: DateTime) -> Result<Self> {
        let claims: Claims = keys
            .verify_for(token, purpose.audience())
            .ok_or(Error::Unauthenticated(
                "the link is not one that this hub signed for this",
            ))?;
        if claims.exp <= now.timestamp() {
            return Err(Error::Unauthenticated("the link has expired: ask for a new one"));
        }
        Ok(Self {
            agent: claims.agent,
            artifact: claims.sub,
        })
    }
}
