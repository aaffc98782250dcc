//! `POST /v1/pairings/token`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::oauth::{Form, FormOrJson, OauthError};
use crate::{
    http::{extract::Json, problem::Failed},
    hub::Hub,
    identity::Origin,
    ids::{AgentId, DeviceId},
    pairings::collect::{Collected, Polled, collect},
};

/// The grant of RFC 8628, 3.4.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The device code, once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PollPairingRequest {
    /// `urn:ietf:params:oauth:grant-type:device_code`
    #[schema(example = "urn:ietf:params:oauth:grant-type:device_code")]
    grant_type: String,
    /// As it was given.
    #[schema(value_type = String)]
    device_code: SecretString,
}

impl Form for PollPairingRequest {
    const PARAMETERS: &[&str] = &["grant_type", "device_code"];
}

/// The credential of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PairedDevice {
    /// The credential. It does not expire by itself.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// The scopes that it has, with spaces between.
    scope: String,
    /// The agent that the device belongs to now.
    agent_id: AgentId,
    /// The device.
    device_id: DeviceId,
    /// What people call it.
    name: String,
}

impl From<Collected> for PairedDevice {
    fn from(collected: Collected) -> Self {
        Self {
            access_token: collected.token.expose_secret().to_owned(),
            token_type: "Bearer",
            scope: collected.device.scopes.join(" "),
            agent_id: collected.agent,
            device_id: collected.device.id,
            name: collected.device.name,
        }
    }
}

/// Come for the credential (RFC 8628, 3.4): `authorization_pending` until a person has decided, `slow_down` when asked too often.
/// An answer that was lost can be asked for again within three minutes; after that the code is worth nothing.
#[utoipa::path(post, path = "/v1/pairings/token", operation_id = "poll_pairing", tag = "pairings",
    request_body(content((PollPairingRequest = "application/json"),
        (PollPairingRequest = "application/x-www-form-urlencoded"))),
    responses((status = OK, description = "The credential", body = PairedDevice),
        (status = BAD_REQUEST, description = "Not yet, or not at all", body = OauthError)))]
pub(super) async fn poll_pairing(
    State(hub): State<Hub>,
    from: Origin,
    FormOrJson(body): FormOrJson<PollPairingRequest>,
) -> Result<Response, Failed> {
    if body.grant_type != GRANT {
        let refused = OauthError::new("unsupported_grant_type", "send the grant type of RFC 8628, 3.4");
        return Ok(refused.into_response());
    }
    let refused = match collect(&hub, &body.device_code, &from).await? {
        Polled::Collected(collected) => return Ok(Json(PairedDevice::from(*collected)).into_response()),
        Polled::Pending => OauthError::new("authorization_pending", "nobody has decided yet"),
        Polled::TooSoon => OauthError::new("slow_down", "wait 5 seconds longer between polls from now on"),
        Polled::Denied => OauthError::new("access_denied", "a person said no"),
        Polled::Expired => OauthError::new("expired_token", "the code has expired: start again"),
        Polled::Unknown => OauthError::new("invalid_grant", "the code is not known, or was used"),
    };
    Ok(refused.into_response())
}
