//! The rule of a chain of delegations: what the last one may do, by all that it came from.

use super::{IN_SPACES, may_have};
use crate::{
    identity::{Role, Scope},
    ids::{AgentId, DelegationId},
    places::Spaces,
};

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// By scope.
    pub scopes: Vec<Scope>,
    /// In these spaces; none: in all.
    pub within: Option<Spaces>,
}

/// A delegation of a chain, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: DelegationId,
    /// The one before it.
    pub parent: Option<DelegationId>,
    /// The agent that it is given to; none: a service.
    pub to_agent: Option<AgentId>,
    /// What stands in it.
    pub scopes: Vec<Scope>,
    /// The spaces that it is limited to.
    pub within: Option<Spaces>,
    /// Whether it is neither revoked nor over, and both agents of it live.
    pub is_alive: bool,
    /// Who made it.
    pub issuer: Issuer,
}

/// Who made a delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// A user, with the role that they have had since then in the agent for which they did; none where they belong there no more.
    User(Option<Role>),
    /// A service.
    Service,
}

/// What the last of a chain may do now; none where it may do nothing any more. From the first one to the last.
#[must_use]
pub fn standing(chain: &[Link]) -> Option<Power> {
    let (first, below) = chain.split_first()?;
    let Issuer::User(Some(role)) = first.issuer else {
        return None;
    };
    let is_whole = first.parent.is_none() && chain.windows(2).all(|pair| pair[1].parent == Some(pair[0].id));
    let is_alive = chain.iter().all(|link| link.is_alive);
    let may_issue = role.grants(Scope::DelegationsWrite) && below.iter().all(may_pass_on);
    if !(is_whole && is_alive && may_issue) {
        return None;
    }
    let mut within = None;
    for spaces in chain.iter().filter_map(|link| link.within) {
        within = Some(match within {
            None => spaces,
            // Of nothing at all there is nothing to be seen.
            Some(before) => spaces.common(&before)?,
        });
    }
    let is_held = |scope: &Scope| {
        may_have(*scope)
            && role.grants(*scope)
            && (within.is_none() || IN_SPACES.contains(scope))
            && chain.iter().all(|link| link.scopes.contains(scope))
    };
    // Whoever talks to the agent is answered from what it remembers.
    let may_be_answered = is_held(&Scope::MemoriesRead);
    let is_held = |scope: &Scope| is_held(scope) && (may_be_answered || *scope != Scope::MessagesWrite);
    let scopes = Scope::ALL.iter().copied().filter(is_held).collect();
    Some(Power { scopes, within })
}

/// Whoever made a child acted for the agent that its parent was given to, and still may.
fn may_pass_on(link: &Link) -> bool {
    match link.issuer {
        Issuer::User(role) => role.is_some_and(|role| role.grants(Scope::AgentsDelegate)),
        Issuer::Service => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SpaceId;

    fn chain() -> Vec<Link> {
        let (first, second) = (DelegationId::mint(), DelegationId::mint());
        let link = |id, parent, scopes: &[Scope], issuer| Link {
            id,
            parent,
            to_agent: Some(AgentId::mint()),
            scopes: scopes.to_vec(),
            within: None,
            is_alive: true,
            issuer,
        };
        vec![
            link(
                first,
                None,
                &[Scope::EventsRead, Scope::MemoriesRead, Scope::ActionsDecide],
                Issuer::User(Some(Role::Admin)),
            ),
            link(
                second,
                Some(first),
                &[Scope::MemoriesRead, Scope::TurnsRead, Scope::ActionsDecide],
                Issuer::User(Some(Role::Member)),
            ),
        ]
    }

    fn with(change: impl FnOnce(&mut Vec<Link>)) -> Option<Vec<Scope>> {
        let mut chain = chain();
        change(&mut chain);
        standing(&chain).map(|power| power.scopes)
    }

    #[test]
    fn it_is_limited_to_the_spaces_that_all_of_them_are_and_to_what_can_be() {
        let ids: Vec<SpaceId> = (0..4).map(|_| SpaceId::mint()).collect();
        let mut chain = chain();
        for link in &mut chain {
            link.scopes.push(Scope::MessagesWrite);
        }
        let both = [Scope::MessagesWrite, Scope::MemoriesRead];
        assert_eq!(standing(&chain).unwrap().scopes, both);
        chain[0].within = Spaces::of(&ids[..3]);
        let power = standing(&chain).unwrap();
        assert_eq!(
            (power.within, power.scopes),
            (Spaces::of(&ids[..3]), vec![Scope::MemoriesRead])
        );
        chain[1].within = Spaces::of(&ids[2..]);
        assert_eq!(standing(&chain).unwrap().within, Spaces::of(&ids[2..3]));
        chain[0].within = Spaces::of(&ids[..2]);
        assert_eq!(standing(&chain), None, "of no space at all");
    }

    #[test]
    fn the_last_one_may_do_what_all_of_them_may_and_nothing_that_is_never_delegated() {
        assert_eq!(with(|_| {}), Some(vec![Scope::MemoriesRead]));
    }

    #[test]
    fn it_ends_with_any_of_them() {
        assert_eq!(with(|chain| chain[0].is_alive = false), None);
        assert_eq!(with(|chain| chain[1].is_alive = false), None);
    }

    #[test]
    fn it_ends_with_whoever_made_any_of_them() {
        for role in [None, Some(Role::Member), Some(Role::Blocked)] {
            assert_eq!(
                with(|chain| chain[0].issuer = Issuer::User(role)),
                None,
                "{role:?}"
            );
        }
        for role in [None, Some(Role::Guest), Some(Role::Blocked)] {
            assert_eq!(
                with(|chain| chain[1].issuer = Issuer::User(role)),
                None,
                "{role:?}"
            );
        }
        assert_eq!(with(|chain| chain[0].issuer = Issuer::Service), None);
        assert!(with(|chain| chain[1].issuer = Issuer::Service).is_some());
    }

    #[test]
    fn a_chain_with_a_gap_is_none() {
        assert_eq!(with(|chain| drop(chain.remove(0))), None);
        assert_eq!(with(|chain| chain[1].parent = Some(DelegationId::mint())), None);
        assert_eq!(standing(&[]), None);
    }
}
