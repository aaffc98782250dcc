//! Who may have something forgotten: everybody their own, and who runs the household what is the household's.

use hub::identity::Role;
use serde_json::json;

use super::Story;

#[tokio::test]
async fn a_member_forgets_their_own_and_not_the_households() {
    let story = Story::new().await;
    let own = story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let heard = story.hears("remember that the bins go out on Monday").await;
    let refused = story.bob.post(&format!("events/{heard}/forget"), json!({})).await;
    let _ = refused.refuses(403, "forbidden");
    let memory = story.memory(&story.bob, "bins go out").await.unwrap();
    let refused = story
        .bob
        .post(&format!("memories/{memory}/forget"), json!({"dry_run": true}))
        .await;
    let _ = refused.refuses(403, "forbidden");
    assert_eq!(
        story.event(&story.bob, &heard).await["payload"]["text"],
        "remember that the bins go out on Monday"
    );
    let _ = story
        .bob
        .post(&format!("events/{own}/forget"), json!({}))
        .await
        .expect(200);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}

#[tokio::test]
async fn nobody_reaches_what_is_anothers() {
    let story = Story::new().await;
    let own = story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let memory = story.memory(&story.bob, "zanzibar").await.unwrap();
    let session = story.bob.get("memories?limit=1").await.expect(200);
    let session = session.text("/items/0/session_id").to_owned();
    for path in [
        format!("events/{own}/forget"),
        format!("memories/{memory}/forget"),
        format!("sessions/{session}/forget"),
    ] {
        let _ = story.owner.post(&path, json!({})).await.refuses(404, "not_found");
    }
    let done = story
        .bob
        .post(&format!("events/{own}/forget"), json!({}))
        .await
        .expect(200);
    let erasure = done.text("/erasure/id").to_owned();
    let of_ada = story.owner.get("erasures").await.expect(200);
    assert_eq!(
        of_ada.items(),
        &[] as &[serde_json::Value],
        "that Bob forgot something is told"
    );
    let _ = story
        .owner
        .get(&format!("erasures/{erasure}"))
        .await
        .refuses(404, "not_found");
    assert_eq!(story.bob.get("erasures").await.expect(200).items().len(), 1);
    // Forgotten is as it was never there, for whoever could not see it.
    let _ = story
        .owner
        .post(&format!("memories/{memory}/forget"), json!({}))
        .await
        .refuses(404, "not_found");
}

#[tokio::test]
async fn an_admin_forgets_for_the_household_and_everybody_sees_that_they_did() {
    let story = Story::new().await;
    let admin = story.hub.home.user("eve", Role::Admin).await;
    let admin = story.rest.user(&admin).await;
    let heard = story.hears("remember that the zanzibar key is with Nora").await;
    let done = admin
        .post(&format!("events/{heard}/forget"), json!({}))
        .await
        .expect(200);
    let seen = story.bob.get("erasures").await.expect(200);
    assert_eq!(seen.items()[0], done.json["erasure"]);
    let told = story
        .bob
        .get("events?types=event.forgotten,memory.forgotten&limit=10")
        .await
        .expect(200);
    let told: Vec<&str> = told
        .items()
        .iter()
        .filter_map(|event| event["event_type"].as_str())
        .collect();
    assert_eq!(told, ["event.forgotten", "memory.forgotten"]);
}

#[tokio::test]
async fn what_the_hub_did_is_not_forgotten() {
    let story = Story::new().await;
    story.hears("hello").await;
    let events = story
        .owner
        .get("events?types=memory.committed&limit=1")
        .await
        .expect(200);
    let path = format!("events/{}/forget", events.text("/items/0/id"));
    let _ = story
        .owner
        .post(&path, json!({}))
        .await
        .refuses(409, "nothing_to_forget");
    let missing = format!("events/{}/forget", hub::ids::fresh());
    let _ = story
        .owner
        .post(&missing, json!({}))
        .await
        .refuses(404, "not_found");
}
