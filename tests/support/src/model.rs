//! A far side that speaks the wire format of OpenAI's API as its script says, on a real socket.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The server. Past the end of its script it answers 500, so that a call which nobody expected is an outage; unless it was told
/// what to do then.
pub struct ModelServer {
    address: SocketAddr,
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
    /// Nothing, for as long as the caller waits.
    Hang,
    /// The beginning of an answer, and then the connection ends.
    Break,
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
        let text = self.body["input"].as_str().expect("the input is a text");
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
        Self::output(&json!([{"type": "output_text", "text": text, "annotations": []}]))
    }

    /// A completed response in which the model refuses.
    #[must_use]
    pub fn declines(why: &str) -> Self {
        Self::output(&json!([{"type": "refusal", "refusal": why}]))
    }

    fn output(content: &Value) -> Self {
        let response = json!({
            "id": "resp_1", "object": "response", "created_at": 1_795_000_000, "status": "completed",
            "model": "scripted-1",
            "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}],
            "usage": {
                "input_tokens": 1200, "input_tokens_details": {"cached_tokens": 1000},
                "output_tokens": 80, "output_tokens_details": {"reasoning_tokens": 30}, "total_tokens": 1280
            }
        });
        Self::Answer(200, Vec::new(), response.to_string())
    }

    /// A response that ended too early.
    #[must_use]
    pub fn incomplete() -> Self {
        let response = json!({
            "id": "resp_1", "object": "response", "created_at": 1_795_000_000, "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"}, "model": "scripted-1", "output": []
        });
        Self::Answer(200, Vec::new(), response.to_string())
    }

    /// The body of a whole answer.
    #[must_use]
    pub fn body(&self) -> &str {
        match self {
            Self::Answer(_, _, body) => body,
            Self::Hang | Self::Break => "",
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (state, end, tracker) = (Arc::default(), CancellationToken::new(), TaskTracker::new());
        let (shared, ended, tasks) = (Arc::clone(&state), end.clone(), tracker.clone());
        tracker.spawn(async move {
            let accepting = async {
                while let Ok((stream, _)) = listener.accept().await {
                    tasks.spawn(answer(stream, Arc::clone(&shared), ended.clone()));
                }
            };
            tokio::select! { () = accepting => {}, () = ended.cancelled() => {} }
        });
        Self { address, state, end }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
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
async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>, end: CancellationToken) {
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
        Line::Hang => end.cancelled().await,
    }
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
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
