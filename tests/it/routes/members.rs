//! `/v1/agents/{agent_id}/members`

use std::collections::BTreeSet;

use axum::http::Method;
use hub::identity::Role;
use serde_json::{Value, json};
use support::{Answer, Client, User};

use super::{Home, invitations::join};
use crate::sample::PASSWORD;

async fn set_role(by: &Client, user: &User, role: &str) -> Answer {
    let path = format!("members/{}", user.id);
    by.ask(Method::PATCH, &path)
        .json(&json!({"role": role}))
        .send()
        .await
}

async fn remove(by: &Client, user: &User) -> Answer {
    by.delete(&format!("members/{}", user.id)).await
}

async fn transfer(by: &Client, to: &User, password: &str) -> Answer {
    let path = format!("members/{}/transfer-ownership", to.id);
    by.post(&path, json!({"password": password})).await
}

/// An admin, a member and a guest beside the owner.
struct People {
    home: Home,
    ada: User,
    eva: (User, Client),
    bob: (User, Client),
    gus: (User, Client),
}

impl People {
    async fn new() -> Self {
        let hub = support::TestHub::start().await;
        let rest = support::Rest::of(&hub);
        let ada = hub.owner("ada").await;
        let hash = hub.passwords.hash(PASSWORD.into()).await.unwrap();
        let sets = format!(
            "update hub.users set password_hash = '{hash}' where id = '{}'",
            ada.id
        );
        hub.sql().execute(&sets).await;
        let client = rest.user(&ada).await;
        let mut all = Vec::new();
        for (name, role) in [("eva", Role::Admin), ("bob", Role::Member), ("gus", Role::Guest)] {
            let user = hub.home.user(name, role).await;
            let client = rest.user(&user).await;
            all.push((user, client));
        }
        let home = Home {
            hub,
            rest,
            ada: client,
        };
        let [eva, bob, gus] = all.try_into().unwrap_or_else(|_| unreachable!("three came"));
        Self {
            home,
            ada,
            eva,
            bob,
            gus,
        }
    }

    async fn owners(&self) -> Vec<String> {
        let owners = "select user_id::text from hub.memberships where role = 'owner' and revoked_at is null";
        self.home.hub.sql().values(owners).await
    }

    /// The newest events about members: who, what they are, and what happened.
    async fn told(&self, count: usize) -> Vec<Value> {
        let sql = format!(
            "select payload from (select position, payload from hub.events where type = 'membership.changed'
               order by position desc limit {count}) as newest order by position"
        );
        self.home.hub.sql().values(&sql).await
    }
}

#[tokio::test]
async fn members_see_who_lives_here_and_guests_do_not() {
    let people = People::new().await;
    let seen = people.bob.1.get("members").await.expect(200);
    let seen: BTreeSet<(String, String)> = seen
        .items()
        .iter()
        .map(|one| (one["name"].to_string(), one["role"].to_string()))
        .collect();
    let expected = [
        ("ada", "owner"),
        ("eva", "admin"),
        ("bob", "member"),
        ("gus", "guest"),
    ];
    let expected = expected.map(|(name, role)| (format!("\"{name}\""), format!("\"{role}\"")));
    assert_eq!(seen, BTreeSet::from(expected));
    let _ = people.gus.1.get("members").await.refuses(403, "forbidden");
    let first = people.bob.1.get("members?limit=3").await.expect(200);
    let rest = format!("members?limit=3&cursor={}", first.text("/next_cursor"));
    let rest = people.bob.1.get(&rest).await.expect(200);
    assert_eq!((first.items().len(), rest.items().len()), (3, 1));
}

