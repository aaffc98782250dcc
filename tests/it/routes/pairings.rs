//! `/v1/pairings`, as a device and as RFC 8628 see it, and `/v1/agents/{agent_id}/pairings`, as people do.

use axum::http::Method;
use chrono::Duration;
use hub::{
    jobs::sweep::remove_old,
    pairings::{COLLECT_WITHIN, KEPT, LIFE},
};
use serde_json::{Value, json};
use support::{Answer, Client, Rest, TestHub};

use crate::sample::GRANT;

struct Home {
    hub: TestHub,
    rest: Rest,
    ada: Client,
}

/// What a device was told.
struct Codes {
    user: String,
    device: String,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
        let ada = rest.user(&ada).await;
        Self { hub, rest, ada }
    }

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
    assert_eq!(made.json["scopes"], json!(["events:write", "commands:receive"]));
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
    assert_eq!(paired.text("/scope"), "events:write commands:receive");
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
async fn a_device_that_was_sent_away_or_kept_waiting_is_told_so() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let _ = home
        .ada
        .post("pairings/reject", json!({"user_code": codes.user}))
        .await
        .expect(200);
    oauth(home.polls(&codes).await, "access_denied");
    let _ = home.approves(&codes).await.points_at("/user_code");
    let codes = home.starts().await;
    home.later(LIFE);
    oauth(home.polls(&codes).await, "expired_token");
    let find = home.ada.post("pairings/find", json!({"user_code": codes.user}));
    let _ = find.await.points_at("/user_code");
    let _ = home.approves(&codes).await.points_at("/user_code");
    let codes = Codes {
        device: "hubp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ..codes
    };
    oauth(home.polls(&codes).await, "invalid_grant");
    home.later(KEPT + Duration::seconds(1));
    remove_old(&home.hub).await.unwrap();
    assert_eq!(
        home.hub.sql().count("pairings", "true").await,
        0,
        "pairings are kept for ever"
    );
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_does() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let mut other = home.approval(&codes);
    other["name"] = json!("another lamp");
    let (one, two) = tokio::join!(home.approves(&codes), home.ada.post("pairings/approve", other));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422], "{} {}", one.told(), two.told());
    assert_eq!(home.hub.sql().count("devices", "name like '%lamp'").await, 1);
}

#[tokio::test]
async fn a_person_gives_no_more_than_a_device_can_have() {
    let home = Home::new().await;
    let codes = home.starts().await;
    for (field, value, pointer) in [
        ("scopes", json!(["events:write", "agents:write"]), "/scopes/1"),
        ("scopes", json!(["events:read"]), "/scopes"),
        ("scopes", json!([]), "/scopes"),
        ("capabilities", json!(["lamp.on", "shell.run"]), "/capabilities/1"),
        ("space_id", json!(home.hub.home.agent), "/space_id"),
        ("name", json!("a\u{202e}b"), "/name"),
    ] {
        let mut approval = home.approval(&codes);
        approval[field] = value;
        let _ = home
            .ada
            .post("pairings/approve", approval)
            .await
            .points_at(pointer);
    }
    let mut taken = home.approval(&codes);
    taken["name"] = json!("Kitchen");
    let _ = home
        .ada
        .post("pairings/approve", taken)
        .await
        .refuses(409, "name_taken");
    // Nothing of this used the code up.
    let mut approval = home.approval(&codes);
    approval["scopes"] = json!(["events:read", "events:write", "events:read"]);
    approval["capabilities"] = json!(["lamp.on"]);
    let made = home.ada.post("pairings/approve", approval).await.expect(201);
    assert_eq!(made.json["scopes"], json!(["events:read", "events:write"]));
    let asks = json!({"client_id": "lamp", "scope": "actions:decide"});
    let _ = home
        .rest
        .nobody()
        .post("/v1/pairings", asks)
        .await
        .points_at("/scope");
}

