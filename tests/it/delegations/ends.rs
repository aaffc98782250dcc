//! What ends a delegation: its time, its revocation, and whoever it stands on.

use std::{sync::Arc, time::Duration};

use hub::{
    clock::Clock,
    events::watchers::look,
    identity::{Acting, Proof, Role, Watcher},
    ids::DelegationId,
};
use serde_json::json;
use support::{Client, Listening, Served};
use tokio::time::timeout;

use super::{Given, Home, give, to_service, with};

const SCOPES: [&str; 3] = ["memories:read", "events:read", "delegations:write"];

async fn may(client: &Client) -> u16 {
    client.get("memories").await.status.as_u16()
}

#[tokio::test]
async fn it_ends_at_its_time_and_its_child_with_it() {
    let home = Home::new().await;
    let given = give(&home.ada, with(home.to_beta(&SCOPES), "expires_in_s", 600)).await;
    let bob = home.his.clone().acting_by(&given.secret);
    let child = give(&bob, to_service(&["memories:read"])).await;
    let service = home.rest.bearer(&child.secret);
    home.hub.clock.advance(chrono::Duration::seconds(599));
    assert_eq!((may(&bob).await, may(&service).await), (200, 200));
    home.hub.clock.advance(chrono::Duration::seconds(1));
    assert_eq!((may(&bob).await, may(&service).await), (401, 401));
}

/// Between the look at it and its use.
#[tokio::test]
async fn what_is_revoked_while_it_is_used_is_not_valid_and_not_used_up() {
    let home = Home::new().await;
    let (service, given) = home.service_with(&["memories:read"]).await;
    let mut revoking = home.hub.home.whole().await;
    let id = DelegationId(given.id.parse().unwrap());
    assert_eq!(revoking.delegations().revoke(&[id]).await.unwrap(), 1);
    let asked = service.get("memories");
    let revoked = async {
        assert!(home.hub.sql().waits_for_locks(1).await);
        revoking.commit().await.unwrap();
    };
    let (refused, ()) = tokio::join!(asked, revoked);
    let _ = refused.refuses(401, "unauthenticated");
    let told = home.uses(home.hub.home.agent).await;
    assert_eq!((told.len(), &told[0]["outcome"]), (1, &json!("refused")));
}

/// Bob by a delegation of an admin's, and a service to which he passed it on.
struct Story {
    home: Home,
    admin: support::User,
    bob: Client,
    service: Client,
    given: Given,
}

impl Story {
    async fn new() -> Self {
        let home = Home::new().await;
        let admin = home.hub.home.user("adam", Role::Admin).await;
        let adam = home.rest.user(&admin).await;
        let given = give(&adam, home.to_beta(&SCOPES)).await;
        let bob = home.his.clone().acting_by(&given.secret);
        let child = give(&bob, to_service(&["memories:read"])).await;
        let service = home.rest.bearer(&child.secret);
        assert_eq!((may(&bob).await, may(&service).await), (200, 200));
        Self {
            home,
            admin,
            bob,
            service,
            given,
        }
    }

    async fn both(&self) -> (u16, u16) {
        (may(&self.bob).await, may(&self.service).await)
    }