#[tokio::test]
async fn a_role_counts_from_the_moment_it_changes_and_the_household_is_told() {
    let people = People::new().await;
    let (gus, his) = &people.gus;
    let changed = set_role(&people.eva.1, gus, "member").await.expect(200);
    assert_eq!(changed.text("/member/role"), "member");
    let _ = his.get("members").await.expect(200);
    let told = people.told(1).await;
    assert_eq!(
        told,
        [json!({"user_id": gus.id, "role": "member", "change": "role"})]
    );
    // What changes nothing leaves nothing behind.
    let _ = set_role(&people.eva.1, gus, "member").await.expect(200);
    let changes = "operation = 'update_member'";
    assert_eq!(people.home.hub.sql().count("audit_entries", changes).await, 1);
    let by =
        "select body::jsonb -> 'principal' ->> 'id' from hub.audit_entries where operation = 'update_member'";
    assert_eq!(
        people.home.hub.sql().value::<String>(by).await,
        people.eva.0.id.to_string()
    );
}

#[tokio::test]
async fn the_owner_is_protected_from_everybody_and_admins_are_the_owners_to_touch() {
    let people = People::new().await;
    let (eva, hers) = &people.eva;
    for by in [hers, &people.home.ada] {
        for role in ["admin", "blocked", "owner"] {
            let _ = set_role(by, &people.ada, role)
                .await
                .refuses(409, "owner_protected");
        }
        let _ = remove(by, &people.ada).await.refuses(409, "owner_protected");
    }
    let leave = people.home.ada.ask(Method::POST, "members/leave").send().await;
    let _ = leave.refuses(409, "owner_protected");
    let max = people.home.hub.home.user("max", Role::Admin).await;
    for refused in [
        set_role(hers, &max, "guest").await,
        remove(hers, &max).await,
        set_role(hers, &people.bob.0, "admin").await,
    ] {
        let refused = refused.refuses(403, "forbidden");
        assert!(refused.told().contains("of the owner"), "{}", refused.told());
    }
    for role in ["member", "blocked", "admin"] {
        let _ = set_role(hers, eva, role).await.refuses(409, "own_membership");
    }
    let _ = remove(hers, eva).await.refuses(409, "own_membership");
    let _ = set_role(&people.home.ada, eva, "owner").await.points_at("/role");
    let _ = set_role(&people.home.ada, eva, "member").await.expect(200);
    let _ = set_role(&people.bob.1, &people.gus.0, "member")
        .await
        .refuses(403, "forbidden");
    assert_eq!(people.owners().await, [people.ada.id.to_string()]);
}

#[tokio::test]
async fn who_is_blocked_finds_nothing_and_only_the_owner_lets_them_back() {
    let people = People::new().await;
    let (bob, his) = &people.bob;
    let token = json!({"name": "script", "scopes": ["turns:read"]});
    let token = his.post("tokens", token).await.expect(201);
    let blocked = set_role(&people.eva.1, bob, "blocked").await.expect(200);
    assert_eq!(blocked.json["ended"]["tokens"], 1);
    for path in ["turns", "members", "tokens", "spaces", "/v1/agents/self"] {
        let _ = his.get(path).await.refuses(404, "not_found");
    }
    let leaves = his.ask(Method::POST, "members/leave").send().await;
    let _ = leaves.refuses(404, "not_found");
    let program = people.home.rest.bearer(token.text("/secret"));
    let _ = program.get("turns").await.refuses(401, "unauthenticated");
    for refused in [
        set_role(&people.eva.1, bob, "member").await,
        remove(&people.eva.1, bob).await,
    ] {
        let _ = refused.refuses(403, "forbidden");
    }
    let _ = set_role(&people.home.ada, bob, "member").await.expect(200);
    let _ = his.get("members").await.expect(200);
    // What ended stays ended.
    let _ = program.get("turns").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn with_somebody_go_their_tokens_invitations_and_personal_devices() {
    let people = People::new().await;
    let hub = &people.home.hub;
    let (eva, hers) = &people.eva;
    let token = json!({"name": "script", "scopes": ["turns:read"]});
    let _ = hers.post("tokens", token).await.expect(201);
    let invited = hers
        .post("invitations", json!({"role": "guest"}))
        .await
        .expect(201);
    let given = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        eva.person, hub.home.office.id
    );
    hub.sql().execute(&given).await;
    let removed = remove(&people.home.ada, eva).await.expect(200);
    let office = json!({"id": hub.home.office.id, "name": "office"});
    assert_eq!(
        removed.json,
        json!({"tokens": 1, "invitations": 1, "delegations": 0, "devices": [office]})
    );
    let device = people.home.rest.device(&hub.home.office);
    let _ = device.get("spaces").await.refuses(401, "unauthenticated");
    let joins = join(&people.home.rest.nobody(), invited.text("/code"), "mallory").await;
    let _ = joins.points_at("/code");
    // The person stays: what the agent remembers of them is another matter.
    let person = format!("id = '{}'", eva.person);
    assert_eq!(hub.sql().count("people", &person).await, 1);
    let entry = "select body::jsonb -> 'details' from hub.audit_entries where operation = 'remove_member'";
    assert_eq!(
        hub.sql().value::<Value>(entry).await,
        json!({"former_role": "admin", "revoked_tokens": 1, "revoked_invitations": 1,
            "revoked_delegations": 0, "revoked_devices": 1})
    );
    assert_eq!(
        people.told(1).await,
        [json!({"user_id": eva.id, "role": null, "change": "removed"})]
    );
    let _ = remove(&people.home.ada, eva).await.refuses(404, "not_found");
}

