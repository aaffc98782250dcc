//! Forgetting something, with all that came of it, in one unit of work: from its commit on nobody can read it.

use serde_json::json;
use uuid::Uuid;

use super::{Counts, Erasure, SCRUBBED_WITHIN, Target};
use crate::{
    actions,
    artifacts::delete::delete,
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    identity::Caller,
    ids::{ArtifactId, ErasureId, PersonId, TurnId},
    mailbox,
    memory::recall::words_of,
    people, recognition,
    storage::{Reach, Ring, Tx},
    turns::{TurnState, fail},
};

/// Why a turn ended that has nothing left to run on.
const FORGOTTEN: &str = "forgotten";
/// Ids that one event names at most.
const MOST_NAMED: usize = 100;

/// Forgets for a caller, who may see it. Again changes nothing, and answers the same.
pub async fn forget(tx: &mut Tx, caller: &Caller, target: Target) -> Result<Erasure> {
    let Some(found) = tx.erasures().find_target(target, caller).await? else {
        let missing = Error::NotFound { what: target.kind() };
        return tx.erasures().of(target).await?.ok_or(missing);
    };
    if found.is_erased
        && let Some(done) = tx.erasures().of(target).await?
    {
        return Ok(done);
    }
    if !found.is_forgettable {
        return Err(unforgettable(target));
    }
    may_forget(caller, found.audience, found.is_own)?;
    let mut reach = Reach::default();
    begin(tx, target, &mut reach).await?;
    carry_out(tx, target, found.audience, reach).await
}

fn unforgettable(target: Target) -> Error {
    match target {
        Target::Person(_) => Error::conflict(
            "has_login",
            "whoever has a login here is only forgotten by themself, or once they have left",
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

async fn begin(tx: &mut Tx, target: Target, reach: &mut Reach) -> Result<()> {
    match target {
        Target::Memory { id, keeps_sources } => {
            reach.memories.insert(id.0);
            if !keeps_sources {
                tx.erasures().add_sources(reach).await?;
            }
        }
        Target::Event(id) => tx.erasures().add_event(reach, id.0).await?,
        Target::Session(id) => {
            tx.sessions().close(id).await?;
            tx.erasures().add_session(reach, id.0).await?;
        }
        Target::Person(id) => {
            for session in tx.erasures().sessions_of(id).await? {
                tx.sessions().close(session).await?;
            }
            tx.erasures().add_person(reach, id).await?;
        }
        // Nobody asks for that: a withdrawal says what it takes back (`forget_remembered`).
        Target::Consent(_) => {}
    }
    Ok(())
}

/// Finds all that came of it, stops what has not ended, and takes the content out.
pub(super) async fn carry_out(
    tx: &mut Tx,
    target: Target,
    audience: Option<PersonId>,
    mut reach: Reach,
) -> Result<Erasure> {
    let language = tx.identity().agent_brief().await?.language;
    let words = words_of(&language);
    let seen = tx.events().end().await?;
    tx.erasures().grow(&mut reach, words).await?;
    stop(tx, &reach).await?;
    // From here on nothing is added to the agent's log. What came meanwhile is found now; everything that comes is in the log.
    let head = tx.take_head().await?;
    if (head.epoch, head.position) != (seen.epoch, seen.position) {
        let before = reach.clone();
        tx.erasures().grow(&mut reach, words).await?;
        if reach != before {
            stop(tx, &reach).await?;
        }
    }
    stop_readers(tx, &reach).await?;
    let erasure = Erasure {
        id: ErasureId::mint(),
        target_kind: target.kind().to_owned(),
        target_id: target.id(),
        counts: Counts::default(),
        erased_at: tx.now(),
        scrub_by: tx.now() + SCRUBBED_WITHIN,
        scrubbed_at: None,
        wal: None,
    };
    let erasure = Erasure {
        counts: erase(tx, target, &reach, erasure.id).await?,
        ..erasure
    };
    tx.erasures().insert(&erasure, audience).await?;
    tell(tx, &reach, &erasure, audience).await?;
    if let Target::Person(id) = target {
        let elsewhere = tx.places().elsewhere().await?;
        tx.append(people::changed(id, elsewhere));
    }
    record(tx, target, &erasure);
    remove_artifacts(tx, &reach).await?;
    Ok(erasure)
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

async fn erase(tx: &mut Tx, target: Target, reach: &Reach, erasure: ErasureId) -> Result<Counts> {
    let events: Vec<Uuid> = reach.events.iter().copied().collect();
    let mut erasures = tx.erasures();
    // Their names stand in the answers of who made them known or merged them.
    let people = match target {
        Target::Person(id) => erasures.names_of(id).await?,
        _ => Vec::new(),
    };
    let answers = erasures.erase_answers(reach, &people).await?;
    let events = erasures.erase_events(&events).await?;
    let turns = erasures.erase_turns(reach).await?;
    let actions = erasures.erase_actions(reach).await?;
    let commands = erasures.erase_commands(reach).await?;
    let (memories, candidates, embeddings) = erasures.erase_memories(reach, erasure).await?;
    let (people, shadows) = match target {
        Target::Person(id) => erasures.erase_person(id).await?,
        _ => (0, 0),
    };
    let recognised = match target {
        Target::Person(id) => recognition::erase::all_of(tx, id).await?,
        _ => recognition::erase::Erased::default(),
    };
    Ok(Counts {
        prints: recognised.prints,
        sightings: recognised.sightings,
        people,
        shadows,
        events,
        memories,
        candidates,
        embeddings,
        turns,
        actions,
        commands,
        artifacts: reach.artifacts.len() as u64,
        answers,
    })
}

/// Tells whoever watches what is not there any more.
async fn tell(tx: &mut Tx, reach: &Reach, erasure: &Erasure, audience: Option<PersonId>) -> Result<()> {
    let place = Place {
        audience,
        ..Place::in_space(tx.places().elsewhere().await?)
    };
    let gone = [
        (EventKind::EventForgotten, "event_ids", &reach.events),
        (EventKind::MemoryForgotten, "memory_ids", &reach.memories),
    ];
    for (kind, key, ids) in gone {
        let ids: Vec<Uuid> = ids.iter().copied().collect();
        for some in ids.chunks(MOST_NAMED) {
            let said = json!({"erasure_id": erasure.id, key: some});
            tx.append(NewEvent::by_hub(kind.clone(), place, said));
        }
    }
    Ok(())
}

fn record(tx: &mut Tx, target: Target, erasure: &Erasure) {
    let record = match target {
        Target::Memory { .. } => Record::of("forget_memory"),
        Target::Event(_) => Record::of("forget_event"),
        Target::Session(_) => Record::of("forget_session"),
        Target::Person(_) => Record::of("forget_person"),
        Target::Consent(_) => Record::of("forget_remembered"),
    };
    let counts = serde_json::to_value(erasure.counts).unwrap_or_default();
    tx.record(
        record
            .on(target.kind(), target.id())
            .with("erasure_id", erasure.id.to_string())
            .with("counts", counts),
    );
}

/// Nobody can read them from the commit on; their bytes go with the next sweep.
async fn remove_artifacts(tx: &mut Tx, reach: &Reach) -> Result<()> {
    for id in &reach.artifacts {
        delete(tx, ArtifactId(*id)).await?;
    }
    Ok(())
}
