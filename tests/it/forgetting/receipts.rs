//! The receipt: it says how much and when, and anybody with the public key can tell that the hub said so.

use hub::erasures::receipt::{Backups, Receipt, ReceiptError};
use serde_json::json;
use support::{Rest, TestHub};

use super::Story;

#[tokio::test]
async fn a_receipt_is_signed_and_holds_no_content() {
    let story = Story::new().await;
    let event = story.hears("remember that the zanzibar key is with Nora").await;
    let done = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    let got = story
        .owner
        .get(&format!("erasures/{}", done.text("/erasure/id")))
        .await
        .expect(200);
    assert_eq!(got.json["backups"], "unknown");
    let note = got.text("/receipt");
    assert!(!note.contains("zanzibar"));
    let key = story.hub.keys.audit.verifier();
    let receipt = Receipt::open(note.as_bytes(), key).unwrap();
    assert_eq!(
        serde_json::to_value(&receipt.erasure).unwrap(),
        done.json["erasure"]
    );
    assert_eq!(
        (receipt.agent_id, receipt.backups),
        (story.hub.home.agent, Backups::Unknown)
    );
    // Not a byte of what it says can be another.
    let forged = note.replacen("\"events\":2", "\"events\":3", 1);
    assert_ne!(forged, note);
    assert!(matches!(
        Receipt::open(forged.as_bytes(), key),
        Err(ReceiptError::Note(_))
    ));
    // Nor is it a checkpoint, or a checkpoint a receipt.
    assert!(hub::audit::checkpoint::open(note.as_bytes(), key).is_err());
    let head = hub::audit::merkle::TreeHead {
        size: 5,
        root: [3; 32],
    };
    let checkpoint = hub::audit::checkpoint::sign(&head, &story.hub.keys.audit);
    assert_eq!(
        Receipt::open(checkpoint.as_bytes(), key),
        Err(ReceiptError::OtherNote)
    );
}

#[tokio::test]
async fn backups_are_said_as_they_are_configured() {
    let story = Story::new().await;
    let event = story.hears("zanzibar").await;
    let done = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    let known = story
        .hub
        .reconfigured(|config| config.retention.backups_days = 30);
    let owner = Rest::of(&known).user(&story.ada).await;
    let got = owner
        .get(&format!("erasures/{}", done.text("/erasure/id")))
        .await
        .expect(200);
    let erased: chrono::DateTime<chrono::Utc> = done.text("/erasure/erased_at").parse().unwrap();
    let gone: chrono::DateTime<chrono::Utc> = got.text("/backups/gone_at").parse().unwrap();
    assert_eq!(gone - erased, chrono::Duration::days(31));
}

#[tokio::test]
async fn the_audit_log_is_whole_and_says_what_was_done() {
    let story = Story::on(TestHub::start().await).await;
    let event = story.hears("remember that the zanzibar key is with Nora").await;
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    story.hub.run_jobs().await;
    let body: String = story
        .hub
        .sql()
        .value("select body from hub.audit_entries where operation = 'forget_event'")
        .await;
    let entry: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(entry["resource"], json!({"kind": "event", "id": event}));
    assert_eq!(entry["details"]["counts"]["events"], 2);
    assert!(!body.contains("zanzibar"));
    let store = crate::audit::open_store(&story.hub);
    crate::audit::keep(&story.hub, &*store).await.unwrap();
    crate::audit::everything_is_kept(&story.hub, &*store).await;
}
