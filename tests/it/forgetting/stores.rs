//! Where something that people said could be: every column that can hold a text, by what becomes of it.

use std::collections::BTreeSet;

use hub::storage::{PROBE, TABLES};
use support::TestHub;

/// Columns that hold what people and devices said, and what was made of it. Forgetting empties them, or takes their row.
const ERASED: [&str; 66] = [
    "action_decisions.arguments_sha256",
    "action_decisions.reason",
    "actions.arguments",
    "actions.arguments_salt",
    "actions.arguments_sha256",
    "actions.error",
    "actions.result",
    "actions.summary",
    "artifacts.media_type",
    "artifacts.name",
    "artifacts.salt",
    "artifacts.sha256",
    "commands.arguments",
    "commands.arguments_salt",
    "commands.error",
    "commands.progress",
    "commands.result",
    "commands.result_salt",
    "commands.supersede_key",
    "consents.evidence",
    "device_shadows.desired",
    "device_shadows.desired_salt",
    "device_shadows.reported",
    "device_shadows.reported_salt",
    "embeddings_1024.embedding",
    "embeddings_1024.problem",
    "embeddings_1536.embedding",
    "embeddings_1536.problem",
    "embeddings_384.embedding",
    "embeddings_384.problem",
    "embeddings_768.embedding",
    "embeddings_768.problem",
    "faceprints.embedding",
    "faceprints.embedding_salt",
    "events.client_digest",
    "events.payload",
    "events.payload_salt",
    "idempotency_keys.answer",
    "idempotency_keys.body_sha256",
    "invitations.name",
    "jobs.last_error",
    "memories.content",
    "memories.content_salt",
    "memories.words",
    "memory_candidates.content",
    "memory_candidates.content_salt",
    "people.aliases",
    "people.name",
    "people.relationship",
    "presence.modality",
    "presence_history.modality",
    "recognition_observations.modality",
    "turn_steps.function",
    "turn_steps.usage",
    "turn_stream.text",
    "turns.reason",
    "voiceprints.embedding",
    "voiceprints.embedding_salt",
    // Their rows go, too.
    "memories.tier",
    "memories.trust",
    "memories.lifecycle",
    "identity_hypotheses.state",
    "memory_candidates.state",
    "memory_candidates.tier",
    "memory_candidates.trust",
    "turn_steps.outcome",
];

/// What of these holds no words that anybody said, and why.
const WORDLESS: &[(&str, &[&str])] = &[
    (
        "salts, and hashes with them",
        &[
            "action_decisions.arguments_sha256",
            "actions.arguments_salt",
            "actions.arguments_sha256",
            "artifacts.salt",
            "artifacts.sha256",
            "commands.arguments_salt",
            "commands.result_salt",
            "device_shadows.desired_salt",
            "device_shadows.reported_salt",
            "events.client_digest",
            "events.payload_salt",
            "faceprints.embedding_salt",
            "idempotency_keys.body_sha256",
            "memories.content_salt",
            "memory_candidates.content_salt",
            "voiceprints.embedding_salt",
        ],
    ),
    (
        "vectors, and why a model would not make one: their rows go with those of the memories",
        &[
            "embeddings_1024.embedding",
            "embeddings_1024.problem",
            "embeddings_1536.embedding",
            "embeddings_1536.problem",
            "embeddings_384.embedding",
            "embeddings_384.problem",
            "embeddings_768.embedding",
            "embeddings_768.problem",
            "faceprints.embedding",
            "voiceprints.embedding",
        ],
    ),
    (
        "words and numbers of the hub's own",
        &[
            "identity_hypotheses.state",
            "memories.lifecycle",
            "memories.tier",
            "memories.trust",
            "memory_candidates.state",
            "memory_candidates.tier",
            "memory_candidates.trust",
            "presence.modality",
            "presence_history.modality",
            "recognition_observations.modality",
            "turn_steps.function",
            "turn_steps.outcome",
            "turn_steps.usage",
        ],
    ),
];

/// The columns that hold what somebody said, in the clear: the canary is planted in each of them.
pub(super) fn hold_words() -> BTreeSet<String> {
    let is_wordless = |name: &str| WORDLESS.iter().any(|(_, names)| names.contains(&name));
    let words = ERASED.iter().filter(|name| !is_wordless(name));
    words.map(|&name| name.to_owned()).collect()
}

