//! Whether somebody who came with a delegation may still act: asked on each request, and twice a second for those who watch.

use super::chain::{Power, standing};
use crate::{
    error::Result,
    identity::{Acting, Role, Scope, credentials::is_proven},
    ids::{AgentId, DelegationId},
    storage::Tx,
};

/// What may be done with a delegation now, by whoever acts; none where nothing may be done any more. Across agents, so as the hub
/// itself.
pub async fn power_now(
    tx: &mut Tx,
    agent: AgentId,
    delegation: DelegationId,
    by: Option<Acting>,
) -> Result<Option<Power>> {
    let chain = tx.delegations().chain(agent, delegation).await?;
    let Some(power) = standing(&chain) else {
        return Ok(None);
    };
    if let Some(acting) = by
        && !(is_proven(tx, acting.agent, acting.user, acting.proof).await?
            && may_act(tx, agent, acting).await?)
    {
        return Ok(None);
    }
    Ok(Some(power))
}

/// Whether a user may act for an agent on behalf of theirs. Who is blocked there may not, whoever they are elsewhere.
pub(super) async fn may_act(tx: &mut Tx, agent: AgentId, acting: Acting) -> Result<bool> {
    let there = tx.identity().membership(agent, acting.user).await?;
    if there.is_some_and(|(role, _)| role == Role::Blocked) {
        return Ok(false);
    }
    let standing = tx.identity().membership(acting.agent, acting.user).await?;
    Ok(standing.is_some_and(|(role, _)| role.grants(Scope::AgentsDelegate)))
}
