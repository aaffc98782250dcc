//! `/v1/claim`

use chrono::Duration;
use hub::{
    error::Error,
    identity::claim::{CODE_LIFE, mint_code},
    ids::AgentId,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{Answer, Client, Household, Rest, TestHub};

use crate::sample::PASSWORD;

async fn code_for(hub: &TestHub, agent: AgentId) -> String {
    let code = mint_code(hub, agent).await;
    code.expect("a code can be made").expose_secret().to_owned()
}

async fn claim(client: &Client, code: &str, name: &str, password: &str) -> Answer {
    let body = json!({"code": code, "name": name, "password": password});
    client.post("/v1/claim", body).await
}

async fn fresh() -> (TestHub, Client, Household, String) {
    let hub = TestHub::start().await;
    let fresh = hub.household("fresh").await;
    let code = code_for(&hub, fresh.agent).await;
    let client = Rest::of(&hub).nobody();
    (hub, client, fresh, code)
}

#[tokio::test]
async fn who_has_the_code_becomes_the_owner_and_is_signed_in() {
    let (hub, client, fresh, code) = fresh().await;
    let claimed = claim(&client, &code, "grace", PASSWORD).await.expect(201);
    assert_eq!(claimed.json["agent_id"], json!(fresh.agent));
    assert_eq!(claimed.json["token_type"], "Bearer");
    assert_eq!(claimed.json["expires_in_s"], 900);
    let grace = Rest::of(&hub).bearer(claimed.text("/access_token"));
    let me = grace.get("/v1/me").await.expect(200);
    assert_eq!(me.text("/name"), "grace");
    assert_eq!(
        me.json["agents"],
        json!([{"id": fresh.agent, "name": "fresh", "role": "owner"}])
    );
    let next = client.post(
        "/v1/sign-in/refresh",
        json!({"refresh_token": claimed.text("/refresh_token")}),
    );
    let _ = next.await.expect(200);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let (_hub, client, _, code) = fresh().await;
    let _ = claim(&client, &code, "grace", PASSWORD).await.expect(201);
    let _ = claim(&client, &code, "mallory", PASSWORD)
        .await
        .points_at("/code");
}

#[tokio::test]
async fn a_newer_code_makes_the_older_void() {
    let (hub, client, fresh, old) = fresh().await;
    let new = code_for(&hub, fresh.agent).await;
    let _ = claim(&client, &old, "grace", PASSWORD).await.points_at("/code");
    let _ = claim(&client, &new, "grace", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_code_is_good_for_seven_days() {
    let (hub, client, fresh, code) = fresh().await;
    hub.clock.advance(CODE_LIFE);
    let _ = claim(&client, &code, "grace", PASSWORD).await.points_at("/code");
    let code = code_for(&hub, fresh.agent).await;
    hub.clock.advance(CODE_LIFE - Duration::seconds(1));
    let _ = claim(&client, &code, "grace", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_code_may_be_typed_in_lower_case_and_with_spaces() {
    let (_hub, client, _, code) = fresh().await;
    let typed = format!(" {} ", code.to_lowercase().replace('-', " - "));
    let _ = claim(&client, &typed, "grace", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn of_two_claims_at_once_one_wins() {
    for _ in 0..3 {
        let (hub, client, fresh, code) = fresh().await;
        let (one, other) = tokio::join!(
            claim(&client, &code, "grace", PASSWORD),
            claim(&client, &code, "mallory", PASSWORD)
        );
        let (won, lost) = if one.status == 201 {
            (one, other)
        } else {
            (other, one)
        };
        let _ = won.expect(201);
        let _ = lost.points_at("/code");
        let owners = format!("agent_id = '{}' and role = 'owner'", fresh.agent);
        assert_eq!(hub.sql().count("memberships", &owners).await, 1);
        assert_eq!(hub.sql().count("users", "true").await, 1, "who lost is no user");
    }
}

#[tokio::test]
async fn of_two_claims_at_once_by_one_name_one_wins() {
    let (hub, client, _, code) = fresh().await;
    let second = hub.household("second").await;
    let other_code = code_for(&hub, second.agent).await;
    let (one, other) = tokio::join!(
        claim(&client, &code, "grace", PASSWORD),
        claim(&client, &other_code, "Grace", PASSWORD)
    );
    let won = [&one, &other]
        .iter()
        .filter(|answer| answer.status == 201)
        .count();
    // Both may win, when the second found the user that the first had made.
    assert!(won >= 1, "{} {}", one.told(), other.told());
    for lost in [one, other].into_iter().filter(|answer| answer.status != 201) {
        let _ = lost.refuses(409, "name_taken");
    }
    assert_eq!(hub.sql().count("users", "true").await, 1);
}

#[tokio::test]
async fn an_existing_user_claims_with_their_own_password() {
    let (hub, client, _, code) = fresh().await;
    let first = claim(&client, &code, "grace", PASSWORD).await.expect(201);
    let second = hub.household("second").await;
    let code = code_for(&hub, second.agent).await;
    let wrong = claim(&client, &code, "Grace", "another password").await;
    let _ = wrong.refuses(401, "unauthenticated");
    let right = claim(&client, &code, "Grace", PASSWORD).await.expect(201);
    let rest = Rest::of(&hub);
    let me = rest
        .bearer(right.text("/access_token"))
        .get("/v1/me")
        .await
        .expect(200);
    let agents: Vec<&Value> = me.json["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| &agent["id"])
        .collect();
    assert_eq!(agents, [&first.json["agent_id"], &json!(second.agent)]);
}

#[tokio::test]
async fn a_bad_password_is_refused_and_the_code_stays_good() {
    let (_hub, client, _, code) = fresh().await;
    let _ = claim(&client, &code, "grace", "too short")
        .await
        .points_at("/password");
    let _ = claim(&client, &code, "grace", &"x".repeat(1_025))
        .await
        .points_at("/password");
    let _ = claim(&client, &code, " ", PASSWORD).await.points_at("/name");
    let _ = claim(&client, &code, &"x".repeat(101), PASSWORD)
        .await
        .points_at("/name");
    let _ = claim(&client, &code, "grace", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn an_agent_with_an_owner_gets_no_code() {
    let (hub, client, fresh, code) = fresh().await;
    let _ = claim(&client, &code, "grace", PASSWORD).await.expect(201);
    let refused = mint_code(&hub, fresh.agent).await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                code: "agent_claimed",
                ..
            })
        ),
        "{refused:?}"
    );
}
