//! What a turn says while it thinks, and the steps that it takes, written down as they come: gathered, at most ten times a
//! second, by one who holds the turn. It is beside the turn and never in its way: what cannot be written is left out.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    context::TurnContext, frame::FrameKind, present::are_known, runtime::Sink, step::Step, talker::Talker,
};
use crate::{
    error::Result,
    hub::Hub,
    identity::{Actor, Trust},
    memory::{
        ask::ask_one,
        recall::{MAX_QUESTION, Question, Recalled, recall_for_turn, words_of},
    },
    places::gate::{Matter, closed, closed_and_held, usable_memories},
    recognition::Presence,
    storage::{Lease, Ring, TurnRow, Tx, TxScope},
};

/// Between two writes: as often as a reader can follow, and no more rows than that takes.
const GATHER: Duration = Duration::from_millis(100);
/// Characters of a stream at most: what a reply may hold, which is what a block holds.
const MAX_SAID: usize = 16_000;
/// Memories for a question that is asked while it thinks.
const MOST_RECALLED: u32 = 8;

/// The sink of a turn that runs.
pub struct Live<'a> {
    hub: &'a Hub,
    lease: &'a Lease,
    turn: &'a TurnRow,
    words: &'static str,
    /// Who was there, by what they were known.
    known: Vec<Presence>,
    /// And by which grants.
    known_by: Vec<Uuid>,
    /// With whom it talks.
    talker: Talker,
    heard: Mutex<Heard>,
    more: Notify,
    over: CancellationToken,
}

/// What was looked up on the way.
#[derive(Debug, Clone, Default)]
pub struct LookedUp {
    /// The least trust of it; none where nothing was.
    pub trust: Option<Trust>,
    /// The memories.
    pub memories: Vec<Uuid>,
}

/// What was said and is not written yet.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    steps: Vec<Step>,
    /// Characters said since the last restart.
    said: usize,
    must_restart: bool,
    /// The least trust of the memories that were looked up.
    looked_up: Option<Trust>,
    /// These memories.
    read: Vec<Uuid>,
}

impl<'a> Live<'a> {
    /// The sink of a turn that thinks with this.
    pub(super) fn of(hub: &'a Hub, lease: &'a Lease, turn: &'a TurnRow, context: &TurnContext) -> Self {
        Self {
            hub,
            lease,
            turn,
            words: words_of(&context.agent.language),
            known: context.known(),
            known_by: context.known_by(),
            talker: context.talker,
            heard: Mutex::default(),
            more: Notify::new(),
            over: CancellationToken::new(),
        }
    }

    /// Nothing more will be said.
    pub(super) fn end(&self) {
        self.over.cancel();
    }

