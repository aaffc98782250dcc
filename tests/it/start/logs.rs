//! What the program writes into its log: never what somebody said, however wrongly they said it.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use support::Program;

/// What stands in each request, and nowhere else.
const MARK: &str = "kanari";

fn ask(program: &Program, method: Method, path: &str) -> RequestBuilder {
    hub::tls::choose_provider();
    Client::new().request(method, format!("{}{path}", program.url()))
}

async fn signed_in(program: &Program) -> String {
    let body = json!({"name": "ada", "password": "correct horse battery"});
    let answer = ask(program, Method::POST, "/v1/sign-in").json(&body).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Wrong in each way that a request can be wrong.
fn wrong_bodies() -> Vec<(&'static str, &'static str, String)> {
    let object = |body: Value| body.to_string();
    vec![
        (
            "POST",
            "messages",
            object(json!({"content": "kanari my diagnosis"})),
        ),
        (
            "POST",
            "messages",
            object(json!({"content": [{"type": "kanari", "text": "x"}]})),
        ),
        ("POST", "messages", object(json!({"content": [], "kanari": 1}))),
        (
            "POST",
            "messages",
            object(json!({"kanari": {"kanari": "kanari"}})),
        ),
        ("POST", "messages", "{\"content\": kanari".to_owned()),
        ("POST", "messages?kanari=kanari", object(json!({"content": []}))),
        ("GET", "memories?tier=kanari", String::new()),
        ("GET", "memories?kanari=1", String::new()),
        ("GET", "memories/kanari", String::new()),
        (
            "POST",
            "recall",
            object(json!({"question": "kanari", "limit": "kanari"})),
        ),
        (
            "POST",
            "spaces",
            object(json!({"name": "kanari", "privacy_mode": "kanari"})),
        ),
        (
            "POST",
            "people",
            object(json!({"name": "", "relationship": "kanari\u{0}"})),
        ),
        (
            "POST",
            "tokens",
            object(json!({"name": "kanari", "scopes": ["kanari:read"]})),
        ),
        (
            "POST",
            "artifacts",
            object(json!({"name": "kanari", "media_type": "kanari", "size_bytes": 1, "sha256": "kanari"})),
        ),
        (
            "POST",
            "commands",
            object(json!({"space_id": "kanari", "kind": "kanari", "arguments": {}})),
        ),
        ("PATCH", "", object(json!({"when_model_down": "kanari"}))),
    ]
}

/// What whoever comes in sends, which are secrets.
fn wrong_secrets() -> Vec<(&'static str, Value)> {
    vec![
        ("/v1/sign-in", json!({"name": "ada", "password": ["kanari"]})),
        ("/v1/sign-in", json!({"name": "ada", "kanari": "kanari"})),
        ("/v1/sign-in", json!({"name": "ada", "password": "kanari"})),
        ("/v1/sign-in/refresh", json!({"refresh_token": {"kanari": 1}})),
        (
            "/v1/claim",
            json!({"code": ["kanari"], "name": "kanari", "password": "kanari"}),
        ),
        (
            "/v1/invitations/accept",
            json!({"code": "kanari", "name": 7, "password": "kanari"}),
        ),
        (
            "/v1/pairings/token",
            json!({"grant_type": "kanari", "device_code": "kanari"}),
        ),
        ("/v1/kanari", json!({"kanari": "kanari"})),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_in_the_log_without_what_was_said() {
    let program = Program::claimed(&[("HUB_LOG__FILTER", "info,hub=debug")]).await;
    let token = signed_in(&program).await;
    let own = wrong_bodies().into_iter().map(|(method, path, body)| {
        let path = format!("/v1/agents/self/{path}");
        let method = method.parse().unwrap();
        ask(&program, method, path.trim_end_matches('/'))
            .body(body)
            .bearer_auth(&token)
    });
    let others = wrong_secrets()
        .into_iter()
        .map(|(path, body)| ask(&program, Method::POST, path).body(body.to_string()));
    let mut ids = Vec::new();
    for request in own.chain(others) {
        let answer = request
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let status = answer.status();
        let said = answer.text().await.unwrap();
        assert!(status.is_client_error(), "{status}: {said}");
        ids.push(id);
    }
    let log = std::fs::read_to_string(program.dir().join("hub.log")).unwrap();
    for id in ids {
        assert!(log.contains(&id), "{id} is not in the log");
    }
    let told: Vec<&str> = log.lines().filter(|line| line.contains(MARK)).collect();
    assert_eq!(told, [""; 0]);
}
