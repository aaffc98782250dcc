//! No table escapes: what Postgres itself says about every table, role and function of the schema.

use std::collections::BTreeSet;

use support::TestHub;

/// Tables that belong to no agent. Their rows are the hub's own.
const HUB_TABLES: [&str; 11] = [
    "audit_checkpoints",
    "embedding_models",
    "pairings",
    "publisher_state",
    "scrub_probe",
    "scrubber_state",
    "sequencer_state",
    "settings",
    "sign_ins",
    "user_identities",
    "users",
];

/// Tables with `agent_id` whose primary key does not begin with it, each with its reason.
const OTHER_KEYS: [(&str, &str); 3] = [
    ("agents", "id"),                // the root of tenancy itself
    ("jobs", "id"),                  // claimed across agents, by id
    ("audit_sequence", "log_index"), // the one order of all agents' entries
];

const TABLES: &str = "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'hub' and c.relkind in ('r', 'p')";
/// The condition of an agent's table, on the alias `c`.
const HAS_AGENT: &str = "(c.relname = 'agents' or exists (select from pg_attribute a where a.attrelid = c.oid
    and a.attname = 'agent_id' and not a.attisdropped))";

#[tokio::test]
async fn the_tables_without_an_agent_are_the_known_ones() {
    let hub = TestHub::start().await;
    let found: Vec<String> = hub
        .sql()
        .values(&format!("{TABLES} and not {HAS_AGENT} order by 1"))
        .await;
    assert_eq!(found, HUB_TABLES);
    for table in HUB_TABLES {
        let may: bool = hub
            .sql()
            .value(&format!(
                "select has_table_privilege('hub_app', 'hub.{table}', 'select, insert, update, delete, truncate')"
            ))
            .await;
        assert!(!may, "hub_app, which works for one agent, may use {table}");
    }
}

#[tokio::test]
async fn every_table_of_an_agent_forces_row_level_security() {
    let hub = TestHub::start().await;
    let open: Vec<String> = hub
        .sql()
        .values(&format!(
            "{TABLES} and {HAS_AGENT} and not (c.relrowsecurity and c.relforcerowsecurity)"
        ))
        .await;
    assert_eq!(open, Vec::<String>::new());
}

#[tokio::test]
async fn every_table_of_an_agent_has_exactly_its_policies() {
    let hub = TestHub::start().await;
    let tables: Vec<(String, bool, bool)> = hub
        .sql()
        .rows(&format!(
            "select t.relname::text, exists (select from pg_attribute a where a.attrelid = t.oid
               and a.attname = 'audience_person_id'), exists (select from pg_attribute a where a.attrelid = t.oid
               and a.attname = 'space_id' and a.attnotnull) from pg_class t
             where t.oid in (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'hub' and c.relkind in ('r', 'p') and {HAS_AGENT})"
        ))
        .await;
    assert!(tables.len() > 25, "the catalogue was not read");
    for (table, has_audience, is_in_spaces) in tables {
        let policies: BTreeSet<(String, String, String, String, String)> = hub
            .sql()
            .rows(&format!(
                "select policyname::text, permissive || ' ' || cmd, array_to_string(roles, ','), coalesce(qual, ''),
                   coalesce(with_check, '')
                 from pg_policies where schemaname = 'hub' and tablename = '{table}'"
            ))
            .await
            .into_iter()
            .collect();
        let mut expected = expected_policies(&table, has_audience);
        if has_audience {
            expected.insert(own_alone());
        }
        if is_in_spaces {
            expected.insert(limitation("spaces", "space_id"));
        } else if table == "spaces" {
            expected.insert(limitation("space_limit", "id"));
        }
        let behind = HANGING.iter().filter(|(hanging, ..)| *hanging == table);
        expected.extend(behind.map(|(_, behind, reference)| follows(&table, behind, reference)));
        assert_eq!(policies, expected, "{table}");
    }
}

