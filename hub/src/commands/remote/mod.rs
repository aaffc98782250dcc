//! What the people's commands share: the way to the hub, the stored sign-in, and how answers and refusals are shown.

mod actions;
mod ask;
mod base_url;
mod call;
mod client;
mod failure;
mod memories;
mod names;
mod short_id;
mod sign_in;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, process::ExitCode};

use serde::Serialize;

pub use actions::{Ending, arguments, bound, decide, ending, find, in_state, settled};
pub use ask::MAX_PAGES;
pub use base_url::{BaseUrl, UrlProblem};
pub use call::{Call, quote};
pub use client::{Client, Tokens};
pub use failure::{Failure, Problem};
pub use memories::{MEMORIES, memories, pick_memory};
pub use names::{Names, no_space};
pub use short_id::{entries, pick_called, pick_from, short_ids};
pub use sign_in::{SignIn, SignInFile, SignInFileError};

use super::{address, terminal::Terminal};
use crate::config::{self, DataDir};

/// Where the hub is.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Address {
    /// The hub's address [default: where you are signed in, else where the hub of `.hub` listens]
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,

    /// Certificates in PEM of authorities to trust beside the system's, for https to a hub of the house [default: the ones
    /// that you signed in with]
    #[arg(long, value_name = "FILE", env = "HUB_CA_FILE", hide_env = true, value_parser = parse_ca_file)]
    ca_file: Option<PathBuf>,
}

/// What each of the people's commands takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    #[command(flatten)]
    address: Address,

    /// Print what the hub answers as JSON
    #[arg(long)]
    json: bool,

    /// Print the curl command that asks the same, and do not run it (what it depends on is looked up)
    #[arg(long, conflicts_with = "json")]
    curl: bool,
}

/// The hub, as a command at a terminal sees it.
pub struct Remote {
    /// Speaks to the hub.
    pub client: Client,
    /// Speaks to the person.
    pub terminal: Terminal,
    /// The folder with the hub's own files.
    pub dir: DataDir,
    options: Options,
}

impl Remote {
    /// The way to the hub that the options, or the stored sign-in, name.
    pub fn open(options: &Options, dir: DataDir, mut terminal: Terminal) -> Result<Self, Failure> {
        let file = SignInFile::of(&dir);
        let Address { url, ca_file } = options.address.clone();
        // A sign-in that cannot be read is told by who needs it: with an address, one may be about to make a new one.
        let stored = match &url {
            Some(url) => file.read().ok().flatten().filter(|stored| stored.url == *url),
            None => file.read()?,
        };
        let ca_file = ca_file.or_else(|| stored.as_ref()?.ca_file.clone());
        let base = url.or(stored.map(|stored| stored.url));
        let base = base.unwrap_or_else(|| BaseUrl::of(address::find(&dir)));
        let token = config::token();
        if token.is_some() && !base.is_private() {
            terminal
                .remark("Note: http to another machine shows HUB_TOKEN to whoever is on the way; use https.");
        }
        Ok(Self {
            client: Client::new(base, ca_file, file)?.with_token(token),
            terminal,
            dir,
            options: options.clone(),
        })
    }

    /// Whether a program reads the answer.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.options.json
    }

    /// Whether to print the request only.
    #[must_use]
    pub const fn is_curl(&self) -> bool {
        self.options.curl
    }

    /// Prints the command that sends the same.
    pub fn show_curl(&mut self, call: &Call) -> Result<ExitCode, Failure> {
        let client = &self.client;
        let line = call.curl(client.base(), client.ca_file(), &config::program());
        self.show(line)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Shows lines of an answer, which programs do not read.
    pub fn show(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        Ok(self.terminal.show(text.as_ref())?)
    }

    /// Shows lines that may be none; then what that means.
    pub fn show_list(&mut self, lines: &[String], none: &str) -> Result<ExitCode, Failure> {
        let text = if lines.is_empty() {
            none.to_owned()
        } else {
            lines.join("\n")
        };
        self.show(text)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Shows an answer to programs.
    pub fn show_json(&mut self, answer: &impl Serialize) -> Result<(), Failure> {
        Ok(self.terminal.show_json(answer)?)
    }

    /// Says what went wrong, and gives the code to exit with.
    #[must_use]
    pub fn finish(mut self, command: &str, done: Result<ExitCode, Failure>) -> ExitCode {
        done.unwrap_or_else(|failure| {
            if let Failure::Refused(problem) = &failure
                && self.options.json
            {
                // Where not even this can be told, the code says it.
                drop(self.terminal.show_json(&problem.raw));
            } else {
                complain(&mut self.terminal, command, &failure);
            }
            failure.exit_code()
        })
    }
}

/// Runs a command with the process's own streams and files.
pub async fn run(
    command: &str,
    options: &Options,
    work: impl AsyncFnOnce(&mut Remote) -> Result<ExitCode, Failure>,
) -> ExitCode {
    match Remote::open(options, config::data_dir(), Terminal::standard()) {
        Ok(mut remote) => {
            let done = work(&mut remote).await;
            remote.finish(command, done)
        }
        Err(failure) => {
            complain(&mut Terminal::standard(), command, &failure);
            failure.exit_code()
        }
    }
}

/// Says what went wrong, unless it is that nobody reads on: `hub inbox | head -1`.
fn complain(terminal: &mut Terminal, command: &str, failure: &Failure) {
    match failure {
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        _ => terminal.remark(format!("hub {command}: {failure}")),
    }
}

/// Kept with the sign-in, so it must be found from anywhere.
pub fn parse_ca_file(text: &str) -> Result<PathBuf, io::Error> {
    std::path::absolute(text)
}

impl From<Address> for Options {
    fn from(address: Address) -> Self {
        Self {
            address,
            ..Self::default()
        }
    }
}
