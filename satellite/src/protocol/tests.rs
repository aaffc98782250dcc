//! What is written is read back the same, and what cannot be read is answered.

mod strategies;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::protocol;
use strategies::{client_ids, hub_frames, satellite_frames, values};

proptest! {
    #[test]
    fn a_satellite_frame_is_read_back_as_it_was_written(frame in satellite_frames()) {
        prop_assert_eq!(SatelliteFrame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn a_hub_frame_is_read_back_as_it_was_written(frame in hub_frames()) {
        prop_assert_eq!(HubFrame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn unknown_fields_are_ignored(frame in satellite_frames(), value in values()) {
        let mut object: JsonObject = serde_json::from_str(&frame.encode()).unwrap();
        object.insert("x_from_the_future".into(), value);
        prop_assert_eq!(SatelliteFrame::decode(&Value::Object(object).to_string()), Ok(frame));
    }

    #[test]
    fn no_text_makes_decoding_panic(text in any::<String>()) {
        let _ = SatelliteFrame::decode(&text);
        let _ = HubFrame::decode(&text);
    }

    #[test]
    fn an_unknown_type_with_a_client_id_is_rejected_as_unsupported(client_id in client_ids()) {
        let text = json!({"type": "of_tomorrow", "client_id": client_id, "state": {}}).to_string();
        let HubFrame::Rejected(rejected) = SatelliteFrame::decode(&text).unwrap_err().answer() else {
            return Err(TestCaseError::fail("not rejected"));
        };
        prop_assert_eq!(rejected.code, ErrorCode::Unsupported);
        prop_assert_eq!(rejected.subject, Subject::Event { client_id });
    }
}

#[test]
fn a_token_is_written_to_the_wire_and_never_printed() {
    let token = BearerToken::from("hubd_very_secret".to_owned());
    let frame = SatelliteFrame::Hello(Hello {
        token: Some(token),
        ..Hello::default()
    });
    assert!(frame.encode().contains("hubd_very_secret"));
    assert!(!format!("{frame:?}").contains("very_secret"));
}

#[test]
fn the_wire_form_is_the_documented_one() {
    let command_id = Uuid::nil();
    let accepted = HubFrame::Accepted(Accepted::Command {
        command_id,
        of: CommandStage::Result,
    });
    let wire: Value = serde_json::from_str(&accepted.encode()).unwrap();
    assert_eq!(
        wire,
        json!({"type": "accepted", "command_id": command_id, "of": "result"})
    );

    let transcript = Transcript {
        text: "hello".into(),
        participant: None,
        is_final: true,
    };
    assert_eq!(
        Value::Object(transcript.clone().into_payload()),
        serde_json::to_value(&transcript).unwrap()
    );
}

#[test]
fn a_bad_item_of_a_batch_leaves_the_good_ones() {
    let text = json!({"type": "events", "events": [
        {"client_id": "a", "event_type": "transcript", "payload": {"text": "x"}},
        {"client_id": "b", "event_type": "transcript", "payload": "not an object"},
    ]});
    let SatelliteFrame::Events(batch) = SatelliteFrame::decode(&text.to_string()).unwrap() else {
        unreachable!()
    };
    assert_eq!(batch.events[0].as_ref().unwrap().client_id.as_str(), "a");
    let error = batch.events[1].clone().unwrap_err();
    assert_eq!(error.errors[0].pointer, "/events/1/payload");
    assert!(matches!(
        error.answer(),
        HubFrame::Rejected(Rejected {
            subject: Subject::Event { .. },
            ..
        })
    ));
}

#[test]
fn a_wrong_field_is_pointed_at() {
    let text = json!({"type": "command_result", "command_id": Uuid::nil(), "status": "splendid"}).to_string();
    let error = SatelliteFrame::decode(&text).unwrap_err();
    assert_eq!(error.code, ErrorCode::Invalid);
    assert_eq!(error.errors[0].pointer, "/status");
    assert_eq!(
        error.subject,
        Some(Subject::Command {
            command_id: Uuid::nil(),
            of: CommandStage::Result
        })
    );
}

#[test]
fn what_is_no_frame_is_malformed() {
    let deep = format!(
        r#"{{"type":"ping","x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for text in [
        "",
        "nonsense",
        "[]",
        "[\"ping\"]",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"ping"} {}"#,
        r#"{"type":"\ud800"}"#,
    ] {
        assert_eq!(
            SatelliteFrame::decode(text).unwrap_err().code,
            ErrorCode::Malformed,
            "{text}"
        );
    }
    // Deep nesting in a field nobody reads is skipped without recursion; in one that is read it is refused.
    assert_eq!(
        SatelliteFrame::decode(&deep),
        Ok(SatelliteFrame::Ping(Ping::default()))
    );
    let payload = deep
        .replace("ping", "event")
        .replace("\"x\"", r#""client_id":"a","event_type":"t","payload""#);
    assert_eq!(
        SatelliteFrame::decode(&payload).unwrap_err().code,
        ErrorCode::Invalid
    );
}

#[test]
fn too_many_events_in_one_frame_are_refused_as_a_whole() {
    let events = vec![json!({"client_id": "a"}); MAX_BATCH + 1];
    let text = json!({"type": "events", "events": events}).to_string();
    assert_eq!(
        SatelliteFrame::decode(&text).unwrap_err().code,
        ErrorCode::TooLarge
    );
}

#[test]
fn close_reasons_have_codes_and_names_of_their_own() {
    for reason in CloseReason::ALL {
        assert!((4000..5000).contains(&reason.code()));
        assert_eq!(CloseReason::from_code(reason.code()), Some(reason));
        assert_eq!(CloseReason::from_name(reason.name()), Some(reason));
    }
}
