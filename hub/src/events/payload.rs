//! What the payload of each type must look like when it comes from outside. Errors point into the payload.

use serde_json::{Map, Value};

use super::EventKind;
use crate::error::{Error, FieldError, Result, step};

/// Characters of a spoken or written text at most: about ten minutes of speech.
pub const MAX_TEXT: usize = 16_000;
/// Bytes of a payload of a third party's type at most.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// Characters of a participant's name at most.
const MAX_PARTICIPANT: usize = 200;

/// Checks a payload from a satellite. `pointer` is where the payload stands in what was sent.
pub fn check(kind: &EventKind, payload: &Value, pointer: &str) -> Result<()> {
    let Value::Object(fields) = payload else {
        return Err(Error::invalid(pointer, "must be an object"));
    };
    if let Some(at) = find_nul(payload, pointer) {
        return Err(Error::invalid(at, "must not contain the character NUL"));
    }
    let errors = match kind {
        EventKind::Transcript => check_transcript(fields, pointer),
        _ => check_size(payload, pointer),
    };
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Checks one text: not blank, within the bound, no NUL (Postgres cannot store it).
pub fn check_text(text: &str, max: usize) -> std::result::Result<(), String> {
    if text.trim().is_empty() {
        Err("must not be empty".to_owned())
    } else if text.chars().count() > max {
        Err(format!("must be at most {max} characters"))
    } else if text.contains('\0') {
        Err("must not contain the character NUL".to_owned())
    } else {
        Ok(())
    }
}

/// Checks the name of something: a text that stands on one line and reads as it is written. With control characters a name
/// could steer a terminal, and with those of writing direction an approval could read other than it is.
pub fn check_name(name: &str, max: usize) -> std::result::Result<(), String> {
    check_text(name, max)?;
    let is_control = |char: char| char.is_control() || ends_line(char) || turns_text_around(char);
    if name.chars().any(is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(())
}

/// The line ends that are not among the control characters.
const fn ends_line(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}')
}

/// The Unicode controls of writing direction.
#[must_use]
pub const fn turns_text_around(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

fn check_transcript(fields: &Map<String, Value>, pointer: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, detail: String| {
        errors.push(FieldError {
            pointer: pointer.to_owned() + &step(field),
            detail,
        });
    };
    match fields.get("text") {
        Some(Value::String(text)) => {
            if let Err(detail) = check_text(text, MAX_TEXT) {
                refuse("text", detail);
            }
        }
        Some(_) => refuse("text", "must be a text".to_owned()),
        None => refuse("text", "is missing".to_owned()),
    }
    match fields.get("participant") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.chars().count() <= MAX_PARTICIPANT => {}
        Some(_) => refuse(
            "participant",
            format!("must be a text of at most {MAX_PARTICIPANT} characters"),
        ),
    }
    match fields.get("is_final") {
        None | Some(Value::Bool(true)) => {}
        Some(_) => refuse(
            "is_final",
            "must be true: only final transcripts are kept".to_owned(),
        ),
    }
    for unknown in fields
        .keys()
        .filter(|key| !["text", "participant", "is_final"].contains(&key.as_str()))
    {
        refuse(unknown, "is not a field of a transcript".to_owned());
    }
    errors
}

fn check_size(payload: &Value, pointer: &str) -> Vec<FieldError> {
    let bytes = payload.to_string().len();
    if bytes <= MAX_PAYLOAD {
        return Vec::new();
    }
    vec![FieldError {
        pointer: pointer.to_owned(),
        detail: format!("must be at most {MAX_PAYLOAD} bytes"),
    }]
}

/// Where a NUL stands in a document, in a key or a text. The parser has bounded the depth.
#[must_use]
pub fn find_nul(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(|| pointer.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find_nul(item, &format!("{pointer}/{index}"))),
        Value::Object(fields) => fields.iter().find_map(|(key, item)| {
            if key.contains('\0') {
                Some(pointer.to_owned())
            } else {
                find_nul(item, &(pointer.to_owned() + &step(key)))
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
