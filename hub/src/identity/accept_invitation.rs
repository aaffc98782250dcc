//! Accepting an invitation with its one-time code: whoever has it becomes a member, and is signed in.

use secrecy::SecretString;

use super::{
    Invitation, Role, attempt,
    held::changed,
    membership::{may_invite, may_readmit},
    newcomer::{self, Arriving},
    sign_in,
    throttle::Secret,
};
use crate::{
    audit::record::Record,
    consents::join::carry_over,
    error::{Error, Result},
    hub::Hub,
    ids::{AgentId, InvitationId, PersonId, UserId},
    people::a_free_name,
    secret::{self, SecretHash},
    storage::{Tx, TxScope},
};

/// What it gives.
#[derive(Debug)]
pub struct Accepted {
    /// The agent.
    pub agent: AgentId,
    /// What they are there.
    pub role: Role,
    /// Of who came by name and password.
    pub tokens: Option<sign_in::Tokens>,
}

/// An open invitation, as it is found by its code.
struct Door {
    agent: AgentId,
    id: InvitationId,
    inviter: UserId,
}

/// Makes a member of who has the code.
pub async fn accept_invitation(hub: &Hub, code: &SecretString, who: Arriving) -> Result<Accepted> {
    let code = secret::hash(&secret::normalize_code(code));
    // The code first: without it nobody learns whether a name exists, and no password is hashed.
    let Some(door) = find(hub, &code).await? else {
        return Err(wrong(hub, &who).await);
    };
    let user = newcomer::prove(hub, &who).await?;
    let actor = user.actor(who.from());
    let mut tx = hub.db.begin(TxScope::WholeAgent(door.agent), actor).await?;
    let Some((invitation, is_readmitted)) = open(&mut tx, &door, user.id).await? else {
        drop(tx);
        return Err(wrong(hub, &who).await);
    };
    let name = user.settle(&mut tx).await?;
    if !tx
        .identity()
        .join(user.id, invitation.role, is_readmitted)
        .await?
    {
        return Err(Error::conflict(
            "already_member",
            "you belong to this agent: the code is good for somebody else",
        ));
    }
    enter(&mut tx, &invitation, user.id, &name).await?;
    let tokens = if who.signs_in() {
        Some(sign_in::issue(hub, &mut tx, user.id).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok(Accepted {
        agent: door.agent,
        role: invitation.role,
        tokens,
    })
}

/// The invitation, held and open still, and whether it lets a blocked user back in. Its inviter may invite to its role now, too;
/// and a blocked user finds no door but one that the owner opened.
async fn open(tx: &mut Tx, door: &Door, user: UserId) -> Result<Option<(Invitation, bool)>> {
    let roles = tx.identity().lock_members(&[door.inviter, user]).await?;
    let (now, by) = (tx.now(), roles.get(&door.inviter).copied());
    let is_readmitted = by.is_some_and(may_readmit);
    let found = tx.identity().lock_invitation(door.id).await?;
    let is_good = |found: &Invitation| {
        let may = by.is_some_and(|by| may_invite(by, found.role));
        let is_welcome = is_readmitted || roles.get(&user) != Some(&Role::Blocked);
        found.is_open(now) && may && is_welcome
    };
    Ok(found.filter(is_good).map(|found| (found, is_readmitted)))
}

async fn enter(tx: &mut Tx, invitation: &Invitation, user: UserId, name: &str) -> Result<()> {
    let called = invitation.name.as_deref().unwrap_or(name);
    let carried = be_somebody(tx, user, called).await?;
    tx.identity().close_invitation(invitation.id, user).await?;
    changed(tx, user, Some(invitation.role), "joined").await?;
    tx.record(
        Record::of("accept_invitation")
            .on("invitation", invitation.id.0)
            .with("user_id", user.to_string())
            .with("role", invitation.role.as_str())
            .with("carried_withdrawals", carried),
    );
    Ok(())
}

/// Whoever comes back is who they were. Who was forgotten meanwhile is nobody: they are somebody new, and what they had taken back
/// stays taken back. These purposes come back.
async fn be_somebody(tx: &mut Tx, user: UserId, name: &str) -> Result<Vec<&'static str>> {
    let was = tx.identity().hold_person_of(user).await?;
    let is_forgotten = match was {
        Some(person) => tx.people().find(person).await?.is_none_or(|it| it.name.is_none()),
        None => true,
    };
    if !is_forgotten {
        return Ok(Vec::new());
    }
    let person = PersonId::mint();
    // By another's name they would be nobody in a room, and so would the other.
    let name = a_free_name(&tx.people().known().await?, name);
    tx.identity().link_person(user, person, &name).await?;
    match was {
        Some(was) => carry_over(tx, was, person, user).await,
        None => Ok(Vec::new()),
    }
}

async fn find(hub: &Hub, code: &SecretHash) -> Result<Option<Door>> {
    let mut tx = hub.db.begin_system().await?;
    let found = tx.identity().invitation_of_code(code).await?;
    Ok(found.map(|(agent, id, inviter)| Door { agent, id, inviter }))
}

async fn wrong(hub: &Hub, who: &Arriving) -> Error {
    let error = Error::invalid(
        "/code",
        "is not a code that is open: codes are good once and for some days; ask for a new one",
    );
    attempt::refused(hub, Secret::InvitationCode, who.from(), error).await
}
