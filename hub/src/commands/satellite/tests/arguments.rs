//! The words that the satellite is started with.

use std::path::PathBuf;

use super::*;

#[test]
fn arguments_are_checked() {
    use clap::Parser;
    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }
    let parse = |line: &str| Cli::try_parse_from(std::iter::once("satellite").chain(line.split(' ')));
    assert!(parse("kitchen --replay talk.jsonl --speed max --place ground --exit-when-done").is_ok());
    let args = parse("kitchen --hub-dir /elsewhere").unwrap().args;
    assert_eq!(
        args.credentials_path(),
        PathBuf::from("/elsewhere/satellites/kitchen.json")
    );
    for wrong in [
        "../kitchen",
        "kitchen --speed 2",
        "kitchen --file a --replay b",
        "kitchen --linger -1",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
