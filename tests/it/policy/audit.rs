//! Every operation that changes something leaves an entry in the audit log, by whom and in which request; and no entry holds
//! content.

use std::collections::BTreeSet;

use axum::http::Method;
use hub::ids::fresh;
use serde_json::{Value, json};
use support::{Operation, heard};

use super::source;
use crate::sample::{Sample, ask};

/// The operations that change something, and the audit entry that each leaves.
const MUTATIONS: [(&str, &str); 57] = [
    ("claim_agent", "claim_agent"),
    ("sign_in", "sign_in"),
    ("refresh_sign_in", "refresh_sign_in"),
    ("sign_out", "sign_out"),
    ("sign_out_everywhere", "sign_out"),
    ("update_password", "update_password"),
    ("create_space", "create_space"),
    ("update_space", "update_space"),
    ("update_session", "update_session"),
    ("update_agent", "update_agent"),
    ("register_device", "register_device"),
    ("revoke_device", "revoke_device"),
    ("rotate_device", "rotate_device"),
    ("approve_capabilities", "approve_capabilities"),
    ("grant_consent", "grant_consent"),
    ("withdraw_consent", "withdraw_consent"),
    ("create_token", "create_token"),
    ("revoke_token", "revoke_token"),
    ("create_delegation", "create_delegation"),
    ("revoke_delegation", "revoke_delegation"),
    ("create_invitation", "create_invitation"),
    ("revoke_invitation", "revoke_invitation"),
    ("accept_invitation", "accept_invitation"),
    ("update_member", "update_member"),
    ("remove_member", "remove_member"),
    ("leave_agent", "leave_agent"),
    ("transfer_ownership", "transfer_ownership"),
    ("update_shadow", "update_shadow"),
    ("start_pairing", "start_pairing"),
    ("poll_pairing", "collect_credential"),
    ("approve_pairing", "approve_pairing"),
    ("reject_pairing", "reject_pairing"),
    ("send_message", "append_events"),
    ("approve_action", "approve_action"),
    ("reject_action", "reject_action"),
    ("resolve_action", "resolve_action"),
    ("send_command", "send_command"),
    ("cancel_command", "cancel_command"),
    ("create_artifact", "create_artifact"),
    ("complete_artifact", "complete_artifact"),
    ("delete_artifact", "delete_artifact"),
    ("share_artifact", "share_artifact"),
    ("enrol_print", "enrol_print"),
    ("delete_print", "delete_print"),
    ("send_observation", "send_observation"),
    ("confirm_hypothesis", "confirm_hypothesis"),
    ("reject_hypothesis", "reject_hypothesis"),
    ("remove_presence", "remove_presence"),
    ("create_person", "create_person"),
    ("update_person", "update_person"),
    ("merge_person", "merge_person"),
    ("forget_person", "forget_person"),
    ("share_memory", "share_memory"),
    ("forget_memory", "forget_memory"),
    ("forget_event", "forget_event"),
    ("forget_session", "forget_session"),
    ("replay_dead_job", "replay_job"),
];

/// Operations that are a POST because what is asked must not stand in a URL.
const QUESTIONS: [&str; 2] = ["recall_memories", "find_pairing"];

/// Operations that only read, and of which the audit log says that somebody did: what is known of bodies.
const WATCHED: [&str; 4] = [
    "list_prints",
    "list_hypotheses",
    "list_presence",
    "list_past_presence",
];

/// Reads of which the audit log tells, once a minute for each who reads a thing.
const TOLD_READS: [(&str, &str); 2] = [
    ("list_consents", "read_consents"),
    ("get_erasure", "read_receipt"),
];

