//! A wire between a satellite and the hub that understands frames, and can be cut at any of them.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Who says a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The satellite.
    Satellite,
    /// The hub.
    Hub,
}

/// On which side of a frame the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The frame was said and does not arrive.
    Before,
    /// The frame arrives, and nothing after it.
    After,
}

/// Where to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Whose frame.
    pub side: Side,
    /// Which of them, from 1, over all connections.
    pub frame: usize,
    /// Before it or after it.
    pub edge: Edge,
}

/// The wire.
pub struct Wire {
    address: SocketAddr,
    state: Arc<State>,
    end: CancellationToken,
}

struct State {
    cut: Option<Cut>,
    is_done: AtomicBool,
    frames: Mutex<[usize; 2]>,
}

impl Wire {
    /// A wire to an address, to be cut once or not at all.
    pub async fn to(hub: SocketAddr, cut: Option<Cut>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(State {
            cut,
            is_done: AtomicBool::new(false),
            frames: Mutex::default(),
        });
        let (end, tracker) = (CancellationToken::new(), TaskTracker::new());
        let (tasks, ended, shared) = (tracker.clone(), end.clone(), Arc::clone(&state));
        tracker.spawn(async move {
            let accepting = async {
                while let Ok((satellite, _)) = listener.accept().await {
                    tasks.spawn(carry(satellite, hub, Arc::clone(&shared)));
                }
            };
            tokio::select! { () = accepting => {}, () = ended.cancelled() => {} }
        });
        Self { address, state, end }
    }

    /// Where satellites connect.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://{}/v1/satellites/connect", self.address)
    }

    /// Whether it has been cut.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.state.is_done.load(Ordering::Relaxed)
    }

    /// How many frames each side has said.
    #[must_use]
    pub fn frames(&self, side: Side) -> usize {
        self.state.frames.lock().expect("no panic while held")[side as usize]
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl State {
    /// Counts a frame, and says whether the wire is to be cut at it.
    fn cuts_at(&self, side: Side) -> Option<Edge> {
        let mut frames = self.frames.lock().expect("no panic while held");
        frames[side as usize] += 1;
        let cut = self
            .cut
            .filter(|cut| cut.side == side && cut.frame == frames[side as usize])?;
        (!self.is_done.swap(true, Ordering::Relaxed)).then_some(cut.edge)
    }
}

/// One connection. When one direction ends, both do.
async fn carry(satellite: TcpStream, hub: SocketAddr, state: Arc<State>) {
    let Ok(hub) = TcpStream::connect(hub).await else {
        return;
    };
    let (from_satellite, to_satellite) = satellite.into_split();
    let (from_hub, to_hub) = hub.into_split();
    tokio::select! {
        () = pump(from_satellite, to_hub, &state, Side::Satellite) => {}
        () = pump(from_hub, to_satellite, &state, Side::Hub) => {}
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, state: &State, side: Side) {
    let mut read = Vec::new();
    let mut is_upgraded = false;
    while from.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
        while let Some(length) = if is_upgraded { frame(&read) } else { head(&read) } {
            let edge = if is_upgraded && is_text(&read) {
                state.cuts_at(side)
            } else {
                None
            };
            is_upgraded = true;
            let whole: Vec<u8> = read.drain(..length).collect();
            if edge != Some(Edge::Before) && to.write_all(&whole).await.is_err() {
                return;
            }
            if edge.is_some() {
                let _ = to.shutdown().await;
                return;
            }
        }
    }
}

/// The length of a request's or an answer's head, once it is whole.
fn head(bytes: &[u8]) -> Option<usize> {
    let end = b"\r\n\r\n";
    bytes
        .windows(end.len())
        .position(|window| window == end)
        .map(|at| at + end.len())
}

/// The length of a frame (RFC 6455, 5.2), once it is whole.
fn frame(bytes: &[u8]) -> Option<usize> {
    let second = *bytes.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (head, length) = match second & 0x7f {
        126 => (4, bytes.get(2..4)?),
        127 => (10, bytes.get(2..10)?),
        _ => (2, bytes.get(1..2)?),
    };
    let length = length
        .iter()
        .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let length = if head == 2 { length & 0x7f } else { length };
    let whole = head + mask + length;
    (bytes.len() >= whole).then_some(whole)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x0f == 1)
}
