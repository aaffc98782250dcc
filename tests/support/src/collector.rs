//! A collector of traces that speaks OTLP over HTTP on a real socket, and keeps what it was told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The collector.
pub struct Collector {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    end: CancellationToken,
}

#[derive(Default)]
struct State {
    requests: Vec<ExportTraceServiceRequest>,
    heads: Vec<String>,
    bytes: Vec<u8>,
}

/// A span as a test reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its trace, in hex.
    pub trace: String,
    /// Its id, in hex.
    pub id: String,
    /// What it is under; empty: nothing.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// Its attributes, as text.
    pub attributes: Vec<(String, String)>,
    /// The traces it is linked to.
    pub links: Vec<String>,
    /// 2 where it failed.
    pub status: i32,
}

impl Told {
    /// An attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == key);
        found.map(|(_, value)| value.as_str())
    }
}

impl Collector {
    /// Listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (state, end, tracker) = (Arc::default(), CancellationToken::new(), TaskTracker::new());
        let (shared, ended, tasks) = (Arc::clone(&state), end.clone(), tracker.clone());
        tracker.spawn(async move {
            let accepting = async {
                while let Ok((stream, _)) = listener.accept().await {
                    tasks.spawn(converse(stream, Arc::clone(&shared), ended.clone()));
                }
            };
            tokio::select! { () = accepting => {}, () = ended.cancelled() => {} }
        });
        Self { address, state, end }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span that it was told, in the order in which they ended.
    #[must_use]
    pub fn spans(&self) -> Vec<Told> {
        let state = self.state.lock().expect("no panic while held");
        let resources = state.requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(told).collect()
    }

    /// Waits until the spans are as a test wants them.
    pub async fn until(&self, is_enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let spans = self.spans();
            if is_enough(&spans) {
                return spans;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "only these came: {spans:#?}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Everything that came over the wire, heads and bodies.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.state.lock().expect("no panic while held").bytes.clone()
    }

    /// The heads of the requests.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.state.lock().expect("no panic while held").heads.clone()
    }

    /// The names of whom the spans are from.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        let state = self.state.lock().expect("no panic while held");
        let resources = state.requests.iter().flat_map(|request| &request.resource_spans);
        let attributes = resources
            .filter_map(|resource| resource.resource.as_ref())
            .flat_map(|r| &r.attributes);
        let names = attributes.filter(|pair| pair.key == "service.name");
        names
            .map(|pair| said(pair.value.as_ref().and_then(|value| value.value.as_ref())))
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// One connection, request after request.
async fn converse(mut stream: TcpStream, state: Arc<Mutex<State>>, end: CancellationToken) {
    let mut bytes = Vec::new();
    loop {
        let read = tokio::select! {
            read = stream.read_buf(&mut bytes) => read.unwrap_or_default(),
            () = end.cancelled() => return,
        };
        if read == 0 {
            return;
        }
        while let Some((head, body)) = request(&mut bytes) {
            let decoded = ExportTraceServiceRequest::decode(body.as_slice());
            {
                let mut state = state.lock().expect("no panic while held");
                state.bytes.extend_from_slice(head.as_bytes());
                state.bytes.extend_from_slice(&body);
                state.heads.push(head);
                state.requests.push(decoded.expect("OTLP is protobuf"));
            }
            let answer =
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// The first whole request of what was read.
fn request(bytes: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    })?;
    if bytes.len() < at + length {
        return None;
    }
    let whole: Vec<u8> = bytes.drain(..at + length).collect();
    Some((head, whole[at..].to_vec()))
}

fn told(span: &Span) -> Told {
    let attributes = span.attributes.iter().map(|pair| {
        let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
        (pair.key.clone(), said(value))
    });
    Told {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name.clone(),
        attributes: attributes.collect(),
        links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
        status: span.status.as_ref().map_or(0, |status| status.code),
    }
}

fn said(value: Option<&Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.concat()
}
