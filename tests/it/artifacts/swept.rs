//! What time does to artifacts.

use std::{path::PathBuf, time::Duration};

use chrono::TimeDelta;

use super::{BYTES, Story};

#[tokio::test]
async fn an_upload_that_nobody_finishes_goes_after_a_day_with_its_bytes() {
    for story in Story::of_both().await {
        let (created, kept) = (story.create().await, story.stored().await);
        assert_eq!(story.send(&created, BYTES).await.status(), 200);
        story.hub.clock.advance(TimeDelta::hours(23));
        story.sweep().await;
        assert_eq!(story.in_store().await.len(), 2);
        story.hub.clock.advance(TimeDelta::hours(1));
        story.sweep().await;
        let left = story.in_store().await;
        assert!(matches!(&left[..], [one] if one.ends_with(&kept)), "{left:?}");
        let owner = story.rest.user(&story.ada).await;
        let id = created.text("/artifact/id");
        let _ = owner
            .get(&format!("artifacts/{id}"))
            .await
            .refuses(404, "not_found");
        let _ = owner.get(&format!("artifacts/{kept}")).await.expect(200);
        let entry = format!("body like '%delete_artifact%' and body like '%{id}%'");
        assert_eq!(story.hub.sql().count("audit_entries", &entry).await, 1);
        // It was never told of.
        assert_eq!(story.told("artifact.deleted").await, 0);
    }
}

#[tokio::test]
async fn bytes_that_come_after_the_end_are_removed_and_then_the_row_goes() {
    let story = Story::in_a_bucket().await;
    let created = story.create().await;
    let id = created.text("/artifact/id");
    let _ = story.owner.delete(&format!("artifacts/{id}")).await.expect(204);
    // The link of S3 does not know.
    assert_eq!(story.send(&created, BYTES).await.status(), 200);
    assert_eq!(story.in_store().await.len(), 1);
    story.hub.clock.advance(TimeDelta::hours(27));
    story.sweep().await;
    assert_eq!(story.in_store().await, Vec::<String>::new());
    assert_eq!(story.hub.sql().count("artifacts", "true").await, 0);
}

#[tokio::test]
async fn what_a_crash_left_of_an_upload_goes_and_what_is_under_way_stays() {
    let story = Story::in_a_directory().await;
    let incoming = story.hub.config.dir.join("artifacts/incoming");
    std::fs::create_dir_all(&incoming).unwrap();
    let made = |name: &str, hours: u64| -> PathBuf {
        let path = incoming.join(name);
        let file = std::fs::File::create(&path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - Duration::from_secs(hours * 3600))
            .unwrap();
        path
    };
    let (old, new) = (made("old", 27), made("new", 1));
    story.sweep().await;
    assert!(!old.exists() && new.exists());
}
