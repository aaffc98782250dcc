//! `/v1/sign-in`, `/v1/sign-in/refresh`, `/v1/sign-out`

use axum::http::Method;
use chrono::Duration;
use hub::identity::{refresh::GRACE, sign_in::SIGN_IN_LIFE, tokens::LIFE};
use serde_json::{Value, json};
use support::{Answer, Client, Rest, TestHub, User};

use crate::sample::{PASSWORD, Sample, ask};

/// The chain of what concerns no agent.
const HUB_CHAIN: &str = "agent_id = '00000000-0000-0000-0000-000000000000'";

async fn sign_in(client: &Client, name: &str, password: &str) -> Answer {
    client
        .post("/v1/sign-in", json!({"name": name, "password": password}))
        .await
}

async fn refresh(client: &Client, token: &str) -> Answer {
    client
        .post("/v1/sign-in/refresh", json!({"refresh_token": token}))
        .await
}

async fn sign_out(client: &Client) -> Answer {
    client.ask(Method::POST, "/v1/sign-out").send().await
}

async fn home() -> (TestHub, Rest, User) {
    let hub = TestHub::start().await;
    let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
    (hub, rest, ada)
}

#[tokio::test]
async fn name_and_password_give_tokens_in_any_case_of_the_name() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let signed_in = sign_in(&sample.rest.nobody(), &name.to_uppercase(), PASSWORD)
        .await
        .expect(200);
    assert_eq!(signed_in.json["token_type"], "Bearer");
    assert_eq!(signed_in.json["expires_in_s"], LIFE.num_seconds());
    let client = sample.rest.bearer(signed_in.text("/access_token"));
    assert_eq!(client.get("/v1/me").await.expect(200).text("/name"), name);
}

#[tokio::test]
async fn nobody_between_keeps_an_answer_with_a_token() {
    let sample = Sample::new().await;
    for (operation, token) in [
        ("claim_agent", "/refresh_token"),
        ("sign_in", "/refresh_token"),
        ("refresh_sign_in", "/refresh_token"),
        ("register_device", "/token"),
        ("get_me", "/name"),
    ] {
        let operation = sample.api.operation(operation);
        let good = sample.good(operation).await;
        let answer = ask(&sample.owner, operation, &good).send().await;
        assert!(!answer.text(token).is_empty());
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{}",
            answer.told()
        );
    }
    let refused = sign_in(&sample.rest.nobody(), "nobody", "nothing").await;
    assert_eq!(refused.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike_and_written_down() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let client = sample.rest.nobody();
    let before = sample.hub.sql().count("audit_entries", HUB_CHAIN).await;
    let mut answers = Vec::new();
    for (name, password) in [
        (name.as_str(), "another password"),
        ("nobody of this name", PASSWORD),
        (&name, ""),
    ] {
        let answer = sign_in(&client, name, password)
            .await
            .refuses(401, "unauthenticated");
        answers.push((name, answer));
    }
    let said = |answer: &Answer| {
        let mut said = answer.json.clone();
        said["request_id"] = Value::Null;
        said
    };
    assert!(
        answers
            .iter()
            .all(|(_, answer)| said(answer) == said(&answers[0].1)),
        "{answers:?}"
    );
    for (tried, answer) in &answers {
        let id = answer.text("/request_id");
        let query =
            format!("select body::jsonb from hub.audit_entries where {HUB_CHAIN} and body like '%{id}%'");
        let entry: Value = sample.hub.sql().value(&query).await;
        assert_eq!(entry["operation"], "sign_in");
        assert_eq!(entry["outcome"], "refused");
        assert_eq!(entry["principal"]["kind"], "anonymous");
        let id = format!("select id from hub.users where name = '{name}'");
        let id: uuid::Uuid = sample.hub.sql().value(&id).await;
        let whose = (*tried != "nobody of this name").then(|| json!({"kind": "user", "id": id}));
        assert_eq!(
            entry.get("resource").cloned(),
            whose,
            "whose name it is, for who reads the log"
        );
    }
    assert_eq!(
        sample.hub.sql().count("audit_entries", HUB_CHAIN).await,
        before + 3
    );
}

