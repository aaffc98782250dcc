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
const NUMBERS: [(&str, u64, u64); 40] = [
    ("database.app_connections", 2, 1_000),
    ("database.system_connections", 3, 1_000),
    ("database.acquire_timeout_ms", 100, 60_000),
    ("http.max_connections", 1, 1_000_000),
    ("http.header_timeout_ms", 100, 600_000),
    ("http.max_body_bytes", 1_024, 16 * 1024 * 1024),
    ("http.body_timeout_ms", 100, 39_999),
    ("http.request_timeout_ms", 20_001, 600_000),
    ("http.stream_ms", 100, 86_400_000),
    ("http.write_timeout_ms", 100, 600_000),
    ("satellite.heartbeat_ms", 1_000, 600_000),
    ("satellite.hello_timeout_ms", 100, 10_000),
    ("satellite.max_sockets", 1, 1_000_000),
    ("satellite.max_sockets_per_agent", 1, 1_000_000),
    ("satellite.work_at_once", 1, 1_000),
    ("satellite.work_at_once_per_agent", 1, 1_000),
    ("satellite.messages_per_s_per_agent", 1, 1_000_000),
    ("worker.concurrency", 1, 256),
    ("worker.lease_ms", 500, 3_600_000),
    ("worker.poll_ms", 10, 60_000),
    ("worker.max_attempts", 1, 100),
    ("queue.poll_ms", 10, 60_000),
    ("queue.relay_ms", 10, 60_000),
    ("retention.backups_days", 0, 3_650),
    ("retention.scrub_after_s", 0, 43_200),
    ("retention.scrub_limit_s", 1, 3_600),
    ("model.timeout_ms", 100, 44_000),
    ("model.max_output_tokens", 100, 100_000),
    ("secrets.timeout_ms", 500, 300_000),
    ("aws.timeout_ms", 500, 60_000),
    ("artifacts.max_bytes", 1_024, 5 * 1024 * 1024 * 1024),
    ("audit.retention_days", 30, 36_500),
    ("embeddings.batch", 1, 256),
    ("embeddings.timeout_ms", 100, 44_000),
    ("embeddings.question_timeout_ms", 50, 10_000),
    ("identity.issuer_timeout_ms", 100, 15_000),
    ("recognition.presence_s", 60, 86_400),
    ("recognition.repeat_s", 1, 60),
    ("recognition.quiet_s", 0, 86_400),
    ("recognition.keep_days", 1, 365),
];

