//! With whom the agent talks in a turn: what it may tell there is what they may see.

use crate::places::View;

/// With whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talker {
    /// Somebody of the household, or whoever is in a room of theirs.
    Household,
    /// A guest, by their login: nothing of the household's is told.
    Guest,
    /// Another agent, or a service, by a delegation. It may read memories (`create_delegation` sees to that), and nothing says that it
    /// may read more.
    Delegate,
}

impl Talker {
    /// What a turn with them sees.
    #[must_use]
    pub const fn view(self) -> View {
        match self {
            Self::Guest => View::Own,
            Self::Household | Self::Delegate => View::All,
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
        matches!(self, Self::Household | Self::Guest)
    }
}
