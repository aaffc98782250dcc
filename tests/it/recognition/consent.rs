//! Taking back, and what ends by itself: all that hung on it is gone at once, and later from the disk.

use std::time::Duration as Wait;

use chrono::Duration;
use hub::{clock::Clock, places::PrivacyMode};
use rand::Rng;
use serde_json::{Value, json};
use support::{Seeded, face, voice};

use super::{House, TABLES, allow, allow_as, face_print, print, withdraw};

#[tokio::test]
async fn withdrawing_takes_all_of_it_along_and_the_receipt_says_how_much() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    house.waits(901).await;
    house.ada_is_there().await;
    allow(&house.owner, "face").await;
    let seen = face_print(&face(1), house.kitchen);
    let _ = house
        .owner
        .post("people/self/prints", seen.clone())
        .await
        .expect(201);
    let (bob, bobs) = house.member("bob", 2).await;
    let heard = house.hears(&voice(2)).await;
    let _ = house
        .decides(&bobs, heard.text("/hypothesis_id"), "confirm")
        .await
        .expect(200);
    for table in TABLES {
        assert!(
            house.hub.sql().count(table, "true").await > 0,
            "{table} has something"
        );
    }
    let said = withdraw(&house.owner, json!({"purpose": "voice"})).await;
    // What is Bob's stays, and what is of her face.
    for table in TABLES {
        let own = match table {
            "faceprints" => 1,
            _ => 0,
        };
        let hers = match table {
            "recognition_observations" => format!(
                "not exists (select from hub.identity_hypotheses h where h.id = hypothesis_id and h.person_id = '{}')",
                bob.person
            ),
            _ => format!("person_id = '{}'", house.ada.person),
        };
        assert_eq!(house.hub.sql().count(table, &hers).await, own, "{table}");
    }
    let there = house.present().await;
    assert_eq!((there.len(), &there[0]["person_id"]), (1, &json!(bob.person)));
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
    let erasures = house.owner.get("erasures").await.expect(200);
    assert_eq!(erasures.text("/items/0/target_kind"), "consent");
    assert_eq!(erasures.json["items"][0]["target_id"], said.json["id"]);
    assert_eq!(erasures.json["items"][0]["counts"]["prints"], json!(1));
    assert_eq!(erasures.json["items"][0]["counts"]["sightings"], json!(6));
    let entry = "operation = 'withdraw_consent' and body::jsonb #>> '{details,erased_prints}' = '1'
        and body::jsonb #>> '{details,erased_sightings}' = '6'";
    assert_eq!(house.hub.sql().count("audit_entries", entry).await, 1);
    assert_eq!(
        bobs.get("erasures").await.expect(200).items().len(),
        0,
        "it is hers"
    );
    // Whoever watches is told that somebody is not there any more.
    let gone = "select count(*) from hub.events where type = 'presence.changed' and payload ->> 'is_present' = 'false'";
    assert_eq!(house.hub.sql().value::<i64>(gone).await, 2);
    // No envelope of the log says that it was she.
    let named = format!(
        "type in ('presence.changed', 'hypothesis.changed') and to_jsonb(t)::text like '%{}%'",
        house.ada.person
    );
    assert_eq!(house.hub.sql().count("events t", &named).await, 0);
}

#[tokio::test]
async fn withdrawing_one_grant_takes_the_prints_that_were_made_by_it() {
    let house = House::new().await;
    let office = house.hub.home.office.space;
    let first = allow_as(
        &house.owner,
        json!({"purpose": "voice", "space_id": house.kitchen}),
    )
    .await;
    let _ = house.enrol(&house.owner, &voice(1)).await.expect(201);
    allow_as(&house.owner, json!({"purpose": "voice", "space_id": office})).await;
    let there = house
        .owner
        .post("people/self/prints", print(&voice(2), office))
        .await;
    let _ = there.expect(201);
    house.hears_in(office, &voice(1)).await;
    withdraw(&house.owner, json!({"purpose": "voice", "consent_id": first})).await;
    let left = house.owner.get("people/self/prints").await.expect(200);
    assert_eq!(left.items().len(), 1);
    assert_eq!(
        house.hears_in(office, &voice(1)).await.text("/outcome"),
        "unknown"
    );
    assert_eq!(
        house.hears_in(office, &voice(2)).await.text("/outcome"),
        "suggested"
    );
    assert_eq!(house.hears(&voice(2)).await.text("/outcome"), "unknown");
}

