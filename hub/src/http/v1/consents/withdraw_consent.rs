//! `POST /v1/agents/{agent_id}/people/{person_id}/consents/withdraw`

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::PersonPath;
use crate::{
    consents::{
        Consent, ConsentPurpose,
        withdraw::{Withdrawn, withdraw},
    },
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::ConsentId,
    storage::TxScope,
};

/// What is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WithdrawConsentRequest {
    /// What for. Without `consent_id` all of it is withdrawn; for `memory` also what needs no grant: nothing that they say is
    /// remembered from then on.
    purpose: ConsentPurpose,
    /// Only this grant: of this person, or of somebody who was merged into them.
    consent_id: Option<ConsentId>,
}

/// Withdraw a consent: all of a purpose, or one grant. It counts at once. What was remembered by the grants that it takes back is
/// forgotten with it, whosever memory it is, as `GET …/erasures` says to whoever could see it; what was said stays where it was said.
///
/// For yourself, or as owner or admin for somebody who has no login here, left or is blocked, and said so. What was withdrawn before is
/// answered as it was then.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/people/{person_id}/consents/withdraw",
    operation_id = "withdraw_consent", tag = "consents", params(AgentPath, PersonPath),
    request_body = WithdrawConsentRequest,
    responses((status = OK, description = "The withdrawal, as it stands in the history", body = Consent)))]
pub(super) async fn withdraw_consent(
    may: May<perm::ConsentsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    Json(body): Json<WithdrawConsentRequest>,
) -> Result<Json<Consent>, Failed> {
    let what = Withdrawn {
        purpose: body.purpose,
        grant: body.consent_id,
    };
    // What was remembered by it is forgotten whosever it is; the answer is the row of the history, and tells nothing of that.
    let scope = TxScope::WholeAgent(may.caller.agent);
    let mut tx = hub.db.begin(scope, may.caller.actor()).await?;
    let withdrawal = withdraw(&mut tx, &may.caller, path.whose()?, what).await?;
    tx.commit().await?;
    Ok(Json(withdrawal))
}
