//! Recall by meaning beside words, and by words alone while the embedding model is away.

use std::time::{Duration, Instant};

use hub::{memory::embedding::Dimensions, turns::Block};
use serde_json::{Value, json};
use support::{Client, EmbeddingServer, Line, Rest, TestHub, heard};

use super::turn_about;

const MODEL: &str = "scripted-embeddings";
/// What a question may cost while the model is away, on a busy machine: its own patience is 300 ms.
const SOON: Duration = Duration::from_secs(5);

async fn home() -> (TestHub, EmbeddingServer, Client) {
    let server = EmbeddingServer::start(&[(MODEL, Dimensions::D384)]).await;
    let hub = TestHub::builder().config(server.used_as(MODEL)).start().await;
    let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
    let client = rest.user(&ada).await;
    (hub, server, client)
}

async fn tell(hub: &TestHub, what: &str) {
    hub.home.kitchen.hears(&format!("remember that {what}")).await;
    hub.run_jobs().await;
}

async fn ask(ada: &Client, question: &str) -> (Vec<Value>, String) {
    let answer = ada
        .post("recall", json!({"question": question}))
        .await
        .expect(200);
    let lane = answer.json["lanes"]["vector"].as_str().unwrap().to_owned();
    (answer.items().to_vec(), lane)
}

