//! Forgetting something, with all that came of it, in one unit of work: from its commit on nobody can read it.

use super::{
    Erasure, Forgotten, Target,
    erase::{Part, erase},
};
use crate::{
    actions,
    error::{Error, Result},
    identity::{Caller, authorize::only_signed_in},
    ids::{ConsentId, PersonId, TurnId},
    mailbox,
    memory::recall::words_of,
    people,
    storage::{Reach, Ring, Tx},
    turns::{TurnState, fail},
};

/// Why a turn ended that has nothing left to run on.
const FORGOTTEN: &str = "forgotten";

/// What is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    /// What is named.
    pub(super) target: Target,
    /// Of a withdrawal: the grants that it takes back.
    pub(super) grants: &'a [ConsentId],
    /// And who takes them back, by all their ids: of what is somebody else's alone only what was remembered by them goes.
    pub(super) withdrawers: &'a [PersonId],
    /// Whose that is; none: the household's.
    pub(super) audience: Option<PersonId>,
    /// Whether it is the caller's own.
    pub(super) is_own: bool,
    /// Somebody who sees nothing but their own, and is answered with what went of that, also where it is nothing.
    pub(super) guest: Option<PersonId>,
}

/// Forgets for a caller, who may see it. Again changes nothing, and answers the same.
pub async fn forget(tx: &mut Tx, caller: &Caller, target: Target) -> Result<Forgotten> {
    // Before all else, as whoever merges does.
    tx.identity().hold_agent().await?;
    let Some(found) = tx.erasures().find_target(target, caller).await? else {
        let missing = Error::NotFound { what: target.kind() };
        return earlier(tx, caller, target).await?.ok_or(missing);
    };
    if found.is_erased
        && let Some(done) = earlier(tx, caller, target).await?
    {
        return Ok(done);
    }
    if !found.is_forgettable {
        return Err(unforgettable(target));
    }
    may_forget(caller, found.audience, found.is_own)?;
    if let Target::Person(id) = target
        && !found.is_own
    {
        // Nor takes any program their names from them, by which a room knows them.
        let belongings = tx.people().belongings(&[id]).await?;
        if belongings.get(&id).is_some_and(|is| is.has_account()) {
            only_signed_in(caller)?;
        }
    }
    end_talk(tx, target).await?;
    let task = Task {
        target,
        grants: &[],
        withdrawers: &[],
        audience: found.audience,
        is_own: found.is_own,
        guest: caller.person().filter(|_| !caller.sees_the_household()),
    };
    let parts = carry_out(tx, task).await?;
    let is_shown = |part: &Part| match part.audience {
        None => caller.sees_the_household(),
        whose => whose == caller.person(),
    };
    let done = parts.into_iter().filter(is_shown).map(|part| part.erasure);
    forgotten(done).ok_or_else(|| Error::internal("something was forgotten without a receipt"))
}

/// The receipts of the last time, those that the caller may see.
async fn earlier(tx: &mut Tx, caller: &Caller, target: Target) -> Result<Option<Forgotten>> {
    let done = tx.erasures().of(target, caller).await?;
    Ok(forgotten(done.into_iter()))
}

fn forgotten(mut done: impl Iterator<Item = Erasure>) -> Option<Forgotten> {
    Some(Forgotten {
        erasure: done.next()?,
        beside: done.collect(),
    })
}

fn unforgettable(target: Target) -> Error {
    match target {
        Target::Person(_) => Error::conflict(
            "has_login",
            "whoever has a login here is only forgotten by themself, or once they have left or are blocked",
        ),
        _ => Error::conflict(
            "nothing_to_forget",
            "this says what the hub did, and holds nothing that anybody said",
        ),
    }
}

/// What is private is only seen by whose it is. What is the household's goes by who runs the household, or who said it.
fn may_forget(caller: &Caller, audience: Option<PersonId>, is_own: bool) -> Result<()> {
    if audience.is_some() || is_own || caller.runs_the_household() {
        return Ok(());
    }
    // As an admin: somebody else's words, which are the household's.
    let scope = "erasures:write as an admin, for it is the household's";
    Err(Error::Forbidden { scope })
}

