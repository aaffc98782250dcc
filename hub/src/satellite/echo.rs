//! Every message back, over the channel's own socket: for suites that test how WebSocket is spoken. No router of the hub has
//! it; a test mounts it beside them.

use axum::{
    extract::{WebSocketUpgrade, ws::Message},
    response::Response,
};

use super::{outgoing::Outgoing, upgrade::bounds};
use crate::hub::Hub;

/// Upgrades a request and echoes until the socket ends.
pub fn echo(hub: Hub, upgrade: WebSocketUpgrade) -> Response {
    bounds(upgrade).on_upgrade(async move |socket| {
        let mut out = Outgoing::new(&hub, socket);
        let ended = loop {
            let message = match out.message().await {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => message,
                // Answered below us.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => continue,
                Err(ended) => break ended,
            };
            if let Err(ended) = out.write(message).await {
                break ended;
            }
        };
        out.close_at_once(ended).await;
    })
}
