//! `hub satellite NAME`: the reference satellite. It says what is typed, prints what the hub answers, and carries out the
//! few commands that a terminal can.

mod client;
mod console;
mod effects;
mod pair;
mod progress;
pub(in crate::commands) mod settings;
mod source;
#[cfg(test)]
mod tests;
mod work;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::address;
use crate::config::DataDir;
use crate::satellite::protocol::CloseReason;
use client::{Client, Ending, Plan};
use console::Console;
use effects::Effects;
use hub_satellite::link::{Target, UrlProblem};
use hub_satellite::{Credentials, CredentialsError, JournalError};
pub use pair::PairError;
pub use settings::SettingsError;
use settings::{Print, Settings};
use source::{Source, Speed};

/// Be a satellite: send each line typed as something said, print replies, carry out commands.
///
/// Nothing is lost when the hub is away: lines wait here and are sent when it is back, and results are kept until the hub
/// has them. Lines that still wait when the satellite itself is stopped are lost, and it says how many.
///
/// When the input ends (Ctrl-D, the end of a pipe or file) the satellite stays, for replies and commands, until Ctrl-C;
/// with --exit-when-done it leaves by itself.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which satellite to be: the name of its credentials in `.hub/satellites/`
    #[arg(value_name = "NAME", value_parser = parse_name)]
    name: String,

    /// The hub's address, such as `wss://hub.example.com/v1/satellites/connect` [default: the one in the credentials, else where
    /// the hub of `.hub` listens]
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Certificates in PEM of authorities to trust beside the system's, for `wss` to a hub of the house [default: those that the
    /// credentials name]
    #[arg(long, value_name = "FILE", env = "HUB_CA_FILE", hide_env = true)]
    ca_file: Option<PathBuf>,

    /// The credentials; a journal of commands is kept beside them [default: `.hub/satellites/NAME.json`; `HUB_DIR` moves `.hub`]
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,

    /// What the agent may have this satellite do, as the example below shows it [default: `.hub/satellites/NAME.toml`]
    #[arg(long, value_name = "FILE.toml")]
    settings: Option<PathBuf>,

    /// Also do this kind of command, which only prints; may be given several times
    #[arg(long, value_name = "KIND")]
    enable: Vec<Print>,

    /// The folder with the hub's own files
    #[arg(
        long,
        value_name = "DIR",
        env = "HUB_DIR",
        default_value = ".hub",
        hide = true
    )]
    hub_dir: PathBuf,

    /// Get credentials first: shows a code, with which a person lets this satellite in, and keeps them in the file
    #[arg(long)]
    pair: bool,

    /// Ask for new credentials once connected, and keep them in the place of the old ones, which end ten minutes later
    #[arg(long, conflicts_with = "pair")]
    renew: bool,

    /// Say each line of a text file instead of what is typed
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    file: Option<PathBuf>,

    /// Replay a recording: JSON lines with `t_s` (seconds), `text`, and perhaps `speaker` and `place`
    #[arg(long, value_name = "FILE.jsonl")]
    replay: Option<PathBuf>,

    /// How many times as fast to replay as it was spoken; `max` (or 0): as fast as the hub takes it
    #[arg(long, value_name = "N", default_value = "1", requires = "replay")]
    speed: Speed,

    /// Replay only the lines of this place
    #[arg(long, value_name = "PLACE", requires = "replay")]
    place: Option<String>,

    /// Leave once the input has ended, the hub has answered every line and has every result, and no command has come for
    /// --linger seconds. The exit status is 1 when the hub refused a line
    #[arg(long)]
    exit_when_done: bool,

    /// How long --exit-when-done waits for replies and commands after the last sign of life; raise it for slow models
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds)]
    linger: Duration,
}

const EXAMPLES: &str = r#"Settings: what the agent may have this satellite do. Replies are always printed; all else is off unless it stands there. A file
that is wrong is refused by key and reason, and what is enabled is said at the start. With all there is:

  print = ["display.show", "speaker.say", "echo"]      # printed here

  [shell]                                              # shell.run: no shell, only these words
  commands = [["df", "-h"], ["systemctl", "restart", { matches = "lights|heating" }]]
  time_limit_s = 60                                    # then it is stopped, with all that it began
  folder = "/"
  environment = { PATH = "/usr/bin:/bin" }             # its whole environment

  [files.notes]                                        # file.list, file.read, file.write
  folder = "/srv/notes"                                # nothing outside is reached, also not through links
  may = ["list", "read", "write"]
  write_bytes = 65536                                  # of one file, at most

A word that is { matches = "PATTERN" } is one that the regular expression matches as a whole. It must not begin with -, unless
may_be_option = true stands beside it.

Examples:
  hub satellite kitchen
  echo 'remember that the spare key is with Nora' | hub satellite kitchen --exit-when-done
  hub satellite hall --pair --url wss://hub.example.com/v1/satellites/connect
  hub satellite kitchen --replay talk.jsonl --speed 60
  hub satellite kitchen --replay talk.jsonl --speed max --place ground --exit-when-done
  hub satellite test --credentials test.json --enable display.show"#;

