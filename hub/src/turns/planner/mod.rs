//! The planner: a turn thought through by a language model. It reads the gathered context, may look up what is remembered, and
//! answers in one strict shape: a reply, what it wants to do, what to remember. Nothing of that has an effect here: the hub
//! checks it, keeps memories by its own rules, and asks a person before it acts.
//!
//! While the model is away the turn waits, which is no try; or the offline rules think instead, where the agent's owner or,
//! failing that, the configuration says so.

mod functions;
mod outages;
mod plan;
mod prompt;
mod reply;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::{functions::Called, outages::Outages, reply::ReplyReader};
use super::{
    WhenModelDown,
    context::{Input, TurnContext},
    offline::Offline,
    runtime::{AgentRuntime, RuntimeError, Sink, Standing, Thought},
    step::{Step, StepOutcome, StepUsage},
};
use crate::{
    adapters::models::{Call, Model, ModelError, Request, Said, Usage},
    config::ModelConfig,
    error::Error,
    storage::AgentBrief,
    telemetry::{metric, trace},
};

/// Calls of the model in one turn at most, the one with the answer included.
const MOST_STEPS: usize = 4;
/// Functions called at once at most; the model is asked for one at a time.
const MOST_CALLS: usize = 4;
/// What is left of a turn's time when the model must have answered, so that it is known what was late.
const MARGIN: Duration = Duration::from_millis(500);
/// When to look again for a memory that is away.
const MEMORY_AGAIN: Duration = Duration::from_secs(1);
/// Tokens in the unit of prices.
const MILLION: f64 = 1e6;

/// Thinks with a model.
pub struct Planner {
    model: Arc<dyn Model>,
    outages: Outages,
    when_down: WhenModelDown,
    input_usd: f64,
    output_usd: f64,
}

/// One turn that is thought through.
struct Thinking<'a> {
    context: &'a TurnContext,
    sink: &'a dyn Sink,
    request: Request,
    /// What the steps so far took.
    usage: Option<StepUsage>,
    /// Whether it was told of a call that made no sense.
    is_warned: bool,
    until: Instant,
}

/// What a step came to.
enum Next {
    Thought(Thought),
    Calls(Vec<Call>),
}

impl Planner {
    /// A planner with a model.
    pub fn new(model: Arc<dyn Model>, config: &ModelConfig) -> Self {
        Self {
            model,
            outages: Outages::default(),
            when_down: config.when_down,
            input_usd: config.input_usd,
            output_usd: config.output_usd,
        }
    }

    fn when_down(&self, agent: &AgentBrief) -> WhenModelDown {
        agent.when_model_down.unwrap_or(self.when_down)
    }

    async fn think(
        &self,
        context: &TurnContext,
        sink: &dyn Sink,
        deadline: Duration,
    ) -> Result<Thought, RuntimeError> {
        self.outages.enter(context.now)?;
        let mut thinking = Thinking {
            context,
            sink,
            request: request(context),
            usage: None,
            is_warned: false,
            until: Instant::now() + deadline.saturating_sub(MARGIN),
        };
        for step in 1..=MOST_STEPS {
            thinking.request.may_call = step < MOST_STEPS;
            match self.step(&mut thinking).await? {
                Next::Thought(thought) => return Ok(thought),
                Next::Calls(calls) => thinking.call(calls).await?,
            }
        }
        Err(malformed("it calls functions when it has to answer"))
    }

    /// Asks once, and tells what that took.
    async fn step(&self, thinking: &mut Thinking<'_>) -> Result<Next, RuntimeError> {
        let asked = Instant::now();
        let span = trace::model();
        let (said, usage) = thinking.ask(&*self.model).instrument(span.clone()).await;
        let next = said.and_then(|said| thinking.understand(said));
        let outcome = match &next {
            Ok(Next::Thought(_)) => StepOutcome::Answered,
            Ok(Next::Calls(_)) => StepOutcome::Called,
            Err(error) => outcome(error),
        };
        let tokens = usage
            .as_ref()
            .map(|usage| (usage.input_tokens, usage.output_tokens));
        trace::asked(&span, outcome.as_str(), tokens);
        drop(span);
        metrics::histogram!(metric::MODEL_SECONDS, "outcome" => outcome.as_str())
            .record(asked.elapsed().as_secs_f64());
        let function = match &next {
            Ok(Next::Calls(calls)) => calls.iter().find_map(functions::known),
            _ => None,
        };
        let usage = usage.map(|usage| self.priced(usage));
        thinking.sink.step(Step {
            outcome,
            function,
            usage: usage.clone(),
            duration_ms: i32::try_from(asked.elapsed().as_millis()).unwrap_or(i32::MAX),
        });
        thinking.usage = match (thinking.usage.take(), usage) {
            (Some(before), Some(now)) => Some(before.and(&now)),
            (before, now) => now.or(before),
        };
        let next = next.map_err(|error| self.outages.failed(thinking.context.now, &error))?;
        self.outages.answered(thinking.context.now);
        Ok(match next {
            Next::Thought(mut thought) => {
                thought.usage = json!(thinking.usage);
                Next::Thought(thought)
            }
            calls @ Next::Calls(_) => calls,
        })
    }

