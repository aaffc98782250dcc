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

/// Voice-7 allows to remember what they say, and says something; the grant.
async fn voice_is_remembered(story: &Story, voice: &str) -> String {
    let grant = json!({"purpose": "memory", "evidence": "said so"});
    let path = format!("people/{voice}/consents");
    let grant = story.owner.post(&path, grant).await.expect(201);
    story
        .hears("voice-7", "remember that the key is under the mat")
        .await;
    assert!(story.hub.sql().count("memories", "true").await > 0);
    grant.text("/id").to_owned()
}

async fn takes_back(story: &Story, who: &str, what: Value) -> Value {
    let path = format!("people/{who}/consents/withdraw");
    story.owner.post(&path, what).await.expect(200).json
}

#[tokio::test]
async fn what_was_remembered_by_the_grant_of_who_was_merged_goes_with_a_withdrawal() {
    for is_named in [false, true] {
        let story = Story::new().await;
        let (nora, granny) = (story.knows("Nora", &[]).await, story.knows("Granny", &[]).await);
        let voice = story.knows("voice-7", &[]).await;
        let grant = voice_is_remembered(&story, &voice).await;
        // By way of somebody else.
        let _ = story.merges(&story.owner, &voice, &granny).await.expect(200);
        let _ = story.merges(&story.owner, &granny, &nora).await.expect(200);
        let sql = story.hub.sql();
        assert!(
            sql.count("memories", "true").await > 0,
            "nobody has taken it back"
        );
        let what = if is_named {
            json!({"purpose": "memory", "consent_id": grant})
        } else {
            json!({"purpose": "memory"})
        };
        let row = takes_back(&story, &nora, what.clone()).await;
        assert_eq!(row["person_id"], json!(nora));
        assert_eq!(
            row["withdraws_id"],
            what.get("consent_id").cloned().unwrap_or_default()
        );
        assert_eq!(sql.count("memories", "true").await, 0);
        assert_eq!(
            takes_back(&story, &nora, what).await,
            row,
            "again changes nothing"
        );
        // Of somebody else's grant it is refused as before.
        let other = story.knows("Otto", &[]).await;
        let path = format!("people/{other}/consents/withdraw");
        let theirs = json!({"purpose": "memory", "consent_id": grant});
        let _ = story.owner.post(&path, theirs).await.refuses(422, "invalid");
    }
}

/// What she took back before they were one was hers.
#[tokio::test]
async fn what_was_taken_back_before_a_merge_is_taken_back_once_more_where_something_is_left() {
    let story = Story::new().await;
    let (nora, voice) = (story.knows("Nora", &[]).await, story.knows("voice-7", &[]).await);
    let all = json!({"purpose": "memory"});
    let before = takes_back(&story, &nora, all.clone()).await;
    voice_is_remembered(&story, &voice).await;
    let merged = story.merges(&story.owner, &voice, &nora).await.expect(200);
    assert_eq!(merged.json["ended_consents"], json!([]));
    let row = takes_back(&story, &nora, all.clone()).await;
    assert_ne!(row, before);
    assert_eq!(story.hub.sql().count("memories", "true").await, 0);
    assert_eq!(takes_back(&story, &nora, all).await, row);
}
