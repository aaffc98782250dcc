//! Changing what somebody is called, and what they are to the household.
//!
//! By what somebody is called their words are known as theirs, and so what they allow is asked of them. So no program changes what
//! somebody with a login is called. And who has taken something back, or is blocked, is not made nobody by anybody but themself, or the
//! owner: a household has to be able to mend what it got wrong, and most who live there may not change people at all.

use super::{
    Person, PersonChange, belonging::Belonging, changed, check, make_sure_it_is_free, merge_person::merged,
    plain,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    identity::{Caller, Principal, Role, authorize::only_signed_in},
    ids::{PersonId, UserId},
    storage::Tx,
};

/// What somebody is called from now on that they were not, and what not any more.
struct Names {
    added: Vec<String>,
    removed: Vec<String>,
}

/// Changes it. Who was forgotten stays so.
pub async fn update_person(
    tx: &mut Tx,
    caller: &Caller,
    id: PersonId,
    change: PersonChange,
) -> Result<Person> {
    check(&change)?;
    // Before the head, as everywhere.
    let held = tx.people().held(&[id]).await?.pop();
    let held = held.ok_or(Error::NotFound { what: "person" })?;
    if let Some(now) = held.merged_into {
        return Err(merged(now));
    }
    tx.take_head().await?;
    let before = held.person;
    if before.forgotten_at.is_some() {
        return Err(Error::conflict("forgotten", "this person was forgotten"));
    }
    let person = Person {
        name: change
            .name
            .map(|name| name.trim().to_owned())
            .or(before.name.clone()),
        aliases: change.aliases.unwrap_or(before.aliases.clone()),
        relationship: change.relationship.or(before.relationship.clone()),
        updated_at: Some(tx.now()),
        ..before
    };
    let names = Names::between(&before, &person);
    may_rename(tx, caller, (id, &held.users), &names).await?;
    let known = tx.people().known().await?;
    make_sure_it_is_free(&known, id, &names.added)?;
    tx.people().update(&person).await?;
    let elsewhere = tx.places().elsewhere().await?;
    tx.append(changed(id, elsewhere));
    tx.record(
        Record::of("update_person")
            .on("person", id.0)
            .with("added_names", names.added.len())
            .with("removed_names", names.removed.len()),
    );
    Ok(person)
}

impl Names {
    fn between(before: &Person, after: &Person) -> Self {
        let (old, new) = (names_of(before), names_of(after));
        let without = |these: &[String], others: &[String]| {
            let is_other = |name: &&String| !others.iter().any(|other| plain(other) == plain(name));
            these.iter().filter(is_other).cloned().collect()
        };
        Self {
            added: without(&new, &old),
            removed: without(&old, &new),
        }
    }
}

fn names_of(person: &Person) -> Vec<String> {
    person.name.iter().chain(&person.aliases).cloned().collect()
}

/// Whether the caller may change names: see above.
async fn may_rename(
    tx: &mut Tx,
    caller: &Caller,
    (id, users): (PersonId, &[UserId]),
    names: &Names,
) -> Result<()> {
    if names.added.is_empty() && names.removed.is_empty() {
        return Ok(());
    }
    let belonging = tx.people().belonging(id).await?.unwrap_or(Belonging::NoLogin);
    if belonging.has_account() {
        only_signed_in(caller)?;
    }
    if names.removed.is_empty() || is_word_of(caller, users) {
        return Ok(());
    }
    if belonging == Belonging::As(Role::Blocked) || tx.consents().is_any_withdrawn(id).await? {
        let detail = "by what they are called it is known what they have not allowed, or that they are blocked: \
                      they themself take it away, or the owner, signed in";
        return Err(Error::conflict("needs_their_word", detail));
    }
    Ok(())
}

/// Whether one of these users says it, or the owner, and no program of theirs.
fn is_word_of(caller: &Caller, users: &[UserId]) -> bool {
    match &caller.principal {
        Principal::User {
            user,
            role,
            within: None,
            ..
        } => users.contains(user) || *role == Role::Owner,
        Principal::User { .. } | Principal::Device { .. } | Principal::Delegate(_) => false,
    }
}
