//! `GET /v1/agents/{agent_id}/people/{person_id}/prints`

use axum::extract::State;

use crate::{
    audit::{read::read, record::Record},
    consents::whose::seen,
    http::{
        caller::{May, perm},
        extract::{Json, Path, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery, consents::PersonPath},
    },
    hub::Hub,
    page::Page,
    recognition::Print,
};

/// List somebody's prints, newest first, without their vectors: your own, or as owner or admin anybody's. The audit log tells who
/// has looked, once a minute at most.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/people/{person_id}/prints", operation_id = "list_prints",
    tag = "recognition", params(AgentPath, PersonPath, PageQuery),
    responses((status = OK, description = "A page of prints", body = Page<Print>)))]
pub(super) async fn list_prints(
    may: May<perm::RecognitionRead>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Print>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let person = seen(&mut tx, &may.caller, path.whose()?).await?;
    let prints = page.page(tx.recognition().prints(person, page).await?, |print| print.id.0);
    let record = Record::of("list_prints").on("person", person.0);
    read(&hub, tx, &may.caller, record).await?;
    Ok(Json(prints))
}
