//! Who sends a one-time code: by name and password, or by an access token in the header, of the hub or of an issuer.

use axum::http::{HeaderMap, header};
use secrecy::SecretString;

use super::caller::bearer;
use crate::{
    error::{Error, Result},
    events::payload::check_name,
    hub::Hub,
    identity::{
        Origin,
        authorize::SIGNED_IN_ONLY,
        credentials::{Proven, authenticate},
        newcomer::{Arriving, Newcomer},
    },
};

/// Characters of a login name at most.
const MAX_NAME: usize = 100;

/// What the body says of who comes.
pub(super) struct Said {
    pub(super) name: Option<String>,
    pub(super) password: Option<SecretString>,
}

/// Who comes.
pub(super) async fn arriving(hub: &Hub, headers: &HeaderMap, from: Origin, said: Said) -> Result<Arriving> {
    if let Some(name) = &said.name {
        check_name(name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    }
    match (said.name, said.password) {
        (Some(name), Some(password)) => Ok(Newcomer { name, password, from }.into()),
        (None, Some(_)) => Err(Error::invalid("/name", "is missing beside the password")),
        (Some(_), None) if !headers.contains_key(header::AUTHORIZATION) => {
            Err(Error::invalid("/password", "is missing beside the name"))
        }
        (name, None) => by_token(hub, &bearer(headers)?, from, name).await,
    }
}

async fn by_token(hub: &Hub, token: &SecretString, from: Origin, name: Option<String>) -> Result<Arriving> {
    match (authenticate(hub, token, from.request_id.as_deref()).await?, name) {
        (Proven::User(who), None) => Ok(Arriving::Known(who.user, from)),
        (Proven::User(_), Some(_)) => Err(Error::invalid("/name", "is not needed: you are a user already")),
        (Proven::Stranger(issued), Some(name)) => Ok(Arriving::Vouched(issued, name, from)),
        (Proven::Stranger(_), None) => Err(Error::invalid(
            "/name",
            "is missing: choose the login name that you will have here",
        )),
        (Proven::Device(_) | Proven::Token(_), _) => Err(SIGNED_IN_ONLY),
    }
}
