//! Who is where: since somebody said so, and for as long as they are heard.

use chrono::Duration;
use hub::{
    clock::{Clock, DateTime},
    places::PrivacyMode,
};
use serde_json::{Value, json};
use sqlx::Executor;
use support::{face, near, voice};

use super::{House, allow, face_print};

async fn told(house: &House) -> Vec<Value> {
    let query =
        "select payload - 'presence_id' from hub.events where type = 'presence.changed' order by position";
    house.hub.sql().values(query).await
}

#[tokio::test]
async fn who_is_confirmed_is_there_until_they_are_not_heard_any_more() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    let id = house.ada_is_there().await;
    let there = house.present().await;
    assert_eq!(there.len(), 1);
    assert_eq!(
        (
            &there[0]["person_id"],
            &there[0]["space_id"],
            &there[0]["modality"]
        ),
        (&json!(house.ada.person), &json!(house.kitchen), &json!("voice"))
    );
    let office = format!("presence?space_id={}", house.hub.home.office.space);
    assert_eq!(house.owner.get(&office).await.expect(200).items().len(), 0);
    // As long as she is heard, nobody has to say so again.
    for _ in 0..3 {
        house.waits(600).await;
        let seen = house.hears(&voice(1)).await;
        assert_eq!(seen.json, json!({"outcome": "present", "hypothesis_id": id}));
    }
    assert_eq!(house.present().await.len(), 1);
    house.waits(901).await;
    assert_eq!(house.present().await, Vec::<Value>::new());
    let past = house.past().await;
    assert_eq!(
        (past.len(), &past[0]["id"], &past[0]["reason"]),
        (1, &there[0]["id"], &json!("aged_out"))
    );
    assert_eq!(
        told(&house).await,
        [json!({"is_present": true}), json!({"is_present": false})]
    );
    // Then it takes a word again.
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "suggested");
    assert_eq!(
        house.hub.sql().count("presence_history", "until > since").await,
        1
    );
    house.waits(30 * 86_400 + 1_000).await;
    assert_eq!(house.past().await, Vec::<Value>::new());
    assert_eq!(house.rows().await, 1, "the print");
}

/// Presence that is overdue is nobody's, even where no sweep has come by.
#[tokio::test]
async fn who_was_not_heard_for_long_is_not_there_whether_or_not_it_was_swept() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    house.passes(901).await;
    assert_eq!(house.present().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_hypothesis_of_a_while_ago_says_nothing_about_now() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    let id = house.hears(&voice(1)).await.text("/hypothesis_id").to_owned();
    house.passes(901).await;
    let _ = house
        .decides(&house.owner, &id, "confirm")
        .await
        .refuses(409, "too_late");
    let next = house.hears(&voice(1)).await;
    assert_ne!(next.text("/hypothesis_id"), id, "what nobody decided goes");
    assert_eq!(house.hub.sql().count("identity_hypotheses", "true").await, 1);
    house.waits(1_000).await;
    assert_eq!(house.hub.sql().count("identity_hypotheses", "true").await, 0);
}

#[tokio::test]
async fn it_ends_at_once_when_somebody_leaves_or_the_space_goes_private() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    let there = house.present().await;
    let path = format!("presence/{}", there[0]["id"].as_str().unwrap());
    let _ = house.owner.delete(&path).await.expect(204);
    let _ = house.owner.delete(&path).await.refuses(404, "not_found");
    assert_eq!(house.present().await, Vec::<Value>::new());
    // Whoever has just said that they left is not asked in the same moment.
    assert_eq!(house.hears(&voice(1)).await.json, json!({"outcome": "unknown"}));
    house.passes(11).await;
    house.ada_is_there().await;
    house
        .hub
        .home
        .set_privacy(house.kitchen, PrivacyMode::Private)
        .await
        .unwrap();
    assert_eq!(house.present().await, Vec::<Value>::new());
    let past = house.past().await;
    let reasons: Vec<&Value> = past.iter().map(|past| &past["reason"]).collect();
    assert_eq!(reasons, ["privacy_mode", "removed"]);
    // It was told before the switch, and nothing after it.
    let kinds: Vec<String> = house
        .hub
        .sql()
        .values(&format!(
            "select type from hub.events where space_id = '{}' order by position desc limit 2",
            house.kitchen
        ))
        .await;
    assert_eq!(kinds, ["space.changed", "presence.changed"]);
}

