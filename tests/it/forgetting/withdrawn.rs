//! What a withdrawal of `memory` forgets: all that was remembered by the grant, whosever it is by now, and all that was to be.

use hub::{
    identity::Trust,
    memory::{Tier, commit::MemoryProposal},
    turns::{Block, runtime::Thought},
};
use serde_json::{Value, json};
use support::{ScriptedRuntime, TestHub, heard};

use super::{Story, audiences::told};

impl Story {
    /// Nora speaks to a device of Bob's own, by a grant that is written down. Who she is.
    async fn nora_speaks_to_bobs_phone(&self) -> String {
        let (nora, bob) = (self.knows("Nora", &[]).await, self.person("bob").await);
        let grant = json!({"purpose": "memory", "evidence": "said so at dinner"});
        let grant = self.owner.post(&format!("people/{nora}/consents"), grant).await;
        let grant = grant.expect(201).text("/id").to_owned();
        let home = &self.hub.home;
        let phone = home.satellite("phone", home.elsewhere, Trust::Household).await;
        let owned = format!(
            "update hub.devices set person_id = '{bob}' where id = '{}'",
            phone.id
        );
        self.hub.sql().execute(&owned).await;
        let mut said = heard("remember that the zanzibar key is under the mat");
        said.payload["participant"] = json!("Nora");
        phone.sends(vec![said]).await.unwrap();
        self.hub.run_jobs().await;
        let by = format!("audience_person_id = '{bob}' and consent_id = '{grant}'");
        assert!(
            self.hub.sql().count("memories", &by).await > 0,
            "it was not remembered for Bob by her grant"
        );
        nora
    }
}

#[tokio::test]
async fn what_was_remembered_for_somebody_else_goes_and_they_alone_are_told() {
    let story = Story::new().await;
    let nora = story.nora_speaks_to_bobs_phone().await;
    let memory = story.memory(&story.bob, "zanzibar").await.unwrap();
    let no = json!({"purpose": "memory"});
    let path = format!("people/{nora}/consents/withdraw");
    let withdrawn = story.owner.post(&path, no).await.expect(200);
    assert_eq!(story.memory(&story.bob, "zanzibar").await, None);
    let left = story.holds("zanzibar").await;
    let is_remembered = |place: &String| place.starts_with("memor");
    assert!(
        !left.iter().any(is_remembered),
        "what was said stays, and nothing else: {left:?}"
    );
    // It is told to whose it was; to the household nothing, not even that there was something.
    let of_bob = story.bob.get("erasures").await.expect(200);
    let [erasure] = of_bob.items() else {
        panic!("{:?}", of_bob.items())
    };
    assert_eq!(
        (&erasure["target_kind"], &erasure["target_id"]),
        (&json!("consent"), &withdrawn.json["id"])
    );
    assert!(erasure["counts"]["memories"].as_u64() > Some(0));
    assert!(told(&story.bob).await.contains(&memory));
    assert_eq!(told(&story.owner).await, [].into());
    let of_ada = story.owner.get("erasures").await.expect(200);
    assert_eq!(of_ada.items(), &[] as &[Value]);
    // The answer is the row of the history, and says nothing more.
    let all = story
        .owner
        .get(&format!("people/{nora}/consents"))
        .await
        .expect(200);
    assert_eq!(all.items()[0], withdrawn.json);
}

/// Else whoever grants and withdraws would empty the talk of others.
#[tokio::test]
async fn what_others_were_told_of_it_in_private_stays_theirs() {
    let story = Story::new().await;
    let nora = story.nora_speaks_to_bobs_phone().await;
    story
        .says(&story.bob, "what do you remember about the zanzibar key")
        .await;
    let told = "type = 'message.agent' and audience_person_id is not null and payload::text like '%zanzibar key is%'";
    let before = story.hub.sql().count("events", told).await;
    assert!(before > 0, "he was told");
    let no = json!({"purpose": "memory"});
    let path = format!("people/{nora}/consents/withdraw");
    let _ = story.owner.post(&path, no).await.expect(200);
    assert_eq!(story.memory(&story.bob, "zanzibar").await, None);
    assert_eq!(story.hub.sql().count("events", told).await, before);
}

/// What waits to be remembered hangs on the grant as well.
#[tokio::test]
async fn what_never_became_a_memory_goes_with_the_grant() {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    let story = Story::on(hub).await;
    let grant = json!({"purpose": "memory"});
    let _ = story.bob.post("people/self/consents", grant).await.expect(201);
    runtime.then(Thought {
        reply: vec![Block::text("I am not sure")],
        memories: vec![MemoryProposal {
            tier: Tier::Semantic,
            content: "The zanzibar key is under the mat".to_owned(),
            importance: 0.5,
            confidence: 0.1,
            sources: Vec::new(),
        }],
        ..Thought::default()
    });
    story.says(&story.bob, "the key is under the mat").await;
    assert_eq!(
        story.holds("zanzibar").await,
        ["memory_candidates.content: 1"],
        "it is not a candidate only"
    );
    let no = json!({"purpose": "memory"});
    let no = story.bob.post("people/self/consents/withdraw", no).await;
    let no = no.expect(200);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    let erasures = story.bob.get("erasures").await.expect(200);
    let [erasure] = erasures.items() else {
        panic!("{:?}", erasures.items())
    };
    assert_eq!(
        (
            &erasure["target_id"],
            &erasure["counts"]["candidates"],
            &erasure["counts"]["memories"]
        ),
        (&no.json["id"], &json!(1), &json!(0))
    );
}
