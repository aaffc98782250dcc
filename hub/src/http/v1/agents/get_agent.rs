//! `GET /v1/agents/{agent_id}`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::Result,
    http::{
        caller::{May, perm},
        extract::Json,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::AgentId,
    storage::Tx,
    turns::WhenModelDown,
};

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    /// Its id.
    id: AgentId,
    /// Its name.
    name: String,
    /// What thinks for it.
    runtime: String,
    /// IANA.
    time_zone: String,
    /// BCP 47.
    language: String,
    /// What happens to its turns while its model is away: as its owner chose, else as the hub is configured.
    when_model_down: WhenModelDown,
}

impl Agent {
    /// The agent of a unit of work.
    pub(super) async fn read(hub: &Hub, tx: &mut Tx) -> Result<Self> {
        let brief = tx.identity().agent_brief().await?;
        let chosen = brief.when_model_down;
        Ok(Self {
            id: tx.agent(),
            name: brief.name,
            runtime: hub.runtime.name().to_owned(),
            time_zone: brief.time_zone,
            language: brief.language,
            when_model_down: chosen.unwrap_or(hub.config.model.when_down),
        })
    }
}

/// Get an agent.
#[utoipa::path(get, path = "/v1/agents/{agent_id}", operation_id = "get_agent", tag = "agents", params(AgentPath),
    responses((status = OK, description = "The agent", body = Agent)))]
pub(super) async fn get_agent(
    may: May<perm::AgentsRead>,
    State(hub): State<Hub>,
) -> Result<Json<Agent>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    Ok(Json(Agent::read(&hub, &mut tx).await?))
}
