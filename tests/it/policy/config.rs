//! `deploy/env.example` names every key of the configuration with its default, and nothing else.

use std::collections::BTreeMap;

use hub::config::Config;
use serde_json::Value;

/// Variables that are not keys of a section: the data folder, and the usual names of secrets.
const BESIDE: [&str; 5] = [
    "HUB_DIR",
    "DATABASE_URL",
    "OPENAI_API_KEY",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
];

#[test]
fn the_example_names_every_key_with_its_default() {
    let mut expected = BTreeMap::new();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    for (section, keys) in defaults.as_object().unwrap() {
        let Value::Object(keys) = keys else { continue };
        for (key, value) in keys {
            let name = format!("HUB_{}__{}", section.to_uppercase(), key.to_uppercase());
            expected.insert(name, value.clone());
        }
    }
    // Secrets go by their usual names.
    expected.remove("HUB_DATABASE__URL");
    expected.remove("HUB_MODEL__API_KEY");
    expected.remove("HUB_TELEMETRY__OTLP_HEADERS");
    // So does what other programs call the same.
    expected.remove("HUB_TELEMETRY__OTLP_ENDPOINT");
    let mut shown = example();
    for name in BESIDE {
        assert!(
            shown.remove(name).is_some(),
            "deploy/env.example does not name {name}"
        );
    }
    assert_eq!(shown, expected);
}

#[test]
fn every_key_of_the_example_is_explained() {
    let text = include_str!("../../../deploy/env.example");
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if key_and_value(line).is_some() {
            let above = index.checked_sub(1).map_or("", |above| lines[above]);
            assert!(
                above.starts_with("# ") && key_and_value(above).is_none(),
                "{line} is not explained"
            );
        }
    }
}

/// The keys of the example. Each stands as a comment, so that the file as it is changes nothing.
fn example() -> BTreeMap<String, Value> {
    let text = include_str!("../../../deploy/env.example");
    let read = |(key, value): (&str, &str)| {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        (key.to_owned(), value)
    };
    text.lines().filter_map(key_and_value).map(read).collect()
}

fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_start_matches('#').split_once('=')?;
    let is_name = !key.is_empty() && key.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    is_name.then_some((key, value))
}
