//! Whoever merges takes much at once, and so does whoever forgets, and others take one thing and then the end of the log: none of
//! them waits in a circle, of which the database ends one.

use axum::http::Method;
use serde_json::json;
use sqlx::{Executor, Postgres, Transaction};
use support::Answer;

use super::Story;

/// What of Bob's and of the household's hangs on his grant, and will end with it.
struct Things {
    robert: String,
    /// She has told it, too: where she is forgotten, all goes that was told of it.
    nora: String,
}

impl Story {
    /// Bob has told the kitchen something, by a grant that ends when he is merged, and Nora has; then the kitchen and he himself were told
    /// what they had said.
    async fn remembers_by_bobs_grant(&self) -> Things {
        let (robert, nora) = (self.knows("Robert", &[]).await, self.knows("Nora", &[]).await);
        self.takes_back(&self.admin, "self", None).await;
        self.allows(&self.admin, "self").await;
        self.allows(&self.owner, &nora).await;
        self.hears("bob", "remember that the zanzibar key is under the mat")
            .await;
        self.hears("Nora", "remember that the zanzibar key is blue").await;
        self.hears("ada", "what do you remember about the zanzibar key")
            .await;
        self.says(&self.admin, "what do you remember about the zanzibar key")
            .await;
        assert!(self.remembered_for(None).await > 1);
        Things { robert, nora }
    }

    /// Somebody else has these rows until they are let go.
    async fn has(&self, rows: &str) -> Transaction<'_, Postgres> {
        let mut holding = self.hub.sql().pool().begin().await.unwrap();
        let query = sqlx::AssertSqlSafe(format!("select from hub.{rows} for update"));
        holding.execute(sqlx::raw_sql(query)).await.unwrap();
        holding
    }

    /// One begins, and then the other, while these rows are not to be had; then both go on.
    async fn crosswise(
        &self,
        rows: &str,
        one: impl Future<Output = Answer>,
        other: impl Future<Output = Answer>,
    ) -> (Answer, Answer) {
        let (holding, sql) = (self.has(rows).await, self.hub.sql());
        let other = async {
            assert!(sql.waits_for_locks(1).await, "the first does not wait");
            other.await
        };
        let lets_go = async {
            assert!(sql.waits_for_locks(2).await, "the second does not wait");
            holding.rollback().await.unwrap();
        };
        let (one, other, ()) = tokio::join!(one, other, lets_go);
        (one, other)
    }

    async fn forgets_person(&self, who: &str) -> Answer {
        self.owner.post(&format!("people/{who}/forget"), json!({})).await
    }
}

/// Both hold the turns that told it, of which some move and some do not.
#[tokio::test]
async fn a_merge_and_forgetting_that_want_the_same_turns_wait_for_each_other() {
    let story = Story::new().await;
    let things = story.remembers_by_bobs_grant().await;
    let bob = story.bob.person.to_string();
    let of_the_kitchen = "turns where audience_person_id is null order by id desc limit 1";
    let crosswise = story.crosswise(
        of_the_kitchen,
        story.forgets_person(&things.nora),
        story.merges(&story.admin, &bob, &things.robert),
    );
    let (forgotten, merged) = Box::pin(crosswise).await;
    let _ = (forgotten.expect(200), merged.expect(200));
    assert_eq!(story.left_by_a_grant().await, [] as [String; 0]);
}

/// Whoever deletes something has the end of the log before it.
#[tokio::test]
async fn a_merge_and_the_deletion_of_what_moves_wait_for_each_other() {
    let story = Story::new().await;
    let (bob, robert) = (story.bob.person.to_string(), story.knows("Robert", &[]).await);
    let artifact = json!({"name": "a", "media_type": "text/plain", "size_bytes": 6, "is_private": true,
        "sha256": "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba"});
    let artifact = story.admin.post("artifacts", artifact).await.expect(201);
    let path = format!("artifacts/{}", artifact.text("/artifact/id"));
    let crosswise = story.crosswise(
        "agent_heads",
        story.admin.ask(Method::DELETE, &path).send(),
        story.merges(&story.admin, &bob, &robert),
    );
    let (deleted, merged) = Box::pin(crosswise).await;
    let _ = (deleted.expect(204), merged.expect(200));
    assert_eq!(story.named(&bob).await, [] as [String; 0]);
}

/// Many times, each at another moment of the other: none is told to come again because of another.
#[tokio::test]
async fn merges_beside_forgetting_and_withdrawals_are_all_done() {
    for seed in 0..8_u64 {
        let story = Story::new().await;
        let things = story.remembers_by_bobs_grant().await;
        let (granny, voice) = (
            story.knows("Granny", &[]).await,
            story.knows("voice-7", &[]).await,
        );
        story.takes_back(&story.owner, &voice, None).await;
        story.allows(&story.owner, &voice).await;
        story
            .hears("voice-7", "remember that the zanzibar key is blue")
            .await;
        let otto = story.knows("Otto", &[]).await;
        story.allows(&story.owner, &otto).await;
        story
            .hears("Otto", "remember that the zanzibar key is with Otto")
            .await;
        let bob = story.bob.person.to_string();
        let withdraws = format!("people/{otto}/consents/withdraw");
        let what = json!({"purpose": "memory"});
        // Who begins when: by the digits of the seed.
        let after =
            |place: u32| yields(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_right(place * 8) & 63);
        let (merged, second, forgotten, withdrawn) = tokio::join!(
            async {
                after(0).await;
                story.merges(&story.admin, &bob, &things.robert).await
            },
            async {
                after(1).await;
                story.merges(&story.owner, &voice, &granny).await
            },
            async {
                after(2).await;
                story.forgets_person(&things.nora).await
            },
            async {
                after(3).await;
                story.owner.post(&withdraws, what.clone()).await
            },
        );
        for answer in [&merged, &second, &forgotten, &withdrawn] {
            assert_eq!(answer.status, 200, "seed {seed}: {}", answer.told());
        }
        assert_eq!(story.left_by_a_grant().await, [] as [String; 0], "seed {seed}");
        for answer in [&merged, &second] {
            assert_eq!(answer.json["ended_consents"], json!(["memory"]), "seed {seed}");
        }
    }
}

/// Lets others go on, so often.
async fn yields(times: u64) {
    for _ in 0..times * 4 {
        tokio::task::yield_now().await;
    }
}
