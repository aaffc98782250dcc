//! A program and a database that were not made for each other, and what `hub doctor` says of them.

use std::time::{Duration, Instant};

use hub::{
    commands::{doctor, start},
    config::Config,
    storage::Schema,
};
use secrecy::SecretString;
use support::TestHub;

/// What a person at a terminal calls fast.
const FAST: Duration = Duration::from_secs(2);

const UNMIGRATE: &str = "drop schema hub cascade; drop table public._sqlx_migrations";
const MIGRATE_FURTHER: &str = "insert into public._sqlx_migrations
    (version, description, success, checksum, execution_time) values (9999, 'later', true, '', 0)";
const CHANGE_A_MIGRATION: &str = "update public._sqlx_migrations set checksum = '\\x00' where version = 5";
const ADD_ONE_IN_BETWEEN: &str = "insert into public._sqlx_migrations
    (version, description, success, checksum, execution_time) values (0, 'before all', true, '', 0)";

async fn doctor_says(config: Config) -> String {
    let begun = Instant::now();
    let report = doctor::examine(config).await.unwrap();
    assert!(begun.elapsed() < FAST, "{:?}: {report:?}", begun.elapsed());
    let text = report.lines.join("\n");
    assert_eq!(report.is_well, !text.contains("WRONG"), "{text}");
    text
}

#[tokio::test]
async fn a_database_of_a_newer_hub_is_refused_with_and_without_migrating() {
    let hub = TestHub::start().await;
    assert_eq!(hub.db.schema().await.unwrap(), Schema::Current);
    hub.sql().execute(MIGRATE_FURTHER).await;
    for may_migrate in [false, true] {
        let refused = start::open_with(hub.config.clone(), None, may_migrate).await;
        let refusal = refused.err().unwrap().to_string();
        assert!(
            refusal.contains("this database was migrated by a newer hub: it has migration 9999"),
            "{refusal}"
        );
    }
    assert!(doctor_says(hub.config.clone()).await.contains("newer hub"));
}

#[tokio::test]
async fn a_database_of_another_build_is_refused_with_and_without_migrating() {
    let hub = TestHub::start().await;
    for make_different in [CHANGE_A_MIGRATION, ADD_ONE_IN_BETWEEN] {
        hub.sql().execute(make_different).await;
        for may_migrate in [false, true] {
            let refused = start::open_with(hub.config.clone(), None, may_migrate).await;
            let refusal = refused.err().unwrap().to_string();
            assert!(
                refusal.contains("made by another build of the hub: its migration"),
                "{refusal}"
            );
        }
        assert!(doctor_says(hub.config.clone()).await.contains("another build"));
    }
    assert_eq!(hub.db.schema().await.unwrap(), Schema::Different { version: 0 });
}

#[tokio::test]
async fn a_doctor_finds_a_whole_hub_well() {
    let hub = TestHub::start().await;
    let text = doctor_says(hub.config.clone()).await;
    assert_eq!(text.lines().count(), 14, "{text}");
    assert!(!text.contains("WRONG"), "{text}");
}

#[tokio::test]
async fn a_doctor_says_at_once_that_a_database_is_not_migrated() {
    let hub = TestHub::start().await;
    hub.expect_leftovers();
    hub.sql().execute(UNMIGRATE).await;
    let text = doctor_says(hub.config.clone()).await;
    assert!(
        text.ends_with("run `hub migrate`, or start with `hub serve --migrate`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_doctor_says_at_once_that_a_database_is_not_reached() {
    let hub = TestHub::start().await;
    let mut config = hub.config.clone();
    // A port that is never listened on: nobody may without being root, and root does not.
    config.database.url = SecretString::from("postgres://ada:secret@127.0.0.1:1/hub");
    let text = doctor_says(config).await;
    assert!(
        text.contains("WRONG  database: the database is not reachable"),
        "{text}"
    );
    assert!(
        text.contains("DATABASE_URL") && !text.contains("secret"),
        "{text}"
    );
    assert_eq!(text.matches("Connection refused").count(), 1, "{text}");
}

#[tokio::test]
async fn a_hub_without_a_database_says_so_as_of_its_configuration() {
    for (url, said) in [
        ("", "configuration: no database: set DATABASE_URL, or use"),
        (
            "mysql://ada:secret@somewhere/hub",
            "configuration: database.url is not a Postgres URL",
        ),
    ] {
        let mut config = Config::default();
        config.database.url = SecretString::from(url);
        let refusal = doctor::examine(config).await.unwrap_err().to_string();
        assert!(refusal.starts_with(said), "{refusal}");
    }
}

/// Somewhere that swallows what is sent, as a firewall does.
#[tokio::test]
async fn a_doctor_does_not_wait_for_a_database_that_never_answers() {
    let hub = TestHub::builder()
        .proxied()
        .config(|config| config.database.acquire_timeout_ms = 500)
        .start()
        .await;
    hub.proxy.as_ref().unwrap().stall();
    let text = doctor_says(hub.config.clone()).await;
    assert!(text.contains("it does not answer"), "{text}");
}

#[tokio::test]
async fn a_doctor_misses_the_keys_of_a_database_with_data() {
    let hub = TestHub::start().await;
    let mut config = hub.config.clone();
    config.dir = hub::config::DataDir(hub.config.dir.join("empty"));
    let text = doctor_says(config).await;
    assert!(
        text.contains("is missing although the database has data"),
        "{text}"
    );
}
