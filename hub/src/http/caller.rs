//! The permission is the handler's first argument: a handler that takes `May<perm::SpacesWrite>` runs for callers who may.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{declared::nothing_besides, layers::RequestContext, problem::Failed};
use crate::{
    delegations::{
        PREFIX,
        act::{Asked, act},
    },
    error::{Error, Result},
    hub::Hub,
    identity::{
        Caller, Known, Scope,
        authorize::{SIGNED_IN_ONLY, authorize},
        credentials::{NOBODY_YET, Proven, authenticate, caller},
    },
    ids::AgentId,
};

/// A scope as a type.
pub trait Permission: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! permissions {
    ($($name:ident),* $(,)?) => {
        /// The scopes as types.
        pub mod perm {
            $(
                #[doc = concat!("[`Scope::", stringify!($name), "`](crate::identity::Scope::", stringify!($name), ").")]
                #[derive(Debug)]
                pub enum $name {}

                impl super::Permission for $name {
                    const SCOPE: super::Scope = super::Scope::$name;
                }
            )*
        }
    };
}

permissions!(
    AgentsRead,
    AgentsWrite,
    SpacesRead,
    SpacesWrite,
    SessionsRead,
    SessionsWrite,
    DevicesRead,
    DevicesWrite,
    EventsRead,
    MessagesWrite,
    TurnsRead,
    MemoriesRead,
    MemoriesShare,
    ActionsRead,
    ActionsDecide,
    CommandsRead,
    CommandsWrite,
    ArtifactsRead,
    ArtifactsWrite,
    ArtifactsShare,
    ErasuresRead,
    ErasuresWrite,
    PeopleRead,
    PeopleWrite,
    RecognitionRead,
    RecognitionEnrol,
    RecognitionObserve,
    RecognitionDecide,
    PresenceRead,
    JobsRead,
    JobsWrite,
    TokensRead,
    ConsentsRead,
    ConsentsWrite,
    TokensWrite,
    MembersRead,
    MembersWrite,
    DelegationsRead,
    DelegationsWrite,
);

/// A caller at the path's agent who may do what `P` stands for.
#[derive(Debug)]
pub struct May<P> {
    /// Who.
    pub caller: Caller,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<Hub> for May<P> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failed> {
        let context = RequestContext::of(parts);
        let own = bearer(&parts.headers)?;
        let request_id = Some(context.id.clone());
        let caller = match shown(&parts.headers, &own)? {
            None => {
                let proven = authenticate(hub, &own, Some(&context.id)).await?;
                let wanted = wanted_agent(parts, hub).await?;
                caller(hub, proven, wanted, request_id).await?
            }
            Some(shown) => {
                let by = match shown {
                    Shown::ByService(_) => None,
                    Shown::Beside(_) => Some(authenticate(hub, &own, Some(&context.id)).await?),
                };
                let asked = Asked {
                    secret: shown.secret(),
                    by,
                    wanted: wanted_agent(parts, hub).await?,
                    scope: P::SCOPE,
                    request_id,
                };
                act(hub, asked).await?
            }
        };
        context.name(&caller);
        authorize(&caller, P::SCOPE)?;
        nothing_besides(parts, hub).await?;
        Ok(Self {
            caller,
            permission: PhantomData,
        })
    }
}

/// A user who proved who they are, at no agent in particular.
#[derive(Debug)]
pub struct User {
    /// Who.
    pub who: Known,
    /// The request.
    pub request_id: String,
}

impl FromRequestParts<Hub> for User {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failed> {
        let context = RequestContext::of(parts);
        let request_id = context.id.clone();
        match authenticate(hub, &bearer(&parts.headers)?, Some(&request_id)).await? {
            Proven::User(who) => {
                nothing_besides(parts, hub).await?;
                Ok(Self { who, request_id })
            }
            Proven::Stranger(_) => Err(NOBODY_YET.into()),
            other @ (Proven::Device(_) | Proven::Token(_)) => {
                // The agent that they are of is told of it, if there is one yet.
                if let Ok(caller) = caller(hub, other, None, Some(request_id)).await {
                    context.name(&caller);
                }
                Err(SIGNED_IN_ONLY.into())
            }
        }
    }
}

/// The header of a delegation that was given to an agent, beside the credential of somebody there.
pub const DELEGATION: HeaderName = HeaderName::from_static("hub-delegation");

