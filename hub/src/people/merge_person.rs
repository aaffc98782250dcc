//! Two people turn out to be one: what is the one's is the other's from then on.
//!
//! Whoever has a login sees, as a person, what is that person's alone. So a login moves, and somebody's consents change, by their
//! own word only; and nothing private goes to somebody who has a login from somebody who has none, for nobody can speak for them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{MAX_ALIASES, Person};
use crate::{
    audit::record::Record,
    consents::{ConsentPurpose, join},
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    identity::{Caller, Principal},
    ids::{PersonId, UserId},
    recognition::erase,
    storage::{HeldPerson, Ring, Tx},
};

/// Things that a merge moves at most: what one unit of work can hold while nobody else appends, as with forgetting.
const MOST_MOVED: i64 = 50_000;

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Merged {
    /// Who both are now.
    pub person: Person,
    /// What they had allowed, or by default may be done, and has to be granted anew: neither of the two allowed more than they did.
    pub ended_consents: Vec<ConsentPurpose>,
}

/// Both, held.
struct Pair {
    from: HeldPerson,
    into: HeldPerson,
}

/// Merges one into the other. Again changes nothing. The unit of work sees everyone's things.
pub async fn merge_person(tx: &mut Tx, caller: &Caller, from: PersonId, into: PersonId) -> Result<Merged> {
    let user = caller
        .user()
        .ok_or_else(|| Error::internal("a device merges nobody"))?;
    // Before all else, as whoever forgets does.
    tx.identity().hold_agent().await?;
    let Some(pair) = hold(tx, from, into).await? else {
        let person = tx.people().find(into).await?.ok_or(NOBODY)?;
        return Ok(Merged {
            person,
            ended_consents: Vec::new(),
        });
    };
    let person = pair.joined(tx)?;
    let ending = join::ending(tx, from, into).await?;
    let is_own = may_merge(tx, caller, &pair, &ending).await?;
    tx.people().redirect(from, into).await?;
    tx.people().update(&person).await?;
    let reach = join::reach(tx, from, into, &ending).await?;
    tx.erasures().hold(&reach, Some(from)).await?;
    stop(tx, from).await?;
    tx.people().move_held(from, into).await?;
    if tx.people().things_of(from, MOST_MOVED + 1).await? > MOST_MOVED {
        let detail =
            format!("the one who is merged has more than {MOST_MOVED} things: forget some of it first");
        return Err(Error::conflict("too_much", detail));
    }
    // First of the records, for it covers the events.
    let words: Vec<&str> = ending.iter().map(|purpose| purpose.as_str()).collect();
    tx.record(
        Record::of("merge_person")
            .on("person", from.0)
            .with("into_person_id", into.to_string())
            .with("ended_consents", words),
    );
    // Last of what is held: from here on nothing is appended. What was begun meanwhile moves, too.
    tx.take_head().await?;
    stop(tx, from).await?;
    tx.people().move_all(from, into).await?;
    join::end(tx, caller, join::speaker(into, user, is_own), &ending).await?;
    let elsewhere = tx.places().elsewhere().await?;
    let said = json!({"person_id": from, "into_person_id": into});
    tx.append(NewEvent::by_hub(
        EventKind::PersonMerged,
        Place::in_space(elsewhere),
        said,
    ));
    erase::merged(tx, from, into).await?;
    Ok(Merged {
        person: tx.people().find(into).await?.ok_or(NOBODY)?,
        ended_consents: ending,
    })
}

const NOBODY: Error = Error::NotFound { what: "person" };

/// Both, held in one order; none where the one is the other already.
async fn hold(tx: &mut Tx, from: PersonId, into: PersonId) -> Result<Option<Pair>> {
    if from == into {
        return Err(Error::invalid("/into", "is the same person"));
    }
    let mut held = tx.people().held(&[from, into]).await?;
    let mut take = |id| {
        let at = held.iter().position(|held| held.person.id == id)?;
        Some(held.swap_remove(at))
    };
    let one = take(from).ok_or(NOBODY)?;
    let other = take(into).ok_or_else(|| Error::invalid("/into", "is nobody whom the agent knows"))?;
    match (one.merged_into, other.merged_into) {
        (Some(now), None) if now == into => return Ok(None),
        (Some(now), _) | (None, Some(now)) => return Err(merged(now)),
        (None, None) => {}
    }
    if one.person.forgotten_at.is_some() || other.person.forgotten_at.is_some() {
        return Err(Error::conflict("forgotten", "one of them was forgotten"));
    }
    Ok(Some(Pair {
        from: one,
        into: other,
    }))
}

