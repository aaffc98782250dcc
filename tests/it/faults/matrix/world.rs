//! Where runs happen: the built program on a database of its own, or a hub whose clock can be moved; and its owner.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::TimeDelta;
use reqwest::Client;
use serde_json::{Value, json};
use support::{Program, Rest, Served, SuperuserSql, TestHub, User};
use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::faults::SETTINGS;

/// How often the clock of a hub in this process moves.
const TICK: Duration = Duration::from_millis(5);
/// How long what was caused may take to come to its end.
const QUIET_WITHIN: Duration = Duration::from_mins(1);

/// A hub with its owner.
pub(super) struct World {
    pub(super) place: Place,
    pub(super) owner: Owner,
}

/// Where it is.
pub(super) enum Place {
    /// A process, to be killed.
    Program(Box<Program>),
    /// Here, with a clock that goes as fast as the machine's until it is moved.
    Here(Here),
}

/// A hub in this process.
pub(super) struct Here {
    pub(super) hub: Arc<TestHub>,
    served: Served,
    end: CancellationToken,
}

/// Who owns the agent, wherever the hub is.
#[derive(Clone)]
pub(super) enum Owner {
    /// Over the network.
    Afar {
        http: Client,
        url: String,
        token: String,
    },
    /// Through the router, with a sign-in of the hub's present time.
    Here { rest: Rest, user: Box<User> },
}

/// A device as its owner made it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) id: Uuid,
    pub(super) agent: Uuid,
    pub(super) token: String,
}

impl World {
    /// The built program, which reaches its database over a way that can be cut.
    pub(super) async fn program() -> Self {
        let mut program = Program::proxied(&SETTINGS).await;
        program.set("HUB_WORKER__LEASE_MS", "1000");
        program.start().await;
        let owner = Owner::claims(&program).await;
        Self {
            place: Place::Program(Box::new(program)),
            owner,
        }
    }

    /// A hub in this process.
    pub(super) async fn here() -> Self {
        let hub = Arc::new(TestHub::start().await);
        let served = Served::with_workers(&hub).await;
        let (clock, end) = (hub.clock.clone(), CancellationToken::new());
        let life = end.clone();
        TaskTracker::new().spawn(async move {
            let mut last = Instant::now();
            while !life.is_cancelled() {
                sleep(TICK).await;
                let now = Instant::now();
                clock.advance(TimeDelta::from_std(now - last).unwrap());
                last = now;
            }
        });
        let user = Box::new(hub.owner("ada").await);
        let rest = Rest::of(&hub);
        Self {
            place: Place::Here(Here { hub, served, end }),
            owner: Owner::Here { rest, user },
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        match &self.place {
            Place::Program(program) => program.address(),
            Place::Here(here) => here.served.address(),
        }
    }

    pub(super) fn sql(&self) -> &SuperuserSql {
        match &self.place {
            Place::Program(program) => program.sql(),
            Place::Here(here) => here.hub.sql(),
        }
    }

    pub(super) fn program_mut(&mut self) -> &mut Program {
        match &mut self.place {
            Place::Program(program) => program,
            Place::Here(_) => panic!("this hub is no process of its own"),
        }
    }

    /// A device in a space of its own.
    pub(super) async fn device(&self, name: &str) -> Made {
        let space = self.owner.makes("spaces", &json!({ "name": name })).await;
        let device = json!({"name": name, "space_id": space["id"]});
        let made = self.owner.makes("devices", &device).await;
        let id = made["device"]["id"].as_str().unwrap();
        let agent = format!("select agent_id from hub.devices where id = '{id}'");
        Made {
            id: id.parse().unwrap(),
            agent: self.sql().value(&agent).await,
            token: made["token"].as_str().unwrap().to_owned(),
        }
    }

    /// Waits until no job and no turn is left.
    pub(super) async fn until_quiet(&mut self) {
        let deadline = Instant::now() + QUIET_WITHIN;
        loop {
            let open: String = self
                .sql()
                .value(
                    "select concat_ws(' ',
                       (select count(*) from hub.jobs where state in ('queued', 'leased')),
                       (select count(*) from hub.turns where state in ('queued', 'running', 'waiting')))",
                )
                .await;
            if open == "0 0" {
                return;
            }
            assert!(Instant::now() < deadline, "jobs and turns are left: {open}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it.
    pub(super) async fn end(self) {
        if let Place::Here(here) = self.place {
            here.served.shut_down().await;
            here.end.cancel();
        }
    }
}

impl Owner {
    async fn claims(program: &Program) -> Self {
        let http = Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let claim = json!({"code": program.claim_code(), "name": "ada", "password": "correct horse battery"});
        let claimed = http.post(format!("{}/v1/claim", program.url())).json(&claim);
        let tokens: Value = claimed.send().await.unwrap().json().await.unwrap();
        let token = tokens["access_token"].as_str().expect("the agent can be claimed");
        Self::Afar {
            http,
            url: program.url(),
            token: token.to_owned(),
        }
    }

    /// Makes something; nothing is in the way.
    async fn makes(&self, path: &str, body: &Value) -> Value {
        match self.posts(path, None, body).await {
            Some((201, made)) => made,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Posts once; none when no answer came.
    pub(super) async fn posts(&self, path: &str, key: Option<&str>, body: &Value) -> Option<(u16, Value)> {
        match self {
            Self::Afar { http, url, token } => {
                let mut request = http.post(format!("{url}/v1/agents/self/{path}"));
                if let Some(key) = key {
                    request = request.header("idempotency-key", key);
                }
                let answer = request.bearer_auth(token).json(body).send().await.ok()?;
                Some((answer.status().as_u16(), answer.json().await.ok()?))
            }
            Self::Here { rest, user } => {
                let client = rest.user(user).await;
                let mut ask = client.ask(reqwest::Method::POST, path).json(body);
                if let Some(key) = key {
                    ask = ask.header("idempotency-key", key);
                }
                let answer = ask.send().await;
                // The clock has stepped since they signed in.
                let has_expired = answer.status == reqwest::StatusCode::UNAUTHORIZED;
                (!has_expired).then(|| (answer.status.as_u16(), answer.json))
            }
        }
    }

    /// Posts until the hub has answered.
    pub(super) async fn insists(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        loop {
            match self.posts(path, Some(key), body).await {
                Some((status, answer)) if status != 503 => return (status, answer),
                _ => sleep(Duration::from_millis(30)).await,
            }
        }
    }
}
