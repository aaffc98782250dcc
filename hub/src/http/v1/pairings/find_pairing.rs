//! `POST /v1/agents/{agent_id}/pairings/find`

use axum::extract::State;

use super::UserCodeRequest;
use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::Origin,
    pairings::{Pairing, find::find},
};

/// Look at the device that shows a code: what it says of itself, and where it asked from. After too many codes that were wrong:
/// 429. It is a POST so that codes do not end in the logs of proxies.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/pairings/find", operation_id = "find_pairing", tag = "pairings",
    params(AgentPath), request_body = UserCodeRequest,
    responses((status = OK, description = "Who asks", body = Pairing)))]
pub(super) async fn find_pairing(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    from: Origin,
    Json(body): Json<UserCodeRequest>,
) -> Result<Json<Pairing>, Failed> {
    Ok(Json(find(&hub, &may.caller, &body.user_code, &from).await?))
}
