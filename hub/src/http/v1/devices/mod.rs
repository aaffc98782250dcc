//! `/v1/agents/{agent_id}/devices`

mod approve_capabilities;
mod get_device;
mod get_shadow;
mod list_devices;
mod register_device;
mod revoke_device;
mod rotate_device;
mod update_shadow;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::DeviceId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(
            list_devices::list_devices,
            register_device::register_device
        ))
        .routes(routes!(get_device::get_device, revoke_device::revoke_device))
        .routes(routes!(get_shadow::get_shadow, update_shadow::update_shadow))
        .routes(routes!(rotate_device::rotate_device))
        .routes(routes!(approve_capabilities::approve_capabilities))
}

/// The device of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct DevicePath {
    /// The device.
    device_id: DeviceId,
}
