//! One effect a key, and one answer, however often and at once it is asked for.

use std::collections::HashMap;

use hub::{
    error::{Error, Result},
    hub::Hub,
    ids::SpaceId,
    page::PageRequest,
    places::{
        PrivacyMode,
        create_space::{NewSpace, create_space},
    },
    storage::{Claimed, IdempotencyKey},
};
use rand::Rng;
use serde_json::{Value, json};
use support::{Seeded, TestHub, User};
use tokio::task::JoinSet;

fn key(user: &User, key: &str, body: u8) -> IdempotencyKey {
    IdempotencyKey {
        principal: user.key(),
        operation: "create_space",
        key: key.to_owned(),
        digest: [body; 32],
    }
}

/// As an edge does it: claim, effect and answer in one unit of work. Fails in the middle when told to.
async fn make_space_once(hub: &Hub, user: &User, key: &IdempotencyKey, is_failing: bool) -> Result<Value> {
    let mut tx = hub.db.begin(user.tx_scope(), user.actor()).await?;
    if let Claimed::Answered(answer) = tx.idempotency().claim(key).await? {
        return Ok(answer);
    }
    let new = NewSpace {
        name: SpaceId::mint().to_string(),
        location: None,
        privacy_mode: PrivacyMode::Normal,
    };
    let space = create_space(&mut tx, new).await?;
    if is_failing {
        return Err(Error::internal("failed on purpose"));
    }
    let answer = json!({"space_id": space.id});
    tx.idempotency().answer(key, &answer).await?;
    tx.commit().await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_duplicates_have_one_effect_and_one_answer() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let mut random = Seeded::default();
    let mut tasks = JoinSet::new();
    for number in 0..96 {
        let (hub, ada, key) = (
            hub.clone(),
            ada.clone(),
            key(&ada, &format!("key-{}", number % 12), 1),
        );
        // One in four fails half way; those who waited for it go on.
        let is_failing = random.random_ratio(1, 4);
        tasks.spawn(async move {
            let answer = make_space_once(&hub, &ada, &key, is_failing).await;
            (key.key, answer)
        });
    }
    let mut answers: HashMap<String, Value> = HashMap::new();
    while let Some(ended) = tasks.join_next().await {
        let (key, answer) = ended.unwrap();
        match answer {
            Ok(answer) => {
                let first = answers.entry(key).or_insert_with(|| answer.clone());
                assert_eq!(*first, answer, "two answers to one key");
            }
            Err(error) => assert!(
                error.to_string().contains("failed on purpose"),
                "{}",
                error.chain()
            ),
        }
    }
    let made = hub.sql().count("spaces", "length(name) = 36").await;
    assert_eq!(
        usize::try_from(made).unwrap(),
        answers.len(),
        "effects and answers"
    );
    assert!(answers.len() >= 11, "hardly a key was answered");
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    make_space_once(&hub, &ada, &key(&ada, "k", 1), false)
        .await
        .unwrap();
    let refused = make_space_once(&hub, &ada, &key(&ada, "k", 2), false)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Conflict {
                code: "idempotency_key_reused",
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(hub.sql().count("spaces", "length(name) = 36").await, 1);
}

#[tokio::test]
async fn keys_of_two_users_never_meet() {
    let hub = TestHub::start().await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    let first = make_space_once(&hub, &ada, &key(&ada, "k", 1), false)
        .await
        .unwrap();
    let second = make_space_once(&hub, &bob, &key(&bob, "k", 1), false)
        .await
        .unwrap();
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    make_space_once(&hub, &ada, &key(&ada, "k", 1), false)
        .await
        .unwrap();
    for (hours, left) in [(23, 1), (2, 0)] {
        hub.clock.advance(chrono::Duration::hours(hours));
        hub::jobs::sweep::remove_old(&hub).await.unwrap();
        assert_eq!(hub.sql().count("idempotency_keys", "true").await, left);
    }
    let spaces = PageRequest {
        after: None,
        limit: 50,
    };
    assert_eq!(
        ada.begin().await.places().spaces(spaces).await.unwrap().len(),
        4,
        "the effect stays"
    );
}
