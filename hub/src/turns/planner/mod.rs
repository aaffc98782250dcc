//! The planner: a turn thought through by a language model. It reads the gathered context and answers in one strict shape:
//! a reply, what to remember, what it wants to do. Nothing of that has an effect here: the hub checks it, keeps memories by
//! its own rules, and asks a person before it acts.
//!
//! While the model is away the turn waits, which is no try; or the offline rules think instead, where the configuration says
//! so (`model.when_down`).

mod plan;
mod prompt;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    context::{Input, TurnContext},
    offline::Offline,
    runtime::{AgentRuntime, RuntimeError, Thought},
};
use crate::{
    adapters::{
        circuit::Circuit,
        models::{Model, ModelError, Request, Usage},
    },
    clock::DateTime,
    config::{ModelConfig, WhenDown},
    telemetry::{metric, trace},
};

/// How long a turn waits for somebody to correct the configuration before it asks again.
const CONFIGURED_AGAIN: Duration = Duration::from_mins(1);
/// What a turn says it waits for.
const WAITING_FOR: &str = "the model";
/// The same while the model refuses the hub itself.
const WAITING_FOR_KEY: &str =
    "a model that accepts the hub: see model.api_key, model.name and model.base_url";
/// Tokens in the unit of prices.
const MILLION: f64 = 1e6;

/// Thinks with a model.
pub struct Planner {
    model: Arc<dyn Model>,
    circuit: Circuit,
    when_down: WhenDown,
    input_usd: f64,
    output_usd: f64,
}

impl Planner {
    /// A planner with a model.
    pub fn new(model: Arc<dyn Model>, config: &ModelConfig) -> Self {
        metrics::gauge!(metric::MODEL_CIRCUIT).set(0.0);
        Self {
            model,
            circuit: Circuit::default(),
            when_down: config.when_down,
            input_usd: config.input_usd,
            output_usd: config.output_usd,
        }
    }

    async fn think(&self, context: &TurnContext) -> Result<Thought, RuntimeError> {
        self.circuit
            .enter(context.now)
            .map_err(|retry_after| RuntimeError::Away {
                waiting_for: WAITING_FOR.to_owned(),
                retry_after,
            })?;
        let request = Request {
            instructions: prompt::instructions(context),
            input: prompt::input(context),
            shape: "plan",
            schema: plan::schema(),
        };
        let asked = tokio::time::Instant::now();
        let span = trace::model();
        let answer = self.model.ask(&request).instrument(span.clone()).await;
        let outcome = answer.as_ref().err().map_or("answered", outcome);
        let usage = answer.as_ref().ok().map(|answer| &answer.usage);
        trace::asked(
            &span,
            outcome,
            usage.map(|usage| (usage.input_tokens, usage.output_tokens)),
        );
        drop(span);
        metrics::histogram!(metric::MODEL_SECONDS, "outcome" => outcome)
            .record(asked.elapsed().as_secs_f64());
        let answer = answer.map_err(|error| self.failed(context.now, &error))?;
        if self.is_back() {
            tracing::info!("the model is back");
        }
        let mut thought = plan::read(context, &answer.text).map_err(RuntimeError::Malformed)?;
        thought.usage = self.cost(&answer.usage);
        Ok(thought)
    }

    /// What a failed call means for the turn. An outage is said once, when it begins.
    fn failed(&self, now: DateTime, error: &ModelError) -> RuntimeError {
        let (waiting_for, asked_for) = match error {
            ModelError::Away { retry_after, .. } => (WAITING_FOR, *retry_after),
            ModelError::Misconfigured(_) => (WAITING_FOR_KEY, Some(CONFIGURED_AGAIN)),
            // It is there, and this turn's to deal with.
            ModelError::Refused(_) => {
                self.is_back();
                return RuntimeError::Refused(error.to_string());
            }
            ModelError::Malformed(_) => {
                self.is_back();
                return RuntimeError::Malformed(error.to_string());
            }
        };
        let (retry_after, is_first) = self.circuit.failed(now, asked_for);
        metrics::gauge!(metric::MODEL_CIRCUIT).set(1.0);
        if is_first {
            tracing::error!(%error, "turns wait for the model");
        }
        RuntimeError::Away {
            waiting_for: waiting_for.to_owned(),
            retry_after,
        }
    }

    /// The model answered. True when it had been away.
    fn is_back(&self) -> bool {
        metrics::gauge!(metric::MODEL_CIRCUIT).set(0.0);
        self.circuit.answered()
    }

    fn cost(&self, usage: &Usage) -> Value {
        let is_known = self.input_usd > 0.0 || self.output_usd > 0.0;
        let cost =
            f64::from(usage.input_tokens) * self.input_usd + f64::from(usage.output_tokens) * self.output_usd;
        json!({
            "model": usage.model,
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cost_usd": is_known.then_some(cost / MILLION),
        })
    }
}

const fn outcome(error: &ModelError) -> &'static str {
    match error {
        ModelError::Away { .. } => "away",
        ModelError::Misconfigured(_) => "misconfigured",
        ModelError::Refused(_) => "refused",
        ModelError::Malformed(_) => "malformed",
    }
}

#[async_trait]
impl AgentRuntime for Planner {
    fn name(&self) -> &'static str {
        "planner"
    }

    /// What was said, as it is; and what the offline rules would ask, should they have to think.
    fn questions(&self, input: &Input) -> Vec<String> {
        let mut questions = vec![input.text.clone()];
        if self.when_down == WhenDown::Offline {
            questions.extend(Offline.questions(input));
        }
        questions
    }

    async fn run(
        &self,
        context: &TurnContext,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        let thought = tokio::select! {
            thought = self.think(context) => thought,
            () = cancel.cancelled() => Err(RuntimeError::Away {
                waiting_for: "a restart".to_owned(),
                retry_after: Duration::ZERO,
            }),
        };
        match thought {
            Err(RuntimeError::Away { .. })
                if self.when_down == WhenDown::Offline && !cancel.is_cancelled() =>
            {
                Offline.run(context, deadline, cancel).await
            }
            thought => thought,
        }
    }
}
