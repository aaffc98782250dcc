//! What is remembered by a turn that was told who is there: it holds that they were.

use hub::{
    memory::{Tier, commit::MemoryProposal},
    turns::runtime::Thought,
};
use serde_json::{Value, json};
use support::{ScriptedRuntime, TestHub, voice};

use super::House;

/// A household whose agent remembers whom it knows to be there, with Nora in the kitchen, who has no login.
struct Morning {
    house: House,
    runtime: ScriptedRuntime,
    nora: String,
}

impl Morning {
    async fn new() -> Self {
        let runtime = ScriptedRuntime::default();
        let house = House::of(TestHub::builder().runtime(runtime.clone()).start().await).await;
        let nora = house.knows("Nora", &voice(2)).await;
        let seen = house.hears(&voice(2)).await;
        let id = seen.text("/hypothesis_id");
        let _ = house.decides(&house.owner, id, "confirm").await.expect(200);
        Self { house, runtime, nora }
    }

    async fn withdraws(&self, purpose: &str) {
        let path = format!("people/{}/consents/withdraw", self.nora);
        let all = json!({"purpose": purpose});
        let _ = self.house.owner.post(&path, all).await.expect(200);
    }

    /// Somebody whom nobody knows says something, and the agent wants to remember who is there.
    async fn passes(&self) {
        self.runtime.then(Thought {
            memories: vec![MemoryProposal {
                tier: Tier::Episodic,
                content: "Nora was in the kitchen in the morning".to_owned(),
                importance: 0.5,
                confidence: 0.9,
                sources: Vec::new(),
            }],
            ..Thought::default()
        });
        self.house.hub.home.kitchen.hears("good morning").await;
        self.house.hub.run_jobs().await;
    }

    async fn memories(&self) -> usize {
        let memories = self.house.owner.get("memories").await.expect(200);
        memories.items().len()
    }

    async fn details(&self) -> Value {
        let entry = "select body::jsonb -> 'details' from hub.audit_entries where operation = 'run_turn'
            order by agent_seq desc limit 1";
        self.house.hub.sql().value(entry).await
    }
}

#[tokio::test]
async fn that_somebody_was_there_is_not_remembered_where_they_do_not_allow_to_remember() {
    let morning = Morning::new().await;
    morning.withdraws("memory").await;
    morning.passes().await;
    let seen = morning.runtime.seen().pop().unwrap();
    assert_eq!((seen.present.len(), seen.may_remember), (1, false));
    assert_eq!(morning.memories().await, 0);
    assert_eq!(morning.details().await["not_remembered"], 1);
}

#[tokio::test]
async fn that_somebody_was_there_goes_with_the_grant_by_which_they_were_known() {
    let morning = Morning::new().await;
    morning.passes().await;
    assert_eq!(morning.memories().await, 1);
    let consents = format!("people/{}/consents?purpose=voice", morning.nora);
    let granted = morning.house.owner.get(&consents).await.expect(200);
    assert_eq!(
        morning.details().await["consent_ids"],
        json!([granted.items()[0]["id"]])
    );
    morning.withdraws("voice").await;
    assert_eq!(morning.memories().await, 0);
    let candidates = morning.house.hub.sql().count("memory_candidates", "true").await;
    assert_eq!(candidates, 0);
    let receipts = morning.house.owner.get("erasures").await.expect(200);
    let sum = |what: &str| -> u64 {
        let counts = receipts.items().iter().map(|one| one["counts"][what].as_u64());
        counts.map(Option::unwrap_or_default).sum()
    };
    assert_eq!((sum("memories"), sum("prints")), (1, 1), "{}", receipts.told());
    // Who is not known is not told of, and what the agent knows of nobody stays.
    morning.passes().await;
    assert_eq!(morning.memories().await, 1);
}
