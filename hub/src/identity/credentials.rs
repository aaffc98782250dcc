//! From a bearer credential to a principal. Role, revocation and state are read on each request.

use secrecy::{ExposeSecret, SecretString};

use super::{
    Caller, Known, Principal, Proof, Scope,
    attempt::credential_refused,
    issued::{self, Issued},
    issuer_token, tokens,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    ids::{AgentId, TokenId, UserId},
    secret,
    storage::{Credential, PersonalCredential, Tx, TxScope},
};

/// The prefix of device credentials.
pub const DEVICE_PREFIX: &str = "hubd";
/// The prefix of personal access tokens.
pub const PERSONAL_PREFIX: &str = "hubt";
/// The prefix of the device codes of pairings.
pub const PAIRING_PREFIX: &str = "hubp";
/// The prefix of refresh tokens.
pub const REFRESH_PREFIX: &str = "hubr";

const NOT_VALID: Error = Error::Unauthenticated("the device credential is not valid, expired or revoked");

/// What is answered to somebody for whom an issuer vouches, and who is nobody here.
pub const NOBODY_YET: Error =
    Error::Unauthenticated("nobody here is known by this token: join with the code of an invitation first");

/// Whether what proved who a user of an agent is still does. Across agents, so as the hub itself.
pub async fn is_proven(tx: &mut Tx, agent: AgentId, user: UserId, proof: Proof) -> Result<bool> {
    match proof {
        Proof::SignIn(sign_in) => tx.identity().is_signed_in(sign_in, user).await,
        Proof::Issuer { expires_at, .. } => {
            Ok(expires_at > tx.now() && !tx.identity().is_disabled(user).await?)
        }
        Proof::Token(token) => tx.identity().is_personal_token_alive(agent, token).await,
    }
}

/// What a bearer credential proves.
#[derive(Debug)]
pub enum Proven {
    /// A user, who signed in or for whom an issuer vouches.
    User(Known),
    /// Somebody for whom an issuer vouches, and who is nobody here yet.
    Stranger(Issued),
    /// A user's program, by a personal access token.
    Token(PersonalCredential),
    /// A device of one agent.
    Device(Box<Credential>),
}

/// Checks a bearer credential. One that is refused stands in the audit log, as far as an hour has room for them, unless it was good and
/// its time is over.
pub async fn authenticate(hub: &Hub, bearer: &SecretString, request_id: Option<&str>) -> Result<Proven> {
    let done = prove(hub, bearer, request_id).await;
    if let Err(Error::Unauthenticated(why)) = &done
        && ![tokens::EXPIRED, issued::EXPIRED].contains(why)
    {
        credential_refused(hub, kind(bearer), request_id.map(str::to_owned)).await?;
    }
    done
}

/// What the audit log calls it.
fn kind(bearer: &SecretString) -> &'static str {
    match bearer.expose_secret() {
        device if device.starts_with(DEVICE_PREFIX) => "device_credential",
        personal if personal.starts_with(PERSONAL_PREFIX) => "personal_token",
        delegation if delegation.starts_with(crate::delegations::PREFIX) => "delegation",
        _ => "token",
    }
}

async fn prove(hub: &Hub, bearer: &SecretString, request_id: Option<&str>) -> Result<Proven> {
    if bearer.expose_secret().starts_with(DEVICE_PREFIX) {
        let mut tx = hub.db.begin_system().await?;
        let found = tx.identity().device_credential(&secret::hash(bearer)).await?;
        return found
            .map(|credential| Proven::Device(Box::new(credential)))
            .ok_or(NOT_VALID);
    }
    if bearer.expose_secret().starts_with(PERSONAL_PREFIX) {
        let mut tx = hub.db.begin_system().await?;
        let found = tx.identity().personal_credential(&secret::hash(bearer)).await?;
        return found.map(Proven::Token).ok_or(Error::Unauthenticated(
            "the token is not valid, expired or revoked",
        ));
    }
    if bearer.expose_secret().starts_with(crate::delegations::PREFIX) {
        return Err(Error::Unauthenticated(
            "a delegation is good for requests to its agent, and one to an agent beside a credential of somebody there",
        ));
    }
    if let Some(issued) = issuer_token::verify(hub, bearer.expose_secret()).await? {
        return vouched(hub, issued, request_id).await;
    }
    let who = hub.keys.tokens.verify(bearer.expose_secret(), hub.clock.now())?;
    let mut tx = hub.db.begin_system().await?;
    if !tx.identity().is_signed_in(who.sign_in, who.user).await? {
        return Err(Error::Unauthenticated("the sign-in has ended: sign in again"));
    }
    Ok(Proven::User(Known {
        user: who.user,
        proof: Proof::SignIn(who.sign_in),
    }))
}

