//! `/v1/agents/{agent_id}/hypotheses`

mod confirm_hypothesis;
mod list_hypotheses;
mod reject_hypothesis;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::HypothesisId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_hypotheses::list_hypotheses))
        .routes(routes!(confirm_hypothesis::confirm_hypothesis))
        .routes(routes!(reject_hypothesis::reject_hypothesis))
}

/// The hypothesis of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct HypothesisPath {
    /// The hypothesis.
    hypothesis_id: HypothesisId,
}
