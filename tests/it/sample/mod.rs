//! A hub with one of each thing, and a good request for each operation of the API.

mod people;
mod recognition;
mod requests;
mod things;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use hub::{
    storage::AgentBrief,
    turns::{
        context::{Input, TurnContext},
        offline::Offline,
        runtime::{AgentRuntime, RuntimeError, Sink, Thought},
    },
};
use serde_json::Value;
use support::{Api, Client, Operation, Rest, TestHub, User};
use tokio_util::sync::CancellationToken;

/// The SHA-256 of `window`.
const DIGEST: &str = "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba";
/// The grant of RFC 8628.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What a device can do.
const KIND: &str = "x.lamp";
/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The offline rules, which give up on whoever says so.
pub(crate) struct Brittle;

#[async_trait]
impl AgentRuntime for Brittle {
    fn name(&self) -> &'static str {
        Offline.name()
    }

    fn questions(&self, agent: &AgentBrief, input: &Input) -> Vec<String> {
        Offline.questions(agent, input)
    }

    async fn run(
        &self,
        context: &TurnContext,
        sink: &dyn Sink,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        if context
            .inputs
            .iter()
            .any(|input| input.text.contains("break down"))
        {
            return Err(RuntimeError::Refused("it broke down".to_owned()));
        }
        Offline.run(context, sink, deadline, cancel).await
    }
}

/// A hub with one of each thing.
pub(crate) struct Sample {
    pub(crate) hub: TestHub,
    pub(crate) rest: Rest,
    pub(crate) api: Api,
    pub(crate) ada: User,
    /// Ada, who owns the agent `home`.
    pub(crate) owner: Client,
    /// Stands in every text of a good request.
    pub(crate) canary: &'static str,
    next: AtomicU64,
}

/// A memory, and what it came from.
pub(crate) struct Remembered {
    pub(crate) memory: String,
    pub(crate) event: String,
    pub(crate) session: String,
}

impl Remembered {
    async fn newest(client: &Client) -> Self {
        let memories = client.get("memories?limit=1").await.expect(200);
        let session = memories.text("/items/0/session_id").to_owned();
        let path = format!("events?session_id={session}&types=transcript,message.user&limit=200");
        let events = client.get(&path).await.expect(200);
        let last = events.items().last().expect("it was said");
        Self {
            memory: memories.text("/items/0/id").to_owned(),
            event: last["id"].as_str().expect("an id").to_owned(),
            session,
        }
    }
}

/// A request that is carried out.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

impl Sample {
    pub(crate) async fn new() -> Self {
        // Whoever watches is told that the time is over at once: these tests wait for whole answers.
        let briefly = |config: &mut hub::config::Config| config.http.stream_ms = 100;
        let hub = TestHub::builder().runtime(Brittle).config(briefly).start().await;
        let ada = hub.owner("ada").await;
        let rest = Rest::of(&hub);
        let owner = rest.user(&ada).await;
        hub.home.office.connects(&["speaker.say"]).await;
        hub.expect_leftovers();
        Self {
            hub,
            rest,
            api: Api::read(),
            ada,
            owner,
            canary: "canary",
            next: AtomicU64::new(1),
        }
    }

    /// A text that was not there before.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.canary, self.next())
    }

    pub(crate) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A request that the owner may make and that will be carried out, with every field that it can have.
    pub(crate) async fn good(&self, operation: &Operation) -> Good {
        let mut path = operation.path.clone();
        for (name, _) in &operation.in_path {
            let value = self.subject(&operation.id, name).await;
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let body = if operation.body.is_some() {
            Some(self.body(&operation.id, &path).await)
        } else {
            None
        };
        Good { path, body }
    }
}

/// Sends a good request.
pub(crate) fn ask(client: &Client, operation: &Operation, good: &Good) -> support::Ask {
    let ask = client.ask(operation.method.clone(), &good.path);
    match &good.body {
        Some(body) => ask.json(body),
        None => ask,
    }
}
