//! `hub migrate`: brings the database to this program's schema.

use std::{process::ExitCode, sync::Arc};

use super::start::{StartError, check_schema};
use crate::{
    clock::SystemClock,
    config::{Config, ConfigError, DatabaseConfig},
    storage::{Db, Schema},
};

/// Brings the database to this program's schema. Repeating it is harmless.
///
/// With `database.owner_url` it logs in there, and also makes the login of `database.url`, which may serve and nothing else.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hub migrate\n  hub migrate --status")]
pub struct Args {
    /// Only say how many migrations are missing.
    #[arg(long)]
    status: bool,
}

/// Runs the command.
pub async fn run(args: Args, config: Config) -> Result<ExitCode, StartError> {
    let config = config.database;
    if args.status {
        let missing = missing(&of_owner(&config)?).await?;
        super::say(&format!("{missing} migrations are missing"));
        return Ok(if missing == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let applied = bring_up(&config).await?;
    super::say(&format!("applied {applied} migrations"));
    if config.has_owner() {
        let login = Db::new(&config, Arc::new(SystemClock))?.login_name().to_owned();
        super::say(&format!("the login {login} may serve"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies what is missing, and makes the login that serves where it is not the owner's. Returns how many migrations.
pub(super) async fn bring_up(config: &DatabaseConfig) -> Result<usize, StartError> {
    let owner = of_owner(config)?;
    let login = config
        .has_owner()
        .then(|| login_beside(&owner, config))
        .transpose()?;
    let missing = missing(&owner).await?;
    owner.migrate().await?;
    if let Some(login) = login {
        owner.make_login(login.login_name(), &config.password).await?;
    }
    Ok(missing)
}

/// The login that serves, which is another than the owner's.
fn login_beside(owner: &Db, config: &DatabaseConfig) -> Result<Db, StartError> {
    let login = Db::new(config, Arc::new(SystemClock))?;
    if login.login_name() != owner.login_name() {
        return Ok(login);
    }
    let problem = "must name another login than database.owner_url, which may do everything".into();
    Err(ConfigError::OutOfBounds {
        key: "database.url",
        problem,
    }
    .into())
}

fn of_owner(config: &DatabaseConfig) -> Result<Db, StartError> {
    let owner = Db::new(&config.of_owner(), Arc::new(SystemClock));
    // The owner's URL is read in the place of the other.
    Ok(owner.map_err(|error| match error {
        ConfigError::OutOfBounds {
            key: "database.url",
            problem,
        } if config.has_owner() => ConfigError::OutOfBounds {
            key: "database.owner_url",
            problem,
        },
        other => other,
    })?)
}

async fn missing(db: &Db) -> Result<usize, StartError> {
    match db.schema().await? {
        Schema::Older { missing } => Ok(missing),
        other => check_schema(other).map(|()| 0),
    }
}
