//! Which memories commit by themselves.

use super::Tier;
use crate::identity::Trust;

/// The confidence from which a memory of the household needs no person.
pub const CONFIDENT: f32 = 0.8;

/// Episodic ones always; the rest when confidence is high and the source is the household or the owner; content from
/// outside waits for a person (DESIGN 11).
#[must_use]
pub fn commits_by_itself(tier: Tier, confidence: f32, trust: Trust) -> bool {
    match tier {
        Tier::Episodic => true,
        // What is allowed is never learnt without a person.
        Tier::Policy => false,
        _ => confidence >= CONFIDENT && trust >= Trust::Household,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_from_outside_never_becomes_a_fact_by_itself() {
        for tier in Tier::ALL.into_iter().filter(|tier| *tier != Tier::Episodic) {
            assert!(!commits_by_itself(tier, 1.0, Trust::Outside));
            assert!(!commits_by_itself(tier, 1.0, Trust::Guest));
        }
    }

    #[test]
    fn a_policy_is_never_learnt_by_itself() {
        assert!(!commits_by_itself(Tier::Policy, 1.0, Trust::Owner));
    }
}
