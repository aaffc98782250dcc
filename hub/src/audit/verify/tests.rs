use proptest::{prelude::*, sample::Index};
use uuid::Uuid;

use super::*;
use crate::audit::{
    growth::PORTION,
    leaf::Leaf,
    samples::{MemoryStore, key, leaves, store},
    tiles::{CHECKPOINT_PATH, ObjectName, Series, grown, split_bundle},
};

fn check(store: &MemoryStore) -> Report {
    verify(store, key().verifier(), &[]).unwrap()
}

fn check_against(store: &MemoryStore, checkpoint: &[u8]) -> Report {
    let known = KnownCheckpoint {
        label: "kept.txt".to_owned(),
        bytes: checkpoint.to_vec(),
    };
    verify(store, key().verifier(), &[known]).unwrap()
}

/// A log of up to 4 agents, and the portions in which it was published.
fn any_log() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    (
        prop::collection::vec(0_u8..4, 1..700),
        prop::collection::vec(0_usize..300, 0..4),
    )
}

/// The place in the log and the chain of the entry at a byte of a bundle.
fn entry_at(bundle: ObjectName, bytes: &[u8], mut offset: usize, agents: &[u8]) -> (u64, Uuid, u64) {
    let mut log_index = bundle.start();
    for leaf in split_bundle(bytes).0 {
        let Some(rest) = offset.checked_sub(leaf.len() + 2) else {
            break;
        };
        (offset, log_index) = (rest, log_index + 1);
    }
    let place = usize::try_from(log_index).unwrap();
    let earlier = agents[..place].iter().filter(|agent| **agent == agents[place]);
    (
        log_index,
        Uuid::from_u128(u128::from(agents[place])),
        earlier.count() as u64 + 1,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_published_is_whole((agents, portions) in any_log()) {
        let report = check(&store(&leaves(&agents), &portions));
        prop_assert_eq!(&report.problems, &[]);
        prop_assert_eq!((report.size, report.entries), (agents.len() as u64, agents.len() as u64));
        prop_assert_eq!(report.unsigned_objects, 0);
    }

    #[test]
    fn one_changed_byte_is_found_and_named(
        (agents, portions) in any_log(), object: Index, at: Index, mask in 1_u8..
    ) {
        let whole = store(&leaves(&agents), &portions);
        let (path, bytes) = whole.0.iter().nth(object.index(whole.0.len())).unwrap();
        let at = at.index(bytes.len());
        let mut changed = whole.clone();
        changed.0.get_mut(path).unwrap()[at] ^= mask;
        let report = check(&changed);
        prop_assert!(!report.is_whole());
        prop_assert!(report.problems.iter().all(|problem| &problem.object == path), "{}", report);
        let Ok(name) = path.parse::<ObjectName>() else { return Ok(()) };
        if name.series() == Series::Entries {
            let (log_index, agent, seq) = entry_at(name, bytes, at, &agents);
            let first = report.first_bad_entry().unwrap();
            prop_assert_eq!(first.log_index, Some(log_index), "{}", report);
            let place = usize::try_from(log_index).unwrap();
            if agents[place + 1..].contains(&agents[place]) && first.fault == Fault::EntryEdited {
                prop_assert_eq!((first.agent_id, first.agent_seq), (Some(agent), Some(seq)), "{}", report);
            }
        } else {
            prop_assert!(report.first_bad_entry().is_none(), "{}", report);
        }
    }

    #[test]
    fn a_missing_object_is_named((agents, portions) in any_log(), object: Index) {
        let whole = store(&leaves(&agents), &portions);
        let needed = grown(0, agents.len() as u64);
        let name = needed[object.index(needed.len())];
        let mut less = whole.clone();
        less.0.remove(&name.to_string());
        let report = check(&less);
        prop_assert!(report.problems.iter().any(|problem| {
            problem.object == name.to_string() && matches!(problem.fault, Fault::Missing | Fault::EndMissing { .. })
        }), "{}", report);
    }

    #[test]
    fn a_cut_off_end_is_found_given_a_checkpoint((agents, portions) in any_log(), by in 1_usize..300) {
        prop_assume!(by < agents.len());
        let leaves = leaves(&agents);
        let kept = store(&leaves, &[]).0.remove(CHECKPOINT_PATH).unwrap();
        let cut = agents.len() - by;
        let report = check_against(&store(&leaves[..cut], &portions), &kept);
        let first = report.first_bad_entry().unwrap();
        prop_assert_eq!(first.log_index, Some(cut as u64));
        prop_assert_eq!(&first.fault, &Fault::EndMissing { last: agents.len() as u64 - 1 });
        prop_assert_eq!(&report.problems[0].object, CHECKPOINT_PATH);
        prop_assert!(matches!(report.problems[0].fault, Fault::CutOff { .. }), "{}", report);
    }

    #[test]
    fn a_log_that_went_on_agrees_with_its_older_checkpoints((agents, portions) in any_log(), older: Index) {
        let leaves = leaves(&agents);
        let older = store(&leaves[..=older.index(leaves.len())], &[]).0.remove(CHECKPOINT_PATH).unwrap();
        let report = check_against(&store(&leaves, &portions), &older);
        prop_assert_eq!(&report.problems, &[]);
    }

    #[test]
    fn a_rewritten_entry_is_found_though_all_hashes_were_made_anew((agents, portions) in any_log(), at: Index) {
        let mut forged = leaves(&agents);
        let at = at.index(forged.len());
        let text = String::from_utf8(forged[at].bytes.clone()).unwrap();
        let other = Leaf::chain(text.replace("append_event", "remove_event").as_bytes(), &[0; 32]);
        forged[at] = other;
        let mut forged_store = store(&forged, &portions);
        let signed = store(&leaves(&agents), &portions).0.into_iter().filter(|(path, _)| path.starts_with("check"));
        forged_store.0.extend(signed);
        let report = check(&forged_store);
        let first = report.first_bad_entry().unwrap();
        let Fault::NotAsSigned { first, last } = first.fault else { panic!("{report}") };
        prop_assert!((first..=last).contains(&(at as u64)), "{}", report);
    }
}

#[test]
fn the_history_shows_that_the_checkpoint_was_put_back() {
    let leaves = leaves(&[1; 300]);
    let mut put_back = store(&leaves, &[100]);
    let old = store(&leaves[..100], &[]).0.remove(CHECKPOINT_PATH).unwrap();
    put_back.0.insert(CHECKPOINT_PATH.to_owned(), old);
    let report = check(&put_back);
    let known_place = "checkpoints/001.p/44".to_owned();
    let fault = Fault::CutOff {
        size: 100,
        known_size: 300,
        known_place,
    };
    assert_eq!(report.problems, [Problem::of_object(CHECKPOINT_PATH, fault)]);
}

#[test]
fn a_checkpoint_that_was_taken_out_of_the_history_is_named() {
    let whole = store(&leaves(&[1; 800]), &[300, 300]);
    for taken in ["checkpoints/000", "checkpoints/001", "checkpoints/002"] {
        let mut less = whole.clone();
        less.0.remove(taken).unwrap();
        let problems = check(&less).problems;
        assert_eq!(problems, [Problem::of_object(taken, Fault::Missing)]);
    }
    // One of a size in between may have been swept.
    let mut swept = whole.clone();
    swept.0.remove("checkpoints/001.p/44").unwrap();
    assert!(check(&swept).is_whole());
}

#[test]
fn a_history_without_its_end_is_missed_as_far_as_it_must_reach() {
    let size = PORTION + 600;
    let whole = store(&leaves(&vec![1; usize::try_from(size).unwrap()]), &[]);
    // A publication that was cut off after `checkpoint` was written: one portion of the history may be missing.
    let mut cut_off = whole.clone();
    let is_old = |path: &str| path.parse::<ObjectName>().is_ok_and(|name| name.end() <= 600);
    cut_off
        .0
        .retain(|path, _| !path.starts_with("checkpoints/") || is_old(path));
    assert_eq!(check(&cut_off).problems, []);
    let mut taken = whole;
    taken.0.retain(|path, _| !path.starts_with("checkpoints/"));
    let missing = ["checkpoints/000", "checkpoints/001"];
    assert_eq!(
        check(&taken).problems,
        missing.map(|path| Problem::of_object(path, Fault::Missing))
    );
}

#[test]
fn objects_past_the_checkpoint_are_counted_but_not_wrong() {
    let leaves = leaves(&[1; 300]);
    let mut ahead = store(&leaves[..100], &[]);
    let later = store(&leaves, &[100])
        .0
        .into_iter()
        .filter(|(path, _)| path.starts_with("tile/"));
    ahead.0.extend(later);
    let report = check(&ahead);
    assert_eq!(report.problems, []);
    assert_eq!((report.size, report.unsigned_objects), (100, 5));
}

#[test]
fn a_fork_of_the_whole_log_is_found() {
    let log = leaves(&[1; 20]);
    let fork = |size: usize| {
        store(&leaves(&vec![2; size]), &[])
            .0
            .remove(CHECKPOINT_PATH)
            .unwrap()
    };
    let same = check_against(&store(&log, &[]), &fork(20));
    let signed_twice = Fault::SignedTwice {
        size: 20,
        other_place: "checkpoints/000.p/20".to_owned(),
    };
    assert_eq!(same.problems, [Problem::of_object("kept.txt", signed_twice)]);
    let older = check_against(&store(&log, &[]), &fork(10));
    assert_eq!(
        older.problems,
        [Problem::of_object("kept.txt", Fault::Forked { size: 10 })]
    );
}

#[test]
fn a_store_without_a_checkpoint_is_not_whole() {
    let report = check(&MemoryStore::default());
    assert_eq!(
        report.problems,
        [Problem::of_object(CHECKPOINT_PATH, Fault::CheckpointMissing)]
    );
    let mut unsigned = store(&leaves(&[1; 10]), &[]);
    unsigned.0.retain(|path, _| path.starts_with("tile/"));
    unsigned
        .0
        .insert("tile/0/x999/x999/x999/x999/000".to_owned(), vec![]);
    assert_eq!(check(&unsigned).entries, 10);
    assert!(!check(&unsigned).is_whole());
}

#[test]
fn another_key_confirms_nothing() {
    let other = crate::audit::keys::CheckpointKey::from_seed("hub.example/home", &[8; 32]).unwrap();
    let report = verify(&store(&leaves(&[1; 10]), &[]), other.verifier(), &[]).unwrap();
    assert_eq!(report.checkpoints, 0);
    assert!(
        report
            .problems
            .iter()
            .all(|problem| matches!(problem.fault, Fault::CheckpointInvalid { .. }))
    );
}

#[test]
fn a_stranger_in_the_store_is_found() {
    let mut store = store(&leaves(&[1; 10]), &[]);
    store.0.insert("tile/0/0".to_owned(), vec![]);
    assert_eq!(
        check(&store).problems,
        [Problem::of_object("tile/0/0", Fault::Stranger)]
    );
}

#[test]
fn a_history_checkpoint_under_another_name_is_found() {
    let mut store = store(&leaves(&[1; 10]), &[]);
    let bytes = store.0[CHECKPOINT_PATH].clone();
    store.0.insert("checkpoints/000.p/9".to_owned(), bytes);
    let fault = Fault::CheckpointMisplaced { size: 10 };
    assert_eq!(
        check(&store).problems,
        [Problem::of_object("checkpoints/000.p/9", fault)]
    );
}

#[test]
fn a_report_reads_well() {
    let mut store = store(&leaves(&[1, 2, 1, 1]), &[]);
    store.0.get_mut("tile/entries/000.p/4").unwrap()[2] ^= 1;
    let report = check(&store);
    assert_eq!(
        report.to_string(),
        concat!(
            "log          hub.example/home\n",
            "size         4 (signed)\n",
            "root         ROOT\n",
            "entries      3 read, of 2 agents\n",
            "checkpoints  2 with a good signature\n",
            "\nThe log is NOT whole: 1 problem.\n",
            "The first bad entry is log index 0, agent 00000000-0000-0000-0000-000000000001, agent_seq 1.\n",
            "\n  tile/entries/000.p/4, log index 0, agent 00000000-0000-0000-0000-000000000001, agent_seq 1\n",
            "    the entry's bytes were changed\n",
        )
        .replace("ROOT", report.to_string().lines().nth(2).unwrap().rsplit(' ').next().unwrap())
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["problems"][0]["fault"], "entry_edited");
    assert_eq!(json["problems"][0]["log_index"], 0);
}
