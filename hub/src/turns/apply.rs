//! The outcome of a turn commits in one transaction: reply, delivery, memories, proposals, the turn and its job.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Block,
    context::TurnContext,
    fence::stands,
    frame::FrameKind,
    live::LookedUp,
    plain_text,
    runtime::{Basis, Thought},
};
use crate::{
    actions::propose::{Proposer, propose},
    audit::record::Record,
    devices::REPLY,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place, Source},
    hub::Hub,
    identity::{ActorKind, Trust},
    ids::{ConsentId, EventId},
    mailbox::{
        REPLY_LIFE,
        send::{Outgoing, send},
    },
    memory::{
        commit::{MemoryProposal, Origin, keep},
        permission::{Permission, Speakers},
        recall::words_of,
    },
    places::{
        Closed,
        gate::{Matter, closed},
    },
    storage::{Lease, Ring, TurnRow, Tx},
};

/// Characters of a reply that a device is given: at most 16 KiB in any script, well within a command's arguments.
const MAX_SPOKEN: usize = 4_000;

/// What a turn came to, and from what.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// What it was given.
    pub context: &'a TurnContext,
    /// What it thought.
    pub thought: Thought,
    /// The memories that it looked up on the way.
    pub looked_up: LookedUp,
}

/// What became of a thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is all there.
    Planned,
    /// Nothing of it was kept: the space went private while the agent thought, or the session was switched off.
    Discarded(Closed),
    /// Nothing of it was kept: the turn was ended meanwhile, or what it came from was forgotten.
    Over,
}

/// Writes what a turn came to. The lease's fencing token is checked, so a turn is applied at most once.
pub async fn apply(
    hub: &Hub,
    mut tx: Tx,
    lease: &Lease,
    turn: &TurnRow,
    Outcome {
        context,
        thought,
        looked_up,
    }: Outcome<'_>,
) -> Result<Applied> {
    // First, so that a holder whose lease was lost is told so, and not what else its late answer would have met.
    tx.jobs().finish(lease).await?;
    // Whoever switches a space off ends what runs there; whoever forgets what a turn runs on ends it, or has it begin anew.
    if !tx.turn_stream().hold(turn.id, lease).await? {
        return Ok(Applied::Over);
    }
    let place = place(turn, context);
    let inputs = context.inputs();
    let trust = match thought.basis {
        Basis::AllRead => looked_up.trust.into_iter().fold(context.trust(), Trust::min),
        Basis::Inputs => context.trust_of_inputs(),
    };
    let words = words_of(&context.agent.language);
    let permissions = permissions(&mut tx, turn, context, &thought).await?;
    let origin = Origin {
        turn: turn.id,
        session: turn.session,
        place,
        trust,
        inputs: &inputs,
        words,
        embeds: hub.embeddings.model().is_some(),
        consents: &[],
    };
    let record = Record::of("run_turn")
        .on("turn", turn.id.0)
        .with("runtime", context.runtime);
    let mut record = remember(&mut tx, origin, thought.memories.iter().zip(&permissions), record).await?;
    let proposer = Proposer { turn, place, trust };
    for proposal in &thought.actions {
        record = propose(&mut tx, proposer, proposal, record).await?;
    }
    let reply = reply(&mut tx, turn, place, trust, &thought.reply).await?;
    tx.turns().plan(turn.id, lease, reply, &thought.usage).await?;
    let end = FrameKind::Completed;
    tx.turn_stream().add(turn.id, turn.audience, end, None).await?;
    tx.record(record.with("actions", thought.actions.len()));
    tx.ring(Ring::Turn(turn.id));
    // Last, since the head row is the last that anyone takes: from here on the mode does not change before the commit.
    tx.take_head().await?;
    if let Some(why) = closed(&mut tx, Matter::of_turn(turn)).await? {
        return Ok(Applied::Discarded(why));
    }
    // Somebody may have changed their mind in this moment: then it is thought over again.
    if self::permissions(&mut tx, turn, context, &thought).await? != permissions {
        return Err(Error::Unavailable {
            what: "a consent that did not change meanwhile",
            source: None,
        });
    }
    let mut read = context.read();
    read.memories.extend(looked_up.memories);
    if !stands(&mut tx, &read).await? {
        return Ok(Applied::Over);
    }
    tx.commit().await?;
    Ok(Applied::Planned)
}

