//! What the hub's roles may not do, whatever our code asks of them.

use support::TestHub;

/// SQLSTATE of a missing privilege.
const NOT_ALLOWED: &str = "42501";
/// The columns of an event that may change: its content can be erased.
const ERASABLE: [&str; 4] = ["client_digest", "erased_at", "payload", "payload_salt"];
/// Whose an event is, which moves with somebody who is merged.
const WHOSE: [&str; 2] = ["audience_person_id", "person_id"];

#[tokio::test]
async fn no_role_is_more_than_it_needs_to_be() {
    let hub = TestHub::start().await;
    let roles: Vec<String> = hub
        .sql()
        .values(
            "select rolname::text from pg_roles where rolname in ('hub_owner', 'hub_app', 'hub_system')
               and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin)
             order by 1",
        )
        .await;
    assert_eq!(roles, ["hub_app", "hub_owner", "hub_system"]);
    let memberships: i64 = hub
        .sql()
        .value("select count(*) from pg_auth_members where member::regrole::text in ('hub_owner', 'hub_app', 'hub_system')")
        .await;
    assert_eq!(memberships, 0, "a role may become another");
}

#[tokio::test]
async fn hub_owner_owns_the_schema_and_all_in_it() {
    let hub = TestHub::start().await;
    let others: Vec<String> = hub
        .sql()
        .values(
            "select relname::text from pg_class where relnamespace = 'hub'::regnamespace
               and relowner <> 'hub_owner'::regrole
             union all select proname::text from pg_proc where pronamespace = 'hub'::regnamespace
               and proowner <> 'hub_owner'::regrole
             union all select nspname::text from pg_namespace where nspname = 'hub' and nspowner <> 'hub_owner'::regrole",
        )
        .await;
    assert_eq!(others, Vec::<String>::new());
}

/// A view would read with its owner's eyes, unless it says `security_invoker`.
#[tokio::test]
async fn no_view_looks_past_row_level_security() {
    let hub = TestHub::start().await;
    let views: Vec<String> = hub
        .sql()
        .values(
            "select relname::text from pg_class where relnamespace = 'hub'::regnamespace and (relkind = 'm' or
               (relkind = 'v' and not coalesce(reloptions @> '{security_invoker=true}', false)))",
        )
        .await;
    assert_eq!(views, Vec::<String>::new());
}

#[tokio::test]
async fn the_functions_that_run_as_their_owner_are_the_known_ones() {
    let hub = TestHub::start().await;
    let found: Vec<(String, bool, bool)> = hub
        .sql()
        .rows(
            "select proname::text, 'search_path=hub, pg_temp' = any (proconfig),
               exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)
             from pg_proc where pronamespace = 'hub'::regnamespace and prosecdef order by 1",
        )
        .await;
    let expected =
        ["open_spaces", "recall_vectors", "recall_words", "scrub"].map(|name| (name.to_owned(), true, false));
    assert_eq!(
        found, expected,
        "(name, its search path is fixed, everyone may run it)"
    );
}

#[tokio::test]
async fn only_the_owner_protects_tables() {
    let hub = TestHub::start().await;
    for role in ["hub_app", "hub_system"] {
        let mut session = hub.sql().as_role(role).await;
        assert_eq!(
            session.refusal_of("call hub.protect('events')").await,
            NOT_ALLOWED
        );
        assert_eq!(session.refusal_of("create table hub.mine ()").await, NOT_ALLOWED);
        assert_eq!(
            session
                .refusal_of("alter table hub.events disable row level security")
                .await,
            NOT_ALLOWED
        );
    }
}

/// Not even the hub itself may say that an event is somebody else's, but for who was merged to who they are.
#[tokio::test]
async fn whose_an_event_is_changes_with_a_merge_only() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    ada.says("hello", "1").await.unwrap();
    hub.run_jobs().await;
    let nora = hub::ids::PersonId::mint();
    let (agent, old) = (hub.home.agent, ada.person);
    let known = "insert into hub.people (agent_id, id, name, created_at)";
    hub.sql()
        .execute(&format!("{known} values ('{agent}', '{nora}', 'Nora', now())"))
        .await;
    let mut session = hub.sql().as_role("hub_system").await;
    session.works_for(agent, None).await;
    for change in [
        format!("person_id = '{nora}'"),
        format!("audience_person_id = '{nora}'"),
        "audience_person_id = null".to_owned(),
        "person_id = null".to_owned(),
    ] {
        let update = format!("update events set {change} where audience_person_id = '{old}'");
        assert_eq!(session.refusal_of(&update).await, NOT_ALLOWED, "{change}");
    }
    let nobody = format!("update events set person_id = '{nora}' where person_id is null");
    assert_eq!(
        session.refusal_of(&nobody).await,
        NOT_ALLOWED,
        "what was nobody's"
    );
}

