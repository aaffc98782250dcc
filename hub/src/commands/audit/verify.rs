//! `hub audit verify`: whether a log is whole, and where it is not.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{
    NOT_DONE,
    source::{Log, Source, SourceError},
};
use crate::{
    audit::{
        keys::{KeyError, VerifierKey},
        verify::{KnownCheckpoint, Report, verify},
    },
    config::data_dir,
};

/// The log is not whole.
const NOT_WHOLE: u8 = 1;

/// Which log, and by what to judge it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hub audit verify\n  hub audit verify /media/copy --key-file audit.pub\n  hub audit verify \
                  s3://bucket/prefix"
)]
pub(super) struct VerifyArgs {
    /// The log: a directory, or a bucket as `s3://bucket/prefix` [default: what audit.store says, else .hub/audit; `HUB_DIR` moves .hub]
    #[arg(value_name = "DIRECTORY|URL")]
    pub(super) store: Option<String>,
    /// The log's public key, as name+hash+base64
    #[arg(long, value_name = "VKEY", conflicts_with = "key_file")]
    key: Option<String>,
    /// The file with the log's public key [default: .hub/keys/audit.pub]
    #[arg(long, value_name = "FILE", default_value_os_t = data_dir().join("keys/audit.pub"), hide_default_value = true)]
    key_file: PathBuf,
    /// A checkpoint kept elsewhere, with which the log must still agree; may be given more than once
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the key in {place} is not usable: {source}")]
    BadKey { place: String, source: KeyError },
    #[error("cannot print the report: {0}")]
    Unprintable(#[from] io::Error),
}

/// Verifies, prints the report, and returns the code to exit with.
pub(super) async fn run(args: VerifyArgs, log: Result<Log, SourceError>) -> ExitCode {
    let done = match check(&args, log).await {
        Ok((source, report)) => print(&args, &source, &report)
            .map(|()| report.is_whole())
            .map_err(VerifyError::from),
        Err(error) => Err(error),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_WHOLE),
        Err(error) => {
            // Where not even this can be told, the code says it.
            drop(writeln!(io::stderr().lock(), "hub audit verify: {error}"));
            ExitCode::from(NOT_DONE)
        }
    }
}

async fn check(args: &VerifyArgs, log: Result<Log, SourceError>) -> Result<(Source, Report), VerifyError> {
    let key = read_key(args)?;
    let known = args
        .checkpoint
        .iter()
        .map(|path| read_checkpoint(path))
        .collect::<Result<Vec<_>, _>>()?;
    let source = Source::open(log?).await?;
    let verified = source.read(move |store| verify(store, &key, &known)).await?;
    Ok((source, verified))
}

fn read_key(args: &VerifyArgs) -> Result<VerifierKey, VerifyError> {
    let (place, text) = match &args.key {
        Some(key) => ("--key".to_owned(), key.clone()),
        None => (args.key_file.display().to_string(), read_text(&args.key_file)?),
    };
    text.parse()
        .map_err(|source| VerifyError::BadKey { place, source })
}

fn read_text(path: &Path) -> Result<String, VerifyError> {
    fs::read_to_string(path).map_err(|source| VerifyError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn read_checkpoint(path: &Path) -> Result<KnownCheckpoint, VerifyError> {
    let bytes = fs::read(path).map_err(|source| VerifyError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(KnownCheckpoint {
        label: path.display().to_string(),
        bytes,
    })
}

fn print(args: &VerifyArgs, source: &Source, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, report)?;
        return writeln!(out);
    }
    writeln!(out, "{:<12} {source}", source.kind())?;
    write!(out, "{report}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::audit::samples;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: VerifyArgs,
    }

    async fn run_with(words: &[&str]) -> ExitCode {
        let args = Cli::try_parse_from([&["verify"], words].concat()).unwrap().args;
        let log = Log::find(args.store.as_deref());
        run(args, log).await
    }

    #[tokio::test]
    async fn what_cannot_be_checked_is_not_called_whole() {
        let not_checked = format!("{:?}", ExitCode::from(NOT_DONE));
        let key = samples::key().verifier().to_string();
        for words in [
            ["/nowhere", "--key", &key].as_slice(),
            &["/tmp", "--key", "mistyped"],
            &["/tmp", "--key-file", "/nowhere"],
            &["/tmp", "--key", &key, "--checkpoint", "/nowhere"],
        ] {
            assert_eq!(format!("{:?}", run_with(words).await), not_checked, "{words:?}");
        }
    }

    #[tokio::test]
    async fn the_code_says_whether_the_log_is_whole() {
        let directory = std::env::temp_dir().join(format!("hub-audit-verify-{}", std::process::id()));
        for (path, bytes) in samples::store(&samples::leaves(&[1, 2, 1]), &[]).0 {
            let file = directory.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        fs::write(
            directory.with_extension("pub"),
            samples::key().verifier().to_string() + "\n",
        )
        .unwrap();
        let key_file = directory.with_extension("pub").display().to_string();
        let words = [directory.to_str().unwrap(), "--key-file", &key_file];
        assert_eq!(
            format!("{:?}", run_with(&words).await),
            format!("{:?}", ExitCode::SUCCESS)
        );
        fs::write(directory.join("tile/0/000.p/3"), [0; 96]).unwrap();
        let json = [words.as_slice(), &["--json"]].concat();
        assert_eq!(
            format!("{:?}", run_with(&json).await),
            format!("{:?}", ExitCode::from(NOT_WHOLE))
        );
        fs::remove_dir_all(&directory).unwrap();
        fs::remove_file(key_file).unwrap();
    }

    #[test]
    fn a_key_is_given_once() {
        assert!(Cli::try_parse_from(["verify", "--key", "a", "--key-file", "b"]).is_err());
        assert!(Cli::try_parse_from(["verify", "--key", "a"]).is_ok());
    }
}