/// Closes the sessions that go whole: what is said next begins another.
async fn end_talk(tx: &mut Tx, target: Target) -> Result<()> {
    let sessions = match target {
        Target::Session(id) => vec![id],
        Target::Person(id) => tx.erasures().sessions_of(id).await?,
        Target::Memory { .. } | Target::Event(_) | Target::Consent(_) => Vec::new(),
    };
    for session in sessions {
        tx.sessions().close(session).await?;
    }
    Ok(())
}

/// Adds what is meant, as it is there now.
async fn collect(tx: &mut Tx, task: Task<'_>, reach: &mut Reach) -> Result<()> {
    let mut erasures = tx.erasures();
    match task.target {
        Target::Memory { id, keeps_sources } => {
            reach.memories.insert(id.0);
            if !keeps_sources {
                erasures.add_sources(reach).await?;
            }
            Ok(())
        }
        Target::Event(id) => erasures.add_event(reach, id.0).await,
        Target::Session(id) => erasures.add_session(reach, id.0).await,
        Target::Person(id) => erasures.add_person(reach, id).await,
        Target::Consent(_) => erasures.add_remembered_by(reach, task.grants).await,
    }
}

/// Finds what is meant and all that came of it, stops what has not ended, and takes the content out. The agent is held.
pub(super) async fn carry_out(tx: &mut Tx, task: Task<'_>) -> Result<Vec<Part>> {
    let mut reach = Reach::default();
    find(tx, task, &mut reach).await?;
    tx.erasures().hold(&reach, None).await?;
    stop(tx, &reach).await?;
    // From here on nothing is added to the agent's logs. What came meanwhile is found now, also what was said, sent and announced meanwhile
    // by whoever is meant.
    tx.take_head().await?;
    let before = reach.clone();
    find(tx, task, &mut reach).await?;
    if reach != before {
        stop(tx, &reach).await?;
    }
    stop_readers(tx, &reach).await?;
    let parts = erase(tx, task, &reach).await?;
    if let Target::Person(id) = task.target {
        let elsewhere = tx.places().elsewhere().await?;
        tx.append(people::changed(id, elsewhere));
    }
    Ok(parts)
}

/// What is meant, and all that came of it.
pub(super) async fn find(tx: &mut Tx, task: Task<'_>, reach: &mut Reach) -> Result<()> {
    let language = tx.identity().agent_brief().await?.language;
    let words = words_of(&language);
    collect(tx, task, reach).await?;
    if task.withdrawers.is_empty() {
        return tx.erasures().grow(reach, words).await;
    }
    // What was remembered goes, whosever it is, and in all its versions. What others were told of it, and did by it, is theirs.
    let mut remembered = Reach::default();
    collect(tx, task, &mut remembered).await?;
    tx.erasures().add_versions(&mut remembered).await?;
    tx.erasures().grow(reach, words).await?;
    let others = tx.erasures().split(reach).await?;
    let others = others
        .into_iter()
        .filter(|(whose, _)| whose.is_some_and(|person| !task.withdrawers.contains(&person)));
    for (_, theirs) in others {
        reach.remove_but(&theirs, &remembered);
    }
    Ok(())
}

/// Ends what waits or is under way, as far as that can be.
async fn stop(tx: &mut Tx, reach: &Reach) -> Result<()> {
    for (turn, is_empty) in tx.erasures().hold_turns(reach).await? {
        let row = tx.turns().row(turn).await?;
        if let Some(row) = row.filter(|_| is_empty) {
            fail::end(tx, &row, TurnState::Skipped, FORGOTTEN).await?;
        } else {
            begin_anew(tx, turn).await?;
        }
    }
    let (commands, proposals) = tx.erasures().open_of(reach).await?;
    for (device, command) in commands {
        mailbox::forget::withdraw(tx, device, command).await?;
    }
    for action in proposals {
        actions::forget::withdraw(tx, action).await?;
    }
    Ok(())
}

/// Has those think again that have begun to read any of it since. The head row was taken: whoever reads it from here on waits for that,
/// and finds that it is gone (`turns::fence`).
pub async fn stop_readers(tx: &mut Tx, reach: &Reach) -> Result<()> {
    for turn in tx.erasures().hold_late_readers(reach).await? {
        begin_anew(tx, turn).await?;
    }
    Ok(())
}

/// Has a turn think again, and tells whoever follows it and whoever runs it.
async fn begin_anew(tx: &mut Tx, turn: TurnId) -> Result<()> {
    tx.erasures().begin_anew(turn).await?;
    tx.ring(Ring::Turn(turn));
    Ok(())
}
