//! `hub doctor`: looks at everything the hub needs and says what is wrong and what to do.

use std::{process::ExitCode, sync::Arc};

use super::start::StartError;
use crate::{adapters::keys::Keys, clock::SystemClock, config::Config, error::Error, storage::Db};

/// Checks configuration, database, schema, row-level security and keys. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub doctor")]
pub struct Args {}

/// Runs the command.
pub async fn run(_: Args) -> Result<ExitCode, StartError> {
    let config = Config::load()?;
    let mut report = Report::default();
    report.line(
        "configuration",
        Ok("every key is known and within its bounds".to_owned()),
    );
    let db = Db::new(&config.database, Arc::new(SystemClock))?;
    let pending = db.pending_migrations().await;
    report.line(
        "database",
        pending
            .as_ref()
            .map(|_| "answers".to_owned())
            .map_err(Error::chain),
    );
    if let Ok(pending) = pending {
        let schema = if pending == 0 {
            Ok("up to date".to_owned())
        } else {
            Err(StartError::Pending(pending).to_string())
        };
        report.line("schema", schema);
        let security = db.check_row_level_security().await;
        report.line(
            "row-level security",
            security
                .map(|()| "active on every table".to_owned())
                .map_err(|e| e.chain()),
        );
    }
    let keys = if Keys::exist(&config) {
        Keys::open(&config, false)
            .map(|_| "complete and private".to_owned())
            .map_err(|error| error.to_string())
    } else {
        Ok("none yet: the first start makes them".to_owned())
    };
    report.line("keys", keys);
    super::say(&report.lines.join("\n"));
    Ok(if report.is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Report {
    lines: Vec<String>,
    is_well: bool,
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
    fn line(&mut self, what: &str, found: Result<String, String>) {
        self.is_well &= found.is_ok();
        let (mark, text) = found.map_or_else(|text| ("WRONG", text), |text| ("ok", text));
        self.lines.push(format!("{mark:>5}  {what}: {text}"));
    }
}
