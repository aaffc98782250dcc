//! A person who decides over REST: with idempotency keys, asking again until there is an answer, and sometimes once more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{Rng, rngs::StdRng};
use reqwest::Client;
use serde_json::{Value, json};
use support::Program;
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often the inbox is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The person. Dropping it ends it.
pub(super) struct Person {
    decided: Arc<Mutex<Decided>>,
    end: CancellationToken,
}

/// What was decided, and how the hub answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Decided {
    /// Each action, and whether it was approved.
    pub(super) actions: HashMap<String, bool>,
    /// Answers by status; 0 where none came.
    pub(super) statuses: BTreeMap<u16, usize>,
    /// Repeats that were answered otherwise than the first time.
    pub(super) wrong: Vec<String>,
}

struct Deciding {
    http: Client,
    agent: String,
    token: String,
    rng: StdRng,
    decided: Arc<Mutex<Decided>>,
}

impl Person {
    /// Claims the agent and begins to decide.
    pub(super) async fn start(program: &Program, rng: StdRng, tasks: &TaskTracker) -> Self {
        let http = Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let claim = json!({"code": program.claim_code(), "name": "ada", "password": "correct horse battery"});
        let answer = http
            .post(format!("{}/v1/claim", program.url()))
            .json(&claim)
            .send()
            .await
            .unwrap();
        let tokens: Value = answer.json().await.unwrap();
        let token = tokens["access_token"]
            .as_str()
            .expect("the agent can be claimed")
            .to_owned();
        let decided = Arc::<Mutex<Decided>>::default();
        let mut deciding = Deciding {
            http,
            agent: format!("{}/v1/agents/self", program.url()),
            token,
            rng,
            decided: Arc::clone(&decided),
        };
        let end = CancellationToken::new();
        let life = end.clone();
        tasks.spawn(async move {
            tokio::select! { () = deciding.run() => {}, () = life.cancelled() => {} }
        });
        Self { decided, end }
    }

    /// What was decided until now.
    pub(super) fn decided(&self) -> Decided {
        self.decided.lock().unwrap().clone()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Deciding {
    async fn run(&mut self) {
        loop {
            for action in self.inbox().await.unwrap_or_default() {
                let is_approval = self.rng.random_bool(0.8);
                self.decide(&action, is_approval).await;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn inbox(&self) -> Option<Vec<String>> {
        let request = self
            .http
            .get(format!("{}/actions?state=proposed&limit=200", self.agent));
        let (_, page) = self.send(request).await?;
        let items = page["items"].as_array()?.iter();
        Some(
            items
                .filter_map(|action| action["id"].as_str().map(str::to_owned))
                .collect(),
        )
    }

    /// Until the hub has answered; then, one time in five, once more with the same key.
    async fn decide(&mut self, action: &str, is_approval: bool) {
        let word = if is_approval { "approve" } else { "reject" };
        let first = self.insist(action, word).await;
        if self.rng.random_bool(0.2) {
            let again = self.insist(action, word).await;
            if first != again {
                self.decided
                    .lock()
                    .unwrap()
                    .wrong
                    .push(format!("{action}: {first} and then {again}"));
            }
        }
        self.decided
            .lock()
            .unwrap()
            .actions
            .insert(action.to_owned(), is_approval);
    }

    async fn insist(&self, action: &str, word: &str) -> Value {
        loop {
            let request = self.http.post(format!("{}/actions/{action}/{word}", self.agent));
            let request = request
                .header("idempotency-key", format!("{word}-{action}"))
                .json(&json!({}));
            match self.send(request).await {
                Some((200, answer)) => return answer,
                Some((status, answer)) if status != 503 => {
                    let said = format!("{word} {action}: {status} {answer}");
                    self.decided.lock().unwrap().wrong.push(said);
                    return answer;
                }
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let sent = request.bearer_auth(&self.token).send().await.ok();
        let status = sent.as_ref().map_or(0, |answer| answer.status().as_u16());
        *self.decided.lock().unwrap().statuses.entry(status).or_default() += 1;
        Some((status, sent?.json().await.ok()?))
    }
}
