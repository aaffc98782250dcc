//! Ids: `UUIDv7` minted by the hub, one type for each thing, so that they cannot be mixed up.

use uuid::Uuid;

/// A fresh `UUIDv7`: ordered by the time of minting.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where ids are minted")]
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id.
            #[must_use]
            pub fn mint() -> Self {
                Self(fresh())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// An agent: the root of tenancy.
    AgentId,
    /// A human with a login.
    UserId,
    /// One sign-in of a user: a family of refresh tokens.
    SignInId,
    /// A human known to an agent.
    PersonId,
    /// A user's role in an agent.
    MembershipId,
    /// The instructions an agent speaks with.
    PersonaId,
    /// A physical site.
    LocationId,
    /// A room or context inside a location.
    SpaceId,
    /// A satellite's identity.
    DeviceId,
    /// An opaque credential.
    TokenId,
    /// A one-time claim of a fresh agent.
    ClaimId,
    /// A one-time invitation into an agent.
    InvitationId,
    /// What one agent lets another one, or a service, do for it.
    DelegationId,
    /// A device that asks for a credential.
    PairingId,
    /// A durable place of talk.
    ConversationId,
    /// A stretch of a conversation.
    SessionId,
    /// Something that happened.
    EventId,
    /// One run of the agent.
    TurnId,
    /// Something the agent remembers.
    MemoryId,
    /// A memory before it is committed.
    CandidateId,
    /// Something the agent wants to do.
    ActionId,
    /// One try at an action.
    AttemptId,
    /// A decision about an action.
    DecisionId,
    /// An instruction to one device.
    CommandId,
    /// One part of a reply on its way.
    DeliveryId,
    /// A file that belongs to the agent.
    ArtifactId,
    /// What a person allows, or does not any more.
    ConsentId,
    /// How somebody's voice sounds, or their face looks.
    PrintId,
    /// That somebody may be somebody.
    HypothesisId,
    /// That somebody is in a space.
    PresenceId,
    /// A request to forget, carried out.
    ErasureId,
    /// Queued work.
    JobId,
    /// One process of the hub.
    NodeId,
}

impl AgentId {
    /// The hub's own audit chain: operations that concern no agent. No agent has this id.
    pub const HUB: Self = Self(Uuid::nil());
}
