//! `/v1/pairings`, as a device and as RFC 8628 see it, and `/v1/agents/{agent_id}/pairings`, as people do.

mod deciding;
mod ending;

use axum::http::Method;
use chrono::Duration;
use serde_json::{Value, json};
use support::{Answer, Rest, TestHub};

use super::Home;
use crate::sample::GRANT;

/// What a device was told.
struct Codes {
    user: String,
    device: String,
}

impl Home {
    async fn starts(&self) -> Codes {
        let asked = json!({"client_id": "lamp firmware", "client_version": "1.2", "name": "lamp",
            "scope": "events:write commands:receive events:read", "capabilities": ["lamp.on", "door.open"]});
        let lamp = self.rest.nobody().at("192.0.2.7");
        let started = lamp.post("/v1/pairings", asked);
        let started = started.await.expect(200);
        Codes {
            user: started.text("/user_code").to_owned(),
            device: started.text("/device_code").to_owned(),
        }
    }

    async fn polls(&self, codes: &Codes) -> Answer {
        let body = json!({"grant_type": GRANT, "device_code": codes.device});
        self.rest.nobody().post("/v1/pairings/token", body).await
    }

    fn approval(&self, codes: &Codes) -> Value {
        json!({"user_code": codes.user, "name": "lamp", "space_id": self.hub.home.kitchen.space})
    }

    async fn approves(&self, codes: &Codes) -> Answer {
        self.ada.post("pairings/approve", self.approval(codes)).await
    }

    fn later(&self, time: Duration) {
        self.hub.clock.advance(time);
    }
}

/// The refusal as OAuth says it, and nothing else.
#[track_caller]
fn oauth(answer: Answer, error: &str) {
    let answer = answer.expect(400);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let fields: Vec<&String> = answer.json.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["error", "error_description"], "{}", answer.told());
    assert_eq!(answer.json["error"], error, "{}", answer.told());
}

#[tokio::test]
async fn a_device_gets_its_credential_when_a_person_lets_it_in() {
    let home = Home::new().await;
    let asked = json!({"client_id": "lamp firmware", "client_version": "1.2", "name": "lamp",
        "scope": "events:read", "capabilities": ["lamp.on"]});
    let lamp = home.rest.nobody().at("192.0.2.7");
    let started = lamp.post("/v1/pairings", asked);
    let started = started.await.expect(200);
    assert_eq!(
        (&started.json["expires_in"], &started.json["interval"]),
        (&json!(600), &json!(5))
    );
    assert!(started.text("/device_code").len() == 48 && started.text("/device_code").starts_with("hubp_"));
    assert!(started.text("/verification_uri").ends_with("/pair"));
    let codes = Codes {
        user: started.text("/user_code").to_owned(),
        device: started.text("/device_code").to_owned(),
    };
    oauth(home.polls(&codes).await, "authorization_pending");

    let seen = home
        .ada
        .post("pairings/find", json!({"user_code": codes.user.to_lowercase()}));
    let seen = seen.await.expect(200);
    let asked = json!({"name": "lamp", "software": "lamp firmware", "version": "1.2", "capabilities": ["lamp.on"],
        "scopes": ["events:read"]});
    assert_eq!(
        (&seen.json["asked"], seen.text("/asked_from")),
        (&asked, "192.0.2.7")
    );
    let made = home.approves(&codes).await.expect(201);
    // Not what it asked for, but what a person said, or nobody.
    assert_eq!(
        made.json["scopes"],
        json!(["events:write", "commands:receive", "state:write"])
    );
    let body = "select body::jsonb -> 'details' from hub.audit_entries where operation = 'approve_pairing'";
    let told: Value = home.hub.sql().value(body).await;
    let space = home.hub.home.kitchen.space.to_string();
    assert_eq!(
        (&told["kinds"], &told["default_trust"], &told["space_id"]),
        (&json!(["lamp.on"]), &made.json["default_trust"], &json!(space))
    );

    let paired = home.polls(&codes).await.expect(200);
    assert_eq!(paired.text("/device_id"), made.text("/id"));
    assert_eq!(
        (paired.text("/token_type"), paired.text("/name")),
        ("Bearer", "lamp")
    );
    assert_eq!(paired.text("/scope"), "events:write commands:receive state:write");
    // It is known: a device may not do this, but it is not a stranger.
    let device = home.rest.bearer(paired.text("/access_token"));
    let _ = device.get("spaces").await.refuses(403, "forbidden");
}

