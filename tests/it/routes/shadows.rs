//! `/v1/agents/{agent_id}/devices/{device_id}/shadow`

use std::collections::BTreeSet;

use axum::http::Method;
use futures_util::future::join_all;
use hub::{
    devices::{
        revoke::revoke,
        shadow::{MAX_BYTES, MAX_KEYS},
    },
    jobs::sweep::remove_old,
};
use serde_json::{Value, json};
use support::{Answer, Client, Rest, TestDevice, TestHub};

/// A shadow that ada, who owns the agent, may see and change.
struct Home {
    hub: TestHub,
    ada: Client,
    path: String,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
        let path = shadow_of(&hub.home.kitchen);
        Self { hub, ada, path }
    }

    async fn wants(&self, expected: i64, desired: Value) -> Answer {
        wants(&self.ada, &self.path, expected, desired).await
    }

    async fn shadow(&self) -> Value {
        self.ada.get(&self.path).await.expect(200).json
    }

    async fn events(&self) -> Vec<Value> {
        let said = "select payload from hub.events where type = 'device.desired_changed' order by position";
        self.hub.sql().values(said).await
    }
}

fn shadow_of(device: &TestDevice) -> String {
    format!("devices/{}/shadow", device.id)
}

async fn wants(who: &Client, path: &str, expected: i64, desired: Value) -> Answer {
    let body = json!({"expected_version": expected, "desired": desired});
    who.patch(path, body).await
}

#[tokio::test]
async fn a_device_of_which_nobody_has_said_anything_has_an_empty_shadow() {
    let home = Home::new().await;
    let nothing = json!({
        "device_id": home.hub.home.kitchen.id,
        "desired": {"state": {}, "version": 0, "changed_at": null},
        "reported": {"state": {}, "version": 0, "changed_at": null, "reached_version": 0},
        "delta": {},
    });
    assert_eq!(home.shadow().await, nothing);
}

#[tokio::test]
async fn what_is_desired_is_changed_by_merge_patches() {
    let home = Home::new().await;
    let first = json!({"light": {"on": true, "level": 3}, "scene": "tea"});
    let made = home.wants(0, first.clone()).await.expect(200);
    assert_eq!(
        (&made.json["desired"]["state"], &made.json["delta"]),
        (&first, &first)
    );
    assert_eq!(made.json["desired"]["version"], 1);
    let patch = json!({"light": {"level": 4}, "scene": null});
    let changed = home.wants(1, patch.clone()).await.expect(200);
    let now = json!({"light": {"on": true, "level": 4}});
    assert_eq!(changed.json["desired"]["state"], now);
    assert_eq!(changed.json["desired"]["version"], 2);
    assert_eq!(home.shadow().await, changed.json);
    // What changes nothing is nothing to tell.
    let same = home.wants(2, patch).await.expect(200);
    assert_eq!(same.json, changed.json);
    let device = home.hub.home.kitchen.id;
    let said = |version: i64| json!({"device_id": device, "version": version, "is_in_sync": false});
    assert_eq!(home.events().await, [said(1), said(2)]);
}

#[tokio::test]
async fn the_audit_entry_commits_to_what_is_desired() {
    let home = Home::new().await;
    let _ = home.wants(0, json!({"scene": "tea"})).await.expect(200);
    let entry: Value = home
        .hub
        .sql()
        .value("select body::jsonb from hub.audit_entries where operation = 'update_shadow'")
        .await;
    assert_eq!(entry["resource"]["id"], json!(home.hub.home.kitchen.id));
    let expected: String = home
        .hub
        .sql()
        .value(
            r#"select encode(sha256(desired_salt || convert_to('{"scene":"tea"}', 'utf8')), 'hex')
               from hub.device_shadows"#,
        )
        .await;
    let commitments = entry["commitments"].as_array().unwrap();
    let of_desired = commitments.iter().find(|one| one["kind"] == "desired").unwrap();
    assert_eq!(of_desired["sha256"], json!(expected));
    assert!(!entry.to_string().contains("tea"));
}

