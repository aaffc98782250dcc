//! `hub migrate`: brings the database to this program's schema.

use std::{process::ExitCode, sync::Arc};

use super::start::{StartError, check_schema};
use crate::{
    clock::SystemClock,
    config::Config,
    storage::{Db, Schema},
};

/// Brings the database to this program's schema. Repeating it is harmless.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hub migrate\n  hub migrate --status")]
pub struct Args {
    /// Only say how many migrations are missing.
    #[arg(long)]
    status: bool,
}

/// Runs the command.
pub async fn run(args: Args, config: Config) -> Result<ExitCode, StartError> {
    let db = Db::new(&config.database, Arc::new(SystemClock))?;
    let missing = match db.schema().await? {
        Schema::Older { missing } => missing,
        other => check_schema(other).map(|()| 0)?,
    };
    if args.status {
        super::say(&format!("{missing} migrations are missing"));
        return Ok(if missing == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    db.migrate().await?;
    super::say(&format!("applied {missing} migrations"));
    Ok(ExitCode::SUCCESS)
}
