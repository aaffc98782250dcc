//! Who may do what: every operation of the document by every kind of principal, with real requests.

use std::collections::{BTreeSet, HashMap};

use hub::{devices::revoke::revoke, identity::Role};
use serde_json::json;
use support::{Answer, Client, Operation, Snapshot};

use super::page::is_delegable;
use crate::sample::{Sample, ask};

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// A user who is signed in.
    AnyUser,
    /// A user with at least this role in the agent of the path. No device may do it.
    Least(Role),
}

use Needs::{AnyUser, Least, Nothing};

/// The table. An operation that is not in it fails the test, and so does one that is in it and is not there.
const TABLE: [(&str, Needs); 99] = [
    ("get_health", Nothing),
    ("get_readiness", Nothing),
    ("get_metrics", Nothing),
    ("claim_agent", Nothing),
    ("accept_invitation", Nothing),
    ("sign_in", Nothing),
    ("refresh_sign_in", Nothing),
    ("start_pairing", Nothing),
    ("poll_pairing", Nothing),
    ("get_me", AnyUser),
    ("sign_out", AnyUser),
    ("sign_out_everywhere", AnyUser),
    ("update_password", AnyUser),
    ("get_agent", Least(Role::Guest)),
    ("list_spaces", Least(Role::Guest)),
    ("get_space", Least(Role::Guest)),
    ("send_message", Least(Role::Guest)),
    ("list_turns", Least(Role::Guest)),
    ("get_turn", Least(Role::Guest)),
    ("stream_turn", Least(Role::Guest)),
    ("list_consents", Least(Role::Guest)),
    ("grant_consent", Least(Role::Guest)),
    ("withdraw_consent", Least(Role::Guest)),
    // Themself; who runs the household, whoever has no login of their own.
    ("forget_person", Least(Role::Guest)),
    ("forget_memory", Least(Role::Guest)),
    ("forget_event", Least(Role::Guest)),
    ("forget_session", Least(Role::Guest)),
    ("list_erasures", Least(Role::Guest)),
    ("get_erasure", Least(Role::Guest)),
    ("list_prints", Least(Role::Guest)),
    ("delete_print", Least(Role::Guest)),
    ("list_hypotheses", Least(Role::Guest)),
    ("confirm_hypothesis", Least(Role::Guest)),
    ("reject_hypothesis", Least(Role::Guest)),
    ("remove_presence", Least(Role::Guest)),
    ("list_tokens", Least(Role::Guest)),
    ("create_token", Least(Role::Guest)),
    ("revoke_token", Least(Role::Guest)),
    ("leave_agent", Least(Role::Guest)),
    ("list_members", Least(Role::Member)),
    ("list_events", Least(Role::Member)),
    ("stream_events", Least(Role::Member)),
    ("list_sessions", Least(Role::Member)),
    ("get_session", Least(Role::Member)),
    ("update_session", Least(Role::Member)),
    ("list_memories", Least(Role::Member)),
    ("recall_memories", Least(Role::Member)),
    ("list_actions", Least(Role::Member)),
    ("get_action", Least(Role::Member)),
    ("approve_action", Least(Role::Member)),
    ("reject_action", Least(Role::Member)),
    ("resolve_action", Least(Role::Member)),
    ("list_commands", Least(Role::Member)),
    ("get_command", Least(Role::Member)),
    ("send_command", Least(Role::Member)),
    ("cancel_command", Least(Role::Member)),
    ("list_artifacts", Least(Role::Member)),
    ("get_artifact", Least(Role::Member)),
    ("create_artifact", Least(Role::Member)),
    ("complete_artifact", Least(Role::Member)),
    ("download_artifact", Least(Role::Member)),
    ("delete_artifact", Least(Role::Member)),
    ("share_artifact", Least(Role::Member)),
    ("list_people", Least(Role::Member)),
    ("get_person", Least(Role::Member)),
    ("create_person", Least(Role::Admin)),
    ("update_person", Least(Role::Admin)),
    ("merge_person", Least(Role::Admin)),
    ("share_memory", Least(Role::Member)),
    ("list_presence", Least(Role::Member)),
    ("list_past_presence", Least(Role::Member)),
    ("list_devices", Least(Role::Member)),
    ("get_device", Least(Role::Member)),
    ("get_shadow", Least(Role::Member)),
    ("update_shadow", Least(Role::Member)),
    ("enrol_print", Least(Role::Admin)),
    ("send_observation", Least(Role::Admin)),
    ("list_delegations", Least(Role::Admin)),
    ("get_delegation", Least(Role::Admin)),
    ("create_delegation", Least(Role::Admin)),
    ("revoke_delegation", Least(Role::Admin)),
    ("create_invitation", Least(Role::Admin)),
    ("list_invitations", Least(Role::Admin)),
    ("revoke_invitation", Least(Role::Admin)),
    ("update_member", Least(Role::Admin)),
    ("remove_member", Least(Role::Admin)),
    ("create_space", Least(Role::Admin)),
    ("update_space", Least(Role::Admin)),
    ("register_device", Least(Role::Admin)),
    ("revoke_device", Least(Role::Admin)),
    ("rotate_device", Least(Role::Admin)),
    ("approve_capabilities", Least(Role::Admin)),
    ("find_pairing", Least(Role::Admin)),
    ("approve_pairing", Least(Role::Admin)),
    ("reject_pairing", Least(Role::Admin)),
    ("list_dead_jobs", Least(Role::Admin)),
    ("replay_dead_job", Least(Role::Admin)),
    ("update_agent", Least(Role::Owner)),
    ("transfer_ownership", Least(Role::Owner)),
];

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Nobody,
    SignedOut,
    /// Owns another agent, and is nothing in this one.
    Stranger,
    /// Has a role in the agent.
    In(Role),
    /// A program with a token of the owner's that has no scope of any operation.
    Program,
    /// A satellite of the agent.
    Device,
    /// A satellite of another agent.
    OtherDevice,
    RevokedDevice,
    /// Somebody of another agent, by a delegation that may do all that can be delegated.
    OtherAgent,
    /// A service, by such a one.
    Service,
}

