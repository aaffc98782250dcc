//! `shell.run`: programs that a person allowed word by word. There is no shell in it: words are handed to the program as they are.

mod output;
mod pattern;
mod process;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::settings::{Problem, ShellSettings};
use super::{Failure, Task, read};
use crate::satellite::protocol::{Capability, JsonObject};
use pattern::Pattern;
use process::Process;

const RUN: &str = "shell.run";

/// Commands in the settings at most.
const MAX_COMMANDS: usize = 64;
/// Variables at most.
const MAX_VARIABLES: usize = 64;
/// The longest time limit: the hub gives a command up after an hour.
const MAX_TIME_S: u64 = 3_600;
/// The hub takes schemas of 16 KiB; a larger one says less.
const MAX_SCHEMA_BYTES: usize = 15 * 1024;

/// Whether this is the kind's name.
pub(super) fn is_kind(kind: &str) -> bool {
    kind == RUN
}

/// What may be run.
#[derive(Debug, Default)]
pub(super) struct Shell {
    patterns: Vec<Pattern>,
    surroundings: Arc<Surroundings>,
}

/// What every program runs in.
#[derive(Debug, Default)]
struct Surroundings {
    folder: PathBuf,
    environment: Vec<(String, String)>,
    time_limit: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    argv: Vec<String>,
}

impl Shell {
    /// Finds the programs and checks the rest.
    pub(super) fn new(settings: ShellSettings) -> Result<Self, Problem> {
        if settings.commands.len() > MAX_COMMANDS {
            let problem = format!("must be at most {MAX_COMMANDS}");
            return Err(("shell.commands".into(), problem));
        }
        if !(1..=MAX_TIME_S).contains(&settings.time_limit_s) {
            let problem = format!("must be 1 to {MAX_TIME_S}");
            return Err(("shell.time_limit_s".into(), problem));
        }
        check_environment(&settings)?;
        let patterns = settings.commands.iter().enumerate();
        let patterns: Vec<Pattern> = patterns
            .map(|(at, words)| Pattern::new(at, words))
            .collect::<Result<_, _>>()?;
        let is_folder = settings.folder.is_absolute() && settings.folder.is_dir();
        if !patterns.is_empty() && !is_folder {
            return Err((
                "shell.folder".into(),
                "must be an absolute path of a folder".into(),
            ));
        }
        Ok(Self {
            patterns,
            surroundings: Arc::new(Surroundings {
                folder: settings.folder,
                environment: settings.environment.into_iter().collect(),
                time_limit: Duration::from_secs(settings.time_limit_s),
            }),
        })
    }

    /// The programs that it may run.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Path> {
        self.patterns.iter().map(Pattern::program)
    }

    /// Whether it does this kind.
    pub(super) fn does(&self, kind: &str) -> bool {
        is_kind(kind) && !self.patterns.is_empty()
    }

    /// How it is declared: the schema takes what would be run, and nothing else.
    pub(super) fn capability(&self) -> Option<Capability> {
        let arguments = |argv: Value| {
            json!({
                "type": "object",
                "properties": {"argv": argv},
                "required": ["argv"],
                "additionalProperties": false,
            })
        };
        let any_of: Vec<Value> = self.patterns.iter().map(Pattern::schema).collect();
        let mut schema = arguments(json!({"anyOf": any_of}));
        if schema.to_string().len() > MAX_SCHEMA_BYTES {
            schema = arguments(json!({"type": "array", "items": {"type": "string"}, "minItems": 1}));
        }
        (!self.patterns.is_empty()).then(|| Capability {
            kind: RUN.into(),
            arguments_schema: schema.as_object().cloned(),
        })
    }

    /// What may be run, for people.
    pub(super) fn tell(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().map(|pattern| format!("{RUN}: {pattern}"))
    }

    /// Begins what the arguments ask for, if a pattern lets it through.
    pub(super) fn begin(&self, arguments: &JsonObject, cancel: CancellationToken) -> Result<Task, Failure> {
        let Arguments { argv } = read(arguments)?;
        let pattern = self.patterns.iter().find(|pattern| pattern.lets_through(&argv));
        let pattern = pattern.ok_or_else(|| {
            let message = "no command of this satellite's settings is like these words";
            Failure::error("not_allowed", message)
        })?;
        let says = argv.join(" ");
        let process = Process {
            program: pattern.program().to_owned(),
            argv,
            surroundings: Arc::clone(&self.surroundings),
        };
        Ok(Task {
            says,
            work: process.run(cancel).boxed(),
        })
    }
}

fn check_environment(settings: &ShellSettings) -> Result<(), Problem> {
    let is_name = |name: &str| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !name.is_empty() && name.bytes().all(is_word)
    };
    if settings.environment.len() > MAX_VARIABLES {
        let problem = format!("must be at most {MAX_VARIABLES}");
        return Err(("shell.environment".into(), problem));
    }
    for (name, value) in &settings.environment {
        if !is_name(name) || value.contains('\0') {
            let problem = "must be a name of letters, digits and _, with a text".into();
            return Err((format!("shell.environment.{name}"), problem));
        }
    }
    Ok(())
}
