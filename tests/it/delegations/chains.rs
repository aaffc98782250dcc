//! Passing on: narrower, never wider, and gone with what it came from.

use axum::http::Method;
use hub::delegations::{DELEGABLE, MOST_LIVE};
use hub::identity::{Role, Scope};
use serde_json::{Value, json};
use support::Client;

use super::{Given, Home, give, to_service, with};

const PASSES_ON: [&str; 3] = ["memories:read", "delegations:read", "delegations:write"];

async fn points_at(by: &Client, wish: Value, pointer: &str) {
    let refused = by.post("delegations", wish.clone()).await.expect(422);
    assert_eq!(refused.pointers(), [pointer], "{wish}: {}", refused.told());
}

#[tokio::test]
async fn what_cannot_be_given_is_refused_by_its_field() {
    let home = Home::new().await;
    let wish = to_service(&["memories:read"]);
    let both = with(wish.clone(), "to_agent_id", json!(home.beta.agent));
    let neither = json!({"scopes": ["memories:read"]});
    let itself = json!({"to_agent_id": home.hub.home.agent, "scopes": ["memories:read"]});
    let nobody = json!({"to_agent_id": uuid::Uuid::from_u128(7), "scopes": ["memories:read"]});
    let no_hub = json!({"to_agent_id": uuid::Uuid::nil(), "scopes": ["memories:read"]});
    for (wish, pointer) in [
        (both, "/to_service"),
        (neither, "/to_agent_id"),
        (itself, "/to_agent_id"),
        (nobody, "/to_agent_id"),
        (no_hub, "/to_agent_id"),
        (to_service(&[]), "/scopes"),
        (to_service(&["memories:read", "memories:read"]), "/scopes/1"),
        (to_service(&["memories:read", "everything"]), "/scopes/1"),
    ] {
        points_at(&home.ada, wish, pointer).await;
    }
    for name in [
        "",
        "-",
        "a-",
        "-a",
        "Calendar",
        "a b",
        "ä",
        "a\n",
        &"a".repeat(51),
    ] {
        points_at(&home.ada, with(wish.clone(), "to_service", name), "/to_service").await;
    }
    for (key, bad) in [
        ("expires_in_s", 59_u32),
        ("expires_in_s", 7_776_001),
        ("max_uses", 0),
        ("max_uses", 1_000_000_001),
        ("max_turns", 1_000_000_001),
    ] {
        points_at(&home.ada, with(wish.clone(), key, bad), &format!("/{key}")).await;
    }
    for scope in Scope::ALL.iter().filter(|scope| !DELEGABLE.contains(scope)) {
        points_at(&home.ada, to_service(&[scope.as_str()]), "/scopes/0").await;
    }
    assert_eq!(home.hub.sql().count("delegations", "true").await, 0);
    assert_eq!(
        home.hub.sql().count("access_tokens", "kind = 'delegation'").await,
        0
    );
    // At the bounds.
    for name in ["a", "7", "a-b", &"a".repeat(50)] {
        let _ = give(&home.ada, with(wish.clone(), "to_service", name)).await;
    }
    let longest = with(with(wish, "expires_in_s", 7_776_000), "max_turns", 0);
    let _ = give(&home.ada, longest).await;
}

