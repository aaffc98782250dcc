//! `/v1/agents/{agent_id}/tokens`: what a person gives to a program.

use axum::http::Method;
use chrono::Duration;
use hub::identity::{Role, personal_token::MOST};
use serde_json::{Value, json};
use support::{Client, Rest, TestHub, User};

struct Home {
    hub: TestHub,
    rest: Rest,
    ada: Client,
    bob: User,
    his: Client,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let rest = Rest::of(&hub);
        let ada = rest.user(&hub.owner("ada").await).await;
        let bob = hub.member("bob").await;
        let his = rest.user(&bob).await;
        Self {
            hub,
            rest,
            ada,
            bob,
            his,
        }
    }

    /// A program of somebody's, and the id of its token.
    async fn program(&self, of: &Client, scopes: &[&str]) -> (Client, String) {
        let made = of.post("tokens", wish(scopes)).await.expect(201);
        let program = self.rest.bearer(made.text("/secret"));
        (program, made.text("/token/id").to_owned())
    }

    async fn bob_becomes(&self, role: Role) {
        let sql = format!(
            "update hub.memberships set role = '{}' where user_id = '{}'",
            role.as_str(),
            self.bob.id
        );
        self.hub.sql().execute(&sql).await;
    }
}

fn wish(scopes: &[&str]) -> Value {
    json!({"name": "backup script", "scopes": scopes})
}

