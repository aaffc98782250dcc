//! Claiming a fresh agent with its one-time code: the claimer becomes its owner.

use secrecy::SecretString;
use serde_json::json;

use super::{Actor, ActorKind, Origin, Role, attempt, password, sign_in, throttle::Secret};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    hub::Hub,
    ids::{AgentId, ClaimId, PersonId, UserId},
    secret,
    storage::{StoredUser, Tx, TxScope},
};

/// How long a code is good.
pub const CODE_LIFE: chrono::Duration = chrono::Duration::days(7);

/// Who claims.
#[derive(Debug)]
pub struct Claimer {
    /// The login name.
    pub name: String,
    /// The password, of a new user or of the one who has that name.
    pub password: SecretString,
    /// Where they come from.
    pub from: Origin,
}

/// Makes the claimer the owner of the agent that the code is for, and signs them in.
pub async fn claim(hub: &Hub, code: &SecretString, claimer: Claimer) -> Result<(AgentId, sign_in::Tokens)> {
    let code = secret::hash(&secret::normalize_code(code));
    // The code first: without it nobody learns whether a name exists, and no password is hashed.
    if find(hub, &code).await?.is_none() {
        return Err(attempt::refused(hub, Secret::ClaimCode, &claimer.from, no_such_code()).await);
    }
    let user = the_user(hub, &claimer).await?;
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(user.id.0),
        access_token: None,
        request_id: claimer.from.request_id.clone(),
    };
    let agent = find(hub, &code).await?.ok_or_else(no_such_code)?.1;
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), actor).await?;
    // Asked again, now locked: of two claims at once, one wins.
    let (claim, _) = tx.identity().open_claim(&code).await?.ok_or_else(no_such_code)?;
    if tx.identity().has_owner().await? {
        return Err(Error::conflict("agent_claimed", "the agent has an owner"));
    }
    if let Some(hash) = &user.new_hash
        && !tx.identity().insert_user(user.id, &claimer.name, hash).await?
    {
        return Err(Error::conflict(
            "name_taken",
            "the login name was taken in this moment",
        ));
    }
    tx.identity().close_claim(claim, user.id).await?;
    tx.identity()
        .insert_member(user.id, Role::Owner, PersonId::mint(), &claimer.name)
        .await?;
    tell(&mut tx, user.id, claim).await?;
    let tokens = sign_in::issue(hub, &mut tx, user.id).await?;
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

struct ClaimingUser {
    id: UserId,
    /// The hash of a user who does not exist yet.
    new_hash: Option<String>,
}

/// The user who claims: an existing one must know their password; a new one gets it.
async fn the_user(hub: &Hub, claimer: &Claimer) -> Result<ClaimingUser> {
    let existing = hub
        .db
        .begin_system()
        .await?
        .identity()
        .user_by_name(&claimer.name)
        .await?;
    let Some(existing) = existing else {
        password::check(&claimer.password, "/password")?;
        let new_hash = Some(hub.passwords.hash(claimer.password.clone()).await?);
        return Ok(ClaimingUser {
            id: UserId::mint(),
            new_hash,
        });
    };
    let work = with_password(hub, claimer, existing);
    attempt::with_password(hub, &claimer.name, &claimer.from, work).await
}

async fn with_password(hub: &Hub, claimer: &Claimer, existing: StoredUser) -> Result<ClaimingUser> {
    let typed = claimer.password.clone();
    let is_right = hub.passwords.verify(typed, Some(existing.password_hash)).await?;
    if !is_right || existing.is_disabled {
        return Err(Error::Unauthenticated(
            "there is a user of this name, and the password is not theirs",
        ));
    }
    Ok(ClaimingUser {
        id: existing.id,
        new_hash: None,
    })
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
    let place = Place::in_space(tx.places().elsewhere().await?);
    let said = json!({"user_id": user, "role": Role::Owner});
    tx.append(NewEvent::by_hub(EventKind::MembershipChanged, place, said));
    tx.record(
        Record::of("claim_agent")
            .on("claim", claim.0)
            .with("user_id", user.to_string()),
    );
    Ok(())
}
