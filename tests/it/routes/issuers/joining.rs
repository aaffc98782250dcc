//! Who comes in by an issuer, and who does not.

use super::*;

#[tokio::test]
async fn who_an_issuer_vouches_for_joins_with_a_code_and_needs_no_password() {
    for key in [Key::ec("one"), Key::rsa("one")] {
        let home = Home::with(&[&key]).await;
        let token = key.signs(&home.claims("subject-1"));
        let bob = home.bearer(&token);
        // Nobody yet, and made by nothing but a code.
        for path in ["/v1/me", "turns"] {
            let refused = bob.get(path).await.refuses(401, "unauthenticated");
            assert!(refused.told().contains("invitation"), "{}", refused.told());
        }
        let no_name = json!({"code": home.code().await});
        let _ = bob
            .post("/v1/invitations/accept", no_name)
            .await
            .points_at("/name");
        let _ = home.joins(&token, "ADA").await.refuses(409, "name_taken");
        let joined = home.joins(&token, "bob").await.expect(201);
        assert_eq!(
            joined.json.get("access_token"),
            None,
            "the issuer gives the tokens"
        );
        let me = bob.get("/v1/me").await.expect(200);
        assert_eq!((me.text("/name"), me.text("/agents/0/role")), ("bob", "member"));
        let _ = bob.get("members").await.expect(200);
        // Another token of the same subject is the same user, another subject is not.
        let again = key.signs(&home.claims("subject-1"));
        assert_eq!(home.bearer(&again).get("/v1/me").await.expect(200).json, me.json);
        let other = key.signs(&home.claims("subject-2"));
        let _ = home
            .bearer(&other)
            .get("/v1/me")
            .await
            .refuses(401, "unauthenticated");
        // There is no password to guess, and nothing to sign out of.
        let sign_in = json!({"name": "bob", "password": "no password"});
        let _ = home
            .rest
            .nobody()
            .post("/v1/sign-in", sign_in)
            .await
            .refuses(401, "unauthenticated");
        let _ = bob
            .ask(Method::POST, "/v1/sign-out")
            .send()
            .await
            .refuses(403, "forbidden");
        let _ = bob.ask(Method::POST, "members/leave").send().await.expect(200);
        let _ = bob.get("turns").await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn a_fresh_agent_is_claimed_by_whom_an_issuer_vouches_for() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let grace = home.bearer(&key.signs(&home.claims("s")));
    let code = async |name| {
        let fresh = home.hub.household(name).await;
        let code = mint_code(&home.hub, fresh.agent)
            .await
            .expect("a code can be made");
        code.expose_secret().to_owned()
    };
    let body = json!({"code": code("fresh").await, "name": "grace"});
    let claimed = grace.post("/v1/claim", body).await.expect(201);
    assert_eq!(claimed.json.get("refresh_token"), None);
    let me = grace.get("/v1/me").await.expect(200);
    assert_eq!(me.text("/agents/0/role"), "owner");
    // A second one by the same token, and without a name.
    let _ = grace
        .post("/v1/claim", json!({"code": code("second").await}))
        .await
        .expect(201);
    assert_eq!(home.hub.sql().count("users", "name = 'grace'").await, 1);
}

#[tokio::test]
async fn a_user_who_is_disabled_comes_in_by_no_issuer() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let token = key.signs(&home.claims("s"));
    let _ = home.joins(&token, "bob").await.expect(201);
    home.hub
        .sql()
        .execute("update hub.users set disabled_at = now() where name = 'bob'")
        .await;
    for path in ["/v1/me", "turns"] {
        let _ = home
            .bearer(&token)
            .get(path)
            .await
            .refuses(401, "unauthenticated");
    }
    let _ = home.joins(&token, "bob2").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn two_who_come_at_once_with_one_token_are_one_user() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let token = key.signs(&home.claims("s"));
    let (first, second) = (home.code().await, home.code().await);
    let bob = home.bearer(&token);
    let join = async |code: &str, name: &str| {
        let body = json!({"code": code, "name": name});
        bob.post("/v1/invitations/accept", body).await
    };
    let (one, other) = tokio::join!(join(&first, "bob"), join(&second, "rob"));
    let statuses = [one.status.as_u16(), other.status.as_u16()];
    assert!(statuses.contains(&201), "{}\n{}", one.told(), other.told());
    assert!(
        statuses.contains(&409) || statuses.contains(&422),
        "{}\n{}",
        one.told(),
        other.told()
    );
    assert_eq!(home.hub.sql().count("user_identities", "true").await, 1);
    assert_eq!(home.hub.sql().count("users", "true").await, 2);
}