/// Issuers: those that are allowed, and those that are not.
fn issuers() -> (&'static str, Value, Value) {
    let issuer = |url: &str| json!({"name": "a-1", "url": url, "audiences": ["x"]});
    let issuers = json!([
        [],
        [issuer("https://i.example/x"), {"name": "b", "url": "http://[::1]:8", "audiences": ["x", "y"]}],
    ]);
    let no_issuers = json!([
        [issuer("http://i.example")],
        [issuer("i.example")],
        [issuer("https://i.example?x=1")],
        [issuer("https://a"), issuer("https://b")],
        [{"name": "a", "url": "https://a", "audiences": ["x"]}, {"name": "b", "url": "https://a", "audiences": ["x"]}],
        [{"name": "A b", "url": "https://a", "audiences": ["x"]}],
        [{"name": "a", "url": "https://a", "audiences": []}],
        [{"name": "a", "url": "https://a", "audiences": [""]}],
        [{"name": "a", "url": "https://a"}],
        [{"name": "a", "url": "https://a", "audiences": ["x"], "key": 1}],
    ]);
    ("identity.issuers", issuers, no_issuers)
}

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
        issuers(),
        ("identity.ca_file", json!(["", "house.pem"]), json!([7])),
        (
            "http.listen",
            json!(["[::1]:80"]),
            json!([8080, "localhost", "1.2.3.4"]),
        ),
        ("http.allowed_origins", origins, no_origins),
        (
            "http.public_url",
            json!(["https://a.example/"]),
            json!(["a.example"]),
        ),
        (
            "http.trusted_proxies",
            json!([["10.0.0.1", "::1"], ["10.0.0.0/24", "fd00::/8"]]),
            json!([["proxy"], ["10.0.0.0/33"], ["10.0.0.0/"], ["0.0.0.0/0"], ["::/0"]]),
        ),
        ("worker.in_serve", json!([false]), json!(["perhaps"])),
        (
            "worker.listen",
            json!(["", "127.0.0.1:9090", "[::]:9090"]),
            json!([9090, "localhost:9090", "127.0.0.1"]),
        ),
        (
            "audit.origin",
            json!(["a", "x".repeat(200)]),
            json!(["", "a b", "a+b", "a\u{7f}", "x".repeat(201)]),
        ),
        (
            "artifacts.store",
            json!(["", "s3://bucket/prefix", "file:///srv/artifacts"]),
            json!(["bucket", "s3://B", "https://bucket", "artifacts/"]),
        ),
        (
            "audit.store",
            json!(["", "s3://bucket/prefix", "file:///srv/audit"]),
            json!(["bucket", "s3://B", "https://bucket", "audit/"]),
        ),
        (
            "audit.retention_mode",
            json!(["governance", "compliance"]),
            json!(["none", ""]),
        ),
        ("audit.require_lock", json!([true]), json!(["perhaps"])),
        (
            "audit.publish_every_ms",
            json!([0, 50, 3_600_000]),
            json!([49, 3_600_001, -1, "soon"]),
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

/// The same of telemetry.
fn words_of_telemetry() -> Vec<(&'static str, Value, Value)> {
    vec![
        (
            "telemetry.otlp_endpoint",
            json!(["", "http://127.0.0.1:4318"]),
            json!(["127.0.0.1:4318", "grpc://host", "http://a b"]),
        ),
        (
            "telemetry.otlp_headers",
            json!(["", "a=b", "api-key=x y, other=1="]),
            json!(["a", "=b", "a b=c", "a=b\nc=d"]),
        ),
        (
            "telemetry.service_name",
            json!(["hub", "x".repeat(100)]),
            json!(["", "a b", "x".repeat(101)]),
        ),
        (
            "telemetry.sample_ratio",
            json!([0.0, 0.25, 1.0]),
            json!([-0.1, 1.1, "all"]),
        ),
    ]
}

/// The same of models.
fn words_of_models() -> Vec<(&'static str, Value, Value)> {
    vec![
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
        (
            "embeddings.base_url",
            json!(["http://127.0.0.1:11434/v1"]),
            json!(["", "api.openai.com", "ftp://a", "https://a b"]),
        ),
        (
            "embeddings.api_key",
            json!(["", "sk-abc"]),
            json!(["sk abc", "sk\nabc"]),
        ),
        (
            "embeddings.model",
            json!(["", "nomic-embed-text"]),
            json!(["a b", "x".repeat(201)]),
        ),
        (
            "embeddings.dimensions",
            json!([384, 768, 1024, 1536]),
            json!([0, 383, 512, 3072, "many"]),
        ),
        (
            "embeddings.least_cosine",
            json!([0.0, 0.7, 1.0]),
            json!([-0.1, 1.1, "near"]),
        ),
    ]
}

/// The same of recognition.
fn words_of_recognition() -> Vec<(&'static str, Value, Value)> {
    let thresholds = ["recognition.voice_threshold", "recognition.face_threshold"];
    let sure = [
        "recognition.voice_confirm_above",
        "recognition.face_confirm_above",
    ];
    let least = |key| {
        (
            key,
            json!([0.1, 0.62, 1.0]),
            json!([0.0, 0.09, 1.1, -1.0, "near"]),
        )
    };
    // Below the threshold nobody is sure of anything.
    let sure_of = |key| (key, json!([0.0, 0.9, 1.0]), json!([0.5, 1.1, -0.1, "always"]));
    let margin = ("recognition.margin", json!([0.0, 0.2, 1.0]), json!([-0.1, 1.1]));
    let all = thresholds.map(least).into_iter().chain(sure.map(sure_of));
    all.chain([margin]).collect()
}

/// The same, of what is outside.
fn outside() -> Vec<(&'static str, Value, Value)> {
    let many: Vec<String> = (0..51).map(|number| format!("A=ssm:{number}")).collect();
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
            "secrets.parameters",
            json!([[], ["/agent-hub/env", "arn:aws:ssm:eu-central-1:1:parameter/env"]]),
            json!([[""], ["a b"], many]),
        ),
        (
            "secrets.values",
            json!([
                [],
                ["OPENAI_API_KEY=ssm:/key", "DATABASE_URL=secretsmanager:db#url"]
            ]),
            json!([
                ["OPENAI_API_KEY"],
                ["OPENAI_API_KEY=/key"],
                ["key=ssm:/key"],
                ["=ssm:/key"],
                many
            ]),
        ),
        (
            "secrets.files",
            json!([[], ["AWS_WEB_IDENTITY_TOKEN_FILE=secretsmanager:token"]]),
            json!([["A_FILE=s3:token"], many]),
        ),
        (
            "queue.url",
            json!(["", "https://sqs.eu-central-1.amazonaws.com/123456789012/hub"]),
            json!(["hub", "https://host/hub.fifo", "https://a b"]),
        ),
        (
            "queue.dead_letter_url",
            json!(["", "http://127.0.0.1:5000/123456789012/dead"]),
            json!(["dead", "https://host/dead.fifo"]),
        ),
        ("database.password", json!(["", "a b#c"]), json!([1, ["a"]])),
        ("database.ca_file", json!(["", "/etc/house-ca.pem"]), json!([1])),
        ("database.owner_password", json!(["", "a b#c"]), json!([1])),
    ]
}

