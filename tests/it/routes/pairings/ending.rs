//! Pairings that come to nothing, or to an end.

use chrono::Duration;
use hub::{
    jobs::sweep::remove_old,
    pairings::{COLLECT_WITHIN, KEPT, LIFE},
};
use serde_json::{Value, json};

use super::{Codes, Home, oauth};

#[tokio::test]
async fn a_device_that_was_sent_away_or_kept_waiting_is_told_so() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let _ = home
        .ada
        .post("pairings/reject", json!({"user_code": codes.user}))
        .await
        .expect(200);
    oauth(home.polls(&codes).await, "access_denied");
    let _ = home.approves(&codes).await.points_at("/user_code");
    let codes = home.starts().await;
    home.later(LIFE);
    oauth(home.polls(&codes).await, "expired_token");
    let find = home.ada.post("pairings/find", json!({"user_code": codes.user}));
    let _ = find.await.points_at("/user_code");
    let _ = home.approves(&codes).await.points_at("/user_code");
    let codes = Codes {
        device: "hubp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ..codes
    };
    oauth(home.polls(&codes).await, "invalid_grant");
    home.later(KEPT + Duration::seconds(1));
    remove_old(&home.hub).await.unwrap();
    assert_eq!(
        home.hub.sql().count("pairings", "true").await,
        0,
        "pairings are kept for ever"
    );
}

#[tokio::test]
async fn a_device_that_never_comes_for_its_credential_is_revoked() {
    let home = Home::new().await;
    let codes = home.starts().await;
    home.later(LIFE - Duration::seconds(1));
    let made = home.approves(&codes).await.expect(201);
    home.later(COLLECT_WITHIN - Duration::seconds(1));
    home.hub.sweep().await;
    let path = format!("devices/{}", made.text("/id"));
    assert_eq!(
        home.ada.get(&path).await.expect(200).json["revoked_at"],
        Value::Null
    );
    home.later(Duration::seconds(1));
    home.hub.sweep().await;
    assert!(home.ada.get(&path).await.expect(200).json["revoked_at"].is_string());
    oauth(home.polls(&codes).await, "expired_token");
    for entry in ["expire_pairing", "revoke_device"] {
        let of_it = format!("operation = '{entry}'");
        assert_eq!(home.hub.sql().count("audit_entries", &of_it).await, 1, "{entry}");
    }
    // Its name is free again.
    let codes = home.starts().await;
    let _ = home.approves(&codes).await.expect(201);
}

#[tokio::test]
async fn pairings_that_cannot_be_ended_do_not_keep_others_from_it() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let made = home.approves(&codes).await.expect(201);
    // More of them than are read at once, that are overdue longer, and whose ids are before it.
    let stuck = "insert into hub.pairings (id, device_code_sha256, user_code, state, software, capabilities, scopes,
          interval_s, created_at, expires_at, approved_agent_id, device_id)
        select lpad(to_hex(n), 32, '0')::uuid, sha256(n::text::bytea), 'STUCK' || lpad(n::text, 3, '0'), 'approved',
          software, capabilities, scopes, 5, created_at, created_at, approved_agent_id, device_id
        from hub.pairings, generate_series(1, 101) n;
        create function hub.refuse() returns trigger language plpgsql as
          $$ begin if new.user_code like 'STUCK%' then raise exception 'stuck'; end if; return new; end $$;
        create trigger stuck before update on hub.pairings for each row execute function hub.refuse()";
    home.hub.sql().execute(stuck).await;
    home.later(LIFE + COLLECT_WITHIN);
    home.hub.sweep().await;
    let path = format!("devices/{}", made.text("/id"));
    assert!(home.ada.get(&path).await.expect(200).json["revoked_at"].is_string());
    let left = home.hub.sql().count("pairings", "state = 'approved'").await;
    assert_eq!(left, 101);
}

#[tokio::test]
async fn a_device_that_was_revoked_before_it_came_gets_nothing() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let made = home.approves(&codes).await.expect(201);
    let _ = home
        .ada
        .delete(&format!("devices/{}", made.text("/id")))
        .await
        .expect(204);
    oauth(home.polls(&codes).await, "access_denied");
    let of_it = format!("device_id = '{}'", made.text("/id"));
    assert_eq!(home.hub.sql().count("access_tokens", &of_it).await, 0);
}
