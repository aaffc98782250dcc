//! `GET /v1/satellites/connect`: one socket from upgrade to close. All I/O of the channel is here and in `outgoing`.

use std::time::Duration;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::Response,
};
use secrecy::SecretString;
use tokio::time::{Instant, timeout};

use super::{
    client::{Step, step},
    hello::{self, Guest},
    operate::{notice, operate},
    outgoing::{Ended, Outgoing},
    protocol::{
        CloseReason, HELLO_WITHIN, HubFrame, Limits, MAX_FRAME_BYTES, MISSED_HEARTBEATS, OpenCommand,
        SUBPROTOCOL, Welcome,
    },
    registry::Seat,
};
use crate::{
    devices::connect::{Connected, connect as let_in, disconnect},
    error::Error,
    http::{caller::bearer, problem::Failed},
    hub::Hub,
    identity::Actor,
    mailbox::take::take,
    storage::{Ring, TxScope},
};

/// What tungstenite reads at once: its default of 128 KiB would be paid by every idle socket.
const READ_BUFFER: usize = 4 * 1024;

/// Upgrades a request of a satellite.
pub async fn connect(
    State(hub): State<Hub>,
    upgrade: WebSocketUpgrade,
    headers: axum::http::HeaderMap,
) -> Result<Response, Failed> {
    let token = match bearer(&headers) {
        Ok(token) => {
            // A wrong credential is refused before anything is upgraded.
            crate::identity::credentials::authenticate(&hub, &token).await?;
            Some(token)
        }
        Err(_) if !headers.contains_key(axum::http::header::AUTHORIZATION) => None,
        Err(error) => return Err(error.into()),
    };
    if hub.lifecycle.is_closing() {
        return Err(Error::Unavailable {
            what: "the hub",
            source: None,
        }
        .into());
    }
    let seat = hub.sockets.sit()?;
    let lifecycle = hub.lifecycle.clone();
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_message_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        // On the tracker, so that a shutdown waits for the goodbye.
        lifecycle.run(serve(hub, socket, token, seat)).await;
    }))
}

async fn serve(hub: Hub, socket: WebSocket, token: Option<SecretString>, mut seat: Seat) {
    let mut out = Outgoing::new(socket);
    let ended = match greet(&hub, &mut out, token).await {
        Err(ended) => ended,
        Ok((guest, connected)) => {
            seat.name(guest.device);
            let generation = connected.generation;
            let ended = match welcome(&hub, &mut out, &guest, connected).await {
                Ok(()) => converse(&hub, &mut out, &guest, generation).await,
                Err(ended) => ended,
            };
            leave(&hub, &guest, generation).await;
            tracing::info!(agent.id = %guest.caller.agent, device.id = %guest.device, reason = ended.name(), "satellite left");
            ended
        }
    };
    out.close(&hub, ended).await;
}

/// Waits for the hello and lets the device in.
async fn greet(
    hub: &Hub,
    out: &mut Outgoing,
    token: Option<SecretString>,
) -> Result<(Guest, Connected), Ended> {
    let within = Duration::from_millis(hub.config.satellite.hello_timeout_ms).min(HELLO_WITHIN);
    let first = tokio::select! {
        first = timeout(within, first_text(out)) => first.map_err(|_| Ended::because(CloseReason::HelloTimeout))?,
        () = hub.lifecycle.closing() => return Err(Ended::because(CloseReason::Restart)),
    };
    let hello = hello::read(&first?).map_err(|(reason, detail)| Ended::Close(reason, Some(detail)))?;
    let guest = hello::admit(hub, token, &hello)
        .await
        .map_err(|error| refused(&error))?;
    let introduction = hello::introduction(hello).map_err(|error| refused(&error))?;
    let connected = let_in(hub, &guest.caller, guest.device, introduction)
        .await
        .map_err(|error| refused(&error))?;
    tracing::info!(
        agent.id = %guest.caller.agent, device.id = %guest.device, generation = connected.generation, "satellite connected"
    );
    Ok((guest, connected))
}

