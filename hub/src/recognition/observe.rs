//! Something that a worker saw or heard: compared with the prints of those who allow it there and now, and kept only where it is
//! near one person's.

use super::{
    Hypothesis, HypothesisState, MAX_MODEL, MOST_OFF, Observation, ObservationOutcome, confirm::settle,
    rule::judge, tell, vector::Vector,
};
use crate::{
    audit::record::Record,
    clock::DateTime,
    config::RecognitionConfig,
    error::{Error, Result},
    events::payload::check_name,
    ids::{DeviceId, HypothesisId, SpaceId},
    places::{
        Closed,
        gate::{Matter, closed, recognisable},
    },
    storage::{Seen, Tx},
};

/// Something seen or heard.
#[derive(Debug)]
pub struct Sighting {
    /// The voice or face.
    pub vector: Vector,
    /// What made the vector.
    pub model: String,
    /// Where.
    pub space: SpaceId,
    /// By which device.
    pub device: Option<DeviceId>,
    /// When, as the worker says.
    pub occurred_at: Option<DateTime>,
}

/// What it comes to.
enum Found {
    Closed(Closed),
    Nobody,
    Somebody(Seen),
}

/// What becomes of it when somebody was recognised.
enum Next {
    /// Nothing: it was rejected a while ago, or what it was confirmed for ended a moment ago, or it was written down a moment ago.
    Nothing(Observation),
    /// It is written down again.
    Again(Hypothesis),
    /// It is the first of its kind; the one before, which nobody decided, goes.
    First(Option<HypothesisId>),
}

/// Compares it. What is unknown, or comes from a private space, leaves nothing behind.
pub async fn observe(tx: &mut Tx, rules: &RecognitionConfig, new: Sighting) -> Result<Observation> {
    check_name(&new.model, MAX_MODEL).map_err(|detail| Error::invalid("/model", detail))?;
    if new.occurred_at.is_some_and(|at| (at - tx.now()).abs() > MOST_OFF) {
        let detail = "must lie within five minutes of now: what was seen earlier does not say who is here";
        return Err(Error::invalid("/occurred_at", detail));
    }
    check_place(tx, new.space, new.device).await?;
    // Most of what is seen is nobody: that needs no place in the log.
    let found = find(tx, rules, &new).await?;
    if let Found::Somebody(seen) = found {
        // Whoever sits before a camera is seen at each picture: nothing is written of that, and nobody waits for it.
        if let Next::Nothing(answer) = next(tx, rules, &seen).await? {
            return Ok(answer);
        }
        // Again, now that nothing is withdrawn or switched before this commits.
        tx.take_head().await?;
        return match find(tx, rules, &new).await? {
            Found::Somebody(seen) => keep(tx, rules, seen).await,
            other => Ok(left(&other)),
        };
    }
    Ok(left(&found))
}

/// The answer to what leaves nothing behind.
const fn left(found: &Found) -> Observation {
    match found {
        Found::Closed(why) => Observation {
            reason: Some(why.as_str()),
            ..answer(ObservationOutcome::Discarded, None)
        },
        Found::Nobody | Found::Somebody(_) => answer(ObservationOutcome::Unknown, None),
    }
}

/// Refuses a space that is not there, and a device that is not in it: it would say that a private room is another.
pub(super) async fn check_place(tx: &mut Tx, space: SpaceId, device: Option<DeviceId>) -> Result<()> {
    if tx.places().space(space).await?.is_none() {
        return Err(Error::invalid("/space_id", "is not a space of this agent"));
    }
    let Some(device) = device else { return Ok(()) };
    let found = tx.devices().find(device).await?;
    let usable = found.filter(|device| device.is_open_to(tx.person()) && device.revoked_at.is_none());
    match usable {
        None => Err(Error::invalid("/device_id", "is not a device of this agent")),
        Some(device) if device.space_id != space => Err(Error::invalid("/device_id", "is not in this space")),
        Some(_) => Ok(()),
    }
}

