//! Every key has its bounds, and a value beyond them is refused by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

/// A configuration in which one key has this value.
fn with(key: &str, value: &Value) -> Result<Config, ConfigError> {
    let config: Config = Figment::from(Serialized::defaults(Config::default()))
        .merge((key, value))
        .extract()
        .map_err(|error| ConfigError::Figment(Box::new(error)))?;
    config.check().map(|()| config)
}

/// Numbers: the least and the most that is allowed.
const NUMBERS: [(&str, u64, u64); 19] = [
    ("database.app_connections", 2, 1_000),
    ("database.system_connections", 3, 1_000),
    ("database.acquire_timeout_ms", 100, 60_000),
    ("http.max_connections", 1, 1_000_000),
    ("http.header_timeout_ms", 100, 600_000),
    ("http.max_body_bytes", 1_024, 16 * 1024 * 1024),
    ("http.body_timeout_ms", 100, 39_999),
    ("http.request_timeout_ms", 20_001, 600_000),
    ("satellite.heartbeat_ms", 100, 600_000),
    ("satellite.hello_timeout_ms", 100, 10_000),
    ("satellite.max_sockets", 1, 1_000_000),
    ("worker.concurrency", 1, 256),
    ("worker.lease_ms", 500, 3_600_000),
    ("worker.poll_ms", 10, 60_000),
    ("worker.max_attempts", 1, 100),
    ("model.timeout_ms", 100, 44_000),
    ("model.max_output_tokens", 100, 100_000),
    ("aws.timeout_ms", 500, 60_000),
    ("audit.publish_every_ms", 50, 3_600_000),
];

/// Everything else: values that are allowed, and values that are not.
fn words() -> Vec<(&'static str, Value, Value)> {
    let long = "x".repeat(101);
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let origins = json!([
        [],
        ["https://home.example", "http://localhost:3000", "http://[::1]:80"]
    ]);
    let no_origins = json!([
        ["*"],
        ["home.example"],
        ["https://home.example/"],
        ["https://"],
        ["https://a b"]
    ]);
    let no_spaces = json!([["a/b"], [".a"], ["a", "A "], ["Elsewhere"], [long], many]);
    vec![
        (
            "aws.region",
            json!(["", "eu-central-1"]),
            json!(["eu central", "eu/1", 1]),
        ),
        (
            "aws.endpoint_url",
            json!(["", "http://127.0.0.1:5000"]),
            json!(["127.0.0.1:5000", "ftp://host", "http://a b"]),
        ),
        (
            "http.listen",
            json!(["[::1]:80"]),
            json!([8080, "localhost", "1.2.3.4"]),
        ),
        ("http.allowed_origins", origins, no_origins),
        (
            "http.trusted_proxies",
            json!([["10.0.0.1", "::1"]]),
            json!([["proxy"], ["10.0.0.0/8"]]),
        ),
        (
            "model.base_url",
            json!(["http://127.0.0.1:11434/v1"]),
            json!(["", "api.openai.com", "ftp://a", "https://a b"]),
        ),
        (
            "model.api_key",
            json!(["", "sk-abc"]),
            json!(["sk abc", "sk\nabc"]),
        ),
        (
            "model.name",
            json!(["gpt-5-mini"]),
            json!(["", "a b", "x".repeat(201)]),
        ),
        ("model.ca_file", json!(["", "/etc/house-ca.pem"]), json!([1])),
        ("model.input_usd", json!([0.0, 2.5]), json!([-1.0, "cheap"])),
        ("model.output_usd", json!([0.0, 10.0]), json!([-1.0, 10_001.0])),
        ("model.when_down", json!(["wait", "offline"]), json!(["never"])),
        ("worker.in_serve", json!([false]), json!(["perhaps"])),
        (
            "audit.origin",
            json!(["a", "x".repeat(200)]),
            json!(["", "a b", "a+b", "a\u{7f}", "x".repeat(201)]),
        ),
        ("log.format", json!(["json"]), json!(["xml"])),
        (
            "bootstrap.agent",
            json!(["a"]),
            json!(["", " ", "a\u{1b}[2J", long]),
        ),
        ("bootstrap.location", json!(["a"]), json!(["", long])),
        ("bootstrap.spaces", json!([[], ["kitchen"]]), no_spaces),
        (
            "bootstrap.time_zone",
            json!(["Europe/Berlin", "Etc/GMT+3"]),
            json!(["", "Europe Berlin", "+1"]),
        ),
        (
            "bootstrap.language",
            json!(["de-CH"]),
            json!(["", "de_CH", "x".repeat(36)]),
        ),
    ]
}

/// Each key with values that are allowed, and values that are not.
fn cases() -> Vec<(&'static str, Value, Value)> {
    let numbers = NUMBERS.into_iter().map(|(key, least, most)| {
        let bad = json!([0, least - 1, most + 1, -1, "soon"]);
        (key, json!([least, most]), bad)
    });
    numbers.chain(words()).collect()
}

fn each(values: &Value) -> &[Value] {
    values.as_array().expect("cases are lists")
}

#[test]
fn a_value_beyond_its_bounds_is_refused_by_name() {
    for (key, good, bad) in cases() {
        for value in each(&good) {
            assert!(
                with(key, value).is_ok(),
                "{key} = {value}: {:?}",
                with(key, value).err()
            );
        }
        for value in each(&bad) {
            let refused = with(key, value).map(drop).expect_err(&format!("{key} = {value}"));
            // The request's end bounds the body's from above, so either may be named.
            let is_named = refused.to_string().contains(key)
                || (key == "http.request_timeout_ms" && refused.to_string().contains("http.body_timeout_ms"));
            assert!(is_named, "{key} = {value}: {refused}");
        }
    }
}

#[test]
fn every_key_is_among_the_cases() {
    // A folder, a secret that is read when it is used, and a filter that is read when the log starts.
    let mut known = BTreeSet::from(["dir", "database.url", "log.filter"].map(str::to_owned));
    known.extend(cases().into_iter().map(|(key, ..)| key.to_owned()));
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let keys = defaults
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(section, keys)| match keys {
            Value::Object(keys) => keys.keys().map(|key| format!("{section}.{key}")).collect(),
            _ => vec![section.clone()],
        });
    assert_eq!(keys.collect::<BTreeSet<_>>(), known);
}

#[test]
fn the_refusal_says_what_is_allowed() {
    let refused = with("satellite.max_sockets", &json!(0)).map(drop).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "configuration: satellite.max_sockets must be between 1 and 1000000, not 0"
    );
}
