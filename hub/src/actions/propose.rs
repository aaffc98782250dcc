//! A turn proposes an action. It runs only after a person or a policy has approved it: never because the model says so.

use serde_json::Value;

use super::{
    Action, ActionState, PROPOSAL_LIFE,
    settle::tell,
    tool::{self, schema_sha256},
};
use crate::{
    audit::record::Record,
    canonical,
    error::{Error, Result},
    events::{Place, payload::find_nul},
    identity::Trust,
    ids::ActionId,
    secret::random_bytes,
    storage::{StoredAction, TurnRow, Tx},
};

/// Characters of a summary at most.
const MAX_SUMMARY: usize = 1_000;

/// What a runtime wants to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionProposal {
    /// The tool.
    pub tool: String,
    /// What it would do, for people.
    pub summary: String,
    /// The exact arguments.
    pub arguments: Value,
}

/// What proposes.
#[derive(Debug, Clone, Copy)]
pub struct Proposer<'a> {
    /// The turn.
    pub turn: &'a TurnRow,
    /// Where, and for whom.
    pub place: Place,
    /// The least trust of what the turn read.
    pub trust: Trust,
}

/// Keeps a proposal, bound to its exact arguments and to the tool's schema. Adds its commitment to the record.
pub async fn propose(
    tx: &mut Tx,
    proposer: Proposer<'_>,
    proposal: &ActionProposal,
    record: Record,
) -> Result<Record> {
    let tool =
        tool::find(&proposal.tool).ok_or_else(|| Error::invalid("/actions/tool", "there is no such tool"))?;
    if proposal.summary.is_empty() || proposal.summary.chars().count() > MAX_SUMMARY {
        return Err(Error::invalid(
            "/actions/summary",
            "must have 1 to 1000 characters",
        ));
    }
    if find_nul(&proposal.arguments, "").is_some() {
        return Err(Error::invalid(
            "/actions/arguments",
            "must not contain the character NUL",
        ));
    }
    tool.check(tx, &proposal.arguments).await?;
    let stored = new_action(tx, proposer, proposal, tool);
    tx.actions().insert(&stored).await?;
    tx.append(tell(&stored.action, ActionState::Proposed, proposer.place));
    Ok(record.commits("action", stored.action.id.0, &stored.salt, &proposal.arguments))
}

fn new_action(
    tx: &Tx,
    Proposer { turn, place, trust }: Proposer<'_>,
    proposal: &ActionProposal,
    tool: &'static dyn tool::Tool,
) -> StoredAction {
    let now = tx.now();
    let arguments_sha256 = canonical::sha256(&proposal.arguments);
    let action = Action {
        id: ActionId::mint(),
        turn_id: Some(turn.id),
        session_id: Some(turn.session),
        audience_person_id: place.audience,
        tool: proposal.tool.clone(),
        summary: proposal.summary.clone(),
        arguments: proposal.arguments.clone(),
        arguments_sha256: hex::encode(arguments_sha256),
        required_scopes: tool
            .required_scopes()
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
        trust,
        state: ActionState::Proposed,
        result: None,
        error: None,
        deadline_at: now + PROPOSAL_LIFE,
        created_at: now,
        updated_at: now,
        erased_at: None,
    };
    StoredAction {
        action,
        salt: random_bytes(),
        arguments_sha256,
        schema_sha256: schema_sha256(tool),
    }
}
