//! What was kept long enough goes, and the audit log says how much of it went, and never what.

use chrono::Duration;
use hub::{ids::CommandId, jobs::sweep::remove_old};
use serde_json::{Value, json};
use support::{Rest, TestHub, thing};

const ENTRIES: &str = "select body::jsonb from hub.audit_entries where operation = 'expire_content' order by agent_id, agent_seq";

/// What the entries say, each with its agent.
async fn told(hub: &TestHub) -> Vec<(String, Value)> {
    let entries: Vec<Value> = hub.sql().values(ENTRIES).await;
    let told = |entry: Value| {
        assert_eq!(
            (&entry["principal"]["kind"], &entry["resource"]),
            (&json!("hub"), &Value::Null)
        );
        assert_eq!(entry["commitments"], Value::Null);
        (
            entry["agent_id"].as_str().unwrap().to_owned(),
            entry["details"].clone(),
        )
    };
    entries.into_iter().map(told).collect()
}

#[tokio::test]
async fn payloads_that_expire_leave_one_entry_of_each_agent_and_sweep() {
    let hub = TestHub::start().await;
    let beta = hub.household("beta").await;
    for _ in 0..3 {
        hub.home
            .kitchen
            .sends(vec![thing(json!({"n": 1}))])
            .await
            .unwrap();
    }
    beta.kitchen.sends(vec![thing(json!({"n": 2}))]).await.unwrap();
    hub.clock.advance(Duration::days(364));
    beta.kitchen.sends(vec![thing(json!({"n": 3}))]).await.unwrap();
    remove_old(&hub).await.unwrap();
    assert_eq!(told(&hub).await, []);
    hub.clock.advance(Duration::days(2));
    remove_old(&hub).await.unwrap();
    let mut expected = vec![
        (hub.home.agent.to_string(), json!({"payloads": 3})),
        (beta.agent.to_string(), json!({"payloads": 1})),
    ];
    expected.sort_by_key(|(agent, _)| agent.clone());
    assert_eq!(told(&hub).await, expected);
    assert_eq!(
        hub.sql().count("events", "payload ->> 'n' in ('1', '2')").await,
        0
    );
    assert_eq!(hub.sql().count("events", "payload ->> 'n' = '3'").await, 1);
    // Nothing more went: nothing more is said.
    remove_old(&hub).await.unwrap();
    assert_eq!(told(&hub).await.len(), 2);
    hub.clock.advance(Duration::days(365));
    remove_old(&hub).await.unwrap();
    assert_eq!(told(&hub).await.len(), 3);
}

#[tokio::test]
async fn what_people_sent_to_devices_leaves_one_too() {
    let hub = TestHub::start().await;
    let owner = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&["speaker.say"]).await;
    let body = json!({"device_id": kitchen.id, "kind": "speaker.say", "arguments": {"text": "hello"}});
    let sent = owner.post("commands", body).await.expect(201);
    let id = CommandId(sent.text("/id").parse().unwrap());
    kitchen.takes().await;
    kitchen.acknowledges(id).await.unwrap();
    kitchen.succeeds(id, json!({})).await.unwrap();
    hub.clock.advance(Duration::days(31));
    remove_old(&hub).await.unwrap();
    assert_eq!(hub.sql().count("commands", "true").await, 0);
    let told = told(&hub).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1["commands"], json!(1));
}

/// Many go in portions, for the agent's log waits for each: each says how much it was.
#[tokio::test]
async fn many_go_in_portions_in_one_sweep_and_each_is_told_once() {
    let hub = TestHub::start().await;
    hub.home
        .kitchen
        .sends(vec![thing(json!({"n": 1}))])
        .await
        .unwrap();
    hub.sql()
        .execute(
            "insert into hub.events (agent_id, id, epoch, position, type, payload, payload_salt, recorded_at, retain_until, space_id,
                 source_kind, source_id, trust)
               select e.agent_id, gen_random_uuid(), e.epoch, e.position + n, e.type, e.payload, e.payload_salt, e.recorded_at,
                 e.retain_until, e.space_id, e.source_kind, e.source_id, e.trust
               from generate_series(1, 6999) n, hub.events e where e.type = 'x.test.thing';
             update hub.agent_heads set position = position + 6999 where agent_id <> '00000000-0000-0000-0000-000000000000'",
        )
        .await;
    hub.clock.advance(Duration::days(366));
    let mut counts = Vec::new();
    for _ in 0..2 {
        // The second one finds nothing more, and says nothing.
        remove_old(&hub).await.unwrap();
        let told = told(&hub).await.into_iter();
        counts = told
            .map(|(_, details)| details["payloads"].as_i64().unwrap())
            .collect();
        counts.sort_unstable();
    }
    assert_eq!(counts, [2_000, 5_000]);
    assert_eq!(
        hub.sql()
            .count("events", "type = 'x.test.thing' and payload is not null")
            .await,
        0
    );
}