const EVERYONE: [Who; 14] = [
    Who::Nobody,
    Who::SignedOut,
    Who::Stranger,
    Who::In(Role::Blocked),
    Who::In(Role::Guest),
    Who::In(Role::Member),
    Who::In(Role::Admin),
    Who::In(Role::Owner),
    Who::Program,
    Who::Device,
    Who::OtherDevice,
    Who::RevokedDevice,
    Who::OtherAgent,
    Who::Service,
];

/// What a guest may have forgotten, of their own: of the household's they see none.
async fn of_a_guest(sample: &Sample, client: &Client, operation: &str) -> Option<String> {
    let column = match operation {
        "forget_event" | "get_erasure" => None,
        "forget_memory" => Some("id"),
        "forget_session" => Some("session_id"),
        _ => return None,
    };
    let event = client.says("remember that my car is blue").await;
    sample.hub.run_jobs().await;
    if let Some(column) = column {
        let newest = format!(
            "select {column}::text from hub.memories where audience_person_id is not null order by id desc limit 1"
        );
        let id: String = sample.hub.sql().value(&newest).await;
        return Some(match operation {
            "forget_memory" => format!("memories/{id}/forget"),
            _ => format!("sessions/{id}/forget"),
        });
    }
    let path = format!("events/{event}/forget");
    if operation == "forget_event" {
        return Some(path);
    }
    let done = client.post(&path, json!({})).await.expect(200);
    Some(format!("erasures/{}", done.text("/erasure/id")))
}

/// What is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is done, or refused for another reason than who asks.
    Allowed,
    /// Who are you? 401.
    Unknown,
    /// You may not. 403.
    Forbidden,
    /// There is no such agent. 404.
    Hidden,
}

/// The rule, in words of the design: a thing you may not see is 404; else 403 names the scope.
fn expected(id: &str, needs: Needs, who: Who) -> Verdict {
    match (needs, who) {
        (Least(_), Who::OtherAgent | Who::Service) if is_delegable(id) => Verdict::Allowed,
        // At no agent a delegation is good for nothing; that of a service, which is a credential, is not looked at where none is.
        (Nothing | AnyUser, Who::OtherAgent) | (AnyUser, Who::Service) => Verdict::Unknown,
        (Nothing, _) | (AnyUser, Who::Stranger | Who::In(_)) => Verdict::Allowed,
        (_, Who::Nobody | Who::SignedOut | Who::RevokedDevice) => Verdict::Unknown,
        (Least(_), Who::Stranger | Who::OtherDevice | Who::In(Role::Blocked)) => Verdict::Hidden,
        (Least(least), Who::In(role)) if role >= least => Verdict::Allowed,
        (AnyUser | Least(_), _) => Verdict::Forbidden,
    }
}