#[tokio::test]
async fn what_was_seen_before_the_switch_is_gone_after_it() {
    let house = House::new().await;
    house.ada_is_known().await;
    let id = house.hears(&voice(1)).await.text("/hypothesis_id").to_owned();
    house.hears_in(house.hub.home.office.space, &voice(1)).await;
    let home = &house.hub.home;
    home.set_privacy(house.kitchen, PrivacyMode::Private)
        .await
        .unwrap();
    for how in ["confirm", "reject"] {
        let _ = house
            .decides(&house.owner, &id, how)
            .await
            .refuses(404, "not_found");
    }
    assert_eq!(house.hub.sql().count("presence", "true").await, 0);
    assert_eq!(
        house.hub.sql().count("identity_hypotheses", "true").await,
        1,
        "of the office"
    );
}

#[tokio::test]
async fn what_was_confirmed_and_was_not_them_never_was() {
    let house = House::new().await;
    house.ada_is_known().await;
    let id = house.ada_is_there().await;
    let again = house.decides(&house.owner, &id, "confirm").await.expect(200);
    assert_eq!(again.text("/state"), "confirmed");
    let _ = house.decides(&house.owner, &id, "reject").await.expect(200);
    assert_eq!(house.present().await, Vec::<Value>::new());
    assert_eq!(house.past().await, Vec::<Value>::new());
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
}

#[tokio::test]
async fn what_was_not_them_never_was_also_where_it_has_ended() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    house.waits(901).await;
    let id = house.ada_is_there().await;
    house.waits(901).await;
    assert_eq!(house.past().await.len(), 2);
    let _ = house.decides(&house.owner, &id, "reject").await.expect(200);
    assert_eq!(house.past().await.len(), 1, "of the other time nothing is said");
}

/// What removes old rows takes hypotheses first, and with them what hangs on them; whoever says that it was not them, or withdraws,
/// waits for that and not the other way round, which would be a deadlock.
#[tokio::test]
async fn rejecting_and_withdrawing_wait_for_who_removes_what_is_old() {
    for withdraws in [false, true] {
        let house = House::new().await;
        house.ada_is_known().await;
        let id = house.ada_is_there().await;
        let mut remover = house.hub.sql().pool().begin().await.unwrap();
        for sql in [
            "set local lock_timeout = '3s'",
            "select from hub.identity_hypotheses for update",
        ] {
            remover.execute(sql).await.unwrap();
        }
        let other = async {
            if withdraws {
                super::withdraw(&house.owner, json!({"purpose": "voice"})).await;
            } else {
                house.decides(&house.owner, &id, "reject").await;
            }
        };
        let removal = async {
            assert!(house.hub.sql().waits_for_locks(1).await);
            let hanging = remover.execute("delete from hub.recognition_observations").await;
            hanging.unwrap();
            remover.rollback().await.unwrap();
        };
        tokio::join!(other, removal);
    }
}

#[tokio::test]
async fn by_voice_and_by_face_somebody_is_there_once() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    allow(&house.owner, "face").await;
    let body = face_print(&face(1), house.kitchen);
    let _ = house
        .owner
        .post("people/self/prints", body.clone())
        .await
        .expect(201);
    let seen = house.owner.post("observations", body.clone()).await.expect(200);
    let id = seen.text("/hypothesis_id");
    let _ = house.decides(&house.owner, id, "confirm").await.expect(200);
    let there = house.present().await;
    assert_eq!((there.len(), &there[0]["modality"]), (1, &json!("face")));
    assert_eq!(told(&house).await, [json!({"is_present": true})]);
    // From now on either says that she is there, also where it was not the last to say so for long, and nobody is asked again.
    for _ in 0..3 {
        for _ in 0..2 {
            house.passes(600).await;
            assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "present");
        }
        let seen = house.owner.post("observations", body.clone()).await.expect(200);
        assert_eq!(seen.text("/outcome"), "present");
    }
    let there = house.present().await;
    assert_eq!((there.len(), &there[0]["modality"]), (1, &json!("face")));
    assert_eq!(told(&house).await, [json!({"is_present": true})]);
    assert_eq!(house.hub.sql().count("identity_hypotheses", "true").await, 2);
    // What is taken back of one leaves what was recognised by the other.
    house.passes(11).await;
    house.hears(&voice(1)).await;
    super::withdraw(&house.owner, json!({"purpose": "face"})).await;
    let there = house.present().await;
    assert_eq!((there.len(), &there[0]["modality"]), (1, &json!("voice")));
}

