//! A far side that answers HTTP as its script says, on a real socket: a model, embeddings, a queue.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Held, certificates::house_certificates};

/// The server. Past the end of its script it answers 500, so that a call which nobody expected is an outage; unless it was told
/// what to do then.
pub struct ScriptedServer {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
    end: CancellationToken,
}

#[derive(Default)]
struct State {
    script: VecDeque<Line>,
    heard: Vec<Heard>,
    otherwise: Option<Rule>,
}

/// What a request is answered with.
type Rule = Arc<dyn Fn(&Heard) -> Line + Send + Sync>;

/// One line of the script.
#[derive(Debug, Clone)]
pub enum Line {
    /// A whole answer: status, headers beyond the usual ones, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// A stream of server-sent events, as it goes over the wire. After its last piece the connection ends.
    Stream(Vec<Piece>),
    /// Nothing, for as long as the caller waits.
    Hang,
    /// The beginning of an answer, and then the connection ends.
    Break,
}

/// A piece of a stream.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Bytes.
    Send(Vec<u8>),
    /// Nothing, until the test lets it go on.
    Hold(Held),
    /// These bytes again and again at this pace, for as long as the caller listens.
    Repeat(Vec<u8>, Duration),
    /// Nothing more, for as long as the caller waits.
    Stall,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its first line.
    pub line: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Value,
}

impl Heard {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Line {
    /// Events, numbered as the API does, each in one piece.
    #[must_use]
    pub fn stream(events: &[Value]) -> Self {
        let events = events.iter().enumerate().map(|(number, event)| {
            let mut event = event.clone();
            event["sequence_number"] = json!(number);
            let name = event["type"].as_str().unwrap_or_default();
            Piece::Send(format!("event: {name}\ndata: {event}\n\n").into_bytes())
        });
        Self::Stream(events.collect())
    }

    /// The pieces of a stream.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece> {
        match self {
            Self::Stream(pieces) => pieces.clone(),
            _ => Vec::new(),
        }
    }

    /// The body of a whole answer.
    #[must_use]
    pub fn body(&self) -> &str {
        match self {
            Self::Answer(_, _, body) => body,
            Self::Stream(_) | Self::Hang | Self::Break => "",
        }
    }

    /// An error of the API.
    #[must_use]
    pub fn fails(status: u16, message: &str) -> Self {
        let error = json!({"error": {"message": message, "type": "some_error", "param": null, "code": null}});
        Self::Answer(status, Vec::new(), error.to_string())
    }

    /// An error that says when to come again, in seconds.
    #[must_use]
    pub fn fails_for(status: u16, seconds: u32) -> Self {
        match Self::fails(status, "not now") {
            Self::Answer(status, _, body) => {
                Self::Answer(status, vec![("retry-after", seconds.to_string())], body)
            }
            other => other,
        }
    }
}

impl ScriptedServer {
    /// Listens, with an empty script.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// The same behind TLS, with a certificate of an authority that nobody knows: its certificate is the second.
    pub async fn with_tls() -> (Self, String) {
        hub::tls::choose_provider();
        let (acceptor, authority) = house_certificates();
        (Self::listen(Some(acceptor)).await, authority)
    }

    async fn listen(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let (state, end, tracker) = (Arc::default(), CancellationToken::new(), TaskTracker::new());
        let (shared, ended, tasks) = (Arc::clone(&state), end.clone(), tracker.clone());
        tracker.spawn(async move {
            let accepting = async {
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, state, end) = (acceptor.clone(), Arc::clone(&shared), ended.clone());
                    tasks.spawn(async move {
                        match acceptor {
                            None => answer(stream, state, end).await,
                            Some(acceptor) => {
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    answer(stream, state, end).await;
                                }
                            }
                        }
                    });
                }
            };
            tokio::select! { () = accepting => {}, () = ended.cancelled() => {} }
        });
        Self {
            address,
            scheme,
            state,
            end,
        }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}/v1", self.scheme, self.address)
    }

    /// Adds to the script.
    pub fn then(&self, line: Line) {
        self.state
            .lock()
            .expect("no panic while held")
            .script
            .push_back(line);
    }

    /// Has it answer by a rule past the end of its script.
    pub fn otherwise(&self, rule: impl Fn(&Heard) -> Line + Send + Sync + 'static) {
        self.state.lock().expect("no panic while held").otherwise = Some(Arc::new(rule));
    }

    /// Drops what is left of its script.
    pub fn forget(&self) {
        self.state.lock().expect("no panic while held").script.clear();
    }

    /// What it was asked, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.state.lock().expect("no panic while held").heard.clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// One request; every answer ends its connection.
async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    state: Arc<Mutex<State>>,
    end: CancellationToken,
) {
    let Some(heard) = read(&mut stream).await else {
        return;
    };
    let line = {
        let mut state = state.lock().expect("no panic while held");
        let over = || {
            let rule = state.otherwise.as_ref();
            rule.map_or_else(|| Line::fails(500, "the script is over"), |rule| rule(&heard))
        };
        let otherwise = over();
        state.heard.push(heard);
        state.script.pop_front().unwrap_or(otherwise)
    };
    match line {
        Line::Answer(status, headers, body) => {
            let extra: Vec<String> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            let extra = extra.concat();
            let whole = format!(
                "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{extra}\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(whole.as_bytes()).await;
        }
        Line::Break => {
            let begun =
                "HTTP/1.1 200 -\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"id\":";
            let _ = stream.write_all(begun.as_bytes()).await;
        }
        Line::Stream(pieces) => send(&mut stream, pieces, &end).await,
        Line::Hang => end.cancelled().await,
    }
    let _ = stream.shutdown().await;
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), pieces: Vec<Piece>, end: &CancellationToken) {
    let head =
        b"HTTP/1.1 200 -\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n";
    let _ = stream.write_all(head).await;
    for piece in pieces {
        let going = match piece {
            Piece::Send(bytes) => stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok(),
            Piece::Hold(held) => {
                held.begin();
                tokio::select! { () = held.let_go() => true, () = end.cancelled() => false }
            }
            Piece::Repeat(bytes, pace) => {
                while stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok() {
                    tokio::select! { () = tokio::time::sleep(pace) => {}, () = end.cancelled() => return }
                }
                false
            }
            Piece::Stall => {
                end.cancelled().await;
                false
            }
        };
        if !going {
            return;
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Heard> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        (stream.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_default();
    while bytes.len() < head + 4 + length {
        (stream.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    }
    let body = serde_json::from_slice(&bytes[head + 4..]).ok()?;
    Some(Heard { line, headers, body })
}
