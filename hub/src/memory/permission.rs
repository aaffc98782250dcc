//! Whether what was said may be remembered: those who said it are asked, each as they think now.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use uuid::Uuid;

use crate::{
    error::Result,
    ids::{ConsentId, DeviceId, PersonId},
    places::{
        Closed,
        gate::{Answer, Matter, Purpose, ask},
    },
    storage::{TurnRow, Tx},
};

/// What they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// Nobody minds; by these grants, in the order of their ids, where it took any.
    Given(Vec<ConsentId>),
    /// Somebody does, or something else is in the way.
    Refused(Closed),
}

impl Permission {
    /// Whether nobody minds.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        matches!(self, Self::Given(_))
    }
}

/// Those whose words a turn has read, and the one for whom it runs, each with what they say.
#[derive(Debug)]
pub struct Speakers {
    audience: Option<PersonId>,
    /// By event, and by proposal.
    heard: HashMap<Uuid, Vec<PersonId>>,
    answers: HashMap<Option<PersonId>, Answer>,
}

impl Speakers {
    /// Asks everybody whose words are in these events and proposals, and the one for whom the turn runs.
    pub async fn of(tx: &mut Tx, turn: &TurnRow, device: Option<DeviceId>, words: &[Uuid]) -> Result<Self> {
        let mut heard: HashMap<Uuid, Vec<PersonId>> = HashMap::new();
        for (id, person) in tx.events().people_of(words).await? {
            heard.entry(id).or_default().push(person);
        }
        let people = heard.values().flatten().copied().map(Some);
        let mut answers = HashMap::new();
        for person in people.chain([turn.audience]) {
            let Entry::Vacant(answer) = answers.entry(person) else {
                continue;
            };
            let matter = Matter {
                device,
                person,
                purpose: Purpose::Remember,
                ..Matter::of_turn(turn)
            };
            answer.insert(ask(tx, matter).await?);
        }
        Ok(Self {
            audience: turn.audience,
            heard,
            answers,
        })
    }

    /// Whether what comes of these, which are among those, may be remembered.
    #[must_use]
    pub fn allow(&self, words: &[Uuid]) -> Permission {
        let mut grants = BTreeSet::new();
        let own = self.answers.get(&self.audience);
        for answer in words.iter().flat_map(|id| self.answers_of(*id)).chain(own) {
            match answer {
                Answer::Open(by) => grants.extend(by),
                Answer::Closed(why) => return Permission::Refused(*why),
            }
        }
        Permission::Given(grants.into_iter().collect())
    }

    /// Whether any of those minds whose words are in this.
    #[must_use]
    pub fn is_any_against(&self, id: Uuid) -> bool {
        self.answers_of(id)
            .any(|answer| matches!(answer, Answer::Closed(_)))
    }

    fn answers_of(&self, id: Uuid) -> impl Iterator<Item = &Answer> {
        let people = self.heard.get(&id).into_iter().flatten();
        people.filter_map(|person| self.answers.get(&Some(*person)))
    }
}
