//! What the agent keeps, and what is done for it.

use std::net::Ipv4Addr;

use axum::http::Method;
use hub::{identity::Trust, ids::SpaceId};
use serde_json::json;
use support::Client;

use super::{DIGEST, KIND, Remembered, Sample};

impl Sample {
    /// An artifact whose bytes were sent.
    pub(super) async fn uploaded_artifact(&self, by: &Client, is_private: bool) -> String {
        let new = json!({"name": self.text(), "media_type": "text/plain", "size_bytes": 6, "sha256": DIGEST,
            "is_private": is_private});
        let made = by.post("artifacts", new).await.expect(201);
        let sent = self
            .rest
            .nobody()
            .ask(Method::PUT, made.text("/upload/url"))
            .raw("window")
            .header("content-type", "text/plain");
        let _ = sent.send().await.expect(200);
        made.text("/artifact/id").to_owned()
    }

    pub(super) async fn stored_artifact(&self) -> String {
        self.artifact(&self.owner, false).await
    }

    /// A file that only whoever made it sees.
    pub(crate) async fn private_artifact(&self, by: &Client) -> String {
        self.artifact(by, true).await
    }

    async fn artifact(&self, by: &Client, is_private: bool) -> String {
        let id = self.uploaded_artifact(by, is_private).await;
        let completed = by.ask(Method::POST, &format!("artifacts/{id}/complete"));
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
    pub(super) async fn erasure(&self) -> String {
        let path = format!("memories/{}/forget", self.remembered().await.memory);
        let forgotten = self.owner.post(&path, json!({})).await.expect(200);
        forgotten.text("/erasure/id").to_owned()
    }

    /// An action that may have been done.
    pub(crate) async fn unknown_action(&self) -> String {
        let id = self.proposal().await;
        let sql = format!("update hub.actions set state = 'unknown' where id = '{id}'");
        self.hub.sql().execute(&sql).await;
        id
    }

    pub(super) async fn device(&self) -> String {
        let new = json!({"name": self.text(), "space_id": self.hub.home.office.space});
        let made = self.owner.post("devices", new).await.expect(201);
        made.text("/device/id").to_owned()
    }

    /// A device that declares a kind which nobody approved.
    pub(super) async fn asking_device(&self) -> String {
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
    pub(super) async fn approved_pairing(&self) -> String {
        let (user_code, device_code) = self.pairing().await;
        let body =
            json!({"user_code": user_code, "name": self.text(), "space_id": self.hub.home.office.space});
        let _ = self.owner.post("pairings/approve", body).await.expect(201);
        device_code
    }

    pub(super) async fn turn(&self) -> String {
        self.hub.home.kitchen.hears(&self.text()).await;
        self.hub.run_jobs().await;
        let turns = self.owner.get("turns?limit=1").await.expect(200);
        turns.text("/items/0/id").to_owned()
    }

    pub(super) async fn command(&self) -> String {
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

    pub(super) async fn dead_job(&self) -> String {
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
    pub(super) async fn session(&self) -> String {
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

    pub(super) async fn location(&self) -> String {
        let agent = self.hub.home.agent;
        let query = format!("select id::text from hub.locations where agent_id = '{agent}'");
        self.hub.sql().value(&query).await
    }
}