#[tokio::test]
async fn a_device_that_speaks_plain_oauth_is_understood() {
    let home = Home::new().await;
    let form = |path: &str, body: String| {
        let ask = home.rest.nobody().ask(Method::POST, path).raw(body);
        ask.header("content-type", "application/x-www-form-urlencoded")
            .send()
    };
    let started = form(
        "/v1/pairings",
        "client_id=lamp+firmware&scope=events%3Awrite&audience=x".to_owned(),
    );
    let started = started.await.expect(200);
    let poll = format!(
        "grant_type={}&client_id=lamp&device_code={}",
        GRANT.replace(':', "%3A"),
        started.text("/device_code")
    );
    oauth(
        form("/v1/pairings/token", poll.clone()).await,
        "authorization_pending",
    );
    let codes = Codes {
        user: started.text("/user_code").to_owned(),
        device: String::new(),
    };
    let _ = home.approves(&codes).await.expect(201);
    let _ = form("/v1/pairings/token", poll).await.expect(200);

    let twice = form("/v1/pairings", "client_id=a&client_id=b".to_owned()).await;
    let _ = twice.points_at("/client_id");
    let _ = form("/v1/pairings", "scope=events:write".to_owned())
        .await
        .points_at("/client_id");
    let _ = form("/v1/pairings", "client_id=a b".to_owned())
        .await
        .refuses(400, "malformed");
    let other = form(
        "/v1/pairings/token",
        "grant_type=password&device_code=x".to_owned(),
    )
    .await;
    oauth(other, "unsupported_grant_type");
}

#[tokio::test]
async fn who_polls_too_often_is_told_to_slow_down_each_time_by_five_seconds() {
    let home = Home::new().await;
    let codes = home.starts().await;
    oauth(home.polls(&codes).await, "authorization_pending");
    home.later(Duration::seconds(5));
    oauth(home.polls(&codes).await, "authorization_pending");
    home.later(Duration::seconds(4));
    oauth(home.polls(&codes).await, "slow_down");
    home.later(Duration::seconds(9));
    oauth(home.polls(&codes).await, "slow_down");
    home.later(Duration::seconds(15));
    oauth(home.polls(&codes).await, "authorization_pending");
    // What a person decided is told at once.
    let _ = home.approves(&codes).await.expect(201);
    let _ = home.polls(&codes).await.expect(200);
}

#[tokio::test]
async fn a_credential_is_given_once_and_an_answer_that_was_lost_for_three_slow_polls() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let _ = home.approves(&codes).await.expect(201);
    let given = home.polls(&codes).await.expect(200);
    // Three polls at the slowest, which is one a minute.
    home.later(Duration::minutes(3));
    assert_eq!(home.polls(&codes).await.expect(200).json, given.json);
    let live = home.hub.sql().count("access_tokens", "expires_at is null").await;
    assert_eq!(live, 3, "asking again makes no second credential");
    home.later(Duration::seconds(1));
    oauth(home.polls(&codes).await, "invalid_grant");
    for table in [
        "pairings",
        "access_tokens",
        "audit_entries",
        "events",
        "idempotency_keys",
    ] {
        for secret in [given.text("/access_token"), &codes.device] {
            let query = format!("select count(*) from hub.{table} t where t::text like '%{secret}%'");
            let found: i64 = home.hub.sql().value(&query).await;
            assert_eq!(found, 0, "a secret is kept in {table}");
        }
    }
}

#[tokio::test]
async fn one_address_asks_for_few_pairings_at_once() {
    let home = Home::new().await;
    let start = async |address: &str| {
        let client = home.rest.nobody().at(address);
        client.post("/v1/pairings", json!({"client_id": "lamp"})).await
    };
    for _ in 0..20 {
        let _ = start("192.0.2.1").await.expect(200);
    }
    let throttled = start("192.0.2.1").await.refuses(429, "throttled");
    assert_eq!(throttled.header("retry-after"), Some("10"));
    let _ = start("192.0.2.2").await.expect(200);
}

#[tokio::test]
async fn people_are_sent_to_the_address_that_they_know() {
    let hub = TestHub::builder()
        .config(|config| "https://hub.example/".clone_into(&mut config.http.public_url))
        .start()
        .await;
    let nobody = Rest::of(&hub).nobody();
    let started = nobody
        .post("/v1/pairings", json!({"client_id": "lamp"}))
        .await
        .expect(200);
    assert_eq!(started.text("/verification_uri"), "https://hub.example/pair");
    let page = nobody.get("/pair").await.expect(200);
    assert!(String::from_utf8_lossy(&page.bytes).contains("hub pair CODE"));
}
