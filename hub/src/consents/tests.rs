//! Whether a grant is in force, on histories of every shape, beside a rule that is written another way.

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::{Clock, SystemClock};

/// What happens to one person, for one purpose. Few values, so that much meets.
#[derive(Debug, Clone)]
enum Step {
    Grant {
        space: Option<u8>,
        device: Option<u8>,
        starts: i64,
        ends: Option<i64>,
    },
    /// Of the grant of this place among the steps, if it is one.
    WithdrawOne(usize),
    WithdrawAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let grants = (
        proptest::option::of(0..2_u8),
        proptest::option::of(0..2_u8),
        0..6_i64,
        proptest::option::of(1..6_i64),
    );
    let grants = grants.prop_map(|(space, device, starts, lasts)| Step::Grant {
        space,
        device,
        starts,
        ends: lasts.map(|lasts| starts + lasts),
    });
    let step = prop_oneof![
        4 => grants,
        2 => (0..12_usize).prop_map(Step::WithdrawOne),
        1 => Just(Step::WithdrawAll),
    ];
    proptest::collection::vec(step, 0..12)
}

fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

/// The steps as rows, and the time at which they count from.
fn history(steps: &[Step]) -> (Vec<Consent>, DateTime) {
    let start = SystemClock.now();
    let at = |minutes: i64| start + TimeDelta::minutes(minutes);
    let row = |decision| Consent {
        id: ConsentId::mint(),
        person_id: PersonId(id(7)),
        purpose: ConsentPurpose::Voice,
        decision,
        space_id: None,
        device_id: None,
        starts_at: start,
        expires_at: None,
        withdraws_id: None,
        evidence_kind: EvidenceKind::OwnWord,
        evidence: None,
        given_by_user_id: UserId(id(8)),
        request_id: None,
        created_at: start,
    };
    let mut rows: Vec<Consent> = Vec::new();
    for step in steps {
        rows.push(match step {
            Step::Grant {
                space,
                device,
                starts,
                ends,
            } => Consent {
                space_id: space.map(|number| SpaceId(id(number))),
                device_id: device.map(|number| DeviceId(id(number))),
                starts_at: at(*starts),
                expires_at: ends.map(at),
                ..row(Decision::Granted)
            },
            Step::WithdrawOne(place) => match rows.get(*place) {
                Some(grant) if grant.decision == Decision::Granted => Consent {
                    withdraws_id: Some(grant.id),
                    ..row(Decision::Withdrawn)
                },
                _ => continue,
            },
            Step::WithdrawAll => row(Decision::Withdrawn),
        });
    }
    (rows, start)
}

/// Whether any grant stands: none of the rows after it ends it, and each part of its scope fits.
fn stands(rows: &[Consent], of: &Use) -> bool {
    rows.iter().enumerate().any(|(place, grant)| {
        let is_ended = rows[place..].iter().any(|later| {
            later.decision == Decision::Withdrawn
                && (later.withdraws_id.is_none() || later.withdraws_id == Some(grant.id))
        });
        let is_there = match (grant.space_id, of.space) {
            (None, _) => true,
            (Some(only), Some(space)) => only == space,
            (Some(_), None) => false,
        };
        let is_it = match (grant.device_id, of.device) {
            (None, _) => true,
            (Some(only), Some(device)) => only == device,
            (Some(_), None) => false,
        };
        let is_now = of.at >= grant.starts_at && grant.expires_at.is_none_or(|end| end > of.at);
        grant.decision == Decision::Granted && !is_ended && is_there && is_it && is_now
    })
}

fn uses(start: DateTime) -> Vec<Use> {
    let mut all = Vec::new();
    for space in [None, Some(0), Some(1)] {
        for device in [None, Some(0), Some(1)] {
            // On every edge, and beside it.
            for second in (-60..720).step_by(30) {
                all.push(Use {
                    space: space.map(|number| SpaceId(id(number))),
                    device: device.map(|number| DeviceId(id(number))),
                    at: start + TimeDelta::seconds(second),
                });
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn a_grant_counts_where_and_while_it_says_until_it_is_withdrawn(steps in steps()) {
        let (rows, start) = history(&steps);
        for of in uses(start) {
            let found = standing(ConsentPurpose::Voice, &rows, &of);
            prop_assert_eq!(matches!(found, Standing::Granted(_)), stands(&rows, &of), "{:?}", of);
            if let Standing::Granted(grant) = found {
                let used = rows.iter().find(|row| row.id == grant).unwrap();
                prop_assert!(used.covers(&of), "a grant was used that does not cover {:?}", of);
            }
            prop_assert_ne!(found, Standing::ByDefault, "a voice needs a grant");
        }
    }

    /// What was taken back as a whole is not given back by what stood before.
    #[test]
    fn after_all_was_withdrawn_nothing_of_before_counts(steps in steps()) {
        let (mut rows, start) = history(&steps);
        let (end, _) = history(&[Step::WithdrawAll]);
        rows.extend(end);
        for of in uses(start) {
            for purpose in ConsentPurpose::ALL {
                prop_assert_eq!(standing(*purpose, &rows, &of), Standing::Refused);
            }
        }
    }

    /// To remember needs no grant until something of it was withdrawn; then it does.
    #[test]
    fn remembering_goes_on_until_it_is_withdrawn(steps in steps()) {
        let (rows, start) = history(&steps);
        let is_withdrawn = rows.iter().any(|row| row.decision == Decision::Withdrawn);
        for of in uses(start) {
            let found = standing(ConsentPurpose::Memory, &rows, &of);
            prop_assert_eq!(found != Standing::Refused, !is_withdrawn || stands(&rows, &of));
        }
    }
}

#[test]
fn nobody_who_said_nothing_has_allowed_anything_but_to_be_remembered() {
    let of = Use {
        space: None,
        device: None,
        at: SystemClock.now(),
    };
    let allowed: Vec<ConsentPurpose> = ConsentPurpose::ALL
        .iter()
        .copied()
        .filter(|purpose| standing(*purpose, &[], &of) != Standing::Refused)
        .collect();
    assert_eq!(allowed, [ConsentPurpose::Memory]);
}
