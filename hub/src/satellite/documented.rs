//! The AsyncAPI document and the types say the same.

// The same frames as the crate's own tests.
#[path = "../../../satellite/src/protocol/tests/strategies.rs"]
mod strategies;

use std::collections::BTreeSet;

use jsonschema::Validator;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};

use super::document::document;
use super::protocol::{self, CloseReason, ErrorCode, HubFrame, SatelliteFrame};
use strategies::{hub_frames, satellite_frames};

/// Frames of each side, so that each kind comes many times.
const FRAMES: usize = 500;

/// What a frame has to be by the document, with nothing beside what it names.
fn schema(message: &str) -> Option<Validator> {
    let mut root = document();
    root["components"]["messages"].get(message)?;
    root["$ref"] = json!(format!("#/components/messages/{message}/payload"));
    root["unevaluatedProperties"] = json!(false);
    Some(jsonschema::validator_for(&root).expect("its schemas are JSON Schema"))
}

fn documented(side: &str) -> BTreeSet<String> {
    let messages = document()["components"]["messages"].clone();
    let keys = messages.as_object().unwrap().keys();
    keys.filter_map(|key| key.strip_prefix(side))
        .map(str::to_owned)
        .collect()
}

/// The types of frames that came; each was as the document says.
fn seen<T>(side: &str, frames: impl Strategy<Value = T>, encode: impl Fn(&T) -> String) -> BTreeSet<String> {
    let mut runner = TestRunner::deterministic();
    let mut schemas = std::collections::BTreeMap::new();
    for _ in 0..FRAMES {
        let text = encode(&frames.new_tree(&mut runner).unwrap().current());
        let frame: Value = serde_json::from_str(&text).unwrap();
        let kind = frame["type"].as_str().unwrap().to_owned();
        let schema = schemas.entry(kind.clone()).or_insert_with(|| {
            schema(&format!("{side}{kind}")).unwrap_or_else(|| panic!("{kind} is not in it"))
        });
        let problems: Vec<String> = schema
            .iter_errors(&frame)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{problems:?}: {text}");
    }
    schemas.into_keys().collect()
}

#[test]
fn every_frame_of_a_satellite_is_documented_as_it_is() {
    let seen = seen("satellite_", satellite_frames(), SatelliteFrame::encode);
    assert_eq!(seen, documented("satellite_"));
}

#[test]
fn every_frame_of_the_hub_is_documented_as_it_is() {
    let seen = seen("hub_", hub_frames(), HubFrame::encode);
    assert_eq!(seen, documented("hub_"));
}

#[test]
fn what_is_documented_is_understood() {
    for kind in documented("satellite_") {
        let problem = SatelliteFrame::decode(&json!({"type": kind}).to_string()).err();
        assert_ne!(
            problem.map(|error| error.code),
            Some(ErrorCode::Unsupported),
            "{kind}"
        );
    }
}

/// The page for makers of satellites names every code.
#[test]
fn the_page_tells_every_code() {
    const PAGE: &str = include_str!("../../../openapi/SATELLITES.md");
    let of_errors = ErrorCode::SENT.map(|code| format!("| `{}` |", json!(code).as_str().unwrap()));
    let of_closing = CloseReason::ALL.map(|reason| {
        let again = if reason.may_reconnect() {
            ["yes", "when"]
        } else {
            ["no", "no"]
        };
        (format!("| {} | `{}` |", reason.code(), reason.name()), again)
    });
    for code in of_errors {
        assert!(PAGE.contains(&code), "{code}");
    }
    for (row, again) in of_closing {
        let line = PAGE.lines().find(|line| line.starts_with(&row));
        let said = line
            .and_then(|line| line.split('|').nth(4))
            .unwrap_or_default()
            .trim();
        assert!(again.iter().any(|word| said.starts_with(word)), "{row} {said}");
    }
}
