//! A far side that speaks the wire format of OpenAI's API as its script says, on a real socket.

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

/// Characters of a delta: less than a word, so that everything is cut somewhere.
const DELTA: usize = 7;

/// The server. Past the end of its script it answers 500, so that a call which nobody expected is an outage; unless it was told
/// what to do then.
pub struct ModelServer {
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

    /// The document that the model was given.
    #[must_use]
    pub fn document(&self) -> Value {
        let text = self.body["input"][0]["content"].as_str();
        let text = text.expect("the input begins with a text");
        serde_json::from_str(text).expect("the input is a document")
    }
}

impl Line {
    /// A plan, as a model that keeps to the schema gives it.
    #[must_use]
    pub fn plan(plan: &Value) -> Self {
        Self::says(&plan.to_string())
    }

    /// A completed response with a text.
    #[must_use]
    pub fn says(text: &str) -> Self {
        Self::output(&json!([{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]))
    }

    /// A completed response in which the model refuses.
    #[must_use]
    pub fn declines(why: &str) -> Self {
        Self::output(&json!([{"type": "refusal", "refusal": why}]))
    }

    fn output(content: &Value) -> Self {
        let message = json!([{
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content
        }]);
        Self::stream(&events(&response("completed", &message)))
    }

    /// A completed response that calls a function, after it has thought.
    #[must_use]
    pub fn calls(function: &str, arguments: &str) -> Self {
        let output = json!([
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {
                "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
                "name": function, "arguments": arguments
            },
        ]);
        Self::stream(&events(&response("completed", &output)))
    }

    /// A response that ended too early.
    #[must_use]
    pub fn incomplete() -> Self {
        let mut response = response("incomplete", &json!([]));
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
        Self::stream(&events(&response))
    }

    /// A response that failed while it was made.
    #[must_use]
    pub fn failed(code: &str) -> Self {
        let mut response = response("failed", &json!([]));
        response["error"] = json!({"code": code, "message": "it went wrong"});
        Self::stream(&events(&response))
    }

    /// An error in the middle of a stream.
    #[must_use]
    pub fn error_event(code: &str) -> Self {
        let error = json!({"type": "error", "code": code, "message": "it went wrong", "param": null});
        let mut all = events(&response("completed", &json!([])));
        all.truncate(2);
        all.push(error);
        Self::stream(&all)
    }

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

    /// The same answer as one that does not stream gives it.
    #[must_use]
    pub fn whole(self) -> Self {
        let last = self.pieces().pop();
        let Some(Piece::Send(last)) = last else {
            return self;
        };
        let text = String::from_utf8(last).expect("events are text");
        let data = text.split_once("data: ").map_or("", |(_, data)| data);
        let last: Value = serde_json::from_str(data).expect("an event is JSON");
        Self::Answer(200, Vec::new(), last["response"].to_string())
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

impl ModelServer {
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

impl Drop for ModelServer {
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

/// A response with all the fields that the API's document asks for.
fn response(status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_795_000_000, "status": status, "model": "scripted-1",
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": false, "temperature": 1.0, "top_p": 1.0, "output": output,
        "usage": {
            "input_tokens": 1200, "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 0},
            "output_tokens": 80, "output_tokens_details": {"reasoning_tokens": 30}, "total_tokens": 1280
        }
    })
}

/// The events that lead to a response.
fn events(response: &Value) -> Vec<Value> {
    let mut begun = response.clone();
    (begun["status"], begun["output"]) = (json!("in_progress"), json!([]));
    (begun["error"], begun["incomplete_details"]) = (Value::Null, Value::Null);
    if let Some(begun) = begun.as_object_mut() {
        begun.remove("usage");
    }
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (at, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        item_events(at, item, &mut events);
    }
    let status = response["status"].as_str().unwrap_or_default();
    events.push(json!({"type": format!("response.{status}"), "response": response}));
    events
}

fn item_events(at: usize, item: &Value, events: &mut Vec<Value>) {
    let (mut begun, id) = (item.clone(), &item["id"]);
    if begun["type"] == "message" {
        (begun["status"], begun["content"]) = (json!("in_progress"), json!([]));
    }
    if begun["type"] == "function_call" {
        (begun["status"], begun["arguments"]) = (json!("in_progress"), json!(""));
    }
    events.push(json!({"type": "response.output_item.added", "output_index": at, "item": begun}));
    for (part, content) in item["content"].as_array().into_iter().flatten().enumerate() {
        let about = json!({"item_id": id, "output_index": at, "content_index": part});
        let event = |kind: &str, more: Value| {
            let mut event = about.clone();
            event["type"] = json!(kind);
            for (key, value) in more.as_object().into_iter().flatten() {
                event[key] = value.clone();
            }
            event
        };
        let (Some(text), Value::Object(mut empty)) = (content["text"].as_str(), content.clone()) else {
            continue;
        };
        empty.insert("text".to_owned(), json!(""));
        events.push(event("response.content_part.added", json!({"part": empty})));
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(DELTA) {
            let delta: String = piece.iter().collect();
            events.push(event(
                "response.output_text.delta",
                json!({"delta": delta, "logprobs": [], "obfuscation": "xyz"}),
            ));
        }
        events.push(event(
            "response.output_text.done",
            json!({"text": text, "logprobs": []}),
        ));
        events.push(event("response.content_part.done", json!({"part": content})));
    }
    if let Some(arguments) = item["arguments"].as_str() {
        let about = json!({"item_id": id, "output_index": at});
        let mut done = about.clone();
        (done["type"], done["arguments"], done["name"]) = (
            json!("response.function_call_arguments.done"),
            json!(arguments),
            item["name"].clone(),
        );
        events.push(done);
    }
    events.push(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
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