#[tokio::test]
async fn a_grant_that_has_ended_is_not_used_and_the_sweep_erases_what_hung_on_it() {
    let mut house = House::new().await;
    let end = house.hub.clock.now() + Duration::minutes(10);
    allow_as(&house.owner, json!({"purpose": "voice", "expires_at": end})).await;
    let _ = house.enrol(&house.owner, &voice(1)).await.expect(201);
    let id = house.ada_is_there().await;
    let other = house.hears_in(house.hub.home.office.space, &voice(1)).await;
    house.passes(600).await;
    // Nothing has swept yet.
    assert_eq!(house.present().await, Vec::<Value>::new());
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
    let waiting = other.text("/hypothesis_id").to_owned();
    for id in [&id, &waiting] {
        let _ = house
            .decides(&house.owner, id, "confirm")
            .await
            .refuses(404, "not_found");
    }
    let listed = house.owner.get("hypotheses").await.expect(200);
    assert_eq!(listed.items().len(), 0);
    // A new grant does not make the old print good.
    let _ = allow(&house.owner, "voice").await;
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "unknown");
    assert!(house.rows().await > 0);
    house.waits(1).await;
    assert_eq!(house.rows().await, 0);
    let entry = "operation = 'expire_consent' and body::jsonb #>> '{details,erased_prints}' = '1'";
    assert_eq!(house.hub.sql().count("audit_entries", entry).await, 1);
    let erasures = house.owner.get("erasures").await.expect(200);
    assert_eq!(erasures.text("/items/0/target_kind"), "consent");
    house.waits(61).await;
    assert_eq!(house.hub.sql().count("audit_entries", entry).await, 1, "once");
}

#[tokio::test]
async fn what_somebody_is_forgotten_with_is_all_of_it_too() {
    let house = House::new().await;
    let (bob, bobs) = house.member("bob", 2).await;
    let heard = house.hears(&voice(2)).await;
    let _ = house
        .decides(&bobs, heard.text("/hypothesis_id"), "confirm")
        .await
        .expect(200);
    let path = format!("people/{}/forget", bob.person);
    let dry = bobs.post(&path, json!({"dry_run": true})).await.expect(200);
    assert_eq!(dry.json["beside"][0]["counts"]["prints"], json!(1));
    assert_eq!(house.rows().await, 4);
    let done = bobs.post(&path, json!({})).await.expect(200);
    let counts = &done.json["beside"][0]["counts"];
    assert_eq!((&counts["prints"], &counts["sightings"]), (&json!(1), &json!(3)));
    assert_eq!(house.rows().await, 0);
}

