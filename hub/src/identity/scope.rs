//! Scopes: `resource:verb`, the only thing besides roles that grants.

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// What a credential may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope { $($(#[$doc])* $name),* }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in tokens, tables and problems.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

scopes! {
    /// See the agent.
    AgentsRead = "agents:read",
    /// Change the agent's settings.
    AgentsWrite = "agents:write",
    /// See spaces.
    SpacesRead = "spaces:read",
    /// Make and change spaces, their privacy mode too.
    SpacesWrite = "spaces:write",
    /// See sessions.
    SessionsRead = "sessions:read",
    /// Switch the recording of sessions off and on.
    SessionsWrite = "sessions:write",
    /// See devices.
    DevicesRead = "devices:read",
    /// Revoke devices.
    DevicesWrite = "devices:write",
    /// Read the log.
    EventsRead = "events:read",
    /// Send what a device heard or saw.
    EventsWrite = "events:write",
    /// Talk to the agent.
    MessagesWrite = "messages:write",
    /// See turns and their replies.
    TurnsRead = "turns:read",
    /// Read and recall memories.
    MemoriesRead = "memories:read",
    /// Share one's own memories with the household.
    MemoriesShare = "memories:share",
    /// See actions.
    ActionsRead = "actions:read",
    /// Approve, reject and resolve actions.
    ActionsDecide = "actions:decide",
    /// See commands.
    CommandsRead = "commands:read",
    /// Send commands to devices, and cancel them.
    CommandsWrite = "commands:write",
    /// Receive commands on the satellite channel.
    CommandsReceive = "commands:receive",
    /// Report a device's own state on the satellite channel.
    StateWrite = "state:write",
    /// See and download artifacts.
    ArtifactsRead = "artifacts:read",
    /// Make and delete artifacts.
    ArtifactsWrite = "artifacts:write",
    /// Share one's own artifacts with the household.
    ArtifactsShare = "artifacts:share",
    /// See dead jobs.
    JobsRead = "jobs:read",
    /// Replay dead jobs.
    JobsWrite = "jobs:write",
    /// See personal access tokens: one's own, or all as the owner.
    TokensRead = "tokens:read",
    /// Make and revoke personal access tokens.
    TokensWrite = "tokens:write",
    /// See who belongs to the agent.
    MembersRead = "members:read",
    /// Invite people, change what they may do, and remove them.
    MembersWrite = "members:write",
    /// See consents: one's own, or all as owner or admin.
    ConsentsRead = "consents:read",
    /// Grant and withdraw consents: one's own, or as owner or admin those of people without a login.
    ConsentsWrite = "consents:write",
    /// See what was forgotten, and its receipts.
    ErasuresRead = "erasures:read",
    /// Forget things.
    ErasuresWrite = "erasures:write",
    /// See whom the agent knows.
    PeopleRead = "people:read",
    /// Make people known, and change what is said of them.
    PeopleWrite = "people:write",
    /// See prints and hypotheses, without their vectors: one's own, or all as owner or admin.
    RecognitionRead = "recognition:read",
    /// Make prints, of oneself or of anybody who allows it.
    RecognitionEnrol = "recognition:enrol",
    /// Send what a worker saw or heard, to be compared with prints.
    RecognitionObserve = "recognition:observe",
    /// Confirm and reject who it is, end presence and delete prints: one's own, or all as owner or admin.
    RecognitionDecide = "recognition:decide",
    /// See who is where, and who was.
    PresenceRead = "presence:read",
    /// See what others may do for the agent.
    DelegationsRead = "delegations:read",
    /// Let others act for the agent, and end that.
    DelegationsWrite = "delegations:write",
    /// Act for another agent, by a delegation that it gave to this one.
    AgentsDelegate = "agents:delegate",
    /// Read audit entries.
    AuditRead = "audit:read",
}

impl Scope {
    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == word)
    }
}
