//! From a request to a socket whose other side has said hello: the same for satellites and consoles.

use std::time::Duration;

use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{Utf8Bytes, WebSocket},
    },
    response::Response,
};
use tokio::time::timeout;

use super::{
    hello,
    outgoing::{Ended, Outgoing},
    protocol::{CloseReason, HELLO_WITHIN, Hello, MAX_FRAME_BYTES},
    registry::{Newcomer, Place},
};
use crate::{
    error::{Error, Result},
    hub::Hub,
};

/// What tungstenite reads at once: its default of 128 KiB would be paid by every idle socket.
const READ_BUFFER: usize = 4 * 1024;

// Messages are not compressed. tungstenite 0.29 has no permessage-deflate, and it would not pay: of 2,800 frames as a busy device
// and the hub exchange in a day, 410 KB, it saves 77 KB when each is compressed by itself, for they are short and mostly ids; with
// a window that is kept it saves 280 KB, and holds 290 KB for each socket, seventeen times what an idle one costs now.

/// The upgrade, if it offers the protocol: whoever offers others, or none, may mean another protocol by the same frames.
pub(super) fn speaking(upgrade: WebSocketUpgrade, protocol: &'static str) -> Result<WebSocketUpgrade> {
    let upgrade = upgrade.protocols([protocol]);
    if upgrade.selected_protocol().is_some() {
        return Ok(upgrade);
    }
    let needed = format!("this channel speaks {protocol}: offer it in Sec-WebSocket-Protocol");
    Err(Error::Malformed(needed))
}

/// Upgrades the request of a newcomer, if there is a place at the door.
pub(super) fn open<S, F>(
    hub: Hub,
    upgrade: WebSocketUpgrade,
    newcomer: Newcomer,
    serve: S,
) -> Result<Response>
where
    S: FnOnce(Hub, WebSocket, Place) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    if hub.lifecycle.is_closing() {
        return Err(Error::Unavailable {
            what: "the hub",
            source: None,
        });
    }
    let place = hub.sockets.enter(newcomer)?;
    let lifecycle = hub.lifecycle.clone();
    Ok(bounds(upgrade).on_upgrade(move |socket| async move {
        // On the tracker, so that a shutdown waits for the goodbye.
        lifecycle.run(serve(hub, socket, place)).await;
    }))
}

/// The bounds of every socket.
pub(super) fn bounds(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_message_size(MAX_FRAME_BYTES)
}

/// Waits for the hello.
pub(super) async fn hears_hello(hub: &Hub, out: &mut Outgoing) -> Result<Hello, Ended> {
    let within = Duration::from_millis(hub.config.satellite.hello_timeout_ms).min(HELLO_WITHIN);
    let first = tokio::select! {
        first = timeout(within, first_text(out)) => first.map_err(|_| Ended::because(CloseReason::HelloTimeout))?,
        () = hub.lifecycle.closing() => return Err(Ended::because(CloseReason::Restart)),
    };
    hello::read(&first?).map_err(|notice| Ended::Close(CloseReason::ProtocolError, Some(notice)))
}

async fn first_text(out: &mut Outgoing) -> Result<Utf8Bytes, Ended> {
    loop {
        if let Some(text) = out.receive().await? {
            return Ok(text);
        }
    }
}
