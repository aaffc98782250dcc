//! A database for each test: a clone of one template, which is migrated once and named for its migrations.

#![expect(
    clippy::disallowed_methods,
    reason = "databases are made and dropped by statements that no macro can check"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use hub::storage::MIGRATOR;
use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

/// What a crashed run left behind is removed when it is this old, in seconds: no run takes as long.
const STALE_S: i64 = 3_600;
/// The lock under which templates are made, in the cluster's own database.
const TEMPLATE_LOCK: i64 = 0x6875_622d_7465_7374;

/// The template of this process; the others of the same migrations share it.
static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
/// Numbers the databases of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

struct Template {
    name: String,
    /// When this process began, by the cluster's clock: its databases carry it in their names.
    began_s: i64,
}

/// A database that one test has for itself.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) url: String,
    /// Whether it goes with its cluster.
    goes_along: bool,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let template = TEMPLATE.get_or_init(find_template).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hub_test_{}_{}_{number}", template.began_s, std::process::id());
        let mut admin = admin().await;
        run(
            &mut admin,
            format!("create database {name} template {}", template.name),
        )
        .await;
        Self {
            url: url_of(&name),
            name,
            goes_along: false,
        }
    }

    /// One in a cluster of its own, with which it goes.
    pub(crate) async fn create_in(cluster: &str) -> Self {
        let name = format!(
            "hub_test_own_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = PgConnection::connect(cluster)
            .await
            .expect("a cluster takes connections");
        run(&mut admin, format!("create database {name}")).await;
        let mut url = Url::parse(cluster).expect("a cluster has a URL");
        url.set_path(&name);
        let mut connection = PgConnection::connect(url.as_str())
            .await
            .expect("a new database takes connections");
        MIGRATOR
            .run(&mut connection)
            .await
            .expect("the migrations run on an empty database");
        connection.close().await.expect("a session can be closed");
        admin.close().await.expect("a session can be closed");
        Self {
            url: url.into(),
            name,
            goes_along: true,
        }
    }

    /// Drops it, whoever is still connected.
    pub(crate) async fn remove(&self) {
        if self.goes_along {
            return;
        }
        let mut admin = admin().await;
        run(
            &mut admin,
            format!("drop database if exists {} with (force)", self.name),
        )
        .await;
    }
}

async fn find_template() -> Template {
    let mut admin = admin().await;
    run(&mut admin, format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await;
    let began_s: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint")
        .fetch_one(&mut admin)
        .await
        .expect("the cluster knows the time");
    remove_stale(&mut admin, began_s).await;
    let suffix = migrations_hash();
    let found: Option<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname ~ $1 limit 1")
            .bind(format!("^hub_template_[0-9]+_{suffix}$"))
            .fetch_optional(&mut admin)
            .await
            .expect("the cluster lists its databases");
    let name = match found {
        Some(name) => name,
        None => make_template(&mut admin, &format!("hub_template_{began_s}_{suffix}")).await,
    };
    // Closing the session gives the lock back.
    admin.close().await.expect("a session can be closed");
    Template { name, began_s }
}

/// Under another name until it is complete, so that a killed run leaves no half template.
async fn make_template(admin: &mut PgConnection, name: &str) -> String {
    let unfinished = name.replace("hub_template_", "hub_unfinished_");
    run(
        admin,
        format!("drop database if exists {unfinished} with (force)"),
    )
    .await;
    run(admin, format!("create database {unfinished}")).await;
    let mut connection = PgConnection::connect(&url_of(&unfinished))
        .await
        .expect("a new database takes connections");
    MIGRATOR
        .run(&mut connection)
        .await
        .expect("the migrations run on an empty database");
    connection.close().await.expect("a session can be closed");
    run(admin, format!("alter database {unfinished} rename to {name}")).await;
    name.to_owned()
}

async fn remove_stale(admin: &mut PgConnection, now_s: i64) {
    let stale: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database where datname ~ '^hub_(test|template|unfinished)_[0-9]+_'
         and split_part(datname, '_', 3)::bigint < $1",
    )
    .bind(now_s - STALE_S)
    .fetch_all(&mut *admin)
    .await
    .expect("the cluster lists its databases");
    for name in stale {
        run(admin, format!("drop database if exists {name} with (force)")).await;
    }
}

fn migrations_hash() -> String {
    // FNV-1a: a name, not a secret.
    let bytes = MIGRATOR
        .iter()
        .flat_map(|migration| migration.checksum.iter().copied());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

async fn admin() -> PgConnection {
    PgConnection::connect(cluster_url().as_str())
        .await
        .expect("the test cluster runs: scripts/test starts one")
}

async fn run(connection: &mut PgConnection, statement: String) {
    let done = connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement.clone())))
        .await;
    if let Err(error) = done {
        fail(&statement, &error);
    }
}

#[expect(clippy::panic, reason = "without a database there is no test")]
fn fail(statement: &str, error: &sqlx::Error) -> ! {
    panic!("{statement}: {error}")
}

/// The URL of a superuser of the throw-away cluster.
fn cluster_url() -> Url {
    let text = std::env::var("HUB_TEST_DATABASE_URL")
        .expect("HUB_TEST_DATABASE_URL names a throw-away cluster: run scripts/test, which starts one");
    Url::parse(&text).expect("HUB_TEST_DATABASE_URL is a URL")
}

fn url_of(database: &str) -> String {
    let mut url = cluster_url();
    url.set_path(database);
    url.to_string()
}
