//! Refuses a database on which row-level security would be void.

use sqlx::{PgConnection, PgPool};

use crate::error::{Error, Result};

/// Checks one pool: its role, what that role could become, and every table that has an agent.
pub(super) async fn check(pool: &PgPool, expected_role: &str) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let role = sqlx::query_scalar!(r#"select current_user::text as "name!""#)
        .fetch_one(&mut *connection)
        .await?;
    if role != expected_role {
        return Err(not_active(&format!(
            "a pool works as {role}, which is not {expected_role}"
        )));
    }
    roles_are_apart(&mut connection).await?;
    tables_are_protected(&mut connection).await
}

/// None of the hub's roles may bypass row-level security, nor take on any other role: `hub_app` as a member of `hub_system`
/// would be every agent.
pub async fn roles_are_apart(connection: &mut PgConnection) -> Result<()> {
    let too_much = sqlx::query_scalar!(
        r#"select format('%s may bypass it', rolname) as "what!" from pg_roles
           where rolname in ('hub_app', 'hub_system', 'hub_owner') and (rolsuper or rolbypassrls)
           union all
           select format('%s is a member of %s', member.rolname, role.rolname)
           from pg_auth_members m
           join pg_roles member on member.oid = m.member
           join pg_roles role on role.oid = m.roleid
           where member.rolname in ('hub_app', 'hub_system', 'hub_owner')
           order by 1"#
    )
    .fetch_all(connection)
    .await?;
    if too_much.is_empty() {
        Ok(())
    } else {
        Err(not_active(&too_much.join(", ")))
    }
}

/// Every table that holds an agent's rows has row-level security enabled, forced and active for the role that asks, and just
/// the policies that `hub.protect`, `hub.limit_to_own`, `hub.limit_to_spaces` and `hub.follow_spaces` make: one more, one less or one that was loosened is noticed.
pub async fn tables_are_protected(connection: &mut PgConnection) -> Result<()> {
    // As Postgres writes them; whether it names the schema of a function depends on the search path.
    let open = sqlx::query_scalar!(
        r#"with tables as (
             select c.oid, c.relname::text as name,
               c.relrowsecurity and c.relforcerowsecurity and row_security_active(c.oid) as is_active,
               format('(%s = ( SELECT agent() AS agent))',
                 case when c.relname = 'agents' then 'id' else 'agent_id' end) as rule,
               exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'audience_person_id'
                 and not a.attisdropped) as has_audience,
               c.relname = 'spaces' or exists (select from pg_attribute a where a.attrelid = c.oid
                 and a.attname = 'space_id' and a.attnotnull and not a.attisdropped) as is_in_spaces
             from pg_class c
             where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p')
               and (c.relname = 'agents' or exists (select from pg_attribute a where a.attrelid = c.oid
                 and a.attname = 'agent_id' and not a.attisdropped))),
           follows (name, behind, reference) as (values ('turns', 'sessions', 'session_id'), ('turn_stream', 'turns', 'turn_id'),
             ('turn_steps', 'turns', 'turn_id'), ('actions', 'sessions', 'session_id'), ('commands', 'devices', 'device_id'),
             ('commands', 'turns', 'turn_id'), ('commands', 'actions', 'action_id'), ('turn_inputs', 'turns', 'turn_id'),
             ('memory_candidates', 'turns', 'turn_id'), ('memory_sources', 'memory_candidates', 'candidate_id'),
             ('memory_consents', 'memory_candidates', 'candidate_id'), ('action_decisions', 'actions', 'action_id'),
             ('action_attempts', 'actions', 'action_id'), ('deliveries', 'commands', 'command_id'),
             ('device_connections', 'devices', 'device_id'), ('device_shadows', 'devices', 'device_id'),
             ('recognition_observations', 'identity_hypotheses', 'hypothesis_id')),
           rules as (
             select name, is_in_spaces, has_audience, format('((( SELECT %1$s() AS %1$s) IS NULL) OR (%2$s = ANY (( SELECT %1$s() AS %1$s)::uuid[])))',
                 case when name = 'spaces' then 'space_limit' else 'spaces' end,
                 case when name = 'spaces' then 'id' else 'space_id' end) as limitation,
               case when has_audience then format('(%s AND ((audience_person_id IS NULL) OR %s))', rule,
               '(audience_person_id = ( SELECT person() AS person))') else rule end as rule from tables),
           expected as (
             select name, true as is_permissive, 'tenant' as policy, 'hub_app' as roles, '*' as command, rule as visible,
               rule as writable
             from rules
             union all select name, true, 'system', 'hub_system', '*', 'true', 'true' from rules
             union all select name, false, 'spaces', 'hub_app', '*', limitation, '' from rules where is_in_spaces
             union all select name, false, 'household', 'hub_app', 'r',
               '(( SELECT sees_household() AS sees_household) OR (audience_person_id IS NOT NULL))', '' from rules where has_audience
             union all select name, false, reference, 'hub_app', '*', format('((( SELECT spaces() AS spaces) IS NULL) OR (%3$s IS NULL) '
               || 'OR ( SELECT true FROM %2$s b WHERE ((b.agent_id = %1$s.agent_id) AND (b.id = %1$s.%3$s))))', name, behind, reference), ''
             from follows
             union all select name, true, 'recall', 'hub_owner', 'r', 'true', '' from rules
             where name in ('memories', 'spaces', 'embeddings_384', 'embeddings_768', 'embeddings_1024', 'embeddings_1536')),
           found as (
             select t.name, p.polpermissive, p.polname::text, (select string_agg(case when r = 0 then 'public' else r::regrole::text end, ',')
                 from unnest(p.polroles) r), p.polcmd::text,
               regexp_replace(replace(coalesce(pg_get_expr(p.polqual, p.polrelid), ''), 'hub.', ''), '\s+', ' ', 'g'),
               replace(coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''), 'hub.', '')
             from pg_policy p join tables t on t.oid = p.polrelid)
           select name as "name!" from tables where not is_active
           union select name from (table expected except table found) missing
           union select name from (table found except table expected) unknown
           order by 1"#
    )
    .fetch_all(connection)
    .await?;
    if open.is_empty() {
        Ok(())
    } else {
        Err(not_active(&format!(
            "the tables {} are not protected as the migrations have made them",
            open.join(", ")
        )))
    }
}

fn not_active(why: &str) -> Error {
    Error::internal(format!("row-level security is not active: {why}"))
}