/// Whether each thing that the turn wants to remember may be; where it wants nothing, nobody is asked. What may come of all that was
/// read is asked of all whose words that were, and of all who are there, whatever inputs the runtime names: of what was said before
/// it names none.
async fn permissions(
    tx: &mut Tx,
    turn: &TurnRow,
    context: &TurnContext,
    thought: &Thought,
) -> Result<Vec<Permission>> {
    if thought.memories.is_empty() {
        return Ok(Vec::new());
    }
    let inputs = context.inputs();
    let speakers = Speakers::of(tx, turn, context).await?;
    let allow = |proposal: &MemoryProposal| match thought.basis {
        Basis::AllRead => speakers.allow_all(),
        Basis::Inputs => speakers.allow(&proposal.sources_among(&inputs)),
    };
    Ok(thought.memories.iter().map(allow).collect())
}

/// Keeps what may be remembered. The turn goes on without the rest.
async fn remember<'a>(
    tx: &mut Tx,
    origin: Origin<'_>,
    wanted: impl Iterator<Item = (&'a MemoryProposal, &'a Permission)>,
    mut record: Record,
) -> Result<Record> {
    let (mut kept, mut left_out, mut used) = (0_usize, 0_usize, BTreeSet::new());
    for (proposal, permission) in wanted {
        let Permission::Given(consents) = permission else {
            left_out += 1;
            continue;
        };
        record = keep(tx, Origin { consents, ..origin }, proposal, record).await?;
        kept += 1;
        used.extend(consents);
    }
    record = record.with("memories", kept);
    if !used.is_empty() {
        let used: Vec<String> = used.iter().map(ConsentId::to_string).collect();
        record = record.with("consent_ids", used);
    }
    if left_out > 0 {
        record = record.with("not_remembered", left_out);
    }
    Ok(record)
}

/// What the turn derives belongs where its inputs were, and to their audience.
fn place(turn: &TurnRow, context: &TurnContext) -> Place {
    let session = Some(turn.session);
    Place {
        space: turn.space,
        session,
        device: context.device(),
        person: turn.audience,
        audience: turn.audience,
    }
}

async fn reply(
    tx: &mut Tx,
    turn: &TurnRow,
    place: Place,
    trust: Trust,
    blocks: &[Block],
) -> Result<Option<EventId>> {
    if blocks.is_empty() {
        return Ok(None);
    }
    let said = json!({"content": blocks, "turn_id": turn.id});
    let mut event = NewEvent::by_hub(EventKind::MessageAgent, place, said);
    event.source = Source {
        kind: ActorKind::Agent,
        id: Some(tx.agent().0),
        client: None,
    };
    // A later turn reads it: what somebody outside said is not believed more for having been repeated.
    event.trust = trust;
    let id = tx.append(event);
    if let Some(device) = place.device {
        // A device gets the words once, and no more than it can say; the whole reply is in the log.
        let text: String = plain_text(blocks).chars().take(MAX_SPOKEN).collect();
        let arguments = json!({"text": text, "turn_id": turn.id});
        let outgoing = Outgoing {
            device,
            kind: REPLY.to_owned(),
            arguments,
            attempt: None,
            turn: Some(turn.id),
            audience: place.audience,
            sender: None,
            supersede_key: None,
            life: REPLY_LIFE,
        };
        let command = send(tx, outgoing).await?;
        tx.commands().insert_delivery(&command, id, turn.id).await?;
    }
    Ok(Some(id))
}
