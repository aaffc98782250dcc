//! `POST /v1/pairings`

use axum::{
    extract::State,
    http::{HeaderMap, header},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    PAGE,
    oauth::{Form, FormOrJson},
};
use crate::{
    http::{extract::Json, problem::Failed},
    hub::Hub,
    identity::Origin,
    pairings::{Asked, start::start},
    secret::show_user_code,
};

/// What a device says of itself. Nobody has checked it; a person judges.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartPairingRequest {
    /// The program that runs on the device, 1 to 100 characters.
    #[schema(example = "hub satellite")]
    client_id: String,
    /// The program's version.
    client_version: Option<String>,
    /// The scopes that it would like to have, with spaces between.
    #[schema(example = "events:write commands:receive")]
    scope: Option<String>,
    /// What it would like to be called.
    #[schema(example = "hall")]
    name: Option<String>,
    /// The command kinds that it can carry out, at most 64. Not in a form.
    #[serde(default)]
    capabilities: Vec<String>,
}

impl Form for StartPairingRequest {
    const PARAMETERS: &[&str] = &["client_id", "client_version", "scope", "name"];
}

/// The codes of a pairing (RFC 8628, 3.2).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StartedPairing {
    /// A secret, to poll with.
    device_code: String,
    /// To be shown to the person.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    /// Where the person reads what to do with it.
    verification_uri: String,
    /// Seconds that both codes are good for.
    expires_in: i64,
    /// Seconds to wait between polls.
    interval: i32,
}

/// Ask for a credential as a device that has none (RFC 8628, 3.1). A person approves it; poll `/v1/pairings/token` meanwhile.
#[utoipa::path(post, path = "/v1/pairings", operation_id = "start_pairing", tag = "pairings",
    request_body(content((StartPairingRequest = "application/json"),
        (StartPairingRequest = "application/x-www-form-urlencoded"))),
    responses((status = OK, description = "The codes", body = StartedPairing)))]
pub(super) async fn start_pairing(
    State(hub): State<Hub>,
    from: Origin,
    headers: HeaderMap,
    FormOrJson(body): FormOrJson<StartPairingRequest>,
) -> Result<Json<StartedPairing>, Failed> {
    let scopes = body.scope.unwrap_or_default();
    let asked = Asked {
        name: body.name,
        software: body.client_id,
        version: body.client_version,
        capabilities: body.capabilities,
        scopes: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
    };
    let started = start(&hub, asked, &from).await?;
    Ok(Json(StartedPairing {
        device_code: started.device_code.expose_secret().to_owned(),
        user_code: show_user_code(&started.user_code),
        verification_uri: verification_uri(&hub, &headers),
        expires_in: started.life.num_seconds(),
        interval: started.interval_s,
    }))
}

/// At the address that people know the hub by; else at the one that the device asked.
fn verification_uri(hub: &Hub, headers: &HeaderMap) -> String {
    let public = hub.config.http.public_url.trim_end_matches('/');
    if !public.is_empty() {
        return format!("{public}{PAGE}");
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let listen = hub.config.http.listen.to_string();
    format!("http://{}{PAGE}", host.unwrap_or(&listen))
}