/// The satellite cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SatelliteError {
    /// What it may do is not known.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Who it is is not known.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Where the hub is is not known.
    #[error(transparent)]
    Url(#[from] UrlProblem),
    /// It got no credentials.
    #[error(transparent)]
    Pair(#[from] pair::PairError),
    /// It cannot remember what it did.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It cannot read its lines.
    #[error("cannot read {what}: {source}")]
    Source {
        /// A file, or standard input.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot hear Ctrl-C.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// The hub does not want it back.
    #[error("{}", explain(*.0))]
    Refused(CloseReason),
}

/// Runs the satellite until it is told to leave.
///
/// # Errors
/// It cannot start, or the hub refuses it for good. A hub that is away is not an error.
pub async fn run(args: Args) -> Result<ExitCode, SatelliteError> {
    let credentials_path = args.credentials_path();
    let mut console = Console::standard();
    if args.pair && args.settings.is_none() && !credentials_path.exists() {
        let path = args.settings_path(&credentials_path);
        settings::write_first(&path).map_err(|source| SettingsError::Io { path, source })?;
    }
    let effects = args.effects(&credentials_path)?;
    if args.pair {
        pair::pair(&args, &effects, &credentials_path, &mut console).await?;
    }
    let credentials = Credentials::read(&credentials_path)?;
    let url = args.url.clone().or(credentials.url).unwrap_or_else(|| {
        let address = address::find(&DataDir(args.hub_dir.clone()));
        format!("ws://{address}/v1/satellites/connect")
    });
    let ca_file = args.ca_file.clone().or(credentials.ca_file);
    let target = Target::new(&url, credentials.token, ca_file.as_deref())?;
    let is_private = target.is_private();
    let plan = Plan {
        speed: args.replay.is_some().then_some(args.speed),
        linger: args.exit_when_done.then_some(args.linger),
    };
    let journal_path = journal_path(&credentials_path);
    let mut client = Client::new(&journal_path, target, effects, console, plan)?;
    if args.renew {
        client.renew(&credentials_path);
    }
    client.greet(
        &args.name,
        &url,
        is_private,
        &args.settings_path(&credentials_path),
    );
    let what = args.input_name();
    let lines = args
        .source()
        .start()
        .map_err(|source| SatelliteError::Source { what, source })?;
    match client.run(lines, stop_signal()?).await? {
        Ending::Refusals => Ok(ExitCode::FAILURE),
        Ending::Good => Ok(ExitCode::SUCCESS),
    }
}

/// What was done is remembered beside the credentials.
fn journal_path(credentials: &Path) -> PathBuf {
    credentials.with_extension("journal")
}

impl Args {
    fn credentials_path(&self) -> PathBuf {
        let default = || {
            self.hub_dir
                .join("satellites")
                .join(format!("{}.json", self.name))
        };
        self.credentials.clone().unwrap_or_else(default)
    }

    fn settings_path(&self, credentials: &Path) -> PathBuf {
        self.settings
            .clone()
            .unwrap_or_else(|| credentials.with_extension("toml"))
    }

    /// What its settings and words enable. No file enables nothing, unless one was named.
    fn effects(&self, credentials: &Path) -> Result<Effects, SettingsError> {
        let path = self.settings_path(credentials);
        let found = Settings::read(&path)?;
        if found.is_none() && self.settings.is_some() {
            let source = io::ErrorKind::NotFound.into();
            return Err(SettingsError::Io { path, source });
        }
        let mut settings = found.unwrap_or_default();
        settings.print.extend(&self.enable);
        let effects = Effects::new(settings).and_then(|effects| {
            effects.keep_out_of(&[&path, credentials, &journal_path(credentials)])?;
            Ok(effects)
        });
        effects.map_err(|problem| SettingsError::of(&path, problem))
    }

    fn input_name(&self) -> String {
        let file = self.file.as_deref().or(self.replay.as_deref());
        file.map_or("standard input".into(), |path: &Path| path.display().to_string())
    }

    fn source(self) -> Source {
        match (self.file, self.replay) {
            (Some(path), _) => Source::File(path),
            (None, Some(path)) => Source::Replay {
                path,
                place: self.place,
            },
            (None, None) => Source::Stdin,
        }
    }
}

/// Ctrl-C, or being asked to end.
fn stop_signal() -> Result<impl Future<Output = ()>, SatelliteError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).map_err(SatelliteError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(SatelliteError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn explain(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Unauthorized => {
            "the hub does not accept this satellite's token (unauthorized); it needs new credentials"
        }
        CloseReason::Revoked => "this satellite was revoked; ask the owner to pair it again",
        CloseReason::Replaced => {
            "this satellite was connected from somewhere else (replaced), and only the newest connection counts; not \
             connecting again"
        }
        _ => "the hub refused this satellite",
    }
}

/// A name becomes part of a path, and must not lead out of its folder.
fn parse_name(name: &str) -> Result<String, String> {
    let is_plain = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) {
        Ok(name.into())
    } else {
        Err("a name has letters, digits, - and _ only".into())
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
