//! `POST /v1/agents/{agent_id}/observations`

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    http::{
        caller::{May, perm},
        extract::Json,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::{DeviceId, SpaceId},
    recognition::{
        Modality, Observation,
        observe::{Sighting, observe},
        vector::Vector,
    },
    telemetry::metric,
};

/// Something that a worker saw or heard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendObservationRequest {
    /// Of what.
    modality: Modality,
    /// What your model makes of it: 256 numbers of a voice, 512 of a face. It is compared, and not kept.
    #[schema(value_type = Vec<f64>)]
    vector: Vec<f64>,
    /// What made it: it is compared with prints of the same model only.
    #[schema(example = "speaker-net-2")]
    model: String,
    /// Where it was seen or heard.
    space_id: SpaceId,
    /// The device in that space that saw or heard it. Without it, consents for one device do not count.
    device_id: Option<DeviceId>,
    /// When it was, within five minutes of now.
    occurred_at: Option<DateTime>,
}

/// Send what a worker saw or heard, to be compared with the prints of those who allow it there and now.
///
/// Where it is near one person's, there is a hypothesis; else nothing is kept. Sending it again is harmless.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/observations", operation_id = "send_observation", tag = "recognition",
    params(AgentPath), request_body = SendObservationRequest,
    responses((status = OK, description = "What became of it", body = Observation)))]
pub(super) async fn send_observation(
    may: May<perm::RecognitionObserve>,
    State(hub): State<Hub>,
    Json(body): Json<SendObservationRequest>,
) -> Result<Json<Observation>, Failed> {
    let seen = Sighting {
        vector: Vector::read(body.modality, &body.vector)?,
        model: body.model,
        space: body.space_id,
        device: body.device_id,
        occurred_at: body.occurred_at,
    };
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let observed = observe(&mut tx, &hub.config.recognition, seen).await?;
    tx.commit().await?;
    let (modality, outcome) = (body.modality.as_str(), observed.outcome.as_str());
    metrics::counter!(metric::OBSERVATIONS, "modality" => modality, "outcome" => outcome).increment(1);
    Ok(Json(observed))
}
