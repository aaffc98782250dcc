//! The way to the database and who logs in there: what is refused, what is said, and what a login can do.

use std::{fs, path::PathBuf};

use support::{Program, TlsFront};

use super::refused;

/// As an operator would choose one.
const PASSWORD: &str = "a-password-of-the-login-only";

fn in_folder(program: &Program, name: &str, text: &str) -> PathBuf {
    let path = program.dir().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A program whose database speaks TLS, with its authority's certificate in a file.
async fn behind_tls() -> (Program, TlsFront, String) {
    let mut program = Program::new(&[]).await;
    let (is_well, said) = program.run(&["migrate"]).await;
    assert!(is_well, "{said}");
    let front = TlsFront::before_database(program.database_url()).await;
    let authority = in_folder(&program, "house.pem", front.authority());
    program.set(
        "DATABASE_URL",
        &front.database_url(program.database_url(), "127.0.0.1"),
    );
    (program, front, authority.display().to_string())
}

#[tokio::test]
async fn a_database_of_the_named_authority_is_served_from() {
    let (mut program, _front, authority) = behind_tls().await;
    program.set("HUB_DATABASE__CA_FILE", &authority);
    program.start().await;
    assert_eq!(program.status("/readyz").await, Some(200));
    let (is_well, said) = program.run(&["doctor"]).await;
    assert!(is_well && said.contains("connection: "), "{said}");
    assert!(program.stop().await, "{}", program.tail());
}

#[tokio::test]
async fn a_database_that_nobody_vouches_for_is_refused_with_the_key_that_names_who_does() {
    let (mut program, front, _) = behind_tls().await;
    let amazon = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/aws/rds-ca.pem");
    let url = front.database_url(program.database_url(), "127.0.0.1");
    for (url, ca_file) in [(format!("{url}?sslmode=verify-full"), ""), (url, amazon)] {
        program.set("DATABASE_URL", &url);
        program.set("HUB_DATABASE__CA_FILE", ca_file);
        for command in ["migrate", "serve", "worker", "doctor"] {
            let said = refused(&program, &[command]).await;
            assert!(
                said.contains("vouches for its certificate") && said.contains("database.ca_file"),
                "{command}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused_with_the_key_that_names_the_host() {
    let (mut program, front, authority) = behind_tls().await;
    program.set("HUB_DATABASE__CA_FILE", &authority);
    // The certificate is for the address.
    program.set(
        "DATABASE_URL",
        &front.database_url(program.database_url(), "localhost"),
    );
    let said = refused(&program, &["doctor"]).await;
    assert!(
        said.contains("its certificate is another name's") && said.contains("database.url"),
        "{said}"
    );
}

#[tokio::test]
async fn a_database_without_tls_is_refused_where_an_authority_is_named() {
    let mut program = Program::new(&[]).await;
    let amazon = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/aws/rds-ca.pem");
    program.set("HUB_DATABASE__CA_FILE", amazon);
    let said = refused(&program, &["doctor"]).await;
    assert!(said.contains("does not support TLS"), "{said}");
    program.set("HUB_DATABASE__CA_FILE", "/nowhere/ca.pem");
    let said = refused(&program, &["doctor"]).await;
    assert!(
        said.contains("database.ca_file") && said.contains("/nowhere/ca.pem"),
        "{said}"
    );
}

/// A program with an owner's login, and one of this name for everything else.
async fn with_two_logins() -> (Program, String) {
    let mut program = Program::new(&[]).await;
    let owner = program.database_url().to_owned();
    let name = format!("login_{}", &program.dir().file_name().unwrap().to_string_lossy());
    let (_, place) = owner.split_once('@').unwrap();
    program.set("DATABASE_URL", &format!("postgres://{name}@{place}"));
    program.set("HUB_DATABASE__PASSWORD", PASSWORD);
    program.set("HUB_DATABASE__OWNER_URL", &owner);
    (program, name)
}

async fn forget(program: &Program, name: &str) {
    let statements = format!("drop owned by {name}; drop role {name}");
    program.sql().execute(&statements).await;
}

#[tokio::test]
async fn what_serves_logs_in_as_one_that_cannot_become_the_owner() {
    let (mut program, name) = with_two_logins().await;
    // Again is harmless, and a changed password is taken.
    for password in ["the-one-before-that-one", PASSWORD] {
        program.set("HUB_DATABASE__PASSWORD", password);
        let (is_well, said) = program.run(&["migrate"]).await;
        assert!(
            is_well && said.contains(&format!("the login {name} may serve")),
            "{said}"
        );
    }
    program.set("HUB_DATABASE__OWNER_URL", "");
    program.start().await;
    let mut worker = program.elsewhere("worker");
    worker.start(&program).await;

    let others = "select distinct usename::text from pg_stat_activity where datname = current_database()
         and application_name = 'hub'";
    assert_eq!(program.sql().values::<String>(others).await.join(" "), name);
    let (is_well, said) = program.run(&["doctor"]).await;
    assert!(
        is_well && said.contains(&format!("{name} may become hub_app and hub_system, and nothing")),
        "{said}"
    );
    for (role, may) in [
        ("hub_app", true),
        ("hub_system", true),
        ("hub_owner", false),
        ("postgres", false),
    ] {
        let asked = format!("select pg_has_role('{name}', '{role}', 'member')");
        assert_eq!(program.sql().value::<bool>(&asked).await, may, "{role}");
    }
    let kept: String = program
        .sql()
        .value(&format!(
            "select rolpassword from pg_authid where rolname = '{name}'"
        ))
        .await;
    assert!(kept.starts_with("SCRAM-SHA-256$4096:"), "{kept}");
    let flags = "select concat(rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolinherit) from pg_roles where rolname = ";
    assert_eq!(
        program.sql().value::<String>(&format!("{flags}'{name}'")).await,
        "fffff"
    );

    assert!(worker.stop().await && program.stop().await, "{}", program.tail());
    forget(&program, &name).await;
}

/// Under an address that is not known as this machine's own, which it is.
#[tokio::test]
async fn over_a_network_a_login_that_may_do_more_is_wrong_and_a_connection_in_the_clear_is_noted() {
    let mut program = Program::new(&[]).await;
    let url = program.database_url().replace("@127.0.0.1:", "@0.0.0.0:");
    program.set("DATABASE_URL", &url);
    let (connection, login) = (
        "may be in the clear",
        "the login postgres of the database is a superuser",
    );
    let said = refused(&program, &["doctor"]).await;
    assert!(said.contains(&format!("WRONG  login: {login}")), "{said}");
    assert!(
        said.contains(" NOTE  connection: ") && said.contains(connection),
        "{said}"
    );
    // What served before goes on, and says so.
    program.start().await;
    assert!(program.stop().await);
    let log = program.log_text();
    assert!(log.contains(connection) && log.contains(login), "{log}");
}

#[tokio::test]
async fn a_login_that_may_do_more_than_serve_is_neither_changed_nor_taken_for_one_that_serves() {
    let (program, name) = with_two_logins().await;
    program
        .sql()
        .execute(&format!(
            "create role {name} login createrole password 'as-it-was'"
        ))
        .await;
    let before = format!("select rolpassword from pg_authid where rolname = '{name}'");
    let kept: String = program.sql().value(&before).await;
    let said = refused(&program, &["migrate"]).await;
    assert!(said.contains(&name) && said.contains("may make roles"), "{said}");
    assert_eq!(program.sql().value::<String>(&before).await, kept);
    assert!(!said.contains(PASSWORD) && !said.contains("SCRAM"), "{said}");
    forget(&program, &name).await;
}

/// A role of the same cluster that another program logs in with.
#[tokio::test]
async fn a_login_of_another_program_keeps_its_password() {
    let (program, name) = with_two_logins().await;
    program
        .sql()
        .execute(&format!("create role {name} login password 'as-it-was'"))
        .await;
    let before = format!("select rolpassword from pg_authid where rolname = '{name}'");
    let kept: String = program.sql().value(&before).await;
    let said = refused(&program, &["migrate"]).await;
    assert!(said.contains(&name) && said.contains("serves no hub"), "{said}");
    assert_eq!(program.sql().value::<String>(&before).await, kept);
    forget(&program, &name).await;
}

#[tokio::test]
async fn a_wrong_url_of_the_owner_is_named() {
    let (mut program, _) = with_two_logins().await;
    program.set("HUB_DATABASE__OWNER_URL", "postgres://owner@host:port/hub");
    let said = refused(&program, &["migrate"]).await;
    assert!(
        said.contains("database.owner_url is not a Postgres URL"),
        "{said}"
    );
}

#[tokio::test]
async fn owner_and_login_are_two() {
    let (mut program, _) = with_two_logins().await;
    let owner = program.database_url().to_owned();
    program.set("DATABASE_URL", &owner);
    let said = refused(&program, &["migrate"]).await;
    assert!(
        said.contains("database.url") && said.contains("another login"),
        "{said}"
    );
}

#[tokio::test]
async fn serve_with_migrate_makes_the_login_too() {
    let (program, name) = with_two_logins().await;
    let said = refused(&program, &["serve"]).await;
    assert!(
        said.contains("password authentication failed") || said.contains("refused"),
        "{said}"
    );
    // It stops at the first thing after its start: an audit store that cannot be.
    let mut program = program;
    program.set("HUB_AUDIT__STORE", "file:///proc/no/such/place");
    let said = refused(&program, &["serve", "--migrate"]).await;
    assert!(said.contains("audit"), "{said}");
    let made = format!("select count(*) from pg_roles where rolname = '{name}'");
    assert_eq!(program.sql().value::<i64>(&made).await, 1);
    forget(&program, &name).await;
}
