//! The register of event types: name, who may send it, whether it needs a turn, how long it is kept.

use chrono::Duration;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// A type of event.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
            /// A third party's: begins with `x.`, kept but never planned on.
            Other(String),
        }

        impl EventKind {
            /// Every type of the hub's own.
            pub const OWN: &'static [Self] = &[$(Self::$name),*];

            /// The name in tables and frames.
            #[must_use]
            pub fn name(&self) -> &str {
                match self { $(Self::$name => $word,)* Self::Other(name) => name }
            }
        }
    };
}

kinds! {
    /// What a satellite heard: `{text, participant?}`.
    Transcript = "transcript",
    /// What a user said to the agent: `{content: [block]}`.
    MessageUser = "message.user",
    /// What the agent answered: `{content: [block], turn_id}`.
    MessageAgent = "message.agent",
    /// A turn ended without an answer: `{turn_id, state, reason}`.
    TurnEnded = "turn.ended",
    /// A memory was committed: `{memory_id, tier}`.
    MemoryCommitted = "memory.committed",
    /// Events hold nothing any more: `{erasure_id, event_ids}`.
    EventForgotten = "event.forgotten",
    /// Memories were forgotten: `{erasure_id, memory_ids}`.
    MemoryForgotten = "memory.forgotten",
    /// A memory waits for a person: `{candidate_id, tier}`.
    MemoryProposed = "memory.proposed",
    /// Somebody shared a memory of theirs with the household: `{memory_id, person_id}`.
    MemoryShared = "memory.shared",
    /// An action changed its state: `{action_id, tool, state}`.
    ActionChanged = "action.changed",
    /// A command changed its state: `{command_id, kind, state}`.
    CommandChanged = "command.changed",
    /// A space was made or changed: `{space_id, name, privacy_mode}`.
    SpaceChanged = "space.changed",
    /// A session was switched off or on: `{session_id, is_recorded}`.
    SessionChanged = "session.changed",
    /// A device was made, changed or revoked: `{device_id, name, state}`.
    DeviceChanged = "device.changed",
    /// A device came or went: `{device_id, is_connected, reason}`; the reason only when it went.
    DevicePresence = "device.presence",
    /// Somebody came into a space or left it: `{presence_id, is_present}`. Who, is read from the presence, for the log keeps it.
    PresenceChanged = "presence.changed",
    /// Somebody may be somebody, or that was decided: `{hypothesis_id, state}`.
    HypothesisChanged = "hypothesis.changed",
    /// What is wanted of a device changed: `{device_id, version, is_in_sync}`.
    DeviceDesiredChanged = "device.desired_changed",
    /// What a device says it is like changed: `{device_id, version, reached_version, is_in_sync}`.
    DeviceReported = "device.reported",
    /// The bytes of an artifact are there: `{artifact_id}`.
    ArtifactStored = "artifact.stored",
    /// Somebody shared an artifact of theirs with the household: `{artifact_id, person_id}`.
    ArtifactShared = "artifact.shared",
    /// An artifact that was there is not any more: `{artifact_id}`.
    ArtifactDeleted = "artifact.deleted",
    /// The agent's settings changed: `{agent_id, when_model_down}`.
    AgentChanged = "agent.changed",
    /// Somebody is known, is called otherwise than before, or was forgotten: `{person_id}`.
    PersonChanged = "person.changed",
    /// Two people turned out to be one: `{person_id, into_person_id}`.
    PersonMerged = "person.merged",
    /// Somebody allowed something, or withdrew it: `{consent_id, person_id, purpose, decision}`.
    ConsentChanged = "consent.changed",
    /// The agent was claimed or its members changed: `{user_id, role, change}`; no role where they belong to it no more. A change
    /// is `claimed`, `joined`, `role`, `removed`, `left` or `transferred`.
    MembershipChanged = "membership.changed",
}

impl EventKind {
    /// Reads a name, those of third parties too; none if it is neither.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let own = Self::OWN.iter().find(|kind| kind.name() == name);
        own.cloned()
            .or_else(|| is_third_party(name).then(|| Self::Other(name.to_owned())))
    }

    /// Whether a satellite may send it.
    #[must_use]
    pub const fn is_from_satellites(&self) -> bool {
        matches!(self, Self::Transcript | Self::Other(_))
    }

    /// Whether the agent thinks about it.
    #[must_use]
    pub const fn needs_turn(&self) -> bool {
        matches!(self, Self::Transcript | Self::MessageUser)
    }

    /// How long its payload is kept; none: until it is forgotten.
    #[must_use]
    pub const fn retention(&self) -> Option<Duration> {
        match self {
            Self::DevicePresence
            | Self::DeviceDesiredChanged
            | Self::DeviceReported
            | Self::PresenceChanged
            | Self::HypothesisChanged => Some(Duration::days(30)),
            Self::Other(_) => Some(Duration::days(365)),
            _ => None,
        }
    }
}

fn is_third_party(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    name.len() > 2 && name.len() <= 100 && name.starts_with("x.") && name.chars().all(is_word)
}
