//! Acting for an agent: one request with a delegation. It is checked, counted and written into the audit log of every agent of the
//! chain, in one unit of work, before what it asks for is done. Where that then fails, the log says that it was tried, and it was
//! counted: a use is a request that was let through, whatever came of it.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Shown,
    chain::{Link, standing},
    standing::may_act,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    identity::{
        Acting, Actor, ActorKind, Caller, Delegate, Principal, Proof, Scope, authorize::authorize,
        credentials::Proven,
    },
    ids::{AgentId, DelegationId},
    secret,
    storage::Tx,
};

/// The same for one that is not there, is over, or was given to somebody else: whoever stole it learns nothing.
const NOT_VALID: Error = Error::Unauthenticated(
    "the delegation is not valid, expired or revoked, or it was not given to whoever shows it",
);

/// A request with a delegation.
pub struct Asked<'a> {
    /// The secret that was shown.
    pub secret: &'a SecretString,
    /// What the one who shows it proved besides; none where they showed nothing else.
    pub by: Option<Proven>,
    /// The agent that is asked for; none: the delegation's.
    pub wanted: Option<AgentId>,
    /// What is to be done.
    pub scope: Scope,
    /// The request.
    pub request_id: Option<String>,
}

/// Lets one request through, or refuses it. Either is in the audit log, where the delegation lives; what never was one is nobody's.
pub async fn act(hub: &Hub, asked: Asked<'_>) -> Result<Caller> {
    let mut tx = hub.db.begin_system().await?;
    let shown = tx.delegations().shown(&secret::hash(asked.secret)).await?;
    let shown = shown.ok_or(NOT_VALID)?;
    let chain = tx.delegations().chain(shown.agent, shown.delegation).await?;
    let stranger = by_itself(asked.by.as_ref(), asked.request_id.as_ref());
    let use_of = Use {
        hub,
        shown,
        chain: &chain,
        scope: asked.scope,
    };
    let Some(power) = standing(&chain).filter(|_| shown.is_alive) else {
        return use_of.is_not_valid(tx, (&stranger, None)).await;
    };
    let Some(by) = bound(&mut tx, shown.agent, &chain, asked.by).await? else {
        return use_of.is_not_valid(tx, (&stranger, None)).await;
    };
    let caller = Caller {
        agent: shown.agent,
        principal: Principal::Delegate(Delegate {
            delegation: shown.delegation,
            token: shown.token,
            chain: chain.iter().map(|link| link.id).collect(),
            by,
            scopes: power.scopes,
            within: power.within,
        }),
        request_id: asked.request_id,
        proof: None,
    };
    let actor = caller.actor();
    if asked.wanted.is_some_and(|agent| agent != shown.agent) {
        let error = Error::NotFound { what: "agent" };
        return use_of.refuse(tx, (&actor, by), error).await;
    }
    if let Err(error) = authorize(&caller, asked.scope) {
        return use_of.refuse(tx, (&actor, by), error).await;
    }
    let ids: Vec<DelegationId> = chain.iter().map(|link| link.id).collect();
    if !tx.delegations().count_use(shown.agent, &ids).await? {
        let now = tx.delegations().chain(shown.agent, shown.delegation).await?;
        if standing(&now).is_none() {
            // It ended between the look at it and the count.
            return use_of.is_not_valid(tx, (&actor, by)).await;
        }
        let error = Error::conflict(
            "used_up",
            "the delegation, or one that it came from, was used as often as it may be",
        );
        return use_of.refuse(tx, (&actor, by), error).await;
    }
    use_of.record(use_of.agents(), &mut tx, (&actor, by), false);
    tx.commit().await?;
    Ok(caller)
}

