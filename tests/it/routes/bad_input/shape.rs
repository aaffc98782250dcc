//! Values of another shape than they should have, of which serde would make what they should have been.

use serde_json::{Value, json};

use super::{Case, field::put, with_bodies};
use crate::sample::Sample;

/// serde reads a struct from an array of its fields.
#[tokio::test]
async fn an_array_is_no_object() {
    let sample = Sample::new().await;
    let mut tried = 0;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for place in objects(&case) {
            let fields = case.body().pointer(&place).and_then(Value::as_object).cloned();
            let mut values: Vec<Value> = fields.expect("an object").into_values().collect();
            for _ in 0..2 {
                let mut body = case.body();
                put(&mut body, &place, json!(values));
                let _ = case.with_body(&body).await.points_at(&place);
                values.reverse();
                tried += 1;
            }
        }
        case.ends().await;
    }
    assert!(tried >= 2, "some bodies have objects in them");
}

/// The objects in a body whose fields the document names.
fn objects(case: &Case<'_>) -> Vec<String> {
    let fields = case.fields();
    let above = |pointer: &str| pointer.rsplit_once('/').map(|(above, _)| above.to_owned());
    let mut places: Vec<String> = fields.iter().filter_map(|field| above(&field.pointer)).collect();
    places.retain(|place| !place.is_empty());
    places.sort_unstable();
    places.dedup();
    places
}

/// And one of several words from an object.
#[tokio::test]
async fn an_object_is_no_word() {
    let sample = Sample::new().await;
    let mut tried = 0;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        let fields = case.fields();
        for field in fields.iter().filter(|field| field.schema["enum"].is_array()) {
            let word = case
                .body()
                .pointer(&field.pointer)
                .and_then(Value::as_str)
                .map(str::to_owned);
            let word = word.expect("the sample has every field");
            for wrong in [
                json!({&word: null}),
                json!({&word: {}}),
                json!({&word: []}),
                json!([word]),
            ] {
                let mut body = case.body();
                put(&mut body, &field.pointer, wrong);
                let _ = case.with_body(&body).await.points_at(&field.pointer);
                tried += 1;
            }
        }
        case.ends().await;
    }
    assert!(tried >= 40, "many bodies have words in them");
}

/// Nobody knows which was meant.
#[tokio::test]
async fn a_field_that_is_there_twice_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for field in case.fields() {
            let (above, name) = field
                .pointer
                .rsplit_once('/')
                .expect("a field stands in something");
            let mut body = case.body();
            let object = body.pointer_mut(above).expect("the sample has every field");
            object["TWICE"] = object[name].clone();
            let raw = body.to_string().replace("\"TWICE\"", &format!("\"{name}\""));
            let _ = case.ask().raw(raw).send().await.points_at(&field.pointer);
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn what_is_anybodys_has_each_name_once_too() {
    let sample = Sample::new().await;
    let kitchen = sample.hub.home.office.id;
    let raw = format!(
        "{{\"device_id\": \"{kitchen}\", \"kind\": \"speaker.say\", \"arguments\": {{\"a\": [{{\"b/c\": 1, \"b\\u002fc\": 2}}]}}}}"
    );
    let sent = sample
        .owner
        .ask(axum::http::Method::POST, "commands")
        .raw(raw.clone());
    let _ = sent.send().await.points_at("/arguments/a/0/b~1c");
    // What is not JSON is said to be that, whatever else is wrong with it.
    let sent = sample
        .owner
        .ask(axum::http::Method::POST, "commands")
        .raw(format!("{raw}]"));
    let _ = sent.send().await.refuses(400, "malformed");
}
