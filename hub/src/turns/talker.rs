//! With whom the agent talks in a turn: what it may tell there is what they may see.

use crate::{identity::Role, ids::PersonId, people::belonging::Belonging, places::View};

/// With whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talker {
    /// Somebody of the household, or whoever is in a room of theirs.
    Household,
    /// A guest, by their login: nothing of the household's is told.
    Guest,
    /// A guest, or who left or is blocked, whom a room knows, perhaps among others: whoever is there hears the answer, so nothing is
    /// told but what they have just said; and before, where it is only this one who speaks.
    Visitor(Option<PersonId>),
    /// Another agent, or a service, by a delegation. It may read memories (`create_delegation` sees to that), and nothing says that it
    /// may read more.
    Delegate,
}

/// With whom, by whose the talk is and whose words the inputs are; none where all of them are of people who are blocked.
#[must_use]
pub fn of(
    audience: Option<PersonId>,
    speakers: &[Option<PersonId>],
    belonging: impl Fn(PersonId) -> Option<Belonging>,
) -> Option<Talker> {
    let is = |person: Option<PersonId>| person.and_then(&belonging);
    let is_stranger = |person| is(person).is_some_and(|is| !is.is_of_the_household());
    let is_blocked = |person: &Option<PersonId>| is(*person) == Some(Belonging::As(Role::Blocked));
    if !speakers.is_empty() && speakers.iter().all(is_blocked) {
        return None;
    }
    // They are not heard, and take nothing from who speaks beside them.
    let heard = speakers.iter().copied().filter(|speaker| !is_blocked(speaker));
    let speakers: Vec<Option<PersonId>> = heard.collect();
    let is_somebody_elses = speakers
        .iter()
        .any(|speaker| *speaker != audience && is_stranger(*speaker));
    Some(if is_somebody_elses {
        let alone = speakers.first().copied().flatten();
        Talker::Visitor(alone.filter(|alone| speakers.iter().all(|speaker| *speaker == Some(*alone))))
    } else if is_stranger(audience) {
        Talker::Guest
    } else {
        Talker::Household
    })
}

impl Talker {
    /// What a turn with them sees.
    #[must_use]
    pub const fn view(self) -> View {
        match self {
            Self::Guest => View::Own,
            // The room's talk is the household's, what they say in it, too.
            Self::Household | Self::Delegate | Self::Visitor(_) => View::All,
        }
    }

    /// Whether they are told what is remembered, as far as they see it.
    #[must_use]
    pub const fn is_told_memories(self) -> bool {
        !matches!(self, Self::Visitor(_))
    }

    /// Whether they are told what somebody said before in the same talk, or the agent (none).
    #[must_use]
    pub fn is_told_words_of(self, speaker: Option<PersonId>) -> bool {
        match self {
            Self::Household | Self::Guest | Self::Delegate => true,
            Self::Visitor(alone) => alone.is_some() && alone == speaker,
        }
    }

    /// Whether they are told which devices there are, and what waits for a decision.
    #[must_use]
    pub const fn knows_the_house(self) -> bool {
        matches!(self, Self::Household)
    }

    /// Whether they are told which spaces there are.
    #[must_use]
    pub const fn knows_the_spaces(self) -> bool {
        matches!(self, Self::Household | Self::Guest | Self::Visitor(_))
    }
}
