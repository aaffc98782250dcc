//! The OpenAI Responses API, or whatever speaks it at another base URL.

use std::time::Duration;

use async_openai::{
    Client,
    error::OpenAIError,
    types::responses::{
        CreateResponse, InputParam, OutputItem, OutputMessageContent, Response, ResponseFormatJsonSchema,
        ResponseTextParam, Status, TextResponseFormatConfiguration,
    },
};
use async_trait::async_trait;

use super::{Answer, Model, ModelError, Request, Usage, account::Account};
use crate::config::ModelConfig;

/// The API.
pub struct ResponsesApi {
    client: Client<Account>,
    model: String,
    max_output_tokens: u32,
}

impl ResponsesApi {
    /// The API as configured. Nothing is asked yet.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        Self {
            client: Account::client(
                &config.base_url,
                config.api_key.clone(),
                Duration::from_millis(config.timeout_ms),
            ),
            model: config.name.clone(),
            max_output_tokens: config.max_output_tokens,
        }
    }

    fn body(&self, request: &Request) -> CreateResponse {
        let format = ResponseFormatJsonSchema {
            description: None,
            name: request.shape.to_owned(),
            schema: request.schema.clone(),
            strict: Some(true),
        };
        CreateResponse {
            model: Some(self.model.clone()),
            instructions: Some(request.instructions.clone()),
            input: InputParam::Text(request.input.clone()),
            max_output_tokens: Some(self.max_output_tokens),
            // What the household says is not kept anywhere but here.
            store: Some(false),
            text: Some(ResponseTextParam {
                format: TextResponseFormatConfiguration::JsonSchema(format),
                verbosity: None,
            }),
            ..CreateResponse::default()
        }
    }
}

#[async_trait]
impl Model for ResponsesApi {
    async fn ask(&self, request: &Request) -> Result<Answer, ModelError> {
        let answer = self.client.responses().create(self.body(request)).await;
        read(answer.map_err(sorted)?)
    }
}

/// What our transport sorted comes back in a box; what is left is an answer that the library cannot read.
pub(super) fn sorted(error: OpenAIError) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<ModelError>() {
            Ok(error) => *error,
            Err(other) => ModelError::Malformed(other.to_string()),
        },
        // Its text holds the answer, which is nobody's business in a log.
        OpenAIError::JSONDeserialize(error, _) => {
            ModelError::Malformed(format!("it is no response: {error}"))
        }
        other => ModelError::Malformed(other.to_string()),
    }
}

fn read(answer: Response) -> Result<Answer, ModelError> {
    match answer.status {
        Status::Completed => {}
        Status::Incomplete => {
            let why = answer.incomplete_details.map(|details| details.reason);
            let why = why.unwrap_or_default();
            return Err(ModelError::Malformed(format!("it is not complete: {why}")));
        }
        Status::Failed | Status::Cancelled | Status::InProgress | Status::Queued => {
            return Err(ModelError::Away {
                reason: answer.error.map(|error| error.message).unwrap_or_default(),
                retry_after: None,
            });
        }
    }
    let mut text = String::new();
    for content in answer.output.iter().filter_map(said).flatten() {
        match content {
            OutputMessageContent::OutputText(piece) => text.push_str(&piece.text),
            OutputMessageContent::Refusal(refusal) => {
                let why: String = refusal.refusal.chars().take(300).collect();
                return Err(ModelError::Refused(why));
            }
        }
    }
    let usage = usage(&answer);
    Ok(Answer { text, usage })
}

fn said(item: &OutputItem) -> Option<&Vec<OutputMessageContent>> {
    match item {
        OutputItem::Message(message) => Some(&message.content),
        _ => None,
    }
}

fn usage(answer: &Response) -> Usage {
    let model = answer.model.clone();
    answer.usage.as_ref().map_or_else(
        || Usage {
            model: model.clone(),
            ..Usage::default()
        },
        |usage| Usage {
            model: model.clone(),
            input_tokens: usage.input_tokens,
            cached_tokens: usage.input_tokens_details.cached_tokens,
            output_tokens: usage.output_tokens,
            reasoning_tokens: usage.output_tokens_details.reasoning_tokens,
        },
    )
}
