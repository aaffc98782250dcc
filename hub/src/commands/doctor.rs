//! `hub doctor`: looks at everything the hub needs and says what is wrong and what to do.

use std::{path::Path, process::ExitCode, sync::Arc};

use super::start::{StartError, assemble, check_schema};
use crate::{
    adapters::{
        keys::Keys,
        worm::{Deadline, WriteOnceDirectory},
    },
    audit::breach::{check_key, check_not_behind},
    clock::SystemClock,
    config::Config,
    error::Error,
    storage::{Db, Schema},
    turns::step::StepOutcome,
};

/// Checks configuration, database, schema, row-level security, the model, keys and audit log. Changes nothing and asks no model.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub doctor")]
pub struct Args {}

/// Runs the command.
pub async fn run(_: Args) -> Result<ExitCode, StartError> {
    let report = examine(Config::load()?).await?;
    super::say(&report.lines.join("\n"));
    Ok(if report.is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Looks at one thing after the other. What rests on something that is wrong is not looked at: it would only take time, and
/// say the same again.
pub async fn examine(config: Config) -> Result<Report, StartError> {
    let mut report = Report::default();
    report.line(
        "configuration",
        Ok("every key is known and within its bounds".to_owned()),
    );
    let db = Db::new(&config.database, Arc::new(SystemClock))?;
    if let Some(schema) = report.found("database", reach(&db).await, |_| "answers".to_owned())
        && report.line(
            "schema",
            check_schema(schema)
                .map(|()| "up to date".to_owned())
                .map_err(|error| error.to_string()),
        )
    {
        let security = db.check_row_level_security().await;
        report.line("row-level security", said(security, "active on every table"));
        let complete = |keys: &Option<Keys>| match keys {
            Some(_) => "complete and private".to_owned(),
            None => "none yet: the first start makes them".to_owned(),
        };
        report.line("model", model(&config, &db).await);
        if let Some(Some(keys)) = report.found("keys", keys(&config, &db).await, complete) {
            report.line("audit log", audit_log(config, keys).await);
        }
    }
    db.close().await;
    Ok(report)
}

async fn reach(db: &Db) -> Result<Schema, String> {
    db.schema().await.map_err(|error| {
        let what = error.chain();
        format!("{what}; `scripts/run` starts a private one, DATABASE_URL names another")
    })
}

/// The keys; none where none are needed yet.
async fn keys(config: &Config, db: &Db) -> Result<Option<Keys>, String> {
    if !Keys::exist(config) && is_empty(db).await.map_err(|error| error.chain())? {
        return Ok(None);
    }
    Keys::open(config, false)
        .map(Some)
        .map_err(|error| error.to_string())
}

async fn is_empty(db: &Db) -> Result<bool, Error> {
    Ok(db.begin_system().await?.identity().agents().await?.is_empty())
}

/// Whether database, key and store tell one history.
async fn audit_log(config: Config, keys: Keys) -> Result<String, String> {
    let directory = config.dir.join("audit");
    let hub = assemble(config, keys, None).map_err(|error| error.to_string())?;
    let checked = match open_store(&directory)? {
        Some(store) => check_not_behind(&hub, &store).await,
        None => check_key(&hub).await,
    };
    hub.db.close().await;
    let well =
        "signed by this hub's key, and the store does not say otherwise; `hub audit verify` reads it all";
    checked.map(|()| well.to_owned()).map_err(|error| error.chain())
}

/// The store; none where nothing was published yet.
fn open_store(directory: &Path) -> Result<Option<Deadline>, String> {
    match WriteOnceDirectory::open(directory) {
        Ok(store) => Ok(Some(Deadline::new(store))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", directory.display())),
    }
}

/// How the model was doing when it was asked last. It is not asked for this.
async fn model(config: &Config, db: &Db) -> Result<String, String> {
    if !config.model.is_set() {
        return Ok("none is configured: the offline rules think".to_owned());
    }
    let latest = async { db.begin_system().await?.turn_stream().latest().await };
    let (newest, waiting) = latest.await.map_err(|error: Error| error.chain())?;
    let name = &config.model.name;
    let waiting = match waiting {
        0 => String::new(),
        waiting => format!("; turns that wait: {waiting}"),
    };
    Ok(match newest {
        None => format!("{name}, which was not asked yet{waiting}"),
        Some((StepOutcome::Misconfigured, at)) => {
            let at = at.format("%F %T UTC");
            return Err(format!(
                "{name} refused the hub at {at}: see model.api_key, model.name and model.base_url{waiting}"
            ));
        }
        Some((StepOutcome::Away, at)) => format!("{name} was away at {}{waiting}", at.format("%F %T UTC")),
        Some((_, at)) => format!("{name} answered at {}{waiting}", at.format("%F %T UTC")),
    })
}

fn said(checked: Result<(), Error>, well: &str) -> Result<String, String> {
    checked.map(|()| well.to_owned()).map_err(|error| error.chain())
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// A line for each thing.
    pub lines: Vec<String>,
    /// Whether nothing is wrong.
    pub is_well: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            is_well: true,
        }
    }
}

impl Report {
    /// Notes what was found, and returns whether it is well.
    fn line(&mut self, what: &str, found: Result<String, String>) -> bool {
        self.found(what, found, Clone::clone).is_some()
    }

    /// Notes what was found, and returns it where it is well.
    fn found<T>(&mut self, what: &str, found: Result<T, String>, say: impl Fn(&T) -> String) -> Option<T> {
        let (mark, text) = match &found {
            Ok(found) => ("ok", say(found)),
            Err(text) => ("WRONG", text.clone()),
        };
        self.lines.push(format!("{mark:>5}  {what}: {text}"));
        self.is_well &= found.is_ok();
        found.ok()
    }
}
