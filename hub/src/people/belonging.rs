//! What somebody is to the agent by a login of theirs: whether they can speak for themself here, and how far they are believed.

use crate::identity::{Role, Trust};

/// What somebody is to the agent by a login of theirs, as it is now. Of several the most: nobody has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Belonging {
    /// They never had a login here.
    NoLogin,
    /// They had one, and left or were removed.
    Left,
    /// They have one, with this role.
    As(Role),
}

impl Belonging {
    /// Whether they have a login of their own, by which they can say something here: one that is live, and not blocked. Nobody else
    /// withdraws or forgets for them then.
    #[must_use]
    pub fn has_own_login(self) -> bool {
        matches!(self, Self::As(role) if role != Role::Blocked)
    }

    /// How far what they say may be believed at the most, whichever device heard it. Somebody without a login is believed as far as the
    /// device that knows them; who left is known so still, and no more than a guest.
    #[must_use]
    pub const fn most_trust(self) -> Trust {
        match self {
            Self::As(Role::Blocked) => Trust::Outside,
            Self::As(Role::Guest) | Self::Left => Trust::Guest,
            Self::As(Role::Member | Role::Admin | Role::Owner) | Self::NoLogin => Trust::Owner,
        }
    }

    /// Whether they are told what is the household's, where the agent knows them.
    #[must_use]
    pub const fn is_of_the_household(self) -> bool {
        match self {
            Self::As(Role::Member | Role::Admin | Role::Owner) | Self::NoLogin => true,
            Self::As(Role::Guest | Role::Blocked) | Self::Left => false,
        }
    }

    /// Whether they have a login at all, or had one: nobody grants for them.
    #[must_use]
    pub const fn has_account(self) -> bool {
        !matches!(self, Self::NoLogin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_may_come_in_speaks_for_themself() {
        for role in Role::ALL {
            assert_eq!(
                Belonging::As(role).has_own_login(),
                role > Role::Blocked,
                "{role:?}"
            );
            assert!(Belonging::As(role).has_account());
        }
        assert!(!Belonging::Left.has_own_login() && Belonging::Left.has_account());
        for (belonging, trust) in [
            (Belonging::NoLogin, Trust::Owner),
            (Belonging::Left, Trust::Guest),
            (Belonging::As(Role::Blocked), Trust::Outside),
            (Belonging::As(Role::Guest), Trust::Guest),
            (Belonging::As(Role::Member), Trust::Owner),
        ] {
            assert_eq!(belonging.most_trust(), trust, "{belonging:?}");
            assert_eq!(belonging.is_of_the_household(), trust > Trust::Guest);
        }
        assert!(!Belonging::NoLogin.has_own_login() && !Belonging::NoLogin.has_account());
    }
}
