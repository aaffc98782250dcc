use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::audit::samples;

fn sample() -> AuditEntry {
    samples::entry(Uuid::from_u128(1), 1)
}

#[test]
fn an_entry_has_one_spelling() {
    let mut entry = sample();
    entry.details = json!({"z": 1, "a": "é\u{1}", "m": [1.5, null]})
        .as_object()
        .unwrap()
        .clone();
    let text = String::from_utf8(entry.to_canonical().unwrap()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"agent_id":"00000000-0000-0000-0000-000000000001","agent_seq":1,"commitments":[{"#,
            r#""id":"00000000-0000-0001-0000-000000000001","kind":"event","sha256":"#,
            r#""0707070707070707070707070707070707070707070707070707070707070707"}],"#,
            r#""details":{"a":"é\u0001","m":[1.5,null],"z":1},"#,
            r#""entry_id":"00000000-0000-0001-0000-000000000001","epoch":1,"operation":"append_event","#,
            r#""outcome":"ok","principal":{"id":"00000000-0000-0001-0000-000000000001","kind":"device"},"#,
            r#""recorded_at":"2023-11-14T22:13:20.000001Z","version":1}"#
        )
    );
}

#[test]
fn an_entry_survives_being_written() {
    let mut entry = sample();
    entry.request_id = Some("r-1".to_owned());
    entry.resource = Some(Resource {
        kind: "memory".to_owned(),
        id: Uuid::from_u128(5),
    });
    entry.events = Some(EventRange { first: 7, last: 9 });
    let bytes = entry.to_canonical().unwrap();
    assert_eq!(serde_json::from_slice::<AuditEntry>(&bytes).unwrap(), entry);
}

#[test]
fn an_entry_has_a_longest_length() {
    let mut entry = sample();
    let room = MAX_ENTRY_BYTES - entry.to_canonical().unwrap().len() - r#""details":{"x":""},"#.len();
    entry.details.insert("x".to_owned(), json!("a".repeat(room)));
    assert_eq!(entry.to_canonical().unwrap().len(), MAX_ENTRY_BYTES);
    entry.details.insert("x".to_owned(), json!("a".repeat(room + 1)));
    assert_eq!(
        entry.to_canonical(),
        Err(EntryError::TooLong {
            bytes: MAX_ENTRY_BYTES + 1
        })
    );
}

#[test]
fn what_the_log_could_not_spell_is_refused() {
    let refused = |change: fn(&mut AuditEntry)| {
        let mut entry = sample();
        change(&mut entry);
        entry.to_canonical().unwrap_err()
    };
    let inexact = |field: &str| EntryError::InexactNumber {
        field: field.to_owned(),
    };
    assert_eq!(refused(|entry| entry.agent_seq = 0), EntryError::NoSequence);
    assert_eq!(refused(|entry| entry.agent_seq = 1 << 53), inexact("agent_seq"));
    assert_eq!(refused(|entry| entry.epoch = u64::MAX), inexact("epoch"));
    assert_eq!(
        refused(|entry| entry.events = Some(EventRange { first: 2, last: 1 })),
        EntryError::BadEvents
    );
    let nested = refused(|entry| {
        entry
            .details
            .insert("counts".to_owned(), json!([{"n": i64::MIN}]));
    });
    assert_eq!(nested, inexact("counts"));
}

#[test]
fn an_operation_is_named_as_an_operation_id() {
    for (name, is_good) in [
        ("append_event", true),
        ("create_access_token", true),
        ("append", false),
        ("Append_Event", false),
        ("append__event", false),
        ("append_", false),
        ("", false),
    ] {
        let mut entry = sample();
        entry.operation = name.to_owned();
        assert_eq!(entry.to_canonical().is_ok(), is_good, "{name}");
    }
}

#[test]
fn a_commitment_is_the_hash_of_salt_and_canonical_content() {
    // printf '%032d{"a":1,"b":2}' 0 | sha256sum
    let content = json!({"b": 2.0, "a": 1});
    assert_eq!(
        hex::encode(commitment(&[b'0'; 32], &content)),
        "eb61461e3657ae9bba32c22caad327fdbb0b4754a3ef78920d2a5e1a386a055a"
    );
}

proptest! {
    #[test]
    fn a_commitment_depends_on_salt_and_content(salt: [u8; 32], other: [u8; 32], text: String) {
        let content = json!({"text": text});
        prop_assert_eq!(commitment(&salt, &content), commitment(&salt, &content));
        prop_assert_ne!(commitment(&salt, &content), commitment(&salt, &json!({"text": format!("{text}.")})));
        prop_assume!(salt != other);
        prop_assert_ne!(commitment(&salt, &content), commitment(&other, &content));
    }
}
