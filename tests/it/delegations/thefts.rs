//! What somebody tries who has a delegation that was not given to them, or a caller's credential without one.

use axum::http::Method;
use hub::identity::Role;
use serde_json::json;
use support::Api;

use super::{Home, give, says, to_service};

const SCOPES: [&str; 2] = ["memories:read", "agents:read"];

#[tokio::test]
async fn a_delegation_to_a_service_does_what_its_scopes_say_and_no_more() {
    let home = Home::new().await;
    let (service, given) = home.service_with(&SCOPES).await;
    assert!(
        given.secret.starts_with("hubg_") && given.secret.len() == 48,
        "{}",
        given.secret
    );
    let _ = service.get("memories").await.expect(200);
    let refused = service.get("turns").await.refuses(403, "forbidden");
    assert!(refused.told().contains("turns:read"), "{}", refused.told());
    let _ = service
        .post("messages", says("hello"))
        .await
        .refuses(403, "forbidden");
    let _ = service.get("/v1/me").await.refuses(401, "unauthenticated");
    // Nobody passes on what they were not given.
    let _ = service
        .post("delegations", to_service(&["memories:read"]))
        .await
        .refuses(403, "forbidden");
    let elsewhere = format!("/v1/agents/{}/memories", home.beta.agent);
    let _ = service.get(&elsewhere).await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_delegation_to_an_agent_is_worth_nothing_without_somebody_of_that_agent() {
    let home = Home::new().await;
    let (bob, given) = home.bob_with(&SCOPES).await;
    let secret = &given.secret;
    let _ = bob.get("memories").await.expect(200);
    let of_agent = bob.get("").await;
    assert_eq!(of_agent.status, 404, "a path without an operation");
    let seen = bob.get("/v1/agents/self").await.expect(200);
    assert_eq!(seen.json["id"], json!(home.hub.home.agent));
    // The delegation alone, as a credential of its own and beside none.
    let _ = home
        .rest
        .bearer(secret)
        .get("memories")
        .await
        .refuses(401, "unauthenticated");
    let _ = home
        .rest
        .nobody()
        .acting_by(secret)
        .get("memories")
        .await
        .refuses(401, "unauthenticated");
    // Beside the credential of somebody else: who gave it, a third agent's owner, a device, one that is none.
    let gamma = home.hub.household("gamma").await;
    let cleo = home.rest.user(&gamma.owner("cleo").await).await;
    let thieves = [
        home.ada.clone(),
        cleo,
        home.rest.device(&home.beta.kitchen),
        home.rest.device(&home.hub.home.kitchen),
        home.rest
            .bearer("hubt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        home.of_beta("gina", Role::Guest).await,
        home.of_beta("blocked", Role::Blocked).await,
    ];
    for (number, thief) in thieves.into_iter().enumerate() {
        let refused = thief.acting_by(secret).get("memories").await;
        assert_eq!(refused.status, 401, "thief {number}: {}", refused.told());
    }
    // Anybody of the agent may who may act for others.
    let carl = home.of_beta("carl", Role::Member).await;
    let _ = carl.acting_by(secret).get("memories").await.expect(200);
    assert_eq!(home.seen(&given).await["uses"], 3, "only what was let through");
}

#[tokio::test]
async fn the_callers_credential_is_worth_nothing_there_without_the_delegation() {
    let home = Home::new().await;
    let (bob, given) = home.bob_with(&SCOPES).await;
    let _ = bob.get("/v1/agents/self").await.expect(200);
    let own = home.his.get("/v1/agents/self").await.expect(200);
    assert_eq!(own.json["id"], json!(home.beta.agent), "his own agent");
    let hers = format!("/v1/agents/{}/memories", home.hub.home.agent);
    let _ = home.his.get(&hers).await.refuses(404, "not_found");
    // With it he is at her agent only, whatever path he names, and at no other place of his own.
    let his_own = format!("/v1/agents/{}/memories", home.beta.agent);
    let _ = bob.get(&his_own).await.refuses(404, "not_found");
    for (method, path) in [(Method::GET, "/v1/me"), (Method::POST, "/v1/sign-out")] {
        let refused = bob.ask(method, path).send().await;
        let _ = refused.refuses(401, "unauthenticated");
    }
    let _ = home.his.get("/v1/me").await.expect(200);
    // Nor is the secret of a delegation one that nearly is.
    for wrong in [
        "",
        "hubg_",
        &given.secret[..47],
        &given.secret.to_lowercase(),
        &format!("{}x", given.secret),
        "' or true --",
    ] {
        let refused = home.his.clone().acting_by(wrong).get("memories").await;
        assert_eq!(refused.status, 401, "{wrong}: {}", refused.told());
    }
}

/// At an agent it is obeyed or refused: `policy::permissions` asks each operation there.
#[tokio::test]
async fn beside_what_is_of_no_agent_a_delegation_is_refused_and_never_ignored() {
    let home = Home::new().await;
    let (bob, given) = home.bob_with(&SCOPES).await;
    let api = Api::read();
    let of_no_agent = api
        .operations
        .iter()
        .filter(|one| !one.path.starts_with("/v1/agents/"));
    let mut paths: Vec<(Method, &str)> = of_no_agent
        .map(|one| (one.method.clone(), one.path.as_str()))
        .collect();
    assert!(paths.len() >= 11, "{paths:?}");
    // What is not in the document.
    for path in [
        "/openapi.json",
        "/pair",
        "/v1/artifact-bytes/some",
        "/v1/consoles/connect",
        "/v1/satellites/connect",
    ] {
        paths.push((Method::GET, path));
    }
    let nobody = home.rest.nobody().acting_by(&given.secret);
    for (method, path) in paths {
        for client in [&bob, &nobody] {
            let refused = client.ask(method.clone(), path).send().await;
            assert_eq!(refused.status, 401, "{method} {path}: {}", refused.told());
            assert!(refused.told().contains("leave out Hub-Delegation"), "{path}");
        }
    }
    assert_eq!(home.seen(&given).await["uses"], 0);
    let _ = home.his.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_program_acts_only_with_the_scope_and_a_token_of_the_agent_that_was_meant() {
    let home = Home::new().await;
    let given = give(&home.ada, home.to_beta(&SCOPES)).await;
    let program = async |scopes: &[&str]| {
        let wish = json!({"name": "a program", "scopes": scopes});
        let made = home.his.post("tokens", wish).await.expect(201);
        (
            home.rest.bearer(made.text("/secret")),
            made.text("/token/id").to_owned(),
        )
    };
    let (plain, _) = program(&["memories:read"]).await;
    let _ = plain
        .acting_by(&given.secret)
        .get("memories")
        .await
        .refuses(401, "unauthenticated");
    let (may, id) = program(&["agents:delegate"]).await;
    let acting = may.clone().acting_by(&given.secret);
    let _ = acting.get("memories").await.expect(200);
    let _ = may.get("memories").await.refuses(403, "forbidden");
    // It lets nobody in: what it made would be good after its own end.
    let wide = give(&home.ada, home.to_beta(&["memories:read", "delegations:write"])).await;
    let child = to_service(&["memories:read"]);
    let program = may.clone().acting_by(&wide.secret);
    let _ = program
        .post("delegations", child.clone())
        .await
        .refuses(403, "forbidden");
    let by_hand = home.his.clone().acting_by(&wide.secret);
    let _ = by_hand.post("delegations", child).await.expect(201);
    let _ = home.his.delete(&format!("tokens/{id}")).await.expect(204);
    let _ = acting.get("memories").await.refuses(401, "unauthenticated");
    // Of somebody who belongs to the agent that is meant, but by their token for another one.
    let gamma = home.hub.household("gamma").await;
    let mut tx = gamma.whole().await;
    assert!(tx.identity().join(home.bob.id, Role::Owner, false).await.unwrap());
    tx.commit().await.unwrap();
    let wish = json!({"name": "at gamma", "scopes": ["agents:delegate"]});
    let at_gamma = format!("/v1/agents/{}/tokens", gamma.agent);
    let made = home.his.post(&at_gamma, wish).await.expect(201);
    let acting = home.rest.bearer(made.text("/secret")).acting_by(&given.secret);
    let _ = acting.get("memories").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn a_services_delegation_is_no_agents_and_an_agents_no_services() {
    let home = Home::new().await;
    let (service, given) = home.service_with(&SCOPES).await;
    let beside = home.his.clone().acting_by(&given.secret);
    let _ = beside.get("memories").await.refuses(401, "unauthenticated");
    let twice = service.acting_by(&given.secret);
    let _ = twice.get("memories").await.refuses(401, "unauthenticated");
    assert_eq!(home.seen(&given).await["uses"], 0);
}

#[tokio::test]
async fn a_delegate_sees_what_the_household_sees_and_nobodys_private_things() {
    let home = Home::new().await;
    let said = says("remember that the marzipan is mine");
    let private = home.ada.post("messages", said).await.expect(202);
    let private = private.text("/turn_id");
    home.hub
        .home
        .kitchen
        .hears("remember that the treacle is ours")
        .await;
    home.hub.run_jobs().await;
    let scopes = [
        "memories:read",
        "events:read",
        "sessions:read",
        "turns:read",
        "messages:write",
    ];
    let (bob, _) = home.bob_with(&scopes).await;
    let (service, _) = home.service_with(&scopes).await;
    for delegate in [bob, service] {
        for path in ["memories", "events", "turns", "sessions"] {
            let told = delegate.get(path).await.expect(200).told();
            assert!(!told.contains("marzipan"), "{path}: {told}");
        }
        let asked = json!({"question": "marzipan treacle"});
        let told = delegate.post("recall", asked).await.expect(200).told();
        assert!(!told.contains("marzipan") && told.contains("treacle"), "{told}");
        let _ = delegate
            .get(&format!("turns/{private}"))
            .await
            .refuses(404, "not_found");
    }
}

#[tokio::test]
async fn what_a_delegate_says_is_believed_least() {
    let home = Home::new().await;
    let (bob, _) = home
        .bob_with(&["memories:read", "messages:write", "turns:read"])
        .await;
    let sent = bob
        .post("messages", says("the office is at Elm Street"))
        .await
        .expect(202);
    home.hub.run_jobs().await;
    let turn = format!("turns/{}", sent.text("/turn_id"));
    assert_eq!(bob.get(&turn).await.expect(200).json["state"], "planned");
    let event = sent.text("/event_id");
    let query = format!("select trust from hub.events where id = '{event}'");
    assert_eq!(home.hub.sql().value::<String>(&query).await, "outside");
    let trusted = home
        .hub
        .sql()
        .count("memories", "trust <> 'outside' or tier <> 'episodic'")
        .await;
    assert_eq!(trusted, 0);
}

/// Blocked is blocked on every path, also on that by one's own agent.
#[tokio::test]
async fn whoever_is_blocked_at_the_agent_does_not_act_for_it_either() {
    let home = Home::new().await;
    let (bob, given) = home.bob_with(&["memories:read", "delegations:write"]).await;
    let child = give(&bob, to_service(&["memories:read"])).await;
    let service = home.rest.bearer(&child.secret);
    let _ = service.get("memories").await.expect(200);
    let (agent, user) = (home.hub.home.agent, home.bob.id);
    home.sql(&format!(
        "insert into hub.memberships (agent_id, id, user_id, role, created_at)
         values ('{agent}', gen_random_uuid(), '{user}', 'blocked', now())"
    ))
    .await;
    let _ = bob.get("memories").await.refuses(401, "unauthenticated");
    // Nor does whatever they passed on.
    let _ = service.get("memories").await.refuses(401, "unauthenticated");
    assert_eq!(home.seen(&given).await["uses"], 2);
}

/// What one delegate calls a message is nobody else's, and neither is their talk.
#[tokio::test]
async fn what_a_delegate_says_meets_nothing_of_another() {
    let home = Home::new().await;
    let scopes = ["memories:read", "messages:write", "turns:read"];
    let (bob, given) = home.bob_with(&scopes).await;
    let carl = home.of_beta("carl", Role::Member).await.acting_by(&given.secret);
    let (again, _) = home.bob_with(&scopes).await;
    let (service, _) = home.service_with(&scopes).await;
    let named = |text: &str| json!({"client_id": "1", "content": [{"type": "text", "text": text}]});
    let mut events = Vec::new();
    for (who, text) in [
        (&bob, "the word is zanzibar"),
        (&carl, "the word is zanzibar"),
        (&again, "what was said before"),
        (&service, "what was said before"),
    ] {
        let sent = who.post("messages", named(text)).await.expect(202);
        assert_eq!(sent.json["outcome"], "accepted");
        events.push(sent.text("/event_id").to_owned());
    }
    let repeated = bob
        .post("messages", named("the word is zanzibar"))
        .await
        .expect(202);
    assert_eq!(
        (&repeated.json["outcome"], repeated.text("/event_id")),
        (&json!("duplicate"), events[0].as_str())
    );
    home.hub.run_jobs().await;
    let sessions: Vec<String> = home
        .hub
        .sql()
        .values("select session_id::text from hub.events where type = 'message.user' order by position")
        .await;
    assert_eq!(sessions[0], sessions[1], "both act by one delegation");
    let others: std::collections::BTreeSet<&String> = sessions[1..].iter().collect();
    assert_eq!(others.len(), 3, "{sessions:?}");
}
