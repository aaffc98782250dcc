//! Random requests over every operation: whatever comes, the hub never answers that it broke.

use std::time::{Duration, Instant};

use axum::{body::Body, http::Method};
use rand::{
    Rng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use serde_json::{Value, json};
use support::{Ask, Client, Operation, Rest, Seeded};

use crate::sample::{Good, Sample};

/// Requests of a run.
const REQUESTS: u64 = 2_000;
/// No answer may take as long: waits are bounded, and none is asked for.
const SLOW: Duration = Duration::from_secs(5);

#[tokio::test]
async fn no_request_breaks_the_hub() {
    let sample = Sample::new().await;
    let seed = Seeded::default();
    let mut goods = Vec::new();
    for operation in &sample.api.operations {
        goods.push((operation.clone(), sample.good(operation).await));
    }
    let (mut refused, mut done) = (0, 0);
    for number in 0..REQUESTS {
        let mut rng = seed.fork(number);
        let (operation, good) = goods.choose(&mut rng).unwrap();
        let client = somebody(&sample, operation, &mut rng).await;
        let began = Instant::now();
        let answer = spoil(&client, operation, good, &mut rng).send().await;
        assert!(
            !answer.status.is_server_error(),
            "request {number}: {}",
            answer.told()
        );
        assert!(
            began.elapsed() < SLOW,
            "request {number} took {:?}: {}",
            began.elapsed(),
            answer.told()
        );
        if answer.status.is_success() {
            done += 1;
        } else {
            refused += 1;
        }
    }
    assert!(
        done > REQUESTS / 20 && refused > REQUESTS / 2,
        "{done} done, {refused} refused"
    );
    let _ = Rest::of(&sample.hub).nobody().get("/readyz").await.expect(200);
    // What was accepted can be worked on.
    sample.hub.run_jobs().await;
}

/// Mostly the owner, with a sign-in that another request cannot have ended.
async fn somebody(sample: &Sample, operation: &Operation, rng: &mut StdRng) -> Client {
    match rng.random_range(0..10) {
        0 => sample.rest.nobody(),
        1 => sample.rest.device(&sample.hub.home.office),
        _ if operation.id == "sign_out" => sample.rest.user(&sample.ada).await,
        _ if ["sign_out_everywhere", "update_password"].contains(&operation.id.as_str()) => {
            sample.somebody().await
        }
        _ => sample.owner.clone(),
    }
}

/// A good request with up to four things changed.
fn spoil(client: &Client, operation: &Operation, good: &Good, rng: &mut StdRng) -> Ask {
    let (mut path, mut body) = (good.path.clone(), good.body.clone());
    let mut query: Vec<String> = Vec::new();
    let mut headers: Vec<(&str, Vec<u8>)> = Vec::new();
    let (mut raw, mut method) = (None, operation.method.clone());
    for _ in 0..rng.random_range(0..4) {
        match rng.random_range(0..8) {
            0 => path = spoilt_path(&path, rng),
            1 | 2 => query.push(parameter(operation, rng)),
            3 | 4 => body = body.map(|body| spoilt(body, rng)),
            5 => headers.push(header(rng)),
            6 => raw = Some(spoilt_text(body.as_ref(), rng)),
            _ if rng.random_bool(0.2) => method = any_method(rng),
            _ => {}
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let mut ask = client.ask(method, &path);
    ask = match (raw, body) {
        (Some(raw), _) => ask.raw(Body::from(raw)),
        (None, Some(body)) => ask.json(&body),
        (None, None) => ask,
    };
    headers
        .into_iter()
        .fold(ask, |ask, (name, value)| ask.header(name, value))
}

fn any_method(rng: &mut StdRng) -> Method {
    let all = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    all.choose(rng).cloned().unwrap_or_default()
}

fn spoilt_path(path: &str, rng: &mut StdRng) -> String {
    let mut steps: Vec<String> = path.split('/').map(str::to_owned).collect();
    let index = rng.random_range(1..steps.len());
    match rng.random_range(0..4) {
        0 => steps[index] = escaped(&text(rng)),
        1 => steps[index] = format!("%{:02X}", rng.random_range(0..=255_u8)),
        2 => "00000000-0000-0000-0000-000000000000".clone_into(&mut steps[index]),
        _ => steps.insert(index, escaped(&text(rng))),
    }
    steps.join("/")
}

fn parameter(operation: &Operation, rng: &mut StdRng) -> String {
    let mut names: Vec<&str> = operation.in_query.iter().map(|(name, _)| name.as_str()).collect();
    names.push("zzz");
    let name = names.choose(rng).copied().unwrap_or_default();
    let value = match rng.random_range(0..4) {
        // A wait is legal and takes its time.
        0 if name != "wait_s" => rng.random_range(-5..300_i64).to_string(),
        1 => escaped(&text(rng)),
        2 => rng.random::<u64>().to_string(),
        _ => format!("%{:02X}", rng.random_range(0..=255_u8)),
    };
    format!("{name}={value}")
}

fn header(rng: &mut StdRng) -> (&'static str, Vec<u8>) {
    let names = [
        "idempotency-key",
        "x-request-id",
        "content-type",
        "authorization",
        "accept",
        "origin",
        "content-length",
        "expect",
        "traceparent",
    ];
    let name = names.choose(rng).copied().unwrap_or("accept");
    let length = rng.random_range(0..40);
    // A header's bytes: the HTTP library refuses the others before any of them reaches us.
    let value = (0..length)
        .map(|_| rng.random_range(b' '..=255))
        .filter(|byte| *byte != 127);
    (name, value.collect())
}

/// A body with one value changed.
fn spoilt(mut body: Value, rng: &mut StdRng) -> Value {
    let mut places = Vec::new();
    collect(&body, "", &mut places);
    let place = places.choose(rng).cloned().unwrap_or_default();
    let value = any(rng, 3);
    if let Some(found) = body.pointer_mut(&place) {
        match found {
            Value::Object(fields) if rng.random_bool(0.5) => drop(fields.insert(text(rng), value)),
            Value::Array(items) if rng.random_bool(0.5) => items.push(value),
            other => *other = value,
        }
    }
    body
}

fn collect(value: &Value, here: &str, places: &mut Vec<String>) {
    places.push(here.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{here}/{index}"), places);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(field, &format!("{here}/{name}"), places);
            }
        }
        _ => {}
    }
}

fn any(rng: &mut StdRng, depth: u8) -> Value {
    match rng.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!(rng.random::<i64>()),
        3 => json!(rng.random_range(-3.0..60.0)),
        4 => json!(rng.random_range(-3..60)),
        5 => json!(text(rng)),
        6 => (0..rng.random_range(0..4)).map(|_| any(rng, depth - 1)).collect(),
        _ => (0..rng.random_range(0..4))
            .map(|_| (text(rng), any(rng, depth - 1)))
            .collect(),
    }
}

