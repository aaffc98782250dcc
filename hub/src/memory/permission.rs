//! Whether what was said may be remembered: those who said it are asked, each as they think now.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use uuid::Uuid;

use crate::{
    error::Result,
    ids::{ConsentId, PersonId},
    places::{
        Closed,
        gate::{Answer, Matter, Purpose, ask},
    },
    storage::{TurnRow, Tx},
    turns::context::TurnContext,
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

/// Those whose words a turn has read, those of whom it was told that they are there, and the one for whom it runs, each with what they
/// say.
#[derive(Debug)]
pub struct Speakers {
    audience: Option<PersonId>,
    words: Vec<Uuid>,
    there: Vec<PersonId>,
    /// By which grants it was told who is there.
    known_by: Vec<ConsentId>,
    /// By event, and by proposal.
    heard: HashMap<Uuid, Vec<PersonId>>,
    answers: HashMap<Option<PersonId>, Answer>,
}

impl Speakers {
    /// Asks them.
    pub async fn of(tx: &mut Tx, turn: &TurnRow, context: &TurnContext) -> Result<Self> {
        let (words, device) = (context.words(), context.device());
        let mut heard: HashMap<Uuid, Vec<PersonId>> = HashMap::new();
        for (id, person) in tx.events().people_of(&words).await? {
            heard.entry(id).or_default().push(person);
        }
        let there: Vec<PersonId> = context
            .present
            .iter()
            .map(|there| there.known.person_id)
            .collect();
        let people = heard.values().flatten().chain(&there).copied().map(Some);
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
            words,
            there,
            known_by: context.present.iter().filter_map(|there| there.grant).collect(),
            heard,
            answers,
        })
    }

    /// Whether what comes of all that the turn was given may be remembered: also who is there, which it was told by grants of theirs.
    #[must_use]
    pub fn allow_all(&self) -> Permission {
        let there = self
            .there
            .iter()
            .filter_map(|person| self.answers.get(&Some(*person)));
        self.weigh(&self.words, there, &self.known_by)
    }

    /// Whether what comes of these, which are among those, may be remembered.
    #[must_use]
    pub fn allow(&self, words: &[Uuid]) -> Permission {
        self.weigh(words, std::iter::empty(), &[])
    }

    fn weigh<'a>(
        &'a self,
        words: &[Uuid],
        others: impl Iterator<Item = &'a Answer>,
        known_by: &[ConsentId],
    ) -> Permission {
        let mut grants: BTreeSet<ConsentId> = known_by.iter().copied().collect();
        let own = self.answers.get(&self.audience);
        for answer in words
            .iter()
            .flat_map(|id| self.answers_of(*id))
            .chain(others)
            .chain(own)
        {
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
