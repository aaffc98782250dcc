//! `/v1/agents/{agent_id}/memories` and `/v1/agents/{agent_id}/recall`

use serde_json::{Value, json};

use super::home;

#[tokio::test]
async fn what_is_found_says_why() {
    let (hub, _, ada) = home().await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    hub.home
        .kitchen
        .hears("remember that the bins go out on Monday")
        .await;
    hub.run_jobs().await;
    let found = ada
        .post("recall", json!({"question": "where are the spare keys?"}))
        .await
        .expect(200);
    assert_eq!(found.json["lanes"], json!({"words": "on", "vector": "off"}));
    let best = &found.items()[0];
    assert_eq!(best["why"]["vector"], Value::Null);
    assert_eq!(best["memory"]["content"], "The spare key is with Nora");
    assert_eq!(best["memory"]["tier"], "semantic");
    assert_eq!(
        best["why"]["words"]["rank"].as_u64().map(|rank| rank <= 2),
        Some(true)
    );
    assert_eq!(best["why"]["words"]["matched"], json!(["key", "spare"]));
    assert_eq!(best["why"]["words"]["asked"], 2);
    for part in ["recency", "importance", "tier"] {
        assert!(best["why"][part].is_number(), "{part}");
    }
    let source = &best["why"]["sources"][0];
    assert_eq!(source["event_type"], "transcript");
    assert_eq!(source["device_id"], json!(hub.home.kitchen.id));
    assert_eq!(source["excerpt"], "remember that the spare key is with Nora");
    let scores: Vec<f64> = found
        .items()
        .iter()
        .filter_map(|item| item["score"].as_f64())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

#[tokio::test]
async fn nothing_is_an_answer() {
    let (_hub, _, ada) = home().await;
    for question in [
        "zebras",
        "the of and",
        "!!!",
        "'",
        "a & b | !(c",
        "\u{1f468}\u{200d}\u{1f469}",
    ] {
        let found = ada
            .post("recall", json!({"question": question}))
            .await
            .expect(200);
        assert_eq!(found.items(), &[] as &[Value], "{question}");
    }
}

#[tokio::test]
async fn bounds_are_pointed_at() {
    let (_hub, _, ada) = home().await;
    for limit in [0, 51, 4_000_000_000_u32] {
        let _ = ada
            .post("recall", json!({"question": "a", "limit": limit}))
            .await
            .points_at("/limit");
    }
    let _ = ada
        .post("recall", json!({"question": " "}))
        .await
        .points_at("/question");
    let _ = ada
        .post("recall", json!({"question": "x".repeat(2_001)}))
        .await
        .points_at("/question");
    let _ = ada
        .post("recall", json!({"question": "x".repeat(2_000), "limit": 50}))
        .await
        .expect(200);
}

#[tokio::test]
async fn memories_are_listed_newest_first_and_by_tier() {
    let (hub, _, ada) = home().await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    hub.run_jobs().await;
    let contents = |answer: &support::Answer| -> Vec<String> {
        answer
            .items()
            .iter()
            .filter_map(|memory| Some(memory["content"].as_str()?.to_owned()))
            .collect()
    };
    let facts = ada.get("memories?tier=semantic").await.expect(200);
    assert_eq!(contents(&facts), ["The spare key is with Nora"]);
    let said = ada.get("memories?tier=episodic").await.expect(200);
    assert_eq!(contents(&said).len(), 1);
    let all = ada.get("memories").await.expect(200);
    let (mut read, mut path) = (Vec::new(), "memories?limit=1".to_owned());
    loop {
        let page = ada.get(&path).await.expect(200);
        read.extend(contents(&page));
        let Some(next) = page.json["next_cursor"].as_str() else {
            break;
        };
        path = format!("memories?limit=1&cursor={next}");
    }
    assert_eq!(read, contents(&all));
}

#[tokio::test]
async fn what_one_told_in_private_is_recalled_by_oneself_only() {
    let (hub, rest, ada) = home().await;
    let bob = rest.user(&hub.member("bob").await).await;
    let content = json!([{"type": "text", "text": "remember that the present for Bob is a kite"}]);
    let _ = ada
        .post("messages", json!({"content": content}))
        .await
        .expect(202);
    hub.run_jobs().await;
    let question = json!({"question": "present kite"});
    assert!(
        !ada.post("recall", question.clone())
            .await
            .expect(200)
            .items()
            .is_empty()
    );
    assert!(bob.post("recall", question).await.expect(200).items().is_empty());
    assert!(!ada.get("memories").await.expect(200).items().is_empty());
    assert!(bob.get("memories").await.expect(200).items().is_empty());
}