    fn priced(&self, usage: Usage) -> StepUsage {
        let is_known = self.input_usd > 0.0 || self.output_usd > 0.0;
        let cost =
            f64::from(usage.input_tokens) * self.input_usd + f64::from(usage.output_tokens) * self.output_usd;
        StepUsage {
            model: usage.model,
            input_tokens: usage.input_tokens,
            cached_tokens: usage.cached_tokens,
            output_tokens: usage.output_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            cost_usd: is_known.then_some(cost / MILLION),
        }
    }
}

impl Thinking<'_> {
    /// Asks the model, and passes on what it says of the reply while it says it.
    async fn ask(&self, model: &dyn Model) -> (Result<Said, ModelError>, Option<Usage>) {
        let reader = Mutex::new(ReplyReader::default());
        let is_talking = AtomicBool::new(false);
        let on_text = |text: &str| {
            is_talking.store(true, Ordering::Relaxed);
            let said = reader.lock().unwrap_or_else(PoisonError::into_inner).read(text);
            if !said.is_empty() {
                self.sink.say(&said);
            }
        };
        match tokio::time::timeout_at(self.until, model.ask(&self.request, &on_text)).await {
            Ok(Ok(answer)) => (answer.said, Some(answer.usage)),
            Ok(Err(error)) => (Err(error), None),
            Err(_) if is_talking.load(Ordering::Relaxed) => (Err(ModelError::too_long()), None),
            Err(_) if self.request.called.is_empty() => (Err(ModelError::away("no answer in time")), None),
            // It is there, and took too many detours.
            Err(_) => {
                let reason = "its calls take longer than a turn may".to_owned();
                (Err(ModelError::Malformed(reason)), None)
            }
        }
    }

    fn understand(&self, said: Said) -> Result<Next, ModelError> {
        if said.calls.is_empty() {
            let thought = plan::read(self.context, &said.text).map_err(ModelError::Malformed)?;
            return Ok(Next::Thought(thought));
        }
        if !self.request.may_call || said.calls.len() > MOST_CALLS {
            let reason = "it calls more functions than it may".to_owned();
            return Err(ModelError::Malformed(reason));
        }
        Ok(Next::Calls(said.calls))
    }

    /// Carries out what the model calls. A call that makes no sense is answered once; the next one ends the try.
    async fn call(&mut self, calls: Vec<Call>) -> Result<(), RuntimeError> {
        // What it said before was not the answer.
        self.sink.restart();
        for call in calls {
            let called = functions::call(self.context, self.sink, &call).await;
            let output = match called.map_err(|error| without_memory(&error))? {
                Called::Done(output) => output,
                Called::Wrong(_) if self.is_warned => {
                    return Err(malformed(
                        "it calls what is not there, or not as it has to, again",
                    ));
                }
                Called::Wrong(output) => {
                    self.is_warned = true;
                    output
                }
            };
            self.request.called.push((call, output));
        }
        Ok(())
    }
}

fn request(context: &TurnContext) -> Request {
    Request {
        instructions: prompt::instructions(context),
        input: prompt::input(context),
        shape: "plan",
        schema: plan::schema(),
        functions: functions::all(),
        called: Vec::new(),
        may_call: true,
    }
}

fn malformed(reason: &str) -> RuntimeError {
    RuntimeError::Malformed(ModelError::Malformed(reason.to_owned()).to_string())
}

fn without_memory(error: &Error) -> RuntimeError {
    if error.is_outage() {
        return RuntimeError::Away {
            waiting_for: "what is remembered".to_owned(),
            retry_after: MEMORY_AGAIN,
        };
    }
    tracing::error!(error = error.chain(), "what is remembered cannot be searched");
    RuntimeError::Malformed("what is remembered cannot be searched".to_owned())
}

const fn outcome(error: &ModelError) -> StepOutcome {
    match error {
        ModelError::Away { .. } => StepOutcome::Away,
        ModelError::Misconfigured(_) => StepOutcome::Misconfigured,
        ModelError::Refused(_) => StepOutcome::Refused,
        ModelError::Malformed(_) => StepOutcome::Malformed,
    }
}

#[async_trait]
impl AgentRuntime for Planner {
    fn name(&self) -> &'static str {
        "planner"
    }

    /// What was said, as it is; and what the offline rules would ask, should they have to think.
    fn questions(&self, agent: &AgentBrief, input: &Input) -> Vec<String> {
        let mut questions = vec![input.text.clone()];
        if self.when_down(agent) == WhenModelDown::Offline {
            questions.extend(Offline.questions(agent, input));
        }
        questions
    }

    async fn run(
        &self,
        context: &TurnContext,
        sink: &dyn Sink,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        let thought = tokio::select! {
            thought = self.think(context, sink, deadline) => thought,
            () = cancel.cancelled() => Err(RuntimeError::Away {
                waiting_for: "a restart".to_owned(),
                retry_after: Duration::ZERO,
            }),
        };
        match thought {
            Err(RuntimeError::Away { .. })
                if self.when_down(&context.agent) == WhenModelDown::Offline && !cancel.is_cancelled() =>
            {
                sink.restart();
                Offline.run(context, sink, deadline, cancel).await
            }
            thought => thought,
        }
    }

    fn standing(&self) -> Option<Standing> {
        Some(self.outages.standing())
    }
}
