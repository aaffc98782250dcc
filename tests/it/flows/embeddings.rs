//! Embeddings of memories: made by a job, backfilled, made anew for another model; never at the cost of a memory.

use chrono::Duration;
use hub::{
    commands::doctor,
    hub::Hub,
    jobs::worker::run_next,
    memory::{
        ask::{Meaning, ask_one},
        backfill::backfill,
        embedding::Dimensions,
    },
    places::PrivacyMode,
};
use serde_json::{Value, json};
use support::{EmbeddingServer, Line, TestHub};

const MODEL: &str = "scripted-embeddings";
const OTHER: &str = "other-embeddings";
const MODELS: &[(&str, Dimensions)] = &[(MODEL, Dimensions::D384), (OTHER, Dimensions::D768)];

async fn home() -> (TestHub, EmbeddingServer) {
    let server = EmbeddingServer::start(MODELS).await;
    let hub = TestHub::builder().config(server.used_as(MODEL)).start().await;
    (hub, server)
}

/// Two memories: what was told, and that it was said.
async fn tell(hub: &TestHub, what: &str) {
    hub.home.kitchen.hears(&format!("remember that {what}")).await;
    hub.run_jobs().await;
}

async fn embedded(hub: &TestHub) -> i64 {
    hub.sql().count("embeddings_384", "embedding is not null").await
}

/// The jobs of embeddings: state, tries, what they wait for.
async fn jobs(hub: &TestHub) -> Vec<(String, i32, String)> {
    hub.sql()
        .rows(
            "select state, attempts, coalesce(waiting_for, '') from hub.jobs where kind = 'embed_memories' order by id",
        )
        .await
}

fn given(data: &Value) -> Line {
    let usage = json!({"prompt_tokens": 1, "total_tokens": 1});
    let body = json!({"object": "list", "model": MODEL, "data": data, "usage": usage});
    Line::Answer(200, Vec::new(), body.to_string())
}

#[tokio::test]
async fn a_memory_has_its_embedding_soon_after_it_was_committed() {
    let (hub, server) = home().await;
    tell(&hub, "the spare key is with Nora").await;
    assert_eq!(embedded(&hub).await, 2);
    // Both in one call, and nothing twice.
    assert_eq!(server.texts().len(), 1, "{:?}", server.texts());
    hub.backfill().await;
    hub.run_jobs().await;
    assert_eq!(server.texts().len(), 1, "{:?}", server.texts());
}

#[tokio::test]
async fn without_a_model_nothing_is_queued() {
    let hub = TestHub::start().await;
    tell(&hub, "the spare key is with Nora").await;
    hub.backfill().await;
    assert_eq!(jobs(&hub).await, []);
    assert_eq!(hub.sql().count("embedding_models", "true").await, 0);
}

#[tokio::test]
async fn memories_that_come_together_are_one_job() {
    let (hub, server) = home().await;
    for what in ["a is b", "c is d", "e is f"] {
        hub.home.kitchen.hears(&format!("remember that {what}")).await;
    }
    for _ in 0..3 {
        assert!(hub.run_one_job().await);
    }
    assert_eq!(jobs(&hub).await.len(), 1);
    hub.run_jobs().await;
    assert_eq!(embedded(&hub).await, 6);
    let sizes: Vec<usize> = server.texts().iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 2], "a batch is four");
}

