//! Which spaces' things somebody sees.

use crate::ids::SpaceId;

/// What of the agent is there for somebody, besides what is theirs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// The household's, of all spaces: people, devices, and the agent itself, which asks the gate.
    All,
    /// Nothing: a guest.
    Own,
    /// The household's, of those that are not private: whoever acts for the agent.
    Open,
    /// The household's, of these, as long as they are not private.
    OpenOf(Spaces),
}

/// Spaces to which somebody is limited: a few, each once, in one order. Small enough to be copied into every unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spaces {
    ids: [SpaceId; Spaces::MOST],
    count: usize,
}

impl Spaces {
    /// How many at most: whoever needs more is better let into all.
    pub const MOST: usize = 8;

    /// These; none where there are none of them, or too many.
    #[must_use]
    pub fn of(ids: &[SpaceId]) -> Option<Self> {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let count = sorted.len();
        if count == 0 || count > Self::MOST {
            return None;
        }
        let last = *sorted.last()?;
        sorted.resize(Self::MOST, last);
        let ids = sorted.try_into().ok()?;
        Some(Self { ids, count })
    }

    /// Each of them.
    #[must_use]
    pub fn ids(&self) -> &[SpaceId] {
        &self.ids[..self.count]
    }

    /// Those that are also among others; none where there are none.
    #[must_use]
    pub fn common(&self, others: &Self) -> Option<Self> {
        let both: Vec<SpaceId> = self
            .ids()
            .iter()
            .copied()
            .filter(|id| others.ids().contains(id))
            .collect();
        Self::of(&both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_a_set_of_a_few_and_never_nothing() {
        let ids: Vec<SpaceId> = (0..9).map(|_| SpaceId::mint()).collect();
        assert_eq!(Spaces::of(&[]), None);
        assert_eq!(Spaces::of(&ids), None);
        let some = Spaces::of(&[ids[2], ids[0], ids[2]]).unwrap();
        assert_eq!(some, Spaces::of(&[ids[0], ids[2]]).unwrap());
        assert_eq!(some.ids(), [ids[0], ids[2]]);
        let others = Spaces::of(&ids[2..]).unwrap();
        assert_eq!(some.common(&others), Spaces::of(&ids[2..3]));
        assert_eq!(some.common(&Spaces::of(&ids[3..]).unwrap()), None);
    }
}
