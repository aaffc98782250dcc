//! `GET /v1/me`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::Error,
    http::{caller::User, extract::Json, problem::Failed},
    hub::Hub,
    identity::Role,
    ids::{AgentId, UserId},
};

/// The user who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// Their id.
    user_id: UserId,
    /// Their login name.
    name: String,
    /// The agents they belong to.
    agents: Vec<MyAgent>,
}

/// An agent, with one's role in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MyAgent {
    /// Its id.
    id: AgentId,
    /// Its name.
    name: String,
    /// One's role.
    role: Role,
}

/// Who am I, and which agents do I belong to?
#[utoipa::path(get, path = "/v1/me", operation_id = "get_me", tag = "identity",
    responses((status = OK, description = "You", body = Me)))]
pub(super) async fn get_me(State(hub): State<Hub>, user: User) -> Result<Json<Me>, Failed> {
    let mut tx = hub.db.begin_system().await?;
    let name = tx
        .identity()
        .user_name(user.who.user)
        .await?
        .ok_or(Error::NotFound { what: "user" })?;
    let agents = tx.identity().agents_of(user.who.user).await?;
    let agents = agents
        .into_iter()
        .map(|(id, name, role)| MyAgent { id, name, role })
        .collect();
    Ok(Json(Me {
        user_id: user.who.user,
        name,
        agents,
    }))
}
