//! What is wanted is told, and what it is like is said until the hub has it.

use super::*;
use crate::protocol::{Desired, DiscardReason, Report};

fn like(level: i64, reached: Option<i64>) -> Input {
    let state = object(level);
    Input::Reported { state, reached }
}

fn object(level: i64) -> JsonObject {
    JsonObject::from_iter([("level".into(), json!(level))])
}

/// The names and levels of the reports among what is to be sent.
fn reports(outputs: &[Output]) -> Vec<(String, i64, Option<i64>)> {
    let report = |output: &Output| match output {
        Output::Send(SatelliteFrame::Report(Report {
            report_id,
            state,
            whole: true,
            reached,
        })) => Some((report_id.to_string(), state["level"].as_i64().unwrap(), *reached)),
        _ => None,
    };
    outputs.iter().filter_map(report).collect()
}

fn said(name: &str, level: i64, reached: Option<i64>) -> Vec<(String, i64, Option<i64>)> {
    vec![(name.to_owned(), level, reached)]
}

fn kept(name: &str) -> Input {
    let report_id = client_id(name);
    Input::Received(HubFrame::Accepted(Accepted::Report {
        report_id,
        version: 1,
    }))
}

fn not_kept(name: &str) -> Input {
    Input::Received(HubFrame::Discarded(Discarded {
        subject: Subject::Report {
            report_id: client_id(name),
        },
        reason: DiscardReason::PrivacyMode,
    }))
}

fn refused(name: &str, code: ErrorCode) -> Input {
    Input::Received(HubFrame::Rejected(Rejected {
        subject: Subject::Report {
            report_id: client_id(name),
        },
        code,
        detail: "no".into(),
        errors: Vec::new(),
    }))
}

fn machine() -> Machine {
    Machine::new(software(), capabilities(), Vec::new())
}

#[test]
fn the_newest_state_is_said_once_the_hub_has_answered_the_last() {
    let mut machine = machine();
    assert_eq!(machine.handle(like(1, None)), []);
    assert_eq!(reports(&welcome(&mut machine, Vec::new())), said("1", 1, None));
    for level in 2..9 {
        assert_eq!(machine.handle(like(level, None)), []);
    }
    assert!(!machine.is_idle());
    assert_eq!(reports(&machine.handle(kept("1"))), said("2", 8, None));
    assert_eq!(machine.handle(kept("2")), []);
    assert!(machine.is_idle());
}

#[test]
fn after_each_welcome_it_is_said_anew() {
    let mut machine = machine();
    machine.handle(like(1, Some(3)));
    welcome(&mut machine, Vec::new());
    machine.handle(Input::Lost);
    assert_eq!(reports(&welcome(&mut machine, Vec::new())), said("2", 1, Some(3)));
    machine.handle(kept("2"));
    machine.handle(Input::Lost);
    assert_eq!(reports(&welcome(&mut machine, Vec::new())), said("3", 1, Some(3)));
    // The answer to one of another socket is none to this.
    assert_eq!(machine.handle(like(2, None)), []);
    assert_eq!(machine.handle(kept("2")), []);
    assert_eq!(reports(&machine.handle(kept("3"))), said("4", 2, Some(3)));
}

#[test]
fn what_a_busy_hub_did_not_take_is_said_later_as_it_is_then() {
    let mut machine = machine();
    machine.handle(like(1, None));
    welcome(&mut machine, Vec::new());
    assert_eq!(machine.handle(refused("1", ErrorCode::Busy)), []);
    assert_eq!(machine.handle(like(2, None)), []);
    assert_eq!(reports(&machine.handle(Input::Tick)), said("2", 2, None));
}

#[test]
fn what_is_refused_for_good_is_told_and_not_said_again() {
    let mut machine = machine();
    machine.handle(like(1, None));
    welcome(&mut machine, Vec::new());
    let outputs = machine.handle(refused("1", ErrorCode::Invalid));
    assert!(matches!(
        outputs[..],
        [Output::Tell(Notice::ReportRejected { .. })]
    ));
    assert_eq!(reports(&machine.handle(Input::Tick)), []);
    assert!(machine.is_idle());
}

/// A hub that keeps nothing for a while must not believe afterwards what was true before.
#[test]
fn what_was_not_kept_is_said_again_and_nobody_waits_for_it() {
    let mut machine = machine();
    machine.handle(like(1, None));
    welcome(&mut machine, Vec::new());
    machine.handle(not_kept("1"));
    assert!(machine.is_idle());
    let later = |machine: &mut Machine| {
        let mut ticks = (1..100).map(|count| (count, reports(&machine.handle(Input::Tick))));
        ticks.find(|(_, said)| !said.is_empty()).unwrap()
    };
    assert_eq!(later(&mut machine), (60, said("2", 1, None)));
    machine.handle(not_kept("2"));
    // What is new is said at once, for that may have been the end of it.
    assert_eq!(reports(&machine.handle(like(2, None))), said("3", 2, None));
    machine.handle(kept("3"));
    assert!((0..100).all(|_| machine.handle(Input::Tick).is_empty()));
}

#[test]
fn a_hub_that_counts_on_from_less_is_told_what_was_dealt_with_there() {
    let mut machine = machine();
    machine.handle(like(1, Some(5)));
    welcome(&mut machine, Vec::new());
    machine.handle(kept("1"));
    assert_eq!(reports(&machine.handle(like(2, Some(3)))), said("2", 2, Some(3)));
}

#[test]
fn what_is_wanted_is_handed_on() {
    let mut machine = machine();
    welcome(&mut machine, Vec::new());
    let desired = Desired {
        version: 7,
        delta: object(3),
    };
    let outputs = machine.handle(Input::Received(HubFrame::Desired(desired.clone())));
    assert_eq!(outputs, [Output::Want(desired)]);
}
