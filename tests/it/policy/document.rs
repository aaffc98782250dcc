//! The OpenAPI document: current, whole, and of one style.

use std::collections::HashSet;

use serde_json::Value;
use support::Api;

/// Verbs that an operation id may begin with.
const VERBS: [&str; 35] = [
    "accept", "approve", "cancel", "claim", "complete", "confirm", "create", "delete", "download", "enrol",
    "find", "forget", "get", "grant", "leave", "list", "merge", "poll", "recall", "refresh", "register",
    "reject", "remove", "replay", "resolve", "revoke", "rotate", "send", "share", "sign", "start", "stream",
    "transfer", "update", "withdraw",
];

#[test]
fn the_committed_document_is_the_one_of_the_code() {
    let committed = include_str!("../../../openapi/openapi.json");
    let current = hub::commands::openapi::text().unwrap();
    assert!(
        committed.trim_end() == current.trim_end(),
        "the API has changed; bring its document up to date with: cargo run -p hub -- openapi > openapi/openapi.json"
    );
}

#[test]
fn the_committed_document_of_the_channel_is_the_one_of_the_code() {
    let committed = include_str!("../../../openapi/satellite.asyncapi.yaml");
    let current = hub::commands::openapi::satellite().unwrap();
    assert!(
        committed.trim_end() == current.trim_end(),
        "the channel has changed; bring its document up to date with: target/debug/hub openapi --satellite > \
         openapi/satellite.asyncapi.yaml"
    );
}

#[test]
fn operation_ids_are_a_verb_and_a_noun_and_unique() {
    let mut seen = HashSet::new();
    for operation in Api::read().operations {
        let id = &operation.id;
        let (verb, noun) = id.split_once('_').unwrap_or_default();
        assert!(
            VERBS.contains(&verb),
            "{id} does not begin with a verb that we use"
        );
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(!noun.is_empty() && id.chars().all(is_word), "{id} has no noun");
        assert!(seen.insert(id.clone()), "{id} is not unique");
    }
}

#[test]
fn every_operation_says_what_it_does_and_how_it_refuses() {
    for operation in Api::read().operations {
        let (id, raw) = (&operation.id, &operation.raw);
        let summary = raw["summary"].as_str().unwrap_or_default();
        assert!(
            summary.ends_with(['.', '?']),
            "{id} has no sentence as its summary: {summary}"
        );
        let tags = raw["tags"].as_array().map_or(0, Vec::len);
        assert_eq!(tags, 1, "{id} has not exactly one tag");
        let schema = raw.pointer("/responses/default/content/application~1problem+json/schema/$ref");
        assert_eq!(
            schema,
            Some(&"#/components/schemas/Problem".into()),
            "{id} does not refuse with a problem"
        );
        let good = raw["responses"].as_object().unwrap().keys();
        assert!(
            good.clone().any(|status| status.starts_with('2')),
            "{id} has no answer but problems"
        );
    }
}

#[test]
fn every_parameter_and_field_says_what_it_means() {
    let api = Api::read();
    for operation in &api.operations {
        for parameter in operation.raw["parameters"].as_array().into_iter().flatten() {
            let (id, name) = (&operation.id, &parameter["name"]);
            assert!(
                parameter["description"].is_string(),
                "{name} of {id} has no description"
            );
        }
    }
    for (name, schema) in api.document()["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let is_described = schema["description"].is_string()
                || schema["oneOf"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["description"].is_string()))
                || schema["$ref"].is_string();
            assert!(is_described, "{field} of {name} has no description");
        }
    }
}

#[test]
fn no_reference_dangles() {
    let api = Api::read();
    let mut checked = 0;
    walk(api.document(), &mut |value| {
        if let Some(name) = value["$ref"].as_str() {
            let target = api.document().pointer(name.trim_start_matches('#'));
            assert!(name.starts_with('#') && target.is_some(), "{name} leads nowhere");
            checked += 1;
        }
    });
    assert!(checked > 50, "the document has references");
}

#[test]
fn bodies_refuse_unknown_fields_and_the_document_says_so() {
    for operation in Api::read().operations {
        if let Some(body) = &operation.body {
            assert_eq!(
                body["additionalProperties"], false,
                "{} takes unknown fields",
                operation.id
            );
        }
    }
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, visit)),
        _ => {}
    }
}
