//! Taking out what goes, with a receipt for each audience: what was the household's is counted for the household, and what was
//! somebody's alone for them. Nobody is told of the other's: neither which things those were, nor how many.

use serde_json::json;
use uuid::Uuid;

use super::{Counts, Erasure, SCRUBBED_WITHIN, Target, forget::Task};
use crate::{
    artifacts::delete::delete,
    audit::record::Record,
    error::Result,
    events::{EventKind, NewEvent, Place},
    ids::{ArtifactId, ErasureId, PersonId},
    recognition,
    storage::{Reach, Tx},
};

/// Ids that one event names at most.
const MOST_NAMED: usize = 100;

/// What goes of one audience.
pub(super) struct Part {
    /// Whose it was; none: the household's.
    pub(super) audience: Option<PersonId>,
    /// Its receipt.
    pub(super) erasure: Erasure,
    reach: Reach,
}

/// Takes out all that is reached. The head row was taken. The first part is that of whoever could see what was named, which is there also
/// where nothing went, and so is a guest's own; the others, and those of a withdrawal, only where something did.
pub(super) async fn erase(tx: &mut Tx, task: Task<'_>, reach: &Reach) -> Result<Vec<Part>> {
    let mut parts = split(tx, task, reach).await?;
    // A memory that was shared has the candidate that it was, which stays whose it was: so these first, of all.
    for part in &mut parts {
        part.erasure.counts.candidates = tx.erasures().erase_candidates(&part.reach).await?;
    }
    for part in &mut parts {
        take_out(tx, task.target, part).await?;
        if let Target::Person(id) = task.target {
            erase_person(tx, id, task.is_own, part).await?;
        }
    }
    let is_answer =
        |part: &Part| part.audience == task.audience || task.guest.is_some() && part.audience == task.guest;
    let is_named = |part: &Part| task.target.is_named() && is_answer(part);
    parts.retain(|part| is_named(part) || part.erasure.counts != Counts::default());
    parts.reverse();
    for part in &parts {
        tx.erasures().insert(&part.erasure, part.audience).await?;
        tell(tx, part).await?;
        record(tx, task.target, &part.erasure);
    }
    for id in &reach.artifacts {
        // Nobody can read them from the commit on; their bytes go with the next sweep.
        delete(tx, ArtifactId(*id)).await?;
    }
    Ok(parts)
}

/// By whose it is. What was named comes last, so that its receipt is the newest of that thing.
async fn split(tx: &mut Tx, task: Task<'_>, reach: &Reach) -> Result<Vec<Part>> {
    let mut whose = tx.erasures().split(reach).await?;
    if let Target::Person(id) = task.target {
        // What hangs on them without being in reach: states of their devices, kept answers, prints.
        whose.entry(Some(id)).or_default();
    }
    let named = whose.remove(&task.audience).unwrap_or_default();
    let (now, all) = (tx.now(), whose.into_iter().chain([(task.audience, named)]));
    let part = |(audience, reach): (Option<PersonId>, Reach)| {
        let (target_kind, target_id) = called(task, audience, &reach);
        let erasure = Erasure {
            id: ErasureId::mint(),
            target_kind: target_kind.to_owned(),
            target_id,
            counts: Counts::default(),
            erased_at: now,
            scrub_by: now + SCRUBBED_WITHIN,
            scrubbed_at: None,
            wal: None,
        };
        Part {
            audience,
            erasure,
            reach,
        }
    };
    Ok(all.map(part).collect())
}

/// What a part was forgotten with. Others are not told what somebody forgot of their own: by its id they would know when that was. To
/// them it was the first of their things that went.
fn called(task: Task<'_>, audience: Option<PersonId>, reach: &Reach) -> (&'static str, Uuid) {
    let first = if task.audience.is_none() || task.audience == audience {
        None
    } else {
        let memory = reach.memories.first().map(|id| ("memory", *id));
        memory.or_else(|| reach.events.first().map(|id| ("event", *id)))
    };
    first.unwrap_or((task.target.kind(), task.target.id()))
}

async fn take_out(tx: &mut Tx, target: Target, part: &mut Part) -> Result<()> {
    let (reach, mut erasures) = (&part.reach, tx.erasures());
    // Their names stand in the answers of who made them known, merged or invited them.
    let people = match (target, part.audience) {
        (Target::Person(id), None) => erasures.known_by(id).await?,
        _ => Vec::new(),
    };
    let events: Vec<Uuid> = reach.events.iter().copied().collect();
    let counts = &mut part.erasure.counts;
    counts.answers = erasures.erase_answers(reach, &people).await?;
    counts.events = erasures.erase_events(&events).await?;
    counts.turns = erasures.erase_turns(reach).await?;
    counts.actions = erasures.erase_actions(reach).await?;
    counts.commands = erasures.erase_commands(reach).await?;
    (counts.memories, counts.embeddings) = erasures.erase_memories(reach, part.erasure.id).await?;
    counts.artifacts = reach.artifacts.len() as u64;
    Ok(())
}

/// Who they are, which the household knew; and what was their own. Of whom somebody else has forgotten, because they have no login, the
/// prints are counted for those who made them.
async fn erase_person(tx: &mut Tx, id: PersonId, is_own: bool, part: &mut Part) -> Result<()> {
    let counts = &mut part.erasure.counts;
    if part.audience.is_none() {
        counts.people = tx.erasures().erase_person(id).await?;
    }
    if part.audience == Some(id) {
        let (shadows, answers) = tx.erasures().erase_own(id).await?;
        counts.shadows = shadows;
        counts.answers += answers;
    }
    if part.audience == is_own.then_some(id) {
        let recognised = recognition::erase::all_of(tx, id).await?;
        counts.prints = recognised.prints;
        counts.sightings = recognised.sightings;
    }
    Ok(())
}

/// Tells whoever could see it what is not there any more.
async fn tell(tx: &mut Tx, part: &Part) -> Result<()> {
    let place = Place {
        audience: part.audience,
        ..Place::in_space(tx.places().elsewhere().await?)
    };
    let gone = [
        (EventKind::EventForgotten, "event_ids", &part.reach.events),
        (EventKind::MemoryForgotten, "memory_ids", &part.reach.memories),
    ];
    for (kind, key, ids) in gone {
        let ids: Vec<Uuid> = ids.iter().copied().collect();
        for some in ids.chunks(MOST_NAMED) {
            let said = json!({"erasure_id": part.erasure.id, key: some});
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
    let record = record
        .on(target.kind(), target.id())
        .with("erasure_id", erasure.id.to_string())
        .with("counts", counts);
    match target {
        // It comes of a withdrawal, whose own record stands before it and covers the events.
        Target::Consent(_) => tx.record_beside(record),
        _ => tx.record(record),
    }
}
