//! The shadow of a device: what it should be like (*desired*, by people) and what it says it is like (*reported*, by itself).
//! Both are JSON objects, changed by merge patches (RFC 7396): what a patch names is replaced, `null` removes it, objects are
//! merged, and all else stays. Pure rules; no I/O.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    error::{Error, Result, step},
    ids::DeviceId,
};

/// A JSON object.
pub type Document = Map<String, Value>;

/// Bytes of a document, and of a patch, at most: a screenful of settings. What is larger is an artifact.
pub const MAX_BYTES: usize = 16 * 1024;
/// Levels of a document at most, itself among them.
pub const MAX_DEPTH: usize = 8;
/// Keys of a document at most, on all levels together.
pub const MAX_KEYS: usize = 256;
/// Characters of a key at most.
pub const MAX_KEY: usize = 100;

/// What a device should be like, what it says it is like, and where the two differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shadow {
    /// Whose.
    pub device_id: DeviceId,
    /// What people want of it.
    pub desired: Desired,
    /// What it says of itself.
    pub reported: Reported,
    /// The part of what is desired that is not reported, or is reported otherwise; empty when the device is as it should be.
    #[schema(value_type = Object)]
    pub delta: Document,
}

/// What people want of a device.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Desired {
    /// The document.
    #[schema(value_type = Object)]
    pub state: Document,
    /// Counts its changes; 0: there was none. Name it when you change it.
    pub version: i64,
    /// When it last changed.
    pub changed_at: Option<DateTime>,
}

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Reported {
    /// The document.
    #[schema(value_type = Object)]
    pub state: Document,
    /// Counts its changes; 0: there was none.
    pub version: i64,
    /// When it last changed.
    pub changed_at: Option<DateTime>,
    /// The version of what is desired that the device says it has dealt with; 0: none.
    pub reached_version: i64,
}

impl Shadow {
    /// Of two documents.
    #[must_use]
    pub fn of(device_id: DeviceId, desired: Desired, reported: Reported) -> Self {
        let delta = delta(&desired.state, &reported.state);
        Self {
            device_id,
            desired,
            reported,
            delta,
        }
    }

    /// Whether the device is as it should be, as far as it says.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        self.delta.is_empty()
    }
}

/// A document with a merge patch applied to it (RFC 7396).
#[must_use]
pub fn merge(mut document: Document, patch: &Document) -> Document {
    for (key, change) in patch {
        match change {
            Value::Null => {
                document.remove(key);
            }
            Value::Object(inner) => {
                let before = match document.remove(key) {
                    Some(Value::Object(before)) => before,
                    _ => Document::new(),
                };
                document.insert(key.clone(), Value::Object(merge(before, inner)));
            }
            other => {
                document.insert(key.clone(), other.clone());
            }
        }
    }
    document
}

/// The merge patch that makes what is reported have all that is desired, and changes nothing else. Empty when it has.
#[must_use]
pub fn delta(desired: &Document, reported: &Document) -> Document {
    let missing = desired.iter().filter_map(|(key, wanted)| {
        let left = match (wanted, reported.get(key)) {
            (Value::Object(wanted), Some(Value::Object(found))) => {
                let inner = delta(wanted, found);
                (!inner.is_empty()).then_some(Value::Object(inner))
            }
            (wanted, Some(found)) if is_same(wanted, found) => None,
            (wanted, _) => Some(wanted.clone()),
        };
        left.map(|left| (key.clone(), left))
    });
    missing.collect()
}

/// Whether two documents mean the same, however their numbers are written: what is kept in the database is written anew.
#[must_use]
pub fn is_same_document(one: &Document, other: &Document) -> bool {
    let is_there = |(key, value)| other.get(key).is_some_and(|found| is_same(value, found));
    one.len() == other.len() && one.iter().all(is_there)
}

/// Whether two values mean the same: 1 and 1.0 do, for not every device writes numbers as people do.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => is_same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => is_same_document(one, other),
        _ => one == other,
    }
}

fn is_same_number(one: &Number, other: &Number) -> bool {
    // Whole numbers exactly: as doubles, large ones would run into each other.
    one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
}

/// Whether a merge patch, or a document, is within the bounds. `pointer` is where it stands in what was sent.
pub fn check(document: &Document, pointer: &str) -> Result<()> {
    let mut keys = 0;
    check_object(document, pointer, 1, &mut keys)?;
    if keys > MAX_KEYS {
        let detail = format!("has {keys} keys: at most {MAX_KEYS} are kept");
        return Err(Error::invalid(pointer, detail));
    }
    let bytes = bytes(document);
    if bytes > MAX_BYTES {
        let detail = format!("has {bytes} bytes: at most {MAX_BYTES} are kept");
        return Err(Error::invalid(pointer, detail));
    }
    Ok(())
}

fn bytes(document: &Document) -> usize {
    serde_json::to_string(document).map_or(usize::MAX, |text| text.len())
}

fn check_object(document: &Document, pointer: &str, depth: usize, keys: &mut usize) -> Result<()> {
    *keys += document.len();
    for (key, value) in document {
        if !(1..=MAX_KEY).contains(&key.chars().count()) || key.chars().any(char::is_control) {
            let detail =
                format!("has a key that has not 1 to {MAX_KEY} characters, or holds control characters");
            return Err(Error::invalid(pointer, detail));
        }
        let at = pointer.to_owned() + &step(key);
        check_value(value, &at, depth + 1, keys)?;
    }
    Ok(())
}

fn check_value(value: &Value, pointer: &str, depth: usize, keys: &mut usize) -> Result<()> {
    if (value.is_object() || value.is_array()) && depth > MAX_DEPTH {
        let detail = format!("is deeper than {MAX_DEPTH} levels");
        return Err(Error::invalid(pointer, detail));
    }
    match value {
        Value::String(text) if text.contains('\0') => {
            Err(Error::invalid(pointer, "must not contain the character NUL"))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_value(item, &format!("{pointer}/{index}"), depth + 1, keys)),
        Value::Object(fields) => check_object(fields, pointer, depth, keys),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