/// The user whom an issuer means. That they signed in stands in the audit log before anything is answered.
async fn vouched(hub: &Hub, issued: Issued, request_id: Option<&str>) -> Result<Proven> {
    let mut tx = hub.db.begin_system().await?;
    match tx.identity().user_of_identity(&issued).await? {
        Some((_, true)) => Err(Error::Unauthenticated(
            "the user of this token may not sign in any more",
        )),
        Some((user, false)) => {
            let proof = Proof::Issuer {
                expires_at: issued.expires_at,
                signed_in_at: issued.signed_in_at,
            };
            let who = Known { user, proof };
            drop(tx);
            let (began_at, until) = (issued.began_at, issued.expires_at);
            if hub.vouched.takes(user, began_at, until, hub.clock.now())
                && let Err(error) = tell(hub, &who, &issued, request_id).await
            {
                hub.vouched.gives_back(user, began_at);
                return Err(error);
            }
            Ok(Proven::User(who))
        }
        None => Ok(Proven::Stranger(issued)),
    }
}

async fn tell(hub: &Hub, who: &Known, issued: &Issued, request_id: Option<&str>) -> Result<()> {
    let actor = who.actor(request_id.map(str::to_owned));
    let mut tx = hub.db.begin(TxScope::System, actor).await?;
    tx.record(
        Record::of("sign_in")
            .on("user", who.user.0)
            .with("issuer", issued.issuer.clone())
            .with("began_at", issued.began_at.to_rfc3339()),
    );
    tx.commit().await?;
    Ok(())
}

/// The caller at an agent. `wanted` is none for `self`: the credential's own agent, if it has exactly one.
pub async fn caller(
    hub: &Hub,
    proven: Proven,
    wanted: Option<AgentId>,
    request_id: Option<String>,
) -> Result<Caller> {
    match proven {
        Proven::Device(credential) => at_own_agent(*credential, wanted, request_id),
        Proven::Stranger(_) => Err(NOBODY_YET),
        Proven::Token(token) => {
            if wanted.is_some_and(|agent| agent != token.agent) {
                return Err(Error::NotFound { what: "agent" });
            }
            let mut tx = hub.db.begin_system().await?;
            let proof = Proof::Token(token.token);
            member(
                &mut tx,
                token.agent,
                token.user,
                (proof, Some(token.scopes)),
                request_id,
            )
            .await
        }
        Proven::User(who) => {
            let mut tx = hub.db.begin_system().await?;
            let agent = match wanted {
                Some(agent) => agent,
                None => match tx.identity().agents_of(who.user).await?.as_slice() {
                    [(only, _, _)] => *only,
                    [] => return Err(Error::NotFound { what: "agent" }),
                    _ => {
                        return Err(Error::conflict(
                            "agent_ambiguous",
                            "you belong to several agents: name one by its id",
                        ));
                    }
                },
            };
            member(&mut tx, agent, who.user, (who.proof, None), request_id).await
        }
    }
}

/// A user at an agent that they belong to, by what proved who they are, and what that may do.
async fn member(
    tx: &mut Tx,
    agent: AgentId,
    user: UserId,
    (proof, within): (Proof, Option<Vec<Scope>>),
    request_id: Option<String>,
) -> Result<Caller> {
    let standing = tx.identity().membership(agent, user).await?;
    let (role, person) = standing.ok_or(Error::NotFound { what: "agent" })?;
    Ok(Caller {
        agent,
        principal: Principal::User {
            user,
            role,
            person,
            within,
        },
        request_id,
        proof: Some(proof),
    })
}

/// A device that came with a credential before, as it is now: its scopes, its space and whose it is may have changed.
pub async fn device_now(
    hub: &Hub,
    agent: AgentId,
    token: TokenId,
    request_id: Option<String>,
) -> Result<Caller> {
    let mut tx = hub.db.begin_system().await?;
    let found = tx.identity().device_credential_now(agent, token).await?;
    at_own_agent(found.ok_or(NOT_VALID)?, Some(agent), request_id)
}

fn at_own_agent(
    credential: Credential,
    wanted: Option<AgentId>,
    request_id: Option<String>,
) -> Result<Caller> {
    if wanted.is_some_and(|agent| agent != credential.agent) {
        return Err(Error::NotFound { what: "agent" });
    }
    let Credential {
        token,
        agent,
        device,
        space,
        person,
        scopes,
        default_trust,
        ..
    } = credential;
    let principal = Principal::Device {
        device,
        token,
        space,
        person,
        scopes,
        default_trust,
    };
    Ok(Caller {
        agent,
        principal,
        request_id,
        proof: None,
    })
}