/// Ada is known by her face, too, and both were confirmed: the voice at once, the face ten minutes later. The two hypotheses.
async fn by_both(house: &mut House) -> [String; 2] {
    house.ada_is_known().await;
    allow(&house.owner, "face").await;
    let body = face_print(&face(1), house.kitchen);
    let made = house.owner.post("people/self/prints", body.clone()).await;
    let _ = made.expect(201);
    let heard = house.ada_is_there().await;
    house.passes(600).await;
    let seen = house.owner.post("observations", body).await.expect(200);
    let seen = seen.text("/hypothesis_id").to_owned();
    let _ = house.decides(&house.owner, &seen, "confirm").await.expect(200);
    [heard, seen]
}

fn time(of: &Value, key: &str) -> DateTime {
    of[key].as_str().unwrap().parse().unwrap()
}

/// One is rejected: what the other says still stands, and no more than that.
#[tokio::test]
async fn what_one_says_stands_when_the_other_is_rejected() {
    for rejects in 0..2 {
        let mut house = House::new().await;
        let began = house.hub.clock.now();
        let both = by_both(&mut house).await;
        let met = house.present().await;
        let _ = house
            .decides(&house.owner, &both[rejects], "reject")
            .await
            .expect(200);
        let there = house.present().await;
        assert_eq!(there.len(), 1, "the other was not rejected");
        let (by, at) = [("face", began + Duration::seconds(600)), ("voice", began)][rejects];
        assert_eq!(
            (&there[0]["id"], &there[0]["modality"]),
            (&met[0]["id"], &json!(by))
        );
        assert_eq!((time(&there[0], "since"), time(&there[0], "seen_at")), (at, at));
        assert_eq!(told(&house).await, [json!({"is_present": true})]);
        // Nothing is left of what was not so; with the other all of it is gone.
        let _ = house
            .decides(&house.owner, &both[1 - rejects], "reject")
            .await
            .expect(200);
        assert_eq!(house.present().await, Vec::<Value>::new());
        assert_eq!(house.hub.sql().count("presence", "true").await, 0);
        assert_eq!(house.hub.sql().count("presence_history", "true").await, 0);
    }
}

/// The same where it has ended.
#[tokio::test]
async fn of_a_past_presence_the_other_part_stands() {
    for rejects in 0..2 {
        let mut house = House::new().await;
        let began = house.hub.clock.now();
        let both = by_both(&mut house).await;
        house.waits(901).await;
        let _ = house
            .decides(&house.owner, &both[rejects], "reject")
            .await
            .expect(200);
        let past = house.past().await;
        assert_eq!(past.len(), 1, "the other was not rejected");
        let (by, at) = [("face", began + Duration::seconds(600)), ("voice", began)][rejects];
        assert_eq!(past[0]["modality"], json!(by));
        assert_eq!((time(&past[0], "since"), time(&past[0], "until")), (at, at));
        let _ = house
            .decides(&house.owner, &both[1 - rejects], "reject")
            .await
            .expect(200);
        assert_eq!(house.past().await, Vec::<Value>::new());
    }
}

/// What stands may be of a while ago: then nobody is there any more, and was until then.
#[tokio::test]
async fn what_is_left_may_be_over() {
    let mut house = House::new().await;
    let began = house.hub.clock.now();
    let [_, seen] = by_both(&mut house).await;
    house.passes(600).await;
    let body = face_print(&face(1), house.kitchen);
    let _ = house.owner.post("observations", body).await.expect(200);
    let _ = house.decides(&house.owner, &seen, "reject").await.expect(200);
    assert_eq!(house.present().await, Vec::<Value>::new());
    house.waits(1).await;
    let past = house.past().await;
    assert_eq!(past.len(), 1);
    assert_eq!((time(&past[0], "since"), time(&past[0], "until")), (began, began));
}

