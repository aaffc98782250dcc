//! A satellite that forgets nothing and does nothing twice, with its journal in memory: it outlives every hub and socket.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use hub::satellite::protocol::{
    Accepted, Capability, Command, CommandAck, CommandResult, CommandStage, CommandStatus, ErrorCode, Hello,
    HubFrame, NewEvent, SUBPROTOCOL, SatelliteFrame, Subject,
};
use serde_json::json;
use tokio::{net::TcpStream, sync::Notify, time::sleep};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// How long after a refusal that may be asked again, or a lost connection.
const AGAIN: Duration = Duration::from_millis(60);
/// Events of one frame.
const BATCH: usize = 5;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The satellite. Dropping it ends it.
pub(super) struct Satellite {
    shared: Arc<Shared>,
    end: CancellationToken,
}

struct Shared {
    url: String,
    token: String,
    state: Mutex<State>,
    said: Notify,
}

/// What it knows.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// What the hub has not answered.
    pub(super) outbox: BTreeMap<String, NewEvent>,
    /// What the hub has accepted, with its id of it.
    pub(super) accepted: HashMap<String, Uuid>,
    /// Answers that contradict an earlier one, or refuse for good.
    pub(super) wrong: Vec<String>,
    /// How often each command was carried out.
    pub(super) carried_out: HashMap<Uuid, u32>,
    /// Every command, and how far it is.
    pub(super) journal: HashMap<Uuid, Step>,
    /// How often it was welcome.
    pub(super) connections: usize,
    /// Answers that said: later.
    pub(super) busy: usize,
}

/// How far a command is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Here, and not to be started before the hub knows that it is.
    Received(Command),
    /// Done; the hub has to hear the result.
    Done(CommandResult),
    /// The hub has the result.
    Settled(CommandResult),
    /// The hub said not to start it.
    Dropped,
}

impl Satellite {
    /// Connects to a hub, and again whenever that ends.
    pub(super) fn start(url: &str, token: &str, tasks: &TaskTracker) -> Self {
        let shared = Arc::new(Shared {
            url: url.to_owned(),
            token: token.to_owned(),
            state: Mutex::default(),
            said: Notify::new(),
        });
        let end = CancellationToken::new();
        let (life, live) = (end.clone(), Arc::clone(&shared));
        tasks.spawn(async move {
            tokio::select! { () = live.run() => {}, () = life.cancelled() => {} }
        });
        Self { shared, end }
    }

    /// Says something, now or as soon as the hub listens.
    pub(super) fn says(&self, event: NewEvent) {
        self.shared
            .state
            .lock()
            .unwrap()
            .outbox
            .insert(event.client_id.to_string(), event);
        self.shared.said.notify_one();
    }

    /// What it knows now.
    pub(super) fn state(&self) -> State {
        self.shared.state.lock().unwrap().clone()
    }

    /// How much the hub has not answered.
    pub(super) fn waiting(&self) -> usize {
        self.shared.state.lock().unwrap().outbox.len()
    }

    /// Whether the hub has answered all and has every result.
    pub(super) fn is_settled(&self) -> bool {
        let state = self.shared.state.lock().unwrap();
        let is_over = |step: &Step| matches!(step, Step::Settled(_) | Step::Dropped);
        state.outbox.is_empty() && state.journal.values().all(is_over)
    }
}

impl Drop for Satellite {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Shared {
    async fn run(&self) {
        loop {
            if let Some(stream) = self.connect().await {
                self.converse(stream).await;
            }
            sleep(AGAIN).await;
        }
    }