/// Every operation that the audit log can name: those above, and what the hub, its turns and its satellites do.
const REGISTER: &[&str] = &[
    "accept_invitation",
    "acknowledge_command",
    "append_events",
    "approve_action",
    "approve_capabilities",
    "approve_pairing",
    "authorize_request",
    "cancel_command",
    "claim_agent",
    "collect_credential",
    "complete_artifact",
    "confirm_hypothesis",
    "connect_device",
    "create_agent",
    "create_artifact",
    "create_claim_code",
    "create_delegation",
    "create_invitation",
    "create_person",
    "create_space",
    "create_token",
    "delete_artifact",
    "delete_print",
    "disconnect_device",
    "enrol_print",
    "execute_action",
    "expire_action",
    "expire_command",
    "expire_consent",
    "expire_content",
    "expire_pairing",
    "expire_presence",
    "finish_command",
    "forget_event",
    "forget_memory",
    "forget_person",
    "forget_recognised",
    "forget_remembered",
    "forget_session",
    "give_up_action",
    "give_up_turn",
    "leave_agent",
    "grant_consent",
    "list_hypotheses",
    "list_past_presence",
    "list_presence",
    "list_prints",
    "merge_person",
    "read_consents",
    "read_receipt",
    "refresh_sign_in",
    "register_device",
    "reject_action",
    "reject_hypothesis",
    "reject_pairing",
    "remove_member",
    "remove_presence",
    "renew_credential",
    "replay_job",
    "report_command_progress",
    "report_state",
    "resolve_action",
    "revoke_delegation",
    "revoke_device",
    "revoke_invitation",
    "revoke_token",
    "rotate_device",
    "run_turn",
    "send_command",
    "send_observation",
    "share_artifact",
    "share_memory",
    "sign_in",
    "sign_out",
    "skip_turn",
    "start_pairing",
    "transfer_ownership",
    "update_agent",
    "update_member",
    "update_password",
    "update_session",
    "update_person",
    "update_shadow",
    "update_space",
    "use_delegation",
    "withdraw_consent",
];

#[test]
fn the_register_names_what_the_code_records() {
    let recorded: BTreeSet<String> = source::modules()
        .iter()
        .flat_map(|module| source::first_texts(&module.file, &["Record", "of"]))
        .collect();
    let named: BTreeSet<String> = REGISTER.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(recorded, named);
}

#[test]
fn the_table_names_every_operation_that_changes_something() {
    let api = support::Api::read();
    let changing = api
        .operations
        .iter()
        .filter(|operation| operation.method != Method::GET);
    let there: BTreeSet<&str> = changing
        .map(|operation| operation.id.as_str())
        .filter(|id| !QUESTIONS.contains(id))
        .collect();
    let named: BTreeSet<&str> = MUTATIONS.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(named, there);
    assert!(MUTATIONS.iter().all(|(_, entry)| REGISTER.contains(entry)));
}

#[tokio::test]
async fn every_change_is_recorded_with_who_made_it_and_in_which_request() {
    let sample = Sample::new().await;
    for (id, entry) in MUTATIONS {
        let operation = sample.api.operation(id);
        let who = Caller::of(&sample, operation).await;
        let good = sample.good(operation).await;
        let request = fresh().to_string();
        let sent = ask(&who.client, operation, &good).header("x-request-id", &request);
        let answer = sent.send().await;
        assert!(answer.status.is_success(), "{}", answer.told());
        let entries = entries(&sample, &request).await;
        let found = entries.iter().find(|found| found["operation"] == entry);
        let found = found.unwrap_or_else(|| panic!("{id} left {entries:?}, not an entry {entry}"));
        assert_eq!(found["outcome"], "ok", "{id}");
        assert_eq!(found["principal"]["kind"], who.kind, "{id}: {found}");
        let by_others = [
            "claim_agent",
            "accept_invitation",
            "leave_agent",
            "sign_out_everywhere",
            "update_password",
        ];
        if who.kind == "user" && !by_others.contains(&id) {
            assert_eq!(found["principal"]["id"], json!(sample.ada.id), "{id}: {found}");
        }
    }
}

#[tokio::test]
async fn a_request_that_only_reads_leaves_no_entry_unless_it_is_of_bodies() {
    let sample = Sample::new().await;
    let reads =
        |operation: &&Operation| operation.method == Method::GET || QUESTIONS.contains(&&*operation.id);
    let is_untold = |operation: &&Operation| !TOLD_READS.iter().any(|(id, _)| *id == operation.id);
    for operation in sample.api.operations.iter().filter(reads).filter(is_untold) {
        let good = sample.good(operation).await;
        let request = fresh().to_string();
        let sent = ask(&sample.owner, operation, &good).header("x-request-id", &request);
        let answer = sent.send().await;
        assert!(answer.status.is_success(), "{}", answer.told());
        let entries = entries(&sample, &request).await;
        if WATCHED.contains(&operation.id.as_str()) {
            assert_eq!(entries.len(), 1, "{}", operation.id);
            assert_eq!(entries[0]["operation"], json!(operation.id));
            continue;
        }
        assert_eq!(entries, Vec::<Value>::new(), "{}", operation.id);
    }
}

