//! One story with the built program: the kitchen asks for a word in the office, a person approves, the office says it.

use reqwest::Client;
use secrecy::SecretString;
use serde_json::{Value, json};
use support::{Line, Program, ScriptedServer, Socket};
use uuid::Uuid;

/// What is said, planned and remembered in the story: nothing of it may be seen in telemetry.
pub(super) const SAID: &str = "please tell Barnabas that the quiche is burning";
pub(super) const REPLIED: &str = "Shall I warn the household about the quiche?";
pub(super) const REMEMBERED: &str = "Barnabas guards the quiche";
pub(super) const TOLD: &str = "The quiche, Barnabas!";
pub(super) const NAME: &str = "Wilhelmina";
pub(super) const PASSWORD: &str = "correct horse battery";

/// A program with two satellites and a person.
pub(super) struct Home {
    pub(super) program: Program,
    pub(super) model: ScriptedServer,
    pub(super) kitchen: Socket,
    pub(super) office: Socket,
    pub(super) token: String,
    http: Client,
}

impl Home {
    /// Starts it with these settings beside the model's, and everyone comes in.
    pub(super) async fn start(settings: &[(&str, &str)]) -> Self {
        let model = ScriptedServer::start().await;
        let url = model.url();
        let own = [("HUB_MODEL__BASE_URL", url.as_str()), ("HUB_LOG__FILTER", "info")];
        let mut program = Program::new(&[&own, settings].concat()).await;
        program.start().await;
        let kitchen = greet(&program, "kitchen", &[]).await;
        let office = greet(&program, "office", &["speaker.say"]).await;
        let http = Client::new();
        let claim = json!({"code": program.claim_code(), "name": NAME, "password": PASSWORD});
        let claimed = http.post(format!("{}/v1/claim", program.url())).json(&claim);
        let tokens: Value = claimed.send().await.unwrap().json().await.unwrap();
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        Self {
            program,
            model,
            kitchen,
            office,
            token,
            http,
        }
    }

    /// The kitchen hears something, and the model wants the office to say something.
    pub(super) async fn hears(&mut self, client_id: &str) {
        self.model.then(plan(self.program.satellite("office").device_id));
        self.kitchen.transcribes(client_id, SAID).await;
        let _accepted = self.kitchen.hears().await;
    }

    /// The kitchen is answered and says so.
    pub(super) async fn kitchen_answers(&mut self) {
        carry_out(&mut self.kitchen).await;
    }

    /// The whole story; returns the action.
    pub(super) async fn goes_on(&mut self) -> String {
        self.kitchen_answers().await;
        let page = self.ask("actions?state=proposed").await;
        let action = page["items"][0]["id"]
            .as_str()
            .expect("it was proposed")
            .to_owned();
        let url = format!("{}/v1/agents/self/actions/{action}/approve", self.program.url());
        let approval = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .header("idempotency-key", &action);
        assert_eq!(approval.json(&json!({})).send().await.unwrap().status(), 200);
        carry_out(&mut self.office).await;
        let done = self.ask(&format!("actions/{action}")).await;
        assert_eq!(done["action"]["state"], json!("succeeded"), "{done}");
        action
    }

    /// Asks the agent over REST.
    pub(super) async fn ask(&self, path: &str) -> Value {
        let url = format!("{}/v1/agents/self/{path}", self.program.url());
        let asked = self.http.get(url).bearer_auth(&self.token).send().await;
        asked.unwrap().json().await.unwrap()
    }

    /// Says something over REST, as part of the caller's own trace. Returns the turn.
    pub(super) async fn say(&self, traceparent: &str) -> Value {
        self.model.then(plan(self.program.satellite("office").device_id));
        let url = format!("{}/v1/agents/self/messages", self.program.url());
        let said = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .header("idempotency-key", traceparent)
            .header("traceparent", traceparent);
        let said = said
            .json(&json!({"content": [{"type": "text", "text": SAID}]}))
            .send()
            .await;
        said.unwrap().json().await.unwrap()
    }

    /// The lines of the log with this message.
    pub(super) fn lines(&self, message: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.program.dir().join("hub.log")).unwrap();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"] == json!(message)).collect()
    }
}

/// Connects a satellite and says hello.
pub(super) async fn greet(program: &Program, name: &str, kinds: &[&str]) -> Socket {
    let token = SecretString::from(program.satellite(name).token);
    let opened = Socket::open(&program.socket_url(), Some(&token)).await;
    let mut socket = opened.expect("the device's token is good");
    socket.says_hello(kinds).await;
    let _welcome = socket.hears().await;
    socket
}

/// What the model wants: a reply, a memory and a word in the office.
pub(super) fn plan(office: Uuid) -> Line {
    let arguments = json!({"device_id": office, "kind": "speaker.say", "arguments": {"text": TOLD}});
    Line::plan(&json!({
        "reply": REPLIED,
        "to_remember": [{"tier": "semantic", "content": REMEMBERED, "importance": 0.6, "confidence": 0.9, "inputs": [0]}],
        "to_do": [{"tool": "device_command", "summary": TOLD, "arguments": arguments.to_string()}],
    }))
}

async fn carry_out(socket: &mut Socket) {
    let command = socket.is_told().await;
    socket.acknowledges(command.command_id).await;
    let _accepted = socket.hears().await;
    socket.succeeds(command.command_id, json!({"said": TOLD})).await;
    let _accepted = socket.hears().await;
}