/// Somebody withdraws while workers hear them: whatever the order, nothing of it is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_after_a_withdrawal_in_60_seeded_rounds() {
    const ROUNDS: u64 = 60;
    let house = House::with(|config| config.recognition.voice_confirm_above = 0.95).await;
    let seeded = Seeded::default();
    let (mut before, mut after) = (0, 0);
    for round in 0..ROUNDS {
        allow(&house.owner, "voice").await;
        let _ = house.enrol(&house.owner, &voice(1)).await.expect(201);
        let wait = |number: u64| {
            let micros = seeded.fork(round * 10 + number).random_range(0..8_000);
            tokio::time::sleep(Wait::from_micros(micros))
        };
        let observes = async {
            wait(0).await;
            house.hears(&voice(1)).await.text("/outcome").to_owned()
        };
        let observes_too = async {
            wait(1).await;
            house.hears(&voice(1)).await.text("/outcome").to_owned()
        };
        let enrols = async {
            wait(2).await;
            house.enrol(&house.owner, &voice(3)).await.status
        };
        let withdraws = async {
            wait(3).await;
            withdraw(&house.owner, json!({"purpose": "voice"})).await
        };
        let (first, second, enrolled, _) = tokio::join!(observes, observes_too, enrols, withdraws);
        assert!([201, 409].contains(&enrolled.as_u16()), "{enrolled}");
        for outcome in [first, second] {
            match outcome.as_str() {
                "present" => before += 1,
                "unknown" => after += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!(house.rows().await, 0, "round {round}");
    }
    eprintln!(
        "recognition: {before} observations before the withdrawal, {after} after it; nothing left of any"
    );
    assert!(before > 5 && after > 5, "{before} and {after}");
    let entries = house
        .hub
        .sql()
        .count("audit_entries", "operation = 'withdraw_consent'")
        .await;
    assert_eq!(entries, i64::try_from(ROUNDS).unwrap());
}

/// Two that are observed at once are one hypothesis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_hear_somebody_at_once_there_is_one_hypothesis() {
    let house = House::new().await;
    house.ada_is_known().await;
    let vector = voice(1);
    let all = futures_util::future::join_all((0..16).map(|_| house.hears(&vector))).await;
    let first = &all[0].json;
    assert!(all.iter().all(|answer| answer.json == *first), "one answer");
    assert_eq!(house.hub.sql().count("identity_hypotheses", "true").await, 1);
    let id = first["hypothesis_id"].as_str().unwrap();
    let decided = futures_util::future::join_all((0..8).map(|number| {
        let how = if number % 2 == 0 { "confirm" } else { "reject" };
        house.decides(&house.owner, id, how)
    }))
    .await;
    assert!(
        decided
            .iter()
            .all(|answer| [200, 409].contains(&answer.status.as_u16()))
    );
    assert_eq!(house.present().await, Vec::<Value>::new(), "rejected in the end");
}

/// A room goes private while somebody is heard in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_in_a_room_after_it_went_private_in_40_seeded_rounds() {
    const ROUNDS: u64 = 40;
    let mut house = House::with(|config| config.recognition.voice_confirm_above = 0.95).await;
    house.ada_is_known().await;
    let seeded = Seeded::default();
    let (mut kept, mut discarded) = (0, 0);
    for round in 0..ROUNDS {
        // What is heard in the moment in which a stay ended says nothing.
        house.passes(11).await;
        let wait = |number: u64| {
            // In every other round the switch has time to come last, on a slow machine too.
            let most = if number == 1 && round % 2 == 1 {
                400_000
            } else {
                6_000
            };
            let micros = seeded.fork(round * 10 + number).random_range(0..most);
            tokio::time::sleep(Wait::from_micros(micros))
        };
        let observes = async {
            wait(0).await;
            house.hears(&voice(1)).await.text("/outcome").to_owned()
        };
        let switches = async {
            wait(1).await;
            house
                .hub
                .home
                .set_privacy(house.kitchen, PrivacyMode::Private)
                .await
                .unwrap();
        };
        let (outcome, ()) = tokio::join!(observes, switches);
        match outcome.as_str() {
            "present" => kept += 1,
            // Switched between two looks of the first one: nothing was compared either.
            "discarded" | "unknown" => discarded += 1,
            other => panic!("{other}"),
        }
        assert_eq!(
            house.hub.sql().count("presence", "true").await,
            0,
            "round {round}"
        );
        // The last that was told of the room is the switch.
        let last = format!(
            "select type from hub.events where space_id = '{}' order by position desc limit 1",
            house.kitchen
        );
        assert_eq!(house.hub.sql().value::<String>(&last).await, "space.changed");
        house
            .hub
            .home
            .set_privacy(house.kitchen, PrivacyMode::Normal)
            .await
            .unwrap();
    }
    eprintln!("recognition: {kept} observations before the switch, {discarded} after it");
    assert!(kept > 0 && discarded > 0, "{kept} and {discarded}");
}
