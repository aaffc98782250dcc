//! A merge that ends `memory` is a withdrawal: nothing is left that was remembered by a grant of either.

use hub::{erasures::receipt::Receipt, identity::Trust};
use serde_json::{Value, json};
use support::{Client, heard};

use super::Story;

/// What hangs on a grant, by table.
const BY_A_GRANT: [(&str, &str); 3] = [
    ("memories", "consent_id is not null"),
    ("memory_candidates", "consent_id is not null"),
    ("memory_consents", "true"),
];

/// Where who was merged is still named: what they allowed and took back.
const HISTORY: [&str; 1] = ["consents.person_id"];

impl Story {
    /// They allow the agent to remember what they say.
    pub(super) async fn allows(&self, client: &Client, who: &str) -> String {
        let grant = json!({"purpose": "memory", "evidence": "said so"});
        let path = format!("people/{who}/consents");
        let grant = client.post(&path, grant).await.expect(201);
        grant.text("/id").to_owned()
    }

    /// They take back all of it, or one grant.
    pub(super) async fn takes_back(&self, client: &Client, who: &str, grant: Option<&str>) {
        let what = match grant {
            Some(id) => json!({"purpose": "memory", "consent_id": id}),
            None => json!({"purpose": "memory"}),
        };
        let path = format!("people/{who}/consents/withdraw");
        let _ = client.post(&path, what).await.expect(200);
    }

    /// Somebody speaks to a device of Ada's own.
    async fn speaks_to_adas_phone(&self, participant: &str, text: &str) {
        let (home, ada) = (&self.hub.home, self.person_of(&self.ada).await);
        let phone = home.satellite("phone", home.elsewhere, Trust::Household).await;
        let owned = format!(
            "update hub.devices set person_id = '{ada}' where id = '{}'",
            phone.id
        );
        self.hub.sql().execute(&owned).await;
        let mut said = heard(text);
        said.payload["participant"] = json!(participant);
        phone.sends(vec![said]).await.unwrap();
        self.hub.run_jobs().await;
    }

    /// What is still there of what was remembered by a grant.
    pub(super) async fn left_by_a_grant(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (table, by) in BY_A_GRANT {
            let count = self.hub.sql().count(table, by).await;
            if count > 0 {
                left.push(format!("{table}: {count}"));
            }
        }
        left
    }

    /// The memories for somebody, or for the household, by a grant.
    pub(super) async fn remembered_for(&self, audience: Option<&str>) -> i64 {
        let whose = audience.map_or_else(|| "is null".to_owned(), |person| format!("= '{person}'"));
        let by = format!("audience_person_id {whose} and consent_id is not null");
        self.hub.sql().count("memories", &by).await
    }

    /// The newest row that somebody's history has of `memory`.
    async fn ended(&self, who: &str) -> Value {
        let path = format!("people/{who}/consents?purpose=memory");
        let rows = self.owner.get(&path).await.expect(200);
        let row = rows.items().first().cloned().unwrap_or_default();
        assert_eq!(
            (&row["decision"], &row["withdraws_id"]),
            (&json!("withdrawn"), &Value::Null)
        );
        row["id"].clone()
    }

    /// The memories that went, by the signed receipts that these see of this withdrawal.
    async fn counted(&self, client: &Client, withdrawal: &Value) -> Vec<u64> {
        let seen = client.get("erasures?limit=200").await.expect(200);
        let key = self.hub.keys.audit.verifier();
        let mut counted = Vec::new();
        for erasure in seen.items().iter().filter(|one| one["target_id"] == *withdrawal) {
            let path = format!("erasures/{}", erasure["id"].as_str().unwrap());
            let got = client.get(&path).await.expect(200);
            let receipt = Receipt::open(got.text("/receipt").as_bytes(), key).unwrap();
            assert_eq!(receipt.erasure.target_kind, "consent");
            counted.push(receipt.erasure.counts.memories);
        }
        counted.sort_unstable();
        counted
    }

    /// The audit log is whole, from its first entry.
    async fn log_is_whole(&self) {
        let store = crate::audit::open_store(&self.hub);
        crate::audit::keep(&self.hub, &*store).await.unwrap();
        crate::audit::everything_is_kept(&self.hub, &*store).await;
    }
}