/// Whoever is limited to some spaces sees nothing of the others.
fn limitation(function: &str, column: &str) -> (String, String, String, String, String) {
    let rule = format!(
        "((( SELECT hub.{function}() AS {function}) IS NULL) OR ({column} = ANY (( SELECT hub.{function}() AS {function})::uuid[])))"
    );
    let words = ["spaces", "RESTRICTIVE ALL", "hub_app", &rule, ""].map(str::to_owned);
    words.into()
}

/// Nor of the household's, who sees their own alone.
fn own_alone() -> (String, String, String, String, String) {
    let rule = "(( SELECT hub.sees_household() AS sees_household) OR (audience_person_id IS NOT NULL))";
    ["household", "RESTRICTIVE SELECT", "hub_app", rule, ""]
        .map(str::to_owned)
        .into()
}

/// What is in no space itself, with what it hangs on.
const HANGING: [(&str, &str, &str); 17] = [
    ("turns", "sessions", "session_id"),
    ("turn_inputs", "turns", "turn_id"),
    ("turn_stream", "turns", "turn_id"),
    ("turn_steps", "turns", "turn_id"),
    ("memory_candidates", "turns", "turn_id"),
    ("memory_sources", "memory_candidates", "candidate_id"),
    ("memory_consents", "memory_candidates", "candidate_id"),
    ("actions", "sessions", "session_id"),
    ("action_decisions", "actions", "action_id"),
    ("action_attempts", "actions", "action_id"),
    ("commands", "devices", "device_id"),
    ("commands", "turns", "turn_id"),
    ("commands", "actions", "action_id"),
    ("deliveries", "commands", "command_id"),
    ("device_connections", "devices", "device_id"),
    ("device_shadows", "devices", "device_id"),
    ("recognition_observations", "identity_hypotheses", "hypothesis_id"),
];

/// What a row may hang on that is in a space, or hangs on something there itself.
const REFERENCES: [&str; 11] = [
    "action_id",
    "attempt_id",
    "candidate_id",
    "command_id",
    "conversation_id",
    "device_id",
    "event_id",
    "hypothesis_id",
    "memory_id",
    "session_id",
    "turn_id",
];

/// References that need not be followed, each with its reason.
const NOT_FOLLOWED: [(&str, &str); 10] = [
    (
        "access_tokens.device_id",
        "a credential is looked for before it is known what it may see",
    ),
    ("actions.turn_id", "it goes with its session, which is the turn's"),
    ("commands.attempt_id", "it goes with its action"),
    (
        "consents.device_id",
        "whoever asks whether something is allowed asks for all of a person's",
    ),
    ("deliveries.event_id", "it goes with its command"),
    (
        "deliveries.turn_id",
        "it goes with its command, which is the turn's",
    ),
    (
        "memory_candidates.memory_id",
        "it goes with its turn, where that came from",
    ),
    ("memory_sources.event_id", "it goes with its candidate"),
    (
        "recognition_observations.device_id",
        "it goes with its hypothesis",
    ),
    ("turn_inputs.event_id", "it goes with its turn"),
];

/// References of tables that are in no space themselves and follow nothing by them.
async fn loose_ends(hub: &TestHub) -> Vec<String> {
    let references = REFERENCES.map(|name| format!("'{name}'")).join(", ");
    hub.sql()
        .values(&format!(
            "select c.relname || '.' || r.attname from pg_class c join pg_attribute r on r.attrelid = c.oid
             where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p') and {HAS_AGENT}
               and not r.attisdropped and r.attname in ({references})
               and not exists (select from pg_attribute s where s.attrelid = c.oid and s.attname = 'space_id' and s.attnotnull)
               and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = r.attname and not p.polpermissive)
             order by 1"
        ))
        .await
}

/// Whoever is limited to some spaces sees nothing that hangs on something in another.
#[tokio::test]
async fn what_hangs_on_something_in_a_space_follows_it() {
    let hub = TestHub::start().await;
    let known: Vec<&str> = NOT_FOLLOWED.iter().map(|(reference, _)| *reference).collect();
    assert_eq!(loose_ends(&hub).await, known);
    let followed: BTreeSet<&str> = HANGING.iter().map(|(_, _, reference)| *reference).collect();
    assert!(followed.iter().all(|reference| REFERENCES.contains(reference)));
}

