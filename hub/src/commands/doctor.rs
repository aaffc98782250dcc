//! `hub doctor`: looks at everything the hub needs and says what is wrong and what to do.

use std::{process::ExitCode, sync::Arc};

use super::{
    database::{self, Said},
    start::{StartError, assemble, check_schema, examine_queue, find_queue},
    store,
};
use crate::{
    adapters::{
        blobs::Blobs, issuers::Issuers, keys::Keys, models::embeddings::Embeddings, worm::WriteOnceStore,
    },
    audit::breach::{AuditError, check_key, check_not_behind},
    clock::{Clock, SharedClock, SystemClock},
    config::{Config, Origin},
    error::Error,
    memory::embedding::EmbeddingModel,
    storage::{Db, Progress, Schema},
    turns::step::StepOutcome,
};

/// Checks configuration, queue, store of artifacts, issuers, database, schema, row-level security, the models, keys and audit log. Changes nothing and asks
/// no language model.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub doctor")]
pub struct Args {}

/// Runs the command.
pub async fn run(_: Args, config: Config) -> Result<ExitCode, StartError> {
    let report = examine(config).await?;
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
    report.line("configuration", Ok(configured(&config)));
    report.line("queue", Box::pin(queue(&config)).await);
    report.line("artifacts", Box::pin(artifacts(&config)).await);
    for (what, found) in issuers(&config).await {
        report.line(&what, found);
    }
    let db = Db::new(&config.database, Arc::new(SystemClock))?;
    if let Some(schema) = report.found("database", reach(&db).await, |_| "answers".to_owned())
        && report.line(
            "schema",
            check_schema(schema)
                .map(|()| "up to date".to_owned())
                .map_err(|error| error.to_string()),
        )
    {
        report.say("connection", database::way(db.way()));
        report.say("login", login(&db).await);
        let security = db.check_row_level_security().await;
        report.line("row-level security", said(security, "active on every table"));
        report.line("embeddings", embeddings(&config, &db).await);
        let complete = |keys: &Option<Keys>| match keys {
            Some(_) => "complete and private".to_owned(),
            None => "none yet: the first start makes them".to_owned(),
        };
        report.line("forgetting", forgetting(&db).await);
        report.line("model", model(&config, &db).await);
        if let Some(Some(keys)) = report.found("keys", keys(&config, &db).await, complete) {
            let store = Box::pin(audit_store(&config)).await;
            if let Some(store) = report.found("audit store", store, |store| keeper(store.as_ref())) {
                report.line(
                    "audit log",
                    Box::pin(audit_log(config, keys, store.as_deref())).await,
                );
            }
        }
    }
    db.close().await;
    Ok(report)
}

/// Where the values come from that are no defaults.
fn configured(config: &Config) -> String {
    let well = "every key is known and within its bounds";
    let from = |origin: &Origin| format!("\n       {} from {}", origin.key, origin.source);
    let origins: String = config.origins.iter().map(from).collect();
    format!("{well}{origins}")
}

/// What the queue says; the table of jobs is one, too.
async fn queue(config: &Config) -> Result<String, String> {
    let Some(queue) = find_queue(config).await else {
        return Ok("the table of jobs; HUB_QUEUE__URL names one of SQS beside it".to_owned());
    };
    let place = queue.describe();
    match examine_queue(&*queue).await {
        Ok((waiting, None)) => Ok(format!("{place} answers; {waiting} messages wait")),
        Ok((waiting, Some(dead))) => Ok(format!(
            "{place} answers; {waiting} messages wait, {dead} are dead"
        )),
        Err(error) => Err(format!("{}: {error}{}", error.summary(), error.advice())),
    }
}

/// Whether the keys of each issuer can be read.
async fn issuers(config: &Config) -> Vec<(String, Result<String, String>)> {
    let all = match Issuers::new(config) {
        Ok(all) => all,
        Err(error) => return vec![("issuers".to_owned(), Err(error.to_string()))],
    };
    let mut found = Vec::new();
    for issuer in all.iter() {
        let (what, url) = (format!("issuer {}", issuer.config().name), &issuer.config().url);
        let probed = issuer.probe().await;
        let said = probed
            .map(|keys| format!("{url} answers; its keys for RS256 or ES256: {keys}"))
            .map_err(|error| {
                format!("{url}: {error}; its tokens are believed for a day after its keys were last read")
            });
        found.push((what, said));
    }
    found
}

/// Whether the store of artifacts answers.
async fn artifacts(config: &Config) -> Result<String, String> {
    let blobs = Blobs::new(config);
    let place = blobs.describe();
    if let Some(directory) = blobs.directory()
        && !directory.exists()
    {
        return Ok(format!("{place}, which is made with the first artifact"));
    }
    let probed = blobs.probe().await;
    probed
        .map(|()| format!("{place} answers"))
        .map_err(|error| format!("{error}; uploads and downloads wait, and all else goes on"))
}

