//! What is said while somebody is being forgotten goes, too: everything that is in the log before the forgetting is.

use serde_json::json;
use support::heard;

use super::Story;

/// Until somebody waits for a lock.
async fn somebody_waits(story: &Story) {
    let query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    for _ in 0..1_000 {
        if story.hub.sql().value::<i64>(query).await > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("nobody waits, so nothing is tried");
}

/// Forgets by a path; while it is held at a turn that it has found, Nora says something.
async fn forgets_while_nora_speaks(story: &Story, path: &str) {
    let mut holding = story.hub.sql().pool().begin().await.unwrap();
    sqlx::raw_sql("select from hub.turns for update")
        .execute(&mut *holding)
        .await
        .unwrap();
    let meanwhile = async {
        somebody_waits(story).await;
        let mut said = heard("remember that pemba is an island");
        said.payload["participant"] = json!("Nora");
        story.hub.home.kitchen.sends(vec![said]).await.unwrap();
        assert!(!story.holds("pemba").await.is_empty(), "it was not said");
        holding.rollback().await.unwrap();
    };
    let (done, ()) = tokio::join!(story.owner.post(path, json!({})), meanwhile);
    let _ = done.expect(200);
}

#[tokio::test]
async fn what_somebody_says_while_they_are_forgotten_goes_with_them() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    story
        .speaks(
            &story.hub.home.kitchen,
            "Nora",
            "remember that zanzibar is an island",
        )
        .await;
    forgets_while_nora_speaks(&story, &format!("people/{nora}/forget")).await;
    story.hub.run_jobs().await;
    for word in ["zanzibar", "pemba"] {
        assert_eq!(story.holds(word).await, [] as [String; 0], "{word}");
    }
}

/// What is sent to a device is in no log until it ends.
#[tokio::test]
async fn what_somebody_sends_while_they_are_forgotten_goes_with_them() {
    let story = Story::new().await;
    let office = &story.hub.home.office;
    office.connects(&["speaker.say"]).await;
    let bob = story.person("bob").await;
    story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let mut holding = story.hub.sql().pool().begin().await.unwrap();
    sqlx::raw_sql("select from hub.turns for update")
        .execute(&mut *holding)
        .await
        .unwrap();
    let meanwhile = async {
        somebody_waits(&story).await;
        let command = json!({"device_id": office.id, "kind": "speaker.say", "arguments": {"text": "pemba"}});
        let _ = story.bob.post("commands", command).await.expect(201);
        assert!(!story.holds("pemba").await.is_empty(), "it was not sent");
        holding.rollback().await.unwrap();
    };
    let path = format!("people/{bob}/forget");
    let (done, ()) = tokio::join!(story.bob.post(&path, json!({})), meanwhile);
    let _ = done.expect(200);
    assert_eq!(story.holds("pemba").await, [] as [String; 0]);
}
