//! Making prints: by a grant, of oneself, never given out.

use hub::{clock::Clock, identity::Role};
use serde_json::{Value, json};
use support::{face, voice};

use super::{House, allow, allow_as, face_print, print};

#[tokio::test]
async fn a_print_takes_a_grant_that_is_in_force_there_and_names_it() {
    let house = House::new().await;
    let (kitchen, office) = (house.kitchen, house.hub.home.office.space);
    let _ = house
        .enrol(&house.owner, &voice(1))
        .await
        .refuses(409, "no_consent");
    allow(&house.owner, "face").await;
    let _ = house
        .enrol(&house.owner, &voice(1))
        .await
        .refuses(409, "no_consent");
    let grant = allow_as(&house.owner, json!({"purpose": "voice", "space_id": kitchen})).await;
    let elsewhere = house
        .owner
        .post("people/self/prints", print(&voice(1), office))
        .await;
    let _ = elsewhere.refuses(409, "no_consent");
    let mut nowhere = print(&voice(1), kitchen);
    nowhere.as_object_mut().unwrap().remove("space_id");
    let _ = house
        .owner
        .post("people/self/prints", nowhere)
        .await
        .refuses(409, "no_consent");
    let made = house.enrol(&house.owner, &voice(1)).await.expect(201);
    assert_eq!(made.text("/consent_id"), grant);
    assert_eq!(made.json["person_id"], json!(house.ada.person));
    let entry = "operation = 'enrol_print' and body::jsonb #>> '{details,consent_id}' = ";
    let named = format!(
        "{entry} '{grant}' and jsonb_array_length(body::jsonb -> 'commitments') = 1 and body::jsonb #>> '{{commitments,0,id}}' = '{}'",
        made.text("/id")
    );
    assert_eq!(house.hub.sql().count("audit_entries", &named).await, 1);
}

#[tokio::test]
async fn the_vector_is_given_out_by_nothing() {
    let house = House::new().await;
    house.ada_is_known().await;
    let listed = house.owner.get("people/self/prints").await.expect(200);
    let fields: Vec<&String> = listed.items()[0].as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "consent_id",
            "created_at",
            "id",
            "made_by_user_id",
            "modality",
            "model",
            "person_id"
        ]
    );
    let stored: Vec<f32> = house
        .hub
        .sql()
        .value("select embedding::real[] from hub.voiceprints")
        .await;
    let length: f32 = stored.iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-4);
    // Neither the log, nor the audit log, nor kept answers have a number of it.
    let number = format!("{:.4}", stored[0]);
    for table in ["audit_entries", "events", "idempotency_keys", "jobs"] {
        let with = format!("t::text like '%{}%'", &number[..number.len() - 1]);
        assert_eq!(
            house.hub.sql().count(&format!("{table} t"), &with).await,
            0,
            "{table}"
        );
    }
}

#[tokio::test]
async fn what_is_no_voice_is_refused_with_where_it_is_wrong() {
    let house = House::new().await;
    house.ada_is_known().await;
    let good = || print(&voice(3), house.kitchen);
    let with = |key: &str, value: Value| {
        let mut body = good();
        body[key] = value;
        body
    };
    let mut inside = voice(3).iter().map(|number| json!(number)).collect::<Vec<_>>();
    inside[7] = json!("loud");
    let mut huge = voice(3);
    huge[5] = 1e300;
    let cases = [
        (with("vector", json!(voice(3)[1..])), "/vector"),
        (with("vector", json!(face(3))), "/vector"),
        (with("vector", json!(vec![0.0; 256])), "/vector"),
        (with("vector", json!([])), "/vector"),
        (with("vector", json!(inside)), "/vector/7"),
        (with("vector", json!(huge)), "/vector/5"),
        (with("vector", json!("voice")), "/vector"),
        (with("modality", json!("gait")), "/modality"),
        (with("modality", json!("face")), "/vector"),
        (with("model", json!("")), "/model"),
        (with("model", json!("x".repeat(201))), "/model"),
        (with("model", json!("a\u{202e}b")), "/model"),
        (with("space_id", json!(house.ada.person)), "/space_id"),
        (with("device_id", json!(house.ada.person)), "/device_id"),
        (with("device_id", json!(house.hub.home.office.id)), "/device_id"),
        (with("person_id", json!(house.ada.person)), "/person_id"),
    ];
    for path in ["people/self/prints", "observations"] {
        for (body, pointer) in &cases {
            let answer = house.owner.post(path, body.clone()).await.refuses(422, "invalid");
            assert_eq!(answer.pointers(), [*pointer], "{path} {body}");
        }
    }
    assert_eq!(house.rows().await, 1, "only the good one");
}

