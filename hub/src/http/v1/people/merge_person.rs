//! `POST /v1/agents/{agent_id}/people/{person_id}/merge`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PersonPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::PersonId,
    people::merge_person::{Merged, merge_person as merge},
    storage::TxScope,
};

/// Who they are.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergePersonRequest {
    /// The person whom both are from then on.
    into: PersonId,
}

/// Merge somebody into another: what is theirs is the other's from then on, and what they were called is another name of the other.
/// This cannot be undone.
///
/// People with a login each stay two. A login moves, and what somebody with a login has allowed changes, by their own word only. Of
/// consents neither gets more than they gave: a withdrawal of either stands, and what needs a grant has to be granted anew.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/people/{person_id}/merge", operation_id = "merge_person", tag = "people",
    params(AgentPath, PersonPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = MergePersonRequest, responses((status = OK, description = "Who both are now", body = Merged)))]
pub(super) async fn merge_person(
    may: May<perm::PeopleWrite>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    key: Key,
    Json(body): Json<MergePersonRequest>,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.person_id);
    let once = key.once(caller, "merge_person", StatusCode::OK, &(id, &body))?;
    // What is theirs alone moves, too, though whoever asks may not see it.
    let once = once.in_scope(TxScope::WholeAgent(caller.agent));
    Ok(once
        .run(&hub, async |tx| merge(tx, caller, id, body.into).await)
        .await?)
}
