//! The OpenAI Responses API, or whatever speaks it at another base URL.

use std::time::Duration;

use async_openai::types::responses::{
    CreateResponse, EasyInputContent, EasyInputMessage, FunctionCallOutput, FunctionCallOutputItemParam,
    FunctionTool, FunctionToolCall, InputItem, InputParam, Item, MessagePhase, OutputItem, OutputMessage,
    OutputMessageContent, Response, ResponseErrorCode, ResponseFormatJsonSchema, ResponseTextParam, Role,
    Status, TextResponseFormatConfiguration, Tool, ToolChoiceOptions, ToolChoiceParam,
};
use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Answer, Call, Function, Model, ModelError, OnText, Request, Said, Usage, account,
    events::{Event, Events, unreadable},
    transport::{self, MAX_ANSWER_BYTES, Transport},
};
use crate::config::{ConfigError, ModelConfig};

/// The share of the whole time for which an answer that has begun may be silent.
const IDLE_SHARE: u32 = 4;

/// The API.
pub struct ResponsesApi {
    transport: Transport,
    url: String,
    key: SecretString,
    model: String,
    max_output_tokens: u32,
    idle: Duration,
}

impl ResponsesApi {
    /// The API as configured. Nothing is asked yet; certificates that cannot be used are refused.
    pub fn new(config: &ModelConfig) -> Result<Self, ConfigError> {
        let within = Duration::from_millis(config.timeout_ms);
        Ok(Self {
            transport: Transport(account::http(within, &config.ca_file, "model.ca_file")?),
            url: format!("{}/responses", config.base_url.trim_end_matches('/')),
            key: config.api_key.clone(),
            model: config.name.clone(),
            max_output_tokens: config.max_output_tokens,
            idle: within / IDLE_SHARE,
        })
    }

    fn body(&self, request: &Request) -> CreateResponse {
        let format = ResponseFormatJsonSchema {
            description: None,
            name: request.shape.to_owned(),
            schema: request.schema.clone(),
            strict: Some(true),
        };
        let choice = if request.may_call {
            ToolChoiceOptions::Auto
        } else {
            ToolChoiceOptions::None
        };
        let has_functions = !request.functions.is_empty();
        CreateResponse {
            model: Some(self.model.clone()),
            instructions: Some(request.instructions.clone()),
            input: InputParam::Items(input(request)),
            max_output_tokens: Some(self.max_output_tokens),
            // What the household says is not kept anywhere but here.
            store: Some(false),
            stream: Some(true),
            text: Some(ResponseTextParam {
                format: TextResponseFormatConfiguration::JsonSchema(format),
                verbosity: None,
            }),
            tools: has_functions.then(|| request.functions.iter().map(tool).collect()),
            tool_choice: has_functions.then_some(ToolChoiceParam::Option(choice)),
            parallel_tool_calls: has_functions.then_some(false),
            ..CreateResponse::default()
        }
    }

    fn post(&self, request: &Request) -> Result<reqwest::Request, ModelError> {
        let mut post = self
            .transport
            .0
            .post(&self.url)
            .header(ACCEPT, "text/event-stream")
            .json(&self.body(request));
        if !self.key.expose_secret().is_empty() {
            post = post.bearer_auth(self.key.expose_secret());
        }
        // Only a URL that is none gets here: the body is JSON, and the configuration refuses a key that is no header.
        post.build()
            .map_err(|_| ModelError::Misconfigured("model.base_url is no URL".to_owned()))
    }
}

#[async_trait]
impl Model for ResponsesApi {
    async fn ask(&self, request: &Request, on_text: &OnText<'_>) -> Result<Answer, ModelError> {
        let answer = self.transport.send(self.post(request)?).await?;
        if is_stream(&answer) {
            return streamed(Events::of(answer, self.idle), on_text).await;
        }
        // Not everything that speaks the API can stream.
        let body = transport::whole(answer, MAX_ANSWER_BYTES).await?;
        let answer: Response =
            serde_json::from_slice(&body).map_err(|error| unreadable("it is no response", &error))?;
        Ok(read(answer))
    }
}

fn is_stream(answer: &reqwest::Response) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/event-stream"))
}