#[tokio::test]
async fn an_outage_loses_nothing_and_is_no_try() {
    let faults = [
        ("401", Line::fails(401, "Incorrect API key")),
        ("404", Line::fails(404, "no such model")),
        ("429", Line::fails_for(429, 20)),
        ("500", Line::fails(500, "oops")),
        ("hang", Line::Hang),
        ("break", Line::Break),
        // The answer to a plain word is as bad: then it is not the text.
        ("400 to all", Line::fails(400, "bad request")),
        ("not JSON", Line::Answer(200, Vec::new(), "hello".to_owned())),
        ("no embedding", given(&json!([]))),
        (
            "wrong dimension",
            given(&json!([{"object": "embedding", "index": 0, "embedding": vec![1.0; 768]}])),
        ),
        (
            "not a number",
            given(&json!([{"object": "embedding", "index": 0, "embedding": vec![Value::Null; 384]}])),
        ),
    ];
    let (hub, server) = home().await;
    for (number, (fault, line)) in (1..).zip(faults) {
        server.always(line);
        tell(&hub, &format!("thing {number} is in box {number}")).await;
        for _ in 0..20 {
            hub.clock.advance(Duration::minutes(6));
            hub.run_jobs().await;
        }
        let (state, attempts, waiting_for) = jobs(&hub).await.pop().unwrap();
        assert_eq!((state.as_str(), attempts), ("queued", 0), "{fault}");
        assert!(waiting_for.contains("embedding model"), "{fault}: {waiting_for}");
        assert_eq!(embedded(&hub).await, (number - 1) * 2, "{fault}");
        server.recovers();
        hub.clock.advance(Duration::minutes(6));
        hub.run_jobs().await;
        assert_eq!(embedded(&hub).await, number * 2, "after {fault}");
    }
    assert_eq!(hub.sql().count("embeddings_384", "problem is not null").await, 0);
}

/// A model on a small machine: it has time for one text.
#[tokio::test]
async fn a_model_that_is_too_slow_for_a_batch_is_asked_for_less() {
    let (hub, server) = home().await;
    server.is_too_slow_for(2);
    for what in ["a is b", "c is d", "e is f"] {
        hub.home.kitchen.hears(&format!("remember that {what}")).await;
    }
    for _ in 0..12 {
        hub.run_jobs().await;
        hub.clock.advance(Duration::minutes(2));
    }
    assert_eq!(embedded(&hub).await, 6);
    server.recovers();
    let before = server.texts().len();
    for number in 0..4 {
        for part in ["one", "two", "three"] {
            hub.home
                .kitchen
                .hears(&format!("remember that {part} is {number}"))
                .await;
        }
        hub.run_jobs().await;
    }
    let most = server.texts()[before..].iter().map(Vec::len).max();
    assert_eq!(most, Some(4), "it is quick again: {:?}", server.texts());
}

#[tokio::test]
async fn a_text_that_the_model_refuses_is_noted_and_the_others_go_on() {
    let (hub, server) = home().await;
    server.answers_for("xyzzy", Line::fails(400, "this text is too long"));
    tell(&hub, "the word is xyzzy").await;
    tell(&hub, "the spare key is with Nora").await;
    assert_eq!(embedded(&hub).await, 2);
    assert_eq!(hub.sql().count("embeddings_384", "problem like '%400%'").await, 2);
    let asked = server.heard().len();
    hub.backfill().await;
    hub.run_jobs().await;
    assert_eq!(server.heard().len(), asked, "it is not asked again");
    let ada = hub.owner("ada").await;
    assert!(!ada.recalls("xyzzy").await.is_empty(), "words still find it");
}

#[tokio::test]
async fn an_answer_that_one_text_makes_unusable_is_tried_again_and_then_noted() {
    let (hub, server) = home().await;
    let zeros = json!([{"object": "embedding", "index": 0, "embedding": vec![0.0; 384]}]);
    server.answers_for("xyzzy", given(&zeros));
    tell(&hub, "the word is xyzzy").await;
    assert_eq!(jobs(&hub).await, [("queued".to_owned(), 1, String::new())]);
    for _ in 0..20 {
        hub.clock.advance(Duration::minutes(6));
        hub.run_jobs().await;
    }
    assert_eq!(hub.sql().count("embeddings_384", "problem is not null").await, 2);
    assert_eq!(hub.dead_jobs().await.len(), 0);
}

#[tokio::test]
async fn what_was_remembered_before_a_model_was_configured_is_backfilled() {
    let hub = TestHub::start().await;
    let next_door = hub.household("next door").await;
    for number in 0..4 {
        tell(&hub, &format!("thing {number} is in box {number}")).await;
    }
    next_door
        .kitchen
        .hears("remember that the automobile is in the garage")
        .await;
    hub.run_jobs().await;
    let server = EmbeddingServer::start(MODELS).await;
    let later = hub.reconfigured(server.used_as(MODEL));
    backfill(&later).await.unwrap();
    while run_next(&later).await.unwrap() {}
    assert_eq!(embedded(&hub).await, 10);
    assert!(server.texts().iter().all(|texts| texts.len() <= 4));
    later.lifecycle.close();
}