#[tokio::test]
async fn a_token_does_what_its_scopes_and_the_role_of_its_user_allow() {
    let home = Home::new().await;
    let (program, _) = home.program(&home.his, &["memories:read", "turns:read"]).await;
    let _ = program.get("memories").await.expect(200);
    let refused = program.get("devices").await.refuses(403, "forbidden");
    assert!(refused.told().contains("devices:read"), "{}", refused.told());
    // It acts for its user, but it is not at a sign-in.
    for hub_wide in ["/v1/me", "/v1/sign-out"] {
        let method = if hub_wide == "/v1/me" {
            Method::GET
        } else {
            Method::POST
        };
        let _ = program.ask(method, hub_wide).send().await.expect(403);
    }
    home.bob_becomes(Role::Guest).await;
    let _ = program.get("memories").await.refuses(403, "forbidden");
    let _ = program.get("turns").await.expect(200);
    home.bob_becomes(Role::Blocked).await;
    let _ = program.get("turns").await.refuses(404, "not_found");
    home.bob_becomes(Role::Member).await;
    let _ = program.get("memories").await.expect(200);
    let left = format!(
        "update hub.memberships set revoked_at = now() where user_id = '{}'",
        home.bob.id
    );
    home.hub.sql().execute(&left).await;
    let _ = program.get("turns").await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_token_makes_and_ends_no_tokens_and_grants_nothing_that_its_user_lacks() {
    let home = Home::new().await;
    let (program, id) = home.program(&home.his, &["tokens:read"]).await;
    assert_eq!(program.get("tokens").await.expect(200).items().len(), 1);
    let _ = program
        .post("tokens", wish(&["turns:read"]))
        .await
        .refuses(403, "forbidden");
    let _ = program
        .delete(&format!("tokens/{id}"))
        .await
        .refuses(403, "forbidden");
    let cases = [
        (wish(&[]), "/scopes"),
        (wish(&["turns:read", "tokens:write"]), "/scopes/1"),
        (wish(&["events:write"]), "/scopes/0"),
        (wish(&["everything"]), "/scopes/0"),
        (wish(&["turns:read", "turns:read"]), "/scopes/1"),
        (wish(&["devices:write"]), "/scopes/0"),
        (wish(&["actions:decide"]), "/scopes/0"),
        // A member may not replay jobs.
        (wish(&["turns:read", "jobs:write"]), "/scopes/1"),
        (json!({"name": " ", "scopes": ["turns:read"]}), "/name"),
        (
            json!({"name": "x", "scopes": ["turns:read"], "expires_in_s": 59}),
            "/expires_in_s",
        ),
        (
            json!({"name": "x", "scopes": ["turns:read"], "expires_in_s": 31_622_401}),
            "/expires_in_s",
        ),
    ];
    for (body, pointer) in cases {
        let refused = home.his.post("tokens", body.clone()).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{body}: {}", refused.told());
    }
    assert_eq!(home.hub.sql().count("access_tokens", "kind = 'user'").await, 1);
}

#[tokio::test]
async fn the_secret_is_shown_once_and_kept_nowhere() {
    let home = Home::new().await;
    let asked = || {
        let asked = home
            .his
            .ask(Method::POST, "tokens")
            .header("idempotency-key", "mine");
        asked.json(&wish(&["turns:read"]))
    };
    let made = asked().send().await.expect(201);
    let again = asked().send().await.expect(201);
    assert_eq!(again.json["token"], made.json["token"]);
    assert_eq!(again.json.get("secret"), None);
    let secret = made.text("/secret");
    assert!(secret.starts_with("hubt_") && secret.len() == 48, "{secret}");
    let listed = home.his.get("tokens").await.expect(200);
    assert_eq!(listed.items(), [made.json["token"].clone()]);
    assert!(!listed.told().contains(secret));
    let kept = format!("access_tokens::text like '%{secret}%'");
    assert_eq!(home.hub.sql().count("access_tokens", &kept).await, 0);
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over_or_it_is_revoked() {
    let home = Home::new().await;
    let short = json!({"name": "x", "scopes": ["turns:read"], "expires_in_s": 60});
    let made = home.his.post("tokens", short).await.expect(201);
    let short = home.rest.bearer(made.text("/secret"));
    let (long, id) = home.program(&home.his, &["turns:read"]).await;
    for program in [&short, &long] {
        let _ = program.get("turns").await.expect(200);
    }
    home.hub.clock.advance(Duration::seconds(60));
    let _ = short.get("turns").await.refuses(401, "unauthenticated");
    let _ = long.get("turns").await.expect(200);
    for _ in 0..2 {
        let _ = home
            .rest
            .user(&home.bob)
            .await
            .delete(&format!("tokens/{id}"))
            .await
            .expect(204);
    }
    let _ = long.get("turns").await.refuses(401, "unauthenticated");
    assert_eq!(
        home.hub
            .sql()
            .count("audit_entries", "operation = 'revoke_token'")
            .await,
        1
    );
}

#[tokio::test]
async fn tokens_are_their_users_own_and_the_owner_sees_and_ends_all_of_them() {
    let home = Home::new().await;
    let (_, his) = home.program(&home.his, &["turns:read"]).await;
    let (_, hers) = home.program(&home.ada, &["turns:read"]).await;
    let eva = home
        .rest
        .user(&home.hub.home.user("eva", Role::Admin).await)
        .await;
    let away = home.hub.household("away").await;
    let stranger = home.rest.user(&away.owner("stranger").await).await;
    assert_eq!(home.his.get("tokens").await.expect(200).items().len(), 1);
    assert_eq!(eva.get("tokens").await.expect(200).items().len(), 0);
    for other in [&eva, &stranger] {
        let _ = other
            .delete(&format!("tokens/{his}"))
            .await
            .refuses(404, "not_found");
    }
    let _ = home
        .his
        .delete(&format!("tokens/{hers}"))
        .await
        .refuses(404, "not_found");
    assert_eq!(home.ada.get("tokens").await.expect(200).items().len(), 2);
    let _ = home.ada.delete(&format!("tokens/{his}")).await.expect(204);
    // A device's credential is no personal one.
    let device: String = home
        .hub
        .sql()
        .value("select id::text from hub.access_tokens where kind = 'device' limit 1")
        .await;
    let _ = home
        .ada
        .delete(&format!("tokens/{device}"))
        .await
        .refuses(404, "not_found");
}

#[tokio::test]
async fn a_token_is_good_at_its_own_agent_only() {
    let home = Home::new().await;
    let away = home.hub.household("away").await;
    let joins = format!(
        "insert into hub.memberships (agent_id, id, user_id, role, created_at)
         values ('{}', gen_random_uuid(), '{}', 'admin', now())",
        away.agent, home.bob.id
    );
    home.hub.sql().execute(&joins).await;
    let at_home = format!("/v1/agents/{}/tokens", home.hub.home.agent);
    let made = home.his.post(&at_home, wish(&["turns:read"])).await.expect(201);
    let program = home.rest.bearer(made.text("/secret"));
    // `self` is the token's agent, though its user has two.
    let _ = program.get("/v1/agents/self/turns").await.expect(200);
    let elsewhere = format!("/v1/agents/{}/turns", away.agent);
    let _ = home.his.get(&elsewhere).await.expect(200);
    let _ = program.get(&elsewhere).await.refuses(404, "not_found");
}

/// Else its answers would tell what it may not read.
#[tokio::test]
async fn a_token_that_talks_and_hears_the_answer_may_read_what_is_remembered() {
    let home = Home::new().await;
    let talks = ["turns:read", "messages:write"];
    for hears in ["turns:read", "events:read"] {
        let refused = home.his.post("tokens", wish(&[hears, "messages:write"])).await;
        let _ = refused.points_at("/scopes/1");
    }
    let all = ["turns:read", "messages:write", "memories:read"];
    let _ = home.his.post("tokens", wish(&all)).await.expect(201);
    // A guest is answered from nothing of the household's.
    home.bob_becomes(Role::Guest).await;
    let (program, _) = home.program(&home.his, &talks).await;
    let said = |id: &str| json!({"client_id": id, "content": [{"type": "text", "text": "hello"}]});
    let _ = program.post("messages", said("1")).await.expect(202);
    home.hub.run_jobs().await;
    // Once he is more, it is not good for that any more.
    home.bob_becomes(Role::Member).await;
    let _ = program
        .post("messages", said("2"))
        .await
        .refuses(403, "forbidden");
}

#[tokio::test]
async fn what_a_token_does_is_audited_by_its_name() {
    let home = Home::new().await;
    let (program, id) = home.program(&home.his, &["messages:write"]).await;
    let said = json!({"client_id": "1", "content": [{"type": "text", "text": "good morning"}]});
    let _ = program.post("messages", said).await.expect(202);
    let by = "select body::jsonb -> 'principal' ->> 'access_token_id' from hub.audit_entries
              where operation = 'append_events' order by agent_seq desc limit 1";
    assert_eq!(home.hub.sql().value::<Option<String>>(by).await, Some(id));
    home.hub.expect_leftovers();
}

#[tokio::test]
async fn nobody_has_more_tokens_than_somebody_can_know() {
    let home = Home::new().await;
    let many = format!(
        "insert into hub.access_tokens (agent_id, id, kind, user_id, name, token_sha256, scopes, created_at, expires_at)
         select '{}', gen_random_uuid(), 'user', '{}', 'x', sha256(n::text::bytea), '{{}}', now(), '2030-01-01'
         from generate_series(1, {MOST} - 1) as n",
        home.hub.home.agent, home.bob.id
    );
    home.hub.sql().execute(&many).await;
    let (_, id) = home.program(&home.his, &["turns:read"]).await;
    let _ = home
        .his
        .post("tokens", wish(&["turns:read"]))
        .await
        .refuses(409, "too_many_tokens");
    let _ = home.his.delete(&format!("tokens/{id}")).await.expect(204);
    let _ = home.his.post("tokens", wish(&["turns:read"])).await.expect(201);
}
