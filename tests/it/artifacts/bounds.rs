//! What is announced is bounded, and its form is checked.

use serde_json::json;

use super::{BYTES, Story, new};

#[tokio::test]
async fn what_cannot_be_an_artifact_is_pointed_at() {
    let story = Story::in_a_directory().await;
    let most = story.hub.config.artifacts.max_bytes;
    for (field, wrong) in [
        ("media_type", json!("picture")),
        ("media_type", json!("image/jpeg\r\nx-evil: 1")),
        ("size_bytes", json!(0)),
        ("size_bytes", json!(most + 1)),
        ("sha256", json!("abc")),
        ("sha256", json!("z".repeat(64))),
        ("name", json!("a\nb")),
        ("name", json!("x".repeat(201))),
        ("space_id", json!(story.hub.home.agent)),
    ] {
        let mut body = new(BYTES);
        body[field] = wrong;
        let answer = story.owner.post("artifacts", body).await;
        let _ = answer.points_at(&format!("/{field}"));
    }
    assert_eq!(story.hub.sql().count("artifacts", "true").await, 0);
}

#[tokio::test]
async fn unfinished_uploads_are_bounded_in_number_and_in_bytes() {
    let story = Story::in_a_directory().await;
    let most = story.hub.config.artifacts.max_bytes;
    let mut large = new(BYTES);
    large["size_bytes"] = json!(most);
    let mut ids = Vec::new();
    for _ in 0..10 {
        let made = story.owner.post("artifacts", large.clone()).await.expect(201);
        ids.push(made.text("/artifact/id").to_owned());
    }
    let _ = story
        .owner
        .post("artifacts", new(BYTES))
        .await
        .refuses(409, "too_many_uploads");
    let _ = story
        .owner
        .delete(&format!("artifacts/{}", ids[0]))
        .await
        .expect(204);
    for _ in 0..91 {
        let _ = story.create().await;
    }
    let _ = story
        .owner
        .post("artifacts", new(BYTES))
        .await
        .refuses(409, "too_many_uploads");
}

#[tokio::test]
async fn of_many_announced_at_once_no_more_are_taken_than_there_is_room_for() {
    let story = Story::in_a_directory().await;
    let mut large = new(BYTES);
    large["size_bytes"] = json!(story.hub.config.artifacts.max_bytes);
    let asked = (0..20).map(|_| story.owner.post("artifacts", large.clone()));
    let answers = futures_util::future::join_all(asked).await;
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(taken, 10);
}

#[tokio::test]
async fn nobody_is_shut_out_by_what_another_has_unfinished_nor_goes_beyond_their_own_by_hiding_it() {
    let story = Story::in_a_directory().await;
    let bob = story.rest.user(&story.hub.member("bob").await).await;
    let mut large = new(BYTES);
    large["size_bytes"] = json!(story.hub.config.artifacts.max_bytes);
    let mut private = large.clone();
    private["is_private"] = json!(true);
    // Five that everyone sees and five that only she does: together all that she may have.
    for body in [&large, &private] {
        for _ in 0..5 {
            let _ = story.owner.post("artifacts", body.clone()).await.expect(201);
        }
    }
    for body in [&large, &private] {
        let full = story.owner.post("artifacts", body.clone()).await;
        let _ = full.refuses(409, "too_many_uploads");
    }
    for _ in 0..5 {
        let _ = bob.post("artifacts", large.clone()).await.expect(201);
        let _ = bob.post("artifacts", private.clone()).await.expect(201);
    }
    let _ = bob
        .post("artifacts", private)
        .await
        .refuses(409, "too_many_uploads");
}
