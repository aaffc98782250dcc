//! What the reference satellite can do, as far as its settings let it.

mod files;
mod print;
mod shell;

use std::path::Path;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::console::Console;
use super::settings::{May, Print, Problem, Settings};
use crate::satellite::protocol::{
    Capability, Command, CommandResult, CommandStatus, JsonObject, KIND_REPLY, Software,
};
use files::Files;
use shell::Shell;

/// What runs here.
pub(super) fn software() -> Software {
    Software {
        name: "hub satellite".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// What is enabled, ready to be done.
#[derive(Debug, Default)]
pub(super) struct Effects {
    prints: Vec<Print>,
    shell: Shell,
    files: Files,
}

/// Something that takes its time.
pub(super) struct Task {
    /// What is begun, in a few words.
    pub(super) says: String,
    /// Ends with what came of it; sooner when the token is cancelled.
    pub(super) work: BoxFuture<'static, Outcome>,
}

/// What a command gave, or why it gave nothing.
pub(super) type Outcome = Result<Option<Value>, Failure>;

/// Why a command was not done, or how it failed.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    status: CommandStatus,
    code: &'static str,
    message: String,
    /// What it gave all the same.
    given: Option<Value>,
}

impl Failure {
    /// It was tried and failed.
    fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: CommandStatus::Error,
            code,
            message: message.into(),
            given: None,
        }
    }

    /// The same with another end than `error`.
    fn ended(self, status: CommandStatus) -> Self {
        Self { status, ..self }
    }

    /// The same with what it gave all the same.
    fn giving(self, given: Value) -> Self {
        Self {
            given: Some(given),
            ..self
        }
    }
}

impl Effects {
    /// Checks the settings, and opens and finds what they name.
    pub(super) fn new(settings: Settings) -> Result<Self, Problem> {
        Ok(Self {
            prints: settings.print.into_iter().collect(),
            shell: Shell::new(settings.shell)?,
            files: Files::open(settings.files)?,
        })
    }

    /// Refuses folders over what decides about the satellite itself: its own files, and to be written the programs that it runs.
    pub(super) fn keep_out_of(&self, own: &[&Path]) -> Result<(), Problem> {
        let refused = |(root, what): (&str, &Path)| {
            let reason = format!(
                "must not hold {}, which decides about this satellite",
                what.display()
            );
            Err((format!("files.{root}.folder"), reason))
        };
        let held = own
            .iter()
            .find_map(|file| Some((self.files.holding(file, None)?, *file)));
        let written = self
            .shell
            .programs()
            .find_map(|file| Some((self.files.holding(file, Some(May::Write))?, file)));
        held.or(written).map_or(Ok(()), refused)
    }

    /// The kinds that the satellite declares: those that are enabled. `reply` is understood by every satellite and not declared.
    pub(super) fn capabilities(&self) -> Vec<Capability> {
        let prints = self.prints.iter().map(|print| print.capability());
        prints
            .chain(self.shell.capability())
            .chain(self.files.capabilities())
            .collect()
    }

    /// What is enabled, for people: one line for each thing.
    pub(super) fn tell(&self) -> Vec<String> {
        let kinds: Vec<&str> = self.prints.iter().map(|print| print.kind()).collect();
        let prints = (!kinds.is_empty()).then(|| kinds.join(", "));
        prints
            .into_iter()
            .chain(self.shell.tell())
            .chain(self.files.tell())
            .collect()
    }

    /// Whether a command is done at once, or refused at once.
    pub(super) fn is_quick(&self, kind: &str) -> bool {
        !self.shell.does(kind) && !self.files.does(kind)
    }

    /// Does at once what is quick.
    pub(super) fn execute(&self, command: &Command, console: &mut Console) -> CommandResult {
        let outcome = match Print::of(&command.kind) {
            _ if command.kind == KIND_REPLY => print::reply(&command.arguments, console),
            Some(print) if self.prints.contains(&print) => print.execute(&command.arguments, console),
            print => Err(refuse(
                &command.kind,
                print.is_some() || shell::is_kind(&command.kind) || files::is_kind(&command.kind),
            )),
        };
        result(command, outcome)
    }

    /// Begins what takes its time.
    pub(super) fn begin(&self, command: &Command, cancel: CancellationToken) -> Result<Task, Failure> {
        if self.shell.does(&command.kind) {
            self.shell.begin(&command.arguments, cancel)
        } else {
            self.files.begin(&command.kind, &command.arguments)
        }
    }
}

/// The result that a command's outcome makes.
pub(super) fn result(command: &Command, outcome: Outcome) -> CommandResult {
    let command_id = command.command_id;
    match outcome {
        Ok(given) => CommandResult::ok(command_id, given),
        Err(failure) => CommandResult {
            result: failure.given,
            ..CommandResult::failed(command_id, failure.status, failure.code, &failure.message)
        },
    }
}

fn refuse(kind: &str, is_known: bool) -> Failure {
    let failure = if is_known {
        Failure::error("not_enabled", format!("{kind} is not enabled on this satellite"))
    } else {
        Failure::error("unsupported", format!("this satellite does not know {kind:?}"))
    };
    failure.ended(CommandStatus::Unsupported)
}

/// Arguments in the shape that a kind wants.
fn read<T: DeserializeOwned>(arguments: &JsonObject) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(arguments.clone()))
        .map_err(|error| Failure::error("invalid_arguments", error.to_string()))
}