/// Which of them exist is not to be told by it.
#[tokio::test]
async fn a_name_and_a_password_that_nobody_can_have_are_pointed_at() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let client = sample.rest.nobody();
    let before = sample.hub.sql().count("audit_entries", HUB_CHAIN).await;
    let (long, longer) = ("x".repeat(401), "x".repeat(1_025));
    for who in [long.as_str(), "a\0b"] {
        let _ = sign_in(&client, who, PASSWORD).await.points_at("/name");
    }
    for who in [name.as_str(), "nobody of this name"] {
        let _ = sign_in(&client, who, &longer).await.points_at("/password");
    }
    let both = sign_in(&client, &long, &longer).await.points_at("/name");
    let _ = both.points_at("/password");
    // What can be is a try, whatever it is.
    for (who, password) in [("x".repeat(400), PASSWORD.to_owned()), (name, "x".repeat(1_024))] {
        let _ = sign_in(&client, &who, &password)
            .await
            .refuses(401, "unauthenticated");
    }
    let after = sample.hub.sql().count("audit_entries", HUB_CHAIN).await;
    assert_eq!(after, before + 2);
}

#[tokio::test]
async fn a_disabled_user_cannot_sign_in_and_their_tokens_die_at_once() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let tokens = sign_in(&sample.rest.nobody(), &name, PASSWORD).await.expect(200);
    let sql = format!("update hub.users set disabled_at = now() where name = '{name}'");
    sample.hub.sql().execute(&sql).await;
    let nobody = sample.rest.nobody();
    let _ = sign_in(&nobody, &name, PASSWORD)
        .await
        .refuses(401, "unauthenticated");
    let client = sample.rest.bearer(tokens.text("/access_token"));
    let _ = client.get("/v1/me").await.refuses(401, "unauthenticated");
    let _ = refresh(&nobody, tokens.text("/refresh_token"))
        .await
        .refuses(401, "unauthenticated");
}

