//! The laws of merge patches and deltas, on documents of every shape.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn object(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => panic!("not an object: {other}"),
    }
}

/// Few keys and values, so that documents have much in common.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        (0..3_i32).prop_map(|number| json!(f64::from(number))),
        "[xy]".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A patch, with `null` where it likes.
fn patches() -> impl Strategy<Value = Document> {
    prop::collection::btree_map("[a-d]", values(), 0..4).prop_map(|map| map.into_iter().collect())
}

/// What is kept: what patches make of nothing.
fn documents() -> impl Strategy<Value = Document> {
    patches().prop_map(|patch| merge(Document::new(), &patch))
}

/// Whether all that is desired stands in a document.
fn has(document: &Document, desired: &Document) -> bool {
    desired
        .iter()
        .all(|(key, wanted)| match (wanted, document.get(key)) {
            (Value::Object(wanted), Some(Value::Object(found))) => has(found, wanted),
            (wanted, Some(found)) => is_same(wanted, found),
            (_, None) => false,
        })
}

fn has_null(document: &Document) -> bool {
    document.values().any(|value| match value {
        Value::Null => true,
        Value::Object(inner) => has_null(inner),
        _ => false,
    })
}

proptest! {
    #[test]
    fn a_device_that_takes_the_delta_is_as_it_should_be(desired in documents(), reported in documents()) {
        let delta = delta(&desired, &reported);
        let after = merge(reported.clone(), &delta);
        prop_assert!(has(&after, &desired), "{after:?} is not {desired:?}");
        prop_assert_eq!(super::delta(&desired, &after), Document::new());
        // And only what was wrong was touched.
        for (key, value) in &reported {
            if !desired.contains_key(key) {
                prop_assert_eq!(after.get(key), Some(value));
            }
        }
    }

    #[test]
    fn there_is_a_delta_just_when_something_is_not_as_it_should_be(desired in documents(), reported in documents()) {
        prop_assert_eq!(delta(&desired, &reported).is_empty(), has(&reported, &desired));
        prop_assert_eq!(delta(&desired, &desired), Document::new());
    }

    #[test]
    fn a_patch_twice_is_a_patch_once(document in documents(), patch in patches()) {
        let once = merge(document, &patch);
        prop_assert_eq!(merge(once.clone(), &patch), once);
    }

    #[test]
    fn what_is_kept_and_what_is_told_never_holds_null_for_a_key(document in documents(), patch in patches()) {
        let kept = merge(document.clone(), &patch);
        prop_assert!(!has_null(&kept));
        prop_assert!(!has_null(&delta(&kept, &document)));
    }

    /// What is written and read again, as the database does, is the same.
    #[test]
    fn a_document_means_the_same_after_a_round_trip(document in documents()) {
        let read: Document = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
        prop_assert!(delta(&document, &read).is_empty() && delta(&read, &document).is_empty());
    }

    #[test]
    fn no_document_makes_the_check_panic(document in patches(), pointer in any::<String>()) {
        let _ = check(&document, &pointer);
    }
}

/// RFC 7396, appendix A, as far as both are objects.
#[test]
fn the_examples_of_the_standard_come_out_as_it_says() {
    for (before, patch, after) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (
            json!({"a": {"b": "c"}}),
            json!({"a": {"b": "d", "c": null}}),
            json!({"a": {"b": "d"}}),
        ),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (
            json!({}),
            json!({"a": {"bb": {"ccc": null}}}),
            json!({"a": {"bb": {}}}),
        ),
    ] {
        let merged = merge(object(before.clone()), &object(patch.clone()));
        assert_eq!(Value::Object(merged), after, "{before} with {patch}");
    }
}

#[test]
fn numbers_are_the_same_when_they_mean_the_same() {
    let differ = |one: Value, other: Value| {
        !delta(&object(json!({"n": one})), &object(json!({"n": other}))).is_empty()
    };
    assert!(!differ(json!(1), json!(1.0)) && !differ(json!([1, {"a": 2.0}]), json!([1.0, {"a": 2}])));
    assert!(differ(json!(1), json!(1.5)) && differ(json!(1), json!("1")) && differ(json!(0), json!(false)));
    // Neighbours that are one and the same double.
    assert!(differ(
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_992_i64)
    ));
}

#[test]
fn each_bound_is_kept_and_pointed_at() {
    let refused = |document: Value| match check(&object(document), "/desired") {
        Err(Error::Invalid(errors)) => errors[0].pointer.clone(),
        other => panic!("not refused: {other:?}"),
    };
    let keys = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("k{n}"), json!(1)))
            .collect::<Document>()
            .into()
    };
    assert!(check(&object(keys(MAX_KEYS)), "").is_ok());
    assert_eq!(refused(keys(MAX_KEYS + 1)), "/desired");
    assert_eq!(refused(json!({"a": keys(MAX_KEYS)})), "/desired");

    let long = |length: usize| json!({"text": "x".repeat(length)});
    assert!(check(&object(long(MAX_BYTES - 11)), "").is_ok());
    assert_eq!(refused(long(MAX_BYTES - 10)), "/desired");

    let deep = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    assert!(check(&object(deep(MAX_DEPTH)), "").is_ok());
    assert_eq!(
        refused(deep(MAX_DEPTH + 1)),
        format!("/desired{}", "/a".repeat(MAX_DEPTH))
    );
    assert_eq!(
        refused(json!({"a": [[[[[[[[1]]]]]]]]})),
        "/desired/a/0/0/0/0/0/0/0"
    );

    assert_eq!(refused(json!({"a/b": {"": 1}})), "/desired/a~1b");
    assert_eq!(refused(json!({"a": {"x\0": 1}})), "/desired/a");
    assert_eq!(refused(json!({"k".repeat(MAX_KEY + 1): 1})), "/desired");
    assert_eq!(refused(json!({"~": ["good", "b\0d"]})), "/desired/~0/1");
}
