//! What role or scope refuses is in the audit log of the agent: who, which operation, and what they lacked.

use axum::http::Method;
use hub::{
    identity::{
        Role,
        refusals::{ONE_BY_ONE, WINDOW},
        write_refusals::write_refusals,
    },
    ids::AgentId,
};
use serde_json::{Value, json};
use support::{Client, Rest, TestHub};

use super::{Home, home};

/// The refusals in an agent's log.
async fn refusals(hub: &TestHub, agent: AgentId) -> Vec<Value> {
    let query = format!(
        "select body::jsonb from hub.audit_entries where operation = 'authorize_request' and agent_id = '{agent}'
         order by agent_seq"
    );
    hub.sql().values(&query).await
}

/// A program of the owner's, and the id of its token.
async fn program(rest: &Rest, ada: &Client) -> (Client, String) {
    let new =
        json!({"name": "program", "scopes": ["turns:read", "agents:read", "sessions:write", "spaces:write"]});
    let made = ada.post("tokens", new).await.expect(201);
    let id = made.text("/token/id").to_owned();
    (rest.bearer(made.text("/secret")), id)
}

#[tokio::test]
async fn who_lacks_a_role_or_a_scope_is_written_down_with_what_they_wanted() {
    let Home { hub, rest, ada } = Home::new().await;
    let gus = hub.home.user("gus", Role::Guest).await;
    let guest = rest.user(&gus).await;
    let (program, token) = program(&rest, &ada).await;
    let device = rest.device(&hub.home.office);
    let kitchen = hub.home.kitchen.space;
    let space = format!("spaces/{kitchen}");
    let mut answers = Vec::new();
    for (client, method, path, body) in [
        (&guest, Method::PATCH, space.as_str(), json!({"name": "canary"})),
        (&program, Method::GET, "memories", Value::Null),
        (&device, Method::GET, "memories?limit=7", Value::Null),
        // Also where the scope is there, and it is for somebody who is there.
        (&program, Method::PATCH, &space, json!({"privacy_mode": "normal"})),
        // And at no agent in particular: a device and a program are of one.
        (&device, Method::GET, "/v1/me", Value::Null),
        (&program, Method::POST, "/v1/sign-out", Value::Null),
    ] {
        let ask = client.ask(method, path);
        let ask = if body.is_null() { ask } else { ask.json(&body) };
        answers.push(ask.send().await.refuses(403, "forbidden"));
    }
    let found = refusals(&hub, hub.home.agent).await;
    let expected = [
        ("user", json!(gus.id), "update_space", "spaces:write"),
        ("user", Value::Null, "list_memories", "memories:read"),
        (
            "device",
            json!(hub.home.office.id),
            "list_memories",
            "memories:read",
        ),
        ("user", Value::Null, "update_space", "a user's sign-in"),
        ("device", json!(hub.home.office.id), "get_me", "a user's sign-in"),
        ("user", Value::Null, "sign_out", "a user's sign-in"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((entry, answer), (kind, id, operation, scope)) in found.iter().zip(&answers).zip(expected) {
        assert_eq!(entry["outcome"], "refused");
        assert_eq!(entry["request_id"], answer.json["request_id"]);
        assert_eq!(entry["principal"]["kind"], kind);
        if id.is_null() {
            assert_eq!(entry["principal"]["access_token_id"], json!(token));
        } else {
            assert_eq!(entry["principal"]["id"], id);
        }
        assert_eq!(
            entry["details"],
            json!({"operation_id": operation, "scope": scope})
        );
        let text = entry.to_string();
        assert!(
            !text.contains("canary") && !text.contains(&kitchen.to_string()),
            "{text}"
        );
    }
}

/// To whom the agent is hidden, and who is of another, is answered 404. Of these the agent's log names those whom it knows.
#[tokio::test]
async fn the_log_names_the_blocked_and_no_stranger() {
    let Home { hub, rest, ada: _ } = Home::new().await;
    let away = hub.household("away").await;
    let stranger = rest.user(&away.owner("stranger").await).await;
    let blocked = hub.home.user("blocked", Role::Blocked).await;
    let path = format!("/v1/agents/{}/turns", hub.home.agent);
    let _ = stranger.get(&path).await.refuses(404, "not_found");
    let _ = rest.nobody().get(&path).await.expect(401);
    let _ = rest
        .user(&blocked)
        .await
        .get(&path)
        .await
        .refuses(404, "not_found");
    let found = refusals(&hub, hub.home.agent).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["principal"]["id"], json!(blocked.id));
    assert_eq!(
        found[0]["details"],
        json!({"operation_id": "list_turns", "scope": "a place in the agent"})
    );
    assert_eq!(refusals(&hub, away.agent).await, Vec::<Value>::new());
}

/// Whoever may not costs the log so much in an hour, and no other agent's anything.
#[tokio::test]
async fn a_flood_of_refusals_is_counted_for_each_agent() {
    let (hub, rest, _) = home().await;
    let away = hub.household("away").await;
    let (guest, other) = (
        hub.home.user("gus", Role::Guest).await,
        away.user("gil", Role::Guest).await,
    );
    let (guest, other) = (rest.user(&guest).await, rest.user(&other).await);
    for _ in 0..ONE_BY_ONE + 5 {
        let _ = guest.get("memories").await.expect(403);
    }
    let _ = other.get("memories").await.expect(403);
    let room = usize::try_from(ONE_BY_ONE).unwrap();
    assert_eq!(refusals(&hub, hub.home.agent).await.len(), room);
    assert_eq!(refusals(&hub, away.agent).await.len(), 1);
    write_refusals(&hub, false).await.unwrap();
    assert_eq!(
        refusals(&hub, hub.home.agent).await.len(),
        room,
        "the window is open"
    );
    hub.clock.advance(WINDOW);
    for _ in 0..2 {
        write_refusals(&hub, false).await.unwrap();
        let found = refusals(&hub, hub.home.agent).await;
        assert_eq!(found.len(), room + 1, "once");
        assert_eq!(found[room]["outcome"], "refused");
        assert_eq!(found[room]["details"]["refused_requests"], 5);
        assert_eq!(found[room]["principal"]["kind"], "hub");
    }
    assert_eq!(refusals(&hub, away.agent).await.len(), 1);
}
