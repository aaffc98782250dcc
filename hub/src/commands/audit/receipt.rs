//! `hub audit receipt`: whether a receipt of what was forgotten is the hub's, and what it says.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use super::NOT_DONE;
use crate::{
    audit::keys::{KeyError, VerifierKey},
    config::data_dir,
    erasures::receipt::{Backups, Receipt},
};

/// It is not the hub's.
const NOT_SIGNED: u8 = 1;
/// The longest receipt that is read, in bytes: one has about a thousand.
const MAX_RECEIPT: u64 = 64 * 1024;

/// Which receipt, and by what to judge it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hub forget --receipt 77ab0e > receipt.txt\n  hub audit receipt receipt.txt --key-file audit.pub"
)]
pub(super) struct ReceiptArgs {
    /// The file with the receipt
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The log's public key, as name+hash+base64
    #[arg(long, value_name = "VKEY", conflicts_with = "key_file")]
    key: Option<String>,
    /// The file with the log's public key [default: .hub/keys/audit.pub]
    #[arg(long, value_name = "FILE", default_value_os_t = data_dir().join("keys/audit.pub"), hide_default_value = true)]
    key_file: PathBuf,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
enum Unchecked {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the key is not usable: {0}")]
    BadKey(#[from] KeyError),
}

/// Checks, prints what it says, and returns the code to exit with.
pub(super) fn run(args: &ReceiptArgs) -> ExitCode {
    let mut out = io::stdout().lock();
    // Where not even this can be told, the code says it.
    match read(args) {
        Ok((key, note)) => match Receipt::open(&note, &key) {
            Ok(receipt) => {
                drop(write!(out, "{}", told(&receipt, key.name())));
                ExitCode::SUCCESS
            }
            Err(error) => {
                drop(writeln!(out, "not a receipt of {}: {error}", key.name()));
                ExitCode::from(NOT_SIGNED)
            }
        },
        Err(error) => {
            drop(writeln!(io::stderr().lock(), "hub audit receipt: {error}"));
            ExitCode::from(NOT_DONE)
        }
    }
}

fn read(args: &ReceiptArgs) -> Result<(VerifierKey, Vec<u8>), Unchecked> {
    let unreadable = |path: &PathBuf| {
        let path = path.clone();
        move |source| Unchecked::Unreadable { path, source }
    };
    let key = match &args.key {
        Some(key) => key.clone(),
        None => fs::read_to_string(&args.key_file).map_err(unreadable(&args.key_file))?,
    };
    let mut note = Vec::new();
    let file = fs::File::open(&args.file).map_err(unreadable(&args.file))?;
    io::Read::read_to_end(&mut io::Read::take(file, MAX_RECEIPT), &mut note)
        .map_err(unreadable(&args.file))?;
    Ok((key.parse()?, note))
}

fn told(receipt: &Receipt, by: &str) -> String {
    let erasure = &receipt.erasure;
    let at = |at: crate::clock::DateTime| at.format("%F %T UTC").to_string();
    let disk = match (erasure.scrubbed_at, erasure.wal.as_deref()) {
        (Some(done), Some("turned_over")) => format!("{}, the write-ahead log too", at(done)),
        (Some(done), _) => format!(
            "{}; the write-ahead log was left, for the hub's login may not turn it over",
            at(done)
        ),
        (None, _) => format!("not yet when this was signed; by {}", at(erasure.scrub_by)),
    };
    let backups = match &receipt.backups {
        Backups::GoneAt(gone) => format!("gone by {}", at(*gone)),
        Backups::Unknown => "unknown: the hub makes none, and none are configured".to_owned(),
    };
    let counts = super::super::forget::said(&erasure.counts);
    format!(
        "signed by    {by}\nerasure      {}\nforgotten    the {} {} of the agent {}\nwith it      {counts}\nas far as    whoever asked for it could see\nunreadable   since {}\noff the disk {disk}\nbackups      {backups}\n",
        erasure.id,
        erasure.target_kind,
        erasure.target_id,
        receipt.agent_id,
        at(erasure.erased_at)
    )
}
