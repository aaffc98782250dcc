//! A reader of server-sent events, as they come over a real socket.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::{rest::Client, served::Served};

/// What is waited for comes within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

/// A stream that is read.
pub struct Listening {
    answer: Response,
    text: String,
}

/// One event of a stream.
#[derive(Debug, PartialEq)]
pub struct StreamEvent {
    /// Where whoever comes again goes on.
    pub id: Option<String>,
    /// Its kind.
    pub event: String,
    /// What it says.
    pub data: Value,
}

impl Listening {
    /// Asks for a stream of the client's agent, with what was heard last.
    pub async fn ask(served: &Served, client: &Client, path: &str, after: Option<&str>) -> Response {
        let url = format!("http://{}/v1/agents/self/{path}", served.address());
        let mut ask = reqwest::Client::builder()
            .build()
            .expect("a client")
            .get(url)
            .bearer_auth(client.credential());
        if let Some(delegation) = client.delegation() {
            ask = ask.header("hub-delegation", delegation);
        }
        if let Some(after) = after {
            ask = ask.header("last-event-id", after);
        }
        ask.send().await.expect("an answer")
    }

    /// Begins to listen.
    pub async fn to(served: &Served, client: &Client, path: &str, after: Option<&str>) -> Self {
        let answer = Self::ask(served, client, path, after).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let text = String::new();
        Self { answer, text }
    }

    /// The next event; none at the end.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event = StreamEvent::parse(&self.text[..end]);
                self.text.drain(..end + 2);
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let piece = timeout(SOON, self.answer.chunk()).await;
            let piece = piece.expect("something comes soon");
            let piece = piece.expect("the connection stands")?;
            self.text.push_str(std::str::from_utf8(&piece).expect("UTF-8"));
        }
    }

    /// All that comes until the end.
    pub async fn rest(mut self) -> Vec<StreamEvent> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

impl StreamEvent {
    /// The events of a stream that has ended.
    #[must_use]
    pub fn all_of(text: &str) -> Vec<Self> {
        text.split("\n\n").filter_map(Self::parse).collect()
    }

    /// None for a comment.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start().to_owned())
        };
        Some(Self {
            id: field("id:"),
            event: field("event:")?,
            data: serde_json::from_str(&field("data:")?).expect("JSON"),
        })
    }
}
