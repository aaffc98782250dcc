//! A small hub on a real socket that speaks the people's part of the interface, and a person at a terminal, for tests.

use std::{
    collections::HashSet,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use chrono::{TimeDelta, TimeZone, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{BaseUrl, Options, Remote, SignIn, SignInFile};
use crate::{
    actions::{Action, ActionState},
    clock::{Clock, SystemClock},
    commands::terminal::Terminal,
    config::DataDir,
    ids::{self, ActionId},
};

/// Anything larger is a defect of a test.
const MAX_BODY: usize = 64 * 1024;

/// What the small hub knows, and what was asked of it.
#[derive(Default)]
pub(in crate::commands) struct Small {
    /// Refresh tokens given so far; the last one is good.
    pub(in crate::commands) refreshes: u32,
    /// Whether a refresh token came twice: the sign-in has ended.
    pub(in crate::commands) is_ended: bool,
    /// Keys that were acted on.
    pub(in crate::commands) keys: HashSet<String>,
    /// Method, path with query, and body of each request.
    pub(in crate::commands) asked: Vec<(String, Value)>,
    /// The actions, and how often one is read before it is done.
    pub(in crate::commands) actions: Vec<Action>,
    /// The turn that a message makes.
    pub(in crate::commands) turn: Value,
    /// What recall finds.
    pub(in crate::commands) recalled: Value,
}

pub(in crate::commands) type Shared = Arc<Mutex<Small>>;

/// Runs the work beside a small hub.
pub(in crate::commands) async fn beside_a_hub(small: Small, work: impl AsyncFnOnce(Shared, BaseUrl)) {
    let shared = Arc::new(Mutex::new(small));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
    tokio::select! {
        served = axum::serve(listener, router) => served.unwrap(),
        () = work(shared, base.parse().unwrap()) => {}
    }
}

/// A folder of its own for a test, gone with it.
pub(in crate::commands) struct Folder(pub(in crate::commands) DataDir);

impl Folder {
    pub(in crate::commands) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hub-people-{}", ids::fresh()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(DataDir(path))
    }

    pub(in crate::commands) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(in crate::commands) fn file(&self) -> SignInFile {
        SignInFile::of(&self.0)
    }

    /// Signs in as ada, with tokens of a number that are good for some seconds.
    pub(in crate::commands) async fn sign_in(&self, url: &BaseUrl, number: u32, seconds: i64) {
        let sign_in = SignIn {
            url: url.clone(),
            ca_file: None,
            name: "ada".to_owned(),
            access_token: SecretString::from(format!("access-{number}")),
            expires_at: SystemClock.now() + TimeDelta::seconds(seconds),
            refresh_token: SecretString::from(format!("refresh-{number}")),
        };
        self.file().lock().await.unwrap().write(&sign_in).unwrap();
    }

    pub(in crate::commands) fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }

    /// The hub as a command sees it, and what the command prints on either stream.
    pub(in crate::commands) fn remote(&self, options: &Options) -> (Remote, Printed, Printed) {
        let (out, err) = (Printed::default(), Printed::default());
        let terminal = Terminal::new(Box::new(out.clone()), Box::new(err.clone()), false);
        let remote = Remote::open(options, self.0.clone(), terminal).unwrap();
        (remote, out, err)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0.0).unwrap();
    }
}

/// What was printed.
#[derive(Clone, Default)]
pub(in crate::commands) struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub(in crate::commands) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An action as the hub would answer it.
pub(in crate::commands) fn action(id: &str, state: ActionState) -> Action {
    let at = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    Action {
        id: ActionId(id.parse().unwrap()),
        turn_id: None,
        session_id: None,
        audience_person_id: None,
        tool: "device_command".to_owned(),
        summary: "Say \"dinner is ready\"\nin the office".to_owned(),
        arguments: json!({"kind": "speaker.say", "arguments": {"text": "dinner is ready"}}),
        arguments_sha256: "5ea1".to_owned(),
        required_scopes: Vec::new(),
        trust: crate::identity::Trust::Household,
        state,
        result: None,
        error: None,
        deadline_at: at + TimeDelta::hours(24),
        created_at: at,
        updated_at: at,
        erased_at: None,
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_BODY).await.unwrap();
    let body: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap()
    };
    let what = format!("{} {}", parts.method, parts.uri);
    let mut small = shared.lock().unwrap();
    small.asked.push((what.clone(), body.clone()));
    let path = format!("{} {}", parts.method, parts.uri.path());
    let is_known = small.knows(&parts.headers);
    match path.as_str() {
        "POST /v1/claim" | "POST /v1/sign-in" => small.sign_in(&body),
        "POST /v1/sign-in/refresh" => small.refresh(&body),
        _ if !is_known => problem(401, "unauthenticated", "the access token has expired"),
        "GET /v1/me" => {
            let agents = json!([{"id": ids::fresh(), "name": "Home", "role": "owner"}]);
            ok(
                200,
                &json!({"user_id": ids::fresh(), "name": "ada", "agents": agents}),
            )
        }
        "POST /v1/sign-out" => ok(204, &Value::Null),
        "POST /v1/agents/self/messages" => small.message(&parts.headers),
        "POST /v1/agents/self/recall" => ok(200, &json!({"items": small.recalled})),
        "GET /v1/agents/self/spaces" => problem(403, "forbidden", "this needs the scope spaces:read"),
        "GET /v1/agents/self/actions" => small.list(parts.uri.query().unwrap_or_default()),
        _ if path.contains("/turns/") => ok(200, &small.turn),
        _ if path.contains("/actions/") => small.act(&path, &body),
        _ => problem(404, "not_found", "there is no such page"),
    }
}

