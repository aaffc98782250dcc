//! What the end of a turn's time means.

use super::*;
use crate::{
    adapters::models::{Answer, OnText},
    clock::{Clock, SystemClock},
    ids::{PersonId, PresenceId, SpaceId, TurnId},
    memory::recall::Recalled,
    recognition::{Modality, Presence},
    turns::{context::Present, talker::Talker},
};

/// Says this, and then nothing for as long as anybody waits.
struct Endless(&'static str);

#[async_trait]
impl Model for Endless {
    async fn ask(&self, _: &Request, on_text: &OnText<'_>) -> Result<Answer, ModelError> {
        if !self.0.is_empty() {
            on_text(self.0);
        }
        std::future::pending().await
    }
}

struct Nobody;

#[async_trait]
impl Sink for Nobody {
    fn say(&self, _: &str) {}
    fn restart(&self) {}
    fn step(&self, _: Step) {}
    async fn recall(&self, _: &str) -> crate::error::Result<Vec<Recalled>> {
        Ok(Vec::new())
    }
}

fn context() -> TurnContext {
    TurnContext {
        talker: Talker::Household,
        turn: TurnId::mint(),
        runtime: "planner",
        agent: AgentBrief {
            name: "home".to_owned(),
            language: "en".to_owned(),
            time_zone: "UTC".to_owned(),
            instructions: String::new(),
            when_model_down: None,
        },
        inputs: Vec::new(),
        recent: Vec::new(),
        recalled: Vec::new(),
        waiting_actions: Vec::new(),
        spaces: Vec::new(),
        devices: Vec::new(),
        present: Vec::new(),
        may_remember: true,
        now: SystemClock.now(),
    }
}

/// What a turn comes to whose time ends while the model is asked, and whether the next one may ask.
async fn late(says: &'static str) -> (RuntimeError, bool) {
    let planner = Planner::new(Arc::new(Endless(says)), &ModelConfig::default());
    let (context, never) = (context(), CancellationToken::new());
    let deadline = MARGIN + Duration::from_millis(50);
    let ended = planner.run(&context, &Nobody, deadline, &never).await;
    (ended.unwrap_err(), planner.outages.enter(context.now).is_ok())
}

#[tokio::test]
async fn a_turn_whose_time_ends_while_the_model_talks_is_a_try_and_stops_nobody_else() {
    let (error, may_ask) = late("{\"reply\": \"and").await;
    assert!(matches!(error, RuntimeError::Malformed(_)) && may_ask, "{error}");
    let (error, may_ask) = late("").await;
    assert!(matches!(error, RuntimeError::Away { .. }) && !may_ask, "{error}");
}

#[test]
fn the_model_is_told_who_is_there() {
    let now = SystemClock.now();
    let context = TurnContext {
        present: vec![Present {
            known: Presence {
                id: PresenceId::mint(),
                person_id: PersonId::mint(),
                space_id: SpaceId::mint(),
                modality: Modality::Voice,
                device_id: None,
                since: now,
                seen_at: now,
            },
            name: "Ada".to_owned(),
            grant: None,
        }],
        ..context()
    };
    let told: serde_json::Value = serde_json::from_str(&prompt::input(&context)).unwrap();
    assert_eq!(told["people_present"], serde_json::json!(["Ada"]));
}
