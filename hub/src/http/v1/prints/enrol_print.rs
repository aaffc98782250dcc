//! `POST /v1/agents/{agent_id}/people/{person_id}/prints`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::{AgentPath, consents::PersonPath},
    },
    hub::Hub,
    ids::{DeviceId, SpaceId},
    recognition::{
        Modality, Print,
        enrol::{Enrolment, enrol},
        vector::Vector,
    },
};

/// A voice or a face to know somebody by.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnrolPrintRequest {
    /// Of what.
    modality: Modality,
    /// What your model makes of it: 256 numbers of a voice, 512 of a face. The hub gives it the length 1, and never gives it out.
    #[schema(value_type = Vec<f64>)]
    vector: Vec<f64>,
    /// What made it, at most 200 characters: only vectors of one model are compared.
    #[schema(example = "speaker-net-2")]
    model: String,
    /// Where it was taken; elsewhere if not said. The grant has to be good there.
    space_id: Option<SpaceId>,
    /// The device in that space that took it. The grant has to be good for it.
    device_id: Option<DeviceId>,
}

/// Enrol somebody's voice or face, as owner or admin: yourself, or anybody who allows it.
///
/// Their own consent for `voice` or `face` has to be in force. Who was forgotten or has left is refused. The same vector again is the same print.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/people/{person_id}/prints", operation_id = "enrol_print",
    tag = "recognition", params(AgentPath, PersonPath), request_body = EnrolPrintRequest,
    responses((status = CREATED, description = "The print, without its vector", body = Print)))]
pub(super) async fn enrol_print(
    may: May<perm::RecognitionEnrol>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    Json(body): Json<EnrolPrintRequest>,
) -> Result<(StatusCode, Json<Print>), Failed> {
    let new = Enrolment {
        vector: Vector::read(body.modality, &body.vector)?,
        model: body.model,
        space: body.space_id,
        device: body.device_id,
    };
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let print = enrol(&mut tx, &may.caller, path.whose()?, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(print)))
}
