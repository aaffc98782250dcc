//! `/v1/agents/{agent_id}/dead-jobs`

use axum::http::Method;
use hub::turns::runtime::RuntimeError;
use serde_json::json;
use support::{Answer, Client, Rest, ScriptedRuntime, TestHub};

use crate::sample::Sample;

async fn replay(client: &Client, job: &str) -> Answer {
    let path = format!("dead-jobs/{job}/replay");
    client.ask(Method::POST, &path).send().await
}

#[tokio::test]
async fn a_dead_job_says_why_and_runs_again_when_it_is_replayed() {
    let script = ScriptedRuntime::default();
    script.then_fail(RuntimeError::Refused("no such model".to_owned()));
    let hub = TestHub::builder().runtime(script.clone()).start().await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    hub.home.kitchen.hears("hello").await;
    hub.run_jobs().await;
    let dead = ada.get("dead-jobs").await.expect(200);
    assert_eq!(dead.text("/items/0/kind"), "run_turn");
    assert_eq!(dead.text("/items/0/error"), "no such model");
    let turn = format!("turns/{}", dead.text("/items/0/subject_id"));
    let ended = ada.get(&turn).await.expect(200);
    assert_eq!(
        (ended.text("/state"), ended.text("/reason")),
        ("dead", "no such model")
    );
    script.then_say("hello again");
    let job = dead.text("/items/0/id");
    let _ = replay(&ada, job).await.expect(204);
    // Once is enough: it is not dead any more.
    let _ = replay(&ada, job).await.refuses(404, "not_found");
    assert_eq!(ada.get("dead-jobs").await.expect(200).items().len(), 0);
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(ada.get(&turn).await.expect(200).text("/state"), "planned");
}

#[tokio::test]
async fn an_operator_replays_a_private_turn_without_seeing_it() {
    let script = ScriptedRuntime::default();
    script.then_fail(RuntimeError::Refused("no such model".to_owned()));
    let hub = TestHub::builder().runtime(script.clone()).start().await;
    let rest = Rest::of(&hub);
    let ada = rest.user(&hub.owner("ada").await).await;
    let bob = rest
        .user(&hub.home.user("bob", hub::identity::Role::Admin).await)
        .await;
    let content = json!([{"type": "text", "text": "hello"}]);
    let sent = ada
        .post("messages", json!({"content": content}))
        .await
        .expect(202);
    hub.run_jobs().await;
    let dead = bob.get("dead-jobs").await.expect(200);
    assert_eq!(dead.json["items"][0]["subject_id"], json!(null));
    let theirs = ada.get("dead-jobs").await.expect(200);
    assert_eq!(theirs.text("/items/0/subject_id"), sent.text("/turn_id"));
    script.then_say("hello again");
    let _ = replay(&bob, dead.text("/items/0/id")).await.expect(204);
    hub.run_jobs().await;
    let turn = format!("turns/{}", sent.text("/turn_id"));
    let _ = bob.get(&turn).await.refuses(404, "not_found");
    assert_eq!(ada.get(&turn).await.expect(200).text("/state"), "planned");
}

#[tokio::test]
async fn dead_jobs_of_another_agent_are_not_found() {
    let sample = Sample::new().await;
    sample.hub.home.kitchen.hears("break down").await;
    sample.hub.run_jobs().await;
    let dead = sample.owner.get("dead-jobs").await.expect(200);
    let away = sample.hub.household("away").await;
    let eve = sample.rest.user(&away.owner("eve").await).await;
    assert_eq!(eve.get("dead-jobs").await.expect(200).items().len(), 0);
    let _ = replay(&eve, dead.text("/items/0/id"))
        .await
        .refuses(404, "not_found");
    sample.hub.dead_jobs().await;
}

#[tokio::test]
async fn the_job_of_an_action_that_failed_is_not_replayed() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let _ = sample
        .owner
        .post(&format!("actions/{action}/approve"), json!({}))
        .await
        .expect(200);
    let bury = "update hub.jobs set state = 'dead', finished_at = now() where kind = 'execute_action'";
    sample.hub.sql().execute(bury).await;
    let dead = sample.owner.get("dead-jobs").await.expect(200);
    let _ = replay(&sample.owner, dead.text("/items/0/id"))
        .await
        .refuses(409, "not_replayable");
    assert_eq!(
        sample.owner.get("dead-jobs").await.expect(200).json,
        dead.json,
        "it is as it was"
    );
}
