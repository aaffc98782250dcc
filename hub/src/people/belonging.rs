//! What somebody is to the agent by a login of theirs: whether they can speak for themself here.

use crate::identity::Role;

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
        assert!(!Belonging::NoLogin.has_own_login() && !Belonging::NoLogin.has_account());
    }
}