/// The paths of agents, where [`May`] obeys a delegation or refuses it.
const OF_AGENTS: &str = "/v1/agents/{agent_id}";
/// What is answered to one beside anything else.
const NOT_HERE: Error = Error::Unauthenticated(
    "a delegation is good for requests below /v1/agents/self alone, where events/stream watches: leave out Hub-Delegation here",
);

/// Refuses a delegation beside a request to what is of no agent. Where it were ignored, its sender would do as themself, or see of
/// their own, what they meant for the agent that they act for.
pub async fn only_at_agents(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let is_elsewhere = path.is_some_and(|path| !path.as_str().starts_with(OF_AGENTS));
    if is_elsewhere && request.headers().contains_key(&DELEGATION) {
        return Failed(NOT_HERE).into_response();
    }
    next.run(request).await
}

/// A delegation that a request shows.
enum Shown {
    /// As its only credential.
    ByService(SecretString),
    /// Beside that of who acts.
    Beside(SecretString),
}

impl Shown {
    const fn secret(&self) -> &SecretString {
        match self {
            Self::ByService(secret) | Self::Beside(secret) => secret,
        }
    }
}

/// The delegation of a request, if it shows one. Two are none: nobody knows which was meant.
fn shown(headers: &HeaderMap, bearer: &SecretString) -> Result<Option<Shown>> {
    let mut beside = headers.get_all(&DELEGATION).iter();
    let is_service = bearer.expose_secret().starts_with(PREFIX);
    match (beside.next(), beside.next()) {
        (None, _) => Ok(is_service.then(|| Shown::ByService(bearer.clone()))),
        (Some(value), None) if !is_service => {
            let text = value
                .to_str()
                .map_err(|_| Error::Unauthenticated("the Hub-Delegation header is not text"))?;
            Ok(Some(Shown::Beside(SecretString::from(text.trim()))))
        }
        (Some(_), _) => Err(Error::Unauthenticated(
            "show one delegation: in Hub-Delegation, beside your own credential",
        )),
    }
}

/// The bearer credential of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<SecretString> {
    let missing = Error::Unauthenticated("send a credential: Authorization: Bearer …");
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(missing);
    };
    let text = value
        .to_str()
        .map_err(|_| Error::Unauthenticated("the Authorization header is not text"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(SecretString::from(token.trim()))
        }
        _ => Err(missing),
    }
}

/// The agent in the path; none for `self`.
async fn wanted_agent(parts: &mut Parts, hub: &Hub) -> Result<Option<AgentId>> {
    let params = RawPathParams::from_request_parts(parts, hub).await;
    let params = params.map_err(|error| match error {
        RawPathParamsRejection::InvalidUtf8InPathParam(error) => {
            Error::invalid("{path}", format!("is not text: {error}"))
        }
        other => Error::because("a path without its parameters", other),
    })?;
    let found = params.iter().find(|(name, _)| *name == "agent_id");
    match found {
        Some((_, "self")) => Ok(None),
        Some((_, text)) => {
            let id = Uuid::parse_str(text)
                .map_err(|_| Error::invalid("{agent_id}", "is neither an id nor self"))?;
            Ok(Some(AgentId(id)))
        }
        None => Err(Error::internal("a permission at a path without an agent")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bearer: &str, beside: &[&str]) -> std::result::Result<&'static str, ()> {
        let mut headers = HeaderMap::new();
        for delegation in beside {
            headers.append(&DELEGATION, delegation.parse().unwrap());
        }
        match shown(&headers, &SecretString::from(bearer)) {
            Ok(None) => Ok("none"),
            Ok(Some(Shown::ByService(_))) => Ok("by a service"),
            Ok(Some(Shown::Beside(_))) => Ok("beside"),
            Err(_) => Err(()),
        }
    }

    #[test]
    fn one_delegation_is_shown_in_one_way_or_the_request_is_refused() {
        assert_eq!(seen("eyJ", &[]), Ok("none"));
        assert_eq!(seen("hubg_a", &[]), Ok("by a service"));
        assert_eq!(seen("eyJ", &["hubg_a"]), Ok("beside"));
        // Never taken for none, whatever it is.
        assert_eq!(seen("eyJ", &[""]), Ok("beside"));
        assert_eq!(seen("eyJ", &["hubg_a", "hubg_b"]), Err(()));
        assert_eq!(seen("hubg_a", &["hubg_a"]), Err(()));
    }
}
