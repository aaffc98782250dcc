//! Gathering what a turn may know, with the eyes of its audience.

use serde_json::Value;
use uuid::Uuid;

use super::{
    context::{Input, Present, TurnContext, Utterance, Waiting, least_trust},
    runtime::AgentRuntime,
    talker::Talker,
};
use crate::{
    actions::ActionState,
    error::{Error, Result},
    events::Event,
    identity::{Role, Trust},
    ids::{PersonId, SessionId},
    memory::{
        ask::Meaning,
        permission::Speakers,
        recall::{MAX_QUESTION, Question, recall_for_turn, words_of},
    },
    page::PageRequest,
    people::belonging::Belonging,
    places::gate::usable_sessions,
    storage::{ActionFilter, AgentBrief, TurnRow, Tx},
};

/// Recent events of the session at most: about a screen of talk.
const MOST_RECENT: i64 = 20;
/// Spaces and devices at most.
const MOST_THINGS: u32 = 100;
/// Memories for each question at most.
const MOST_RECALLED: u32 = 8;
/// Proposals that wait for a decision at most.
const MOST_WAITING: u32 = 20;
/// Questions of one turn at most.
const MOST_QUESTIONS: usize = 8;

/// What a turn is about, and what its runtime wants recalled for that.
#[derive(Debug)]
pub struct Heard {
    agent: AgentBrief,
    inputs: Vec<Input>,
    questions: Vec<String>,
}

impl Heard {
    /// The questions, none longer than one may be.
    #[must_use]
    pub fn questions(&self) -> Vec<String> {
        self.questions.iter().map(|question| cut(question)).collect()
    }

    /// The least trust of the inputs.
    #[must_use]
    pub fn trust(&self) -> Trust {
        least_trust(&self.inputs)
    }
}

fn cut(question: &str) -> String {
    question.chars().take(MAX_QUESTION).collect()
}

/// Reads the inputs. What their questions mean is found out between this and `gather`, which holds a transaction.
pub async fn hear(tx: &mut Tx, turn: &TurnRow, runtime: &dyn AgentRuntime) -> Result<Heard> {
    let agent = tx.identity().agent_brief().await?;
    let inputs = inputs(tx, turn).await?;
    let questions = inputs
        .iter()
        .flat_map(|input| runtime.questions(&agent, input))
        .take(MOST_QUESTIONS)
        .collect();
    Ok(Heard {
        agent,
        inputs,
        questions,
    })
}

/// Reads everything else that the runtime is given, besides who is there. The meanings are those of the questions, in their order.
pub async fn gather(
    tx: &mut Tx,
    (turn, talker): (&TurnRow, Talker),
    runtime: &dyn AgentRuntime,
    heard: Heard,
    (meanings, present): (&[Meaning], Vec<Present>),
) -> Result<TurnContext> {
    let Heard {
        agent,
        inputs,
        questions,
    } = heard;
    let mut recalled = Vec::new();
    for (question, meaning) in questions.into_iter().zip(meanings) {
        let asked = Question {
            text: &cut(&question),
            words: words_of(&agent.language),
            meaning,
            most: MOST_RECALLED,
        };
        let mut found = Vec::new();
        if talker.is_told_memories() {
            found = recall_for_turn(tx, &asked).await?;
        }
        recalled.push((question, found));
    }
    let mut spaces = Vec::new();
    if talker.knows_the_spaces() {
        let page = PageRequest {
            after: None,
            limit: MOST_THINGS,
        };
        spaces = tx.places().spaces(page).await?;
    }
    let (mut devices, mut waiting) = (Vec::new(), Vec::new());
    if talker.knows_the_house() {
        devices = tx.devices().live(i64::from(MOST_THINGS)).await?;
        devices.retain(|device| device.is_open_to(turn.audience));
        waiting = waiting_actions(tx, &inputs).await?;
    }
    let recent = recent(tx, (turn, talker), &inputs).await?;
    let mut context = TurnContext {
        turn: turn.id,
        talker,
        runtime: runtime.name(),
        agent,
        inputs,
        recent,
        recalled,
        waiting_actions: waiting,
        spaces,
        devices,
        present,
        may_remember: false,
        now: tx.now(),
    };
    ask_speakers(tx, turn, &mut context).await?;
    Ok(context)
}