/// A token that is made beside the end of its user's membership is ended with it, or not made.
#[tokio::test]
async fn no_token_outlives_the_membership_that_ends_beside_it() {
    let people = People::new().await;
    let (bob, his) = &people.bob;
    for _ in 0..5 {
        let wish = json!({"name": "script", "scopes": ["turns:read"]});
        let (made, removed) = tokio::join!(his.post("tokens", wish), remove(&people.home.ada, bob));
        let _ = removed.expect(200);
        assert!([201, 404].contains(&made.status.as_u16()), "{}", made.told());
        let live = "kind = 'user' and revoked_at is null";
        assert_eq!(people.home.hub.sql().count("access_tokens", live).await, 0);
        let back = format!(
            "update hub.memberships set revoked_at = null where user_id = '{}'",
            bob.id
        );
        people.home.hub.sql().execute(&back).await;
    }
}

#[tokio::test]
async fn the_owner_passes_the_agent_on_with_their_password() {
    let people = People::new().await;
    let (ada, (eva, hers)) = (&people.home.ada, &people.eva);
    let invited = ada
        .post("invitations", json!({"role": "admin"}))
        .await
        .expect(201);
    let _ = transfer(ada, eva, "a wrong password")
        .await
        .points_at("/password");
    let _ = transfer(ada, &people.gus.0, PASSWORD)
        .await
        .refuses(409, "not_a_member");
    let _ = transfer(ada, &people.ada, PASSWORD)
        .await
        .refuses(409, "own_membership");
    let _ = transfer(hers, eva, PASSWORD).await.refuses(403, "forbidden");
    assert_eq!(people.owners().await, [people.ada.id.to_string()]);
    let asked = || {
        let path = format!("members/{}/transfer-ownership", eva.id);
        let asked = ada.ask(Method::POST, &path).header("idempotency-key", "once");
        asked.json(&json!({"password": PASSWORD}))
    };
    let transferred = asked().send().await.expect(200);
    assert_eq!(transferred.text("/role"), "owner");
    // The answer that was lost can be asked for again.
    let again = asked().send().await.expect(200);
    assert_eq!(again.json, transferred.json);
    let _ = transfer(ada, eva, PASSWORD).await.refuses(403, "forbidden");
    assert_eq!(people.owners().await, [eva.id.to_string()]);
    assert_eq!(
        people.told(2).await,
        [
            json!({"user_id": people.ada.id, "role": "admin", "change": "transferred"}),
            json!({"user_id": eva.id, "role": "owner", "change": "transferred"}),
        ]
    );
    // She may not invite admins any more, and what she offered is gone.
    let joins = join(&people.home.rest.nobody(), invited.text("/code"), "mallory").await;
    let _ = joins.points_at("/code");
    let _ = set_role(hers, &people.ada, "guest").await.expect(200);
    let stored = format!("idempotency_keys::text like '%{PASSWORD}%'");
    assert_eq!(people.home.hub.sql().count("idempotency_keys", &stored).await, 0);
}

