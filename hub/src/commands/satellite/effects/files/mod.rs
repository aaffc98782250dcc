//! `file.list`, `file.read`, `file.write`: files in folders that a person named, and nothing outside them.
//!
//! Each folder is opened once, at the start, and every path is resolved from there step by step by the system itself (cap-std:
//! `openat2` beneath the folder). A link that leads out is refused, also one that is put there in the middle of it.

mod act;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cap_std::{ambient_authority, fs::Dir};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::settings::{May, Problem, RootSettings};
use super::{Failure, Outcome, Task, read};
use crate::satellite::protocol::{Capability, CommandStatus, JsonObject};

const LIST: &str = "file.list";
const READ: &str = "file.read";
const WRITE: &str = "file.write";

/// Folders at most.
const MAX_ROOTS: usize = 16;
/// The arguments of one command have no more than this.
const MAX_WRITE_BYTES: usize = 64 * 1024;
/// Bytes of a path at most.
const MAX_PATH_BYTES: usize = 1_024;
/// A disk that does not answer, or a share that is away.
const WITHIN: Duration = Duration::from_secs(20);

/// Whether this is the name of one of the kinds.
pub(super) fn is_kind(kind: &str) -> bool {
    matches!(kind, LIST | READ | WRITE)
}

/// The folders.
#[derive(Debug, Default)]
pub(super) struct Files {
    roots: BTreeMap<String, Arc<Root>>,
}

#[derive(Debug)]
struct Root {
    folder: PathBuf,
    dir: Dir,
    settings: RootSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    root: String,
    #[serde(default)]
    path: String,
    /// Where reading begins.
    #[serde(default)]
    from: u64,
    /// What is written.
    text: Option<String>,
}

impl Files {
    /// Opens the folders.
    pub(super) fn open(settings: BTreeMap<String, RootSettings>) -> Result<Self, Problem> {
        if settings.len() > MAX_ROOTS {
            return Err(("files".into(), format!("must be at most {MAX_ROOTS} folders")));
        }
        let roots = settings.into_iter().map(|(name, settings)| {
            let root = Root::open(&name, settings)?;
            Ok((name, Arc::new(root)))
        });
        let roots = roots.collect::<Result<_, Problem>>()?;
        Ok(Self { roots })
    }

    /// The folder that this file is in, among those where this may be done, or among all.
    pub(super) fn holding(&self, file: &Path, to: Option<May>) -> Option<&str> {
        // The file itself, the folder of its name, where a link could be changed, and, as long as none of them is there, its name.
        let named = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let folder = named.parent().unwrap_or(&named);
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let places = [real(&named), real(folder)];
        let is_over = |root: &Root| {
            places.iter().any(|place| place.starts_with(&root.folder))
                && to.is_none_or(|to| root.settings.may.contains(&to))
        };
        let found = self.roots.iter().find(|(_, root)| is_over(root));
        found.map(|(name, _)| name.as_str())
    }

    /// Whether it does this kind: in one folder at least.
    pub(super) fn does(&self, kind: &str) -> bool {
        may(kind).is_some_and(|may| self.where_may(may).next().is_some())
    }

    /// How they are declared.
    pub(super) fn capabilities(&self) -> impl Iterator<Item = Capability> {
        [LIST, READ, WRITE]
            .into_iter()
            .filter(|kind| self.does(kind))
            .map(|kind| Capability {
                kind: kind.into(),
                arguments_schema: self.schema(kind).as_object().cloned(),
            })
    }

    /// What may be used, for people.
    pub(super) fn tell(&self) -> impl Iterator<Item = String> {
        self.roots.iter().map(|(name, root)| {
            let mut line = String::new();
            for may in &root.settings.may {
                let word = match may {
                    May::List => LIST,
                    May::Read => READ,
                    May::Write => WRITE,
                };
                let _ = write!(line, "{}{word}", if line.is_empty() { "" } else { ", " });
            }
            format!("{line}: {name} ({})", root.folder.display())
        })
    }

