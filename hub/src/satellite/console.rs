//! `GET /v1/consoles/connect`: a user watches the agents that they belong to.

use std::time::Duration;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, header::AUTHORIZATION},
    response::Response,
};
use secrecy::SecretString;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::{
    bounded,
    client::{Step, Watching, step},
    connection::{READ_BUFFER, first_text, refused},
    hello,
    outgoing::{Ended, Outgoing},
    protocol::{
        CONSOLE_SUBPROTOCOL, CloseReason, ConsoleAgent, ConsoleWelcome, ErrorCode, ErrorNotice, HELLO_WITHIN,
        HubFrame, Limits, MAX_FRAME_BYTES, MISSED_HEARTBEATS,
    },
    registry::{Newcomer, Place},
    subscriptions::Subscriptions,
};
use crate::{
    error::{Error, Result},
    events::watchers::Standing,
    http::{caller::bearer, problem::Failed},
    hub::Hub,
    identity::{
        Caller, Origin, SignedIn, Watcher,
        credentials::{Proven, authenticate, caller},
    },
    ids::{self, AgentId},
    turns::followers,
};

/// Upgrades a request of a console.
pub async fn connect(
    State(hub): State<Hub>,
    upgrade: WebSocketUpgrade,
    from: Origin,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let upgrade = upgrade.protocols([CONSOLE_SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let needed = format!("this channel speaks {CONSOLE_SUBPROTOCOL}: offer it in Sec-WebSocket-Protocol");
        return Err(Error::Malformed(needed).into());
    }
    let user = if headers.contains_key(AUTHORIZATION) {
        Some(prove(&hub, &bearer(&headers)?).await?)
    } else {
        None
    };
    if hub.lifecycle.is_closing() {
        return Err(Error::Unavailable {
            what: "the hub",
            source: None,
        }
        .into());
    }
    let place = hub.sockets.enter(Newcomer::stranger(from.address))?;
    let lifecycle = hub.lifecycle.clone();
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_message_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        // On the tracker, so that a shutdown waits for the goodbye.
        lifecycle.run(serve(hub, socket, user, place)).await;
    }))
}

async fn prove(hub: &Hub, token: &SecretString) -> Result<SignedIn> {
    match authenticate(hub, token).await? {
        Proven::User(who) => Ok(who),
        Proven::Device(_) => Err(Error::Unauthenticated(
            "this channel is for people: send the token of a sign-in",
        )),
    }
}

/// A console that was let in.
struct Console {
    hub: Hub,
    who: SignedIn,
    standing: Standing,
    watching: Subscriptions,
    _room: followers::Place,
}

async fn serve(hub: Hub, socket: WebSocket, user: Option<SignedIn>, place: Place) {
    let mut out = Outgoing::new(&hub, socket);
    let mut console = match greet(&hub, &mut out, user).await {
        Ok(console) => console,
        Err(ended) => return out.close(&hub, ended).await,
    };
    // It has room of its own now.
    drop(place);
    tracing::info!(user.id = %console.who.user, "console connected");
    let ended = match welcome(&console, &mut out).await {
        Ok(()) => converse(&mut console, &mut out).await,
        Err(ended) => ended,
    };
    tracing::info!(user.id = %console.who.user, reason = ended.name(), "console left");
    drop(console);
    out.close(&hub, ended).await;
}

/// Waits for the hello and lets the user in.
async fn greet(hub: &Hub, out: &mut Outgoing, user: Option<SignedIn>) -> Result<Console, Ended> {
    let within = Duration::from_millis(hub.config.satellite.hello_timeout_ms).min(HELLO_WITHIN);
    let first = tokio::select! {
        first = timeout(within, first_text(out)) => first.map_err(|_| Ended::because(CloseReason::HelloTimeout))?,
        () = hub.lifecycle.closing() => return Err(Ended::because(CloseReason::Restart)),
    };
    let hello =
        hello::read(&first?).map_err(|notice| Ended::Close(CloseReason::ProtocolError, Some(notice)))?;
    let resume = hello::cursor(&hello).map_err(|error| refused(&error))?;
    let who = match (user, &hello.token) {
        (Some(who), _) => Ok(who),
        (None, Some(token)) => {
            let token = SecretString::from(token.expose().to_owned());
            bounded(prove(hub, &token)).await
        }
        (None, None) => Err(Error::Unauthenticated("send the token of a sign-in")),
    };
    let who = who.map_err(|error| refused(&error))?;
    let room = hub.streams.enter_as(format!("user:{}", who.user));
    let room = room.map_err(|error| refused(&error))?;
    let watching = Subscriptions::new(resume);
    let watcher = Watcher::User {
        user: who.user,
        sign_in: Some(who.sign_in),
        at: None,
    };
    Ok(Console {
        hub: hub.clone(),
        standing: watching.stand(hub, watcher),
        who,
        watching,
        _room: room,
    })
}

