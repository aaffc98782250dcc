//! Conversations and their sessions: where talk belongs.

pub mod find;

use chrono::Duration;

/// A space's voice falls silent after this, and the next word opens a new session.
pub const VOICE_IDLE: Duration = Duration::minutes(10);