    /// Writes what is said, until nothing more will be.
    pub(super) async fn write(&self) {
        loop {
            tokio::select! {
                () = self.more.notified() => {}
                () = self.over.cancelled() => {}
            }
            let is_last = self.over.is_cancelled();
            if let Err(error) = self.write_some().await {
                tracing::warn!(turn.id = %self.turn.id, error = error.chain(), "what a turn says could not be written");
            }
            if is_last {
                return;
            }
            // The readers' pace; what comes meanwhile is gathered.
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = self.over.cancelled() => {}
            }
        }
    }

    /// What was looked up.
    pub(super) fn looked_up(&self) -> LookedUp {
        let mut heard = self.heard();
        LookedUp {
            trust: heard.looked_up,
            memories: std::mem::take(&mut heard.read),
        }
    }

    async fn write_some(&self) -> Result<()> {
        let heard = {
            let mut heard = self.heard();
            let (said, looked_up) = (heard.said, heard.looked_up);
            let read = std::mem::take(&mut heard.read);
            std::mem::replace(
                &mut *heard,
                Heard {
                    said,
                    looked_up,
                    read,
                    ..Heard::default()
                },
            )
        };
        if heard.text.is_empty() && heard.steps.is_empty() && !heard.must_restart {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        // Whoever has the turn by now says it anew.
        if !tx.turn_stream().hold(self.turn.id, self.lease).await? {
            return Ok(());
        }
        for step in &heard.steps {
            tx.turn_stream()
                .add_step(self.turn.id, self.turn.audience, step)
                .await?;
        }
        self.write_text(&mut tx, &heard).await?;
        tx.ring(Ring::Turn(self.turn.id));
        tx.commit().await.map(drop)
    }

    async fn write_text(&self, tx: &mut Tx, heard: &Heard) -> Result<()> {
        let (turn, audience) = (self.turn.id, self.turn.audience);
        if heard.must_restart {
            tx.turn_stream().restart(turn, audience).await?;
        }
        // Who withdraws meanwhile, or is forgotten, is not named any more; what was said is taken back when the turn ends.
        let may_say = !heard.text.is_empty() && are_known(tx, &self.known, &self.known_by).await?;
        if may_say && closed_and_held(tx, self.matter()).await?.is_none() {
            let text = Some(heard.text.as_str());
            tx.turn_stream()
                .add(turn, audience, FrameKind::Delta, text)
                .await?;
        }
        Ok(())
    }

    const fn matter(&self) -> Matter {
        Matter::of_turn(self.turn)
    }

    async fn begin(&self) -> Result<Tx> {
        let scope = TxScope::Agent {
            agent: self.lease.agent,
            person: self.turn.audience,
            view: self.talker.view(),
        };
        self.hub.db.begin(scope, Actor::agent(self.lease.agent.0)).await
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Nothing panics while it is held.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for Live<'_> {
    fn say(&self, text: &str) {
        let mut heard = self.heard();
        // The database takes no NUL; a reply that has one is malformed, and no stream says it.
        let room = MAX_SAID.saturating_sub(heard.said);
        let text: String = text.chars().take(room).filter(|c| *c != '\0').collect();
        if !text.is_empty() {
            heard.said += text.chars().count();
            heard.text.push_str(&text);
            self.more.notify_one();
        }
    }

    fn restart(&self) {
        let mut heard = self.heard();
        if heard.said > 0 {
            heard.text.clear();
            heard.said = 0;
            heard.must_restart = true;
            self.more.notify_one();
        }
    }

    fn step(&self, step: Step) {
        self.heard().steps.push(step);
        self.more.notify_one();
    }

    async fn recall(&self, question: &str) -> Result<Vec<Recalled>> {
        if !self.talker.is_told_memories() {
            return Ok(Vec::new());
        }
        let text: String = question.chars().take(MAX_QUESTION).collect();
        // The question leaves the house for its embedding: the space is asked before, and again after.
        if closed(&mut self.begin().await?, self.matter()).await?.is_some() {
            return Ok(Vec::new());
        }
        let meaning = ask_one(self.hub, &text).await?;
        let mut tx = self.begin().await?;
        if closed(&mut tx, self.matter()).await?.is_some() {
            return Ok(Vec::new());
        }
        let asked = Question {
            text: &text,
            words: self.words,
            meaning: &meaning,
            most: MOST_RECALLED,
        };
        let mut found = recall_for_turn(&mut tx, &asked).await?;
        let ids: Vec<Uuid> = found.iter().map(|recalled| recalled.memory.id.0).collect();
        if !tx.turns().note_more(self.turn.id, self.lease, &ids).await? {
            return Ok(Vec::new());
        }
        tx.commit().await?;
        // Whoever forgets it from here on finds that it was read.
        let mut tx = self.begin().await?;
        tx.take_head().await?;
        let usable = usable_memories(&mut tx, &ids).await?;
        drop(tx);
        found.retain(|recalled| usable.contains(&recalled.memory.id.0));
        let mut heard = self.heard();
        let trusts = found.iter().map(|recalled| recalled.memory.trust);
        heard.looked_up = trusts.chain(heard.looked_up).min();
        heard
            .read
            .extend(found.iter().map(|recalled| recalled.memory.id.0));
        Ok(found)
    }
}
