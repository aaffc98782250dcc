//! `GET /v1/agents/{agent_id}/devices`

use axum::extract::State;

use crate::{
    devices::Device,
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    page::Page,
};

/// List devices, oldest first, revoked ones too.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/devices", operation_id = "list_devices", tag = "devices",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of devices", body = Page<Device>)))]
pub(super) async fn list_devices(
    may: May<perm::DevicesRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Device>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let devices = tx.devices().list(page).await?.into_iter();
    let devices = devices
        .map(|device| device.as_seen_by(may.caller.person()))
        .collect();
    Ok(Json(page.page(devices, |device: &Device| device.id.0)))
}