/// Whoever takes back one consent is still there by the other, whichever said so last.
#[tokio::test]
async fn what_was_recognised_by_the_other_stands_when_a_consent_is_withdrawn() {
    for (withdrawn, left) in [("face", "voice"), ("voice", "face")] {
        let mut house = House::new().await;
        by_both(&mut house).await;
        super::withdraw(&house.owner, json!({"purpose": withdrawn})).await;
        let there = house.present().await;
        assert_eq!(
            (there.len(), &there[0]["modality"], &there[0]["since"]),
            (1, &json!(left), &there[0]["seen_at"])
        );
        super::withdraw(&house.owner, json!({"purpose": left})).await;
        assert_eq!(house.rows().await, 0);
    }
}

/// What was confirmed of an earlier stay says nothing of this one.
#[tokio::test]
async fn what_was_confirmed_of_an_earlier_stay_is_no_part_of_the_next() {
    let mut house = House::new().await;
    let [_, seen] = by_both(&mut house).await;
    let there = house.present().await;
    let path = format!("presence/{}", there[0]["id"].as_str().unwrap());
    let _ = house.owner.delete(&path).await.expect(204);
    house.passes(11).await;
    let heard = house.ada_is_there().await;
    let _ = house.decides(&house.owner, &seen, "reject").await.expect(200);
    assert_eq!(house.present().await.len(), 1, "by the voice of this time");
    assert_eq!(house.past().await.len(), 1, "by the voice of the other time");
    let _ = house.decides(&house.owner, &heard, "reject").await.expect(200);
    assert_eq!(house.present().await, Vec::<Value>::new());
    assert_eq!(house.past().await.len(), 1);
}

/// What the hub confirms by itself by two modalities is confirmed once by each.
#[tokio::test]
async fn by_voice_and_by_face_nothing_floods() {
    let mut house = House::with(|config| {
        config.recognition.voice_confirm_above = 0.98;
        config.recognition.face_confirm_above = 0.98;
    })
    .await;
    house.ada_is_known().await;
    allow(&house.owner, "face").await;
    let body = face_print(&face(1), house.kitchen);
    let _ = house
        .owner
        .post("people/self/prints", body.clone())
        .await
        .expect(201);
    for _ in 0..5 {
        for _ in 0..3 {
            let seen = house.owner.post("observations", body.clone()).await.expect(200);
            assert_eq!(seen.text("/outcome"), "present");
            assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "present");
        }
        house.passes(11).await;
    }
    assert_eq!(house.hub.sql().count("identity_hypotheses", "true").await, 2);
    assert_eq!(
        house
            .hub
            .sql()
            .count("events", "type = 'hypothesis.changed'")
            .await,
        2
    );
    // Who is said to have left, and is still heard, is not confirmed again in the same moment.
    let there = house.present().await;
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "present");
    let path = format!("presence/{}", there[0]["id"].as_str().unwrap());
    let _ = house.owner.delete(&path).await.expect(204);
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
    house.passes(11).await;
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "present");
}

#[tokio::test]
async fn only_where_it_is_configured_a_score_needs_no_word() {
    let house = House::with(|config| config.recognition.voice_confirm_above = 0.98).await;
    house.ada_is_known().await;
    let likely = near(&voice(1), 0.95, &voice(2));
    let first = house.hears(&likely).await;
    assert_eq!(first.text("/outcome"), "suggested");
    // In the same moment, and sure.
    let sure = house.hears(&voice(1)).await;
    assert_eq!(sure.text("/outcome"), "present");
    assert_eq!(sure.text("/hypothesis_id"), first.text("/hypothesis_id"));
    assert_eq!(house.present().await.len(), 1);
    let by_hub = "operation = 'confirm_hypothesis' and body::jsonb #>> '{details,by}' = 'its_score'";
    assert_eq!(house.hub.sql().count("audit_entries", by_hub).await, 1);
    // Somebody's word counts more.
    let id = sure.text("/hypothesis_id");
    let _ = house.decides(&house.owner, id, "reject").await.expect(200);
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
    assert_eq!(house.present().await, Vec::<Value>::new());
}
