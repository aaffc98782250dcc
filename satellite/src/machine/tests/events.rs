//! Nothing said is lost or said twice.

use super::*;
use crate::protocol::DiscardReason;

#[test]
fn a_line_is_sent_again_after_reconnecting_with_the_same_client_id() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    assert_eq!(machine.handle(Input::Observed(event("a"))), []);
    let first = sent_ids(&welcome(&mut machine, Vec::new()));
    machine.handle(Input::Lost);
    machine.handle(Input::Observed(event("b")));
    let second = sent_ids(&welcome(&mut machine, Vec::new()));
    assert_eq!(
        (first, second),
        (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
    machine.handle(Input::Received(accepted_event("a")));
    let event_id = Uuid::nil();
    let duplicate = HubFrame::Duplicate(Duplicate {
        client_id: client_id("b"),
        event_id,
    });
    machine.handle(Input::Received(duplicate));
    assert!(machine.is_idle());
    assert_eq!(
        machine.tally(),
        Tally {
            accepted: 1,
            duplicate: 1,
            ..Tally::default()
        }
    );
}

#[test]
fn no_more_frames_are_in_flight_than_the_hub_allows() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    for index in 0..10 {
        machine.handle(Input::Observed(event(&index.to_string())));
    }
    let limits = Limits {
        max_batch: 2,
        max_in_flight: 2,
        ..Limits::default()
    };
    let outputs = welcome_with(&mut machine, limits, Vec::new());
    assert_eq!(sent_ids(&outputs), ["0", "1", "2", "3"]);
    assert_eq!(machine.handle(Input::Received(accepted_event("0"))), []);
    assert_eq!(
        sent_ids(&machine.handle(Input::Received(accepted_event("1")))),
        ["4", "5"]
    );
}

#[test]
fn what_the_hub_is_too_busy_for_is_sent_again_and_what_it_refuses_is_not() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    machine.handle(Input::Observed(event("a")));
    welcome(&mut machine, Vec::new());
    machine.handle(Input::Received(rejected_event("a", ErrorCode::Busy)));
    assert_eq!(sent_ids(&machine.handle(Input::Tick)), ["a"]);
    machine.handle(Input::Received(rejected_event("a", ErrorCode::Invalid)));
    assert_eq!(machine.handle(Input::Tick), []);
    assert!(machine.is_idle());
    assert_eq!(machine.tally().rejected, 1);
}

#[test]
fn a_line_that_fits_no_frame_is_dropped_and_told() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    machine.handle(Input::Observed(event("a")));
    let limits = Limits {
        max_frame_bytes: 100,
        ..Limits::default()
    };
    let outputs = welcome_with(&mut machine, limits, Vec::new());
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Tell(Notice::EventTooLarge { .. })))
    );
    assert!(machine.is_idle());
}

#[test]
fn what_is_not_kept_is_counted_and_not_sent_again() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    machine.handle(Input::Observed(event("a")));
    welcome(&mut machine, Vec::new());
    let reason = DiscardReason::PrivacyMode;
    let discarded = HubFrame::Discarded(Discarded {
        subject: Subject::Event {
            client_id: client_id("a"),
        },
        reason,
    });
    machine.handle(Input::Received(discarded));
    assert_eq!(machine.tally().discarded, 1);
    assert!(machine.is_idle());
}
