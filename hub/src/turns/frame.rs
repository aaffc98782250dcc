//! A frame of a turn's stream: what the agent says while it thinks, and how it ended. Provisional, but for the end.

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// More of the reply.
    Delta,
    /// What was said so far does not count: the turn begins anew.
    Restart,
    /// The turn was planned; its reply is final.
    Completed,
    /// The turn was skipped.
    Skipped,
    /// The turn was given up.
    Dead,
}

impl FrameKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Delta,
        Self::Restart,
        Self::Completed,
        Self::Skipped,
        Self::Dead,
    ];

    /// The word in tables and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Restart => "restart",
            Self::Completed => "completed",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Skipped | Self::Dead)
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its place in the stream; later ones have greater ones.
    pub ordinal: i64,
    /// What it says.
    pub kind: FrameKind,
    /// The text of a delta.
    pub text: Option<String>,
}