    async fn connect(&self) -> Option<Stream> {
        let mut request = self.url.as_str().into_client_request().unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token)).unwrap();
        request.headers_mut().insert("authorization", bearer);
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut stream, _) = connect_async(request).await.ok()?;
        let kinds = ["speaker.say", "display.show"].map(|kind| Capability {
            kind: kind.to_owned(),
            arguments_schema: None,
        });
        let hello = Hello {
            capabilities: kinds.into(),
            ..Hello::default()
        };
        let hello = SatelliteFrame::Hello(hello).encode();
        stream.send(Message::text(hello)).await.ok()?;
        Some(stream)
    }

    /// Until the socket ends.
    async fn converse(&self, mut stream: Stream) {
        let mut is_welcome = false;
        loop {
            let to_say = tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let frame = HubFrame::decode(&text).expect("the hub speaks its own protocol");
                        is_welcome |= matches!(frame, HubFrame::Welcome(_));
                        self.hear(frame)
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => Vec::new(),
                },
                () = self.said.notified(), if is_welcome => self.all_events(),
                // What was refused for now, and what an answer was lost for.
                () = sleep(AGAIN * 5), if is_welcome => self.everything(),
            };
            for frame in to_say {
                if stream.send(Message::text(frame.encode())).await.is_err() {
                    return;
                }
            }
        }
    }

    /// What to say to a frame.
    fn hear(&self, frame: HubFrame) -> Vec<SatelliteFrame> {
        let mut state = self.state.lock().unwrap();
        match frame {
            HubFrame::Welcome(welcome) => {
                state.connections += 1;
                for open in welcome.open_commands {
                    // Acknowledged: whether the hub's word came back or not, now it may be started.
                    state.carry_out(open.command_id);
                }
                drop(state);
                return self.everything();
            }
            HubFrame::Accepted(Accepted::Event {
                client_id, event_id, ..
            }) => state.is_kept(&client_id.into(), event_id),
            HubFrame::Duplicate(first) => state.is_kept(&first.client_id.into(), first.event_id),
            HubFrame::Accepted(Accepted::Command {
                command_id,
                of: CommandStage::Ack,
            }) => {
                return state.carry_out(command_id).into_iter().collect();
            }
            HubFrame::Accepted(Accepted::Command { command_id, .. }) => state.settle(command_id),
            HubFrame::Command(command) => return vec![state.receive(command)],
            HubFrame::Rejected(rejected) if rejected.code == ErrorCode::Busy => state.busy += 1,
            HubFrame::Rejected(rejected) => match rejected.subject {
                Subject::Command {
                    command_id,
                    of: CommandStage::Ack,
                } => {
                    state.journal.insert(command_id, Step::Dropped);
                }
                _ => state.wrong.push(format!("{rejected:?}")),
            },
            HubFrame::Goodbye(_) | HubFrame::Pong(_) => {}
            other => state.wrong.push(format!("{other:?}")),
        }
        Vec::new()
    }

    fn all_events(&self) -> Vec<SatelliteFrame> {
        let state = self.state.lock().unwrap();
        let events: Vec<NewEvent> = state.outbox.values().take(20 * BATCH).cloned().collect();
        let frames = events.chunks(BATCH).map(|batch| match batch {
            [only] => SatelliteFrame::Event(only.clone()),
            several => SatelliteFrame::Events(several.to_vec().into()),
        });
        frames.collect()
    }

    fn everything(&self) -> Vec<SatelliteFrame> {
        let mut frames = self.all_events();
        let state = self.state.lock().unwrap();
        frames.extend(state.journal.iter().filter_map(|(command_id, step)| match step {
            Step::Received(_) => Some(SatelliteFrame::CommandAck(CommandAck {
                command_id: *command_id,
            })),
            Step::Done(result) => Some(SatelliteFrame::CommandResult(result.clone())),
            Step::Settled(_) | Step::Dropped => None,
        }));
        frames
    }
}

impl State {
    fn is_kept(&mut self, client_id: &String, event_id: Uuid) {
        self.outbox.remove(client_id);
        let first = *self.accepted.entry(client_id.clone()).or_insert(event_id);
        if first != event_id {
            self.wrong.push(format!("{client_id} is {first} and {event_id}"));
        }
    }

    /// A command arrives, for the first time or again.
    fn receive(&mut self, command: Command) -> SatelliteFrame {
        let command_id = command.command_id;
        match self.journal.entry(command_id).or_insert(Step::Received(command)) {
            Step::Done(result) | Step::Settled(result) => SatelliteFrame::CommandResult(result.clone()),
            Step::Received(_) | Step::Dropped => SatelliteFrame::CommandAck(CommandAck { command_id }),
        }
    }

    /// Carries a command out, once.
    fn carry_out(&mut self, id: Uuid) -> Option<SatelliteFrame> {
        let Some(Step::Received(_)) = self.journal.get(&id) else {
            if !self.journal.contains_key(&id) {
                self.wrong
                    .push(format!("{id} was acknowledged, and never arrived"));
            }
            return None;
        };
        *self.carried_out.entry(id).or_default() += 1;
        let result = CommandResult {
            command_id: id,
            status: CommandStatus::Ok,
            result: Some(json!({ "done": id })),
            error: None,
        };
        self.journal.insert(id, Step::Done(result.clone()));
        Some(SatelliteFrame::CommandResult(result))
    }

    fn settle(&mut self, id: Uuid) {
        if let Some(Step::Done(result)) = self.journal.get(&id) {
            let result = result.clone();
            self.journal.insert(id, Step::Settled(result));
        }
    }
}
