//! What workers see and hear: who is known becomes a hypothesis, who is not leaves nothing.

use chrono::Duration;
use hub::{clock::Clock, places::PrivacyMode};
use serde_json::{Value, json};
use support::{face, near, voice};
use uuid::Uuid;

use super::{House, allow, allow_as, face_print, print};

/// How often a comparison is measured.
const TIMES: u32 = 20;

#[tokio::test]
async fn who_is_known_is_suggested_once_however_often_they_are_heard() {
    let mut house = House::new().await;
    let grant = house.ada_is_known().await;
    let first = house.hears(&voice(1)).await;
    let id = first.text("/hypothesis_id").to_owned();
    assert_eq!(first.json, json!({"outcome": "suggested", "hypothesis_id": id}));
    for _ in 0..5 {
        assert_eq!(house.hears(&voice(1)).await.json, first.json);
    }
    assert_eq!(
        house.hub.sql().count("recognition_observations", "true").await,
        1,
        "all within a moment"
    );
    house.passes(11).await;
    assert_eq!(house.hears(&voice(1)).await.json, first.json);
    let listed = house.owner.get("hypotheses?state=open").await.expect(200);
    let [one] = listed.items() else {
        panic!("{}", listed.told())
    };
    assert_eq!(
        (&one["id"], &one["person_id"], &one["consent_id"], &one["state"]),
        (
            &json!(id),
            &json!(house.ada.person),
            &json!(grant),
            &json!("open")
        )
    );
    assert_eq!((&one["observations"], &one["score"]), (&json!(2), &json!(1.0)));
    assert_eq!(house.present().await, Vec::<Value>::new(), "nobody has said so");
    // That there is one is recorded once, however often they are heard; the grant stands in the row alone. The log says neither
    // who nor where nor how near.
    let _ = house.decides(&house.owner, &id, "confirm").await.expect(200);
    let deciding = "operation in ('send_observation', 'confirm_hypothesis')";
    assert_eq!(house.hub.sql().count("audit_entries", deciding).await, 2);
    house.passes(11).await;
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "present");
    assert_eq!(house.hub.sql().count("audit_entries", deciding).await, 2);
    let named = format!("{deciding} and body::text like '%{grant}%'");
    assert_eq!(house.hub.sql().count("audit_entries", &named).await, 0);
    let told: Vec<Value> = house
        .hub
        .sql()
        .values("select payload from hub.events where type = 'hypothesis.changed' order by position")
        .await;
    assert_eq!(
        told,
        [
            json!({"hypothesis_id": id, "state": "open"}),
            json!({"hypothesis_id": id, "state": "confirmed"})
        ]
    );
    let there = format!("space_id = '{}' and type = 'hypothesis.changed'", house.kitchen);
    assert_eq!(house.hub.sql().count("events", &there).await, 0);
    let named = format!(
        "person_id = '{}' and type = 'hypothesis.changed'",
        house.ada.person
    );
    assert_eq!(house.hub.sql().count("events", &named).await, 0);
}

#[tokio::test]
async fn who_is_unknown_leaves_nothing_at_all() {
    let house = House::new().await;
    house.ada_is_known().await;
    let before = house.rows().await;
    let counted = |table: &'static str| async { house.hub.sql().count(table, "true").await };
    let (events, entries) = (counted("events").await, counted("audit_entries").await);
    let unknown = json!({"outcome": "unknown"});
    assert_eq!(house.hears(&voice(2)).await.json, unknown);
    let almost = near(&voice(1), 0.89, &voice(2));
    assert_eq!(house.hears(&almost).await.json, unknown);
    // Of another model nothing can be said, of a face neither.
    let mut other = print(&voice(1), house.kitchen);
    other["model"] = json!("another");
    assert_eq!(
        house.owner.post("observations", other).await.expect(200).json,
        unknown
    );
    let seen = face_print(&face(1), house.kitchen);
    assert_eq!(
        house.owner.post("observations", seen).await.expect(200).json,
        unknown
    );
    assert_eq!(house.rows().await, before);
    assert_eq!(
        (counted("events").await, counted("audit_entries").await),
        (events, entries)
    );
    assert_eq!(
        house.hub.sql().count("people", "true").await,
        1,
        "nobody was made up"
    );
    let enough = near(&voice(1), 0.91, &voice(2));
    assert_eq!(house.hears(&enough).await.text("/outcome"), "suggested");
}

#[tokio::test]
async fn two_who_are_alike_are_nobody() {
    let house = House::new().await;
    house.ada_is_known().await;
    let twin = near(&voice(1), 0.97, &voice(2));
    let user = house.hub.member("bob").await;
    let bob = house.rest.user(&user).await;
    let grant = allow(&bob, "voice").await;
    let _ = house.enrol_them(&user, &twin).await.expect(201);
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
    // Who does not allow it any more is in nobody's way.
    super::withdraw(&bob, json!({"purpose": "voice", "consent_id": grant})).await;
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "suggested");
}

#[tokio::test]
async fn a_grant_counts_where_and_by_what_it_says() {
    let house = House::new().await;
    let (kitchen, office) = (house.kitchen, house.hub.home.office.space);
    let device = house.hub.home.kitchen.id;
    let grant = json!({"purpose": "voice", "space_id": kitchen, "device_id": device});
    allow_as(&house.owner, grant).await;
    let mut there = print(&voice(1), kitchen);
    there["device_id"] = json!(device);
    let _ = house
        .owner
        .post("people/self/prints", there.clone())
        .await
        .expect(201);
    assert_eq!(
        house.hears_in(office, &voice(1)).await.text("/outcome"),
        "unknown"
    );
    assert_eq!(
        house.hears(&voice(1)).await.text("/outcome"),
        "unknown",
        "no device said"
    );
    let seen = house.owner.post("observations", there).await.expect(200);
    assert_eq!(seen.text("/outcome"), "suggested");
}

