//! `POST /v1/agents/{agent_id}/people/{person_id}/consents`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PersonPath;
use crate::{
    clock::DateTime,
    consents::{
        Consent, ConsentPurpose,
        grant::{NewGrant, grant},
        whose::Whose,
    },
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::{DeviceId, SpaceId},
};

/// What is allowed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantConsentRequest {
    /// What for.
    purpose: ConsentPurpose,
    /// In this space only; in all if not said.
    space_id: Option<SpaceId>,
    /// By this device only; by all if not said.
    device_id: Option<DeviceId>,
    /// From when, within a year of now; from now on if not said.
    starts_at: Option<DateTime>,
    /// Until when, within ten years; until it is withdrawn if not said.
    expires_at: Option<DateTime>,
    /// How they said so, at most 500 characters. Needed for somebody without a login.
    #[schema(example = "said so at dinner")]
    evidence: Option<String>,
}

/// Grant a consent: for yourself, or as owner or admin for somebody without a login who said so.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/people/{person_id}/consents", operation_id = "grant_consent",
    tag = "consents",
    params(AgentPath, PersonPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = GrantConsentRequest,
    responses((status = CREATED, description = "Granted", body = Consent)))]
pub(super) async fn grant_consent(
    may: May<perm::ConsentsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    key: Key,
    Json(body): Json<GrantConsentRequest>,
) -> Result<Answer, Failed> {
    let whose = path.whose()?;
    let about = match whose {
        Whose::Own => may.caller.person(),
        Whose::Of(person) => Some(person),
    };
    let once = key.once(&may.caller, "grant_consent", StatusCode::CREATED, &(about, &body))?;
    let new = NewGrant {
        purpose: body.purpose,
        space: body.space_id,
        device: body.device_id,
        starts_at: body.starts_at,
        expires_at: body.expires_at,
        evidence: body.evidence,
    };
    let granted = once.run(&hub, async |tx| grant(tx, &may.caller, whose, new).await);
    Ok(granted.await?)
}