/// Somebody is another now.
pub(super) fn merged(now: PersonId) -> Error {
    Error::conflict("merged", format!("this person was merged into {now}"))
}

impl Pair {
    /// Who both are: called as before, and also as the other was.
    fn joined(&self, tx: &Tx) -> Result<Person> {
        let (from, into) = (&self.from.person, &self.into.person);
        let mut aliases = into.aliases.clone();
        for name in from.name.iter().chain(&from.aliases) {
            let is_same = |known: &String| known.trim().to_lowercase() == name.trim().to_lowercase();
            if !aliases.iter().chain(&into.name).any(is_same) {
                aliases.push(name.clone());
            }
        }
        if aliases.len() > MAX_ALIASES {
            let detail = format!(
                "together they would have {} other names, and {MAX_ALIASES} are kept: take some away first",
                aliases.len()
            );
            return Err(Error::conflict("too_many_names", detail));
        }
        Ok(Person {
            aliases,
            relationship: into.relationship.clone().or_else(|| from.relationship.clone()),
            updated_at: Some(tx.now()),
            ..into.clone()
        })
    }
}

/// Whether the caller may: as who runs the household, and with the word of whoever of the two has a login. Returns whether it is
/// their own.
async fn may_merge(tx: &mut Tx, caller: &Caller, pair: &Pair, ending: &[ConsentPurpose]) -> Result<bool> {
    let (from, into) = (&pair.from, &pair.into);
    if has_devices(tx, from).await? {
        let detail = "the one who is merged has devices of their own: revoke these first";
        return Err(Error::conflict("has_devices", detail));
    }
    let (with, without) = match (from.users.as_slice(), into.users.as_slice()) {
        ([], [])
            if has_devices(tx, into).await? && tx.people().has_private_things(from.person.id).await? =>
        {
            return Err(private_things());
        }
        ([], []) => return Ok(false),
        ([_, ..], [_, ..]) => {
            let detail = "each of them has a login of their own: people with two logins stay two";
            return Err(Error::conflict("two_logins", detail));
        }
        (users @ [_, ..], []) => (users, &into.person),
        ([], users) => (users, &from.person),
    };
    if tx.people().has_private_things(without.id).await? {
        return Err(private_things());
    }
    let is_own = is_word_of(caller, with);
    let needs_word = !from.users.is_empty() || !ending.is_empty();
    if needs_word && !is_own {
        let detail = if from.users.is_empty() {
            "this would end what they have allowed: only they can say that, or withdraw it before"
        } else {
            "the one who is merged has a login: only they can say that; or merge the other into them"
        };
        return Err(Error::conflict("needs_their_word", detail));
    }
    Ok(is_own)
}

async fn has_devices(tx: &mut Tx, of: &HeldPerson) -> Result<bool> {
    Ok(!tx.devices().personal_of(of.person.id).await?.is_empty())
}

fn private_things() -> Error {
    let detail = "one of them has things that are theirs alone, which the other, or their device, would see: they stay two";
    Error::conflict("private_things", detail)
}

/// Whether it is said by one of these users, and not by a program of theirs.
fn is_word_of(caller: &Caller, users: &[UserId]) -> bool {
    match &caller.principal {
        Principal::User {
            user, within: None, ..
        } => users.contains(user),
        Principal::User { .. } | Principal::Device { .. } | Principal::Delegate(_) => false,
    }
}

/// What runs for the one begins anew for the other, and their talk ends: what is said next begins another.
async fn stop(tx: &mut Tx, from: PersonId) -> Result<()> {
    for turn in tx.people().begin_turns_anew(from).await? {
        tx.ring(Ring::Turn(turn));
    }
    for (session, is_recorded) in tx.people().hold_open_sessions(from).await? {
        // It would be closed, and what is said next be recorded.
        if !is_recorded {
            let detail = "what the one who is merged says is not recorded now: end that first";
            return Err(Error::conflict("not_recorded", detail));
        }
        tx.sessions().close(session).await?;
    }
    Ok(())
}