    async fn member(&self, id: hub::ids::UserId, body: serde_json::Value) {
        let _ = self
            .home
            .ada
            .patch(&format!("members/{id}"), body)
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn it_ends_with_the_role_of_whoever_made_it() {
    let story = Story::new().await;
    story.member(story.admin.id, json!({"role": "member"})).await;
    assert_eq!(story.both().await, (401, 401), "who may make none");
    story.member(story.admin.id, json!({"role": "admin"})).await;
    assert_eq!(story.both().await, (200, 200));
    story.member(story.admin.id, json!({"role": "blocked"})).await;
    assert_eq!(story.both().await, (401, 401));
    let seen = story.home.seen(&story.given).await;
    assert!(!seen["revoked_at"].is_null(), "for good: {seen}");
    story.member(story.admin.id, json!({"role": "admin"})).await;
    assert_eq!(story.both().await, (401, 401), "nothing comes back");
}

#[tokio::test]
async fn it_is_revoked_with_the_membership_of_whoever_made_it() {
    let story = Story::new().await;
    let path = format!("members/{}", story.admin.id);
    let ended = story.home.ada.delete(&path).await.expect(200);
    assert_eq!(ended.json["delegations"], 2, "{}", ended.told());
    assert_eq!(story.both().await, (401, 401));
    let mut tx = story.home.hub.home.whole().await;
    assert!(
        tx.identity()
            .join(story.admin.id, Role::Admin, false)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    assert_eq!(story.both().await, (401, 401), "nothing comes back");
}

#[tokio::test]
async fn what_somebody_of_the_other_agent_passed_on_ends_with_them() {
    let story = Story::new().await;
    let home = &story.home;
    let carl = home.beta.user("carl", Role::Member).await;
    let acting = home.rest.user(&carl).await.acting_by(&story.given.secret);
    let child = give(&acting, to_service(&["memories:read"])).await;
    let his = home.rest.bearer(&child.secret);
    assert_eq!(may(&his).await, 200);
    home.hub.clock.advance(chrono::Duration::seconds(5));
    let _ = home.his.delete(&format!("members/{}", carl.id)).await.expect(200);
    assert_eq!((may(&acting).await, may(&his).await), (401, 401));
    assert_eq!(story.both().await, (200, 200), "what Bob passed on stays");
    // Who comes back begins without it, and so does whoever is blocked for a while.
    let mut tx = home.beta.whole().await;
    assert!(tx.identity().join(carl.id, Role::Member, false).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!((may(&acting).await, may(&his).await), (200, 401));
    let child = give(&acting, to_service(&["memories:read"])).await;
    let his = home.rest.bearer(&child.secret);
    assert_eq!(may(&his).await, 200);
    home.hub.clock.advance(chrono::Duration::seconds(5));
    for (role, both) in [("blocked", (401, 401)), ("member", (200, 401))] {
        let path = format!("members/{}", carl.id);
        let _ = home.his.patch(&path, json!({"role": role})).await.expect(200);
        assert_eq!((may(&acting).await, may(&his).await), both, "{role}");
    }
}

#[tokio::test]
async fn nothing_works_for_or_by_an_agent_that_is_paused_or_disabled() {
    let story = Story::new().await;
    for agent in [story.home.hub.home.agent, story.home.beta.agent] {
        for column in ["paused_at", "disabled_at"] {
            let set = |value: &str| format!("update hub.agents set {column} = {value} where id = '{agent}'");
            story.home.sql(&set("now()")).await;
            assert_eq!(story.both().await, (401, 401), "{column} of {agent}");
            story.home.sql(&set("null")).await;
            assert_eq!(story.both().await, (200, 200));
        }
    }
    let disabled = format!(
        "update hub.users set disabled_at = now() where id = '{}'",
        story.admin.id
    );
    story.home.sql(&disabled).await;
    assert_eq!(story.both().await, (401, 401));
}

/// It says nothing more, and is over.
async fn ends_at_once(live: Listening) {
    let rest = timeout(Duration::from_secs(1), live.rest()).await;
    let rest = rest.expect("it ends within a second");
    assert!(rest.iter().all(|told| told.event != "event"), "{rest:?}");
}

#[tokio::test]
async fn what_watches_with_it_ends_within_a_second() {
    let home = Home::new().await;
    let served = Served::start(&home.hub).await;
    let (bob, given) = home.bob_with(&SCOPES).await;
    let child = give(&bob, to_service(&["events:read"])).await;
    let service = home.rest.bearer(&child.secret);
    let mut all = [
        Listening::to(&served, &service, "events/stream", None).await,
        Listening::to(&served, &bob, "events/stream", None).await,
    ];
    for live in &mut all {
        assert_eq!(live.next().await.unwrap().event, "started");
    }
    home.hub.home.kitchen.hears("the kettle is on").await;
    for live in &mut all {
        assert_eq!(live.next().await.unwrap().event, "event");
    }
    let revoked = format!("delegations/{}", given.id);
    let _ = home.ada.delete(&revoked).await.expect(204);
    let [first, second] = all;
    tokio::join!(ends_at_once(first), ends_at_once(second));
    home.hub.run_jobs().await;
}

#[tokio::test]
async fn what_somebody_watches_by_it_ends_with_their_sign_in() {
    let home = Home::new().await;
    let served = Served::start(&home.hub).await;
    let (bob, _) = home.bob_with(&SCOPES).await;
    let mut live = Listening::to(&served, &bob, "events/stream", None).await;
    assert_eq!(live.next().await.unwrap().event, "started");
    let out = home.his.ask(axum::http::Method::POST, "/v1/sign-out");
    let _ = out.send().await.expect(204);
    ends_at_once(live).await;
}

#[tokio::test]
async fn a_turn_that_is_followed_ends_with_it_too() {
    let home = Home::new().await;
    let served = Served::start(&home.hub).await;
    let (service, given) = home
        .service_with(&["memories:read", "messages:write", "turns:read"])
        .await;
    let sent = service.post("messages", super::says("hello")).await.expect(202);
    // Nobody thinks about it, so that the stream stays open.
    let path = format!("turns/{}/stream", sent.text("/turn_id"));
    let live = Listening::to(&served, &service, &path, None).await;
    let revoked = format!("delegations/{}", given.id);
    let _ = home.ada.delete(&revoked).await.expect(204);
    // It looks once a second, and asks each time.
    let rest = timeout(Duration::from_millis(2_500), live.rest()).await;
    assert_eq!(rest.expect("it ends"), []);
    home.hub.run_jobs().await;
}

/// It is asked for all of them at once, and each gets their own answer.
#[tokio::test]
async fn of_many_who_watch_only_those_are_let_go_who_may_no_more() {
    let home = Home::new().await;
    let agent = home.hub.home.agent;
    let carl = home.beta.user("carl", Role::Member).await;
    let blocked = home.beta.user("blocked", Role::Member).await;
    home.sql(&format!(
        "insert into hub.memberships (agent_id, id, user_id, role, created_at)
         values ('{agent}', gen_random_uuid(), '{}', 'blocked', now())",
        blocked.id
    ))
    .await;
    let guest = home.beta.user("guest", Role::Guest).await;
    let (bob, to_beta) = home.bob_with(&SCOPES).await;
    let child = give(&bob, to_service(&["events:read"])).await;
    let (_, blind) = home.service_with(&["memories:read"]).await;
    let (_, revoked) = home.service_with(&SCOPES).await;
    let path = format!("delegations/{}", revoked.id);
    let _ = home.ada.delete(&path).await.expect(204);
    let now = home.hub.clock.now();
    let acting = |user, left_s| Acting {
        agent: home.beta.agent,
        user,
        proof: Proof::Issuer {
            expires_at: now + chrono::Duration::seconds(left_s),
            signed_in_at: None,
        },
    };
    let mut all = Vec::new();
    for (given, by, is_let_go) in [
        (&to_beta, Some(acting(home.bob.id, 60)), false),
        (&to_beta, Some(acting(blocked.id, 60)), true),
        (&to_beta, Some(acting(carl.id, 60)), false),
        (&revoked, None, true),
        (&to_beta, Some(acting(guest.id, 60)), true),
        (&child, None, false),
        (&blind, None, true),
        (&to_beta, Some(acting(carl.id, 0)), true),
    ] {
        let delegation = DelegationId(given.id.parse().unwrap());
        let who = Watcher::Delegate {
            agent,
            delegation,
            by,
        };
        let standing = home.hub.watchers.stand(who, &Arc::default());
        all.push((standing, is_let_go));
    }
    look(&home.hub).await.unwrap();
    let seen: Vec<bool> = all
        .iter()
        .map(|(standing, _)| standing.check().is_err())
        .collect();
    let expected: Vec<bool> = all.iter().map(|(_, is_let_go)| *is_let_go).collect();
    assert_eq!(seen, expected);
}