#[tokio::test]
async fn user_codes_cannot_be_guessed_for_long() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let find = async |code: &str| home.ada.post("pairings/find", json!({"user_code": code})).await;
    // What cannot be a code is no guess.
    for _ in 0..20 {
        let _ = find("hello").await.points_at("/user_code");
    }
    for _ in 0..10 {
        let _ = find("BBBB-BBBB").await.points_at("/user_code");
    }
    let throttled = find(&codes.user).await.refuses(429, "throttled");
    assert_eq!(throttled.header("retry-after"), Some("30"));
    let _ = home.approves(&codes).await.refuses(429, "throttled");
    // Another owner has tries of their own, and each wrong one of the first is in the audit log.
    let away = home.hub.household("away").await;
    let grace = home.rest.user(&away.owner("grace").await).await;
    let _ = grace
        .post("pairings/find", json!({"user_code": codes.user}))
        .await
        .expect(200);
    let refused = "operation = 'sign_in' and body like '%\"user_code\"%' and body like '%\"refused\"%'";
    assert_eq!(home.hub.sql().count("audit_entries", refused).await, 10);
    home.later(Duration::seconds(30));
    let _ = find(&codes.user).await.expect(200);
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
async fn a_device_that_never_comes_for_its_credential_is_revoked() {
    let home = Home::new().await;
    let codes = home.starts().await;
    home.later(LIFE - Duration::seconds(1));
    let made = home.approves(&codes).await.expect(201);
    home.later(COLLECT_WITHIN - Duration::seconds(1));
    home.hub.sweep().await;
    let path = format!("devices/{}", made.text("/id"));
    assert_eq!(
        home.ada.get(&path).await.expect(200).json["revoked_at"],
        Value::Null
    );
    home.later(Duration::seconds(1));
    home.hub.sweep().await;
    assert!(home.ada.get(&path).await.expect(200).json["revoked_at"].is_string());
    oauth(home.polls(&codes).await, "expired_token");
    for entry in ["expire_pairing", "revoke_device"] {
        let of_it = format!("operation = '{entry}'");
        assert_eq!(home.hub.sql().count("audit_entries", &of_it).await, 1, "{entry}");
    }
    // Its name is free again.
    let codes = home.starts().await;
    let _ = home.approves(&codes).await.expect(201);
}

#[tokio::test]
async fn pairings_that_cannot_be_ended_do_not_keep_others_from_it() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let made = home.approves(&codes).await.expect(201);
    // More of them than are read at once, that are overdue longer, and whose ids are before it.
    let stuck = "insert into hub.pairings (id, device_code_sha256, user_code, state, software, capabilities, scopes,
          interval_s, created_at, expires_at, approved_agent_id, device_id)
        select lpad(to_hex(n), 32, '0')::uuid, sha256(n::text::bytea), 'STUCK' || lpad(n::text, 3, '0'), 'approved',
          software, capabilities, scopes, 5, created_at, created_at, approved_agent_id, device_id
        from hub.pairings, generate_series(1, 101) n;
        create function hub.refuse() returns trigger language plpgsql as
          $$ begin if new.user_code like 'STUCK%' then raise exception 'stuck'; end if; return new; end $$;
        create trigger stuck before update on hub.pairings for each row execute function hub.refuse()";
    home.hub.sql().execute(stuck).await;
    home.later(LIFE + COLLECT_WITHIN);
    home.hub.sweep().await;
    let path = format!("devices/{}", made.text("/id"));
    assert!(home.ada.get(&path).await.expect(200).json["revoked_at"].is_string());
    let left = home.hub.sql().count("pairings", "state = 'approved'").await;
    assert_eq!(left, 101);
}

#[tokio::test]
async fn a_device_that_was_revoked_before_it_came_gets_nothing() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let made = home.approves(&codes).await.expect(201);
    let _ = home
        .ada
        .delete(&format!("devices/{}", made.text("/id")))
        .await
        .expect(204);
    oauth(home.polls(&codes).await, "access_denied");
    let of_it = format!("device_id = '{}'", made.text("/id"));
    assert_eq!(home.hub.sql().count("access_tokens", &of_it).await, 0);
}

#[tokio::test]
async fn a_repeat_of_an_approval_with_the_same_key_is_harmless() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let body = home.approval(&codes);
    let again = async || {
        let ask = home.ada.ask(Method::POST, "pairings/approve").json(&body);
        ask.header("idempotency-key", "k1").send().await.expect(201)
    };
    assert_eq!(again().await.json, again().await.json);
    assert_eq!(home.hub.sql().count("devices", "name = 'lamp'").await, 1);
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