async fn first_text(out: &mut Outgoing) -> Result<String, Ended> {
    loop {
        match out.receive().await? {
            Message::Text(text) => return Ok(text.to_string()),
            Message::Binary(_) => return Err(Ended::because(CloseReason::BinaryFrame)),
            Message::Close(_) => return Err(Ended::Gone),
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

fn refused(error: &Error) -> Ended {
    let reason = match error {
        Error::Unauthenticated(_) | Error::Forbidden { .. } | Error::NotFound { .. } => {
            CloseReason::Unauthorized
        }
        Error::Invalid(_) => CloseReason::ProtocolError,
        _ => CloseReason::Internal,
    };
    let notice = notice(error);
    let at = notice
        .errors
        .first()
        .map(|field| format!("{}: ", field.pointer))
        .unwrap_or_default();
    Ended::Close(reason, Some(format!("{at}{}", notice.detail)))
}

async fn welcome(hub: &Hub, out: &mut Outgoing, guest: &Guest, connected: Connected) -> Result<(), Ended> {
    let open = connected.open_commands.into_iter();
    let welcome = Welcome {
        device_id: guest.device.0,
        agent_id: guest.caller.agent.0,
        device_name: guest.name.clone(),
        limits: Limits::default(),
        heartbeat_s: u32::try_from(hub.config.satellite.heartbeat_ms.div_ceil(1000)).unwrap_or(u32::MAX),
        resumed: false,
        open_commands: open
            .map(|c| OpenCommand {
                command_id: c.id.0,
                kind: c.kind,
                seq: c.seq,
            })
            .collect(),
    };
    out.send(&HubFrame::Welcome(welcome)).await
}

/// The life of a greeted socket.
async fn converse(hub: &Hub, out: &mut Outgoing, guest: &Guest, generation: i64) -> Ended {
    let bell = hub.db.bell().listen(Ring::Device(guest.device));
    let heartbeat = Duration::from_millis(hub.config.satellite.heartbeat_ms);
    let mut heard = Instant::now();
    let mut beat = tokio::time::interval(heartbeat);
    if let Err(ended) = deliver(hub, out, guest, generation).await {
        return ended;
    }
    loop {
        let next = tokio::select! {
            message = out.receive() => match message {
                Ok(message) => {
                    heard = Instant::now();
                    take_message(hub, out, guest, message).await
                }
                Err(ended) => Err(ended),
            },
            () = bell.rung() => deliver(hub, out, guest, generation).await,
            _ = beat.tick() => if heard.elapsed() > heartbeat * MISSED_HEARTBEATS {
                Err(Ended::because(CloseReason::Silent))
            } else {
                out.ping().await
            },
            () = hub.lifecycle.closing() => Err(Ended::because(CloseReason::Restart)),
        };
        if let Err(ended) = next {
            return ended;
        }
    }
}

async fn take_message(hub: &Hub, out: &mut Outgoing, guest: &Guest, message: Message) -> Result<(), Ended> {
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(_) => return Err(Ended::because(CloseReason::BinaryFrame)),
        Message::Close(_) => return Err(Ended::Gone),
        Message::Ping(_) | Message::Pong(_) => return Ok(()),
    };
    let answers = match step(&text) {
        Step::Answer(frames) => frames,
        Step::Do(operation) => operate(hub, guest, operation).await,
        Step::Close(reason, detail) => return Err(Ended::Close(reason, Some(detail))),
    };
    for frame in &answers {
        out.send(frame).await?;
    }
    Ok(())
}

/// Sends what waits in the mailbox. Also where a socket learns that it was revoked or replaced. When the database is away
/// the socket stays: the next ring or poll delivers.
async fn deliver(hub: &Hub, out: &mut Outgoing, guest: &Guest, generation: i64) -> Result<(), Ended> {
    match is_alive(hub, guest).await {
        Ok(true) => {}
        Ok(false) => return Err(Ended::because(CloseReason::Revoked)),
        Err(_) => return Ok(()),
    }
    match take(hub, guest.caller.agent, guest.device, generation).await {
        Ok(commands) => {
            for command in commands {
                out.send(&super::outgoing::command(command)).await?;
            }
            Ok(())
        }
        Err(Error::Conflict { code: "replaced", .. }) => Err(Ended::because(CloseReason::Replaced)),
        Err(error) => {
            tracing::warn!(device.id = %guest.device, error = error.chain(), "commands could not be delivered yet");
            Ok(())
        }
    }
}

async fn is_alive(hub: &Hub, guest: &Guest) -> crate::error::Result<bool> {
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(guest.caller.agent), Actor::hub())
        .await?;
    tx.identity().is_credential_alive(guest.token).await
}

/// Says that the socket is gone. If the database is away the connection row ages out by itself.
async fn leave(hub: &Hub, guest: &Guest, generation: i64) {
    let at = (guest.caller.agent, guest.device);
    if let Err(error) = disconnect(hub, guest.caller.actor(), at, generation).await {
        tracing::warn!(device.id = %guest.device, error = error.chain(), "a connection could not be removed");
    }
}
