//! Whose consents somebody may see, and speak for. Everybody sees and says their own. Whoever runs the household sees those of all,
//! for they have to know what stands, and writes down what somebody without a login has said. For another user nobody grants, ever;
//! and whoever can come in takes back by themself what they gave. Who left or is blocked cannot, so who runs the household does.

use super::{Decision, EvidenceKind};
use crate::{
    error::{Error, Result},
    identity::{Caller, Principal},
    ids::{PersonId, UserId},
    storage::Tx,
};

/// Who is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own.
    Own,
    /// This person's.
    Of(PersonId),
}

/// A person for whom the caller may speak.
#[derive(Debug, Clone, Copy)]
pub struct Speaker {
    /// The person.
    pub person: PersonId,
    /// The user who says it.
    pub user: UserId,
    /// In their own name, or for somebody.
    pub evidence: EvidenceKind,
}

const NOBODY: Error = Error::NotFound { what: "person" };

/// The person whose consents the caller may see.
pub async fn seen(tx: &mut Tx, caller: &Caller, whose: Whose) -> Result<PersonId> {
    let person = named(caller, whose)?;
    if caller.person() == Some(person) {
        return Ok(person);
    }
    match tx.people().belonging(person).await? {
        Some(_) if caller.runs_the_household() => Ok(person),
        _ => Err(NOBODY),
    }
}

/// The person for whom the caller decides, held until the unit of work ends: their history goes on one by one.
pub async fn speaks_for(tx: &mut Tx, caller: &Caller, whose: Whose, what: Decision) -> Result<Speaker> {
    let person = seen(tx, caller, whose).await?;
    let Principal::User { user, .. } = caller.principal else {
        return Err(NOBODY);
    };
    let evidence = if caller.person() == Some(person) {
        EvidenceKind::OwnWord
    } else {
        EvidenceKind::RecordedBy
    };
    tx.people().lock(person).await?;
    // The history of who was merged goes on no more.
    if tx.people().is_now(person).await? != person {
        return Err(NOBODY);
    }
    let belonging = tx.people().belonging(person).await?.ok_or(NOBODY)?;
    let is_theirs_alone = match what {
        Decision::Granted => belonging.has_account(),
        Decision::Withdrawn => belonging.has_own_login(),
    };
    if evidence == EvidenceKind::RecordedBy && is_theirs_alone {
        let detail = "they have a login of their own: only they can say that";
        return Err(Error::conflict("has_login", detail));
    }
    Ok(Speaker {
        person,
        user,
        evidence,
    })
}

fn named(caller: &Caller, whose: Whose) -> Result<PersonId> {
    match whose {
        Whose::Of(person) => Ok(person),
        Whose::Own => caller.person().ok_or(NOBODY),
    }
}