/// Who acts: nobody besides, for a service; somebody of the agent that it was given to, who may. None: it was not given to them.
async fn bound(
    tx: &mut Tx,
    agent_of: AgentId,
    chain: &[Link],
    by: Option<Proven>,
) -> Result<Option<Option<Acting>>> {
    let to = chain.last().and_then(|link| link.to_agent);
    let acting = match (to, by) {
        (None, None) => return Ok(Some(None)),
        (Some(agent), Some(Proven::User(who))) => Acting {
            agent,
            user: who.user,
            proof: who.proof,
        },
        (Some(agent), Some(Proven::Token(token)))
            if token.agent == agent && token.scopes.contains(&Scope::AgentsDelegate) =>
        {
            Acting {
                agent,
                user: token.user,
                proof: Proof::Token(token.token),
            }
        }
        _ => return Ok(None),
    };
    let may = may_act(tx, &[(agent_of, acting)]).await?;
    Ok((may == [true]).then_some(Some(acting)))
}

/// Somebody by what they proved besides.
fn by_itself(by: Option<&Proven>, request_id: Option<&String>) -> Actor {
    let (kind, id, access_token) = match by {
        Some(Proven::User(who)) => (ActorKind::User, Some(who.user.0), None),
        Some(Proven::Token(token)) => (ActorKind::User, Some(token.user.0), Some(token.token)),
        Some(Proven::Device(device)) => (ActorKind::Device, Some(device.device.0), Some(device.token)),
        Some(Proven::Stranger(_)) | None => (ActorKind::Anonymous, None, None),
    };
    Actor {
        kind,
        id,
        access_token,
        request_id: request_id.cloned(),
    }
}

/// One use, for the audit log.
struct Use<'a> {
    hub: &'a Hub,
    shown: Shown,
    chain: &'a [Link],
    scope: Scope,
}

impl Use<'_> {
    /// Refuses what is over, or was not given to whoever shows it. That is told to its own agent: nobody writes into the log of another
    /// household by what is not theirs.
    async fn is_not_valid(&self, tx: Tx, who: (&Actor, Option<Acting>)) -> Result<Caller> {
        let own = vec![self.shown.agent];
        self.refuse_at(own, tx, who, NOT_VALID).await
    }

    /// Refuses what was shown by whom it was given to.
    async fn refuse(&self, tx: Tx, who: (&Actor, Option<Acting>), error: Error) -> Result<Caller> {
        self.refuse_at(self.agents(), tx, who, error).await
    }

    /// Writes a refusal down, as far as an hour has room for them, and nothing else.
    async fn refuse_at(
        &self,
        agents: Vec<AgentId>,
        mut tx: Tx,
        (actor, by): (&Actor, Option<Acting>),
        error: Error,
    ) -> Result<Caller> {
        let now = self.hub.clock.now();
        if self.hub.refused_uses.refuse(self.shown.agent, now) {
            self.record(agents, &mut tx, (actor, by), true);
            tx.commit().await?;
        }
        Err(error)
    }

    /// Those of the chain, each once.
    fn agents(&self) -> Vec<AgentId> {
        let mut agents: Vec<AgentId> = self.chain.iter().filter_map(|link| link.to_agent).collect();
        agents.push(self.shown.agent);
        agents.sort_unstable();
        agents.dedup();
        agents
    }

    /// In the log of each of these agents: who acts, by which delegations. The agent whose user acts says which user.
    fn record(
        &self,
        agents: Vec<AgentId>,
        tx: &mut Tx,
        (actor, by): (&Actor, Option<Acting>),
        is_refused: bool,
    ) {
        for agent in agents {
            let record = Record::of("use_delegation")
                .on("delegation", self.shown.delegation.0)
                .with("agent_id", self.shown.agent.to_string())
                .with("chain", self.told())
                .with("scope", self.scope.as_str());
            let record = match by {
                Some(acting) => record.with("user_id", acting.user.to_string()),
                None => record,
            };
            let record = if is_refused { record.refused() } else { record };
            let own = by.filter(|acting| acting.agent == agent);
            let actor = own.map_or_else(|| actor.clone(), |acting| acting.actor(actor.request_id.clone()));
            tx.record_at(agent, actor, record);
        }
    }

    fn told(&self) -> Value {
        let links = self
            .chain
            .iter()
            .map(|link| json!({"delegation_id": link.id, "to_agent_id": link.to_agent}));
        links.collect()
    }
}
