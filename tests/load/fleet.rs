//! Thousands of satellites in one process: each a real WebSocket that says hello, stays, does what it is told, and comes back
//! as the reference satellite does.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use hub::satellite::protocol::{
    Accepted, Capability, CommandAck, CommandResult, CommandStage, CommandStatus, Hello, HubFrame,
    SUBPROTOCOL, SatelliteFrame,
};
use rand::Rng;
use secrecy::ExposeSecret;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderMap, header::RETRY_AFTER},
        protocol::WebSocketConfig,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::town::Device;

/// What a satellite here reads at once: thousands of them share this machine with the hub.
const READ_BUFFER: usize = 1024;
/// As the reference satellite: the first wait, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// How long a satellite waits for its connection and its welcome.
const WELCOME_WITHIN: Duration = Duration::from_secs(20);
/// What every satellite here can do.
pub(crate) const KIND: &str = "echo";

/// The satellites. Dropping it ends them.
pub(crate) struct Fleet {
    shared: Arc<Shared>,
    end: CancellationToken,
}

/// What the satellites count.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) welcome: AtomicUsize,
    /// Sockets that ended, for whatever reason.
    pub(crate) lost: AtomicUsize,
    pub(crate) beats: AtomicUsize,
    /// Upgrades that were refused with a status that says to come again.
    pub(crate) later: AtomicUsize,
    /// Tries that failed in another way.
    pub(crate) failed: AtomicUsize,
}

struct Shared {
    address: SocketAddr,
    counts: Counts,
    /// Few at once may connect, until everyone may.
    door: Semaphore,
    is_open: AtomicBool,
    /// When each was welcome, since a reset.
    welcomed_at: Mutex<Vec<Instant>>,
    /// Each command whose result was accepted.
    done: mpsc::UnboundedSender<(Uuid, Instant)>,
}

type Socket = WebSocketStream<TcpStream>;

/// Why there is no socket.
enum Refused {
    /// The hub says when to come again.
    Later(Duration),
    /// Anything else.
    Failed,
}

