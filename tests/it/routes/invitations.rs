//! `/v1/agents/{agent_id}/invitations`, and accepting one

use axum::http::Method;
use chrono::Duration;
use futures_util::future::join_all;
use hub::identity::{Role, invitation::DEFAULT_LIFE, invitation::MOST_OPEN};
use serde_json::{Value, json};
use support::{Answer, Client, Rest, User};

use super::{Home, ada_again};
use crate::sample::PASSWORD;

async fn invite(by: &Client, role: &str) -> Answer {
    by.post("invitations", json!({"role": role})).await
}

/// The code of an invitation to a role.
async fn code(by: &Client, role: &str) -> String {
    invite(by, role).await.expect(201).text("/code").to_owned()
}

pub(super) async fn join(client: &Client, code: &str, name: &str) -> Answer {
    let body = json!({"code": code, "name": name, "password": PASSWORD});
    client.post("/v1/invitations/accept", body).await
}

/// By somebody who is signed in.
async fn accept(client: &Client, code: &str) -> Answer {
    client.post("/v1/invitations/accept", json!({"code": code})).await
}

async fn eva(home: &Home) -> (User, Client) {
    let eva = home.hub.home.user("eva", Role::Admin).await;
    let client = home.rest.user(&eva).await;
    (eva, client)
}