async fn find(tx: &mut Tx, rules: &RecognitionConfig, new: &Sighting) -> Result<Found> {
    if let Some(why) = closed(tx, Matter::kept_in(new.space)).await? {
        return Ok(Found::Closed(why));
    }
    let modality = new.vector.modality();
    let people = recognisable(tx, modality, new.space, new.device).await?;
    if people.is_empty() {
        return Ok(Found::Nobody);
    }
    let compared = tx
        .recognition()
        .compare(&new.vector, new.model.trim(), &people)
        .await?;
    let found = judge(&compared, rules.bounds(modality));
    let seen = found.and_then(|found| {
        Some(Seen {
            found,
            modality,
            space: new.space,
            device: new.device,
            grant: *people.get(&found.person)?,
            occurred_at: new.occurred_at,
        })
    });
    Ok(seen.map_or(Found::Nobody, Found::Somebody))
}

async fn keep(tx: &mut Tx, rules: &RecognitionConfig, seen: Seen) -> Result<Observation> {
    let (hypothesis, first) = match next(tx, rules, &seen).await? {
        Next::Nothing(answer) => return Ok(answer),
        Next::Again(hypothesis) => {
            tx.recognition().seen_again(&hypothesis, &seen).await?;
            (hypothesis.id, false)
        }
        Next::First(stale) => {
            if let Some(stale) = stale {
                tx.recognition().delete_hypothesis(stale).await?;
            }
            let id = HypothesisId::mint();
            tx.recognition().insert_hypothesis(id, &seen).await?;
            (id, true)
        }
    };
    if first {
        // Without the grant, which stands in the row: joined with where it was told, it would say for ever who was where.
        let record = Record::of("send_observation").on("hypothesis", hypothesis.0);
        tx.record(record.with("modality", seen.modality.as_str()));
    }
    let kept = tx.recognition().hypothesis(hypothesis).await?;
    let kept = kept.ok_or_else(|| Error::internal("a hypothesis that was just kept is not there"))?;
    if is_sure(rules, &seen) && kept.state == HypothesisState::Open {
        settle(tx, kept, None, seen.grant).await?;
        return Ok(answer(ObservationOutcome::Present, Some(hypothesis)));
    }
    if first {
        tell::hypothesis(tx, hypothesis, HypothesisState::Open).await?;
    }
    if kept.state == HypothesisState::Confirmed {
        // They are there already: from now on known by this.
        tx.recognition().arrive(&kept, seen.grant).await?;
    }
    Ok(answer(outcome(kept.state), Some(hypothesis)))
}

fn is_sure(rules: &RecognitionConfig, seen: &Seen) -> bool {
    rules.is_sure(seen.modality, seen.found.score)
}

async fn next(tx: &mut Tx, rules: &RecognitionConfig, seen: &Seen) -> Result<Next> {
    let Some(latest) = tx.recognition().latest_hypothesis(seen).await? else {
        return Ok(Next::First(None));
    };
    let now = tx.now();
    let is_fresh = latest.last_seen_at > now - rules.presence();
    let is_repeated = latest.last_seen_at > now - rules.repeat();
    // By whatever they were seen last; and this was confirmed of this stay, not of an earlier one.
    let there = tx.recognition().presence_by(&latest).await?;
    let is_there = there.is_some_and(|there| there.seen_at > now - rules.presence());
    let same = || Next::Nothing(answer(outcome(latest.state), Some(latest.id)));
    let quiet = Next::Nothing(answer(ObservationOutcome::Unknown, None));
    Ok(match latest.state {
        HypothesisState::Rejected if latest.decided_at.is_some_and(|at| at > now - rules.quiet()) => quiet,
        HypothesisState::Open if !is_fresh => Next::First(Some(latest.id)),
        HypothesisState::Open if is_repeated && !is_sure(rules, seen) => same(),
        HypothesisState::Open => Next::Again(latest),
        HypothesisState::Confirmed if is_there && is_repeated => same(),
        HypothesisState::Confirmed if is_there => Next::Again(latest),
        HypothesisState::Confirmed if is_repeated => quiet,
        HypothesisState::Confirmed | HypothesisState::Rejected => Next::First(None),
    })
}

const fn outcome(state: HypothesisState) -> ObservationOutcome {
    match state {
        HypothesisState::Confirmed => ObservationOutcome::Present,
        HypothesisState::Open => ObservationOutcome::Suggested,
        HypothesisState::Rejected => ObservationOutcome::Unknown,
    }
}

const fn answer(outcome: ObservationOutcome, hypothesis_id: Option<HypothesisId>) -> Observation {
    Observation {
        outcome,
        hypothesis_id,
        reason: None,
    }
}