    /// Begins what the arguments ask for.
    pub(super) fn begin(&self, kind: &str, arguments: &JsonObject) -> Result<Task, Failure> {
        let arguments: Arguments = read(arguments)?;
        let root = self.roots.get(&arguments.root);
        let root = root.filter(|root| may(kind).is_some_and(|may| root.settings.may.contains(&may)));
        let root = root.ok_or_else(|| {
            let names: Vec<&str> = may(kind).map_or(Vec::new(), |may| self.where_may(may).collect());
            let message = format!("{kind} is not enabled there, but in: {}", names.join(", "));
            Failure::error("not_allowed", message)
        })?;
        let path = checked(&arguments.path)?;
        let says = format!("{} in {}", shown(&path), arguments.root);
        let root = Arc::clone(root);
        let work: Box<dyn FnOnce() -> Outcome + Send> = match kind {
            LIST => Box::new(move || act::list(&root.dir, &path)),
            READ => Box::new(move || act::read(&root.dir, &path, arguments.from)),
            _ => {
                let text = arguments
                    .text
                    .ok_or_else(|| Failure::error("invalid_arguments", "`text` is missing"))?;
                if text.len() > root.settings.write_bytes {
                    let most = root.settings.write_bytes;
                    let message = format!(
                        "{} bytes are more than the {most} that may be written",
                        text.len()
                    );
                    return Err(Failure::error("too_large", message));
                }
                Box::new(move || act::write(&root.dir, &path, &text))
            }
        };
        let is_write = kind == WRITE;
        Ok(Task {
            says,
            work: within(work, is_write).boxed(),
        })
    }

    fn where_may(&self, may: May) -> impl Iterator<Item = &str> {
        let may_there = move |root: &Root| root.settings.may.contains(&may);
        self.roots
            .iter()
            .filter(move |(_, root)| may_there(root))
            .map(|(name, _)| name.as_str())
    }

    fn schema(&self, kind: &str) -> Value {
        let names: Vec<&str> = may(kind).map_or(Vec::new(), |may| self.where_may(may).collect());
        let mut properties = json!({
            "root": {"enum": names},
            "path": {"type": "string", "description": "from there, without .."},
        });
        let mut required = vec!["root"];
        match kind {
            READ => {
                properties["from"] =
                    json!({"type": "integer", "minimum": 0, "description": "the byte to begin at"});
                required.push("path");
            }
            WRITE => {
                properties["text"] =
                    json!({"type": "string", "description": "takes the place of what was there"});
                required.extend(["path", "text"]);
            }
            _ => {}
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

impl Root {
    fn open(name: &str, settings: RootSettings) -> Result<Self, Problem> {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        let key = |field: &str| format!("files.{name}{field}");
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
            return Err((key(""), "a name has letters, digits, - and _ only".into()));
        }
        if settings.may.is_empty() {
            return Err((key(".may"), "must hold one of list, read, write".into()));
        }
        if !(1..=MAX_WRITE_BYTES).contains(&settings.write_bytes) {
            return Err((key(".write_bytes"), format!("must be 1 to {MAX_WRITE_BYTES}")));
        }
        let wrong = |reason: String| (key(".folder"), reason);
        if !settings.folder.is_absolute() {
            return Err(wrong("must be an absolute path".into()));
        }
        // A link is followed now, and never again: the folder stays open.
        let opened = std::fs::canonicalize(&settings.folder).and_then(|folder| {
            let dir = Dir::open_ambient_dir(&folder, ambient_authority())?;
            Ok((folder, dir))
        });
        let (folder, dir) =
            opened.map_err(|error| wrong(format!("{}: {error}", settings.folder.display())))?;
        if folder.parent().is_none() {
            return Err(wrong("must not be the whole machine".into()));
        }
        Ok(Self {
            folder,
            dir,
            settings,
        })
    }
}

fn may(kind: &str) -> Option<May> {
    match kind {
        LIST => Some(May::List),
        READ => Some(May::Read),
        WRITE => Some(May::Write),
        _ => None,
    }
}

/// A path from a folder down, and never up. Empty: the folder itself.
fn checked(path: &str) -> Result<PathBuf, Failure> {
    let refused = |message: &str| Failure::error("invalid_arguments", message);
    if path.len() > MAX_PATH_BYTES || path.chars().any(char::is_control) {
        return Err(refused("`path` is too long or has control characters"));
    }
    let path = Path::new(path);
    let is_down = |step: Component| matches!(step, Component::Normal(_) | Component::CurDir);
    if !path.components().all(is_down) {
        return Err(Failure::error(
            "outside_root",
            "`path` must go down from the folder: no / at its beginning and no ..",
        ));
    }
    let down = path
        .components()
        .filter(|step| matches!(step, Component::Normal(_)));
    Ok(down.collect())
}

fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        "all".into()
    } else {
        path.display().to_string()
    }
}

/// Work on a disk, beside everything else and not for ever. Writing that was not waited for may still be done.
async fn within(work: Box<dyn FnOnce() -> Outcome + Send>, is_write: bool) -> Outcome {
    match timeout(WITHIN, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Failure::error("failed", "the work broke off").ended(CommandStatus::Unknown)),
        Err(_) => {
            let failure = Failure::error("timed_out", "the disk does not answer");
            Err(if is_write {
                failure.ended(CommandStatus::Unknown)
            } else {
                failure
            })
        }
    }
}