fn seen(answer: &Answer) -> Verdict {
    match answer.status.as_u16() {
        401 => Verdict::Unknown,
        403 => Verdict::Forbidden,
        404 if answer.json["detail"] == "there is no such agent" => Verdict::Hidden,
        _ => Verdict::Allowed,
    }
}

pub(super) fn table() -> HashMap<&'static str, Needs> {
    TABLE.into_iter().collect()
}

#[test]
fn the_table_names_every_operation() {
    let api = support::Api::read();
    let there: BTreeSet<&str> = api
        .operations
        .iter()
        .map(|operation| operation.id.as_str())
        .collect();
    let named: BTreeSet<&str> = table().into_keys().collect();
    assert_eq!(
        named, there,
        "the table of permissions and the API's document name different operations"
    );
}

#[test]
fn the_document_says_which_operations_need_a_credential() {
    let table = table();
    for operation in support::Api::read().operations {
        let is_open = table[operation.id.as_str()] == Nothing;
        assert_eq!(operation.is_protected, !is_open, "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_is_open_to_those_in_the_table_and_to_nobody_else() {
    let sample = Sample::new().await;
    let cast = Cast::of(&sample).await;
    let table = table();
    let mut wrong = Vec::new();
    for operation in &sample.api.operations {
        let needs = table[operation.id.as_str()];
        let is_allowed = |who: &Who| expected(&operation.id, needs, *who) == Verdict::Allowed;
        let (allowed, refused): (Vec<Who>, Vec<Who>) = EVERYONE.into_iter().partition(is_allowed);
        for (who, verdict) in cast.are_refused(&sample, operation, &refused).await {
            let expected = expected(&operation.id, needs, who);
            if verdict != expected {
                wrong.push(format!(
                    "{} by {who:?}: {verdict:?}, not {expected:?}",
                    operation.id
                ));
            }
        }
        for who in allowed {
            cast.may(&sample, operation, who).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn those_without_a_place_in_the_agent_find_none_at_self() {
    let sample = Sample::new().await;
    let blocked = sample.hub.home.user("blocked", Role::Blocked).await;
    let blocked = sample.rest.user(&blocked).await;
    let _ = blocked.get("spaces").await.refuses(404, "not_found");
    let me = blocked.get("/v1/me").await.expect(200);
    assert_eq!(
        me.json["agents"],
        json!([]),
        "a blocked user is told of the agent"
    );
}

/// The principals, each with a credential.
struct Cast(HashMap<Who, Client>);

impl Cast {
    async fn of(sample: &Sample) -> Self {
        let (hub, rest) = (&sample.hub, &sample.rest);
        let away = hub.household("away").await;
        let mut all = HashMap::from([(Who::Nobody, rest.nobody())]);
        for role in [Role::Blocked, Role::Guest, Role::Member, Role::Admin] {
            let user = hub.home.user(role.as_str(), role).await;
            all.insert(Who::In(role), rest.user(&user).await);
        }
        all.insert(Who::In(Role::Owner), sample.owner.clone());
        all.insert(Who::Stranger, rest.user(&away.owner("stranger").await).await);
        let token = json!({"name": "program", "scopes": ["audit:read"]});
        let token = sample.owner.post("tokens", token).await.expect(201);
        all.insert(Who::Program, rest.bearer(token.text("/secret")));
        let [other_agent, service] = sample.delegates().await;
        all.insert(Who::OtherAgent, other_agent);
        all.insert(Who::Service, service);
        all.insert(Who::Device, rest.device(&hub.home.office));
        all.insert(Who::OtherDevice, rest.device(&away.kitchen));
        let mut tx = away.whole().await;
        revoke(&mut tx, away.office.id)
            .await
            .expect("a device can be revoked");
        tx.commit().await.expect("a revocation can be kept");
        all.insert(Who::RevokedDevice, rest.device(&away.office));
        let gone = rest.user(&sample.ada).await;
        let _ = gone
            .ask(axum::http::Method::POST, "/v1/sign-out")
            .send()
            .await
            .expect(204);
        all.insert(Who::SignedOut, gone);
        // That a credential is refused is in the log twenty times an hour; from here on none of it is.
        for _ in 0..hub::identity::refusals::ONE_BY_ONE {
            let _ = rest.bearer("hubd_unknown").get("turns").await.expect(401);
            // Nor of what role or scope refuses.
            let _ = all[&Who::Program].get("turns").await.expect(403);
        }
        Self(all)
    }

    /// Each sends the same good request. Whoever is refused has changed nothing.
    async fn are_refused(
        &self,
        sample: &Sample,
        operation: &Operation,
        refused: &[Who],
    ) -> Vec<(Who, Verdict)> {
        let good = sample.good(operation).await;
        let before = Snapshot::of(sample.hub.sql()).await;
        let mut verdicts = Vec::new();
        for who in refused {
            let answer = ask(&self.0[who], operation, &good).send().await;
            verdicts.push((*who, seen(&answer)));
        }
        let after = Snapshot::of(sample.hub.sql()).await;
        let mut changed = after.changed_since(&before);
        if refused
            .iter()
            .any(|who| matches!(who, Who::OtherAgent | Who::Service))
        {
            // That a delegate was refused is in the log of both agents; and where the operation itself refuses, it was counted.
            changed.retain(|table| !["agent_heads", "audit_entries", "delegations"].contains(table));
        }
        assert!(
            changed.is_empty(),
            "{} was refused and changed {changed:?}",
            operation.id
        );
        verdicts
    }

    /// A good request is carried out.
    async fn may(&self, sample: &Sample, operation: &Operation, who: Who) {
        let mut good = sample.good(operation).await;
        let client = self.client(sample, &operation.id, who).await;
        if operation.id == "revoke_token" {
            // Of everybody else's there is none, but for the owner.
            good.path = format!("tokens/{}", sample.personal_token_of(&client).await);
        }
        if matches!(operation.id.as_str(), "get_delegation" | "revoke_delegation")
            && matches!(who, Who::OtherAgent | Who::Service)
        {
            // Of the others they see none.
            good.path = format!("delegations/{}", sample.delegation_of(&client).await);
        }
        if matches!(operation.id.as_str(), "get_turn" | "stream_turn") && who == Who::In(Role::Guest) {
            // Of the household's they see none.
            let said = json!({"content": [{"type": "text", "text": "hello"}]});
            let turn = client.post("messages", said).await.expect(202);
            sample.hub.run_jobs().await;
            let turn = format!("turns/{}", turn.text("/turn_id"));
            good.path = match operation.id.as_str() {
                "get_turn" => turn,
                _ => format!("{turn}/stream"),
            };
        }
        if operation.id == "forget_person" && matches!(who, Who::In(Role::Guest | Role::Member)) {
            "people/self/forget".clone_into(&mut good.path);
        }
        if who == Who::In(Role::Guest)
            && let Some(path) = of_a_guest(sample, &client, &operation.id).await
        {
            good.path = path;
        }
        let told = match operation.id.as_str() {
            _ if who == Who::In(Role::Guest) => None,
            // What the household was told is for those who run it; what somebody told is theirs.
            "share_memory" | "forget_memory" | "forget_event" | "forget_session" => {
                Some(sample.told_by(&client).await)
            }
            _ => None,
        };
        if let Some(told) = told {
            good.path = match operation.id.as_str() {
                "share_memory" => format!("memories/{}/share", told.memory),
                "forget_memory" => format!("memories/{}/forget", told.memory),
                "forget_event" => format!("events/{}/forget", told.event),
                _ => format!("sessions/{}/forget", told.session),
            };
        }
        if operation.id == "share_artifact" {
            good.path = format!("artifacts/{}/share", sample.private_artifact(&client).await);
        }
        if let Some(path) = sample.own_recognition(&client, &operation.id).await {
            good.path = path;
        }
        let answer = ask(&client, operation, &good).send().await;
        if (operation.id.as_str(), who) == ("leave_agent", Who::In(Role::Owner)) {
            let _ = answer.refuses(409, "owner_protected");
            return;
        }
        assert!(answer.status.is_success(), "{who:?}: {}", answer.told());
        if operation.id == "transfer_ownership" {
            sample.ada_owns_again().await;
        }
    }

    async fn client(&self, sample: &Sample, operation: &str, who: Who) -> Client {
        // Signing out ends the credential, so that each needs one of its own.
        match (operation, who) {
            ("sign_out", Who::In(_) | Who::Stranger) => sample.rest.user(&sample.ada).await,
            // Or all of them.
            ("sign_out_everywhere" | "update_password", Who::In(_) | Who::Stranger) => {
                sample.somebody().await
            }
            // And who leaves is gone.
            ("leave_agent", Who::In(role)) if role != Role::Owner => {
                let leaver = sample.hub.home.user(&sample.text(), role).await;
                sample.rest.user(&leaver).await
            }
            _ => self.0[&who].clone(),
        }
    }
}