#[tokio::test]
async fn what_was_remembered_by_a_grant_of_either_goes_whosever_it_is() {
    let story = Story::new().await;
    let (bob, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
    let ada = story.person_of(&story.ada).await.to_string();
    // What was taken back before stands, though it was granted anew.
    story.takes_back(&story.admin, "self", None).await;
    story.allows(&story.admin, "self").await;
    story.allows(&story.owner, &robert).await;
    story
        .says(&story.admin, "remember that the key is under the mat")
        .await;
    assert_eq!(
        story
            .hears("bob", "remember that the bins go out on Monday")
            .await,
        json!(bob)
    );
    assert_eq!(
        story.hears("Robert", "remember that pemba is an island").await,
        json!(robert)
    );
    story
        .speaks_to_adas_phone("Robert", "remember that the cake is hidden")
        .await;
    // By nobody's grant.
    story
        .says(&story.owner, "remember that the guests come on Sunday")
        .await;
    let by_default = story.hub.sql().count("memories", "consent_id is null").await;
    let (alone, adas) = (
        story.remembered_for(Some(&bob)).await,
        story.remembered_for(Some(&ada)).await,
    );
    let households = story.remembered_for(None).await;
    assert!(by_default > 0 && alone > 0 && adas > 0 && households > 1);

    let merged = story.merges(&story.admin, &bob, &robert).await.expect(200);
    assert_eq!(merged.json["ended_consents"], json!(["memory"]));
    assert_eq!(merged.json["person"]["id"], json!(robert));
    assert_eq!(story.left_by_a_grant().await, [] as [String; 0]);
    assert_eq!(story.hub.sql().count("memories", "true").await, by_default);
    assert_eq!(story.named(&bob).await, HISTORY);
    // Each audience has its own receipt, and is told of nobody else's.
    let withdrawal = story.ended(&robert).await;
    let went = |counts: &[i64]| {
        let mut all: Vec<u64> = counts.iter().map(|count| count.unsigned_abs()).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(
        story.counted(&story.admin, &withdrawal).await,
        went(&[households, alone])
    );
    let of_ada = story.owner.get("erasures?limit=200").await.expect(200);
    assert_eq!(of_ada.items().len(), 2, "{:?}", of_ada.items());
    assert_eq!(
        story.counted(&story.owner, &withdrawal).await,
        went(&[households, adas])
    );
    let astray = "audience_person_id is distinct from (select audience_person_id from hub.erasures e
       where e.id = memory_tombstones.erasure_id)";
    let tombstones = story.hub.sql().count("memory_tombstones", "true").await;
    assert_eq!(tombstones, alone + adas + households);
    assert_eq!(story.hub.sql().count("memory_tombstones", astray).await, 0);
    let entries = story.entries("forget_remembered").await;
    assert_eq!(entries.len(), 3);
    // Taken back once more it is the same, and merged once more, too.
    story.takes_back(&story.admin, "self", None).await;
    assert_eq!(story.ended(&robert).await, withdrawal);
    let again = story.merges(&story.admin, &bob, &robert).await.expect(200);
    assert_eq!(again.json["ended_consents"], json!([]));
    story.log_is_whole().await;
}

#[tokio::test]
async fn where_only_who_is_merged_has_ever_said_anything_theirs_goes() {
    for is_named in [false, true] {
        let story = Story::new().await;
        let (nora, voice) = (story.knows("Nora", &[]).await, story.knows("voice-7", &[]).await);
        let first = story.allows(&story.owner, &voice).await;
        let taken = is_named.then_some(first.as_str());
        story.takes_back(&story.owner, &voice, taken).await;
        story.allows(&story.owner, &voice).await;
        story
            .hears("voice-7", "remember that the key is under the mat")
            .await;
        let remembered = story.remembered_for(None).await;
        assert!(remembered > 0);
        let merged = story.merges(&story.owner, &voice, &nora).await.expect(200);
        assert_eq!(merged.json["ended_consents"], json!(["memory"]));
        assert_eq!(story.left_by_a_grant().await, [] as [String; 0]);
        let withdrawal = story.ended(&nora).await;
        let counted = story.counted(&story.owner, &withdrawal).await;
        assert_eq!(counted, [remembered.unsigned_abs()]);
        assert_eq!(story.named(&voice).await, HISTORY);
        story.log_is_whole().await;
    }
}

/// Who was merged into the one who is merged now has left them their grants.
#[tokio::test]
async fn what_somebody_allowed_who_was_merged_before_goes_too() {
    let story = Story::new().await;
    let (nora, granny) = (story.knows("Nora", &[]).await, story.knows("Granny", &[]).await);
    let voice = story.knows("voice-7", &[]).await;
    story.allows(&story.owner, &voice).await;
    story
        .hears("voice-7", "remember that the key is under the mat")
        .await;
    let _ = story.merges(&story.owner, &voice, &granny).await.expect(200);
    let grant = story.allows(&story.owner, &granny).await;
    story.takes_back(&story.owner, &granny, Some(&grant)).await;
    let remembered = story.remembered_for(None).await;
    assert!(remembered > 0, "the grant that was named is another");
    let merged = story.merges(&story.owner, &granny, &nora).await.expect(200);
    assert_eq!(merged.json["ended_consents"], json!(["memory"]));
    assert_eq!(story.left_by_a_grant().await, [] as [String; 0]);
    let withdrawal = story.ended(&nora).await;
    let counted = story.counted(&story.owner, &withdrawal).await;
    assert_eq!(counted, [remembered.unsigned_abs()]);
}

/// What the agent repeated of it to whoever takes it back goes as with any withdrawal.
#[tokio::test]
async fn what_the_agent_repeated_of_it_to_them_goes_too() {
    let told = "type = 'message.agent' and payload::text like '%zanzibar key is%'";
    let mut left = Vec::new();
    for merges in [false, true] {
        let story = Story::new().await;
        let (bob, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
        story.takes_back(&story.admin, "self", None).await;
        story.allows(&story.admin, "self").await;
        for text in [
            "remember that the zanzibar key is under the mat",
            "what do you remember about the zanzibar key",
        ] {
            story.says(&story.admin, text).await;
        }
        let before = story.hub.sql().count("events", told).await;
        if merges {
            let _ = story.merges(&story.admin, &bob, &robert).await.expect(200);
            assert_eq!(story.named(&bob).await, HISTORY);
        } else {
            story.takes_back(&story.admin, "self", None).await;
        }
        assert_eq!(story.left_by_a_grant().await, [] as [String; 0]);
        let after = story.hub.sql().count("events", told).await;
        assert!(after < before, "of {before} answers {after} are left");
        left.push(after);
    }
    assert_eq!(left[0], left[1]);
}
