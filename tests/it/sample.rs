//! A hub with one of each thing, and a good request for each operation of the API.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::http::Method;
use hub::{
    clock::Clock,
    delegations::DELEGABLE,
    identity::{Role, Trust, claim::mint_code},
    ids::SpaceId,
    storage::AgentBrief,
    turns::{
        context::{Input, TurnContext},
        offline::Offline,
        runtime::{AgentRuntime, RuntimeError, Sink, Thought},
    },
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{Api, Client, Operation, Rest, TestHub, User, voice};
use tokio_util::sync::CancellationToken;

/// The SHA-256 of `window`.
const DIGEST: &str = "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba";
/// The grant of RFC 8628.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What a device can do.
const KIND: &str = "x.lamp";
/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The offline rules, which give up on whoever says so.
pub(crate) struct Brittle;

#[async_trait]
impl AgentRuntime for Brittle {
    fn name(&self) -> &'static str {
        Offline.name()
    }

    fn questions(&self, agent: &AgentBrief, input: &Input) -> Vec<String> {
        Offline.questions(agent, input)
    }

    async fn run(
        &self,
        context: &TurnContext,
        sink: &dyn Sink,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        if context
            .inputs
            .iter()
            .any(|input| input.text.contains("break down"))
        {
            return Err(RuntimeError::Refused("it broke down".to_owned()));
        }
        Offline.run(context, sink, deadline, cancel).await
    }
}

/// A hub with one of each thing.
pub(crate) struct Sample {
    pub(crate) hub: TestHub,
    pub(crate) rest: Rest,
    pub(crate) api: Api,
    pub(crate) ada: User,
    /// Ada, who owns the agent `home`.
    pub(crate) owner: Client,
    /// Stands in every text of a good request.
    pub(crate) canary: &'static str,
    next: AtomicU64,
}

/// A memory, and what it came from.
pub(crate) struct Remembered {
    pub(crate) memory: String,
    pub(crate) event: String,
    pub(crate) session: String,
}

impl Remembered {
    async fn newest(client: &Client) -> Self {
        let memories = client.get("memories?limit=1").await.expect(200);
        let session = memories.text("/items/0/session_id").to_owned();
        let path = format!("events?session_id={session}&types=transcript,message.user&limit=200");
        let events = client.get(&path).await.expect(200);
        let last = events.items().last().expect("it was said");
        Self {
            memory: memories.text("/items/0/id").to_owned(),
            event: last["id"].as_str().expect("an id").to_owned(),
            session,
        }
    }
}

/// A request that is carried out.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

impl Sample {
    pub(crate) async fn new() -> Self {
        // Whoever watches is told that the time is over at once: these tests wait for whole answers.
        let briefly = |config: &mut hub::config::Config| config.http.stream_ms = 100;
        let hub = TestHub::builder().runtime(Brittle).config(briefly).start().await;
        let ada = hub.owner("ada").await;
        let rest = Rest::of(&hub);
        let owner = rest.user(&ada).await;
        hub.home.office.connects(&["speaker.say"]).await;
        hub.expect_leftovers();
        Self {
            hub,
            rest,
            api: Api::read(),
            ada,
            owner,
            canary: "canary",
            next: AtomicU64::new(1),
        }
    }