/// Who logs in at the database, and what they could do.
async fn login(db: &Db) -> Said {
    match db.login().await {
        Ok(found) => database::login(db.way(), found),
        Err(error) => Said::Wrong(error.in_full()),
    }
}

async fn reach(db: &Db) -> Result<Schema, String> {
    db.schema().await.map_err(|error| {
        let what = error.in_full();
        format!("{what}; `scripts/run` starts a private one, DATABASE_URL names another")
    })
}

/// The keys; none where none are needed yet.
async fn keys(config: &Config, db: &Db) -> Result<Option<Keys>, String> {
    if !Keys::exist(config) && is_empty(db).await.map_err(|error| error.in_full())? {
        return Ok(None);
    }
    Keys::open(config, false)
        .map(Some)
        .map_err(|error| error.to_string())
}

async fn is_empty(db: &Db) -> Result<bool, Error> {
    Ok(db.begin_system().await?.identity().agents().await?.is_empty())
}

/// Whether what was forgotten is off the disk in time.
async fn forgetting(db: &Db) -> Result<String, String> {
    let looked = async { db.begin_system().await?.erasures().waiting().await };
    let (waiting, problem) = looked.await.map_err(|error: Error| error.in_full())?;
    let why = problem.map_or_else(String::new, |problem| format!("; the last try: {problem}"));
    let wait = match waiting.count {
        1 => "1 erasure waits to be off the disk".to_owned(),
        count => format!("{count} erasures wait to be off the disk"),
    };
    match (waiting.due_at, waiting.since) {
        (Some(due_at), _) if due_at < SystemClock.now() => Err(format!(
            "{wait}, and the first should have been at {}; is a hub running?{why}",
            due_at.format("%F %T UTC")
        )),
        (_, Some(since)) => Ok(format!(
            "{wait}, the first since {}{why}",
            since.format("%F %T UTC")
        )),
        _ => Ok("all that was forgotten is off the disk".to_owned()),
    }
}

/// Whether recall is by meaning, too, and what it lacks for that.
async fn embeddings(config: &Config, db: &Db) -> Result<String, String> {
    let embeddings = Embeddings::new(config).map_err(|error| error.to_string())?;
    let Some(model) = embeddings.model() else {
        return Ok("no model is configured; recall is by words".to_owned());
    };
    embeddings
        .try_out()
        .await
        .map_err(|error| format!("{model}: {error}; recall is by words, and nothing is lost"))?;
    let progress = progress(db, model).await.map_err(|error| error.in_full())?;
    let Progress {
        memories,
        missing,
        refused,
    } = progress;
    let refused = match refused {
        0 => String::new(),
        some => format!("; it will not take {some}, which words still find"),
    };
    Ok(format!(
        "{model} answers; {missing} of {memories} memories wait for theirs{refused}"
    ))
}

async fn progress(db: &Db, model: &EmbeddingModel) -> Result<Progress, Error> {
    db.begin_system().await?.embeddings().progress(model).await
}

/// Whether database, key and store tell one history.
async fn audit_log(config: Config, keys: Keys, store: Option<&dyn WriteOnceStore>) -> Result<String, String> {
    let hub = assemble(config, keys, None).map_err(|error| error.to_string())?;
    let checked = match store {
        Some(store) => check_not_behind(&hub, store).await,
        None => check_key(&hub).await,
    };
    hub.db.close().await;
    let well =
        "signed by this hub's key, and the store does not say otherwise; `hub audit verify` reads it all";
    checked.map(|()| well.to_owned()).map_err(|error| error.chain())
}

/// The audit store, and what keeps it; none where it is a directory to which nothing was published yet.
async fn audit_store(config: &Config) -> Result<Option<Arc<dyn WriteOnceStore>>, String> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store = store::existing_audit(config, &clock).await?;
    if let Some(store) = &store {
        let examined = store.examine().await;
        examined.map_err(|error| AuditError::from(error).chain())?;
    }
    Ok(store)
}

fn keeper(store: Option<&Arc<dyn WriteOnceStore>>) -> String {
    store.map_or_else(
        || "nothing was published yet".to_owned(),
        |store| store.describe().to_string(),
    )
}

/// How the model was doing when it was asked last. It is not asked for this.
async fn model(config: &Config, db: &Db) -> Result<String, String> {
    if !config.model.is_set() {
        return Ok("none is configured: the offline rules think".to_owned());
    }
    let latest = async { db.begin_system().await?.turn_stream().latest().await };
    let (newest, waiting) = latest.await.map_err(|error: Error| error.in_full())?;
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
    checked.map(|()| well.to_owned()).map_err(|error| error.in_full())
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
    /// Notes what was found; what only could be safer is well.
    fn say(&mut self, what: &str, said: Said) {
        let found = match said {
            Said::Well(text) => Ok(text),
            Said::Wrong(text) => Err(text),
            Said::Note(text) => return self.lines.push(format!(" NOTE  {what}: {text}")),
        };
        self.line(what, found);
    }

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
