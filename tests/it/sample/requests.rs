//! For each operation what its path names, and its body.

use hub::clock::Clock;
use serde_json::{Value, json};
use support::voice;

use super::{DIGEST, GRANT, KIND, PASSWORD, Sample};

impl Sample {
    pub(super) async fn subject(&self, operation: &str, parameter: &str) -> String {
        match (parameter, operation) {
            ("agent_id", _) => self.hub.home.agent.to_string(),
            (
                "person_id",
                "list_consents" | "grant_consent" | "withdraw_consent" | "list_prints" | "delete_print",
            ) => "self".to_owned(),
            ("person_id", "enrol_print") => self.consenting().await,
            ("print_id", _) => self.print_of(&self.owner).await,
            ("hypothesis_id", _) => self.hypothesis().await,
            ("presence_id", _) => self.presence().await,
            ("session_id", "forget_session") => self.remembered().await.session,
            ("session_id", _) => self.session().await,
            ("space_id", _) => self.hub.home.kitchen.space.to_string(),
            ("token_id", _) => self.personal_token_of(&self.owner).await,
            ("user_id", _) => self.hub.member(&self.text()).await.id.to_string(),
            ("invitation_id", _) => self.invitation().await.0,
            ("device_id", "revoke_device" | "rotate_device") => self.device().await,
            ("device_id", "approve_capabilities") => self.asking_device().await,
            ("device_id", _) => self.hub.home.kitchen.id.to_string(),
            ("action_id", "resolve_action") => self.unknown_action().await,
            ("action_id", _) => self.proposal().await,
            ("turn_id", _) => self.turn().await,
            ("command_id", _) => self.command().await,
            ("job_id", _) => self.dead_job().await,
            ("artifact_id", "complete_artifact") => self.uploaded_artifact(&self.owner, false).await,
            ("artifact_id", "share_artifact") => self.private_artifact(&self.owner).await,
            ("artifact_id", _) => self.stored_artifact().await,
            ("memory_id", "share_memory") => self.told_by(&self.owner).await.memory,
            ("memory_id", _) => self.remembered().await.memory,
            ("event_id", _) => self.remembered().await.event,
            ("erasure_id", _) => self.erasure().await,
            ("delegation_id", _) => self.delegation_of(&self.owner).await,
            ("person_id", _) => self.person().await,
            _ => panic!("add here how to make the thing that {parameter} of {operation} names"),
        }
    }

    pub(super) async fn body(&self, operation: &str, path: &str) -> Value {
        let text = self.text();
        match operation {
            "claim_agent" => json!({"code": self.claim_code().await, "name": text, "password": PASSWORD}),
            "sign_in" => json!({"name": self.user_with_password().await, "password": PASSWORD}),
            "update_password" => json!({"password": PASSWORD, "new_password": PASSWORD}),
            "refresh_sign_in" => json!({"refresh_token": self.rest.signed_in(self.ada.id).await.refresh}),
            "create_space" => {
                json!({"name": text, "location_id": self.location().await, "privacy_mode": "normal"})
            }
            "grant_consent" => {
                let (kitchen, now) = (&self.hub.home.kitchen, self.hub.clock.now());
                json!({"purpose": "voice", "space_id": kitchen.space, "device_id": kitchen.id, "starts_at": now,
                    "expires_at": now + chrono::Duration::days(1), "evidence": text})
            }
            "enrol_print" | "send_observation" => {
                let kitchen = &self.hub.home.kitchen;
                let mut body = json!({"modality": "voice", "vector": voice(self.next()), "model": text,
                    "space_id": kitchen.space, "device_id": kitchen.id});
                if operation == "send_observation" {
                    // Of somebody who is known.
                    let print = format!("people/{}/prints", self.consenting().await);
                    let _ = self.owner.post(&print, body.clone()).await.expect(201);
                    body["occurred_at"] = json!(self.hub.clock.now());
                }
                body
            }
            "withdraw_consent" => json!({"purpose": "voice", "consent_id": null}),
            "update_session" => json!({"is_recorded": false}),
            "update_agent" => json!({"when_model_down": "offline"}),
            "update_space" => json!({"name": text, "privacy_mode": "normal"}),
            "create_invitation" => json!({"role": "guest", "name": text, "expires_in_s": 3600}),
            "accept_invitation" => {
                json!({"code": self.invitation().await.1, "name": text, "password": PASSWORD})
            }
            "update_member" => json!({"role": "guest"}),
            "transfer_ownership" => {
                self.ada_owns_again().await;
                json!({"password": PASSWORD})
            }
            "create_token" => json!({"name": text, "scopes": ["turns:read"], "expires_in_s": 3600}),
            "create_delegation" => {
                json!({"to_agent_id": null, "to_service": "calendar-sync", "scopes": ["memories:read"],
                    "space_ids": [self.hub.home.kitchen.space], "expires_in_s": 3600, "max_uses": 5, "max_turns": 5})
            }
            "register_device" => {
                json!({"name": text, "space_id": self.hub.home.office.space, "default_trust": "guest"})
            }
            "update_shadow" => {
                let shadow = self.owner.get(path).await.expect(200);
                json!({"expected_version": shadow.json["desired"]["version"], "desired": {"shows": text}})
            }
            "rotate_device" => json!({"overlap_s": 60}),
            "approve_capabilities" => json!({"kinds": [KIND]}),
            "start_pairing" => {
                json!({"client_id": text, "client_version": text, "scope": "events:write", "name": text,
                    "capabilities": [KIND]})
            }
            "poll_pairing" => json!({"grant_type": GRANT, "device_code": self.approved_pairing().await}),
            "find_pairing" | "reject_pairing" => json!({"user_code": self.pairing().await.0}),
            "approve_pairing" => {
                json!({"user_code": self.pairing().await.0, "name": text, "space_id": self.hub.home.office.space,
                    "scopes": ["events:write"], "capabilities": [KIND], "default_trust": "guest"})
            }
            "send_message" => json!({"client_id": text, "content": [{"type": "text", "text": text}]}),
            "recall_memories" => json!({"question": text, "limit": 5}),
            "approve_action" | "reject_action" => {
                let action = path.rsplit_once('/').expect("a path has steps").0;
                let seen = self.owner.get(action).await.expect(200);
                json!({"reason": text, "arguments_sha256": seen.text("/action/arguments_sha256")})
            }
            "send_command" => {
                let office = &self.hub.home.office;
                json!({"device_id": office.id, "space_id": office.space, "kind": "speaker.say",
                    "arguments": {"text": text}, "timeout_ms": 60_000, "supersede_key": text})
            }
            "create_artifact" => {
                json!({"name": text, "media_type": "text/plain", "size_bytes": 6, "sha256": DIGEST,
                    "space_id": self.hub.home.office.space, "is_private": false})
            }
            "create_person" | "update_person" => {
                json!({"name": text, "aliases": [text], "relationship": text})
            }
            "merge_person" => json!({"into": self.person().await}),
            "forget_memory" => json!({"dry_run": false, "keep_sources": false}),
            "forget_event" | "forget_session" | "forget_person" => json!({"dry_run": false}),
            "resolve_action" => json!({"resolution": "done", "reason": text}),
            _ => panic!("add here a good body for {operation}"),
        }
    }
}
