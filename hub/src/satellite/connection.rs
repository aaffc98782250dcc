//! `GET /v1/satellites/connect`: one socket from upgrade to close. All I/O of the channel is here, in `upgrade` and
//! in `outgoing`.

use std::time::Duration;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, header::AUTHORIZATION},
    response::Response,
};
use secrecy::SecretString;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use super::{
    client::{Step, Watching, step},
    deliver::{Owed, deliver},
    hello::{self, Guest},
    in_turn, in_turn_to_greet,
    operate::{farewell, notice, operate, story},
    outgoing::{Ended, Outgoing},
    protocol::{CloseReason, ErrorNotice, Hello, HubFrame, Limits, OpenCommand, SUBPROTOCOL, Welcome},
    pulse::{Pulse, heartbeat_s},
    registry::{Newcomer, Place, Seat},
    share::full,
    subscriptions::Subscriptions,
    tell::Told,
    upgrade::{hears_hello, open, speaking},
};
use crate::{
    devices::{
        Socket,
        connect::{Connected, connect as let_in, disconnect},
    },
    error::Error,
    http::{caller::bearer, problem::Failed},
    hub::Hub,
    identity::{
        Origin,
        credentials::{Proven, authenticate},
    },
    ids::AgentId,
    storage::Ring,
};

/// How long after a look that failed the next one comes.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long after its hello a device is let in at the latest. Whoever waits longer has given up (they wait for ten seconds from when
/// they came), and would only throw out the socket that it opened elsewhere.
const WELCOMED_WITHIN: Duration = Duration::from_secs(7);

/// Upgrades a request of a satellite.
pub async fn connect(
    State(hub): State<Hub>,
    upgrade: WebSocketUpgrade,
    from: Origin,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let upgrade = speaking(upgrade, SUBPROTOCOL)?;
    let (token, newcomer) = newcomer(&hub, &headers, &from).await?;
    let opened = open(hub, upgrade, newcomer, |hub, socket, place| {
        serve(hub, socket, token, place)
    });
    Ok(opened?)
}

/// Who comes, as far as the request says. A wrong credential is refused before anything is upgraded.
async fn newcomer(
    hub: &Hub,
    headers: &HeaderMap,
    from: &Origin,
) -> Result<(Option<SecretString>, Newcomer), Error> {
    let stranger = Newcomer::stranger(from.address);
    if !headers.contains_key(AUTHORIZATION) {
        return Ok((None, stranger));
    }
    let token = bearer(headers)?;
    let _place = hub.share.come_to_the_door(from.address)?;
    let newcomer = match in_turn_to_greet(
        hub,
        AgentId::HUB,
        authenticate(hub, &token, from.request_id.as_deref()),
    )
    .await?
    {
        Proven::Device(credential) => Newcomer::Device(credential.agent, credential.device),
        // The hello refuses it by name.
        Proven::User(_) | Proven::Stranger(_) | Proven::Token(_) => stranger,
    };
    Ok((Some(token), newcomer))
}

async fn serve(hub: Hub, socket: WebSocket, token: Option<SecretString>, place: Place) {
    let mut out = Outgoing::new(&hub, socket);
    let (guest, connected, seat) = match greet(&hub, &mut out, token, place).await {
        Ok(greeted) => greeted,
        Err(ended) => return out.close(&hub, ended).await,
    };
    let socket = Socket {
        device: guest.device,
        node: hub.node,
        generation: connected.generation,
    };
    let life = async {
        match welcome(&hub, &mut out, &guest, connected).await {
            Ok(()) => converse(&hub, &mut out, &guest, socket).await,
            Err(ended) => ended,
        }
    };
    // Whatever it is at: who was revoked must not stay until the database has time for them. What is not committed is undone.
    let ended = tokio::select! {
        ended = life => ended,
        () = seat.ended() => Ended::because(CloseReason::Revoked),
    };
    tracing::info!(agent.id = %guest.caller.agent, device.id = %guest.device, reason = ended.name(), "satellite left");
    // At once: the goodbye does not wait for a database that is away.
    tokio::join!(
        leave(&hub, &guest, socket, ended.parting()),
        out.close(&hub, ended)
    );
}

