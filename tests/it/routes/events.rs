//! `/v1/agents/{agent_id}/events`

use serde_json::{Value, json};
use support::Answer;

use super::home;

fn texts(page: &Answer) -> Vec<&str> {
    page.items()
        .iter()
        .filter_map(|event| event["payload"]["text"].as_str())
        .collect()
}

#[tokio::test]
async fn the_log_is_read_in_order_and_on_from_where_one_stopped() {
    let (hub, _, ada) = home().await;
    let start = ada
        .get("events")
        .await
        .expect(200)
        .text("/next_cursor")
        .to_owned();
    for text in ["one", "two", "three", "four", "five"] {
        hub.home.kitchen.hears(text).await;
    }
    let (mut read, mut cursor, mut pages) = (Vec::new(), start.clone(), 0);
    loop {
        let page = ada
            .get(&format!("events?limit=2&after={cursor}"))
            .await
            .expect(200);
        read.extend(texts(&page).iter().map(|&text| text.to_owned()));
        page.text("/next_cursor").clone_into(&mut cursor);
        pages += 1;
        if page.json["has_more"] == false {
            break;
        }
    }
    assert_eq!((read.join(" ").as_str(), pages), ("one two three four five", 3));
    // The cursor at the end stays good.
    let none = ada.get(&format!("events?after={cursor}")).await.expect(200);
    assert_eq!(
        (none.items().len(), none.text("/next_cursor")),
        (0, cursor.as_str())
    );
    hub.home.kitchen.hears("six").await;
    let next = ada.get(&format!("events?after={cursor}")).await.expect(200);
    assert_eq!(texts(&next), ["six"]);
    hub.run_jobs().await;
}

#[tokio::test]
async fn types_and_sessions_filter_without_losing_the_place() {
    let (hub, _, ada) = home().await;
    hub.home.kitchen.hears("in the kitchen").await;
    hub.home.office.hears("in the office").await;
    hub.run_jobs().await;
    let heard = ada.get("events?types=transcript").await.expect(200);
    assert_eq!(texts(&heard), ["in the kitchen", "in the office"]);
    let all = ada.get("events").await.expect(200);
    assert_eq!(
        heard.text("/next_cursor"),
        all.text("/next_cursor"),
        "what is filtered out is passed by"
    );
    let both = ada
        .get("events?types=transcript,memory.committed")
        .await
        .expect(200);
    assert_eq!(both.items().len(), 4);
    let session = heard.text("/items/1/session_id");
    let of_office = ada
        .get(&format!("events?types=transcript&session_id={session}"))
        .await
        .expect(200);
    assert_eq!(texts(&of_office), ["in the office"]);
    let none = ada.get("events?types=x.nobody.sends").await.expect(200);
    assert_eq!(none.items(), &[] as &[Value]);
}

#[tokio::test]
async fn what_one_says_in_private_is_seen_by_oneself_only() {
    let (hub, rest, ada) = home().await;
    let bob = rest.user(&hub.member("bob").await).await;
    let secret = json!({"content": [{"type": "text", "text": "I want a divorce"}]});
    let _ = ada.post("messages", secret).await.expect(202);
    hub.run_jobs().await;
    let (hers, his) = (
        ada.get("events").await.expect(200),
        bob.get("events").await.expect(200),
    );
    assert!(String::from_utf8_lossy(&hers.bytes).contains("divorce"));
    assert!(!String::from_utf8_lossy(&his.bytes).contains("divorce"));
    let is_hers = |event: &&Value| !event["audience_person_id"].is_null();
    assert_eq!(his.items().iter().filter(is_hers).count(), 0);
    assert!(
        hers.items().iter().filter(is_hers).count() >= 2,
        "the message and what came of it"
    );
    assert_eq!(hers.text("/next_cursor"), his.text("/next_cursor"));
}

#[tokio::test]
async fn a_cursor_of_another_epoch_or_beyond_the_end_is_refused() {
    let (_hub, _, ada) = home().await;
    for cursor in ["2:1", "0:1", "1:1000", "1:-1", "x", "1:1:1"] {
        let _ = ada
            .get(&format!("events?after={cursor}"))
            .await
            .points_at("?after");
    }
    let _ = ada.get("events?after=1:0").await.expect(200);
}
