//! `hub audit`: looks at the audit log without the hub.

mod export;
mod receipt;
mod source;
mod verify;

use std::process::ExitCode;

use source::{Log, SourceError};

/// Nothing could be checked or copied.
const NOT_DONE: u8 = 2;

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
    /// Works offline on the hub's audit directory, any copy of it, or a bucket of S3, which it only reads. Ends with 0
    /// when the log is whole, 1 when it is not, and 2 when it could not be checked.
    Verify(verify::VerifyArgs),
    /// Copies an audit log to a directory, where it can be verified without this hub or S3
    ///
    /// The hub may go on writing meanwhile. Ends with 2 when it could not be copied; copying again goes on where it
    /// ended.
    Export(export::ExportArgs),
    /// Says whether a receipt of what was forgotten is this hub's, and what it says
    ///
    /// Needs the file and the public key, and nothing else. Ends with 0 when the receipt is the hub's, 1 when it is not, and 2 when
    /// it could not be checked.
    Receipt(receipt::ReceiptArgs),
}

/// What is to be done, and with which log.
pub struct Task {
    command: Command,
    log: Result<Log, SourceError>,
}

impl Args {
    /// Looks where the log is. This may read the configuration, as [`Config::load`](crate::config::Config::load) wants it: before
    /// there is a runtime.
    #[must_use]
    pub fn find_log(self) -> Task {
        let name = match &self.command {
            Command::Verify(args) => args.store.as_deref(),
            Command::Export(args) => args.from.as_deref(),
            Command::Receipt(_) => None,
        };
        Task {
            log: Log::find(name),
            command: self.command,
        }
    }
}

/// Runs the command and returns the code to exit with.
pub async fn run(task: Task) -> ExitCode {
    match task.command {
        Command::Verify(args) => verify::run(args, task.log).await,
        Command::Export(args) => export::run(args, task.log).await,
        Command::Receipt(args) => receipt::run(&args),
    }
}
