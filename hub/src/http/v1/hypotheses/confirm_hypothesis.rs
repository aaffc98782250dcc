//! `POST /v1/agents/{agent_id}/hypotheses/{hypothesis_id}/confirm`

use axum::extract::State;

use super::HypothesisPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    recognition::{Hypothesis, confirm::confirm},
};

/// Confirm that it is them: about yourself, or as owner or admin about anybody. Then they are present.
///
/// Refused when they were not seen for a while, do not allow it any more, or the space is private. Again changes nothing.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/hypotheses/{hypothesis_id}/confirm", operation_id = "confirm_hypothesis",
    tag = "recognition", params(AgentPath, HypothesisPath),
    responses((status = OK, description = "Confirmed", body = Hypothesis)))]
pub(super) async fn confirm_hypothesis(
    may: May<perm::RecognitionDecide>,
    State(hub): State<Hub>,
    Path(path): Path<HypothesisPath>,
) -> Result<Json<Hypothesis>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let decided = confirm(&mut tx, &hub.config.recognition, &may.caller, path.hypothesis_id).await?;
    tx.commit().await?;
    Ok(Json(decided))
}
