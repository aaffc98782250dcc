//! The switch, in the midst of everything at once: whatever the order, nothing is recorded after it.

use std::time::Duration;

use hub::{events::ingest::Outcome, ids::CommandId, jobs::worker::run_next, places::PrivacyMode};
use rand::{Rng, rngs::StdRng};
use serde_json::json;
use support::{Client, Rest, Seeded, TestDevice, TestHub, thing};

use super::switched_at;

const ROUNDS: u64 = 200;
/// Within which everything begins.
const SPREAD_US: u64 = 6_000;

/// What may stand in the log after the switch: the hub's own words about what came before it.
const STATES: &str = "('space.changed', 'turn.ended', 'command.changed')";

async fn wait(mut rng: StdRng) {
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..SPREAD_US))).await;
}

async fn command(owner: &Client, kitchen: &TestDevice) -> CommandId {
    let body = json!({"device_id": kitchen.id, "kind": "speaker.say", "arguments": {"text": "hello"}});
    let sent = owner.post("commands", body).await.expect(201);
    let id = CommandId(sent.text("/id").parse().unwrap());
    kitchen.takes().await;
    kitchen.acknowledges(id).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_recorded_after_the_switch_in_200_seeded_rounds() {
    let hub = TestHub::start().await;
    let seeded = Seeded::default();
    let owner = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&["speaker.say"]).await;
    let (mut kept, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let rng = |number: u64| seeded.fork(round * 10 + number);
        let command = command(&owner, kitchen).await;
        kitchen.hears(&format!("remember that round {round} began")).await;
        let hears = async {
            wait(rng(0)).await;
            kitchen
                .sends(vec![thing(json!({"round": round}))])
                .await
                .unwrap()
                .remove(0)
        };
        let reports = async {
            wait(rng(1)).await;
            kitchen.reports(json!({"round": round})).await.unwrap()
        };
        let answers = async {
            wait(rng(2)).await;
            kitchen.succeeds(command, json!({"round": round})).await.unwrap();
        };
        let thinks = async {
            wait(rng(3)).await;
            run_next(&hub).await.unwrap();
        };
        let comes_back = async {
            wait(rng(4)).await;
            kitchen.leaves().await.unwrap();
        };
        let switch = async {
            wait(rng(5)).await;
            hub.home
                .set_privacy(kitchen.space, PrivacyMode::Private)
                .await
                .unwrap();
        };
        let (outcome, _, (), (), (), ()) = tokio::join!(hears, reports, answers, thinks, comes_back, switch);
        match outcome {
            Outcome::Accepted { .. } => kept += 1,
            Outcome::Discarded { .. } => refused += 1,
            other => panic!("{other:?}"),
        }
        hub.run_jobs().await;
        nothing_after(&hub, kitchen, command).await;
        hub.home
            .set_privacy(kitchen.space, PrivacyMode::Normal)
            .await
            .unwrap();
        kitchen.connects(&["speaker.say"]).await;
    }
    assert!(
        kept > 10 && refused > 10,
        "{kept} kept, {refused} refused: nothing was tried"
    );
}

async fn nothing_after(hub: &TestHub, kitchen: &TestDevice, command: CommandId) {
    let (sql, space) = (hub.sql(), kitchen.space);
    let at = switched_at(hub, space).await;
    let after: Vec<String> = sql
        .values(&format!(
            "select type from hub.events where space_id = '{space}' and position > {at} and type not in {STATES}"
        ))
        .await;
    assert_eq!(after, Vec::<String>::new(), "recorded after the switch");
    let late = sql
        .count(
            "commands",
            &format!(
                "id = '{command}' and result is not null and (select max(position) from hub.events where type = 'command.changed'
                   and payload ->> 'command_id' = '{command}') > {at}"
            ),
        )
        .await;
    assert_eq!(late, 0, "an answer was kept after the switch");
    let open = "state in ('queued', 'running', 'waiting')";
    assert_eq!(sql.count("turns", open).await, 0, "a turn outlived the switch");
    assert_eq!(sql.count("turn_stream", "kind = 'delta'").await, 0);
}
