//! Nothing said is lost or said twice.

use super::*;
use crate::satellite::protocol::DiscardReason;

#[test]
fn a_line_is_sent_again_after_reconnecting_with_the_same_client_id() {
    let mut core = Core::new(capabilities(), Vec::new());
    assert_eq!(core.handle(Input::Observed(event("a"))), []);
    let first = sent_ids(&welcome(&mut core, Vec::new()));
    core.handle(Input::Lost);
    core.handle(Input::Observed(event("b")));
    let second = sent_ids(&welcome(&mut core, Vec::new()));
    assert_eq!(
        (first, second),
        (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
    core.handle(Input::Received(accepted_event("a")));
    let event_id = Uuid::nil();
    let duplicate = HubFrame::Duplicate(Duplicate {
        client_id: client_id("b"),
        event_id,
    });
    core.handle(Input::Received(duplicate));
    assert!(core.is_idle());
    assert_eq!(
        core.tally(),
        Tally {
            accepted: 1,
            duplicate: 1,
            ..Tally::default()
        }
    );
}

#[test]
fn no_more_frames_are_in_flight_than_the_hub_allows() {
    let mut core = Core::new(capabilities(), Vec::new());
    for index in 0..10 {
        core.handle(Input::Observed(event(&index.to_string())));
    }
    let limits = Limits {
        max_batch: 2,
        max_in_flight: 2,
        ..Limits::default()
    };
    let outputs = welcome_with(&mut core, limits, Vec::new());
    assert_eq!(sent_ids(&outputs), ["0", "1", "2", "3"]);
    assert_eq!(core.handle(Input::Received(accepted_event("0"))), []);
    assert_eq!(
        sent_ids(&core.handle(Input::Received(accepted_event("1")))),
        ["4", "5"]
    );
}

#[test]
fn what_the_hub_is_too_busy_for_is_sent_again_and_what_it_refuses_is_not() {
    let mut core = Core::new(capabilities(), Vec::new());
    core.handle(Input::Observed(event("a")));
    welcome(&mut core, Vec::new());
    core.handle(Input::Received(rejected_event("a", ErrorCode::Busy)));
    assert_eq!(sent_ids(&core.handle(Input::Tick)), ["a"]);
    core.handle(Input::Received(rejected_event("a", ErrorCode::Invalid)));
    assert_eq!(core.handle(Input::Tick), []);
    assert!(core.is_idle());
    assert_eq!(core.tally().rejected, 1);
}

#[test]
fn a_line_that_fits_no_frame_is_dropped_and_told() {
    let mut core = Core::new(capabilities(), Vec::new());
    core.handle(Input::Observed(event("a")));
    let limits = Limits {
        max_frame_bytes: 100,
        ..Limits::default()
    };
    let outputs = welcome_with(&mut core, limits, Vec::new());
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Tell(Notice::EventTooLarge { .. })))
    );
    assert!(core.is_idle());
}

#[test]
fn what_is_not_kept_is_counted_and_not_sent_again() {
    let mut core = Core::new(capabilities(), Vec::new());
    core.handle(Input::Observed(event("a")));
    welcome(&mut core, Vec::new());
    let reason = DiscardReason::PrivacyMode;
    let discarded = HubFrame::Discarded(Discarded {
        subject: Subject::Event {
            client_id: client_id("a"),
        },
        reason,
    });
    core.handle(Input::Received(discarded));
    assert_eq!(core.tally().discarded, 1);
    assert!(core.is_idle());
}