#[tokio::test]
async fn who_reads_consents_and_receipts_stands_in_the_log_once_a_minute() {
    let sample = Sample::new().await;
    for (id, entry) in TOLD_READS {
        let operation = sample.api.operation(id);
        let good = sample.good(operation).await;
        let reads = async |client: &support::Client| {
            let request = fresh().to_string();
            let sent = ask(client, operation, &good).header("x-request-id", &request);
            let answer = sent.send().await;
            (answer.status, entries(&sample, &request).await)
        };
        let (status, found) = reads(&sample.owner).await;
        assert!(status.is_success());
        assert_eq!(found.len(), 1, "{id}");
        assert_eq!(
            (&found[0]["operation"], &found[0]["principal"]["id"]),
            (&json!(entry), &json!(sample.ada.id))
        );
        assert!(found[0]["resource"]["id"].is_string());
        let (_, again) = reads(&sample.owner).await;
        assert_eq!(again, Vec::<Value>::new(), "it is told of already");
        // Somebody else is told of by themself; who is refused has read nothing.
        let cleo = sample.hub.member(&sample.text()).await;
        let cleo = sample.rest.user(&cleo).await;
        let (status, found) = reads(&cleo).await;
        assert_eq!(found.len(), usize::from(status.is_success()), "{id}");
        sample.hub.clock.advance(chrono::Duration::minutes(1));
        let (_, later) = reads(&sample.owner).await;
        assert_eq!(later.len(), 1, "{id}");
    }
}

#[tokio::test]
async fn no_audit_entry_holds_content() {
    let mut sample = Sample::new().await;
    sample.canary = "xylophone";
    for (id, _) in MUTATIONS {
        let operation = sample.api.operation(id);
        let client = Caller::of(&sample, operation).await.client;
        let answer = ask(&client, operation, &sample.good(operation).await)
            .send()
            .await;
        assert!(answer.status.is_success(), "{}", answer.told());
    }
    // What the agent makes of it, and what a satellite answers, is content, too.
    let said = format!("remember that {} is the word", sample.text());
    sample.hub.home.kitchen.sends(vec![heard(&said)]).await.unwrap();
    sample.hub.run_jobs().await;
    for command in sample.hub.home.office.takes().await {
        sample.hub.home.office.acknowledges(command.id).await.unwrap();
        let result = json!({"shown": sample.text()});
        sample.hub.home.office.succeeds(command.id, result).await.unwrap();
    }
    let found = sample
        .hub
        .sql()
        .count("audit_entries", "body ilike '%xylophone%'")
        .await;
    assert_eq!(found, 0);
    let kept = sample
        .hub
        .sql()
        .count("events", "payload::text ilike '%xylophone%'")
        .await;
    assert!(kept > 3, "the canary was in what was said");
}

struct Caller {
    client: support::Client,
    kind: &'static str,
}

impl Caller {
    /// Who sends the good request of an operation.
    async fn of(sample: &Sample, operation: &Operation) -> Self {
        let (client, kind) = match operation.id.as_str() {
            "claim_agent" | "accept_invitation" => (sample.rest.nobody(), "user"),
            "leave_agent" => {
                let leaver = sample.hub.member(&sample.text()).await;
                (sample.rest.user(&leaver).await, "user")
            }
            "sign_out_everywhere" | "update_password" => (sample.somebody().await, "user"),
            "sign_in" | "refresh_sign_in" | "start_pairing" => (sample.rest.nobody(), "anonymous"),
            "poll_pairing" => (sample.rest.nobody(), "device"),
            _ => (sample.rest.user(&sample.ada).await, "user"),
        };
        Self { client, kind }
    }
}

async fn entries(sample: &Sample, request: &str) -> Vec<Value> {
    let query =
        format!("select body::jsonb from hub.audit_entries where body::jsonb ->> 'request_id' = '{request}'");
    sample.hub.sql().values(&query).await
}
