//! `hub audit`: looks at the audit log without the hub.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    adapters::worm::WriteOnceDirectory,
    audit::{
        keys::{KeyError, VerifierKey},
        verify::{KnownCheckpoint, Report, verify},
    },
    config::data_dir,
};

/// The log is not whole.
const NOT_WHOLE: u8 = 1;
/// It could not be checked.
const NOT_CHECKED: u8 = 2;

/// Looks at the audit log without the hub
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Says whether an audit log is whole, and where it is not
    ///
    /// Works offline on the hub's audit directory or any copy of it. Ends with 0 when the log is whole, 1
    /// when it is not, and 2 when it could not be checked.
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// The directory with the log [default: .hub/audit; `HUB_DIR` moves .hub]
    #[arg(default_value_os_t = data_dir().join("audit"), hide_default_value = true)]
    directory: PathBuf,
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
    #[error("the key in {place} is not usable: {source}")]
    BadKey { place: String, source: KeyError },
    #[error("cannot print the report: {0}")]
    Unprintable(#[from] io::Error),
}

/// Runs the command and returns the code to exit with.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let Command::Verify(args) = &args.command;
    let done = check(args).and_then(|report| {
        print(args, &report)?;
        Ok(if report.is_whole() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(NOT_WHOLE)
        })
    });
    done.unwrap_or_else(|error| {
        // Where not even this can be told, the code says it.
        drop(writeln!(io::stderr().lock(), "hub audit verify: {error}"));
        ExitCode::from(NOT_CHECKED)
    })
}

fn check(args: &VerifyArgs) -> Result<Report, VerifyError> {
    let key = read_key(args)?;
    let known = args
        .checkpoint
        .iter()
        .map(|path| read_checkpoint(path))
        .collect::<Result<Vec<_>, _>>()?;
    let unreadable = |source| VerifyError::Unreadable {
        path: args.directory.clone(),
        source,
    };
    let store = WriteOnceDirectory::open(&args.directory).map_err(unreadable)?;
    verify(&store, &key, &known).map_err(unreadable)
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

fn print(args: &VerifyArgs, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, report)?;
        return writeln!(out);
    }
    writeln!(out, "directory    {}", args.directory.display())?;
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
        args: Args,
    }

    fn run_with(words: &[&str]) -> ExitCode {
        run(&Cli::try_parse_from([&["audit"], words].concat()).unwrap().args)
    }

    #[test]
    fn what_cannot_be_checked_is_not_called_whole() {
        let not_checked = format!("{:?}", ExitCode::from(NOT_CHECKED));
        let key = samples::key().verifier().to_string();
        for words in [
            ["verify", "/nowhere", "--key", &key].as_slice(),
            &["verify", "/tmp", "--key", "mistyped"],
            &["verify", "/tmp", "--key-file", "/nowhere"],
            &["verify", "/tmp", "--key", &key, "--checkpoint", "/nowhere"],
        ] {
            assert_eq!(format!("{:?}", run_with(words)), not_checked, "{words:?}");
        }
    }

    #[test]
    fn the_code_says_whether_the_log_is_whole() {
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
        let words = ["verify", directory.to_str().unwrap(), "--key-file", &key_file];
        assert_eq!(
            format!("{:?}", run_with(&words)),
            format!("{:?}", ExitCode::SUCCESS)
        );
        fs::write(directory.join("tile/0/000.p/3"), [0; 96]).unwrap();
        let json = [words.as_slice(), &["--json"]].concat();
        assert_eq!(
            format!("{:?}", run_with(&json)),
            format!("{:?}", ExitCode::from(NOT_WHOLE))
        );
        fs::remove_dir_all(&directory).unwrap();
        fs::remove_file(key_file).unwrap();
    }

    #[test]
    fn a_key_is_given_once() {
        assert!(Cli::try_parse_from(["audit", "verify", "--key", "a", "--key-file", "b"]).is_err());
        assert!(Cli::try_parse_from(["audit", "verify", "--key", "a"]).is_ok());
    }
}
