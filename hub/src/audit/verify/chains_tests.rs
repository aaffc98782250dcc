use super::*;
use crate::audit::{
    leaf::Leaf,
    merkle::leaf_hash,
    samples::{key, leaves, store},
    tiles::split_bundle,
    verify::{Problem, Report, verify},
};

/// The log indexes, agents and faults of a report's problems of entries.
fn entry_faults(report: &Report) -> Vec<(u64, Option<u128>, Option<u64>, Fault)> {
    let of_entry = |problem: &Problem| {
        let agent = problem.agent_id.map(|id| id.as_u128());
        Some((
            problem.log_index?,
            agent,
            problem.agent_seq,
            problem.fault.clone(),
        ))
    };
    report.problems.iter().filter_map(of_entry).collect()
}

/// Publishes and signs a log whose sequencer did wrong.
fn faults_of(wrong: &[Leaf]) -> Vec<(u64, Option<u128>, Option<u64>, Fault)> {
    entry_faults(&verify(&store(wrong, &[]), key().verifier(), &[]).unwrap())
}

#[test]
fn an_entry_left_out_is_found() {
    let mut log = leaves(&[1, 2, 1, 2, 1]);
    log.remove(2);
    assert_eq!(
        faults_of(&log),
        [(3, Some(1), Some(3), Fault::SequenceGap { expected: 2 })]
    );
}

#[test]
fn a_first_entry_left_out_is_found() {
    assert_eq!(
        faults_of(&leaves(&[1, 1])[1..]),
        [(0, Some(1), Some(2), Fault::SequenceGap { expected: 1 })]
    );
}

#[test]
fn reordered_entries_are_found() {
    let mut log = leaves(&[1, 1, 1, 1]);
    log.swap(1, 2);
    let gap = Fault::SequenceGap { expected: 2 };
    let repeated = Fault::SequenceRepeated { expected: 4 };
    assert_eq!(
        faults_of(&log),
        [(1, Some(1), Some(3), gap), (2, Some(1), Some(2), repeated)]
    );
}

#[test]
fn entries_of_different_agents_may_stand_in_any_order() {
    let mut log = leaves(&[1, 2, 1]);
    log.swap(0, 1);
    assert_eq!(faults_of(&log), []);
}

#[test]
fn a_repeated_entry_is_found() {
    let mut log = leaves(&[1, 1, 2, 1]);
    log.insert(3, log[0].clone());
    assert_eq!(
        faults_of(&log),
        [(3, Some(1), Some(1), Fault::SequenceRepeated { expected: 3 })]
    );
}

#[test]
fn a_forked_chain_is_found() {
    let mut log = leaves(&[1, 1, 1]);
    let other = String::from_utf8(log[1].bytes.clone())
        .unwrap()
        .replace("append_event", "remove_event");
    let hash = leaf_hash(other.as_bytes());
    log.insert(
        2,
        Leaf {
            bytes: other.into_bytes(),
            hash,
        },
    );
    assert_eq!(faults_of(&log), [(2, Some(1), Some(2), Fault::ChainForked)]);
}

#[test]
fn a_chain_over_a_rewritten_entry_is_found_broken() {
    let mut log = leaves(&[1, 1, 1]);
    let other = String::from_utf8(log[1].bytes.clone())
        .unwrap()
        .replace("append_event", "remove_event");
    log[1] = Leaf {
        hash: leaf_hash(other.as_bytes()),
        bytes: other.into_bytes(),
    };
    assert_eq!(faults_of(&log), [(2, Some(1), Some(3), Fault::ChainBroken)]);
}

#[test]
fn a_logged_thing_that_is_no_entry_is_found() {
    let mut log = leaves(&[1, 1]);
    log.insert(1, Leaf::chain(b"{}", &[0; 32]));
    let faults = faults_of(&log);
    assert!(
        matches!(&faults[..], [(1, None, None, Fault::NotAnEntry { .. })]),
        "{faults:?}"
    );
}

#[test]
fn a_damaged_entry_is_named_by_its_successor() {
    let mut store = store(&leaves(&[1, 2, 1, 1]), &[]);
    let bundle = store.0.get_mut("tile/entries/000.p/4").unwrap();
    let second_of_1 = split_bundle(bundle).0[..2]
        .iter()
        .map(|leaf| leaf.len() + 2)
        .sum::<usize>()
        + 2;
    bundle[second_of_1..second_of_1 + 10].fill(b'!');
    assert_eq!(
        entry_faults(&verify(&store, key().verifier(), &[]).unwrap()),
        [(2, Some(1), Some(2), Fault::EntryEdited)]
    );
}
