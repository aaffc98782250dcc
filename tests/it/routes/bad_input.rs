//! Bad input of every kind at every operation gets a clear answer and changes nothing. What is sent is made from the API's
//! document, so that an operation that is added later is held to it, too.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use chrono::Duration;
use futures_util::stream;
use hub::identity::tokens::LIFE;
use serde_json::{Value, json};
use support::{Answer, Ask, Operation, Snapshot};

use crate::sample::{Good, Sample, ask};

/// Ids that are well formed and of nothing.
const NOBODYS: &str = "01890000-0000-7000-8000-000000000000";

/// One operation with a request that would be carried out, and what the database held before it was spoilt.
struct Case<'a> {
    sample: &'a Sample,
    operation: &'a Operation,
    good: Good,
    before: Snapshot,
}

impl<'a> Case<'a> {
    async fn of(sample: &'a Sample, operation: &'a Operation) -> Self {
        let good = sample.good(operation).await;
        let before = Snapshot::without_hub_chain(sample.hub.sql()).await;
        Self {
            sample,
            operation,
            good,
            before,
        }
    }

    fn ask(&self) -> Ask {
        ask(&self.sample.owner, self.operation, &self.good)
    }

    fn body(&self) -> Value {
        self.good.body.clone().unwrap_or_default()
    }

    async fn with_body(&self, body: &Value) -> Answer {
        self.ask().json(body).send().await
    }

    async fn at(&self, path: &str) -> Answer {
        let good = Good {
            path: path.to_owned(),
            ..self.good.clone()
        };
        ask(&self.sample.owner, self.operation, &good).send().await
    }

    /// After all that was wrong, nothing has changed, and the good request is carried out.
    async fn ends(self) {
        let after = Snapshot::without_hub_chain(self.sample.hub.sql()).await;
        let changed = after.changed_since(&self.before);
        assert!(
            changed.is_empty(),
            "bad input of {} changed {changed:?}",
            self.operation.id
        );
        let answer = self.ask().send().await;
        assert!(answer.status.is_success(), "{}", answer.told());
    }

    /// Every field that the body can have: its pointer and its schema.
    fn fields(&self) -> Vec<Field> {
        let mut found = Vec::new();
        let schema = self.operation.body.clone().unwrap_or_default();
        self.collect(&schema, "", &mut found);
        for field in &found {
            let id = &self.operation.id;
            assert!(
                self.body().pointer(&field.pointer).is_some(),
                "the sample of {id} lacks {}",
                field.pointer
            );
        }
        found
    }

    fn collect(&self, schema: &Value, above: &str, found: &mut Vec<Field>) {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, raw) in schema["properties"].as_object().into_iter().flatten() {
            let schema = self.sample.api.resolve(raw);
            let pointer = format!("{above}/{name}");
            let is_required = required.iter().any(|one| one == name);
            if schema["type"] == "array" {
                let item = self.sample.api.resolve(&schema["items"]);
                self.collect(&item, &format!("{pointer}/0"), found);
            }
            found.push(Field {
                pointer,
                schema,
                is_required,
            });
        }
    }
}

struct Field {
    pointer: String,
    schema: Value,
    is_required: bool,
}

impl Field {
    fn kind(&self) -> &str {
        match &self.schema["type"] {
            Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
            kind => kind.as_str().unwrap_or_default(),
        }
    }

    /// Whether any text will do, as far as its form goes.
    fn is_free_text(&self) -> bool {
        self.kind() == "string" && self.schema["enum"].is_null() && self.schema["format"].is_null()
    }

