//! Fields: unknown, missing, of the wrong type, and texts that no text can be.

use hub::identity::password::MAX_BYTES;
use serde_json::{Value, json};
use support::Answer;

use super::{Case, body_limit, with_bodies};
use crate::sample::Sample;

pub(super) struct Field {
    pub(super) pointer: String,
    pub(super) schema: Value,
    pub(super) is_required: bool,
}

impl Field {
    fn kind(&self) -> &str {
        match &self.schema["type"] {
            Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
            kind => kind.as_str().unwrap_or_default(),
        }
    }

    /// Whether any text will do, as far as its form goes.
    pub(super) fn is_free_text(&self) -> bool {
        self.kind() == "string" && self.schema["enum"].is_null() && self.schema["format"].is_null()
    }

    fn wrong_values(&self) -> Vec<Value> {
        let mut wrong = match self.kind() {
            "string" => vec![json!(5), json!(true), json!({"zzz": 1}), json!(["a"])],
            "integer" => vec![json!("5"), json!(1.5), json!(-1), json!(1e300), json!([1])],
            "boolean" => vec![json!("true"), json!(1), json!([true]), json!({"zzz": 1})],
            "array" => vec![json!("a"), json!(7), json!({"0": 1}), json!([7])],
            "object" => vec![json!("a"), json!(7), json!([{"a": 1}])],
            other => panic!("add here values that are wrong for the type {other}"),
        };
        if !self.is_free_text() && self.kind() == "string" {
            wrong.extend([json!("zzz"), json!("")]);
        }
        if self.is_required {
            wrong.push(Value::Null);
        }
        wrong
    }
}

/// What an operation with a body may answer to a text that no text of its kind can be.
fn refuses_text(case: &Case<'_>, field: &Field, text: &str, answer: &Answer) -> bool {
    let status = answer.status.as_u16();
    match (case.operation.id.as_str(), field.pointer.as_str()) {
        // A wrong token is wrong, whatever stands in it, and so is a password that is not too long to be looked at.
        ("refresh_sign_in", _) => status == 401,
        ("sign_in", "/password") if text.len() <= MAX_BYTES => status == 401,
        // OAuth's own words for a grant or a code that is none.
        ("poll_pairing", _) => status == 400,
        // What was seen is compared, not read.
        (_, "/arguments_sha256") => status == 409,
        _ => status == 422 && answer.pointers().iter().any(|pointer| *pointer == field.pointer),
    }
}

pub(super) fn put(body: &mut Value, pointer: &str, value: Value) {
    *body.pointer_mut(pointer).expect("the sample has every field") = value;
}

fn remove(body: &mut Value, pointer: &str) {
    let (above, name) = pointer.rsplit_once('/').expect("a field stands in something");
    let object = body.pointer_mut(above).and_then(Value::as_object_mut);
    object.expect("the sample has every field").remove(name);
}

#[tokio::test]
async fn an_unknown_field_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        let mut objects = vec![String::new()];
        for field in case.fields() {
            let above = field
                .pointer
                .rsplit_once('/')
                .expect("a field stands in something")
                .0;
            if !objects.iter().any(|known| known == above) {
                objects.push(above.to_owned());
            }
        }
        for above in objects {
            for (name, step) in [("zzz", "zzz"), ("a/b~c", "a~1b~0c"), ("", "")] {
                let mut body = case.body();
                put(&mut body, &above, with_field(&case.body(), &above, name));
                let _ = case.with_body(&body).await.points_at(&format!("{above}/{step}"));
            }
        }
        case.ends().await;
    }
}

fn with_field(body: &Value, above: &str, name: &str) -> Value {
    let mut object = body.pointer(above).expect("the sample has every field").clone();
    object[name] = json!(1);
    object
}

#[tokio::test]
async fn a_missing_field_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for field in case.fields().iter().filter(|field| field.is_required) {
            let mut body = case.body();
            remove(&mut body, &field.pointer);
            let _ = case.with_body(&body).await.points_at(&field.pointer);
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for field in case.fields() {
            for wrong in field.wrong_values() {
                let mut body = case.body();
                put(&mut body, &field.pointer, wrong);
                let answer = case.with_body(&body).await.refuses(422, "invalid");
                let is_there = |pointer: &&str| pointer.starts_with(&field.pointer);
                assert!(
                    answer.pointers().iter().any(is_there),
                    "{body}: {}",
                    answer.told()
                );
            }
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn a_text_with_nul_or_without_end_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let without_end = "x".repeat((body_limit(&sample, operation) / 4 * 3).min(200_000));
        let case = Case::of(&sample, operation).await;
        for field in case.fields().into_iter().filter(Field::is_free_text) {
            for text in ["a\0b", "\0", &without_end] {
                let mut body = case.body();
                put(&mut body, &field.pointer, json!(text));
                let answer = case.with_body(&body).await;
                assert!(
                    refuses_text(&case, &field, text, &answer),
                    "{}: {}",
                    field.pointer,
                    answer.told()
                );
            }
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn half_a_surrogate_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for field in case.fields().iter().filter(|field| field.kind() == "string") {
            for half in [
                "\\ud800",
                "\\udc00",
                "a\\ud83d",
                "\\ud83d\\ud83d",
                "\\ud83d\\u0041",
            ] {
                let mut body = case.body();
                put(&mut body, &field.pointer, json!("HERE"));
                let raw = body.to_string().replace("HERE", half);
                let _ = case.ask().raw(raw).send().await.refuses(400, "malformed");
            }
        }
        case.ends().await;
    }
}