/// The faults of the far side that a question may meet.
fn faults() -> Vec<(&'static str, Line)> {
    let given = |data: Value| {
        let body = json!({"object": "list", "model": MODEL, "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}});
        Line::Answer(200, Vec::new(), body.to_string())
    };
    let one = |numbers: Value| given(json!([{"object": "embedding", "index": 0, "embedding": numbers}]));
    vec![
        ("400", Line::fails(400, "too long")),
        ("401", Line::fails(401, "Incorrect API key")),
        ("404", Line::fails(404, "no such model")),
        ("429", Line::fails_for(429, 20)),
        ("500", Line::fails(500, "oops")),
        ("hang", Line::Hang),
        ("break", Line::Break),
        ("not JSON", Line::Answer(200, Vec::new(), "hello".to_owned())),
        ("no embedding", given(json!([]))),
        (
            "another's index",
            given(json!([{"object": "embedding", "index": 1, "embedding": vec![1.0; 384]}])),
        ),
        ("wrong dimension", one(json!(vec![1.0; 768]))),
        ("not a number", one(json!(vec![Value::Null; 384]))),
        (
            "beyond a number",
            Line::Answer(
                200,
                Vec::new(),
                one(json!(vec![7.5; 384])).body().replace("7.5", "1e39"),
            ),
        ),
        ("no direction", one(json!(vec![0.0; 384]))),
    ]
}

#[tokio::test]
async fn what_was_said_in_other_words_is_found_by_its_meaning_only() {
    let (hub, server, ada) = home().await;
    tell(&hub, "the automobile is in the garage").await;
    tell(&hub, "Nora likes dinner early").await;
    let (found, lane) = ask(&ada, "where is the car?").await;
    assert_eq!(lane, "on");
    assert_eq!(found[0]["memory"]["content"], "The automobile is in the garage");
    let why = &found[0]["why"];
    assert_eq!(
        (&why["words"], &why["vector"]["model"]),
        (&Value::Null, &json!(MODEL))
    );
    assert!(why["vector"]["rank"].as_u64().unwrap() <= 2, "{why}");
    let cosine = why["vector"]["score"].as_f64().unwrap();
    assert!((0.6..0.8).contains(&cosine), "one of two meanings: {cosine}");
    assert!(
        found
            .iter()
            .all(|item| !item["memory"]["content"].as_str().unwrap().contains("Nora")),
        "what is far is not found: {found:?}"
    );
    // The same by words alone.
    server.always(Line::fails(500, "oops"));
    assert_eq!(
        ask(&ada, "where is the car?").await,
        (Vec::new(), "away".to_owned())
    );
}

#[tokio::test]
async fn what_both_lanes_find_says_so_and_is_first() {
    let (hub, _server, ada) = home().await;
    tell(&hub, "the crimson wagon is at the station").await;
    tell(&hub, "the red car is at home").await;
    let (found, _) = ask(&ada, "the red car").await;
    assert_eq!(found[0]["memory"]["content"], "The red car is at home");
    assert_eq!(found[0]["why"]["words"]["matched"], json!(["car", "red"]));
    assert!(
        found[0]["why"]["vector"]["score"].as_f64().unwrap() > 0.6,
        "{}",
        found[0]["why"]
    );
    let other = found
        .iter()
        .find(|item| item["memory"]["content"] == "The crimson wagon is at the station");
    assert_eq!(other.unwrap()["why"]["words"], Value::Null);
}

#[tokio::test]
async fn the_offline_rules_answer_what_was_said_in_other_words() {
    let (hub, server, _) = home().await;
    tell(&hub, "the physician comes on Monday").await;
    let turn = turn_about(&hub, "what do you remember about the doctor").await;
    let Some([Block::Text { text }]) = turn.reply.as_deref() else {
        panic!("{:?}", turn.reply);
    };
    assert!(text.starts_with("The physician comes on Monday"), "{text}");
    let asked = server.texts();
    assert_eq!(asked.last().unwrap(), &["the doctor"]);
}

#[tokio::test]
async fn whatever_the_embedding_model_does_recall_goes_on_by_words() {
    let (hub, server, _) = home().await;
    let (rest, bob) = (Rest::of(&hub), hub.member("bob").await);
    tell(&hub, "the spare key is with Nora").await;
    for (fault, line) in faults() {
        hub.clock.advance(chrono::Duration::minutes(2));
        server.recovers();
        // A sign-in lasts some minutes.
        let bob = rest.user(&bob).await;
        assert_eq!(ask(&bob, "spare key").await.1, "on", "before {fault}");
        server.always(line);
        let began = Instant::now();
        let (found, lane) = ask(&bob, "spare key").await;
        assert!(began.elapsed() < SOON, "{fault}: {:?}", began.elapsed());
        assert_eq!(lane, "away", "{fault}");
        assert_eq!(
            found[0]["memory"]["content"], "The spare key is with Nora",
            "{fault}"
        );
        assert_eq!(found[0]["why"]["vector"], Value::Null, "{fault}");
    }
}

#[tokio::test]
async fn an_outage_costs_one_question_its_patience_and_the_next_nothing() {
    let (hub, server, ada) = home().await;
    tell(&hub, "the spare key is with Nora").await;
    server.always(Line::Hang);
    assert_eq!(ask(&ada, "spare key").await.1, "away");
    let asked = server.heard().len();
    for _ in 0..5 {
        let (found, lane) = ask(&ada, "spare key").await;
        assert_eq!((found.is_empty(), lane.as_str()), (false, "away"));
    }
    assert_eq!(server.heard().len(), asked, "the circuit is open");
    server.recovers();
    hub.clock.advance(chrono::Duration::seconds(2));
    assert_eq!(ask(&ada, "spare key").await.1, "on");
}

#[tokio::test]
async fn a_turn_goes_on_by_words_while_the_embedding_model_is_away() {
    let (hub, server, _) = home().await;
    tell(&hub, "the spare key is with Nora").await;
    server.always(Line::Hang);
    let turn = turn_about(&hub, "what do you remember about the spare key").await;
    let Some([Block::Text { text }]) = turn.reply.as_deref() else {
        panic!("{:?}", turn.reply);
    };
    assert!(text.starts_with("The spare key is with Nora"), "{text}");
}

#[tokio::test]
async fn what_one_told_in_private_is_near_to_oneself_only() {
    let (hub, server, ada) = home().await;
    let bob = Rest::of(&hub).user(&hub.member("bob").await).await;
    let content = json!([{"type": "text", "text": "remember that the automobile is a present for Bob"}]);
    let _ = ada
        .post("messages", json!({"content": content}))
        .await
        .expect(202);
    hub.run_jobs().await;
    assert!(!ask(&ada, "the car").await.0.is_empty());
    assert_eq!(ask(&bob, "the car").await, (Vec::new(), "on".to_owned()));
    drop(server);
}

/// The question is looked at before anything is asked outside.
#[tokio::test]
async fn a_question_that_is_none_is_not_sent_anywhere() {
    let (_hub, server, ada) = home().await;
    let _ = ada
        .post("recall", json!({"question": " "}))
        .await
        .points_at("/question");
    let _ = ada
        .post("recall", json!({"question": "a", "limit": 99}))
        .await
        .points_at("/limit");
    assert_eq!(server.heard().len(), 0);
}

/// No key, no header; the wire format is OpenAI's.
#[tokio::test]
async fn the_request_is_what_the_api_describes() {
    let (hub, server, ada) = home().await;
    hub.home
        .kitchen
        .sends(vec![heard("remember that the bins go out on Monday")])
        .await
        .unwrap();
    hub.run_jobs().await;
    let _ = ask(&ada, "bins").await;
    for heard in server.heard() {
        assert_eq!(heard.line, "POST /v1/embeddings HTTP/1.1");
        assert_eq!(heard.header("authorization"), None);
        assert_eq!(heard.body["model"], MODEL);
        assert_eq!(heard.body["encoding_format"], "float");
        assert_eq!(
            heard.body.get("dimensions"),
            None,
            "only OpenAI's own models take it"
        );
    }
}