    fn wrong_values(&self) -> Vec<Value> {
        let mut wrong = match self.kind() {
            "string" => vec![json!(5), json!(true), json!({"zzz": 1}), json!(["a"])],
            "integer" => vec![json!("5"), json!(1.5), json!(-1), json!(1e300), json!([1])],
            "array" => vec![json!("a"), json!(7), json!({"0": 1}), json!([7])],
            other => unimplemented!("wrong values for the type {other}"),
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
fn refuses_text(case: &Case<'_>, field: &Field, answer: &Answer) -> bool {
    let status = answer.status.as_u16();
    match (case.operation.id.as_str(), field.pointer.as_str()) {
        // A wrong name, password or token is wrong, whatever stands in it.
        ("sign_in" | "refresh_sign_in", _) => status == 401,
        // What was seen is compared, not read.
        (_, "/arguments_sha256") => status == 409,
        _ => status == 422 && answer.pointers().iter().any(|pointer| *pointer == field.pointer),
    }
}

fn put(body: &mut Value, pointer: &str, value: Value) {
    *body.pointer_mut(pointer).expect("the sample has every field") = value;
}

fn remove(body: &mut Value, pointer: &str) {
    let (above, name) = pointer.rsplit_once('/').expect("a field stands in something");
    let object = body.pointer_mut(above).and_then(Value::as_object_mut);
    object.expect("the sample has every field").remove(name);
}

fn with_bodies(sample: &Sample) -> impl Iterator<Item = &Operation> {
    sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.body.is_some())
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        let whole = case.body().to_string();
        let half = &whole[..whole.len() - 1];
        let doubled = format!("{whole}{whole}");
        for broken in [
            "",
            " ",
            "{",
            "nul",
            "{'a': 1}",
            "{\"a\": }",
            "\u{feff}{}",
            half,
            &doubled,
        ] {
            let answer = case.ask().raw(broken.to_owned()).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        for broken in [&b"\xff\xfe"[..], b"{\"\xff\": 1}", b"\0", b"{\"name\": \"\x01\"}"] {
            let answer = case.ask().raw(broken.to_owned()).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn what_does_not_say_that_it_is_json_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "",
            "\u{fe}",
        ] {
            let answer = case.ask().header("content-type", kind).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        let _ = case
            .ask()
            .without("content-type")
            .send()
            .await
            .refuses(400, "malformed");
        case.ends().await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        // serde would read a struct from an array of its fields.
        let values: Vec<Value> = case
            .fields()
            .iter()
            .filter_map(|field| case.body().pointer(&field.pointer).cloned())
            .collect();
        for body in [
            json!(values),
            json!([]),
            json!("a"),
            json!(5),
            json!(true),
            Value::Null,
        ] {
            let _ = case.with_body(&body).await.points_at("");
        }
        case.ends().await;
    }
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
        let case = Case::of(&sample, operation).await;
        for field in case.fields().into_iter().filter(Field::is_free_text) {
            for text in ["a\0b".to_owned(), "\0".to_owned(), "x".repeat(200_000)] {
                let mut body = case.body();
                put(&mut body, &field.pointer, json!(text));
                let answer = case.with_body(&body).await;
                assert!(
                    refuses_text(&case, &field, &answer),
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

#[tokio::test]
async fn what_is_nested_too_deeply_is_refused() {
    const LEVELS: usize = 10_000;
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        let arrays = format!("{}{}", "[".repeat(LEVELS), "]".repeat(LEVELS));
        let objects = format!("{}1{}", "{\"a\":".repeat(LEVELS), "}".repeat(LEVELS));
        for deep in [
            arrays.clone(),
            objects,
            "[".repeat(LEVELS),
            "{\"a\":[".repeat(LEVELS),
        ] {
            let _ = case.ask().raw(deep).send().await.refuses(400, "malformed");
        }
        for field in case.fields() {
            let mut body = case.body();
            put(&mut body, &field.pointer, json!("HERE"));
            let raw = body.to_string().replace("\"HERE\"", &arrays);
            let _ = case.ask().raw(raw).send().await.refuses(400, "malformed");
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_before_it_is_read() {
    const CHUNK: usize = 64 * 1024;
    let sample = Sample::new().await;
    let limit = sample.hub.config.http.max_body_bytes;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        let read = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&read);
        let chunks = (0..10 * 1024 * 1024 / CHUNK).map(move |_| {
            counter.fetch_add(CHUNK, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(vec![b' '; CHUNK]))
        });
        let body = Body::from_stream(stream::iter(chunks));
        let _ = case.ask().raw(body).send().await.refuses(413, "too_large");
        let read = read.load(Ordering::Relaxed);
        assert!(
            read <= limit + CHUNK,
            "{read} bytes of a body were read, {limit} are allowed"
        );
        let whole = case.body().to_string();
        let padded = format!("{}{whole}", " ".repeat(limit + 1 - whole.len()));
        let _ = case.ask().raw(padded).send().await.refuses(413, "too_large");
        case.ends().await;
    }
}

#[tokio::test]
async fn a_body_of_just_the_bound_is_read() {
    let sample = Sample::new().await;
    let limit = sample.hub.config.http.max_body_bytes;
    let body = r#"{"name": "hall"}"#;
    let padded = format!("{}{body}", " ".repeat(limit - body.len()));
    let sent = sample.owner.ask(Method::POST, "spaces").raw(padded);
    let _ = sent.send().await.expect(201);
}

#[tokio::test]
async fn a_path_that_names_nothing_is_not_found_and_a_malformed_one_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in &sample.api.operations {
        let case = Case::of(&sample, operation).await;
        for (name, _) in &operation.in_path {
            let at = |value: &str| replaced(operation, &case.good.path, name, value);
            let _ = case.at(&at(NOBODYS)).await.refuses(404, "not_found");
            let pointer = format!("{{{name}}}");
            let long = "x".repeat(10_000);
            for wrong in [
                "zzz",
                "1",
                "%00",
                "-",
                "%20",
                "..%2f..%2fetc",
                "{id}",
                "%F0%9F%92%A5",
                &long,
            ] {
                let wrong = wrong.replace('{', "%7B").replace('}', "%7D");
                let _ = case.at(&at(&wrong)).await.points_at(&pointer);
            }
            // Which parameter is not text cannot be said of all of them.
            let _ = case.at(&at("%FF")).await.refuses(422, "invalid");
        }
        case.ends().await;
    }
}

/// A path with another value for one of its parameters.
fn replaced(operation: &Operation, path: &str, parameter: &str, value: &str) -> String {
    let pattern = format!("{{{parameter}}}");
    let steps = operation.path.split('/').zip(path.split('/'));
    let steps: Vec<&str> = steps
        .map(|(named, present)| if named == pattern { value } else { present })
        .collect();
    steps.join("/")
}

#[tokio::test]
async fn a_wrong_query_parameter_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in sample
        .api
        .operations
        .iter()
        .filter(|operation| !operation.in_query.is_empty())
    {
        let case = Case::of(&sample, operation).await;
        let path = &case.good.path;
        for (name, schema) in &operation.in_query {
            for wrong in wrong_parameters(name, schema) {
                let _ = case
                    .at(&format!("{path}?{name}={wrong}"))
                    .await
                    .points_at(&format!("?{name}"));
            }
            let twice = case.at(&format!("{path}?{name}=1&{name}=1")).await;
            let _ = twice.points_at(&format!("?{name}"));
        }
        let _ = case.at(&format!("{path}?zzz=1")).await.points_at("?zzz");
        case.ends().await;
    }
}

fn wrong_parameters(name: &str, schema: &Value) -> Vec<String> {
    let known: &[&str] = match name {
        "limit" => &[
            "0",
            "201",
            "-1",
            "1.5",
            "zzz",
            "99999999999999999999",
            "",
            "%00",
            "%FF",
        ],
        "wait_s" => &["31", "-1", "1.5", "zzz", "99999999999999999999", "", "%00"],
        "cursor" => &["zzz", "", "%00", "%FF", "AAAA", "====", "1:1"],
        "after" => &[
            "zzz",
            "1",
            ":",
            "1:",
            "1:-1",
            "9:1",
            "1:999999999",
            "1:99999999999999999999",
            "",
            "%00",
        ],
        "types" => &[
            "zzz",
            "%00",
            "transcript,",
            "transcript,%00",
            "x.",
            "X.A",
            "x.%00",
            "",
        ],
        _ if schema["format"] == "uuid" || schema["enum"].is_array() => &["zzz", "", "%00", "%FF", "1"],
        _ => unimplemented!("wrong values for the parameter {name}"),
    };
    known
        .iter()
        .map(|&wrong| wrong.to_owned())
        .chain(["x".repeat(20_000)])
        .collect()
}

#[tokio::test]
async fn a_wrong_credential_is_refused() {
    let sample = Sample::new().await;
    let token = sample.owner.credential().to_owned();
    let (head, signature) = token.rsplit_once('.').expect("a token has three parts");
    let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {head}.{flipped}{}", &signature[1..]),
        format!("Bearer {head}."),
        format!("Bearer {head}"),
        // {"alg":"none"} and the same claims.
        format!(
            "Bearer eyJhbGciOiJub25lIn0.{}.",
            head.split('.').nth(1).unwrap_or_default()
        ),
        "Bearer ...".to_owned(),
        "Bearer hubd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "Bearer hubr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("Bearer {}", "x".repeat(100_000)),
        format!("Bearer hubd_{}", "x".repeat(100_000)),
        "Bearer \u{fe}\u{fe}".to_owned(),
    ];
    for operation in sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.is_protected)
    {
        let case = Case::of(&sample, operation).await;
        for wrong in &wrong {
            let answer = case.ask().header("authorization", wrong).send().await;
            let answer = answer.refuses(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let answer = case.ask().without("authorization").send().await;
        let _ = answer.refuses(401, "unauthenticated");
        let after = Snapshot::without_hub_chain(sample.hub.sql()).await;
        assert_eq!(after.changed_since(&case.before), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_everywhere() {
    let sample = Sample::new().await;
    sample.hub.clock.advance(LIFE - Duration::seconds(1));
    let _ = sample.owner.get("/v1/me").await.expect(200);
    sample.hub.clock.advance(Duration::seconds(1));
    for operation in sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.is_protected)
    {
        let path = operation
            .path
            .replace("{agent_id}", "self")
            .replace(['{', '}'], "");
        let answer = sample.owner.ask(operation.method.clone(), &path).send().await;
        let _ = answer.refuses(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_wrong_idempotency_key_is_refused() {
    let sample = Sample::new().await;
    let taking = sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.takes_a_key());
    for operation in taking {
        let case = Case::of(&sample, operation).await;
        let (long, huge) = ("k".repeat(201), "k".repeat(100_000));
        for wrong in [
            &b""[..],
            b"\xff",
            b"caf\xc3\xa9",
            long.as_bytes(),
            huge.as_bytes(),
        ] {
            let answer = case.ask().header("idempotency-key", wrong).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn a_strange_request_id_is_replaced() {
    let sample = Sample::new().await;
    let long = "i".repeat(101);
    for strange in [&b""[..], b"a b", b"\xff", b"<script>", b"a\"b", long.as_bytes()] {
        let sent = sample
            .owner
            .ask(Method::GET, "/v1/me")
            .header("x-request-id", strange);
        let answer = sent.send().await.expect(200);
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 36 && id.as_bytes() != strange, "{id}");
    }
    let sent = sample
        .owner
        .ask(Method::GET, "/v1/me")
        .header("x-request-id", "mine-1.2_3");
    assert_eq!(sent.send().await.header("x-request-id"), Some("mine-1.2_3"));
}

#[tokio::test]
async fn a_path_that_is_not_there_and_a_method_that_is_not_there_are_problems() {
    let sample = Sample::new().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/agents",
        "/v1/me/",
        "//v1/me",
        "/v1/agents/self/zzz",
        "/%FF",
        "/v1/me/%00",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = sample.owner.ask(method, path).send().await;
            let _ = answer.refuses(404, "not_found");
        }
    }
    for operation in &sample.api.operations {
        let path = operation
            .path
            .replace("{agent_id}", "self")
            .replace(['{', '}'], "");
        let at_path = |method: &Method| {
            let here = |other: &&Operation| other.path == operation.path && other.method == method;
            sample.api.operations.iter().any(|other| here(&other))
        };
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
        ];
        for method in methods.iter().filter(|method| !at_path(method)) {
            let answer = sample.owner.ask(method.clone(), &path).send().await;
            let answer = answer.refuses(405, "method_not_allowed");
            let allowed = answer.header("allow").unwrap_or_default();
            assert!(
                allowed.contains(operation.method.as_str()),
                "{path} allows {allowed}"
            );
        }
    }
}