#[tokio::test]
async fn an_access_token_lives_fifteen_minutes_and_is_renewed_by_the_refresh_token() {
    let (hub, rest, ada) = home().await;
    let session = rest.signed_in(ada.id).await;
    hub.clock.advance(LIFE);
    let _ = session.client.get("/v1/me").await.refuses(401, "unauthenticated");
    let next = refresh(&rest.nobody(), &session.refresh).await.expect(200);
    let _ = rest
        .bearer(next.text("/access_token"))
        .get("/v1/me")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_sign_in() {
    let (hub, rest, ada) = home().await;
    let session = rest.signed_in(ada.id).await;
    let nobody = rest.nobody();
    let next = refresh(&nobody, &session.refresh).await.expect(200);
    assert_ne!(next.text("/refresh_token"), session.refresh);
    hub.clock.advance(GRACE + Duration::milliseconds(1));
    let reused = refresh(&nobody, &session.refresh)
        .await
        .refuses(401, "unauthenticated");
    // Whoever has the newer token may be the thief: it is dead, too, and so are the access tokens.
    let _ = refresh(&nobody, next.text("/refresh_token"))
        .await
        .refuses(401, "unauthenticated");
    let _ = session.client.get("/v1/me").await.refuses(401, "unauthenticated");
    let client = rest.bearer(next.text("/access_token"));
    let _ = client.get("/v1/me").await.refuses(401, "unauthenticated");
    let id = reused.text("/request_id");
    let entry =
        format!("{HUB_CHAIN} and body like '%{id}%' and body like '%reuse%' and body like '%refused%'");
    assert_eq!(hub.sql().count("audit_entries", &entry).await, 1);
}

#[tokio::test]
async fn the_reuse_of_any_earlier_token_ends_the_sign_in() {
    let (hub, rest, ada) = home().await;
    let nobody = rest.nobody();
    for reused in 0..4 {
        let session = rest.signed_in(ada.id).await;
        let mut tokens = vec![session.refresh];
        for _ in 0..4 {
            let next = refresh(&nobody, tokens.last().unwrap()).await.expect(200);
            tokens.push(next.text("/refresh_token").to_owned());
        }
        hub.clock.advance(GRACE + Duration::seconds(1));
        let _ = refresh(&nobody, &tokens[reused])
            .await
            .refuses(401, "unauthenticated");
        let _ = refresh(&nobody, &tokens[4]).await.refuses(401, "unauthenticated");
        let _ = session.client.get("/v1/me").await.refuses(401, "unauthenticated");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_for_a_while() {
    let (hub, rest, ada) = home().await;
    let session = rest.signed_in(ada.id).await;
    let nobody = rest.nobody();
    let lost = refresh(&nobody, &session.refresh).await.expect(200);
    hub.clock.advance(GRACE);
    let again = refresh(&nobody, &session.refresh).await.expect(200);
    assert_eq!(again.text("/refresh_token"), lost.text("/refresh_token"));
    let client = rest.bearer(again.text("/access_token"));
    let _ = client.get("/v1/me").await.expect(200);
    let next = refresh(&nobody, again.text("/refresh_token")).await.expect(200);
    // The answer was used, so it was not lost: no grace, however early.
    let _ = refresh(&nobody, &session.refresh)
        .await
        .refuses(401, "unauthenticated");
    let _ = refresh(&nobody, next.text("/refresh_token"))
        .await
        .refuses(401, "unauthenticated");
}

#[tokio::test]
async fn two_refreshes_at_once_get_the_same_next_token() {
    let (_hub, rest, ada) = home().await;
    let session = rest.signed_in(ada.id).await;
    let nobody = rest.nobody();
    let (one, other) = tokio::join!(
        refresh(&nobody, &session.refresh),
        refresh(&nobody, &session.refresh)
    );
    let (one, other) = (one.expect(200), other.expect(200));
    assert_eq!(one.text("/refresh_token"), other.text("/refresh_token"));
    let _ = refresh(&nobody, one.text("/refresh_token")).await.expect(200);
}

#[tokio::test]
async fn a_token_that_only_names_the_family_ends_the_sign_in_and_gives_nothing() {
    let (_hub, rest, ada) = home().await;
    let session = rest.signed_in(ada.id).await;
    let forged = format!("{}.{}", session.refresh, "A".repeat(43));
    let _ = refresh(&rest.nobody(), &forged)
        .await
        .refuses(401, "unauthenticated");
    let _ = session.client.get("/v1/me").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn a_sign_in_lives_thirty_days_from_when_it_was_last_refreshed() {
    let (hub, rest, ada) = home().await;
    let nobody = rest.nobody();
    let mut token = rest.signed_in(ada.id).await.refresh;
    for _ in 0..3 {
        hub.clock.advance(SIGN_IN_LIFE - Duration::seconds(1));
        let next = refresh(&nobody, &token).await.expect(200);
        next.text("/refresh_token").clone_into(&mut token);
        let client = rest.bearer(next.text("/access_token"));
        let _ = client.get("/v1/me").await.expect(200);
    }
    hub.clock.advance(SIGN_IN_LIFE);
    let _ = refresh(&nobody, &token).await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn an_unknown_refresh_token_is_refused() {
    let (_hub, rest, _ada) = home().await;
    for token in [
        "",
        "hubr_",
        "hubr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "\0",
    ] {
        let _ = refresh(&rest.nobody(), token)
            .await
            .refuses(401, "unauthenticated");
    }
}

#[tokio::test]
async fn signing_out_ends_this_sign_in_at_once_and_no_other() {
    let (_hub, rest, ada) = home().await;
    let (here, there) = (rest.signed_in(ada.id).await, rest.signed_in(ada.id).await);
    let _ = sign_out(&here.client).await.expect(204);
    let _ = here.client.get("/v1/me").await.refuses(401, "unauthenticated");
    let _ = sign_out(&here.client).await.refuses(401, "unauthenticated");
    let _ = refresh(&rest.nobody(), &here.refresh)
        .await
        .refuses(401, "unauthenticated");
    let _ = there.client.get("/v1/me").await.expect(200);
    let _ = refresh(&rest.nobody(), &there.refresh).await.expect(200);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_sign_in_of_the_user_and_nobody_elses() {
    let (hub, rest, ada) = home().await;
    let (here, there) = (rest.signed_in(ada.id).await, rest.signed_in(ada.id).await);
    let bob = rest.user(&hub.member("bob").await).await;
    let everywhere = here.client.ask(Method::POST, "/v1/sign-out/everywhere");
    let _ = everywhere.send().await.expect(204);
    for session in [&here, &there] {
        let _ = session.client.get("/v1/me").await.refuses(401, "unauthenticated");
        let _ = refresh(&rest.nobody(), &session.refresh)
            .await
            .refuses(401, "unauthenticated");
    }
    let _ = bob.get("/v1/me").await.expect(200);
    let told = "operation = 'sign_out' and body::jsonb #>> '{details,ended_sign_ins}' = '2'";
    assert_eq!(hub.sql().count("audit_entries", told).await, 1);
}

#[tokio::test]
async fn who_chooses_another_password_keeps_their_sign_in_and_ends_the_others() {
    const NEW: &str = "a better horse battery";
    let sample = Sample::new().await;
    let (nobody, name) = (sample.rest.nobody(), sample.user_with_password().await);
    let stolen = sign_in(&nobody, &name, PASSWORD).await.expect(200);
    let own = sign_in(&nobody, &name, PASSWORD).await.expect(200);
    let client = sample.rest.bearer(own.text("/access_token"));
    let change = async |old: &str, new: &str| {
        let body = json!({"password": old, "new_password": new});
        client
            .ask(Method::PUT, "/v1/me/password")
            .json(&body)
            .send()
            .await
    };
    let _ = change(PASSWORD, "short").await.points_at("/new_password");
    let _ = change("not the password", NEW).await.points_at("/password");
    let stolen_client = sample.rest.bearer(stolen.text("/access_token"));
    let _ = stolen_client.get("/v1/me").await.expect(200);
    let _ = change(PASSWORD, NEW).await.expect(204);
    let _ = client.get("/v1/me").await.expect(200);
    let _ = stolen_client.get("/v1/me").await.refuses(401, "unauthenticated");
    let _ = refresh(&nobody, stolen.text("/refresh_token"))
        .await
        .refuses(401, "unauthenticated");
    let _ = sign_in(&nobody, &name, PASSWORD)
        .await
        .refuses(401, "unauthenticated");
    let _ = sign_in(&nobody, &name, NEW).await.expect(200);
    let in_log = sample
        .hub
        .sql()
        .count("audit_entries", "body like '%horse battery%'")
        .await;
    assert_eq!(in_log, 0);
}

/// Whoever is just signing in with the old one is before the change, and ended by it, or after it, and refused.
#[tokio::test]
async fn no_sign_in_by_the_old_password_outlives_its_change() {
    let sample = Sample::new().await;
    for round in 0..6 {
        let (nobody, name) = (sample.rest.nobody(), sample.user_with_password().await);
        let own = sign_in(&nobody, &name, PASSWORD).await.expect(200);
        let client = sample.rest.bearer(own.text("/access_token"));
        let new = format!("a better horse {round}");
        let body = json!({"password": PASSWORD, "new_password": new});
        let change = client.ask(Method::PUT, "/v1/me/password").json(&body).send();
        let (changed, beside) = tokio::join!(change, sign_in(&nobody, &name, PASSWORD));
        let _ = changed.expect(204);
        if beside.status.is_success() {
            let late = sample.rest.bearer(beside.text("/access_token"));
            let _ = late.get("/v1/me").await.refuses(401, "unauthenticated");
        }
        let live =
            format!("revoked_at is null and user_id = (select id from hub.users where name = '{name}')");
        assert_eq!(sample.hub.sql().count("sign_ins", &live).await, 1);
    }
}

#[tokio::test]
async fn sign_ins_that_ended_long_ago_are_removed() {
    let (hub, rest, ada) = home().await;
    let ended = rest.signed_in(ada.id).await;
    let _ = sign_out(&ended.client).await.expect(204);
    let removed = async |days| {
        hub.clock.advance(Duration::days(days));
        let _ = rest.signed_in(ada.id).await;
        hub::jobs::sweep::remove_old(&hub).await.unwrap();
        hub.sql().count("sign_ins", "true").await
    };
    assert_eq!(removed(29).await, 2);
    assert_eq!(
        removed(2).await,
        2,
        "the first one is gone, and the two later ones live"
    );
}
