//! A runtime that thinks what the test wrote down.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hub::{
    storage::AgentBrief,
    turns::{
        Block,
        context::{Input, TurnContext},
        runtime::{AgentRuntime, RuntimeError, Sink, Thought},
    },
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Gives the answers of its script in order. Clones share the script. Past its end it refuses, so that a turn which nobody
/// expected ends dead and the test fails.
#[derive(Clone, Default)]
pub struct ScriptedRuntime(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    seen: Vec<TurnContext>,
}

struct Answer {
    what: Result<Thought, RuntimeError>,
    held: Option<Held>,
}

/// An answer that comes only when the test lets it.
#[derive(Debug, Clone, Default)]
pub struct Held {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Held {
    /// Ends when the runtime has been asked.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Says that it has been asked.
    pub(crate) fn begin(&self) {
        self.begun.notify_one();
    }

    /// Ends when the test lets the answer come.
    pub(crate) async fn let_go(&self) {
        self.go_on.notified().await;
    }

    /// Lets the answer come.
    pub fn go_on(&self) {
        self.go_on.notify_one();
    }
}

impl ScriptedRuntime {
    /// The next turn comes to this.
    pub fn then(&self, thought: Thought) {
        self.push(Ok(thought), None);
    }

    /// The next turn says this.
    pub fn then_say(&self, text: &str) {
        self.then(Thought {
            reply: vec![Block::text(text)],
            ..Thought::default()
        });
    }

    /// The next turn comes to nothing.
    pub fn then_fail(&self, error: RuntimeError) {
        self.push(Err(error), None);
    }

    /// The next turn comes to this when the test lets it.
    #[must_use]
    pub fn then_hold(&self, thought: Thought) -> Held {
        let held = Held::default();
        self.push(Ok(thought), Some(held.clone()));
        held
    }

    /// What it was given to think with, turn by turn.
    #[must_use]
    pub fn seen(&self) -> Vec<TurnContext> {
        self.0.lock().expect("no panic while held").seen.clone()
    }

    fn push(&self, what: Result<Thought, RuntimeError>, held: Option<Held>) {
        let mut script = self.0.lock().expect("no panic while held");
        script.answers.push_back(Answer { what, held });
    }

    fn next(&self, context: &TurnContext) -> Option<Answer> {
        let mut script = self.0.lock().expect("no panic while held");
        script.seen.push(context.clone());
        script.answers.pop_front()
    }
}

#[async_trait]
impl AgentRuntime for ScriptedRuntime {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn questions(&self, _: &AgentBrief, _: &Input) -> Vec<String> {
        Vec::new()
    }

    async fn run(
        &self,
        context: &TurnContext,
        _sink: &dyn Sink,
        _deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        let Some(answer) = self.next(context) else {
            return Err(RuntimeError::Refused("the script has no answer left".to_owned()));
        };
        if let Some(held) = answer.held {
            held.begun.notify_one();
            tokio::select! {
                () = held.go_on.notified() => {}
                () = cancel.cancelled() => {}
            }
        }
        answer.what
    }
}
