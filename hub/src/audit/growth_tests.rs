use std::collections::BTreeMap;

use proptest::prelude::*;
use tlog_tiles::{Error as TlogError, HashReader, Tile};

use super::*;
use crate::audit::{samples::Chains, tiles::grown};

fn leaf(index: u64) -> Leaf {
    let bytes = index.to_be_bytes().to_vec();
    Leaf {
        hash: leaf_hash(&bytes),
        bytes,
    }
}

/// Publishes after each of these numbers of leaves, restarting in between where told.
fn publish_in_steps(steps: &[(u64, bool)]) -> (BTreeMap<String, Vec<u8>>, Vec<TreeHead>) {
    let (mut growth, mut store, mut heads) = (Growth::default(), BTreeMap::new(), Vec::new());
    for (count, restarts) in steps {
        let size = growth.head().size;
        (size..size + count).for_each(|index| growth.append(leaf(index)));
        let publication = growth.publish();
        heads.extend(publication.heads);
        for object in publication.objects {
            let known = store.insert(object.name.to_string(), object.bytes.clone());
            assert!(
                known.is_none_or(|bytes| bytes == object.bytes),
                "{} was written twice",
                object.name
            );
        }
        if *restarts {
            growth = Growth::resume(growth.head(), |name| store.get(&name.to_string()).cloned()).unwrap();
        }
    }
    (store, heads)
}

/// The nodes of a tree as the independent implementation keeps them.
struct Nodes(Vec<tlog_tiles::Hash>);

impl Nodes {
    fn of(size: u64) -> Self {
        let mut nodes = Self(Vec::new());
        for index in 0..size {
            let new = tlog_tiles::stored_hashes(index, &leaf(index).bytes, &nodes).unwrap();
            nodes.0.extend(new);
        }
        nodes
    }
}

impl HashReader for Nodes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, TlogError> {
        Ok(indexes
            .iter()
            .map(|index| self.0[usize::try_from(*index).unwrap()])
            .collect())
    }
}

fn assert_tiles_are_theirs(store: &BTreeMap<String, Vec<u8>>, size: u64) {
    let nodes = Nodes::of(size);
    for name in grown(0, size) {
        let Series::Tile(level) = name.series() else {
            continue;
        };
        let tile = Tile::new(8, level, name.index(), u32::from(name.width()), false);
        assert_eq!(
            store[&name.to_string()],
            tile.read_data(&nodes).unwrap(),
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn growing_in_steps_gives_what_building_at_once_gives(
        steps in prop::collection::vec((0_u64..700, any::<bool>()), 1..6)
    ) {
        let (store, heads) = publish_in_steps(&steps);
        let size = steps.iter().map(|(count, _)| count).sum();
        let (at_once, _) = publish_in_steps(&[(size, false)]);
        for (path, bytes) in at_once {
            prop_assert_eq!(Some(&bytes), store.get(&path), "{}", path);
        }
        assert_tiles_are_theirs(&store, size);
        let nodes = Nodes::of(size);
        for head in heads {
            prop_assert_eq!(head.root, tlog_tiles::tree_hash(head.size, &nodes).unwrap().0);
        }
    }
}

#[test]
fn a_third_level_of_tiles_is_that_of_another_implementation() {
    let (store, _) = publish_in_steps(&[(65_000, true), (900, true), (1, false)]);
    assert!(store.contains_key("tile/1/000") && store.contains_key("tile/2/000.p/1"));
    assert_tiles_are_theirs(&store, 65_901);
}

#[test]
fn every_completed_bundle_has_a_head_to_sign() {
    let (_, heads) = publish_in_steps(&[(10, false), (1000, false), (0, false), (14, false), (1, false)]);
    let sizes: Vec<u64> = heads.iter().map(|head| head.size).collect();
    assert_eq!(sizes, [10, 256, 512, 768, 1010, 1024, 1025]);
}

#[test]
fn a_growth_does_not_go_on_from_a_damaged_or_other_store() {
    let mut growth = Growth::default();
    let mut chains = Chains::default();
    (0..300).for_each(|_| growth.append(chains.next(1)));
    let store: BTreeMap<_, _> = growth
        .publish()
        .objects
        .into_iter()
        .map(|object| (object.name, object.bytes))
        .collect();
    let resume = |change: &dyn Fn(ObjectName, Vec<u8>) -> Option<Vec<u8>>| {
        Growth::resume(growth.head(), |name| change(name, store.get(&name).cloned()?))
            .map(|growth| growth.head())
    };
    assert_eq!(resume(&|_, bytes| Some(bytes)), Ok(growth.head()));
    let bundle = ObjectName::new(Series::Entries, 1, 44);
    assert_eq!(resume(&|_, _| None), Err(ResumeError::Damaged(bundle)));
    let cut = |_, mut bytes: Vec<u8>| bytes.pop().map(|_| bytes);
    assert_eq!(resume(&cut), Err(ResumeError::Damaged(bundle)));
    for series in [Series::Entries, Series::Tile(0), Series::Tile(1)] {
        let flip = |name: ObjectName, mut bytes: Vec<u8>| {
            bytes[9] ^= u8::from(name.series() == series);
            Some(bytes)
        };
        assert_eq!(
            resume(&flip),
            Err(ResumeError::OtherTree { size: 300 }),
            "{series:?}"
        );
    }
}