    /// A text that was not there before.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.canary, self.next())
    }

    pub(crate) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A request that the owner may make and that will be carried out, with every field that it can have.
    pub(crate) async fn good(&self, operation: &Operation) -> Good {
        let mut path = operation.path.clone();
        for (name, _) in &operation.in_path {
            let value = self.subject(&operation.id, name).await;
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let body = if operation.body.is_some() {
            Some(self.body(&operation.id, &path).await)
        } else {
            None
        };
        Good { path, body }
    }

    async fn subject(&self, operation: &str, parameter: &str) -> String {
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
            ("artifact_id", "complete_artifact") => self.uploaded_artifact().await,
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

    async fn body(&self, operation: &str, path: &str) -> Value {
        let text = self.text();
        match operation {
            "claim_agent" => json!({"code": self.claim_code().await, "name": text, "password": PASSWORD}),
            "sign_in" => json!({"name": self.user_with_password().await, "password": PASSWORD}),
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

    /// An artifact whose bytes were sent.
    async fn uploaded_artifact(&self) -> String {
        let new = json!({"name": self.text(), "media_type": "text/plain", "size_bytes": 6, "sha256": DIGEST});
        let made = self.owner.post("artifacts", new).await.expect(201);
        let sent = self
            .rest
            .nobody()
            .ask(Method::PUT, made.text("/upload/url"))
            .raw("window")
            .header("content-type", "text/plain");
        let _ = sent.send().await.expect(200);
        made.text("/artifact/id").to_owned()
    }

    async fn stored_artifact(&self) -> String {
        let id = self.uploaded_artifact().await;
        let completed = self.owner.ask(Method::POST, &format!("artifacts/{id}/complete"));
        let _ = completed.send().await.expect(200);
        id
    }

    /// An action of the household that waits for a decision.
    pub(crate) async fn proposal(&self) -> String {
        let said = format!("tell the office that {}", self.text());
        self.hub.home.kitchen.hears(&said).await;
        self.hub.run_jobs().await;
        let proposed = self.owner.get("actions?state=proposed&limit=1").await.expect(200);
        proposed.text("/items/0/id").to_owned()
    }

    /// Something of the household's that is remembered.
    pub(crate) async fn remembered(&self) -> Remembered {
        self.hub
            .home
            .kitchen
            .hears(&format!("remember that {}", self.text()))
            .await;
        self.hub.run_jobs().await;
        Remembered::newest(&self.owner).await
    }

    /// The same, told by somebody for themselves.
    pub(crate) async fn told_by(&self, client: &Client) -> Remembered {
        let text = format!("remember that {}", self.text());
        let said = json!({"content": [{"type": "text", "text": text}]});
        let _ = client.post("messages", said).await.expect(202);
        self.hub.run_jobs().await;
        Remembered::newest(client).await
    }

    /// Something of the household's that was forgotten.
    async fn erasure(&self) -> String {
        let path = format!("memories/{}/forget", self.remembered().await.memory);
        let forgotten = self.owner.post(&path, json!({})).await.expect(200);
        forgotten.text("/erasure/id").to_owned()
    }

    /// Somebody without a login.
    async fn person(&self) -> String {
        let made = self
            .owner
            .post("people", json!({"name": self.text()}))
            .await
            .expect(201);
        made.text("/id").to_owned()
    }

    /// Who somebody is to the agent.
    pub(crate) async fn person_of(&self, client: &Client) -> String {
        let me = client.get("/v1/me").await.expect(200);
        let people = client.get("people?limit=200").await.expect(200);
        let mut all = people.items().iter();
        let own = all.find(|person| person["user_id"] == me.json["user_id"]);
        own.expect("somebody who signed in is known")["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// An action that may have been done.
    pub(crate) async fn unknown_action(&self) -> String {
        let id = self.proposal().await;
        let sql = format!("update hub.actions set state = 'unknown' where id = '{id}'");
        self.hub.sql().execute(&sql).await;
        id
    }

    /// A code for an agent that nobody owns.
    pub(crate) async fn claim_code(&self) -> String {
        let fresh = self.hub.household(&self.text()).await;
        let code = mint_code(&self.hub, fresh.agent).await;
        code.expect("a code can be made").expose_secret().to_owned()
    }

    /// The name of a user who can sign in with the password.
    pub(crate) async fn user_with_password(&self) -> String {
        let body = self.body_of_claim().await;
        let name = body["name"].as_str().expect("a claim has a name").to_owned();
        let claimed = self.rest.nobody().post("/v1/claim", body).await;
        let _ = claimed.expect(201);
        name
    }

    async fn body_of_claim(&self) -> Value {
        json!({"code": self.claim_code().await, "name": self.text(), "password": PASSWORD})
    }

    /// An invitation that nobody has accepted: its id and its code.
    pub(crate) async fn invitation(&self) -> (String, String) {
        // Each of a fresh admin's, for nobody has many open.
        let admin = self.hub.home.user(&self.text(), Role::Admin).await;
        let admin = self.rest.user(&admin).await;
        let made = admin
            .post("invitations", json!({"role": "guest"}))
            .await
            .expect(201);
        (
            made.text("/invitation/id").to_owned(),
            made.text("/code").to_owned(),
        )
    }

    /// Ada owns the agent, whoever she passed it on to, and has a password.
    pub(crate) async fn ada_owns_again(&self) {
        let hash = self.hub.passwords.hash(PASSWORD.into()).await;
        let hash = hash.expect("a password can be hashed");
        let (agent, ada) = (self.hub.home.agent, self.ada.id);
        for sql in [
            format!("update hub.users set password_hash = '{hash}' where id = '{ada}'"),
            format!(
                "update hub.memberships set role = 'admin' where agent_id = '{agent}' and role = 'owner'"
            ),
            format!(
                "update hub.memberships set role = 'owner' where agent_id = '{agent}' and user_id = '{ada}'"
            ),
        ] {
            self.hub.sql().execute(&sql).await;
        }
    }

    async fn device(&self) -> String {
        let new = json!({"name": self.text(), "space_id": self.hub.home.office.space});
        let made = self.owner.post("devices", new).await.expect(201);
        made.text("/device/id").to_owned()
    }

    /// A personal token of somebody's; its id.
    pub(crate) async fn personal_token_of(&self, client: &Client) -> String {
        let new = json!({"name": self.text(), "scopes": ["turns:read"]});
        let made = client.post("tokens", new).await.expect(201);
        made.text("/token/id").to_owned()
    }

    /// A delegation that somebody made; its id.
    pub(crate) async fn delegation_of(&self, client: &Client) -> String {
        let new = json!({"to_service": "calendar-sync", "scopes": ["turns:read"]});
        let made = client.post("delegations", new).await.expect(201);
        made.text("/delegation/id").to_owned()
    }

    /// Somebody of another agent, and a service, who may do all that can be delegated.
    pub(crate) async fn delegates(&self) -> [Client; 2] {
        let scopes: Vec<&str> = DELEGABLE.iter().map(|scope| scope.as_str()).collect();
        let other = self.hub.household(&self.text()).await;
        let friend = other.member(&self.text()).await;
        let [to_agent, to_service] = [
            json!({"to_agent_id": other.agent, "scopes": scopes}),
            json!({"to_service": "calendar-sync", "scopes": scopes}),
        ]
        .map(|new| self.owner.post("delegations", new));
        let (to_agent, to_service) = (to_agent.await.expect(201), to_service.await.expect(201));
        let friend = self.rest.user(&friend).await;
        [
            friend.acting_by(to_agent.text("/secret")),
            self.rest.bearer(to_service.text("/secret")),
        ]
    }

    /// A device that declares a kind which nobody approved.
    async fn asking_device(&self) -> String {
        let id = self.device().await;
        let sql = format!(
            "update hub.devices set approved_kinds = '{{}}', capabilities = '[{{\"kind\": \"{KIND}\"}}]' where id = '{id}'"
        );
        self.hub.sql().execute(&sql).await;
        id
    }

    /// A device that waits for a person: its user code and its device code.
    pub(crate) async fn pairing(&self) -> (String, String) {
        // Each from an address of its own, for one may not ask that often.
        let address = Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(self.next()).expect("few"));
        let asked = json!({"client_id": self.text(), "capabilities": [KIND]});
        let client = self.rest.nobody().at(&address.to_string());
        let started = client.post("/v1/pairings", asked).await.expect(200);
        (
            started.text("/user_code").to_owned(),
            started.text("/device_code").to_owned(),
        )
    }

    /// The device code of one that was let in.
    async fn approved_pairing(&self) -> String {
        let (user_code, device_code) = self.pairing().await;
        let body =
            json!({"user_code": user_code, "name": self.text(), "space_id": self.hub.home.office.space});
        let _ = self.owner.post("pairings/approve", body).await.expect(201);
        device_code
    }

    async fn turn(&self) -> String {
        self.hub.home.kitchen.hears(&self.text()).await;
        self.hub.run_jobs().await;
        let turns = self.owner.get("turns?limit=1").await.expect(200);
        turns.text("/items/0/id").to_owned()
    }

    async fn command(&self) -> String {
        let action = self.proposal().await;
        let approved = self
            .owner
            .post(&format!("actions/{action}/approve"), json!({}))
            .await;
        let _ = approved.expect(200);
        self.hub.run_jobs().await;
        let commands = self.owner.get("commands?limit=1").await.expect(200);
        commands.text("/items/0/id").to_owned()
    }

    async fn dead_job(&self) -> String {
        self.hub
            .home
            .kitchen
            .hears(&format!("break down, {}", self.text()))
            .await;
        self.hub.run_jobs().await;
        let dead = self.hub.dead_jobs().await;
        dead.last().expect("the job is dead").id.to_string()
    }

    /// The session of a room of its own, which may be switched off.
    async fn session(&self) -> String {
        let room = json!({"name": self.text()});
        let room = self.owner.post("spaces", room).await.expect(201);
        let room = SpaceId::from(room.text("/id").parse::<uuid::Uuid>().expect("an id"));
        let speaker = self
            .hub
            .home
            .satellite(&self.text(), room, Trust::Household)
            .await;
        speaker.hears(&self.text()).await;
        self.hub.run_jobs().await;
        let sessions = self.owner.get(&format!("sessions?space_id={room}")).await;
        sessions.expect(200).text("/items/0/id").to_owned()
    }

    async fn location(&self) -> String {
        let agent = self.hub.home.agent;
        let query = format!("select id::text from hub.locations where agent_id = '{agent}'");
        self.hub.sql().value(&query).await
    }
}

/// Sends a good request.
pub(crate) fn ask(client: &Client, operation: &Operation, good: &Good) -> support::Ask {
    let ask = client.ask(operation.method.clone(), &good.path);
    match &good.body {
        Some(body) => ask.json(body),
        None => ask,
    }
}