/// Columns that hold words of the hub's own, ids, names of things that belong to the household, secrets and what proves them, or the
/// audit log, which holds no content.
const NO_CONTENT: &[&str] = &[
    "access_tokens.kind",
    "access_tokens.name",
    "access_tokens.scopes",
    "access_tokens.token_sha256",
    "action_attempts.state",
    "action_decisions.decision",
    "action_decisions.schema_sha256",
    "actions.required_scopes",
    "actions.schema_sha256",
    "actions.state",
    "actions.tool",
    "actions.trace_context",
    "actions.trust",
    "agents.language",
    "agents.name",
    "agents.runtime",
    "agents.time_zone",
    "agents.when_model_down",
    "artifacts.made_by_kind",
    "artifacts.state",
    "audit_chains.hash",
    "audit_checkpoints.note",
    "audit_checkpoints.root",
    "audit_entries.body",
    "audit_entries.operation",
    "audit_sequence.hash",
    "audit_sequence.prev_hash",
    "claims.code_sha256",
    "commands.kind",
    "commands.state",
    "commands.trace_context",
    "consents.decision",
    "consents.evidence_kind",
    "consents.purpose",
    "consents.request_id",
    "conversations.kind",
    "delegations.scopes",
    "delegations.to_service",
    "deliveries.state",
    "devices.approved_kinds",
    "devices.capabilities",
    "devices.default_trust",
    "devices.name",
    "devices.scopes",
    "devices.software",
    "embedding_models.name",
    "embeddings_1024.model",
    "embeddings_1024.owner_kind",
    "embeddings_1536.model",
    "embeddings_1536.owner_kind",
    "embeddings_384.model",
    "embeddings_384.owner_kind",
    "embeddings_768.model",
    "embeddings_768.owner_kind",
    "erasures.counts",
    "erasures.target_kind",
    "erasures.wal",
    "events.client_id",
    "events.source_kind",
    "events.trust",
    "events.type",
    "faceprints.model",
    "idempotency_keys.key",
    "idempotency_keys.operation",
    "idempotency_keys.principal",
    "identity_hypotheses.modality",
    "invitations.code_sha256",
    "invitations.role",
    "jobs.kind",
    "jobs.lane",
    "jobs.payload",
    "jobs.state",
    "jobs.trace_context",
    "jobs.waiting_for",
    "locations.name",
    "memberships.role",
    // The hash in the audit log, without its salt.
    "memory_tombstones.content_sha256",
    "pairings.asked_from",
    "pairings.asked_from_network",
    "pairings.capabilities",
    "pairings.credential_salt",
    "pairings.device_code_sha256",
    "pairings.name",
    "pairings.scopes",
    "pairings.software",
    "pairings.state",
    "pairings.user_code",
    "pairings.version",
    "personas.instructions",
    "personas.name",
    "presence_history.reason",
    "scrubber_state.problem",
    "scrubber_state.written",
    "sequencer_state.frontier",
    "sequencer_state.note",
    "sessions.state",
    "settings.key",
    "settings.value",
    "sign_ins.family_sha256",
    "sign_ins.previous_sha256",
    "sign_ins.refresh_salt",
    "sign_ins.refresh_sha256",
    "spaces.name",
    "spaces.privacy_mode",
    "turn_stream.kind",
    "turns.runtime",
    "turns.state",
    "turns.usage",
    "turns.waiting_for",
    "user_identities.issuer",
    "user_identities.subject",
    "users.name",
    "users.password_hash",
    "voiceprints.model",
];

/// Every column but those of numbers, times, ids and truth values.
const COLUMNS: &str = "select c.relname || '.' || a.attname, coalesce(a.attstattarget, -1)::integer from pg_class c
    join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'hub'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and format_type(a.atttypid, null) not in ('uuid', 'uuid[]', 'timestamp with time zone', 'bigint', 'integer', 'smallint',
        'real', 'boolean')";

#[tokio::test]
async fn every_column_that_can_hold_a_text_says_what_becomes_of_it() {
    let hub = TestHub::start().await;
    let found: BTreeSet<String> = hub
        .sql()
        .rows::<(String, i32)>(COLUMNS)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let named: BTreeSet<String> = ERASED
        .iter()
        .chain(NO_CONTENT)
        .map(|&name| name.to_owned())
        .collect();
    assert_eq!(
        named, found,
        "a column is new, or gone: does it hold what people say? Then forgetting has to reach it (storage/erasures)"
    );
    assert_eq!(
        named.len(),
        ERASED.len() + NO_CONTENT.len(),
        "a column is in both lists"
    );
}

#[tokio::test]
async fn what_holds_content_is_written_anew_and_its_planner_keeps_no_samples() {
    let hub = TestHub::start().await;
    let tables: BTreeSet<&str> = ERASED
        .iter()
        .filter_map(|name| Some(name.split_once('.')?.0))
        .collect();
    assert_eq!(tables, BTreeSet::from(TABLES));
    let written = include_str!("../../../migrations/README.md");
    for table in &tables {
        let (name, _) = table
            .split_once('_')
            .filter(|(kind, _)| *kind == "embeddings")
            .unwrap_or((table, ""));
        assert!(
            written.contains(&format!("`{name}")),
            "{table} is not in the page's table"
        );
    }
    let sampled: Vec<String> = hub
        .sql()
        .rows::<(String, i32)>(COLUMNS)
        .await
        .into_iter()
        .filter(|(name, target)| ERASED.contains(&name.as_str()) && *target != 0)
        .map(|(name, _)| name)
        .filter(|name| !OF_THE_HUB.iter().any(|end| name.ends_with(end)))
        .collect();
    assert_eq!(sampled, Vec::<String>::new());
}

/// Of what goes with its row: words and numbers of the hub's own.
const OF_THE_HUB: [&str; 6] = [".tier", ".trust", ".lifecycle", ".state", ".outcome", ".usage"];

#[tokio::test]
async fn the_scrub_takes_its_tables_and_no_others() {
    let hub = TestHub::start().await;
    for table in TABLES.into_iter().chain([PROBE]) {
        let mut tx = hub.db.begin_system().await.unwrap();
        tx.erasures()
            .rewrite(table, std::time::Duration::from_secs(30))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let mut session = hub.sql().as_role("hub_system").await;
    for table in [
        "audit_entries",
        "users",
        "pg_catalog.pg_class",
        "events; drop table users",
    ] {
        let code = session.refusal_of(&format!("select scrub('{table}')")).await;
        assert_eq!(code, "22023", "{table}");
    }
    let mut app = hub.sql().as_role("hub_app").await;
    assert_eq!(app.refusal_of("select scrub('events')").await, "42501");
}