async fn welcome(console: &Console, out: &mut Outgoing) -> Result<(), Ended> {
    let hub = &console.hub;
    let agents = bounded(async {
        let mut tx = hub.db.begin_system().await?;
        tx.identity().agents_of(console.who.user).await
    });
    let agents = agents.await.map_err(|error| refused(&error))?.into_iter();
    let welcome = ConsoleWelcome {
        user_id: console.who.user.0,
        agents: agents
            .map(|(id, name, role)| ConsoleAgent {
                agent_id: id.0,
                name,
                role: role.as_str().to_owned(),
            })
            .collect(),
        limits: Limits::default(),
        heartbeat_s: u32::try_from(hub.config.satellite.heartbeat_ms.div_ceil(1000)).unwrap_or(u32::MAX),
    };
    out.send_text(welcome.encode()).await
}

/// What a console wakes up for.
enum Next {
    Said(Message),
    News,
    Beat,
    Restart,
}

/// The life of a console.
async fn converse(console: &mut Console, out: &mut Outgoing) -> Ended {
    let hub = console.hub.clone();
    let heartbeat = Duration::from_millis(hub.config.satellite.heartbeat_ms);
    let mut beat = tokio::time::interval(heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let next = tokio::select! {
            message = out.receive() => match message {
                Ok(message) => Next::Said(message),
                Err(ended) => return ended,
            },
            () = console.watching.rung() => Next::News,
            _ = beat.tick() => Next::Beat,
            () = hub.lifecycle.closing() => Next::Restart,
        };
        let busy_since = Instant::now();
        let done = match next {
            Next::Said(message) => {
                heard = busy_since;
                Box::pin(take(console, out, message)).await
            }
            // First whether they may still be told.
            Next::News if console.standing.check().is_err() => Err(Ended::because(CloseReason::Revoked)),
            Next::News => Box::pin(console.watching.tell(out)).await,
            Next::Beat if heard.elapsed() > heartbeat * MISSED_HEARTBEATS => {
                Err(Ended::because(CloseReason::Silent))
            }
            Next::Beat => out.ping().await,
            Next::Restart => Err(Ended::because(CloseReason::Restart)),
        };
        if let Err(ended) = done {
            return ended;
        }
        // Meanwhile the hub did not listen; that is not the console's silence.
        heard += busy_since.elapsed();
    }
}

async fn take(console: &mut Console, out: &mut Outgoing, message: Message) -> Result<(), Ended> {
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(_) => return Err(Ended::because(CloseReason::BinaryFrame)),
        Message::Close(_) => return Err(Ended::Gone),
        Message::Ping(_) | Message::Pong(_) => return Ok(()),
    };
    let answer = match step(&text) {
        Step::Watch(Watching::Begin(wanted)) => {
            let caller = bounded(at(&console.hub, &console.who, wanted.agent)).await;
            console.watching.begin(&console.hub, caller, wanted).await
        }
        Step::Watch(Watching::End(name)) => console.watching.end(name),
        Step::Answer(frames) => {
            for frame in frames {
                out.send(&console.watching.answer(frame)).await?;
            }
            return Ok(());
        }
        Step::Do(_) => HubFrame::Error(ErrorNotice {
            code: ErrorCode::Unsupported,
            detail: "a console only watches: what else a person does goes over REST".to_owned(),
            errors: Vec::new(),
        }),
        Step::Close(reason, notice) => return Err(Ended::Close(reason, Some(notice))),
    };
    out.send(&answer).await
}

/// The user at an agent that they belong to; at their only one where none is named.
async fn at(hub: &Hub, who: &SignedIn, agent: Option<AgentId>) -> Result<Caller> {
    let request_id = Some(ids::fresh().to_string());
    caller(hub, Proven::User(who.clone()), agent, request_id).await
}
