//! `PATCH /v1/agents/{agent_id}`

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::get_agent::Agent;
use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::update_agent::{AgentChange, update_agent as update},
    turns::WhenModelDown,
};

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateAgentRequest {
    /// What happens to its turns while its model is away.
    when_model_down: Option<WhenModelDown>,
}

/// Change an agent's settings.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}", operation_id = "update_agent", tag = "agents", params(AgentPath),
    request_body = UpdateAgentRequest, responses((status = OK, description = "The agent as it is now", body = Agent)))]
pub(super) async fn update_agent(
    may: May<perm::AgentsWrite>,
    State(hub): State<Hub>,
    Json(body): Json<UpdateAgentRequest>,
) -> Result<Json<Agent>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let change = AgentChange {
        when_model_down: body.when_model_down,
    };
    update(&mut tx, &change).await?;
    let agent = Agent::read(&hub, &mut tx).await?;
    tx.commit().await?;
    Ok(Json(agent))
}