/// Run again as after a lost lease, it finds nothing to do.
#[tokio::test]
async fn the_job_is_safe_to_run_twice() {
    let (hub, server) = home().await;
    tell(&hub, "the spare key is with Nora").await;
    hub.sql()
        .execute("update hub.jobs set state = 'queued', finished_at = null where kind = 'embed_memories'")
        .await;
    hub.run_jobs().await;
    assert_eq!((embedded(&hub).await, server.heard().len()), (2, 1));
}

async fn asked_of(hub: &Hub, server: &EmbeddingServer) -> String {
    let meaning = ask_one(hub, "the car").await.unwrap();
    let Meaning::On { model, .. } = meaning else {
        panic!("the model is away");
    };
    let heard = server.heard();
    assert_eq!(heard.last().unwrap().body["model"], model.name);
    model.name
}

#[tokio::test]
async fn an_old_model_is_asked_until_the_new_one_has_all_and_is_then_removed() {
    let (hub, server) = home().await;
    tell(&hub, "the automobile is in the garage").await;
    hub.backfill().await;
    assert_eq!(asked_of(&hub, &server).await, MODEL);
    let later = hub.reconfigured(server.used_as(OTHER));
    backfill(&later).await.unwrap();
    assert_eq!(
        asked_of(&later, &server).await,
        MODEL,
        "the new one has nothing yet"
    );
    while run_next(&later).await.unwrap() {}
    assert_eq!(hub.sql().count("embeddings_768", "true").await, 2);
    assert_eq!(asked_of(&later, &server).await, MODEL, "nobody has looked yet");
    backfill(&later).await.unwrap();
    assert_eq!(asked_of(&later, &server).await, OTHER);
    assert_eq!(embedded(&hub).await, 2, "others may still believe in the old one");
    hub.clock.advance(Duration::minutes(11));
    backfill(&later).await.unwrap();
    assert_eq!(embedded(&hub).await, 0);
    let known: Vec<String> = hub.sql().values("select name from hub.embedding_models").await;
    assert_eq!(known, [OTHER]);
    later.lifecycle.close();
}

#[tokio::test]
async fn the_doctor_says_whether_the_model_answers_and_how_far_it_is() {
    let (hub, server) = home().await;
    let line = async || {
        let report = doctor::examine(hub.config.clone()).await.unwrap();
        let found = report.lines.into_iter().find(|line| line.contains("embeddings:"));
        (report.is_well, found.unwrap())
    };
    server.always(Line::fails(401, "Incorrect API key provided"));
    tell(&hub, "the spare key is with Nora").await;
    let (is_well, said) = line().await;
    assert!(
        !is_well && said.contains("WRONG") && said.contains("Incorrect API key"),
        "{said}"
    );
    server.recovers();
    let (is_well, said) = line().await;
    assert!(is_well && said.contains("2 of 2 memories wait"), "{said}");
    hub.clock.advance(Duration::minutes(6));
    hub.run_jobs().await;
    let (_, said) = line().await;
    assert!(said.contains("0 of 2 memories wait"), "{said}");
}

/// What is remembered of a room that went private leaves the house no more.
#[tokio::test]
async fn memories_of_a_private_space_are_not_sent_to_the_model() {
    let (hub, server) = home().await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    assert!(hub.run_one_job().await, "the turn");
    let kitchen = hub.home.kitchen.space;
    hub.home.set_privacy(kitchen, PrivacyMode::Private).await.unwrap();
    hub.run_jobs().await;
    hub.backfill().await;
    hub.run_jobs().await;
    assert_eq!((server.heard().len(), embedded(&hub).await), (0, 0));
    hub.home.set_privacy(kitchen, PrivacyMode::Normal).await.unwrap();
    hub.backfill().await;
    hub.run_jobs().await;
    assert_eq!(embedded(&hub).await, 2);
}
