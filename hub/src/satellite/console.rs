//! `GET /v1/consoles/connect`: a user watches the agents that they belong to.

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, header::AUTHORIZATION},
    response::Response,
};
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    bounded,
    client::{Step, Watching, step},
    connection::refused,
    hello,
    outgoing::{Ended, Outgoing},
    protocol::{
        CONSOLE_SUBPROTOCOL, CloseReason, ConsoleAgent, ConsoleWelcome, ErrorCode, ErrorNotice, HubFrame,
        Limits,
    },
    pulse::{Pulse, heartbeat_s},
    registry::{Newcomer, Place},
    subscriptions::Subscriptions,
    upgrade::{hears_hello, open, speaking},
};
use crate::{
    error::{Error, Result},
    events::watchers::Standing,
    http::{caller::bearer, problem::Failed},
    hub::Hub,
    identity::{
        Caller, Known, Origin, Watcher,
        credentials::{NOBODY_YET, Proven, authenticate, caller},
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
    let upgrade = speaking(upgrade, CONSOLE_SUBPROTOCOL)?;
    let user = if headers.contains_key(AUTHORIZATION) {
        Some(prove(&hub, &bearer(&headers)?, from.request_id.as_deref()).await?)
    } else {
        None
    };
    let newcomer = user.as_ref().map_or_else(
        || Newcomer::stranger(from.address),
        |who| Newcomer::User(who.user),
    );
    let opened = open(hub, upgrade, newcomer, move |hub, socket, place| {
        serve(hub, socket, user, place)
    });
    Ok(opened?)
}

async fn prove(hub: &Hub, token: &SecretString, request_id: Option<&str>) -> Result<Known> {
    match authenticate(hub, token, request_id).await? {
        Proven::User(who) => Ok(who),
        Proven::Stranger(_) => Err(NOBODY_YET),
        Proven::Device(_) | Proven::Token(_) => Err(Error::Unauthenticated(
            "this channel is for people: send the token of a sign-in",
        )),
    }
}

/// A console that was let in.
struct Console {
    hub: Hub,
    who: Known,
    standing: Standing,
    watching: Subscriptions,
    _room: followers::Place,
}

async fn serve(hub: Hub, socket: WebSocket, user: Option<Known>, place: Place) {
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
async fn greet(hub: &Hub, out: &mut Outgoing, user: Option<Known>) -> Result<Console, Ended> {
    let hello = hears_hello(hub, out).await?;
    let resume = hello::cursor(&hello).map_err(|error| refused(&error))?;
    let who = match (user, &hello.token) {
        (Some(who), _) => Ok(who),
        (None, Some(token)) => {
            let token = SecretString::from(token.expose().to_owned());
            bounded(prove(hub, &token, None)).await
        }
        (None, None) => Err(Error::Unauthenticated("send the token of a sign-in")),
    };
    let who = who.map_err(|error| refused(&error))?;
    let room = hub.streams.enter_as(format!("user:{}", who.user));
    let room = room.map_err(|error| refused(&error))?;
    let watching = Subscriptions::new(resume);
    let watcher = Watcher::User {
        user: who.user,
        proof: Some(who.proof),
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
        heartbeat_s: heartbeat_s(hub),
    };
    out.send_text(welcome.encode()).await
}

/// What a console wakes up for.
enum Next {
    Said(Option<Utf8Bytes>),
    News,
    Beat,
    Restart,
}

/// The life of a console.
async fn converse(console: &mut Console, out: &mut Outgoing) -> Ended {
    let hub = console.hub.clone();
    let mut pulse = Pulse::new(&hub);
    loop {
        let next = tokio::select! {
            said = out.receive() => match said {
                Ok(text) => Next::Said(text),
                Err(ended) => return ended,
            },
            () = console.watching.rung() => Next::News,
            () = pulse.beat() => Next::Beat,
            () = hub.lifecycle.closing() => Next::Restart,
        };
        let busy_since = Instant::now();
        let done = match next {
            Next::Said(text) => {
                pulse.hears(busy_since);
                match text {
                    Some(text) => Box::pin(take(console, out, &text)).await,
                    None => Ok(()),
                }
            }
            // First whether they may still be told.
            Next::News if console.standing.check().is_err() => Err(Ended::because(CloseReason::Revoked)),
            Next::News => Box::pin(console.watching.tell(out)).await,
            Next::Beat => pulse.ask(out).await,
            Next::Restart => Err(Ended::because(CloseReason::Restart)),
        };
        if let Err(ended) = done {
            return ended;
        }
        pulse.was_busy(busy_since);
    }
}

async fn take(console: &mut Console, out: &mut Outgoing, text: &str) -> Result<(), Ended> {
    let answer = match step(text) {
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
async fn at(hub: &Hub, who: &Known, agent: Option<AgentId>) -> Result<Caller> {
    let request_id = Some(ids::fresh().to_string());
    caller(hub, Proven::User(*who), agent, request_id).await
}
