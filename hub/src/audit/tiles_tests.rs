use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The independent implementation names the height and calls bundles `data`.
fn their_path(tile: &tlog_tiles::Tile) -> String {
    tile.path()
        .replacen("tile/8/", "tile/", 1)
        .replacen("tile/data/", "tile/entries/", 1)
}

fn any_name() -> impl Strategy<Value = ObjectName> {
    let series = prop_oneof![
        Just(Series::Entries),
        Just(Series::Checkpoints),
        (0..LEVELS).prop_map(Series::Tile)
    ];
    let index = prop_oneof![0..3000_u64, 0..1_u64 << 55];
    (series, index, 1..=TILE_WIDTH).prop_map(|(series, index, width)| ObjectName::new(series, index, width))
}

#[test]
fn paths_are_those_of_the_standard() {
    let path = |series, index, width| ObjectName::new(series, index, width).to_string();
    assert_eq!(path(Series::Tile(0), 0, 256), "tile/0/000");
    assert_eq!(path(Series::Tile(3), 1_234_067, 256), "tile/3/x001/x234/067");
    assert_eq!(path(Series::Entries, 1000, 8), "tile/entries/x001/000.p/8");
    assert_eq!(ObjectName::checkpoint(1).to_string(), "checkpoints/000.p/1");
    assert_eq!(ObjectName::checkpoint(256).to_string(), "checkpoints/000");
    assert_eq!(ObjectName::checkpoint(257).to_string(), "checkpoints/001.p/1");
}

#[test]
fn another_spelling_of_a_path_is_no_name() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/00/000",
        "tile/8/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../000",
        "tile/data/000",
        "tile/0/+01",
        "checkpoint",
        "checkpoints/",
        "tile/0/000.p/1/2",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(path.parse::<ObjectName>().is_err(), "{path}");
    }
}

#[test]
fn a_bundle_may_end_in_what_is_no_leaf() {
    assert_eq!(
        split_bundle(b"\0\x01a\0"),
        (vec![b"a".as_slice()], b"\0".as_slice())
    );
    assert_eq!(split_bundle(b"\0\x02a"), (vec![], b"\0\x02a".as_slice()));
    assert_eq!(split_bundle(b""), (vec![], b"".as_slice()));
}

proptest! {
    #[test]
    fn a_name_survives_being_written(name in any_name()) {
        prop_assert_eq!(name.to_string().parse(), Ok(name));
    }

    #[test]
    fn the_size_of_a_checkpoint_is_in_its_name(size in 1_u64..1 << 40) {
        prop_assert_eq!(ObjectName::checkpoint(size).end(), size);
    }

    #[test]
    fn growth_has_the_tiles_of_another_implementation(from in 0_u64..200_000, by in 0_u64..70_000) {
        let ours: BTreeSet<String> = grown(from, from + by)
            .iter()
            .filter(|name| name.series() != Series::Entries)
            .map(ToString::to_string)
            .collect();
        let theirs = tlog_tiles::Tile::new_tiles(8, from, from + by).iter().map(their_path).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn bundles_are_named_as_the_tiles_of_level_0(from in 0_u64..200_000, by in 0_u64..70_000) {
        let of = |series| grown(from, from + by).into_iter().filter(move |name| name.series() == series);
        let pairs = of(Series::Entries).map(|name| (name.index(), name.width()));
        prop_assert!(pairs.eq(of(Series::Tile(0)).map(|name| (name.index(), name.width()))));
    }

    #[test]
    fn a_bundle_survives_being_written(leaves: Vec<Vec<u8>>) {
        let bytes = encode_bundle(&leaves);
        let (found, rest) = split_bundle(&bytes);
        prop_assert!(rest.is_empty());
        prop_assert_eq!(found, leaves);
    }
}