/// A body with a few bytes changed, cut or moved.
fn spoilt_text(body: Option<&Value>, rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = body.map_or_else(|| b"{}".to_vec(), |body| body.to_string().into_bytes());
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] = rng.random(),
            1 => bytes.truncate(at.max(1)),
            2 => bytes.insert(at, rng.random()),
            _ => bytes[at..].shuffle(rng),
        }
    }
    bytes
}

/// A text of the kinds that break things.
fn text(rng: &mut StdRng) -> String {
    let known = [
        "",
        " ",
        "\0",
        "a\0b",
        "'",
        "\"",
        "\\",
        "%",
        "%s",
        "..",
        "../..",
        "self",
        "null",
        "true",
        "-1",
        "1e999",
        "NaN",
        "\u{202e}abc",
        "\u{feff}",
        "e\u{301}",
        "\u{1f468}\u{200d}\u{1f469}",
        "ß",
        "İ",
        "\u{10ffff}",
        "a & b | !c",
        "(((",
        ":*",
        "<->",
        "'; drop table hub.events; --",
        "{}",
        "[]",
        "text",
        "name",
        "2026-03-01T12:00:00Z",
    ];
    match rng.random_range(0..5) {
        0 => "x".repeat(rng.random_range(0..3_000)),
        1 => (0..rng.random_range(0..30))
            .map(|_| rng.random::<char>())
            .collect(),
        _ => known.choose(rng).copied().unwrap_or_default().to_owned(),
    }
}

fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