#[tokio::test]
async fn the_same_vector_again_is_the_same_print_and_there_is_an_end_to_others() {
    let house = House::new().await;
    house.ada_is_known().await;
    let first = house.enrol(&house.owner, &voice(1)).await.expect(201);
    let doubled: Vec<f64> = voice(1).iter().map(|number| number * 2.0).collect();
    assert_eq!(
        house.enrol(&house.owner, &doubled).await.expect(201).json,
        first.json,
        "louder, and the same"
    );
    for of in 2..=20 {
        let _ = house.enrol(&house.owner, &voice(of)).await.expect(201);
    }
    let _ = house
        .enrol(&house.owner, &voice(21))
        .await
        .refuses(409, "too_many");
    assert_eq!(house.hub.sql().count("voiceprints", "true").await, 20);
    // Of faces there may be as many.
    allow(&house.owner, "face").await;
    let body = face_print(&face(1), house.kitchen);
    let _ = house.owner.post("people/self/prints", body).await.expect(201);
}

#[tokio::test]
async fn nothing_is_enrolled_in_a_private_space_nor_of_somebody_who_was_forgotten() {
    use hub::places::PrivacyMode;
    let house = House::new().await;
    let made = house
        .owner
        .post("people", json!({"name": "Nora"}))
        .await
        .expect(201);
    let nora = format!("people/{}", made.text("/id"));
    let grant = json!({"purpose": "voice", "evidence": "said so at dinner"});
    let _ = house
        .owner
        .post(&format!("{nora}/consents"), grant)
        .await
        .expect(201);
    let prints = format!("{nora}/prints");
    let home = &house.hub.home;
    home.set_privacy(house.kitchen, PrivacyMode::Private)
        .await
        .unwrap();
    let body = print(&voice(5), house.kitchen);
    let _ = house
        .owner
        .post(&prints, body.clone())
        .await
        .refuses(409, "privacy_mode");
    home.set_privacy(house.kitchen, PrivacyMode::Normal)
        .await
        .unwrap();
    let _ = house.owner.post(&prints, body.clone()).await.expect(201);
    let forgotten = house
        .owner
        .post(&format!("{nora}/forget"), json!({}))
        .await
        .expect(200);
    assert_eq!(forgotten.json["erasure"]["counts"]["prints"], json!(1));
    assert_eq!(house.rows().await, 0);
    let _ = house.owner.post(&prints, body).await.refuses(409, "forgotten");
    assert_eq!(house.rows().await, 0);
}

/// Forgetting somebody again finds nothing to do: so nothing new comes to be, whoever asks for it.
#[tokio::test]
async fn whoever_had_themself_forgotten_is_enrolled_by_nobody() {
    let house = House::new().await;
    let carol = house.hub.home.user("carol", Role::Admin).await;
    let carols = house.rest.user(&carol).await;
    allow(&carols, "voice").await;
    let _ = house.enrol(&carols, &voice(3)).await.expect(201);
    let path = format!("people/{}/forget", carol.person);
    let _ = carols.post(&path, json!({})).await.expect(200);
    allow(&carols, "voice").await;
    let own = house.enrol(&carols, &voice(3)).await;
    let _ = own.refuses(409, "forgotten");
    let by_ada = house.enrol_them(&carol, &voice(3)).await;
    let _ = by_ada.refuses(409, "forgotten");
    assert_eq!(house.rows().await, 0);
}

#[tokio::test]
async fn a_print_that_is_deleted_takes_what_was_recognised_along() {
    let house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    let prints = house.owner.get("people/self/prints").await.expect(200);
    let path = format!("people/self/prints/{}", prints.text("/items/0/id"));
    let _ = house.owner.delete(&path).await.expect(204);
    assert_eq!(house.rows().await, 0);
    let _ = house.owner.delete(&path).await.refuses(404, "not_found");
    let erasures = house.owner.get("erasures").await.expect(200);
    assert_eq!(erasures.text("/items/0/target_kind"), "consent");
    assert_eq!(
        erasures.text("/items/0/target_id"),
        prints.text("/items/0/consent_id")
    );
    assert_eq!(erasures.json["items"][0]["counts"]["prints"], json!(1));
    assert_eq!(erasures.json["items"][0]["counts"]["sightings"], json!(3));
}

/// A print goes with its grant, so another grant makes another.
#[tokio::test]
async fn the_same_vector_by_another_grant_is_another_print() {
    let mut house = House::new().await;
    let end = house.hub.clock.now() + chrono::Duration::minutes(5);
    allow_as(&house.owner, json!({"purpose": "voice", "expires_at": end})).await;
    let first = house.enrol(&house.owner, &voice(1)).await.expect(201);
    let again = house.enrol(&house.owner, &voice(1)).await.expect(201);
    assert_eq!(first.text("/id"), again.text("/id"));
    house.passes(600).await;
    allow(&house.owner, "voice").await;
    let second = house.enrol(&house.owner, &voice(1)).await.expect(201);
    assert_ne!(first.text("/id"), second.text("/id"));
    house.waits(60).await;
    assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "suggested");
}
