//! Forgetting what was remembered by grants that are taken back (DESIGN, law 9). What was said stays where it was said.

use super::{
    Target,
    forget::{Task, carry_out, find},
};
use crate::{
    consents::Consent,
    error::{Error, Result},
    ids::{ConsentId, PersonId},
    storage::{Reach, Tx},
};

/// Portions at most: each holds thousands of memories.
const MOST_PORTIONS: usize = 1_000;

/// Forgets what was remembered by these grants, and what was to be, whosever it is: the unit of work sees everyone's things. Whoever
/// takes them back has written that down, so that from the agent's head on nothing is remembered by them.
///
/// In portions, so that no one has too much remembered to take it back. The agent is held.
pub async fn forget_remembered(tx: &mut Tx, withdrawal: &Consent, grants: &[ConsentId]) -> Result<()> {
    if !is_any_left(tx, grants).await? {
        tx.take_head().await?;
        if !is_any_left(tx, grants).await? {
            return Ok(());
        }
    }
    let task = Task {
        target: Target::Consent(withdrawal.id),
        grants,
        withdrawers: &[withdrawal.person_id],
        audience: None,
        is_own: false,
        guest: None,
    };
    for _ in 0..MOST_PORTIONS {
        carry_out(tx, task).await?;
        if !is_any_left(tx, grants).await? {
            return Ok(());
        }
    }
    Err(Error::internal("what was remembered does not go"))
}

/// What forgetting will take that hangs on these grants, for whoever holds it before. Who takes them back is known by all these ids.
pub async fn remembered(tx: &mut Tx, grants: &[ConsentId], withdrawers: &[PersonId]) -> Result<Reach> {
    let task = Task {
        // None is written down yet: what is meant is found by the grants.
        target: Target::Consent(ConsentId::mint()),
        grants,
        withdrawers,
        audience: None,
        is_own: false,
        guest: None,
    };
    let mut reach = Reach::default();
    find(tx, task, &mut reach).await?;
    Ok(reach)
}

/// Whether anything was remembered by these grants, or is to be.
pub async fn is_any_left(tx: &mut Tx, grants: &[ConsentId]) -> Result<bool> {
    let mut reach = Reach::default();
    tx.erasures().add_remembered_by(&mut reach, grants).await?;
    Ok(reach != Reach::default())
}