#[tokio::test]
async fn the_envelope_of_an_event_never_changes() {
    let hub = TestHub::start().await;
    let columns = columns(&hub, "events").await;
    assert!(columns.len() > 20, "the catalogue was not read");
    for role in ["hub_app", "hub_system"] {
        let mut session = hub.sql().as_role(role).await;
        session.works_for(hub.home.agent, None).await;
        for column in &columns {
            let may = ERASABLE.contains(&column.as_str())
                || role == "hub_system" && WHOSE.contains(&column.as_str());
            let expected = if may { "" } else { NOT_ALLOWED };
            let code = session
                .refusal_of(&format!("update events set {column} = {column}"))
                .await;
            assert_eq!(code, expected, "{role} updates events.{column}");
        }
        assert_eq!(session.refusal_of("delete from events").await, NOT_ALLOWED);
        assert_eq!(session.refusal_of("truncate events").await, NOT_ALLOWED);
    }
}

#[tokio::test]
async fn the_audit_log_can_only_grow() {
    let hub = TestHub::start().await;
    for role in ["hub_app", "hub_system"] {
        let mut session = hub.sql().as_role(role).await;
        session.works_for(hub.home.agent, None).await;
        for table in ["audit_entries", "audit_sequence", "audit_checkpoints"] {
            for column in columns(&hub, table).await {
                let code = session
                    .refusal_of(&format!("update {table} set {column} = {column}"))
                    .await;
                assert_eq!(code, NOT_ALLOWED, "{role} updates {table}.{column}");
            }
            assert_eq!(
                session.refusal_of(&format!("delete from {table}")).await,
                NOT_ALLOWED,
                "{role} {table}"
            );
            assert_eq!(
                session.refusal_of(&format!("truncate {table}")).await,
                NOT_ALLOWED,
                "{role} {table}"
            );
        }
    }
}

/// What the agent said, did and decided is kept: rows go only from the tables that say so.
#[tokio::test]
async fn rows_are_deleted_from_the_known_tables_only() {
    let hub = TestHub::start().await;
    let deletable = |role: &str| {
        format!(
            "select relname::text from pg_class where relnamespace = 'hub'::regnamespace and relkind = 'r'
               and has_table_privilege('{role}', oid, 'delete') order by 1"
        )
    };
    let by_app: Vec<String> = hub.sql().values(&deletable("hub_app")).await;
    // A memory that is forgotten takes its embeddings along.
    let embeddings = [
        "embeddings_1024",
        "embeddings_1536",
        "embeddings_384",
        "embeddings_768",
    ];
    // What is forgotten goes.
    let memories = ["memories", "memory_candidates", "memory_sources"];
    // What was said while a turn was thought about is taken back when it is thought about again, or never said; its steps go when what
    // it ran on is forgotten.
    let streams = ["turn_steps", "turn_stream"];
    // What is known of bodies goes with the consent.
    let hypotheses = ["faceprints", "identity_hypotheses"];
    let presence = ["presence", "presence_history", "recognition_observations"];
    // What a device said of itself goes when it is revoked.
    assert_eq!(
        by_app,
        [
            &["device_connections", "device_shadows"][..],
            &embeddings,
            &hypotheses,
            &memories,
            &presence,
            &streams,
            &["voiceprints"],
        ]
        .concat()
    );
    let by_system: Vec<String> = hub.sql().values(&deletable("hub_system")).await;
    let others = [
        "faceprints",
        "idempotency_keys",
        "identity_hypotheses",
        "invitations",
        "jobs",
    ];
    // An artifact goes once its bytes have.
    assert_eq!(
        by_system,
        [
            // Credentials, invitations and what people sent to devices go a month after they ended.
            &[
                "access_tokens",
                "artifacts",
                "commands",
                // The other's takes its place when two people turn out to be one.
                "conversations",
                "delegations",
                "device_connections",
                "device_shadows",
                "embedding_models"
            ][..],
            &embeddings,
            &others,
            &memories,
            &["pairings"],
            &presence,
            // The probe of the scrub; sign-ins go with the credentials.
            &["scrub_probe", "sign_ins"],
            &streams,
            &["voiceprints"],
        ]
        .concat()
    );
}

async fn columns(hub: &TestHub, table: &str) -> Vec<String> {
    hub.sql()
        .values(&format!(
            "select attname::text from pg_attribute where attrelid = 'hub.{table}'::regclass and attnum > 0
               and not attisdropped"
        ))
        .await
}
