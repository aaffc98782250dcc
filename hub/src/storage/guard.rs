//! Refuses a database on which row-level security would be void.

use sqlx::{PgConnection, PgPool};

use crate::error::{Error, Result};

/// The versions of the migrations that were applied, none if the table is not there yet.
#[expect(
    clippy::disallowed_methods,
    reason = "the migrator's own table is not in our schema"
)]
pub(super) async fn applied_migrations(connection: &mut PgConnection) -> Result<Vec<i64>> {
    let exists: bool = sqlx::query_scalar("select to_regclass('public._sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    Ok(
        sqlx::query_scalar("select version from public._sqlx_migrations where success")
            .fetch_all(connection)
            .await?,
    )
}

/// Checks one pool: its role, and every table that has an agent.
pub(super) async fn check(pool: &PgPool, expected_role: &str) -> Result<()> {
    let role = sqlx::query!(
        r#"select current_user::text as "name!", rolsuper or rolbypassrls as "bypasses!" from pg_roles
           where rolname = current_user"#
    )
    .fetch_one(pool)
    .await?;
    if role.name != expected_role || role.bypasses {
        return Err(not_active(&format!(
            "a pool works as {}, which is not {expected_role} without bypass",
            role.name
        )));
    }
    row_level_security_is_active(pool).await
}

/// Every table that holds an agent's rows has row-level security enabled, forced and with a policy for both roles, it is
/// active for the role that asks, and `hub_app` has no way in but the policy that asks for the agent.
pub async fn row_level_security_is_active(pool: &PgPool) -> Result<()> {
    let open = sqlx::query_scalar!(
        r#"select distinct c.relname::text as "name!"
           from pg_class c
           join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'hub'
           left join pg_attribute a on a.attrelid = c.oid and a.attname = 'agent_id' and not a.attisdropped
           where c.relkind in ('r', 'p') and (a.attname is not null or c.relname = 'agents')
             and not (c.relrowsecurity and c.relforcerowsecurity and row_security_active(c.oid)
               and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant')
               and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'system')
               and not exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive
                 and (0 = any (p.polroles) or 'hub_app'::regrole = any (p.polroles))
                 and (p.polname <> 'tenant' or pg_get_expr(p.polqual, p.polrelid) not like '%agent()%')))"#
    )
    .fetch_all(pool)
    .await?;
    if open.is_empty() {
        Ok(())
    } else {
        Err(not_active(&format!("the tables {} are open", open.join(", "))))
    }
}

fn not_active(why: &str) -> Error {
    Error::internal(format!("row-level security is not active: {why}"))
}
