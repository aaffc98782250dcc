//! `/v1/agents/{agent_id}/commands`

use serde_json::json;

use crate::sample::Sample;

#[tokio::test]
async fn a_command_is_seen_from_the_queue_to_its_result() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let action = sample.proposal().await;
    let _ = ada
        .post(&format!("actions/{action}/approve"), json!({}))
        .await
        .expect(200);
    hub.run_jobs().await;
    let listed = ada.get("commands").await.expect(200);
    let path = format!("commands/{}", listed.text("/items/0/id"));
    let queued = ada.get(&path).await.expect(200);
    assert_eq!(queued.json, listed.items()[0]);
    assert_eq!(queued.text("/state"), "queued");
    assert_eq!(queued.text("/kind"), "speaker.say");
    assert_eq!(queued.json["device_id"], json!(hub.home.office.id));
    assert_eq!(queued.json["action_id"], json!(action));
    let command = hub.home.office.takes().await.remove(0);
    assert_eq!(ada.get(&path).await.expect(200).text("/state"), "sent");
    hub.home.office.acknowledges(command.id).await.unwrap();
    assert_eq!(ada.get(&path).await.expect(200).text("/state"), "acknowledged");
    hub.home.office.fails(command.id, "it is muted").await.unwrap();
    let ended = ada.get(&path).await.expect(200);
    assert_eq!(ended.text("/state"), "failed");
    assert_eq!(ended.text("/error/message"), "it is muted");
    assert!(ended.json["finished_at"].is_string());
}

#[tokio::test]
async fn commands_are_listed_newest_first_and_by_device() {
    let sample = Sample::new().await;
    for _ in 0..3 {
        let action = sample.proposal().await;
        let approved = sample
            .owner
            .post(&format!("actions/{action}/approve"), json!({}))
            .await;
        let _ = approved.expect(200);
    }
    sample.hub.run_jobs().await;
    let ada = &sample.owner;
    let (office, kitchen) = (sample.hub.home.office.id, sample.hub.home.kitchen.id);
    let of_office = format!("commands?device_id={office}");
    let whole = ada.get(&of_office).await.expect(200);
    let seqs: Vec<i64> = whole
        .items()
        .iter()
        .filter_map(|command| command["seq"].as_i64())
        .collect();
    assert_eq!(seqs, [3, 2, 1]);
    let first = ada.get(&format!("{of_office}&limit=2")).await.expect(200);
    let next = format!("{of_office}&limit=2&cursor={}", first.text("/next_cursor"));
    let rest = ada.get(&next).await.expect(200);
    assert_eq!([first.items(), rest.items()].concat(), whole.items());
    // The questions that the agent asked in the kitchen.
    let of_kitchen = ada
        .get(&format!("commands?device_id={kitchen}"))
        .await
        .expect(200);
    assert!(
        of_kitchen
            .items()
            .iter()
            .all(|command| command["kind"] == "reply")
    );
    assert_eq!(of_kitchen.items().len(), 3);
    assert_eq!(ada.get("commands").await.expect(200).items().len(), 6);
}
