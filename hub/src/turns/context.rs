//! What a runtime is given to think with. Each part is bounded.

use uuid::Uuid;

use crate::{
    clock::DateTime,
    devices::Device,
    identity::Trust,
    ids::{ActionId, ConsentId, DeviceId, EventId, SessionId, SpaceId, TurnId},
    memory::recall::Recalled,
    places::Space,
    recognition::Presence,
    storage::AgentBrief,
    turns::{Read, talker::Talker},
};

/// People that a turn is told are there at most.
pub const MOST_PRESENT: u32 = 20;

/// Everything a turn may know.
#[derive(Debug, Clone)]
pub struct TurnContext {
    /// The turn.
    pub turn: TurnId,
    /// With whom it talks.
    pub talker: Talker,
    /// The name of what thinks.
    pub runtime: &'static str,
    /// The agent with its persona.
    pub agent: AgentBrief,
    /// What happened, in order.
    pub inputs: Vec<Input>,
    /// The session's recent talk before the inputs, oldest first.
    pub recent: Vec<Utterance>,
    /// What is remembered about each of the runtime's questions.
    pub recalled: Vec<(String, Vec<Recalled>)>,
    /// The proposals that wait for a person's decision.
    pub waiting_actions: Vec<Waiting>,
    /// The agent's spaces.
    pub spaces: Vec<Space>,
    /// The agent's live devices.
    pub devices: Vec<Device>,
    /// Those who are known to be where the turn is, as they allow.
    pub present: Vec<Present>,
    /// Whether all whose words it is given allow it to remember what they said. What it wants to remember all the same is left out,
    /// but for what comes of the words of an input alone, which is asked of those who said that.
    pub may_remember: bool,
    /// The time.
    pub now: DateTime,
}

impl TurnContext {
    /// What can be read here.
    #[must_use]
    pub fn read(&self) -> Read {
        let recalled = self.recalled.iter().flat_map(|(_, found)| found);
        Read {
            events: self.said(),
            memories: recalled.map(|recalled| recalled.memory.id.0).collect(),
            actions: self.told().map(|told| told.action.0).collect(),
            sessions: self.told().filter_map(|told| Some(told.session?.0)).collect(),
            known: self.known(),
            consents: self.known_by(),
        }
    }

    /// What was said: the inputs, the talk before them, and the proposals whose words are told.
    #[must_use]
    pub fn words(&self) -> Vec<Uuid> {
        let mut words = self.said();
        words.extend(self.told().map(|told| told.action.0));
        words
    }

    /// The proposals whose words are told.
    fn told(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting_actions.iter().filter(|told| told.summary.is_some())
    }

    /// The inputs, and the talk before them.
    fn said(&self) -> Vec<Uuid> {
        let mut said = self.inputs();
        said.extend(self.recent.iter().map(|said| said.event.0));
        said
    }

    /// The inputs.
    #[must_use]
    pub fn inputs(&self) -> Vec<Uuid> {
        self.inputs.iter().map(|input| input.event.0).collect()
    }

    /// The device by which the last of the inputs came.
    #[must_use]
    pub fn device(&self) -> Option<DeviceId> {
        self.inputs.last().and_then(|input| input.device)
    }

    /// The grants by which it is told who is there.
    #[must_use]
    pub fn known_by(&self) -> Vec<Uuid> {
        let grants = self.present.iter().filter_map(|there| there.grant);
        grants.map(|grant| grant.0).collect()
    }

    /// Who is there, by what they are known.
    #[must_use]
    pub fn known(&self) -> Vec<Presence> {
        self.present.iter().map(|there| there.known.clone()).collect()
    }

    /// The least trust of the inputs.
    #[must_use]
    pub fn trust_of_inputs(&self) -> Trust {
        least_trust(&self.inputs)
    }

    /// The least trust of all that can be read here: what is derived from it is believed no further. The words of proposals are
    /// never believed less than the inputs.
    #[must_use]
    pub fn trust(&self) -> Trust {
        let recent = self.recent.iter().map(|said| said.trust);
        let recalled = self.recalled.iter().flat_map(|(_, found)| found);
        recent
            .chain(recalled.map(|recalled| recalled.memory.trust))
            .fold(self.trust_of_inputs(), Trust::min)
    }
}

/// The least trust of inputs.
#[must_use]
pub fn least_trust(inputs: &[Input]) -> Trust {
    let trusts = inputs.iter().map(|input| input.trust);
    trusts.min().unwrap_or(Trust::Outside)
}

/// Somebody who is there.
#[derive(Debug, Clone)]
pub struct Present {
    /// Who, and by what they are known.
    pub known: Presence,
    /// How they are called.
    pub name: String,
    /// By which grant they are known, and it is told.
    pub grant: Option<ConsentId>,
}

/// One input event.
#[derive(Debug, Clone)]
pub struct Input {
    /// The event.
    pub event: EventId,
    /// What was said.
    pub text: String,
    /// Who said it, as the device says.
    pub participant: Option<String>,
    /// Where.
    pub space: SpaceId,
    /// Through which device.
    pub device: Option<DeviceId>,
    /// How far it may be believed.
    pub trust: Trust,
    /// Whether who said it allows that it is remembered.
    pub may_be_remembered: bool,
}

/// A proposal that waits for a person's decision.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Which.
    pub action: ActionId,
    /// Where it came up.
    pub session: Option<SessionId>,
    /// The tool.
    pub tool: String,
    /// What it would do, in words that come from what was read before it was proposed. None where that is believed less than the
    /// inputs: then a stranger's words would stand among the household's for a day, and all that is learnt meanwhile would be a
    /// stranger's, too. Nor elsewhere than where it came up, of somebody who does not allow to be remembered: for a day nothing else
    /// would be, either.
    pub summary: Option<String>,
    /// How far that may be believed.
    pub trust: Trust,
}

/// Something said before.
#[derive(Debug, Clone)]
pub struct Utterance {
    /// The event.
    pub event: EventId,
    /// Whether the agent said it.
    pub is_agent: bool,
    /// What was said.
    pub text: String,
    /// How far it may be believed.
    pub trust: Trust,
}
