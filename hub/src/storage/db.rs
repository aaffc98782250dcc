//! The pools. They cannot be reached but through a [`Tx`], and every connection takes its role before its first query.

use std::{sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Executor, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    Bell, Tx, TxScope, Way, guard,
    schema::{self, Schema},
    tx::Durability,
    way,
};
use crate::{
    clock::SharedClock,
    config::{ConfigError, DatabaseConfig},
    error::{Error, Result},
    identity::Actor,
};

/// The schema, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// A transaction that idles this long is a defect and is ended, or it would hold back vacuum and an agent's head row.
const IDLE_IN_TRANSACTION: &str = "5s";
/// Waiting longer than this for a row is said as "try again".
const LOCK_TIMEOUT: &str = "5s";
/// No query of ours is meant to run this long.
const STATEMENT_TIMEOUT: &str = "30s";
/// An unused connection goes after this.
const IDLE_CONNECTION: Duration = Duration::from_mins(10);

/// The database, by role.
#[derive(Clone)]
pub struct Db {
    app: PgPool,
    system: PgPool,
    options: PgConnectOptions,
    /// How long a connection may take.
    patience: Duration,
    clock: SharedClock,
    bell: Arc<Bell>,
}

impl Db {
    /// Prepares the pools; connections are made when they are first needed.
    pub fn new(config: &DatabaseConfig, clock: SharedClock) -> Result<Self, ConfigError> {
        let options = way::options(config)?;
        let scoped = options.clone().options([
            ("search_path", "hub"),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
            ("lock_timeout", LOCK_TIMEOUT),
            ("statement_timeout", STATEMENT_TIMEOUT),
        ]);
        let wait = Duration::from_millis(config.acquire_timeout_ms);
        Ok(Self {
            app: pool(&scoped, config.app_connections, wait, "set role hub_app"),
            system: pool(&scoped, config.system_connections, wait, "set role hub_system"),
            options,
            patience: wait,
            clock,
            bell: Arc::new(Bell::default()),
        })
    }

    /// Begins a unit of work for one agent, seeing what one person may see.
    pub async fn begin(&self, scope: TxScope, actor: Actor) -> Result<Tx> {
        self.begin_as(scope, actor, Durability::Durable).await
    }

    /// The same, whose commit does not wait for the disk unless it records something. For what would be made again if the
    /// database lost it in a crash, and what nobody acts on before a later commit: the disk has that only together with this.
    pub async fn begin_lazily(&self, scope: TxScope, actor: Actor) -> Result<Tx> {
        self.begin_as(scope, actor, Durability::Lazy).await
    }

    async fn begin_as(&self, scope: TxScope, actor: Actor, durability: Durability) -> Result<Tx> {
        let pool = if scope.is_system() {
            &self.system
        } else {
            &self.app
        };
        let (now, bell) = (self.clock.now(), Arc::clone(&self.bell));
        Tx::begin(pool, (scope, durability), actor, now, bell).await
    }

    /// Begins a unit of work across agents, as the hub itself.
    pub async fn begin_system(&self) -> Result<Tx> {
        self.begin(TxScope::System, Actor::hub()).await
    }

    /// The wake-ups of this process.
    #[must_use]
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// What others on the way to it could do.
    #[must_use]
    pub fn way(&self) -> Way {
        way::of(&self.options)
    }

    /// A connection outside the pools, for the bell and the login: it belongs to no agent and reads no table of one.
    pub(super) const fn connect_options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Applies the migrations that are missing.
    pub async fn migrate(&self) -> Result<()> {
        let mut connection = self.options.connect().await?;
        MIGRATOR
            .run(&mut connection)
            .await
            .map_err(|error| Error::because("a migration failed", error))
    }

    /// What the schema is to this program. Answers in the time that a connection may take, also where nobody does.
    pub async fn schema(&self) -> Result<Schema> {
        let compared = tokio::time::timeout(self.patience, async {
            schema::compare(&mut self.options.connect().await?).await
        });
        compared.await.unwrap_or_else(|_| {
            Err(Error::Unavailable {
                what: "the database",
                source: Some("it does not answer".into()),
            })
        })
    }

    /// Refuses a database on which row-level security would be void.
    pub async fn check_row_level_security(&self) -> Result<()> {
        guard::check(&self.app, "hub_app").await?;
        guard::check(&self.system, "hub_system").await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.app.close().await;
        self.system.close().await;
    }
}

fn pool(options: &PgConnectOptions, size: u32, wait: Duration, set_role: &'static str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(wait)
        .idle_timeout(IDLE_CONNECTION)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(set_role).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}
