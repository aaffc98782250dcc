//! Why a socket was closed: a code for machines, a name for people and logs.

/// The reason with which a side closes the socket. The close frame carries [`CloseReason::code`] and, as its text,
/// [`CloseReason::name`]; `goodbye` carries the name.
///
/// Codes lie in 4000–4999, which RFC 6455 leaves to applications: 400x the peer broke the protocol, 401x the credential,
/// 402x the connection, 403x the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// No `hello` came in time.
    HelloTimeout,
    /// A frame that makes going on meaningless: not JSON, not an object, another frame before `hello`, a second `hello`.
    ProtocolError,
    /// A binary message; the channel is text only.
    BinaryFrame,
    /// A message above the limit that `welcome` named.
    FrameTooLarge,
    /// The credential is missing, unknown or expired.
    Unauthorized,
    /// The credential or the device was revoked.
    Revoked,
    /// A newer socket of the same device took over.
    Replaced,
    /// The peer reads more slowly than the hub has to send.
    Slow,
    /// Nothing was heard for two heartbeats.
    Silent,
    /// The satellite leaves of its own will.
    Leaving,
    /// The hub stops or restarts.
    Restart,
    /// The hub failed and cannot say more.
    Internal,
}

impl CloseReason {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 12] = [
        Self::HelloTimeout,
        Self::ProtocolError,
        Self::BinaryFrame,
        Self::FrameTooLarge,
        Self::Unauthorized,
        Self::Revoked,
        Self::Replaced,
        Self::Slow,
        Self::Silent,
        Self::Leaving,
        Self::Restart,
        Self::Internal,
    ];

    /// The WebSocket close code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::HelloTimeout => 4000,
            Self::ProtocolError => 4001,
            Self::BinaryFrame => 4002,
            Self::FrameTooLarge => 4003,
            Self::Unauthorized => 4010,
            Self::Revoked => 4011,
            Self::Replaced => 4012,
            Self::Slow => 4020,
            Self::Silent => 4021,
            Self::Leaving => 4022,
            Self::Restart => 4030,
            Self::Internal => 4031,
        }
    }

    /// The name used in close frames, `goodbye`, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HelloTimeout => "hello_timeout",
            Self::ProtocolError => "protocol_error",
            Self::BinaryFrame => "binary_frame",
            Self::FrameTooLarge => "frame_too_large",
            Self::Unauthorized => "unauthorized",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Leaving => "leaving",
            Self::Restart => "restart",
            Self::Internal => "internal",
        }
    }

    /// The reason that a close code stands for; `None` for codes of RFC 6455 and of newer versions.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The reason of this name; `None` for one that a newer hub may have.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether connecting again with the same credential can help. After `replaced` it would only throw out the newer
    /// socket, which would throw out this one, for ever.
    #[must_use]
    pub const fn may_reconnect(self) -> bool {
        !matches!(self, Self::Unauthorized | Self::Revoked | Self::Replaced)
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
