//! The login that serves: it may become `hub_app` and `hub_system`, and nothing else. `hub migrate` makes it, as the owner.

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::{Db, scram};
use crate::{
    error::{Error, Result},
    secret::random_bytes,
};

/// Two that migrate at once make it one after the other.
const LOCK: i64 = 0x6875_622d_6c6f_6769;

/// Who logs in, and what they could do beyond what serving needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub name: String,
    /// What of row-level security it could undo, in words; none as it should be.
    pub excess: Option<&'static str>,
    /// Whether it may become `hub_app`.
    pub may_serve: bool,
}

impl Db {
    /// What the login of this process could do.
    pub async fn login(&self) -> Result<Login> {
        look_up(&mut self.connect_options().connect().await?, None)
            .await?
            .ok_or_else(|| Error::internal("the login of this connection is no role"))
    }

    /// The name with which this process logs in.
    #[must_use]
    pub fn login_name(&self) -> &str {
        self.connect_options().get_username()
    }

    /// As the owner: makes the login of this name and password, or gives the one that is there this password. One that could do
    /// more than serve is left as it is, and refused; so is one that does not serve, for it is another program's.
    pub async fn make_login(&self, name: &str, password: &SecretString) -> Result<()> {
        let mut owner = self.connect_options().connect().await?;
        let mut tx = owner.begin().await?;
        sqlx::query_scalar!("select pg_advisory_xact_lock($1)", LOCK)
            .fetch_one(&mut *tx)
            .await?;
        let verifier = scram::verifier(password, random_bytes());
        let statements = match look_up(&mut tx, Some(name)).await? {
            None => {
                statements_for(
                    &mut tx,
                    "create role %I login noinherit password %L",
                    name,
                    &verifier,
                )
                .await?
            }
            Some(Login {
                excess: None,
                may_serve: false,
                ..
            }) => return Err(anothers(name)),
            Some(Login { excess: None, .. }) => {
                statements_for(&mut tx, "alter role %I login password %L", name, &verifier).await?
            }
            Some(Login {
                excess: Some(excess), ..
            }) => return Err(too_much(name, excess)),
        };
        run(&mut tx, statements).await?;
        // The table of the migrator is beside the schema: with it a hub sees at start whether the schema is its own.
        let grants = "grant hub_app, hub_system to %1$I; grant select on public._sqlx_migrations to %1$I";
        let statements = statements_for(&mut tx, grants, name, "").await?;
        run(&mut tx, statements).await?;
        Ok(tx.commit().await?)
    }
}

fn too_much(name: &str, excess: &str) -> Error {
    let problem =
        format!("the login {name} of database.url {excess}: name one there that `hub migrate` may make");
    Error::Conflict {
        code: "login_too_mighty",
        detail: problem.into(),
    }
}

fn anothers(name: &str) -> Error {
    let problem = format!(
        "the login {name} of database.url is there and serves no hub: name one that `hub migrate` may make, or, if it is this \
         hub's, `grant hub_app to {name}` as the owner"
    );
    Error::Conflict {
        code: "login_of_another",
        detail: problem.into(),
    }
}

/// A login by its name, or the one of this connection.
async fn look_up(connection: &mut PgConnection, name: Option<&str>) -> Result<Option<Login>> {
    let found = sqlx::query!(
        r#"select rolname::text as "name!", rolsuper as "is_superuser!", rolbypassrls as "may_bypass!",
             rolcreaterole as "may_make_roles!",
             coalesce(pg_has_role(oid, to_regrole('hub_owner')::oid, 'member'), false) as "may_own!",
             coalesce(pg_has_role(oid, to_regrole('hub_app')::oid, 'member'), false) as "may_serve!"
           from pg_roles where rolname = coalesce($1, session_user::text)"#,
        name
    );
    let found = found.fetch_optional(connection).await?;
    Ok(found.map(|row| {
        let excess = [
            (row.is_superuser, "is a superuser"),
            (row.may_bypass, "may bypass row-level security"),
            (row.may_own, "may become hub_owner, who owns the schema"),
            (
                row.may_make_roles,
                "may make roles, and make itself a member of others",
            ),
        ];
        Login {
            name: row.name,
            excess: excess.into_iter().find_map(|(is_so, what)| is_so.then_some(what)),
            may_serve: row.may_serve,
        }
    }))
}

/// A statement with names and texts as Postgres itself quotes them, for what takes no parameters.
async fn statements_for(
    connection: &mut PgConnection,
    format: &str,
    name: &str,
    text: &str,
) -> Result<String> {
    let made = sqlx::query_scalar!(
        r#"select format($1, $2::text, $3::text) as "made!""#,
        format,
        name,
        text
    );
    Ok(made.fetch_one(connection).await?)
}

async fn run(connection: &mut PgConnection, statements: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await?;
    Ok(())
}
