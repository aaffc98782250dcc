//! A runtime that thinks what the test wrote down.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
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
    question: Option<String>,
    answers: VecDeque<Answer>,
    seen: Vec<TurnContext>,
}

struct Answer {
    /// What it says on the way.
    says: &'static str,
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
        self.push("", Ok(thought), None);
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
        self.push("", Err(error), None);
    }

    /// The next turn comes to this when the test lets it.
    #[must_use]
    pub fn then_hold(&self, thought: Thought) -> Held {
        self.then_say_and_hold("", thought)
    }

    /// The next turn says this on the way, and comes to that when the test lets it.
    #[must_use]
    pub fn then_say_and_hold(&self, says: &'static str, thought: Thought) -> Held {
        let held = Held::default();
        self.push(says, Ok(thought), Some(held.clone()));
        held
    }

    /// From now on it wants to know this about every input.
    pub fn asks(&self, question: &str) {
        self.script().question = Some(question.to_owned());
    }

    /// What it was given to think with, turn by turn.
    #[must_use]
    pub fn seen(&self) -> Vec<TurnContext> {
        self.script().seen.clone()
    }

    fn push(&self, says: &'static str, what: Result<Thought, RuntimeError>, held: Option<Held>) {
        self.script().answers.push_back(Answer { says, what, held });
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().expect("no panic while held")
    }

    fn next(&self, context: &TurnContext) -> Option<Answer> {
        let mut script = self.script();
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
        self.script().question.iter().cloned().collect()
    }

    async fn run(
        &self,
        context: &TurnContext,
        sink: &dyn Sink,
        _deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        let Some(answer) = self.next(context) else {
            return Err(RuntimeError::Refused("the script has no answer left".to_owned()));
        };
        sink.say(answer.says);
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