#[tokio::test]
async fn who_expects_another_version_is_told_the_present_one_and_changes_nothing() {
    let home = Home::new().await;
    let _ = home.wants(0, json!({"a": 1})).await.expect(200);
    let before = home.shadow().await;
    for expected in [0, 2, 99] {
        let refused = home
            .wants(expected, json!({"a": 2}))
            .await
            .refuses(409, "outdated");
        assert_eq!(refused.json["current_version"], 1);
    }
    // Even of a change that would be none.
    let _ = home.wants(0, json!({"a": 1})).await.refuses(409, "outdated");
    assert_eq!(home.shadow().await, before);
}

#[tokio::test]
async fn of_many_who_expect_the_same_version_one_wins() {
    let home = Home::new().await;
    let mut won = BTreeSet::new();
    for version in 0..5 {
        let writers = (0..8).map(|writer| home.wants(version, json!({"writer": writer, "round": version})));
        let answers = join_all(writers).await;
        let (good, bad): (Vec<Answer>, Vec<Answer>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((good.len(), bad.len()), (1, 7));
        won.insert(good[0].json["desired"]["version"].as_i64().unwrap());
        for loser in bad {
            assert_eq!(
                loser.refuses(409, "outdated").json["current_version"],
                version + 1
            );
        }
    }
    assert_eq!(won, (1..=5).collect());
    let versions: Vec<Value> = home
        .events()
        .await
        .iter()
        .map(|said| said["version"].clone())
        .collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_change_that_is_sent_again_is_made_once() {
    let home = Home::new().await;
    let body = json!({"expected_version": 0, "desired": {"a": 1}});
    let send = || async {
        let ask = home
            .ada
            .ask(Method::PATCH, &home.path)
            .header("idempotency-key", "one");
        ask.json(&body).send().await.expect(200)
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first.json, again.json);
    assert_eq!(home.events().await.len(), 1);
}

#[tokio::test]
async fn the_shadow_of_somebodys_own_device_is_theirs() {
    let home = Home::new().await;
    let bob = home.hub.member("bob").await;
    home.hub
        .sql()
        .execute(&format!(
            "update hub.devices set person_id = '{}' where id = '{}'",
            bob.person, home.hub.home.kitchen.id
        ))
        .await;
    let his = Rest::of(&home.hub).user(&bob).await;
    let _ = wants(&his, &home.path, 0, json!({"a": 1})).await.expect(200);
    assert_eq!(
        his.get(&home.path).await.expect(200).json["delta"],
        json!({"a": 1})
    );
    // Not even the owner of the agent.
    let _ = home.ada.get(&home.path).await.refuses(404, "not_found");
    let _ = home.wants(1, json!({"a": 2})).await.refuses(404, "not_found");
    let audience: Vec<String> = home
        .hub
        .sql()
        .values("select audience_person_id::text from hub.events where type = 'device.desired_changed'")
        .await;
    assert_eq!(audience, [bob.person.to_string()]);
    // She may revoke it; what it was like goes with the next sweep.
    let path = format!("devices/{}", home.hub.home.kitchen.id);
    let _ = home.ada.delete(&path).await.expect(204);
    assert_eq!(home.hub.sql().count("device_shadows", "true").await, 1);
    remove_old(&home.hub).await.unwrap();
    assert_eq!(home.hub.sql().count("device_shadows", "true").await, 0);
}

/// When somebody is at home is to be seen by when their phone is there.
#[tokio::test]
async fn whether_somebodys_own_device_is_there_is_told_to_nobody_else() {
    let home = Home::new().await;
    let (bob, kitchen) = (home.hub.member("bob").await, &home.hub.home.kitchen);
    kitchen.connects(&[]).await;
    let path = format!("devices/{}", kitchen.id);
    let is_there = async |of: &Client| of.get(&path).await.expect(200).json["is_connected"].clone();
    assert_eq!(is_there(&home.ada).await, true);
    let gives = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        bob.person, kitchen.id
    );
    home.hub.sql().execute(&gives).await;
    let his = Rest::of(&home.hub).user(&bob).await;
    assert_eq!(is_there(&his).await, true);
    let seen = home.ada.get(&path).await.expect(200).json;
    let times = (
        &seen["is_connected"],
        &seen["connected_at"],
        &seen["last_seen_at"],
    );
    assert_eq!(times, (&json!(false), &json!(null), &json!(null)));
    let listed = home.ada.get("devices").await.expect(200);
    assert!(
        listed
            .items()
            .iter()
            .all(|device| device["connected_at"] == json!(null))
    );
}

#[tokio::test]
async fn a_device_of_another_agent_has_no_shadow_here() {
    let home = Home::new().await;
    let away = home.hub.household("away").await;
    let theirs = shadow_of(&away.kitchen);
    let _ = home.ada.get(&theirs).await.refuses(404, "not_found");
    let refused = wants(&home.ada, &theirs, 0, json!({"a": 1})).await;
    let _ = refused.refuses(404, "not_found");
    assert_eq!(home.hub.sql().count("device_shadows", "true").await, 0);
}

/// Nobody waits for what can never be heard.
#[tokio::test]
async fn nothing_is_desired_of_a_device_that_may_be_told_nothing() {
    let home = Home::new().await;
    home.hub
        .sql()
        .execute("update hub.devices set scopes = '{state:write}' where name = 'kitchen'")
        .await;
    let _ = home.wants(0, json!({"a": 1})).await.refuses(409, "device_cannot");
    assert_eq!(
        home.hub
            .sql()
            .count("device_shadows", "desired_version > 0",)
            .await,
        0
    );
}

/// The answer holds what the device says.
#[tokio::test]
async fn who_may_not_see_devices_changes_nothing_of_them() {
    let home = Home::new().await;
    let wish = json!({"name": "switch", "scopes": ["commands:write"]});
    let made = home.ada.post("tokens", wish).await.expect(201);
    let program = Rest::of(&home.hub).bearer(made.text("/secret"));
    let refused = wants(&program, &home.path, 0, json!({"a": 1})).await;
    assert!(refused.refuses(403, "forbidden").told().contains("devices:read"));
    assert_eq!(home.shadow().await["desired"]["version"], 0);
}

#[tokio::test]
async fn what_a_revoked_device_said_is_gone_and_it_is_not_changed() {
    let home = Home::new().await;
    let _ = home.wants(0, json!({"a": 1})).await.expect(200);
    let mut tx = home.hub.home.whole().await;
    revoke(&mut tx, home.hub.home.kitchen.id).await.unwrap();
    tx.commit().await.unwrap();
    let _ = home
        .wants(1, json!({"a": 2}))
        .await
        .refuses(409, "device_revoked");
    assert_eq!(home.shadow().await["desired"]["state"], json!({}));
    assert_eq!(home.hub.sql().count("device_shadows", "true").await, 0);
}

#[tokio::test]
async fn what_is_desired_is_bounded_however_it_grows() {
    let home = Home::new().await;
    let pointer = |answer: Answer| {
        answer
            .refuses(422, "invalid")
            .text("/errors/0/pointer")
            .to_owned()
    };
    let deep = (0..8).fold(json!({}), |inner, _| json!({"a": inner}));
    for (desired, at) in [
        (json!({"text": "x".repeat(MAX_BYTES)}), "/desired"),
        (deep, "/desired/a/a/a/a/a/a/a/a"),
        (json!({"a": {"b": "c\0"}}), "/desired/a/b"),
        (json!({"": 1}), "/desired"),
        (json!([]), "/desired"),
    ] {
        assert_eq!(pointer(home.wants(0, desired).await), at);
    }
    // Each patch is small enough.
    for (version, part) in (0..4).zip(["a", "b", "c", "d"]) {
        let keys: Value = (0..MAX_KEYS / 4)
            .map(|n| (format!("{part}{n}"), json!(n)))
            .collect();
        let _ = home.wants(version, keys).await.expect(200);
    }
    assert_eq!(pointer(home.wants(4, json!({"one": "more"})).await), "/desired");
    let _ = home
        .wants(4, json!({"a0": null, "one": "more"}))
        .await
        .expect(200);
}
