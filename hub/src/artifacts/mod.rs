//! Artifacts: files that belong to the agent. What they are is in a table, their bytes are in a store beside it.
//!
//! Whoever makes one says size and digest first, is told where to send the bytes, and says when they are there. `pending` →
//! `stored` → deleted. The row is there before the bytes and goes after them, so that nothing in the store is forgotten.

pub mod complete;
pub mod create;
pub mod delete;
pub mod download;
pub mod link;
pub mod receive;
pub mod rules;
pub mod share;
pub mod sweep;
pub mod upload;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    ids::{ArtifactId, SpaceId},
};

/// How long an upload may stay unfinished.
pub const UNFINISHED: TimeDelta = TimeDelta::hours(24);
/// How long a link to upload is good: time for the largest file over a slow line.
pub const UPLOAD_LIFE: TimeDelta = TimeDelta::hours(1);
/// How long a link to download is good: time to begin.
pub const DOWNLOAD_LIFE: TimeDelta = TimeDelta::minutes(5);
/// After this no link to upload is good any more, and no upload that began with one is under way.
pub const SETTLED: TimeDelta = TimeDelta::hours(26);
/// Unfinished uploads at most of one user or device that makes them.
pub const MOST_UNFINISHED: i64 = 100;
/// Bytes of all of them at most, as many times the largest artifact.
pub const MOST_UNFINISHED_SIZES: u64 = 10;

/// A file that belongs to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// What people call it.
    #[schema(example = "window.jpg")]
    pub name: Option<String>,
    /// What it is, as whoever made it says.
    #[schema(example = "image/jpeg")]
    pub media_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Where it belongs.
    pub space_id: SpaceId,
    /// Whether only the person who made it sees it; otherwise the household does.
    pub is_private: bool,
    /// Whether its bytes are there.
    pub state: ArtifactState,
    /// When it was announced.
    pub created_at: DateTime,
    /// When its bytes were found complete.
    pub stored_at: Option<DateTime>,
}

/// Whether the bytes of an artifact are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactState {
    /// They are awaited, for a day.
    Pending,
    /// They are there, and what was announced.
    Stored,
}

impl ArtifactState {
    /// Reads the word of the table; none for one that is deleted, which nobody sees.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "pending" => Some(Self::Pending),
            "stored" => Some(Self::Stored),
            _ => None,
        }
    }
}