#[tokio::test]
async fn a_program_of_the_owners_manages_nobody() {
    let people = People::new().await;
    let wish = json!({"name": "script", "scopes": ["members:write"]});
    let refused = people.home.ada.post("tokens", wish).await;
    assert_eq!(refused.expect(422).pointers(), ["/scopes/0"]);
    let wish = json!({"name": "script", "scopes": ["members:read", "agents:write", "agents:read"]});
    let made = people.home.ada.post("tokens", wish).await.expect(201);
    let program = people.home.rest.bearer(made.text("/secret"));
    let _ = program.get("members").await.expect(200);
    for refused in [
        transfer(&program, &people.eva.0, PASSWORD).await,
        set_role(&program, &people.bob.0, "guest").await,
        remove(&program, &people.bob.0).await,
        program.ask(Method::POST, "members/leave").send().await,
    ] {
        let _ = refused.refuses(403, "forbidden");
    }
}

#[tokio::test]
async fn guesses_at_the_owners_password_are_throttled() {
    let people = People::new().await;
    let thief = people.home.ada.clone().at("192.0.2.1");
    for _ in 0..10 {
        let _ = transfer(&thief, &people.eva.0, "a wrong password")
            .await
            .points_at("/password");
    }
    let throttled = transfer(&thief, &people.eva.0, PASSWORD).await;
    let _ = throttled.refuses(429, "throttled");
    assert_eq!(people.owners().await, [people.ada.id.to_string()]);
}

/// Whatever comes first, there is one owner, and nobody who was removed.
#[tokio::test]
async fn a_transfer_beside_a_removal_leaves_one_owner() {
    let people = People::new().await;
    let (bob, eva) = (&people.bob.0, &people.eva);
    for _ in 0..5 {
        let (transferred, removed) =
            tokio::join!(transfer(&people.home.ada, bob, PASSWORD), remove(&eva.1, bob));
        let owners = people.owners().await;
        match (transferred.status.as_u16(), removed.status.as_u16()) {
            (200, 409) => assert_eq!(owners, [bob.id.to_string()]),
            (404, 200) => assert_eq!(owners, [people.ada.id.to_string()]),
            _ => panic!("{}\n{}", transferred.told(), removed.told()),
        }
        for back in [
            "update hub.memberships set role = 'admin' where role = 'owner'".to_owned(),
            format!(
                "update hub.memberships set role = 'member', revoked_at = null where user_id = '{}'",
                bob.id
            ),
            format!(
                "update hub.memberships set role = 'owner' where user_id = '{}'",
                people.ada.id
            ),
        ] {
            people.home.hub.sql().execute(&back).await;
        }
    }
}

#[tokio::test]
async fn a_member_of_another_agent_is_nobody_here() {
    let people = People::new().await;
    let away = people.home.hub.household("away").await;
    let carol = away.user("carol", Role::Member).await;
    for refused in [
        set_role(&people.home.ada, &carol, "guest").await,
        remove(&people.home.ada, &carol).await,
        transfer(&people.home.ada, &carol, PASSWORD).await,
    ] {
        let refused = refused.refuses(404, "not_found");
        assert_eq!(refused.text("/detail"), "there is no such member");
    }
    let theirs = format!("/v1/agents/{}/members/{}", away.agent, carol.id);
    let _ = people.home.ada.delete(&theirs).await.refuses(404, "not_found");
    let stays = format!("user_id = '{}' and revoked_at is null", carol.id);
    assert_eq!(people.home.hub.sql().count("memberships", &stays).await, 1);
}
