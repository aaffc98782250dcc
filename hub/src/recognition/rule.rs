//! Who somebody may be, judged by how near their prints are. Pure: which prints may be compared at all, their people's consents say.

use std::collections::HashMap;

use crate::ids::{PersonId, PrintId};

/// One print that was compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// Which.
    pub print: PrintId,
    /// Whose.
    pub person: PersonId,
    /// How near: 1 is the same.
    pub cosine: f64,
}

/// What is near enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least cosine.
    pub threshold: f64,
    /// How much nearer it has to be than the nearest print of anybody else.
    pub margin: f64,
}

/// Somebody whom it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Who.
    pub person: PersonId,
    /// Their nearest print.
    pub print: PrintId,
    /// How near that is.
    pub score: f64,
    /// How much nearer than anybody else; none where there is nobody else.
    pub margin: Option<f64>,
}

/// The one person whom it may be; none where nobody is near enough, or two are about as near.
#[must_use]
pub fn judge(compared: &[Compared], bounds: Bounds) -> Option<Match> {
    let mut nearest: HashMap<PersonId, Compared> = HashMap::new();
    // What is no number is near to nothing.
    for one in compared.iter().filter(|one| one.cosine.is_finite()) {
        let best = nearest.entry(one.person).or_insert(*one);
        if (one.cosine, best.print) > (best.cosine, one.print) {
            *best = *one;
        }
    }
    let mut ranked: Vec<Compared> = nearest.into_values().collect();
    ranked.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
    let (first, second) = (*ranked.first()?, ranked.get(1));
    let margin = second.map(|second| first.cosine - second.cosine);
    // As near as somebody else is nobody, whatever the margin.
    let is_alone = margin.is_none_or(|margin| margin > 0.0 && margin >= bounds.margin);
    (first.cosine >= bounds.threshold && is_alone).then_some(Match {
        person: first.person,
        print: first.print,
        score: first.cosine,
        margin,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn compared() -> impl Strategy<Value = Vec<Compared>> {
        // Few people and few cosines, so that much is alike.
        let one = (
            0..4_u128,
            prop_oneof![Just(0.5), Just(0.8), Just(0.9), -1.0..1.0_f64],
        );
        proptest::collection::vec(one, 0..12).prop_map(|all| {
            let read = |(at, (person, cosine)): (usize, (u128, f64))| Compared {
                print: PrintId(Uuid::from_u128(at as u128 + 100)),
                person: PersonId(Uuid::from_u128(person + 1)),
                cosine,
            };
            all.into_iter().enumerate().map(read).collect()
        })
    }

    fn bounds() -> impl Strategy<Value = Bounds> {
        let threshold = prop_oneof![Just(0.8), 0.0..1.0_f64];
        let margin = prop_oneof![Just(0.0), Just(0.1), 0.0..0.5_f64];
        (threshold, margin).prop_map(|(threshold, margin)| Bounds { threshold, margin })
    }

    /// The same rule in another way: a person is it who is near enough, and of whom everybody else is far enough behind.
    fn is_it(all: &[Compared], person: PersonId, bounds: Bounds) -> bool {
        let own = all.iter().filter(|one| one.person == person);
        own.clone().any(|one| {
            one.cosine >= bounds.threshold
                && all
                    .iter()
                    .filter(|other| other.person != person)
                    .all(|other| one.cosine > other.cosine && one.cosine - other.cosine >= bounds.margin)
        })
    }

    proptest! {
        #[test]
        fn the_order_of_prints_does_not_matter(
            (all, shuffled) in compared().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())), bounds in bounds()
        ) {
            prop_assert_eq!(judge(&all, bounds), judge(&shuffled, bounds));
        }

        #[test]
        fn it_is_the_one_person_who_is_near_enough_and_ahead_of_all_others(all in compared(), bounds in bounds()) {
            let people: std::collections::BTreeSet<PersonId> = all.iter().map(|one| one.person).collect();
            let right: Vec<PersonId> = people.into_iter().filter(|person| is_it(&all, *person, bounds)).collect();
            let found = judge(&all, bounds);
            prop_assert_eq!(found.map(|found| found.person).into_iter().collect::<Vec<_>>(), right);
            if let Some(found) = found {
                prop_assert!(found.score >= bounds.threshold);
                prop_assert!(all.iter().any(|one| one.print == found.print && one.person == found.person
                    && (one.cosine - found.score).abs() < f64::EPSILON));
                prop_assert!(found.margin.is_none_or(|margin| margin > 0.0 && margin >= bounds.margin));
            }
        }

        #[test]
        fn more_prints_of_the_same_person_never_make_them_another(all in compared(), bounds in bounds(), more in -1.0..1.0_f64) {
            if let Some(found) = judge(&all, bounds) {
                let mut all = all;
                all.push(Compared { print: PrintId(Uuid::from_u128(999)), person: found.person, cosine: more });
                prop_assert_eq!(judge(&all, bounds).map(|again| again.person), Some(found.person));
            }
        }
    }

    #[test]
    fn what_is_no_number_is_nobody() {
        let one = |cosine| Compared {
            print: PrintId(Uuid::from_u128(1)),
            person: PersonId(Uuid::from_u128(2)),
            cosine,
        };
        let bounds = Bounds {
            threshold: 0.5,
            margin: 0.0,
        };
        assert_eq!(judge(&[one(f64::NAN), one(f64::INFINITY)], bounds), None);
        assert_eq!(judge(&[], bounds), None);
    }
}