/// A table that nobody thought of.
#[tokio::test]
async fn a_table_that_follows_nothing_is_found() {
    let hub = TestHub::start().await;
    hub.sql()
        .execute(
            "set role hub_owner; set search_path = hub;
             create table notes (agent_id uuid not null, id uuid not null, turn_id uuid, space_id uuid, primary key (agent_id, id),
               foreign key (agent_id, turn_id) references turns, foreign key (agent_id, space_id) references spaces);
             call hub.protect('notes');
             reset role; reset search_path",
        )
        .await;
    let found = loose_ends(&hub).await;
    assert!(found.contains(&"notes.turn_id".to_owned()), "{found:?}");
    assert_eq!(found.len(), NOT_FOLLOWED.len() + 1);
    hub.sql()
        .execute(
            "set role hub_owner; call hub.follow_spaces('hub.notes', 'hub.turns', 'turn_id'); reset role",
        )
        .await;
    assert_eq!(loose_ends(&hub).await.len(), NOT_FOLLOWED.len());
}

/// Nor of what hangs on something there.
fn follows(table: &str, behind: &str, reference: &str) -> (String, String, String, String, String) {
    let rule = format!(
        "((( SELECT hub.spaces() AS spaces) IS NULL) OR ({reference} IS NULL) OR ( SELECT true\n   FROM hub.{behind} b\n  \
         WHERE ((b.agent_id = {table}.agent_id) AND (b.id = {table}.{reference}))))"
    );
    let words = [reference, "RESTRICTIVE ALL", "hub_app", &rule, ""].map(str::to_owned);
    words.into()
}

fn expected_policies(table: &str, has_audience: bool) -> BTreeSet<(String, String, String, String, String)> {
    let column = if table == "agents" { "id" } else { "agent_id" };
    let of_agent = format!("({column} = ( SELECT hub.agent() AS agent))");
    let rule = if has_audience {
        format!(
            "({of_agent} AND ((audience_person_id IS NULL) OR (audience_person_id = ( SELECT hub.person() AS person))))"
        )
    } else {
        of_agent
    };
    let policy = |name: &str, command: &str, role: &str, using: &str, check: &str| {
        let command = format!("PERMISSIVE {command}");
        (
            name.to_owned(),
            command,
            role.to_owned(),
            using.to_owned(),
            check.to_owned(),
        )
    };
    let mut expected = BTreeSet::from([
        policy("tenant", "ALL", "hub_app", &rule, &rule),
        policy("system", "ALL", "hub_system", "true", "true"),
    ]);
    if matches!(table, "memories" | "spaces") || table.starts_with("embeddings_") {
        // For recall_words, recall_vectors and open_spaces, which run as the owner and filter by themselves.
        expected.insert(policy("recall", "SELECT", "hub_owner", "true", ""));
    }
    expected
}

#[tokio::test]
async fn every_primary_key_of_an_agents_table_begins_with_the_agent() {
    let hub = TestHub::start().await;
    let keys: Vec<(String, String)> = hub
        .sql()
        .rows(&format!(
            "select c.relname::text, coalesce((select a.attname::text from pg_constraint k join pg_attribute a
                 on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
               where k.conrelid = c.oid and k.contype = 'p'), 'none')
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'hub' and c.relkind in ('r', 'p') and {HAS_AGENT}"
        ))
        .await;
    let others: BTreeSet<(&str, &str)> = keys
        .iter()
        .map(|(table, column)| (table.as_str(), column.as_str()))
        .filter(|(_, column)| *column != "agent_id")
        .collect();
    assert_eq!(others, BTreeSet::from(OTHER_KEYS));
}

