//! Who sees an artifact, and from where none is kept.

use axum::http::Method;
use hub::places::PrivacyMode;
use serde_json::{Value, json};

use super::{BYTES, Story, new};

#[tokio::test]
async fn a_private_one_is_there_for_nobody_else_and_one_of_another_agent_for_nobody_here() {
    for story in Story::of_both().await {
        let bob = story.rest.user(&story.hub.member("bob").await).await;
        let next_door = story.hub.household("next door").await;
        let eve = story.rest.user(&next_door.owner("eve").await).await;
        let mut private = new(BYTES);
        private["is_private"] = json!(true);
        let hers = story.owner.post("artifacts", private).await.expect(201);
        assert_eq!(hers.json["artifact"]["is_private"], true);
        assert_eq!(story.send(&hers, BYTES).await.status(), 200);
        let hers = hers.text("/artifact/id");
        let _ = story.complete(hers).await.expect(200);
        let everyones = story.stored().await;
        let agent = story.hub.home.agent;
        for (who, id, is_seen) in [
            (&bob, hers, false),
            (&bob, &*everyones, true),
            (&eve, &everyones, false),
        ] {
            for (method, path) in [
                (Method::GET, format!("artifacts/{id}")),
                (Method::GET, format!("artifacts/{id}/download")),
                (Method::POST, format!("artifacts/{id}/complete")),
                (Method::GET, format!("/v1/agents/{agent}/artifacts/{id}")),
            ] {
                let answer = who.ask(method, &path).send().await;
                assert_eq!(answer.status.as_u16(), if is_seen { 200 } else { 404 }, "{path}");
            }
        }
        let _ = bob
            .delete(&format!("artifacts/{hers}"))
            .await
            .refuses(404, "not_found");
        let _ = eve
            .delete(&format!("artifacts/{everyones}"))
            .await
            .refuses(404, "not_found");
        let seen = bob.get("artifacts").await.expect(200);
        assert_eq!(seen.json["items"].as_array().unwrap().len(), 1);
        let told = bob.get("events?types=artifact.stored").await.expect(200);
        assert_eq!(told.json["items"].as_array().unwrap().len(), 1, "{}", told.json);
    }
}

#[tokio::test]
async fn nothing_is_kept_from_a_private_space() {
    for story in Story::of_both().await {
        let space = story.hub.home.kitchen.space;
        let mut here = new(BYTES);
        here["space_id"] = json!(space);
        let before = story.owner.post("artifacts", here.clone()).await.expect(201);
        story
            .hub
            .home
            .set_privacy(space, PrivacyMode::Private)
            .await
            .unwrap();
        let _ = story
            .owner
            .post("artifacts", here)
            .await
            .refuses(409, "privacy_mode");
        // Nor what was announced before.
        let sent = story.send(&before, BYTES).await.status();
        let id = before.text("/artifact/id");
        if story.is_bucket() {
            let _ = story.complete(id).await.refuses(409, "privacy_mode");
        } else {
            assert_eq!(sent, 409);
            let _ = story.complete(id).await.refuses(409, "not_uploaded");
        }
        let elsewhere = story.create().await;
        assert_eq!(story.send(&elsewhere, BYTES).await.status(), 200);
        assert_eq!(story.told("artifact.stored").await, 0);
    }
}

/// Of a short text whoever has the log could guess which it was, by a plain hash.
#[tokio::test]
async fn what_is_written_down_is_a_size_and_a_commitment_whose_salt_goes_with_the_file() {
    let story = Story::in_a_directory().await;
    let id = story.stored().await;
    let said =
        json!({"media_type": "image/jpeg", "name": new(BYTES)["name"], "sha256": super::digest(BYTES)});
    let of_it = format!("from hub.artifacts where id = '{id}' and salt is not null");
    let committed = format!("select encode(sha256(salt || convert_to('{said}', 'utf8')), 'hex') {of_it}");
    let expected: String = story.hub.sql().value(&committed).await;
    let _ = story.owner.delete(&format!("artifacts/{id}")).await.expect(204);
    let salts: i64 = story.hub.sql().value(&format!("select count(*) {of_it}")).await;
    assert_eq!(salts, 0, "the salt dies with the file");
    let entries: Vec<Value> = story
        .hub
        .sql()
        .values("select body::jsonb from hub.audit_entries where body like '%_artifact%' order by agent_seq")
        .await;
    let opened = json!([{"kind": "artifact", "id": id, "sha256": expected}]);
    let wanted = [
        ("create_artifact", &opened),
        ("complete_artifact", &opened),
        ("delete_artifact", &json!([])),
    ];
    for (entry, (operation, commitments)) in entries.iter().zip(wanted) {
        assert_eq!(entry["operation"], operation);
        // An event that is told is committed to, too.
        let of_it = entry["commitments"].as_array().unwrap().iter();
        let of_it: Value = of_it.filter(|one| one["kind"] == "artifact").cloned().collect();
        assert_eq!(&of_it, commitments);
        assert_eq!(entry["details"], json!({"size_bytes": BYTES.len()}));
        assert_eq!(entry["principal"]["id"], json!(story.ada.id));
        assert!(!entry.to_string().contains(&super::digest(BYTES)), "{entry}");
    }
    assert_eq!(entries.len(), wanted.len());
}