#[tokio::test]
async fn a_private_space_hears_nothing_and_no_device_says_that_it_is_another() {
    let house = House::new().await;
    house.ada_is_known().await;
    let before = house.rows().await;
    let office = house.hub.home.office.space;
    house
        .hub
        .home
        .set_privacy(house.kitchen, PrivacyMode::Private)
        .await
        .unwrap();
    let discarded = json!({"outcome": "discarded", "reason": "privacy_mode"});
    assert_eq!(house.hears(&voice(1)).await.json, discarded);
    assert_eq!(house.hears(&voice(2)).await.json, discarded);
    let mut body = print(&voice(1), office);
    body["device_id"] = json!(house.hub.home.kitchen.id);
    let _ = house
        .owner
        .post("observations", body)
        .await
        .refuses(422, "invalid")
        .points_at("/device_id");
    assert_eq!(house.rows().await, before);
}

#[tokio::test]
async fn what_was_seen_earlier_does_not_say_who_is_here() {
    let house = House::new().await;
    house.ada_is_known().await;
    for minutes in [-6, 6, -60 * 24 * 365] {
        let mut body = print(&voice(1), house.kitchen);
        body["occurred_at"] = json!(house.hub.clock.now() + Duration::minutes(minutes));
        let _ = house
            .owner
            .post("observations", body)
            .await
            .refuses(422, "invalid")
            .points_at("/occurred_at");
    }
    let mut body = print(&voice(1), house.kitchen);
    body["occurred_at"] = json!(house.hub.clock.now() - Duration::minutes(4));
    let seen = house.owner.post("observations", body).await.expect(200);
    assert_eq!(seen.text("/outcome"), "suggested");
    // It counts from when it came, whatever the worker's clock says.
    let listed = house.owner.get("hypotheses").await.expect(200);
    assert_eq!(
        listed.json["items"][0]["last_seen_at"],
        json!(house.hub.clock.now())
    );
}

#[tokio::test]
async fn what_was_rejected_is_not_suggested_again_there_for_a_while() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    let office = house.hub.home.office.space;
    let id = house.hears(&voice(1)).await.text("/hypothesis_id").to_owned();
    let rejected = house.decides(&house.owner, &id, "reject").await.expect(200);
    assert_eq!(rejected.text("/state"), "rejected");
    assert_eq!(
        house.decides(&house.owner, &id, "reject").await.expect(200).json,
        rejected.json
    );
    let _ = house
        .decides(&house.owner, &id, "confirm")
        .await
        .refuses(409, "decided");
    assert_eq!(house.hub.sql().count("recognition_observations", "true").await, 0);
    // Another print of hers is no way around it.
    let other = near(&voice(1), 0.8, &voice(2));
    let _ = house.enrol(&house.owner, &other).await.expect(201);
    for heard in [voice(1), other.clone()] {
        assert_eq!(house.hears(&heard).await.json, json!({"outcome": "unknown"}));
    }
    assert_eq!(
        house.hears_in(office, &voice(1)).await.text("/outcome"),
        "suggested"
    );
    house.passes(3_601).await;
    let again = house.hears(&voice(1)).await;
    assert_eq!(again.text("/outcome"), "suggested");
    assert_ne!(again.text("/hypothesis_id"), id);
}

/// As many prints as a large household may have, by many people: exact, and quick.
#[tokio::test]
async fn a_thousand_prints_are_compared_in_a_moment() {
    let house = House::new().await;
    house.ada_is_known().await;
    let sql = house.hub.sql();
    let agent = house.hub.home.agent;
    sql.execute(&format!(
        "with fresh as (select gen_random_uuid() as id, gen_random_uuid() as consent, n from generate_series(1, 100) n),
           people as (insert into hub.people (agent_id, id, name, created_at) select '{agent}', id, 'p' || n, now() from fresh),
           consents as (insert into hub.consents (agent_id, id, person_id, number, purpose, decision, starts_at, evidence_kind,
               given_by, created_at)
             select '{agent}', consent, id, 1, 'voice', 'granted', now() - interval '1 year', 'own_word', '{ada}', now() from fresh)
         insert into hub.voiceprints (agent_id, id, person_id, model, embedding, embedding_salt, consent_id, made_by, created_at)
         select '{agent}', gen_random_uuid(), id, 'net',
           array(select random() - 0.5 + 0 * n * k from generate_series(1, 256))::real[], decode(repeat('00', 32), 'hex'),
           consent, '{ada}', now()
         from fresh, generate_series(1, 10) k",
        ada = house.ada.id
    ))
    .await;
    assert_eq!(sql.count("voiceprints", "true").await, 1_001);
    let begun = std::time::Instant::now();
    for _ in 0..TIMES {
        assert_eq!(house.hears(&voice(2)).await.text("/outcome"), "unknown");
    }
    let each = begun.elapsed() / TIMES;
    eprintln!("recognition: 1,001 prints of 101 people compared in {each:?}");
    assert!(each < std::time::Duration::from_millis(500), "{each:?}");
    let seen = house.hears(&voice(1)).await;
    let found = house.owner.get("hypotheses").await.expect(200);
    assert_eq!(found.json["items"][0]["person_id"], json!(house.ada.person));
    assert_eq!(found.text("/items/0/id"), seen.text("/hypothesis_id"));
    let _: Uuid = seen.text("/hypothesis_id").parse().unwrap();
}
