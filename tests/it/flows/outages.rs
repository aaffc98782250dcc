//! Turns while the model is away, refuses the hub or cannot be trusted: what waits, what answers instead, and who is told.

use chrono::Duration;
use hub::{
    adapters::models::responses::ResponsesApi,
    config::ModelConfig,
    turns::{Block, TurnState, WhenModelDown, step::StepOutcome},
};
use serde_json::json;
use support::{Line, Rest, ScriptedServer, turn_of};

use super::{
    planner::{KEY, config, planning, planning_with, says},
    turn_about,
};

#[tokio::test]
async fn an_outage_of_any_kind_is_waited_out_and_is_not_a_try() {
    let (hub, server) = planning().await;
    let away = [
        Line::fails(500, "oh"),
        Line::fails(503, "overloaded"),
        Line::fails(429, "slow down"),
        Line::Hang,
        Line::Break,
        Line::fails(401, "Incorrect API key provided"),
        Line::fails(404, "no such model"),
    ];
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let count = away.len();
    for line in away {
        server.then(line);
        hub.run_jobs().await;
        let waiting = hub.home.turn(id).await;
        assert_eq!(waiting.state, TurnState::Waiting, "{waiting:?}");
        assert_eq!(
            hub.sql().count("jobs", "state = 'queued' and attempts = 0").await,
            1
        );
        hub.clock.advance(Duration::minutes(2));
    }
    assert_eq!(server.heard().len(), count);
    server.then(Line::plan(&says("Hello.")));
    hub.run_jobs().await;
    assert_eq!(hub.home.turn(id).await.state, TurnState::Planned);
}

#[tokio::test]
async fn a_turn_says_what_it_waits_for() {
    let (hub, server) = planning().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    server.then(Line::fails_for(429, 30));
    hub.run_jobs().await;
    assert_eq!(hub.home.turn(id).await.waiting_for.as_deref(), Some("the model"));
    hub.clock.advance(Duration::seconds(29));
    assert_eq!(hub.run_jobs().await, 0, "it asked for half a minute");
    hub.clock.advance(Duration::seconds(2));
    server.then(Line::fails(401, "Incorrect API key provided"));
    hub.run_jobs().await;
    let waiting = hub.home.turn(id).await.waiting_for.unwrap();
    assert!(waiting.contains("model.api_key"), "{waiting}");
    hub.clock.advance(Duration::minutes(2));
    server.then(Line::plan(&says("Hello.")));
    hub.run_jobs().await;
}

/// Many turns, and a model that is away: one asks, the others wait for what it finds.
#[tokio::test]
async fn while_it_is_away_one_turn_asks_for_all() {
    let (hub, server) = planning().await;
    server.then(Line::fails(500, "oh"));
    for device in [&hub.home.kitchen, &hub.home.office] {
        device.hears("hello").await;
    }
    hub.run_jobs().await;
    assert_eq!(server.heard().len(), 1);
    for _ in 0..2 {
        server.then(Line::plan(&says("Hello.")));
    }
    hub.clock.advance(Duration::minutes(2));
    hub.run_jobs().await;
    assert_eq!(hub.sql().count("turns", "state = 'planned'").await, 2);
}

#[tokio::test]
async fn with_the_offline_rules_beside_it_nobody_waits() {
    let server = ScriptedServer::start().await;
    let hub = planning_with(&ModelConfig {
        when_down: WhenModelDown::Offline,
        ..config(&server)
    })
    .await;
    server.then(Line::fails(500, "oh"));
    let planned = turn_about(&hub, "remember that the spare key is with Nora").await;
    assert_eq!(
        planned.reply,
        Some(vec![Block::text(
            "I will remember that the spare key is with Nora."
        )])
    );
    let id = turn_of(
        &hub.home
            .kitchen
            .hears("what do you remember about the spare key")
            .await,
    );
    hub.run_jobs().await;
    let Block::Text { text } = &hub.home.turn(id).await.reply.unwrap()[0];
    assert!(text.starts_with("The spare key is with Nora"), "{text}");
    assert_eq!(server.heard().len(), 1, "it is not asked again before its time");
}