/// Asks those whose words it is given whether they may be remembered; the words of a proposal that came up elsewhere are told only
/// where they allow it.
async fn ask_speakers(tx: &mut Tx, turn: &TurnRow, context: &mut TurnContext) -> Result<()> {
    let speakers = Speakers::of(tx, turn, context).await?;
    for waiting in &mut context.waiting_actions {
        if waiting.session != Some(turn.session) && speakers.is_any_against(waiting.action.0) {
            waiting.summary = None;
        }
    }
    context.may_remember = speakers.allow_all().is_given();
    for input in &mut context.inputs {
        input.may_be_remembered = speakers.allow(&[input.event.0]).is_given();
    }
    Ok(())
}

/// The proposals that wait; the words of one only where they are believed as far as every input, and come from where nobody has
/// asked for privacy.
async fn waiting_actions(tx: &mut Tx, inputs: &[Input]) -> Result<Vec<Waiting>> {
    let least = inputs.iter().map(|input| input.trust).min();
    let filter = ActionFilter {
        state: Some(ActionState::Proposed),
        page: PageRequest {
            after: None,
            limit: MOST_WAITING,
        },
    };
    let waiting = tx.actions().list(filter).await?;
    let sessions: Vec<Uuid> = waiting
        .iter()
        .filter_map(|action| Some(action.session_id?.0))
        .collect();
    let usable = usable_sessions(tx, &sessions).await?;
    let is_usable = |session: Option<SessionId>| session.is_none_or(|id| usable.contains(&id.0));
    let read = waiting.into_iter().map(|action| Waiting {
        action: action.id,
        session: action.session_id,
        tool: action.tool,
        summary: (least.is_some_and(|least| action.trust >= least) && is_usable(action.session_id))
            .then_some(action.summary),
        trust: action.trust,
    });
    Ok(read.collect())
}

async fn inputs(tx: &mut Tx, turn: &TurnRow) -> Result<Vec<Input>> {
    let events = tx.events().inputs_of(turn.id).await?;
    if events.len() != tx.turns().inputs(turn.id).await?.len() {
        return Err(Error::internal("an input cannot be seen by its turn"));
    }
    // An erased input is no input any more.
    let events = without_blocked(tx, events).await?;
    Ok(events.iter().filter_map(input).collect())
}

/// Who is blocked is not heard, where a room knows them.
async fn without_blocked(tx: &mut Tx, mut events: Vec<Event>) -> Result<Vec<Event>> {
    let people: Vec<PersonId> = events.iter().filter_map(|event| event.person_id).collect();
    let belongings = tx.people().belongings(&people).await?;
    let is_blocked = |person: &PersonId| belongings.get(person) == Some(&Belonging::As(Role::Blocked));
    events.retain(|event| !event.person_id.as_ref().is_some_and(is_blocked));
    Ok(events)
}

fn input(event: &Event) -> Option<Input> {
    Some(Input {
        event: event.id,
        text: said(event)?,
        participant: participant(event),
        space: event.space_id,
        device: event.device_id,
        trust: event.trust,
        may_be_remembered: false,
    })
}

async fn recent(tx: &mut Tx, (turn, talker): (&TurnRow, Talker), inputs: &[Input]) -> Result<Vec<Utterance>> {
    let types = ["transcript", "message.user", "message.agent"].map(str::to_owned);
    let events = tx.events().recent(turn.session, &types, MOST_RECENT).await?;
    let events = without_blocked(tx, events).await?;
    let before = events
        .iter()
        .filter(|event| inputs.iter().all(|input| input.event != event.id))
        .filter(|event| talker.is_told_words_of(event.person_id));
    Ok(before
        .filter_map(|event| {
            let text = said(event)?;
            Some(Utterance {
                event: event.id,
                is_agent: event.event_type == "message.agent",
                text,
                trust: event.trust,
            })
        })
        .collect())
}

/// The words of an event: a transcript's text or a message's text blocks.
fn said(event: &Event) -> Option<String> {
    let payload = event.payload.as_ref()?;
    if let Some(text) = payload.get("text").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let blocks = payload.get("content")?.as_array()?;
    let texts: Vec<&str> = blocks
        .iter()
        .filter_map(|block| block.get("text")?.as_str())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn participant(event: &Event) -> Option<String> {
    event
        .payload
        .as_ref()?
        .get("participant")?
        .as_str()
        .map(str::to_owned)
}
