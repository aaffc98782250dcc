//! Whether somebody who came with a delegation may still act: asked on each request, and twice a second for those who watch.

use super::chain::{Power, standing};
use crate::{
    error::Result,
    identity::{Acting, Role, Scope, Watcher},
    ids::{AgentId, DelegationId},
    storage::{Tx, UserStanding},
};

/// What may be done with a delegation now, by whoever acts; none where nothing may be done any more. Across agents, so as the hub
/// itself.
pub async fn power_now(
    tx: &mut Tx,
    agent: AgentId,
    delegation: DelegationId,
    by: Option<Acting>,
) -> Result<Option<Power>> {
    let powers = powers_now(tx, &[(agent, delegation, by)]).await?;
    Ok(powers.into_iter().next().flatten())
}

/// The same of many, each in its place, with no more queries than for one.
pub async fn powers_now(
    tx: &mut Tx,
    all: &[(AgentId, DelegationId, Option<Acting>)],
) -> Result<Vec<Option<Power>>> {
    let shown: Vec<_> = all
        .iter()
        .map(|(agent, delegation, _)| (*agent, *delegation))
        .collect();
    let chains = tx.delegations().chains(&shown).await?;
    let acting: Vec<_> = all
        .iter()
        .filter_map(|(agent, _, by)| by.map(|acting| (*agent, acting)))
        .collect();
    let mut may = may_act(tx, &acting).await?.into_iter();
    let power = |((_, _, by), chain): (&(_, _, Option<Acting>), &Vec<_>)| {
        let may = by.is_none() || may.next().unwrap_or(false);
        standing(chain).filter(|_| may)
    };
    Ok(all.iter().zip(&chains).map(power).collect())
}

/// Whether users are still who they proved to be, and may act for an agent on behalf of theirs. Who is blocked there may not, whoever
/// they are elsewhere.
pub(super) async fn may_act(tx: &mut Tx, all: &[(AgentId, Acting)]) -> Result<Vec<bool>> {
    let asked = |(agent, acting): &(AgentId, Acting)| {
        let user = |proof, at| Watcher::User {
            user: acting.user,
            proof,
            at: Some((at, None)),
        };
        [user(Some(acting.proof), acting.agent), user(None, *agent)]
    };
    let asked: Vec<Watcher> = all.iter().flat_map(asked).collect();
    let found = tx.identity().standing_of_users(&asked).await?;
    let may = |at: usize| {
        let (own, there) = (found.get(&(2 * at)), found.get(&(2 * at + 1)));
        own.is_some_and(may_for_own) && there.is_some_and(|there| there.role != Some(Role::Blocked))
    };
    Ok((0..all.len()).map(may).collect())
}

fn may_for_own(own: &UserStanding) -> bool {
    own.is_proven && own.role.is_some_and(|role| role.grants(Scope::AgentsDelegate))
}