/// Each key with values that are allowed, and values that are not.
fn cases() -> Vec<(&'static str, Value, Value)> {
    let numbers = NUMBERS.into_iter().map(|(key, least, most)| {
        let mut bad = vec![json!(most + 1), json!(-1), json!("soon")];
        if least > 0 {
            bad.extend([json!(0), json!(least - 1)]);
        }
        (key, json!([least, most]), Value::Array(bad))
    });
    let words = words()
        .into_iter()
        .chain(words_of_models())
        .chain(words_of_recognition())
        .chain(words_of_telemetry())
        .chain(outside());
    numbers.chain(words).collect()
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
    let mut known =
        BTreeSet::from(["dir", "database.url", "database.owner_url", "log.filter"].map(str::to_owned));
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
fn a_login_that_is_to_be_made_needs_a_password() {
    let config = |password: &str| -> Result<(), ConfigError> {
        let database = json!({"database": {"owner_url": "postgres://owner@host/hub", "password": password}});
        let merged =
            Figment::from(Serialized::defaults(Config::default())).merge(Serialized::globals(database));
        merged.extract::<Config>().unwrap().check()
    };
    assert!(config(&"x".repeat(16)).is_ok());
    for bad in ["", "short", "fifteen letters", "pässword that is long enough"] {
        let refused = config(bad).unwrap_err().to_string();
        assert!(refused.contains("database.password"), "{refused}");
    }
}

#[test]
fn the_refusal_says_what_is_allowed() {
    let refused = with("satellite.max_sockets", &json!(0)).map(drop).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "configuration: satellite.max_sockets must be between 1 and 1000000, not 0"
    );
}

/// Which key goes where: one that was given for one address is never sent to another.
#[test]
fn a_key_goes_to_the_address_that_it_was_given_for() {
    let config = |values: &Value| -> Config {
        let merged =
            Figment::from(Serialized::defaults(Config::default())).merge(Serialized::globals(values));
        merged.extract().unwrap()
    };
    let asks = |values: &Value| {
        let config = config(values);
        let key = config.embeddings.key(&config.model);
        let model = config.embeddings.chosen(&config.model);
        model.map(|model| (model.name, secrecy::ExposeSecret::expose_secret(&key).to_owned()))
    };
    let local = "http://127.0.0.1:11434/v1";
    let small = "text-embedding-3-small".to_owned();
    assert_eq!(asks(&json!({})), None);
    assert_eq!(
        asks(&json!({"model": {"api_key": "sk-1"}})),
        Some((small.clone(), "sk-1".to_owned()))
    );
    assert_eq!(
        asks(&json!({"model": {"api_key": "sk-1"}, "embeddings": {"model": ""}})),
        None
    );
    // The model's key is of the machine on which it runs, and not OpenAI's.
    assert_eq!(
        asks(&json!({"model": {"api_key": "sk-1", "base_url": local}})),
        None
    );
    let elsewhere =
        json!({"model": {"api_key": "sk-1"}, "embeddings": {"base_url": local, "model": "minilm"}});
    assert_eq!(asks(&elsewhere), Some(("minilm".to_owned(), String::new())));
    let own = json!({"model": {"api_key": "sk-1"}, "embeddings": {"api_key": "sk-2"}});
    assert_eq!(asks(&own), Some((small, "sk-2".to_owned())));
}
