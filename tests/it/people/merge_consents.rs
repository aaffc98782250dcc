//! What two people allowed who turn out to be one: neither more than they gave.

use serde_json::{Value, json};
use support::Client;

use super::Story;

async fn grants(client: &Client, who: &str, purpose: &str) {
    let grant = json!({"purpose": purpose, "evidence": "said so"});
    let path = format!("people/{who}/consents");
    let _ = client.post(&path, grant).await.expect(201);
}

async fn withdraws(client: &Client, who: &str, purpose: &str) {
    let path = format!("people/{who}/consents/withdraw");
    let _ = client.post(&path, json!({"purpose": purpose})).await.expect(200);
}

async fn newest(client: &Client, who: &str, purpose: &str) -> Value {
    let path = format!("people/{who}/consents?purpose={purpose}");
    let consents = client.get(&path).await.expect(200);
    consents.items().first().cloned().unwrap_or_default()
}

#[tokio::test]
async fn what_needs_a_grant_is_granted_anew_and_a_withdrawal_of_either_stands() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    let voice = story.knows("voice-7", &[]).await;
    grants(&story.owner, &nora, "voice").await;
    grants(&story.owner, &voice, "voice").await;
    grants(&story.owner, &voice, "face").await;
    withdraws(&story.owner, &voice, "memory").await;
    let merged = story.merges(&story.owner, &voice, &nora).await.expect(200);
    assert_eq!(merged.json["ended_consents"], json!(["voice", "memory"]));
    for purpose in ["voice", "memory"] {
        let row = newest(&story.owner, &nora, purpose).await;
        assert_eq!(
            (&row["decision"], &row["withdraws_id"]),
            (&json!("withdrawn"), &Value::Null),
            "{purpose}"
        );
    }
    assert_eq!(newest(&story.owner, &nora, "face").await, Value::Null);
    // The history of who was merged is as it was.
    let theirs = story
        .owner
        .get(&format!("people/{voice}/consents"))
        .await
        .expect(200);
    assert_eq!(theirs.items().len(), 3);
    let entries = story.entries("merge_person").await;
    assert_eq!(
        entries[0]["details"]["ended_consents"],
        json!(["voice", "memory"])
    );
    let told = story.owner.get("events?types=consent.changed&limit=200").await;
    let told = told.expect(200);
    let ended = told.items().iter().rev().take(2);
    assert!(
        ended
            .clone()
            .all(|event| event["payload"]["person_id"] == json!(nora))
    );
    assert!(
        ended
            .clone()
            .all(|event| event["payload"]["decision"] == "withdrawn")
    );
}

#[tokio::test]
async fn what_somebody_with_a_login_allows_ends_by_their_own_word_only() {
    let story = Story::new().await;
    let bob = story.bob.person.to_string();
    let voice = story.knows("voice-7", &[]).await;
    grants(&story.admin, "self", "voice").await;
    let refused = story.merges(&story.owner, &voice, &bob).await;
    let refused = refused.refuses(409, "needs_their_word");
    assert!(refused.text("/detail").contains("withdraw it before"));
    assert_eq!(newest(&story.admin, "self", "voice").await["decision"], "granted");
    // What somebody else refused would be refused for him, too.
    let other = story.knows("voice-8", &[]).await;
    withdraws(&story.owner, &other, "memory").await;
    let refused = story.merges(&story.owner, &other, &bob).await;
    let _ = refused.refuses(409, "needs_their_word");
    let merged = story.merges(&story.admin, &voice, &bob).await.expect(200);
    assert_eq!(merged.json["ended_consents"], json!(["voice"]));
    let row = newest(&story.admin, "self", "voice").await;
    assert_eq!(
        (&row["decision"], &row["evidence_kind"]),
        (&json!("withdrawn"), &json!("own_word"))
    );
    // Where nothing ends, who runs the household may say it: it shows nobody anything.
    let third = story.knows("voice-9", &[]).await;
    let _ = story.merges(&story.owner, &third, &bob).await.expect(200);
}
