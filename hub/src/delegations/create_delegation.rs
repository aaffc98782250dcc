//! Making a delegation, whose secret is shown once. A user lets somebody act for their agent; a delegate passes on some of what it
//! was given, never more.

use chrono::Duration;
use secrecy::SecretString;
use serde_json::json;

use super::{
    DEFAULT_LIFE, DELEGABLE, Delegation, IN_SPACES, LONGEST_LIFE, MOST_BELOW, MOST_DEPTH, MOST_LIVE,
    MOST_USES, PREFIX, may_have,
};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::{Error, Result},
    identity::{Caller, Delegate, Principal, Proof, Scope, authorize::SIGNED_IN_ONLY, held::own},
    ids::{AgentId, DelegationId, SpaceId, UserId},
    places::Spaces,
    secret,
    storage::Tx,
};

/// Characters of a service's name at most.
const MAX_SERVICE: usize = 50;

/// What is asked for.
#[derive(Debug)]
pub struct NewDelegation {
    /// The agent that it is for, or else
    pub to_agent_id: Option<AgentId>,
    /// the service.
    pub to_service: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The spaces that it is limited to; none: those of the one above it.
    pub space_ids: Option<Vec<SpaceId>>,
    /// How long it lives, in seconds; [`DEFAULT_LIFE`] when nobody says, or as long as the one above it.
    pub expires_in_s: Option<u32>,
    /// How often it may be used; as often as the one above it when nobody says.
    pub max_uses: Option<u32>,
    /// How often it may make the agent think; likewise.
    pub max_turns: Option<u32>,
}

/// What a new one stands on.
struct Above {
    /// What may be given.
    scopes: Vec<Scope>,
    parent: Option<Delegation>,
    /// Who gives it, and the agent for which they do.
    issuer: Option<(AgentId, UserId)>,
}

/// Makes a delegation.
pub async fn create_delegation(
    tx: &mut Tx,
    caller: &Caller,
    new: NewDelegation,
) -> Result<(Delegation, SecretString)> {
    to_whom(tx.agent(), &new)?;
    let above = above(tx, caller).await?;
    check_scopes(&new.scopes, &above.scopes)?;
    let parent = above.parent.as_ref();
    let max_uses = limit(
        "/max_uses",
        1,
        new.max_uses,
        parent.and_then(|above| above.max_uses),
    )?;
    let max_turns = limit(
        "/max_turns",
        0,
        new.max_turns,
        parent.and_then(|above| above.max_turns),
    )?;
    let expires_at = end(tx.now(), new.expires_in_s, parent.map(|above| above.expires_at))?;
    let within = spaces(
        tx,
        new.space_ids,
        parent.and_then(|above| above.space_ids.clone()),
    )
    .await?;
    if within.is_some() {
        check_limited(&new.scopes)?;
    }
    check_answers(&new.scopes)?;
    let depth = parent.map_or(1, |above| above.depth + 1);
    if depth > MOST_DEPTH {
        let detail = format!(
            "it was passed on {} times, and may not be once more",
            MOST_DEPTH - 1
        );
        return Err(Error::conflict("too_deep", detail));
    }
    let delegation = Delegation {
        id: DelegationId::mint(),
        parent_id: parent.map(|above| above.id),
        depth,
        to_agent_id: new.to_agent_id,
        to_service: new.to_service,
        scopes: new.scopes,
        space_ids: within,
        max_uses,
        uses: 0,
        max_turns,
        turns: 0,
        issued_by: above.issuer.map(|(_, user)| user),
        created_at: tx.now(),
        expires_at,
        revoked_at: None,
    };
    let root = caller.root_delegation();
    let secret = insert(tx, &delegation, root, above.issuer.map(|(agent, _)| agent)).await?;
    tx.record(told(&delegation));
    Ok((delegation, secret))
}

