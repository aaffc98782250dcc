//! Reading frames: first the `type`, then exactly that shape, so that every error can point at its field.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use serde_path_to_error::{Path, Segment};

use super::{
    Batch, ClientId, CommandStage, ErrorCode, ErrorNotice, FieldError, HubFrame, MAX_BATCH, NewEvent,
    Rejected, SatelliteFrame, Subject,
};

/// A frame that cannot be read, with all that is needed to answer it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FrameError {
    /// `malformed`, `invalid`, `unsupported` or `too_large`.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<FieldError>,
    /// What the frame was about, as far as that could be read.
    pub subject: Option<Subject>,
}

impl FrameError {
    /// The frame with which the hub answers: `rejected` when the frame named its subject, `error` otherwise.
    #[must_use]
    pub fn answer(self) -> HubFrame {
        let Self {
            code,
            detail,
            errors,
            subject,
        } = self;
        match subject {
            Some(subject) => HubFrame::Rejected(Rejected {
                subject,
                code,
                detail,
                errors,
            }),
            None => HubFrame::Error(ErrorNotice { code, detail, errors }),
        }
    }

    fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            subject: None,
        }
    }

    fn at(pointer: String, detail: impl Into<String>) -> Self {
        let error = FieldError {
            pointer,
            detail: detail.into(),
        };
        Self {
            errors: vec![error],
            ..Self::new(ErrorCode::Invalid, "a field is missing or wrong")
        }
    }

    fn about(self, subject: Option<Subject>) -> Self {
        Self { subject, ..self }
    }
}

impl From<FrameError> for ErrorNotice {
    fn from(error: FrameError) -> Self {
        let FrameError {
            code, detail, errors, ..
        } = error;
        Self { code, detail, errors }
    }
}

pub(super) fn satellite_frame(text: &str) -> Result<SatelliteFrame, FrameError> {
    let kind = frame_type(text)?;
    let frame = match kind.as_ref() {
        "hello" => body(text).map(SatelliteFrame::Hello),
        "event" => body(text).map(SatelliteFrame::Event),
        "events" => batch(text).map(SatelliteFrame::Events),
        "command_ack" => body(text).map(SatelliteFrame::CommandAck),
        "command_progress" => body(text).map(SatelliteFrame::CommandProgress),
        "command_result" => body(text).map(SatelliteFrame::CommandResult),
        "report" => body(text).map(SatelliteFrame::Report),
        "renew" => body(text).map(SatelliteFrame::Renew),
        "ping" => body(text).map(SatelliteFrame::Ping),
        "subscribe" => body(text).map(SatelliteFrame::Subscribe),
        "unsubscribe" => body(text).map(SatelliteFrame::Unsubscribe),
        other => Err(unsupported(other)),
    };
    frame.map_err(|error| error.about(subject(&kind, text)))
}

pub(super) fn hub_frame(text: &str) -> Result<HubFrame, FrameError> {
    let kind = frame_type(text)?;
    match kind.as_ref() {
        "welcome" => body(text).map(HubFrame::Welcome),
        "accepted" => body(text).map(HubFrame::Accepted),
        "duplicate" => body(text).map(HubFrame::Duplicate),
        "rejected" => body(text).map(HubFrame::Rejected),
        "discarded" => body(text).map(HubFrame::Discarded),
        "command" => body(text).map(HubFrame::Command),
        "command_cancel" => body(text).map(HubFrame::CommandCancel),
        "desired" => body(text).map(HubFrame::Desired),
        "subscribed" => body(text).map(HubFrame::Subscribed),
        "unsubscribed" => body(text).map(HubFrame::Unsubscribed),
        "event" => body(text).map(HubFrame::Event),
        "renewed" => body(text).map(HubFrame::Renewed),
        "error" => body(text).map(HubFrame::Error),
        "goodbye" => body(text).map(HubFrame::Goodbye),
        "pong" => body(text).map(HubFrame::Pong),
        other => Err(unsupported(other)),
    }
}

