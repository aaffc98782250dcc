//! Claiming a fresh agent with its one-time code: the claimer becomes its owner.

use secrecy::SecretString;

use super::{
    Actor, Role, attempt,
    held::changed,
    newcomer::{self, Arriving},
    sign_in,
    throttle::Secret,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    ids::{AgentId, ClaimId, PersonId, UserId},
    secret,
    storage::{Tx, TxScope},
};

/// How long a code is good.
pub const CODE_LIFE: chrono::Duration = chrono::Duration::days(7);

/// Makes the claimer the owner of the agent that the code is for, and signs them in.
/// Only who comes by name and password is signed in: others have their token.
pub async fn claim(
    hub: &Hub,
    code: &SecretString,
    claimer: impl Into<Arriving>,
) -> Result<(AgentId, Option<sign_in::Tokens>)> {
    let claimer = claimer.into();
    let code = secret::hash(&secret::normalize_code(code));
    // The code first: without it nobody learns whether a name exists, and no password is hashed.
    if find(hub, &code).await?.is_none() {
        return Err(attempt::refused(hub, Secret::ClaimCode, claimer.from(), no_such_code()).await);
    }
    let user = newcomer::prove(hub, &claimer).await?;
    let actor = user.actor(claimer.from());
    let agent = find(hub, &code).await?.ok_or_else(no_such_code)?.1;
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), actor).await?;
    // Asked again, now locked: of two claims at once, one wins.
    let (claim, _) = tx.identity().open_claim(&code).await?.ok_or_else(no_such_code)?;
    if tx.identity().has_owner().await? {
        return Err(Error::conflict("agent_claimed", "the agent has an owner"));
    }
    let name = user.settle(&mut tx).await?;
    tx.identity().close_claim(claim, user.id).await?;
    tx.identity()
        .insert_member(user.id, Role::Owner, PersonId::mint(), &name)
        .await?;
    tell(&mut tx, user.id, claim).await?;
    let tokens = if claimer.signs_in() {
        Some(sign_in::issue(hub, &mut tx, user.id).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok((agent, tokens))
}

/// Makes a new code for an agent without an owner; the older ones become void.
pub async fn mint_code(hub: &Hub, agent: AgentId) -> Result<SecretString> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    if tx.identity().has_owner().await? {
        return Err(Error::conflict(
            "agent_claimed",
            "the agent has an owner; there is nothing to claim",
        ));
    }
    let code = insert_code(&mut tx).await?;
    tx.commit().await?;
    Ok(code)
}

/// Makes a code in a unit of work.
pub async fn insert_code(tx: &mut Tx) -> Result<SecretString> {
    let (now, id, code) = (tx.now(), ClaimId::mint(), secret::mint_code());
    tx.identity()
        .replace_claim(id, &secret::hash(&code), now + CODE_LIFE)
        .await?;
    tx.record(Record::of("create_claim_code").on("claim", id.0));
    Ok(code)
}

async fn find(hub: &Hub, code: &secret::SecretHash) -> Result<Option<(ClaimId, AgentId)>> {
    hub.db.begin_system().await?.identity().open_claim(code).await
}

fn no_such_code() -> Error {
    Error::invalid(
        "/code",
        "is not a code that is open: codes are good once and for seven days; `hub claim-code` makes a new one",
    )
}

async fn tell(tx: &mut Tx, user: UserId, claim: ClaimId) -> Result<()> {
    changed(tx, user, Some(Role::Owner), "claimed").await?;
    tx.record(
        Record::of("claim_agent")
            .on("claim", claim.0)
            .with("user_id", user.to_string()),
    );
    Ok(())
}