impl Small {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let good = format!("Bearer access-{}", self.refreshes);
        !self.is_ended
            && headers
                .get(header::AUTHORIZATION)
                .is_some_and(|value| value == &good)
    }

    fn tokens(&self) -> Value {
        let number = self.refreshes;
        json!({
            "access_token": format!("access-{number}"), "token_type": "Bearer", "expires_in_s": 900,
            "refresh_token": format!("refresh-{number}"), "agent_id": ids::fresh(),
        })
    }

    fn sign_in(&self, body: &Value) -> Response {
        if body["password"] == "correct horse" && body.get("code").is_none_or(|code| code == "ABCDE-FGHJK") {
            return ok(201, &self.tokens());
        }
        let mut refused =
            json!({"type": "about:blank", "title": "Invalid input", "status": 422, "code": "invalid"});
        refused["errors"] = json!([{"pointer": "/password", "detail": "must have 10 characters at least"}]);
        refused["request_id"] = "r-42".into();
        ok(422, &refused)
    }

    fn refresh(&mut self, body: &Value) -> Response {
        if self.is_ended || body["refresh_token"] != format!("refresh-{}", self.refreshes) {
            self.is_ended = true;
            return problem(401, "unauthenticated", "the refresh token was used before");
        }
        self.refreshes += 1;
        ok(200, &self.tokens())
    }

    fn message(&mut self, headers: &HeaderMap) -> Response {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        assert!(self.keys.insert(key));
        let turn = self.turn["id"].clone();
        let (outcome, reason) = if turn.is_null() {
            ("discarded", json!("privacy_mode"))
        } else {
            ("accepted", Value::Null)
        };
        ok(
            202,
            &json!({"outcome": outcome, "turn_id": turn, "event_id": ids::fresh(), "reason": reason}),
        )
    }

    fn list(&self, query: &str) -> Response {
        let is_asked = |action: &&Action| {
            !query.contains("state=") || query.contains(&format!("state={}", action.state.as_str()))
        };
        let items: Vec<&Action> = self.actions.iter().filter(is_asked).collect();
        ok(200, &json!({"items": items}))
    }

    fn act(&mut self, path: &str, body: &Value) -> Response {
        let Some(action) = self
            .actions
            .iter_mut()
            .find(|action| path.contains(&action.id.to_string()))
        else {
            return problem(404, "not_found", "there is no such action");
        };
        match path.rsplit('/').next().unwrap() {
            "approve" | "reject" if body["arguments_sha256"] != action.arguments_sha256 => {
                return problem(409, "arguments_changed", "the action has other arguments");
            }
            "approve" | "reject" if action.state != ActionState::Proposed => {
                return problem(409, "wrong_state", "the action is rejected, not proposed");
            }
            "approve" => action.state = ActionState::Approved,
            "reject" => action.state = ActionState::Rejected,
            "resolve" => {
                assert!(body.get("arguments_sha256").is_none());
                action.state = ActionState::Succeeded;
            }
            _ => {
                let read = json!({"action": action, "decisions": [], "attempts": []});
                if action.state == ActionState::Approved {
                    action.state = ActionState::Succeeded;
                    action.result = Some(json!({"said": "dinner is ready"}));
                }
                return ok(200, &read);
            }
        }
        ok(200, &json!(action))
    }
}

fn ok(status: u16, body: &Value) -> Response {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let built = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::CONTENT_TYPE, "application/json");
    built.body(Body::from(text)).unwrap()
}

fn problem(status: u16, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank", "title": "Refused", "status": status, "code": code, "detail": detail,
        "request_id": "r-42", "errors": [],
    });
    ok(status, &body)
}
