//! `POST /v1/agents/{agent_id}/hypotheses/{hypothesis_id}/reject`

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
    recognition::{Hypothesis, reject::reject},
};

/// Reject that it is them: about yourself, or as owner or admin about anybody. For a while they are not suggested there again.
///
/// One that was confirmed can be rejected, too: then they are not present. Again changes nothing.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/hypotheses/{hypothesis_id}/reject", operation_id = "reject_hypothesis",
    tag = "recognition", params(AgentPath, HypothesisPath),
    responses((status = OK, description = "Rejected", body = Hypothesis)))]
pub(super) async fn reject_hypothesis(
    may: May<perm::RecognitionDecide>,
    State(hub): State<Hub>,
    Path(path): Path<HypothesisPath>,
) -> Result<Json<Hypothesis>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let decided = reject(&mut tx, &may.caller, path.hypothesis_id).await?;
    tx.commit().await?;
    Ok(Json(decided))
}
