//! `POST /v1/agents/{agent_id}/people/{person_id}/forget`

use axum::{extract::State, http::StatusCode};

use crate::{
    consents::whose::Whose,
    erasures::Target,
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::{
            AgentPath,
            consents::PersonPath,
            erasures::{ForgetAnswer, ForgetRequest, carry_out},
        },
    },
    hub::Hub,
    storage::TxScope,
};

/// Forget somebody: what they said, what is theirs alone, all that came of it, and who they are. Whoever has a login here is only
/// forgotten by themself (`self`), unless they are blocked; their login stays, and what they say afterwards is forgotten when they ask
/// again, with a receipt of its own. Where nothing is there, the newest receipt is the answer. A guest is told of what was theirs alone.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/people/{person_id}/forget", operation_id = "forget_person", tag = "people",
    params(AgentPath, PersonPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ForgetRequest, responses((status = OK, description = "What went, or would go", body = ForgetAnswer)))]
pub(super) async fn forget_person(
    may: May<perm::ErasuresWrite>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    key: Key,
    Json(body): Json<ForgetRequest>,
) -> Result<Answer, Failed> {
    let caller = &may.caller;
    let id = match path.whose()? {
        Whose::Of(person) => person,
        Whose::Own => caller.person().ok_or(Error::NotFound { what: "person" })?,
    };
    let once = key.once(caller, "forget_person", StatusCode::OK, &(id, &body))?;
    // What is theirs alone goes too, though whoever asks may not see it.
    let once = once.in_scope(TxScope::WholeAgent(caller.agent));
    Ok(carry_out(&hub, caller, once, Target::Person(id), body.dry_run).await?)
}
