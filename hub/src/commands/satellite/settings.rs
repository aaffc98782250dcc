//! What the agent may have this satellite do: `.hub/satellites/NAME.toml`. What does not stand in it is off.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file of this size is another one.
const MAX_BYTES: u64 = 64 * 1024;

/// What stands in a satellite's folder at first: what only prints is on, what reaches into the machine is shown and off.
pub(in crate::commands) const FIRST: &str = r#"# What the agent may have this satellite do. What does not stand here is off; replies are always printed.
# `hub satellite --help` explains it. The satellite reads it when it starts.

# What only prints, here in the terminal.
print = ["display.show", "speaker.say"]

# Programs: exactly these words, and where one may differ, a pattern (a regular expression of the whole word).
# [shell]
# commands = [
#   ["df", "-h"],
#   ["systemctl", "restart", { matches = "lights|heating" }],
# ]
# time_limit_s = 60

# Folders, each by a name: nothing outside them is reached, also not through links.
# [files.notes]
# folder = "/srv/notes"
# may = ["list", "read", "write"]
"#;

/// What is enabled.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// What only prints.
    pub(super) print: BTreeSet<Print>,
    /// Programs that may be run.
    pub(super) shell: ShellSettings,
    /// Folders that may be used, by name.
    pub(super) files: BTreeMap<String, RootSettings>,
}

/// A kind that only prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
pub(super) enum Print {
    /// Stands for a screen.
    #[serde(rename = "display.show")]
    #[value(name = "display.show")]
    Show,
    /// Stands for a loudspeaker.
    #[serde(rename = "speaker.say")]
    #[value(name = "speaker.say")]
    Say,
    /// Prints its arguments and gives them back, to try things.
    #[serde(rename = "echo")]
    #[value(name = "echo")]
    Echo,
}

/// Section `shell`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ShellSettings {
    /// Words that may be run.
    pub(super) commands: Vec<Vec<Word>>,
    /// Seconds after which a command is stopped.
    pub(super) time_limit_s: u64,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// Its whole environment.
    pub(super) environment: BTreeMap<String, String>,
}

impl Default for ShellSettings {
    fn default() -> Self {
        Self {
            commands: Vec::new(),
            time_limit_s: 60,
            folder: PathBuf::from("/"),
            environment: BTreeMap::from([("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())]),
        }
    }
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "must be a text, or { matches = \"PATTERN\" }")]
pub(super) enum Word {
    /// This one.
    Exactly(String),
    /// Any that the pattern matches as a whole.
    Matching(Matching),
}

/// A word that may differ.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matching {
    /// A regular expression.
    pub(super) matches: String,
    /// Whether it may begin with `-`, and so be an option of the program.
    #[serde(default)]
    pub(super) may_be_option: bool,
}

/// A section of `files`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootSettings {
    /// Where it is.
    pub(super) folder: PathBuf,
    /// What may be done in it.
    pub(super) may: BTreeSet<May>,
    /// Bytes of a file that is written, at most.
    #[serde(default = "write_bytes")]
    pub(super) write_bytes: usize,
}

/// What may be done with files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum May {
    /// See which there are.
    List,
    /// Read them.
    Read,
    /// Make and replace them.
    Write,
}

fn write_bytes() -> usize {
    64 * 1024
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Someone else could decide what is run here.
    #[error("{path} can be changed by others on this machine (mode {mode:03o}); run: chmod go-w {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else decides what is run here.
    #[error("{path} belongs to another user of this machine; run: chown $(id -u) {path}", path = path.display())]
    OfOthers {
        /// The file or its folder.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or value is wrong.
    #[error("{}: {key}{reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The key with a colon, or nothing where none can be named.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// A key and what is wrong with its value.
pub(super) type Problem = (String, String);

impl SettingsError {
    /// A value of a file is wrong.
    pub(super) fn of(path: &Path, (key, reason): Problem) -> Self {
        let key = if key.is_empty() || key == "." {
            String::new()
        } else {
            format!("{key}: ")
        };
        Self::Wrong {
            path: path.into(),
            key,
            reason,
        }
    }
}

impl Settings {
    /// Reads the file; `None` where there is none.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SettingsError> {
        let failed = |source| SettingsError::Io {
            path: path.into(),
            source,
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        guarded(path, &file.metadata().map_err(failed)?)?;
        // Who can change the folder can put another file there.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        guarded(folder, &fs::metadata(folder).map_err(failed)?)?;
        let mut text = String::new();
        let read = file
            .take(MAX_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if u64::try_from(read).unwrap_or(u64::MAX) > MAX_BYTES {
            let problem = format!("must have at most {MAX_BYTES} bytes");
            return Err(SettingsError::of(path, (String::new(), problem)));
        }
        let settings = Self::parse(&text).map_err(|problem| SettingsError::of(path, problem))?;
        Ok(Some(settings))
    }

    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let read = toml::Deserializer::new(text);
        serde_path_to_error::deserialize(read).map_err(|error| {
            let reason = error.inner().message().to_owned();
            match error.inner().span() {
                Some(span) => {
                    let line = text[..span.start.min(text.len())].lines().count().max(1);
                    (format!("line {line}, {}", error.path()), reason)
                }
                None => (error.path().to_string(), reason),
            }
        })
    }
}

/// Refuses what others may change, or what is theirs. In a folder like /tmp nobody may touch the files of others.
fn guarded(path: &Path, found: &Metadata) -> Result<(), SettingsError> {
    let own = rustix::process::geteuid().as_raw();
    let (mode, is_sticky) = (found.mode() & 0o777, found.is_dir() && found.mode() & 0o1000 != 0);
    let path = path.to_owned();
    if found.uid() != 0 && found.uid() != own {
        Err(SettingsError::OfOthers { path })
    } else if mode & 0o022 != 0 && !is_sticky {
        Err(SettingsError::Exposed { path, mode })
    } else {
        Ok(())
    }
}

/// Writes the first settings, unless there are some: what a person wrote stays.
pub(in crate::commands) fn write_first(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let made = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made?.write_all(FIRST.as_bytes()),
    }
}