#[tokio::test]
async fn only_those_who_run_the_household_let_others_act_for_it() {
    let home = Home::new().await;
    for (role, status) in [(Role::Guest, 403), (Role::Member, 403), (Role::Admin, 201)] {
        let user = home.hub.home.user(role.as_str(), role).await;
        let client = home.rest.user(&user).await;
        let made = client
            .post("delegations", to_service(&["memories:read"]))
            .await
            .expect(status);
        let listed = client.get("delegations").await;
        assert_eq!(listed.status == 200, status == 201, "{}", made.told());
    }
    let wish = json!({"name": "a program", "scopes": ["delegations:write"]});
    let _ = home.ada.post("tokens", wish).await.points_at("/scopes/0");
    // Bob's agent has no part in what Ada's gives to it.
    let given = give(&home.ada, home.to_beta(&PASSES_ON)).await;
    let listed = home.his.get("delegations").await.expect(200);
    assert_eq!(listed.items().len(), 0);
    let at_his = format!("delegations/{}", given.id);
    let _ = home.his.get(&at_his).await.refuses(404, "not_found");
    let _ = home.his.delete(&at_his).await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_child_is_never_wider_than_what_it_was_made_by() {
    let home = Home::new().await;
    let wish = with(with(home.to_beta(&PASSES_ON), "max_uses", 100), "max_turns", 3);
    let given = give(&home.ada, with(wish, "expires_in_s", 3600)).await;
    let bob = home.his.clone().acting_by(&given.secret);
    let child = to_service(&["memories:read"]);
    for (wish, pointer) in [
        (to_service(&["memories:read", "events:read"]), "/scopes/1"),
        (to_service(&["agents:delegate"]), "/scopes/0"),
        (with(child.clone(), "expires_in_s", 3601), "/expires_in_s"),
        (with(child.clone(), "max_uses", 101), "/max_uses"),
        (with(child.clone(), "max_turns", 4), "/max_turns"),
        (
            json!({"to_agent_id": home.hub.home.agent, "scopes": ["memories:read"]}),
            "/to_agent_id",
        ),
    ] {
        points_at(&bob, wish, pointer).await;
    }
    let made = bob.post("delegations", child).await.expect(201);
    let (parent, made) = (home.seen(&given).await, &made.json["delegation"]);
    assert_eq!(made["parent_id"], parent["id"]);
    assert_eq!(made["issued_by"], json!(home.bob.id));
    assert_eq!((&made["depth"], &made["max_uses"]), (&json!(2), &json!(100)));
    assert_eq!(
        (&made["max_turns"], &made["expires_at"]),
        (&json!(3), &parent["expires_at"])
    );
}

/// Ada gives to Bob's agent, which passes it on to a service, which passes it on to others.
async fn generations(home: &Home) -> Vec<(Client, Given)> {
    let mut all = vec![home.bob_with(&PASSES_ON).await];
    for _ in 2..=4 {
        let (last, _) = all.last().unwrap();
        let given = give(last, to_service(&PASSES_ON)).await;
        all.push((home.rest.bearer(&given.secret), given));
    }
    all
}

#[tokio::test]
async fn it_is_passed_on_three_times_and_not_once_more() {
    let home = Home::new().await;
    let all = generations(&home).await;
    for (delegate, _) in &all {
        let _ = delegate.get("memories").await.expect(200);
    }
    let (last, _) = all.last().unwrap();
    let _ = last
        .post("delegations", to_service(&["memories:read"]))
        .await
        .refuses(409, "too_deep");
}

#[tokio::test]
async fn revoking_one_stops_all_below_it_at_once_and_nothing_above_it() {
    let home = Home::new().await;
    let all = generations(&home).await;
    let (sibling, _) = home.service_with(&PASSES_ON).await;
    // By a delegate above it.
    let (bob, _) = &all[0];
    let third = format!("delegations/{}", all[2].1.id);
    let _ = bob.delete(&third).await.expect(204);
    let _ = bob.delete(&third).await.expect(204);
    let statuses = async || {
        let mut seen = Vec::new();
        for (delegate, _) in &all {
            seen.push(delegate.get("memories").await.status.as_u16());
        }
        seen
    };
    assert_eq!(statuses().await, [200, 200, 401, 401]);
    let _ = home
        .ada
        .delete(&format!("delegations/{}", all[0].1.id))
        .await
        .expect(204);
    assert_eq!(statuses().await, [401, 401, 401, 401]);
    let _ = sibling.get("memories").await.expect(200);
    let live = home
        .hub
        .sql()
        .count("access_tokens", "kind = 'delegation' and revoked_at is null")
        .await;
    assert_eq!(live, 1, "of the sibling");
}

#[tokio::test]
async fn a_delegate_sees_and_ends_what_is_below_its_own_only() {
    let home = Home::new().await;
    let all = generations(&home).await;
    let (_, sibling) = home.service_with(&PASSES_ON).await;
    let (second, own) = &all[1];
    let listed = second.get("delegations").await.expect(200);
    let ids: Vec<&str> = listed
        .items()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    let below: Vec<&str> = all[1..].iter().map(|(_, given)| given.id.as_str()).collect();
    assert_eq!(ids, below);
    assert!(!listed.told().contains("hubg_"), "{}", listed.told());
    for hidden in [&all[0].1, &sibling] {
        let path = format!("delegations/{}", hidden.id);
        let _ = second.get(&path).await.refuses(404, "not_found");
        let _ = second.delete(&path).await.refuses(404, "not_found");
    }
    let own = format!("delegations/{}", own.id);
    let _ = second.get(&own).await.expect(200);
    let _ = second.delete(&own).await.refuses(404, "not_found");
    let _ = second.get("memories").await.expect(200);
}

#[tokio::test]
async fn the_secret_is_shown_once_and_kept_nowhere() {
    let home = Home::new().await;
    let wish = to_service(&["memories:read"]);
    let asked = || {
        let asked = home.ada.ask(Method::POST, "delegations");
        asked.header("idempotency-key", "mine").json(&wish)
    };
    let made = asked().send().await.expect(201);
    let again = asked().send().await.expect(201);
    assert_eq!(again.json["delegation"], made.json["delegation"]);
    assert_eq!(again.json.get("secret"), None);
    for table in [
        "delegations",
        "access_tokens",
        "idempotency_keys",
        "audit_entries",
    ] {
        let query = format!("select count(*) from hub.{table} t where t::text like '%hubg_%'");
        assert_eq!(home.hub.sql().value::<i64>(&query).await, 0, "{table}");
    }
}

#[tokio::test]
async fn an_agent_has_only_so_many() {
    let home = Home::new().await;
    let (_, given) = home.bob_with(&PASSES_ON).await;
    let more = MOST_LIVE - 1;
    home.sql(&format!(
        "insert into hub.delegations (agent_id, id, depth, to_service, scopes, issuer_agent_id, issued_by, created_at, expires_at)
         select agent_id, gen_random_uuid(), 1, 'many', scopes, issuer_agent_id, issued_by, created_at, expires_at
         from hub.delegations, generate_series(1, {more}) where id = '{}'",
        given.id
    ))
    .await;
    let _ = home
        .ada
        .post("delegations", to_service(&["memories:read"]))
        .await
        .refuses(409, "too_many_delegations");
    let _ = home
        .ada
        .delete(&format!("delegations/{}", given.id))
        .await
        .expect(204);
    let _ = give(&home.ada, to_service(&["memories:read"])).await;
}
