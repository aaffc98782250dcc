//! A person with a REST client, who owns every household and feels what the satellites cost the others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hub::ids::UserId;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{percentiles::percentiles, town::Town};

/// Longer than the hub takes for any answer.
const PATIENCE: Duration = Duration::from_secs(45);
/// Requests a second of a person who tries.
const TRIES: u64 = 20;

#[derive(Clone)]
pub(crate) struct Person {
    http: Client,
    base: String,
    token: String,
}

/// What somebody who tries all the time has met with.
#[derive(Default)]
struct Met {
    reads: Vec<Duration>,
    writes: Vec<Duration>,
    /// Answers that were no success, by status; 0 where the hub did not answer.
    refused: BTreeMap<u16, usize>,
}

/// Requests at a steady pace until it is dropped.
pub(crate) struct Trying {
    met: Arc<Mutex<Met>>,
    end: CancellationToken,
}

impl Person {
    /// Claims the first agent, and becomes the owner of the others.
    pub(crate) async fn move_in(town: &Town) -> Self {
        let http = Client::builder().timeout(PATIENCE).build().unwrap();
        let base = town.program.url();
        let claim =
            json!({"code": town.program.claim_code(), "name": "ada", "password": "correct horse battery"});
        let claimed = http.post(format!("{base}/v1/claim")).json(&claim).send().await;
        let tokens: Value = claimed.unwrap().json().await.unwrap();
        let token = tokens["access_token"].as_str().expect("the agent can be claimed");
        let token = token.to_owned();
        let person = Self { http, base, token };
        let me = person.json(person.get("/v1/me")).await;
        let user: Uuid = me["user_id"].as_str().unwrap().parse().unwrap();
        town.join_all(UserId(user)).await;
        person
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    async fn json(&self, request: RequestBuilder) -> Value {
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Sends a command; its id, or the status with which it was refused.
    pub(crate) async fn order(&self, body: &Value, agent: Uuid) -> Result<Uuid, u16> {
        let url = format!("{}/v1/agents/{agent}/commands", self.base);
        let sent = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await;
        let answer = sent.map_err(|_| 0_u16)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(status.as_u16());
        }
        let command: Value = answer.json().await.map_err(|_| 0_u16)?;
        command["id"].as_str().and_then(|id| id.parse().ok()).ok_or(0)
    }

    /// Begins to read and write at a steady pace, whatever the answers take.
    pub(crate) async fn try_on(&self, town: &Town) -> Trying {
        let agent = town.devices[0].agent;
        let spaces = self.json(self.get(&format!("/v1/agents/{agent}/spaces"))).await;
        let space = spaces["items"][0]["id"].as_str().unwrap().to_owned();
        let space = format!("/v1/agents/{agent}/spaces/{space}");
        let devices = format!("/v1/agents/{agent}/devices?limit=10");
        let (met, end) = (Arc::<Mutex<Met>>::default(), CancellationToken::new());
        let (person, told, life) = (self.clone(), Arc::clone(&met), end.clone());
        let tasks = TaskTracker::new();
        let requests = tasks.clone();
        tasks.spawn(async move {
            let mut tick = interval(Duration::from_millis(1000 / TRIES));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut number = 0_u64;
            while !life.is_cancelled() {
                tick.tick().await;
                number += 1;
                let is_write = number.is_multiple_of(4);
                let request = if is_write {
                    let url = format!("{}{space}", person.base);
                    let renamed = json!({"name": format!("elsewhere {number}")});
                    person.http.patch(url).bearer_auth(&person.token).json(&renamed)
                } else {
                    person.get(&devices)
                };
                requests.spawn(answered(request, is_write, Arc::clone(&told)));
            }
        });
        Trying { met, end }
    }
}

async fn answered(request: RequestBuilder, is_write: bool, met: Arc<Mutex<Met>>) {
    let began = Instant::now();
    let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
    let took = began.elapsed();
    let mut met = met.lock().unwrap();
    if !(200..300).contains(&status) {
        *met.refused.entry(status).or_default() += 1;
    } else if is_write {
        met.writes.push(took);
    } else {
        met.reads.push(took);
    }
}

impl Trying {
    /// Forgets what was met with until now.
    pub(crate) fn begin(&self) {
        *self.met.lock().unwrap() = Met::default();
    }

    /// Says what was met with since it began.
    pub(crate) fn say(&self, when: &str) {
        let met = std::mem::take(&mut *self.met.lock().unwrap());
        println!("  REST reads,  {when:<14} {}", percentiles(met.reads));
        println!("  REST writes, {when:<14} {}", percentiles(met.writes));
        let refused: Vec<String> = met
            .refused
            .iter()
            .map(|(status, count)| match status {
                0 => format!("{count} without an answer"),
                status => format!("{count} × {status}"),
            })
            .collect();
        if refused.is_empty() {
            println!("  REST errors, {when:<14} none");
        } else {
            println!("  REST errors, {when:<14} {}", refused.join(", "));
        }
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        self.end.cancel();
    }
}
