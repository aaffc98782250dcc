//! The steps of a turn: calls of the model, and what it may look up before it answers.

use chrono::Duration;
use hub::turns::{Turn, TurnState, step::StepOutcome};
use serde_json::{Value, json};
use support::{Line, Rest, turn_of};

use super::{
    planner::{is_strict, planning, says},
    turn_about,
};

fn recall(question: &str) -> Line {
    Line::calls("recall", &json!({"question": question}).to_string())
}

fn remembering(content: &str) -> Line {
    Line::plan(&json!({"reply": "I will.", "to_do": [], "to_remember": [
        {"tier": "semantic", "content": content, "importance": 0.5, "confidence": 1, "inputs": [0]}
    ]}))
}

fn outcomes(turn: &Turn) -> Vec<StepOutcome> {
    turn.steps.iter().map(|step| step.outcome).collect()
}

use StepOutcome::{Answered, Called, Malformed};

#[tokio::test]
async fn the_model_looks_up_what_is_remembered_and_each_call_is_a_step_with_its_cost() {
    let (hub, server) = planning().await;
    server.then(remembering("The spare key is with Nora"));
    hub.home.kitchen.hears("Nora has it").await;
    hub.run_jobs().await;
    server.then(recall("spare key"));
    server.then(Line::plan(&says("With Nora.")));
    let id = turn_of(&hub.home.office.hears("where is it?").await);
    hub.run_jobs().await;
    let asked = server.heard();
    let (first, second) = (&asked[1].body, &asked[2].body);
    for body in [first, second] {
        assert_eq!(
            (&body["store"], &body["tool_choice"]),
            (&json!(false), &json!("auto"))
        );
        is_strict(&body["tools"][0]["parameters"]);
    }
    assert_eq!(first["input"].as_array().unwrap().len(), 1);
    let items = second["input"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]), (3, &first["input"][0]));
    assert_eq!(
        items[1],
        json!({"type": "function_call", "call_id": "call_1", "name": "recall", "arguments": "{\"question\":\"spare key\"}"}),
        "without the ids under which nothing is kept"
    );
    assert_eq!(
        (&items[2]["type"], &items[2]["call_id"]),
        (&json!("function_call_output"), &json!("call_1"))
    );
    let output: Value = serde_json::from_str(items[2]["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["memories"][0]["content"], "The spare key is with Nora");
    let planned = hub.home.turn(id).await;
    assert_eq!(outcomes(&planned), [Called, Answered]);
    assert_eq!(planned.steps[0].function.as_deref(), Some("recall"));
    let usage = planned.usage.unwrap();
    assert_eq!(
        (&usage["input_tokens"], &usage["cost_usd"]),
        (&json!(2400), &json!(0.004))
    );
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let shown = ada.get(&format!("turns/{id}")).await.expect(200);
    assert_eq!(shown.json["steps"][0]["outcome"], "called");
    assert_eq!(shown.json["steps"][1]["usage"]["cost_usd"], json!(0.002));
}

/// The kitchen is heard by everyone: what Ada told the agent in private is not looked up for it.
#[tokio::test]
async fn what_is_looked_up_is_what_the_turn_may_see() {
    let (hub, server) = planning().await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    server.then(remembering("The safe opens with 4711"));
    let told = json!({"content": [{"type": "text", "text": "the safe opens with 4711"}]});
    let _ = ada.post("messages", told).await.expect(202);
    hub.run_jobs().await;
    let asks = json!({"content": [{"type": "text", "text": "what was that number?"}]});
    let _ = ada.post("messages", asks).await.expect(202);
    hub.home.kitchen.hears("what was that number?").await;
    for _ in 0..2 {
        server.then(recall("safe"));
        server.then(Line::plan(&says("Hm.")));
    }
    hub.run_jobs().await;
    let outputs: Vec<Value> = [2, 4]
        .map(|at| server.heard()[at].body["input"][2]["output"].clone())
        .into();
    let found = outputs
        .iter()
        .map(|output| output.as_str().unwrap().contains("4711"));
    assert_eq!(found.collect::<Vec<_>>(), [true, false], "{outputs:?}");
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_answered_once_and_then_the_try_is_over() {
    let (hub, server) = planning().await;
    let senseless = [
        Line::calls("format_disk", "{}"),
        Line::calls("recall", "{"),
        Line::calls("recall", "{\"question\": 1}"),
        Line::calls("recall", "{\"question\": \"a\", \"whose\": \"all\"}"),
        Line::calls("recall", "{\"question\": \"\"}"),
    ];
    for line in senseless {
        let before = server.heard().len();
        server.then(line.clone());
        server.then(Line::plan(&says("Then not.")));
        let turn = turn_about(&hub, "hello").await;
        assert_eq!(outcomes(&turn), [Called, Answered], "{line:?}");
        let output = server.heard()[before + 1].body["input"][2]["output"].clone();
        assert!(output.as_str().unwrap().contains("error"), "{output}");
    }
    server.then(Line::calls("format_disk", "{}"));
    server.then(Line::calls("format_disk", "{}"));
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    hub.run_jobs().await;
    assert_eq!(
        hub.sql().count("jobs", "state = 'queued' and attempts = 1").await,
        1
    );
    server.then(Line::plan(&says("Hello.")));
    hub.clock.advance(Duration::minutes(2));
    hub.run_jobs().await;
    let planned = hub.home.turn(id).await;
    assert_eq!(
        (planned.state, outcomes(&planned)),
        (TurnState::Planned, vec![Called, Called, Answered])
    );
    assert_eq!(
        planned.steps.iter().map(|step| step.attempt).collect::<Vec<_>>(),
        [1, 1, 2]
    );
}

#[tokio::test]
async fn the_fourth_call_has_to_be_the_answer() {
    let (hub, server) = planning().await;
    for _ in 0..4 {
        server.then(recall("anything"));
    }
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    hub.run_jobs().await;
    let choices: Vec<Value> = server
        .heard()
        .iter()
        .map(|heard| heard.body["tool_choice"].clone())
        .collect();
    assert_eq!(choices, ["auto", "auto", "auto", "none"]);
    assert_eq!(
        outcomes(&hub.home.turn(id).await),
        [Called, Called, Called, Malformed]
    );
    assert_eq!(
        hub.sql().count("jobs", "state = 'queued' and attempts = 1").await,
        1
    );
    hub.expect_leftovers();
}

/// However much is remembered, what the model is told of it has a bound.
#[tokio::test]
async fn what_is_looked_up_is_bounded() {
    let (hub, server) = planning().await;
    for number in 0..9 {
        server.then(remembering(&format!(
            "{number}: {}",
            "the spare key ".repeat(130)
        )));
        hub.home.kitchen.hears("hello").await;
        hub.run_jobs().await;
    }
    let before = server.heard().len();
    server.then(recall("spare key"));
    server.then(Line::plan(&says("Hm.")));
    hub.home.kitchen.hears("where is it?").await;
    hub.run_jobs().await;
    let output = server.heard()[before + 1].body["input"][2]["output"].clone();
    let length = output.as_str().unwrap().chars().count();
    assert!((4_000..8_100).contains(&length), "{length}");
}