/// A reference that carries the agent on both sides cannot lead to another agent.
#[tokio::test]
async fn every_reference_between_agents_tables_carries_the_agent() {
    let hub = TestHub::start().await;
    let (all, astray): (i64, Vec<String>) = {
        let references = format!(
            "pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
             join pg_class t on t.oid = k.confrelid
             where k.contype = 'f' and n.nspname = 'hub' and {HAS_AGENT} and (t.relname = 'agents' or exists (
               select from pg_attribute a where a.attrelid = t.oid and a.attname = 'agent_id'))"
        );
        let carries = "exists (select from unnest(k.conkey, k.confkey) as pair(here, there)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.here
            join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.there
            where a.attname = 'agent_id' and b.attname = case when t.relname = 'agents' then 'id' else 'agent_id' end)";
        let count = format!("select count(*) from {references}");
        let list = format!("select c.relname || '.' || k.conname from {references} and not {carries}");
        (hub.sql().value(&count).await, hub.sql().values(&list).await)
    };
    assert!(all > 50, "the catalogue was not read");
    // To whom a delegation is given is another agent by its very meaning; nothing of that agent is in the row.
    assert_eq!(astray, ["delegations.delegations_to_agent_id_fkey"]);
}

/// These columns hold ids that no constraint follows, each for a reason; any other must be a reference.
#[tokio::test]
async fn every_id_of_another_thing_is_a_reference() {
    let hub = TestHub::start().await;
    let loose: Vec<String> = hub
        .sql()
        .values(
            "select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
             where c.relnamespace = 'hub'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
               and a.atttypid = 'uuid'::regtype and a.attname <> 'id'
               and not exists (select from pg_constraint k where k.contype = 'f' and k.conrelid = c.oid
                 and a.attnum = any (k.conkey))
             order by 1",
        )
        .await;
    let known = [
        "agent_heads.agent_id",           // the nil agent: the hub's own chain
        "artifacts.made_by",              // of two kinds, and asked for only while an upload is unfinished
        "audit_chains.agent_id",          // the hub's own chain, too
        "audit_entries.agent_id",         // likewise
        "delegations.issuer_agent_id",    // beside the user; asked for with their membership there each time
        "deliveries.audience_person_id",  // copied from its command, which has the reference
        "device_connections.node",        // a process, which has no row
        "erasures.target_id",             // of several kinds, and the memory is gone
        "events.audience_person_id",      // few references on the busiest table; the session has one
        "events.person_id",               // likewise
        "events.source_id",               // of several kinds
        "presence_history.hypothesis_id", // which may be gone before
        "publisher_state.leased_by",      // a process, which has no row
        "scrubber_state.leased_by",       // likewise
    ];
    assert_eq!(loose, known);
}

/// `MATCH SIMPLE` ignores a composite reference of which a part is null: then the agent must not be that part.
#[tokio::test]
async fn the_agent_of_a_row_is_never_null() {
    let hub = TestHub::start().await;
    let nullable: Vec<String> = hub
        .sql()
        .values(&format!(
            "{TABLES} and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'agent_id'
               and not a.attnotnull)"
        ))
        .await;
    assert_eq!(nullable, Vec::<String>::new());
}

#[tokio::test]
async fn a_query_without_an_agent_is_an_error() {
    let hub = TestHub::start().await;
    let mut app = hub.sql().as_role("hub_app").await;
    // Never set, then set and over: after a local setting has ended it is '', not null.
    assert_eq!(app.refusal_of("select hub.agent()").await, "HB001");
    assert_eq!(app.refusal_of("select * from spaces").await, "HB001");
    app.works_for(hub.home.agent, None).await;
    assert_eq!(app.value::<i64>("select count(*) from spaces").await, 3);
    assert_eq!(app.refusal_of("set local hub.agent_id = ''").await, "");
    assert_eq!(app.refusal_of("select hub.agent()").await, "HB001");
    assert_eq!(app.refusal_of("select * from spaces").await, "HB001");
    assert_eq!(
        app.refusal_of("select * from recall_words('key', 'english', 9)")
            .await,
        "HB001"
    );
}