async fn becomes(home: &Home, user: &User, role: &str) {
    let path = format!("members/{}", user.id);
    let _ = home
        .ada
        .ask(Method::PATCH, &path)
        .json(&json!({"role": role}))
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn who_has_the_code_becomes_a_member_and_is_signed_in() {
    let home = Home::new().await;
    let made = home
        .ada
        .post("invitations", json!({"role": "member", "name": "Bob"}))
        .await
        .expect(201);
    assert_eq!(made.text("/invitation/role"), "member");
    let joined = join(&home.rest.nobody(), made.text("/code"), "bob")
        .await
        .expect(201);
    assert_eq!(joined.json["agent_id"], json!(home.hub.home.agent));
    assert_eq!(
        (joined.text("/role"), joined.text("/token_type")),
        ("member", "Bearer")
    );
    let bob = home.rest.bearer(joined.text("/access_token"));
    let me = bob.get("/v1/me").await.expect(200);
    assert_eq!(me.text("/agents/0/role"), "member");
    let members = bob.get("members").await.expect(200);
    let called: Vec<_> = members.items().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(called, ["ada", "Bob"]);
    let next = json!({"refresh_token": joined.text("/refresh_token")});
    let _ = home
        .rest
        .nobody()
        .post("/v1/sign-in/refresh", next)
        .await
        .expect(200);
    let listed = home.ada.get("invitations").await.expect(200);
    assert_eq!(listed.items()[0]["accepted_by"], me.json["user_id"]);
    assert!(!listed.told().contains(made.text("/code")));
}

#[tokio::test]
async fn a_code_is_good_once_and_of_two_at_once_one_wins() {
    let home = Home::new().await;
    let nobody = home.rest.nobody();
    for round in 0..3 {
        let code = code(&home.ada, "member").await;
        let names = ["bob", "eva", "max"].map(|name| format!("{name}{round}"));
        let answers = join_all(names.iter().map(|name| join(&nobody, &code, name))).await;
        let won = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(won, 1);
        for lost in answers.into_iter().filter(|answer| answer.status != 201) {
            let _ = lost.points_at("/code");
        }
        let _ = join(&nobody, &code, "mallory").await.points_at("/code");
    }
    assert_eq!(
        home.hub.sql().count("users", "true").await,
        4,
        "who lost is no user"
    );
    assert_eq!(home.hub.sql().count("memberships", "true").await, 4);
}

/// Two codes of two inviters for one user: nothing holds the two apart but the membership itself.
#[tokio::test]
async fn of_two_invitations_at_once_for_one_user_one_is_left_over() {
    let home = Home::new().await;
    let (_, admin) = eva(&home).await;
    let away = home.hub.household("away").await;
    let bob = home.rest.user(&away.owner("bob").await).await;
    for _ in 0..3 {
        let (one, other) = (code(&home.ada, "member").await, code(&admin, "guest").await);
        let (first, second) = tokio::join!(accept(&bob, &one), accept(&bob, &other));
        let (won, lost) = if first.status == 201 {
            (first, second)
        } else {
            (second, first)
        };
        assert_eq!(won.expect(201).json.get("access_token"), None, "he is signed in");
        let _ = lost.refuses(409, "already_member");
        let path = format!("/v1/agents/{}/members/leave", home.hub.home.agent);
        let _ = bob.ask(Method::POST, &path).send().await.expect(200);
    }
}

#[tokio::test]
async fn an_existing_user_comes_by_their_password_or_by_their_sign_in() {
    let home = Home::new().await;
    let nobody = home.rest.nobody();
    let first = code(&home.ada, "guest").await;
    let bob = join(&nobody, &first, "bob").await.expect(201);
    let away = home.hub.household("away").await;
    let carol = home.rest.user(&away.owner("carol").await).await;
    let by_password = code(&carol, "member").await;
    let wrong = json!({"code": by_password, "name": "Bob", "password": "another password"});
    let _ = nobody
        .post("/v1/invitations/accept", wrong)
        .await
        .refuses(401, "unauthenticated");
    let joined = join(&nobody, &by_password, "Bob").await.expect(201);
    assert_eq!(joined.json["agent_id"], json!(away.agent));
    let again = code(&home.ada, "member").await;
    let client = home.rest.bearer(bob.text("/access_token"));
    let _ = accept(&client, &again).await.refuses(409, "already_member");
    // The code was not used up by one who needs none.
    let ivy = home.hub.household("ivy's").await.owner("ivy").await;
    let _ = accept(&home.rest.user(&ivy).await, &again).await.expect(201);
    assert_eq!(home.hub.sql().count("users", "name = 'bob'").await, 1);
}

#[tokio::test]
async fn a_code_alone_a_program_and_a_device_are_nobody() {
    let home = Home::new().await;
    let code = code(&home.ada, "guest").await;
    let nobody = home.rest.nobody();
    let _ = accept(&nobody, &code).await.refuses(401, "unauthenticated");
    let token = json!({"name": "program", "scopes": ["turns:read"]});
    let token = home.ada.post("tokens", token).await.expect(201);
    for client in [
        home.rest.bearer(token.text("/secret")),
        home.rest.device(&home.hub.home.office),
    ] {
        let _ = accept(&client, &code).await.refuses(403, "forbidden");
    }
    for (body, pointer) in [
        (json!({"code": code, "name": "bob"}), "/password"),
        (json!({"code": code, "password": PASSWORD}), "/name"),
        (
            json!({"code": code, "name": "bob", "password": "short"}),
            "/password",
        ),
        (json!({"code": code, "name": " ", "password": PASSWORD}), "/name"),
    ] {
        let _ = nobody
            .post("/v1/invitations/accept", body)
            .await
            .points_at(pointer);
    }
    let _ = join(&nobody, &code.to_lowercase(), "bob").await.expect(201);
}

#[tokio::test]
async fn a_code_ends_with_its_time_when_it_is_revoked_and_with_what_its_inviter_may() {
    let home = Home::new().await;
    let nobody = home.rest.nobody();
    let (eva, _) = eva(&home).await;
    let late = code(&home.ada, "guest").await;
    home.hub.clock.advance(DEFAULT_LIFE);
    // Her sign-in has ended meanwhile.
    let ada = ada_again(&home.hub, &home.rest).await;
    let admin = home.rest.user(&eva).await;
    let _ = join(&nobody, &late, "bob").await.points_at("/code");
    let revoked = invite(&ada, "guest").await.expect(201);
    let path = format!("invitations/{}", revoked.text("/invitation/id"));
    for _ in 0..2 {
        let _ = admin.delete(&path).await.expect(204);
    }
    let _ = join(&nobody, revoked.text("/code"), "bob")
        .await
        .points_at("/code");
    let entries = "operation = 'revoke_invitation'";
    assert_eq!(home.hub.sql().count("audit_entries", entries).await, 1);
    let hers = code(&admin, "member").await;
    let change = format!(
        "update hub.memberships set role = 'member' where user_id = '{}'",
        eva.id
    );
    // Behind the back of what would have revoked it.
    home.hub.sql().execute(&change).await;
    let _ = join(&nobody, &hers, "bob").await.points_at("/code");
    home.hub
        .sql()
        .execute(&change.replace("'member'", "'admin'"))
        .await;
    let _ = join(&nobody, &hers, "bob").await.expect(201);
}

#[tokio::test]
async fn an_admin_invites_members_and_guests_and_only_the_owner_admins() {
    let home = Home::new().await;
    let (_, admin) = eva(&home).await;
    for role in ["guest", "member"] {
        let _ = invite(&admin, role).await.expect(201);
    }
    let refused = invite(&admin, "admin").await.refuses(403, "forbidden");
    assert!(refused.told().contains("of the owner"), "{}", refused.told());
    let made = invite(&home.ada, "admin").await.expect(201);
    let path = format!("invitations/{}", made.text("/invitation/id"));
    let _ = admin.delete(&path).await.refuses(403, "forbidden");
    let _ = join(&home.rest.nobody(), made.text("/code"), "max")
        .await
        .expect(201);
    for (body, pointer) in [
        (json!({"role": "owner"}), "/role"),
        (json!({"role": "blocked"}), "/role"),
        (json!({"role": "guest", "name": ""}), "/name"),
        (json!({"role": "guest", "name": "x".repeat(101)}), "/name"),
        (json!({"role": "guest", "expires_in_s": 59}), "/expires_in_s"),
        (
            json!({"role": "guest", "expires_in_s": 1_209_601}),
            "/expires_in_s",
        ),
    ] {
        let _ = home.ada.post("invitations", body).await.points_at(pointer);
    }
}

#[tokio::test]
async fn the_code_is_shown_once_and_kept_nowhere() {
    let home = Home::new().await;
    let asked = || {
        let asked = home.ada.ask(Method::POST, "invitations");
        asked
            .header("idempotency-key", "mine")
            .json(&json!({"role": "guest"}))
    };
    let made = asked().send().await.expect(201);
    let again = asked().send().await.expect(201);
    assert_eq!(again.json["invitation"], made.json["invitation"]);
    assert_eq!(again.json.get("code"), None);
    assert_eq!(home.hub.sql().count("invitations", "true").await, 1);
    for table in ["invitations", "idempotency_keys", "audit_entries", "events"] {
        let kept = format!("{table}::text like '%{}%'", made.text("/code"));
        assert_eq!(home.hub.sql().count(table, &kept).await, 0, "{table}");
    }
}

#[tokio::test]
async fn nobody_leaves_more_doors_open_than_somebody_can_watch() {
    let home = Home::new().await;
    let answers = join_all((0..MOST_OPEN + 3).map(|_| invite(&home.ada, "guest"))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(i64::try_from(made).unwrap(), MOST_OPEN);
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        let _ = refused.refuses(409, "too_many_invitations");
    }
    let (_, admin) = eva(&home).await;
    let _ = invite(&admin, "guest").await.expect(201);
}

#[tokio::test]
async fn who_is_blocked_comes_back_by_no_admins_invitation_and_learns_nothing() {
    let home = Home::new().await;
    let (_, admin) = eva(&home).await;
    let bob = home.hub.member("bob").await;
    let his = home.rest.user(&bob).await;
    becomes(&home, &bob, "blocked").await;
    let hers = code(&admin, "member").await;
    let unknown = accept(&his, "ABCDE-FGHJK-LMNPQ-RSTUV").await.points_at("/code");
    let blocked = accept(&his, &hers).await.points_at("/code");
    assert_eq!(blocked.json["errors"], unknown.json["errors"]);
    let _ = his.get("turns").await.refuses(404, "not_found");
    // Somebody else comes in with it; and the owner may let bob back in.
    let _ = join(&home.rest.nobody(), &hers, "max").await.expect(201);
    let owners = code(&home.ada, "guest").await;
    let _ = accept(&his, &owners).await.expect(201);
    let _ = his.get("turns").await.expect(200);
}

#[tokio::test]
async fn guessing_codes_is_throttled_and_written_down_and_a_right_one_is_let_in() {
    let home = Home::new().await;
    let right = code(&home.ada, "guest").await;
    let thief = home.rest.nobody().at("192.0.2.1");
    for _ in 0..40 {
        let _ = join(&thief, "ABCDE-FGHJK-LMNPQ-RSTUV", "bob")
            .await
            .points_at("/code");
    }
    let waits = join(&thief, "ABCDE-FGHJK-LMNPQ-RSTUV", "bob").await;
    assert_eq!(waits.refuses(429, "throttled").header("retry-after"), Some("10"));
    let written = "body like '%invitation_code%' and body like '%\"refused\"%'";
    assert_eq!(home.hub.sql().count("audit_entries", written).await, 20);
    assert_eq!(home.hub.sql().count("users", "true").await, 1, "nobody was made");
    let _ = join(&thief, &right, "bob").await.expect(201);
    // What is wrong beyond the code is asked after it: nobody learns that ada exists.
    let other = home.rest.nobody().at("198.51.100.1");
    let known = join(&other, "ABCDE-FGHJK-LMNPQ-RSTUV", "ada")
        .await
        .points_at("/code");
    let unknown = join(&other, "ABCDE-FGHJK-LMNPQ-RSTUV", "zoe")
        .await
        .points_at("/code");
    assert_eq!(known.json["errors"], unknown.json["errors"]);
}

#[tokio::test]
async fn who_comes_back_is_who_they_were_and_what_ended_stays_ended() {
    let home = Home::new().await;
    let nobody = home.rest.nobody();
    let first = join(&nobody, &code(&home.ada, "member").await, "bob")
        .await
        .expect(201);
    let bob = home.rest.bearer(first.text("/access_token"));
    let token = json!({"name": "script", "scopes": ["turns:read"]});
    let token = bob.post("tokens", token).await.expect(201);
    let program = home.rest.bearer(token.text("/secret"));
    let before = me(&home, &bob).await;
    let left = bob.ask(Method::POST, "members/leave").send().await.expect(200);
    assert_eq!(
        left.json,
        json!({"tokens": 1, "invitations": 0, "delegations": 0, "devices": []})
    );
    let _ = program.get("turns").await.refuses(401, "unauthenticated");
    let _ = bob.get("turns").await.refuses(404, "not_found");
    let _ = bob.ask(Method::POST, "members/leave").send().await.expect(404);
    home.hub.clock.advance(Duration::seconds(1));
    let _ = accept(&bob, &code(&home.ada, "guest").await).await.expect(201);
    let after = me(&home, &bob).await;
    assert_eq!(after["person_id"], before["person_id"]);
    assert_eq!(
        (&after["role"], &before["role"]),
        (&json!("guest"), &json!("member"))
    );
    let _ = program.get("turns").await.refuses(401, "unauthenticated");
}

/// What the owner sees of bob.
async fn me(home: &Home, bob: &Client) -> Value {
    let id = bob.get("/v1/me").await.expect(200).json["user_id"].clone();
    let members = home.ada.get("members").await.expect(200);
    let found = members.items().iter().find(|one| one["user_id"] == id);
    found.cloned().unwrap()
}

#[tokio::test]
async fn an_invitation_belongs_to_its_agent() {
    let home = Home::new().await;
    let away = home.hub.household("away").await;
    let rest = Rest::of(&home.hub);
    let carol = rest.user(&away.owner("carol").await).await;
    let made = invite(&carol, "member").await.expect(201);
    let path = format!("invitations/{}", made.text("/invitation/id"));
    let _ = home.ada.delete(&path).await.refuses(404, "not_found");
    let theirs = format!("/v1/agents/{}/invitations", away.agent);
    let _ = home.ada.get(&theirs).await.refuses(404, "not_found");
    assert_eq!(home.ada.get("invitations").await.expect(200).items().len(), 0);
    let joined = join(&rest.nobody(), made.text("/code"), "bob").await.expect(201);
    assert_eq!(joined.json["agent_id"], json!(away.agent));
}