/// Waits for the hello and lets the device in.
async fn greet(
    hub: &Hub,
    out: &mut Outgoing,
    token: Option<SecretString>,
    place: Place,
) -> Result<(Guest, Connected, Seat), Ended> {
    let hello = hears_hello(hub, out).await?;
    let welcomed = timeout(WELCOMED_WITHIN, admit(hub, token, hello, place)).await;
    welcomed.unwrap_or_else(|_| Err(refused(&full("a place at the door"))))
}

/// Lets the device in that said hello.
async fn admit(
    hub: &Hub,
    token: Option<SecretString>,
    hello: Hello,
    place: Place,
) -> Result<(Guest, Connected, Seat), Ended> {
    let guest = in_turn_to_greet(hub, place.agent(), hello::admit(hub, token, &hello))
        .await
        .map_err(|error| refused(&error))?;
    let introduction = hello::introduction(hello).map_err(|error| refused(&error))?;
    // First a seat: whoever finds none must not unseat an older socket of the device.
    let seat = place.sit(guest.sitting()).map_err(|error| refused(&error))?;
    let entering = let_in(hub, &guest.caller, guest.device, introduction);
    let connected = in_turn_to_greet(hub, guest.caller.agent, entering)
        .await
        .map_err(|error| refused(&error))?;
    tracing::info!(
        agent.id = %guest.caller.agent, device.id = %guest.device, generation = connected.generation, "satellite connected"
    );
    Ok((guest, connected, seat))
}

pub(super) fn refused(error: &Error) -> Ended {
    let reason = farewell(error).unwrap_or(match error {
        Error::Unauthenticated(_) | Error::Forbidden { .. } | Error::NotFound { .. } => {
            CloseReason::Unauthorized
        }
        Error::Invalid(_) => CloseReason::ProtocolError,
        _ => CloseReason::Internal,
    });
    Ended::Close(reason, Some(notice(error)))
}

async fn welcome(hub: &Hub, out: &mut Outgoing, guest: &Guest, connected: Connected) -> Result<(), Ended> {
    let open = connected.open_commands.into_iter();
    let welcome = Welcome {
        device_id: guest.device.0,
        agent_id: guest.caller.agent.0,
        device_name: guest.name.clone(),
        limits: Limits::default(),
        heartbeat_s: heartbeat_s(hub),
        resumed: guest.resume.is_some(),
        open_commands: open
            .map(|c| OpenCommand {
                command_id: c.id.0,
                kind: c.kind,
                seq: c.seq,
            })
            .collect(),
        waiting_capabilities: connected.waiting_capabilities,
    };
    out.send(&HubFrame::Welcome(welcome)).await
}

/// What a greeted socket wakes up for.
enum Next {
    Said(Option<Utf8Bytes>),
    Look,
    News,
    Beat,
    Restart,
}