async fn streamed(mut events: Events, on_text: &OnText<'_>) -> Result<Answer, ModelError> {
    loop {
        match events.next().await? {
            Event::Text { delta } => on_text(&delta),
            Event::Ended { response } => return Ok(read(*response)),
            Event::Error { code } => return Err(failed(&code.unwrap_or_default())),
            Event::Other => {}
        }
    }
}

/// What it is given: the question, and what it has called on the way.
fn input(request: &Request) -> Vec<InputItem> {
    let question = EasyInputMessage {
        role: Role::User,
        content: EasyInputContent::Text(request.input.clone()),
        ..EasyInputMessage::default()
    };
    let called = request.called.iter().flat_map(|(call, output)| {
        // Without the ids of its items: nothing is kept there under them.
        let call_id = call.id.clone();
        let output = FunctionCallOutputItemParam {
            call_id: Some(call_id.clone()),
            output: FunctionCallOutput::Text(output.clone()),
            id: None,
            status: None,
            name: None,
            namespace: None,
            caller: None,
        };
        let call = FunctionToolCall {
            call_id,
            name: call.function.clone(),
            arguments: call.arguments.clone(),
            ..FunctionToolCall::default()
        };
        [Item::FunctionCall(call), Item::FunctionCallOutput(output)]
    });
    std::iter::once(question.into())
        .chain(called.map(InputItem::from))
        .collect()
}

fn tool(function: &Function) -> Tool {
    Tool::Function(FunctionTool {
        name: function.name.to_owned(),
        description: Some(function.description.to_owned()),
        parameters: Some(function.parameters.clone()),
        strict: Some(true),
        ..FunctionTool::default()
    })
}

/// What an answer holds, whatever became of it.
fn read(answer: Response) -> Answer {
    Answer {
        usage: usage(&answer),
        said: said(answer),
    }
}

fn said(answer: Response) -> Result<Said, ModelError> {
    match answer.status {
        Status::Completed => {}
        Status::Incomplete => {
            let why = answer.incomplete_details.map(|details| details.reason);
            let why = transport::one_line(&why.unwrap_or_default());
            return Err(ModelError::Malformed(format!("it is not complete: {why}")));
        }
        Status::Failed | Status::Cancelled | Status::InProgress | Status::Queued => {
            let Some(error) = answer.error else {
                return Err(ModelError::away("it failed and did not say why"));
            };
            return Err(failed(&code(&error.code)));
        }
    }
    let mut said = Said::default();
    for item in answer.output {
        match item {
            // What it says on the way to the answer is none.
            OutputItem::Message(message) if message.phase == Some(MessagePhase::Commentary) => {}
            OutputItem::Message(message) => add_text(&mut said.text, &message)?,
            OutputItem::FunctionCall(call) => said.calls.push(Call {
                id: call.call_id,
                function: call.name,
                arguments: call.arguments,
            }),
            _ => {}
        }
    }
    Ok(said)
}

fn add_text(text: &mut String, message: &OutputMessage) -> Result<(), ModelError> {
    for content in &message.content {
        match content {
            OutputMessageContent::OutputText(piece) => text.push_str(&piece.text),
            OutputMessageContent::Refusal(_) => {
                // Its words are about what was said, which is nobody's business in a log.
                return Err(ModelError::Refused("it declines".to_owned()));
            }
        }
    }
    Ok(())
}

/// What the API calls an error, as it spells it.
fn code(code: &ResponseErrorCode) -> String {
    let spelled = serde_json::to_value(code).ok();
    let spelled = spelled.as_ref().and_then(|code| code.as_str());
    spelled.unwrap_or_default().to_owned()
}

/// An error that comes as an answer: of the request itself, or of the far side. Its words may quote what was asked: only its code
/// is said.
fn failed(code: &str) -> ModelError {
    const OF_THE_REQUEST: [&str; 6] = [
        "invalid_prompt",
        "bio_policy",
        "misalignment_policy_violation",
        "context_length_exceeded",
        "invalid_request_error",
        "data_residency_mismatch",
    ];
    let reason = transport::one_line(code);
    if OF_THE_REQUEST.contains(&code) {
        ModelError::Refused(reason)
    } else {
        ModelError::away(reason)
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
