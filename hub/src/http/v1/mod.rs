//! Version 1: one folder for each resource, one file for each operation.

pub mod actions;
pub mod agents;
pub mod artifacts;
pub mod claim;
pub mod commands;
pub mod consents;
pub mod delegations;
pub mod devices;
pub mod erasures;
pub mod events;
pub mod hypotheses;
pub mod invitations;
pub mod jobs;
pub mod me;
pub mod members;
pub mod memories;
pub mod messages;
pub mod observations;
pub mod pairings;
pub mod people;
pub mod presence;
pub mod prints;
pub mod sessions;
pub mod sign_in;
pub mod spaces;
pub mod tokens;
pub mod turns;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use crate::{error::Result, hub::Hub, page::PageRequest};

/// Every route of version 1.
pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .merge(claim::routes())
        .merge(sign_in::routes())
        .merge(me::routes())
        .merge(agents::routes())
        .merge(spaces::routes())
        .merge(sessions::routes())
        .merge(consents::routes())
        .merge(tokens::routes())
        .merge(delegations::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(devices::routes())
        .merge(pairings::routes())
        .merge(events::routes())
        .merge(messages::routes())
        .merge(turns::routes())
        .merge(memories::routes())
        .merge(actions::routes())
        .merge(commands::routes())
        .merge(artifacts::routes())
        .merge(erasures::routes())
        .merge(people::routes())
        .merge(prints::routes())
        .merge(observations::routes())
        .merge(hypotheses::routes())
        .merge(presence::routes())
        .merge(jobs::routes())
}

/// The agent of a path; `self` is the credential's own.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AgentPath {
    /// An agent's id, or `self` where the credential has exactly one agent.
    #[param(example = "self")]
    pub agent_id: String,
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The page that is asked for.
    pub fn request(&self) -> Result<PageRequest> {
        PageRequest::parse(self.cursor.as_deref(), self.limit)
    }
}