impl Fleet {
    /// The satellites begin to connect, so many at once; what they have done is told.
    pub(crate) fn launch(
        devices: &[Device],
        address: SocketAddr,
        at_once: usize,
    ) -> (Self, mpsc::UnboundedReceiver<(Uuid, Instant)>) {
        assert!(
            address.ip().is_loopback(),
            "satellites connect to this machine only"
        );
        let (done, told) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            address,
            counts: Counts::default(),
            door: Semaphore::new(at_once),
            is_open: AtomicBool::new(false),
            welcomed_at: Mutex::default(),
            done,
        });
        let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
        for device in devices {
            let (device, shared, life) = (device.clone(), Arc::clone(&shared), end.clone());
            tasks.spawn(async move {
                tokio::select! { () = live(&shared, &device) => {}, () = life.cancelled() => {} }
            });
        }
        (Self { shared, end }, told)
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Waits until so many are welcome; false when that took too long.
    pub(crate) async fn gather(&self, wanted: usize, within: Duration) -> bool {
        let (began, mut said_at) = (Instant::now(), Instant::now());
        loop {
            let welcome = self.counts().welcome.load(Ordering::Relaxed);
            if welcome >= wanted {
                return true;
            }
            if began.elapsed() > within {
                return false;
            }
            if said_at.elapsed() > Duration::from_secs(5) {
                said_at = Instant::now();
                super::tell(&format!("{welcome} of {wanted} are welcome"));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// From here on whoever lost its socket comes back when it likes.
    pub(crate) fn open_the_door(&self) {
        self.shared.is_open.store(true, Ordering::Relaxed);
        self.shared.welcomed_at.lock().unwrap().clear();
    }

    /// When each was welcome since the door was opened.
    pub(crate) fn welcomed_at(&self) -> Vec<Instant> {
        self.shared.welcomed_at.lock().unwrap().clone()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// Connects, stays, and comes back.
async fn live(shared: &Shared, device: &Device) {
    let mut failures = 0;
    loop {
        let met = {
            let is_open = shared.is_open.load(Ordering::Relaxed);
            let _place = if is_open {
                None
            } else {
                shared.door.acquire().await.ok()
            };
            timeout(WELCOME_WITHIN, meet(shared, device)).await
        };
        let wait = match met.unwrap_or(Err(Refused::Failed)) {
            Ok(socket) => {
                failures = 0;
                shared.counts.welcome.fetch_add(1, Ordering::Relaxed);
                shared.welcomed_at.lock().unwrap().push(Instant::now());
                let imposed = stay(shared, socket).await;
                shared.counts.welcome.fetch_sub(1, Ordering::Relaxed);
                shared.counts.lost.fetch_add(1, Ordering::Relaxed);
                imposed.unwrap_or_else(|| backoff(&mut failures))
            }
            Err(Refused::Later(after)) => {
                shared.counts.later.fetch_add(1, Ordering::Relaxed);
                after
            }
            Err(Refused::Failed) => {
                shared.counts.failed.fetch_add(1, Ordering::Relaxed);
                backoff(&mut failures)
            }
        };
        sleep(wait).await;
    }
}

fn backoff(failures: &mut u32) -> Duration {
    let wait = BACKOFF.0.saturating_mul(1 << (*failures).min(6)).min(BACKOFF.1);
    *failures += 1;
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}

async fn meet(shared: &Shared, device: &Device) -> Result<Socket, Refused> {
    let stream = TcpStream::connect(shared.address)
        .await
        .map_err(|_| Refused::Failed)?;
    let _ = stream.set_nodelay(true);
    let url = format!("ws://{}/v1/satellites/connect", shared.address);
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let bearer = format!("Bearer {}", device.token.expose_secret());
    headers.insert("authorization", bearer.parse().unwrap());
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0);
    let opened = client_async_with_config(request, stream, Some(config)).await;
    let (mut socket, _) = opened.map_err(|error| refused(&error))?;
    let hello = Hello {
        capabilities: vec![Capability {
            kind: KIND.to_owned(),
            arguments_schema: None,
        }],
        ..Hello::default()
    };
    say(&mut socket, SatelliteFrame::Hello(hello)).await?;
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => match HubFrame::decode(&text) {
                Ok(HubFrame::Welcome(_)) => return Ok(socket),
                Ok(HubFrame::Goodbye(goodbye)) => {
                    let after = goodbye.reconnect_after_ms.map(Duration::from_millis);
                    return Err(after.map_or(Refused::Failed, Refused::Later));
                }
                _ => {}
            },
            Message::Close(_) => break,
            _ => {}
        }
    }
    Err(Refused::Failed)
}

fn refused(error: &Error) -> Refused {
    let Error::Http(response) = error else {
        return Refused::Failed;
    };
    retry_after(response.headers()).map_or(Refused::Failed, Refused::Later)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn say(socket: &mut Socket, frame: SatelliteFrame) -> Result<(), Refused> {
    let said = socket.send(Message::text(frame.encode())).await;
    said.map_err(|_| Refused::Failed)
}

/// Answers what comes, until the socket ends. Returns when to come again, if the hub said so.
async fn stay(shared: &Shared, mut socket: Socket) -> Option<Duration> {
    let mut imposed = None;
    while let Some(Ok(message)) = socket.next().await {
        let answer = match message {
            Message::Ping(_) => {
                shared.counts.beats.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            Message::Text(text) => match HubFrame::decode(&text) {
                Ok(HubFrame::Command(command)) => SatelliteFrame::CommandAck(CommandAck {
                    command_id: command.command_id,
                }),
                Ok(HubFrame::Accepted(accepted)) => match told(shared, &accepted) {
                    Some(answer) => answer,
                    None => continue,
                },
                Ok(HubFrame::Goodbye(goodbye)) => {
                    imposed = goodbye.reconnect_after_ms.map(Duration::from_millis);
                    continue;
                }
                _ => continue,
            },
            _ => continue,
        };
        if say(&mut socket, answer).await.is_err() {
            break;
        }
    }
    imposed
}

/// A command is done when its acknowledgement was accepted; when its result was, it is counted.
fn told(shared: &Shared, accepted: &Accepted) -> Option<SatelliteFrame> {
    let Accepted::Command { command_id, of } = *accepted else {
        return None;
    };
    if of == CommandStage::Ack {
        return Some(SatelliteFrame::CommandResult(CommandResult {
            command_id,
            status: CommandStatus::Ok,
            result: None,
            error: None,
        }));
    }
    let _ = shared.done.send((command_id, Instant::now()));
    None
}
