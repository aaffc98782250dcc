//! New credentials for devices: how long the old ones live on, and that none comes back to life.

use chrono::Duration;
use serde_json::json;
use support::Answer;

use super::Home;

impl Home {
    async fn rotates(&self, overlap_s: Option<u32>) -> Answer {
        let path = format!("devices/{}/rotate", self.hub.home.office.id);
        self.ada.post(&path, json!({"overlap_s": overlap_s})).await
    }

    /// Whether a credential is one.
    async fn is_good(&self, token: &str) -> bool {
        let answer = self.rest.bearer(token).get("spaces").await;
        assert!([401, 403].contains(&answer.status.as_u16()), "{}", answer.told());
        answer.status == 403
    }
}

#[tokio::test]
async fn both_credentials_live_in_the_overlap_and_only_the_new_one_after_it() {
    let home = Home::new().await;
    let old = home.rest.device(&home.hub.home.office);
    let rotated = home.rotates(None).await.expect(200);
    assert_eq!(rotated.text("/previous_ends_at"), "2026-03-01T12:10:00Z");
    let new = rotated.text("/token");
    assert!(home.is_good(old.credential()).await && home.is_good(new).await);
    home.hub
        .clock
        .advance(Duration::minutes(10) - Duration::seconds(1));
    assert!(home.is_good(old.credential()).await && home.is_good(new).await);
    home.hub.clock.advance(Duration::seconds(1));
    assert!(!home.is_good(old.credential()).await && home.is_good(new).await);
}

#[tokio::test]
async fn a_stolen_credential_ends_at_once_and_a_later_overlap_does_not_revive_it() {
    let home = Home::new().await;
    let old = home.rest.device(&home.hub.home.office);
    let first = home.rotates(Some(0)).await.expect(200);
    assert!(!home.is_good(old.credential()).await);
    let second = home.rotates(Some(86_400)).await.expect(200);
    assert!(
        !home.is_good(old.credential()).await,
        "rotating revived a credential"
    );
    assert!(home.is_good(first.text("/token")).await && home.is_good(second.text("/token")).await);
    // Nor does it lengthen an end that was said.
    let third = home.rotates(Some(60)).await.expect(200);
    let _ = home.rotates(Some(86_400)).await.expect(200);
    home.hub.clock.advance(Duration::seconds(60));
    assert!(!home.is_good(first.text("/token")).await && home.is_good(third.text("/token")).await);
    let _ = home.rotates(Some(86_401)).await.points_at("/overlap_s");
}

#[tokio::test]
async fn a_revoked_device_gets_nothing() {
    let home = Home::new().await;
    let device = format!("devices/{}", home.hub.home.office.id);
    let _ = home.ada.delete(&device).await.expect(204);
    let _ = home.rotates(None).await.refuses(409, "device_revoked");
    let revoked = "device_id = (select id from hub.devices where name = 'office') and revoked_at is null";
    assert_eq!(home.hub.sql().count("access_tokens", revoked).await, 0);
    let kinds = format!("{device}/capabilities/approve");
    let kinds = home.ada.post(&kinds, json!({"kinds": ["a"]}));
    let _ = kinds.await.refuses(409, "device_revoked");
    let away = home.hub.household("away").await;
    let theirs = format!("devices/{}/rotate", away.office.id);
    let theirs = home.ada.post(&theirs, json!({}));
    let _ = theirs.await.refuses(404, "not_found");
}

/// In whichever order the two come, no credential outlives its device.
#[tokio::test]
async fn rotating_and_revoking_at_once_leaves_no_credential() {
    for _ in 0..10 {
        let home = Home::new().await;
        let device = format!("devices/{}", home.hub.home.office.id);
        let (rotated, revoked) = tokio::join!(home.rotates(None), home.ada.delete(&device));
        let _ = revoked.expect(204);
        let live = "device_id = (select id from hub.devices where name = 'office') and revoked_at is null";
        assert_eq!(
            home.hub.sql().count("access_tokens", live).await,
            0,
            "{}",
            rotated.told()
        );
    }
}

#[tokio::test]
async fn credentials_of_one_device_are_few_and_those_that_ended_go() {
    let home = Home::new().await;
    for _ in 0..3 {
        let _ = home.rotates(Some(600)).await.expect(200);
    }
    let _ = home.rotates(Some(600)).await.refuses(409, "too_many_credentials");
    home.hub.clock.advance(Duration::minutes(10));
    let last = home.rotates(Some(600)).await.expect(200);
    home.hub.clock.advance(Duration::days(31));
    hub::jobs::sweep::remove_old(&home.hub).await.unwrap();
    let of_it = format!("device_id = '{}'", home.hub.home.office.id);
    assert_eq!(home.hub.sql().count("access_tokens", &of_it).await, 1);
    assert!(home.is_good(last.text("/token")).await);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_does_not_show_the_credential_again() {
    let home = Home::new().await;
    let path = format!("devices/{}/rotate", home.hub.home.office.id);
    let ask = async || {
        let ask = home.ada.ask(axum::http::Method::POST, &path).json(&json!({}));
        ask.header("idempotency-key", "k1").send().await.expect(200)
    };
    let (first, again) = (ask().await, ask().await);
    assert!(first.json["token"].is_string() && again.json.get("token").is_none());
    let kept = "t::text like '%hubd_%'";
    let query = format!("select count(*) from hub.idempotency_keys t where {kept}");
    assert_eq!(home.hub.sql().value::<i64>(&query).await, 0);
}