/// The owner's choice outweighs the hub's configuration.
#[tokio::test]
async fn an_owner_chooses_what_an_outage_means() {
    let (hub, server) = planning().await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let agent = ada.get("/v1/agents/self").await.expect(200);
    assert_eq!(agent.text("/when_model_down"), "wait");
    let chosen = ada
        .patch("/v1/agents/self", json!({"when_model_down": "offline"}))
        .await;
    assert_eq!(chosen.expect(200).text("/when_model_down"), "offline");
    let events = ada.get("events?types=agent.changed").await.expect(200);
    assert_eq!(events.items()[0]["payload"]["when_model_down"], "offline");
    server.then(Line::fails(500, "oh"));
    let planned = turn_about(&hub, "remember that the key is with Nora").await;
    assert_eq!(
        planned.reply,
        Some(vec![Block::text("I will remember that the key is with Nora.")])
    );
    assert_eq!(planned.steps[0].outcome, StepOutcome::Away);
    let _ = ada
        .patch("/v1/agents/self", json!({"when_model_down": "wait"}))
        .await
        .expect(200);
    let turn = turn_about(&hub, "what do you remember about the key").await;
    assert_eq!(turn.state, TurnState::Waiting);
    hub.expect_leftovers();
}

#[tokio::test]
async fn readyz_says_how_the_model_is_doing_and_asks_nobody() {
    let (hub, server) = planning().await;
    let rest = Rest::of(&hub);
    let health = async |expected: &str| {
        let ready = rest.nobody().get("/readyz").await.expect(200);
        assert_eq!(ready.text("/model/health"), expected);
        assert!(
            !ready.told().contains(KEY) && !ready.told().contains("secret"),
            "{}",
            ready.told()
        );
    };
    health("unasked").await;
    hub.home.kitchen.hears("hello").await;
    for (line, expected) in [
        (Line::fails(500, "secret"), "away"),
        (Line::fails(401, "secret"), "refuses"),
        (Line::plan(&says("Hello.")), "answers"),
    ] {
        server.then(line);
        hub.run_jobs().await;
        health(expected).await;
        hub.clock.advance(Duration::minutes(2));
    }
    assert_eq!(server.heard().len(), 3);
}

/// A model in the house has a certificate that only the house trusts.
#[tokio::test]
async fn only_a_model_that_somebody_vouches_for_is_told_anything() {
    let (server, authority) = ScriptedServer::with_tls().await;
    let hub = planning_with(&config(&server)).await;
    let turn = turn_about(&hub, "hello").await;
    assert_eq!(turn.state, TurnState::Waiting);
    assert_eq!(server.heard().len(), 0, "not even the key was sent");
    hub.expect_leftovers();
    let ca_file = std::env::temp_dir().join(format!("{}.pem", hub::ids::TurnId::mint()));
    let trusting = ModelConfig {
        ca_file: ca_file.clone(),
        ..config(&server)
    };
    let refused = ResponsesApi::new(&trusting).err().unwrap().to_string();
    assert!(refused.contains("model.ca_file cannot be read"), "{refused}");
    std::fs::write(&ca_file, "no certificate").unwrap();
    let refused = ResponsesApi::new(&trusting).err().unwrap().to_string();
    assert!(
        refused.contains("model.ca_file must hold certificates"),
        "{refused}"
    );
    std::fs::write(&ca_file, authority).unwrap();
    let hub = planning_with(&trusting).await;
    std::fs::remove_file(&ca_file).unwrap();
    server.then(Line::plan(&says("Hello.")));
    let turn = turn_about(&hub, "hello").await;
    assert_eq!(turn.state, TurnState::Planned);
    assert_eq!(server.heard().len(), 1);
}