async fn insert(
    tx: &mut Tx,
    new: &Delegation,
    root: Option<DelegationId>,
    issuer: Option<AgentId>,
) -> Result<SecretString> {
    // Nobody makes two at once from here on, so that none is one too many.
    tx.take_head().await?;
    if tx.delegations().live(None).await? >= MOST_LIVE {
        let detail = format!("{MOST_LIVE} delegations of this agent live: revoke one that nobody needs");
        return Err(Error::conflict("too_many_delegations", detail));
    }
    if let Some(root) = root
        && tx.delegations().live(Some(root)).await? >= MOST_BELOW
    {
        let detail =
            format!("{MOST_BELOW} delegations live that came from this one: revoke one that nobody needs");
        return Err(Error::conflict("too_many_delegations", detail));
    }
    let secret = secret::mint(PREFIX);
    let is_there = tx
        .delegations()
        .insert(new, issuer, &secret::hash(&secret))
        .await?;
    if !is_there {
        return Err(Error::invalid("/to_agent_id", "is no agent of this hub"));
    }
    Ok(secret)
}

fn told(new: &Delegation) -> Record {
    Record::of("create_delegation")
        .on("delegation", new.id.0)
        .with("parent_id", new.parent_id.map(|id| id.to_string()))
        .with("to_agent_id", new.to_agent_id.map(|id| id.to_string()))
        .with("scopes", new.scopes.clone())
        .with("space_ids", json!(new.space_ids))
        .with("max_uses", new.max_uses)
        .with("max_turns", new.max_turns)
        .with("expires_at", new.expires_at.to_rfc3339())
}

/// Exactly one, and not the agent itself.
fn to_whom(own: AgentId, new: &NewDelegation) -> Result<()> {
    match (new.to_agent_id, &new.to_service) {
        (Some(agent), None) if agent == own || agent == AgentId::HUB => Err(Error::invalid(
            "/to_agent_id",
            "must be another agent than the one that is acted for",
        )),
        (Some(_), None) => Ok(()),
        (None, Some(name)) if is_service(name) => Ok(()),
        (None, Some(_)) => Err(Error::invalid(
            "/to_service",
            format!("must have 1 to {MAX_SERVICE} small letters, digits and dashes, such as calendar-sync"),
        )),
        (None, None) => Err(Error::invalid(
            "/to_agent_id",
            "say to whom: to_agent_id or to_service",
        )),
        (Some(_), Some(_)) => Err(Error::invalid(
            "/to_service",
            "is either to an agent or to a service",
        )),
    }
}