/// The `type` alone, without building the rest.
fn frame_type(text: &str) -> Result<Cow<'_, str>, FrameError> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    // serde would also read a struct from an array.
    if !text.trim_start().starts_with('{') {
        return Err(FrameError::new(ErrorCode::Malformed, "a frame is a JSON object"));
    }
    let envelope: Result<Envelope<'_>, _> = serde_json::from_str(text);
    envelope
        .map(|envelope| envelope.kind)
        .map_err(|error| FrameError::new(ErrorCode::Malformed, format!("not a frame: {error}")))
}

fn body<T: DeserializeOwned>(text: &str) -> Result<T, FrameError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| FrameError::at(pointer(error.path()), error.inner().to_string()))
}

/// A batch whose items are read one by one, so that a bad one does not take the others with it.
fn batch(text: &str) -> Result<Batch, FrameError> {
    #[derive(Deserialize)]
    struct Items<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Items { events } = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| FrameError::at(pointer(error.path()), error.inner().to_string()))?;
    if events.is_empty() {
        // Its items are what is answered: without one it would be met with silence.
        let detail = "a batch holds at least one event";
        return Err(FrameError::at("/events".to_owned(), detail));
    }
    if events.len() > MAX_BATCH {
        let detail = format!(
            "{} events in one frame; at most {MAX_BATCH} are taken",
            events.len()
        );
        return Err(FrameError::new(ErrorCode::TooLarge, detail));
    }
    Ok(Batch {
        events: events
            .into_iter()
            .enumerate()
            .map(|(index, item)| batch_item(index, item.get()))
            .collect(),
    })
}

fn batch_item(index: usize, item: &str) -> Result<NewEvent, FrameError> {
    let at = |pointer: &str| format!("/events/{index}{pointer}");
    if !item.starts_with('{') {
        return Err(FrameError::at(at(""), "an event is a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(item);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let detail = error.inner().to_string();
        FrameError::at(at(&pointer(error.path())), detail).about(event(item))
    })
}

fn unsupported(kind: &str) -> FrameError {
    // What a stranger wrote comes back to them and into logs: keep it short.
    let shown: String = kind.chars().take(64).collect();
    FrameError::new(
        ErrorCode::Unsupported,
        format!("the frame type {shown:?} is not known here"),
    )
}

/// What a frame that could not be read was about.
fn subject(kind: &str, text: &str) -> Option<Subject> {
    let of = match kind {
        "command_ack" => CommandStage::Ack,
        "command_progress" => CommandStage::Progress,
        "command_result" => CommandStage::Result,
        "subscribe" | "unsubscribe" => return subscription(text),
        "report" => return report(text),
        _ => return event(text),
    };
    let command_id = name(text)?.command_id?.as_str()?.parse().ok()?;
    Some(Subject::Command { command_id, of })
}

/// The event that a text names, however little else of it can be read.
fn event(text: &str) -> Option<Subject> {
    let client_id = ClientId::try_from(name(text)?.client_id?.as_str()?.to_owned()).ok()?;
    Some(Subject::Event { client_id })
}

/// The subscription that a text names.
fn subscription(text: &str) -> Option<Subject> {
    let name = name(text)?.subscription?.as_str()?.to_owned();
    let subscription = ClientId::try_from(name).ok()?;
    Some(Subject::Subscription { subscription })
}

/// The report that a text names.
fn report(text: &str) -> Option<Subject> {
    let report_id = ClientId::try_from(name(text)?.report_id?.as_str()?.to_owned()).ok()?;
    Some(Subject::Report { report_id })
}

#[derive(Deserialize)]
struct Name {
    client_id: Option<Value>,
    command_id: Option<Value>,
    subscription: Option<Value>,
    report_id: Option<Value>,
}

/// Skips the rest of the text without reading it: its strings need not be text, nor its depth bounded.
fn name(text: &str) -> Option<Name> {
    serde_json::from_str(text).ok()
}

/// The path as a JSON Pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                format!("/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Unknown => String::new(),
        })
        .collect()
}
