use std::collections::HashMap;

use proptest::{prelude::*, sample::select};

use super::*;

/// A try to change something in a household: who, whom, to what.
type Try = (usize, usize, Change);

/// People of a household, the first of whom owns the agent.
const PEOPLE: usize = 6;

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![select(&Role::ALL[..]).prop_map(Change::To), Just(Change::Removal)]
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    prop::collection::vec((0..PEOPLE, 0..PEOPLE, changes()), 0..60)
}

fn households() -> impl Strategy<Value = Vec<Role>> {
    prop::collection::vec(select(&Role::ALL[..4]), PEOPLE - 1)
}

/// The rule, asked as the operations ask it. Who belongs to the agent no more can do nothing.
fn attempt(household: &HashMap<usize, Role>, (by, whom, change): Try) -> bool {
    let (Some(role), Some(from)) = (household.get(&by), household.get(&whom)) else {
        return false;
    };
    let whose = if by == whom {
        Whose::Own
    } else {
        Whose::Other(*from)
    };
    may_change(*role, whose, change).is_ok()
}

fn apply(household: &mut HashMap<usize, Role>, (_, whom, change): Try) {
    match change {
        Change::To(role) => household.insert(whom, role),
        Change::Removal => household.remove(&whom),
    };
}

/// Who can do what only few can.
fn above(household: &HashMap<usize, Role>) -> Vec<(usize, Role)> {
    let mut above: Vec<_> = household
        .iter()
        .filter(|(_, role)| matches!(role, Role::Owner | Role::Admin | Role::Blocked))
        .map(|(who, role)| (*who, *role))
        .collect();
    above.sort_unstable();
    above
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is tried in whatever order, by whomever.
    #[test]
    fn the_owner_stays_nobody_changes_themselves_and_admins_and_the_blocked_are_the_owners_to_touch(
        others in households(), tries in tries(),
    ) {
        let mut household: HashMap<usize, Role> = std::iter::once(Role::Owner).chain(others).enumerate().collect();
        for one in tries {
            let (by, whom, _) = one;
            if !attempt(&household, one) {
                continue;
            }
            let before = household.clone();
            apply(&mut household, one);
            prop_assert_ne!(by, whom, "nobody changes themselves");
            prop_assert_eq!(household.get(&0), Some(&Role::Owner));
            prop_assert_eq!(household.values().filter(|role| **role == Role::Owner).count(), 1);
            if by != 0 {
                prop_assert_eq!(before.get(&by), Some(&Role::Admin));
                let (was, is) = (above(&before), above(&household));
                // Of those, an admin only adds to the blocked.
                let added: Vec<_> = is.iter().filter(|one| !was.contains(one)).collect();
                prop_assert!(was.iter().all(|one| is.contains(one)), "{:?} became {:?}", was, is);
                prop_assert!(added.iter().all(|(_, role)| *role == Role::Blocked), "{:?}", added);
            }
        }
    }
}

#[test]
fn the_owner_may_do_all_the_rest() {
    for from in &Role::ALL[..4] {
        for change in [
            Change::To(Role::Blocked),
            Change::To(Role::Admin),
            Change::Removal,
        ] {
            assert_eq!(may_change(Role::Owner, Whose::Other(*from), change), Ok(()));
        }
        let to_owner = Change::To(Role::Owner);
        assert_eq!(
            may_change(Role::Owner, Whose::Other(*from), to_owner),
            Err(Refusal::OnlyByTransfer)
        );
    }
    assert_eq!(
        may_change(Role::Owner, Whose::Own, Change::Removal),
        Err(Refusal::OwnerStays)
    );
}

#[test]
fn an_admin_runs_the_members_and_guests() {
    for from in [Role::Guest, Role::Member] {
        for change in [
            Change::To(Role::Guest),
            Change::To(Role::Member),
            Change::To(Role::Blocked),
            Change::Removal,
        ] {
            assert_eq!(may_change(Role::Admin, Whose::Other(from), change), Ok(()));
        }
    }
    assert_eq!(
        may_change(Role::Admin, Whose::Other(Role::Blocked), Change::Removal),
        Err(Refusal::OwnersOnly)
    );
}

#[test]
fn nobody_invites_to_as_much_as_they_have_but_the_owner_who_makes_no_second_one() {
    for by in Role::ALL {
        for invited in Role::ALL {
            let expected = by >= Role::Admin && invited < by && invited != Role::Blocked;
            assert_eq!(may_invite(by, invited), expected, "{by:?} {invited:?}");
        }
    }
}
