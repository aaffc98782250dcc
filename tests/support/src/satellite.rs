//! A satellite that acts: what it hears goes straight into the operations, without a socket.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use hub::{
    devices::{
        Capability, Device, Socket,
        connect::{Connected, Introduction, connect, disconnect, hold},
        presence::LEFT,
        report::{Report, Reported, report},
    },
    error::Result,
    events::ingest::{Inbound, Outcome, ingest},
    hub::Hub,
    identity::{Caller, credentials},
    ids::{AgentId, CommandId, DeviceId, SpaceId, TurnId},
    mailbox::{
        Command, CommandState,
        acknowledge::acknowledge,
        finish::{Answer, finish},
        progress::progress,
        take::{HandOver, hand_over},
    },
    sessions::find::Talk,
    storage::TxScope,
};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A device with its credential. Clones are the same device with the same socket.
#[derive(Clone)]
pub struct TestDevice {
    hub: Hub,
    /// Its agent.
    pub agent: AgentId,
    /// Its id.
    pub id: DeviceId,
    /// Where it is.
    pub space: SpaceId,
    /// Its name.
    pub name: String,
    /// Its credential.
    pub token: SecretString,
    generation: Arc<AtomicI64>,
}

/// Numbers what is heard in this process, so that no two things have one id.
static NEXT_CLIENT_ID: AtomicU64 = AtomicU64::new(0);

/// A transcript with an id of its own.
#[must_use]
pub fn heard(text: &str) -> Inbound {
    inbound("transcript", json!({ "text": text }))
}

/// A third party's event, about which the agent does not think.
#[must_use]
pub fn thing(payload: Value) -> Inbound {
    inbound("x.test.thing", payload)
}

/// The turn that thinks about what was accepted.
#[must_use]
pub fn turn_of(outcome: &Outcome) -> TurnId {
    let turn = match outcome {
        Outcome::Accepted { turn, .. } => *turn,
        _ => None,
    };
    turn.expect("it was accepted, and needs a turn")
}

fn inbound(event_type: &str, payload: Value) -> Inbound {
    let number = NEXT_CLIENT_ID.fetch_add(1, Ordering::Relaxed);
    Inbound {
        client_id: format!("client-{number}"),
        event_type: event_type.to_owned(),
        payload,
        occurred_at: None,
    }
}

impl TestDevice {
    pub(crate) fn new(hub: &Hub, agent: AgentId, device: &Device, token: SecretString) -> Self {
        Self {
            hub: hub.clone(),
            agent,
            id: device.id,
            space: device.space_id,
            name: device.name.clone(),
            token,
            generation: Arc::new(AtomicI64::new(0)),
        }
    }

    /// The device as a caller, proved by its credential now.
    pub async fn caller(&self) -> Result<Caller> {
        let proven = credentials::authenticate(&self.hub, &self.token, None).await?;
        credentials::caller(&self.hub, proven, None, None).await
    }

    /// Sends a batch.
    pub async fn sends(&self, items: Vec<Inbound>) -> Result<Vec<Outcome>> {
        let caller = self.caller().await?;
        let talk = Talk::Voice {
            space: self.space,
            audience: caller.person(),
        };
        ingest(&self.hub, &caller, talk, items).await
    }

    /// Sends one transcript.
    pub async fn hears(&self, text: &str) -> Outcome {
        let sent = self.sends(vec![heard(text)]).await;
        sent.expect("the hub answers").remove(0)
    }

    /// Opens a socket and says which kinds of command it can carry out.
    pub async fn connects(&self, kinds: &[&str]) -> Connected {
        let capability = |kind: &&str| Capability {
            kind: (*kind).to_owned(),
            arguments_schema: None,
        };
        let hello = Introduction {
            capabilities: kinds.iter().map(capability).collect(),
            software: None,
        };
        let caller = self.caller().await.expect("the device is known");
        let connected = connect(&self.hub, &caller, self.id, hello)
            .await
            .expect("the device is let in");
        self.generation.store(connected.generation, Ordering::Relaxed);
        connected
    }

    /// What its newest socket is given to do.
    pub async fn takes(&self) -> Vec<Command> {
        let taken = self.takes_with(self.generation.load(Ordering::Relaxed)).await;
        taken.expect("the newest socket may take")
    }

    /// What a socket of a generation is given to do.
    pub async fn takes_with(&self, generation: i64) -> Result<Vec<Command>> {
        let socket = Socket {
            device: self.id,
            node: self.hub.node,
            generation,
        };
        let mut tx = self.begin().await?;
        hold(&mut tx, socket).await?;
        let handed = hand_over(&mut tx, socket, HandOver::Next).await?;
        tx.commit().await?;
        Ok(handed.commands)
    }

    /// Says that it has a command.
    pub async fn acknowledges(&self, id: CommandId) -> Result<()> {
        let mut tx = self.begin().await?;
        acknowledge(&mut tx, self.id, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says what it is like, over its newest socket.
    pub async fn reports(&self, state: Value) -> Result<Reported> {
        let state = state.as_object().cloned().expect("a state is an object");
        let said = Report {
            state,
            is_whole: false,
            reached: None,
        };
        let mut tx = self.begin().await?;
        let reported = report(&mut tx, self.socket(), &said).await?;
        tx.commit().await?;
        Ok(reported)
    }

    /// Its newest socket ends.
    pub async fn leaves(&self) -> Result<()> {
        let (actor, socket) = (self.caller().await?.actor(), self.socket());
        disconnect(&self.hub, actor, (self.agent, self.id), socket.generation, LEFT).await
    }

    fn socket(&self) -> Socket {
        Socket {
            device: self.id,
            node: self.hub.node,
            generation: self.generation.load(Ordering::Relaxed),
        }
    }

    /// Says how far a command is.
    pub async fn progresses(&self, id: CommandId, percent: u8) -> Result<()> {
        let mut tx = self.begin().await?;
        progress(&mut tx, self.id, id, Some(percent), None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says in words how far a command is.
    pub async fn notes(&self, id: CommandId, note: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        progress(&mut tx, self.id, id, None, Some(note)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says what came of a command.
    pub async fn answers(&self, id: CommandId, answer: Answer) -> Result<()> {
        let mut tx = self.begin().await?;
        finish(&mut tx, self.id, id, answer).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says that a command was carried out.
    pub async fn succeeds(&self, id: CommandId, result: Value) -> Result<()> {
        let answer = Answer {
            state: CommandState::Succeeded,
            result: Some(result),
            error: None,
        };
        self.answers(id, answer).await
    }

    /// Says that a command did not work.
    pub async fn fails(&self, id: CommandId, message: &str) -> Result<()> {
        let answer = Answer {
            state: CommandState::Failed,
            result: None,
            error: Some(json!({"code": "failed", "message": message})),
        };
        self.answers(id, answer).await
    }

    async fn begin(&self) -> Result<hub::storage::Tx> {
        let actor = self.caller().await?.actor();
        self.hub.db.begin(TxScope::WholeAgent(self.agent), actor).await
    }
}