#[tokio::test]
async fn what_is_watched_by_a_token_ends_with_the_token_and_with_its_user() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let served = Served::start(&home.hub).await;
    let claims = home.claims("s");
    let token = key.signs(&claims);
    let _ = home.joins(&token, "bob").await.expect(201);
    let watches = async |token: &str| {
        let mut stream = Listening::to(&served, &home.bearer(token), "events/stream", None).await;
        assert_eq!(stream.next().await.expect("it begins").event, "started");
        stream
    };
    let is_over = async |mut stream: Listening| {
        let over = timeout(Time::from_secs(3), stream.next()).await.expect("it ends");
        let over = over.expect("it says why");
        assert_eq!(
            (over.event.as_str(), over.data["reason"].as_str()),
            ("goodbye", Some("revoked"))
        );
    };
    let stream = watches(&token).await;
    home.hub.clock.advance(Duration::seconds(3_660));
    is_over(stream).await;
    let fresh = key.signs(&home.claims("s"));
    let stream = watches(&fresh).await;
    home.hub
        .sql()
        .execute("update hub.users set disabled_at = now() where name = 'bob'")
        .await;
    is_over(stream).await;
}

#[tokio::test]
async fn an_owner_who_has_no_password_passes_the_agent_on_just_signed_in() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let claims = home.claims("s");
    let _ = home.joins(&key.signs(&claims), "bob").await.expect(201);
    let members = home.ada.get("members").await.expect(200);
    let of = |name: &str| {
        let mut all = members.items().iter();
        let found = all.find(|member| member["name"] == name).expect("they are there");
        found["user_id"].as_str().expect("an id").to_owned()
    };
    for (role, whose) in [("admin", of("ada")), ("owner", of("bob"))] {
        let agent = home.hub.home.agent;
        let sql = format!(
            "update hub.memberships set role = '{role}' where agent_id = '{agent}' and user_id = '{whose}'"
        );
        home.hub.sql().execute(&sql).await;
    }
    let path = format!("members/{}/transfer-ownership", of("ada"));
    let now = home.hub.clock.now().timestamp();
    for stale in [
        Value::Null,
        json!(now - 300),
        json!(now + 120),
        json!("yesterday"),
        json!(i64::MAX),
    ] {
        let bob = home.bearer(&key.signs(&changed(&claims, "auth_time", stale.clone())));
        let refused = bob.post(&path, json!({})).await.refuses(409, "sign_in_again");
        assert!(
            refused.text("/detail").contains("sign in at your issuer again"),
            "{stale}"
        );
        let typed = json!({"password": "no password"});
        let _ = bob.post(&path, typed).await.refuses(409, "sign_in_again");
    }
    let fresh = key.signs(&changed(&claims, "auth_time", json!(now - 299)));
    let passed = home.bearer(&fresh).post(&path, json!({})).await.expect(200);
    assert_eq!(passed.text("/role"), "owner");
    // Whoever comes by a sign-in types a password, as before.
    let back = format!("members/{}/transfer-ownership", of("bob"));
    let missing = home.ada.post(&back, json!({})).await;
    let _ = missing.refuses(422, "invalid").points_at("/password");
}