/// As the table has it.
fn is_service(name: &str) -> bool {
    (1..=MAX_SERVICE).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

async fn above(tx: &mut Tx, caller: &Caller) -> Result<Above> {
    match &caller.principal {
        Principal::User { .. } => {
            // A membership that ends meanwhile would leave a delegation behind that it did not end.
            let (user, role) = own(tx, caller).await?;
            if !role.grants(Scope::DelegationsWrite) {
                let scope = Scope::DelegationsWrite.as_str();
                return Err(Error::Forbidden { scope });
            }
            let scopes = DELEGABLE.into_iter().filter(|scope| role.grants(*scope));
            Ok(Above {
                scopes: scopes.collect(),
                parent: None,
                issuer: Some((caller.agent, user)),
            })
        }
        Principal::Delegate(delegate) => beneath(tx, delegate).await,
        Principal::Device { .. } => Err(Error::internal("a device makes a delegation")),
    }
}

/// By a delegation, which is held until the end, so that it is not revoked beside this. A program of somebody's lets nobody in: what it
/// made would be good after its token is not.
async fn beneath(tx: &mut Tx, delegate: &Delegate) -> Result<Above> {
    if delegate
        .by
        .is_some_and(|acting| matches!(acting.proof, Proof::Token(_)))
    {
        return Err(SIGNED_IN_ONLY);
    }
    let held = tx.delegations().hold(&delegate.chain).await?;
    let parent = tx.delegations().find(None, delegate.delegation).await?;
    let Some(parent) = parent.filter(|_| held.is_alive) else {
        return Err(Error::Unauthenticated("the delegation has ended"));
    };
    Ok(Above {
        scopes: delegate.scopes.clone(),
        parent: Some(parent),
        issuer: delegate.by.map(|acting| (acting.agent, acting.user)),
    })
}

/// Each known and had, none twice, at least one.
fn check_scopes(words: &[String], had: &[Scope]) -> Result<()> {
    if words.is_empty() {
        return Err(Error::invalid("/scopes", "must name at least one scope"));
    }
    for (at, word) in words.iter().enumerate() {
        let refuse = |detail: &str| Err(Error::invalid(format!("/scopes/{at}"), detail));
        let Some(scope) = Scope::parse(word).filter(|scope| may_have(*scope)) else {
            return refuse("is not a scope that can be delegated");
        };
        if !had.contains(&scope) {
            return refuse("is more than you may do yourself");
        }
        if words[..at].contains(word) {
            return refuse("is there twice");
        }
    }
    Ok(())
}

/// The spaces that it is limited to: each there and none twice; of those of the one above it, where that is limited.
async fn spaces(
    tx: &mut Tx,
    asked: Option<Vec<SpaceId>>,
    above: Option<Vec<SpaceId>>,
) -> Result<Option<Vec<SpaceId>>> {
    let Some(asked) = asked else {
        return Ok(above);
    };
    if asked.is_empty() || asked.len() > Spaces::MOST {
        let detail = format!("must name 1 to {} spaces", Spaces::MOST);
        return Err(Error::invalid("/space_ids", detail));
    }
    for (at, space) in asked.iter().enumerate() {
        let refuse = |detail: &str| Err(Error::invalid(format!("/space_ids/{at}"), detail));
        if asked[..at].contains(space) {
            return refuse("is there twice");
        }
        let is_above = above.as_ref().is_none_or(|above| above.contains(space));
        if !is_above || tx.places().space(*space).await?.is_none() {
            return refuse("is no space that you see");
        }
    }
    Ok(Some(asked))
}

/// What a delegation may not do that is limited to spaces.
fn check_limited(words: &[String]) -> Result<()> {
    let cannot_be = |word: &String| Scope::parse(word).is_none_or(|scope| !IN_SPACES.contains(&scope));
    match words.iter().position(cannot_be) {
        Some(at) => Err(Error::invalid(
            format!("/scopes/{at}"),
            "cannot be limited to spaces: leave it out, or space_ids",
        )),
        None => Ok(()),
    }
}

/// Whoever talks to the agent is answered from what it remembers, so they may read that, or not talk to it.
fn check_answers(words: &[String]) -> Result<()> {
    let is = |scope: Scope| words.iter().position(|word| word == scope.as_str());
    match (is(Scope::MessagesWrite), is(Scope::MemoriesRead)) {
        (Some(at), None) => Err(Error::invalid(
            format!("/scopes/{at}"),
            "is answered from what the agent remembers: give memories:read with it",
        )),
        _ => Ok(()),
    }
}

/// A limit that is never wider than the one above it.
fn limit(pointer: &str, least: i64, asked: Option<u32>, above: Option<i64>) -> Result<Option<i64>> {
    let Some(asked) = asked.map(i64::from) else {
        return Ok(above);
    };
    let most = above.unwrap_or(MOST_USES);
    if (least..=most).contains(&asked) {
        Ok(Some(asked))
    } else {
        Err(Error::invalid(
            pointer,
            format!("must be between {least} and {most}"),
        ))
    }
}

/// When it ends: never after the one above it.
fn end(now: DateTime, asked_s: Option<u32>, above: Option<DateTime>) -> Result<DateTime> {
    let life = asked_s.map_or(DEFAULT_LIFE, |seconds| Duration::seconds(seconds.into()));
    if life < Duration::minutes(1) || life > LONGEST_LIFE {
        let detail = format!("must be between 60 and {}", LONGEST_LIFE.num_seconds());
        return Err(Error::invalid("/expires_in_s", detail));
    }
    match above {
        Some(end) if now + life > end && asked_s.is_some() => {
            let left = (end - now).num_seconds().max(0);
            let detail = format!("is longer than the delegation lives that it is made by: {left} seconds");
            Err(Error::invalid("/expires_in_s", detail))
        }
        Some(end) => Ok(end.min(now + life)),
        None => Ok(now + life),
    }
}