/// The life of a greeted socket. What it wakes up for is dealt with before it waits again, so nothing is cut off half way.
async fn converse(hub: &Hub, out: &mut Outgoing, guest: &Guest, socket: Socket) -> Ended {
    let bell = hub.db.bell().listen(Ring::Device(guest.device));
    let mut pulse = Pulse::new(hub);
    let (mut owed, mut next, mut again_at) = (Owed::Nothing, Next::Look, Instant::now());
    let mut watching = Subscriptions::new(guest.resume);
    loop {
        let busy_since = Instant::now();
        let is_said = matches!(next, Next::Said(_));
        let done = match next {
            Next::Said(text) => {
                pulse.hears(busy_since);
                match text.map(|text| step(&text)) {
                    Some(Step::Watch(asked)) => watch(hub, out, guest, &mut watching, asked).await,
                    Some(Step::Answer(frames)) => {
                        let frames = frames.into_iter().map(|frame| watching.answer(frame));
                        take(hub, out, guest, socket, Step::Answer(frames.collect())).await
                    }
                    Some(step) => take(hub, out, guest, socket, step).await,
                    None => Ok(()),
                }
            }
            Next::News => Box::pin(watching.tell(out)).await,
            Next::Look => {
                let looked = deliver(hub, out, guest, socket, owed).await;
                again_at = Instant::now() + LOOK_AGAIN;
                looked.map(|left| owed = left)
            }
            Next::Beat => pulse.ask(out).await,
            Next::Restart => Err(Ended::because(CloseReason::Restart)),
        };
        if let Err(ended) = done {
            return ended;
        }
        pulse.was_busy(busy_since);
        if is_said && owed == Owed::Room {
            // What was said may have made room.
            next = Next::Look;
            continue;
        }
        next = tokio::select! {
            said = out.receive() => match said {
                Ok(text) => Next::Said(text),
                Err(ended) => return ended,
            },
            () = bell.rung() => Next::Look,
            () = watching.rung() => Next::News,
            () = sleep_until(again_at), if matches!(owed, Owed::Look | Owed::Turn) => Next::Look,
            () = pulse.beat() => Next::Beat,
            () = hub.lifecycle.closing() => Next::Restart,
        };
    }
}

/// Begins or ends a subscription, of the device's own agent.
async fn watch(
    hub: &Hub,
    out: &mut Outgoing,
    guest: &Guest,
    watching: &mut Subscriptions,
    asked: Watching,
) -> Result<(), Ended> {
    let told = Told::of_watching(&asked);
    let answered = match asked {
        Watching::Begin(wanted) => {
            let own = guest.caller.agent;
            let caller = match wanted.agent {
                Some(agent) if agent != own => Err(Error::NotFound { what: "agent" }),
                _ => in_turn(hub, own, guest.as_it_is_now(hub)).await,
            };
            watching.begin(hub, caller, wanted).await
        }
        Watching::End(name) => watching.end(name),
    };
    let answers = vec![answered];
    told.ends(guest, Ok(&answers));
    answer(out, Ok(answers)).await
}

async fn take(hub: &Hub, out: &mut Outgoing, guest: &Guest, socket: Socket, step: Step) -> Result<(), Ended> {
    let told = Told::of(&step);
    let answers = match step {
        Step::Answer(frames) => Ok(frames),
        Step::Do(operation) => {
            let span = story(hub, guest, &operation, told.frame()).await;
            let answers = operate(hub, guest, socket, operation)
                .instrument(span.clone())
                .await;
            let answers = answers.map_err(|reason| (reason, None));
            // In the span, so that the line says its trace.
            span.in_scope(|| told.ends(guest, answers.as_deref().map_err(|(reason, _)| *reason)));
            return answer(out, answers).await;
        }
        Step::Close(reason, notice) => Err((reason, Some(notice))),
        // They are dealt with where the subscriptions are.
        Step::Watch(_) => Ok(Vec::new()),
    };
    told.ends(guest, answers.as_deref().map_err(|(reason, _)| *reason));
    answer(out, answers).await
}

type Answers = Result<Vec<HubFrame>, (CloseReason, Option<ErrorNotice>)>;

async fn answer(out: &mut Outgoing, answers: Answers) -> Result<(), Ended> {
    let answers = answers.map_err(|(reason, notice)| Ended::Close(reason, notice))?;
    for frame in &answers {
        out.send(frame).await?;
    }
    Ok(())
}

/// Says that the socket is gone. If the database is away the connection row ages out by itself.
async fn leave(hub: &Hub, guest: &Guest, socket: Socket, reason: &'static str) {
    let at = (guest.caller.agent, guest.device);
    let gone = disconnect(hub, guest.caller.actor(), at, socket.generation, reason);
    if let Err(error) = in_turn(hub, guest.caller.agent, gone).await {
        tracing::warn!(device.id = %guest.device, error = error.chain(), "a connection could not be removed");
    }
}
