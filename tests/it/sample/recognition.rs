//! What the sample has of recognition.

use serde_json::{Value, json};
use support::{Client, voice};

use super::Sample;

impl Sample {
    /// Somebody without a login, who allows to be known by their voice.
    pub(super) async fn consenting(&self) -> String {
        let made = self.owner.post("people", json!({"name": self.text()})).await;
        let id = made.expect(201).text("/id").to_owned();
        let grant = json!({"purpose": "voice", "evidence": "said so"});
        let _ = self
            .owner
            .post(&format!("people/{id}/consents"), grant)
            .await
            .expect(201);
        id
    }

    /// A print of somebody's own; its id.
    pub(super) async fn print_of(&self, client: &Client) -> String {
        // So many may nobody have.
        let sql = "delete from hub.voiceprints where made_by in (select user_id from hub.person_accounts)";
        self.hub.sql().execute(sql).await;
        let grant = json!({"purpose": "voice"});
        let _ = client.post("people/self/consents", grant).await.expect(201);
        let (print, _) = self.enrolled(client).await;
        print
    }

    /// Somebody is enrolled by who runs the household: the print, and what was heard.
    async fn enrolled(&self, client: &Client) -> (String, Value) {
        let me = client.get("/v1/me").await.expect(200);
        let sql = format!(
            "select person_id::text from hub.person_accounts where user_id = '{}' and agent_id = '{}'",
            me.text("/user_id"),
            self.hub.home.agent
        );
        let person: String = self.hub.sql().value(&sql).await;
        // Whoever was forgotten by an earlier operation is somebody again.
        let sql = format!(
            "update hub.people set name = 'known', forgotten_at = null where id = '{person}' and name is null"
        );
        self.hub.sql().execute(&sql).await;
        let body = self.heard_voice();
        let path = format!("people/{person}/prints");
        let print = self.owner.post(&path, body.clone()).await.expect(201);
        (print.text("/id").to_owned(), body)
    }

    fn heard_voice(&self) -> Value {
        let number = self.next();
        json!({"modality": "voice", "vector": voice(number), "model": "net", "space_id": self.hub.home.kitchen.space})
    }

    /// Somebody without a login may be in the kitchen.
    pub(super) async fn hypothesis(&self) -> String {
        let path = format!("people/{}/prints", self.consenting().await);
        let body = self.heard_voice();
        let _ = self.owner.post(&path, body.clone()).await.expect(201);
        self.observed(body).await
    }

    /// Somebody may be in the kitchen themself.
    async fn own_hypothesis(&self, client: &Client) -> String {
        self.print_of(client).await;
        let (_, body) = self.enrolled(client).await;
        self.observed(body).await
    }

    async fn observed(&self, body: Value) -> String {
        let seen = self.owner.post("observations", body).await.expect(200);
        seen.text("/hypothesis_id").to_owned()
    }

    /// Somebody is in the kitchen.
    pub(super) async fn presence(&self) -> String {
        let hypothesis = self.hypothesis().await;
        self.confirmed(&hypothesis).await
    }

    async fn confirmed(&self, hypothesis: &str) -> String {
        let path = format!("hypotheses/{hypothesis}/confirm");
        let _ = self.owner.post(&path, json!({})).await.expect(200);
        let sql = format!("select id::text from hub.presence where hypothesis_id = '{hypothesis}'");
        self.hub.sql().value(&sql).await
    }

    /// The path of an operation on what concerns somebody themself.
    pub(crate) async fn own_recognition(&self, client: &Client, operation: &str) -> Option<String> {
        Some(match operation {
            "enrol_print" => {
                self.print_of(client).await;
                "people/self/prints".to_owned()
            }
            "delete_print" => format!("people/self/prints/{}", self.print_of(client).await),
            "confirm_hypothesis" | "reject_hypothesis" => {
                let (verb, _) = operation.split_once('_').expect("an id is a verb and a noun");
                format!("hypotheses/{}/{verb}", self.own_hypothesis(client).await)
            }
            "remove_presence" => {
                // Of an earlier time nothing is left where they were.
                let sql = "delete from hub.identity_hypotheses";
                self.hub.sql().execute(sql).await;
                let hypothesis = self.own_hypothesis(client).await;
                format!("presence/{}", self.confirmed(&hypothesis).await)
            }
            _ => return None,
        })
    }
}
