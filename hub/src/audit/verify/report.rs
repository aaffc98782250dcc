//! What a verification found, for people and for programs.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::audit::merkle::Hash;

/// How many problems are told to a person; a program gets all of them.
const SHOWN_PROBLEMS: usize = 20;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The name of the log and its key.
    pub origin: String,
    /// The largest size that is signed.
    pub size: u64,
    /// The root over the entries found, in base64 as in a checkpoint; nothing where some are missing.
    #[serde(serialize_with = "base64_root")]
    pub root: Option<Hash>,
    /// How many entries were read and are those that were logged.
    pub entries: u64,
    /// How many agents they belong to, the hub's own chain among them.
    pub agents: usize,
    /// How many checkpoints had a good signature.
    pub checkpoints: usize,
    /// Bundles and tiles newer than the newest checkpoint, which nothing speaks for yet.
    pub unsigned_objects: usize,
    /// What is wrong: first checkpoints and tiles, then entries in the order of the log.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The path of the object, or the label of a known checkpoint.
    pub object: String,
    /// The entry that it concerns, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// Whose chain the entry belongs to, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Uuid>,
    /// The entry's place in that chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_seq: Option<u64>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The object is none of a log.
    #[error("it does not belong into a log")]
    Stranger,
    /// There is no newest checkpoint.
    #[error("the newest checkpoint is missing")]
    CheckpointMissing,
    /// A checkpoint that the log's key did not sign as it stands.
    #[error("the checkpoint does not hold: {reason}")]
    CheckpointInvalid {
        /// Why.
        reason: String,
    },
    /// A history checkpoint kept under the name of another size.
    #[error("the checkpoint is of size {size}, not of the size in its name")]
    CheckpointMisplaced {
        /// The size that it signs.
        size: u64,
    },
    /// Two signed checkpoints of one size with different roots.
    #[error("it signs another root of size {size} than {other_place}: the log was forked")]
    SignedTwice {
        /// The size of both.
        size: u64,
        /// The other checkpoint.
        other_place: String,
    },
    /// The newest checkpoint is older than one that is known.
    #[error("the log ends at {size}, but {known_place} signs {known_size} entries: its end was cut off")]
    CutOff {
        /// The size of the newest checkpoint.
        size: u64,
        /// The size of the one known.
        known_size: u64,
        /// The one known.
        known_place: String,
    },
    /// A checkpoint that does not fit a log that a newer one confirms.
    #[error("it signs another root of size {size} than the log has: the log was forked")]
    Forked {
        /// Its size.
        size: u64,
    },
    /// The entries are not those that were signed.
    #[error("an entry from {first} to {last} is not the one that was signed")]
    NotAsSigned {
        /// The first entry that no matching checkpoint covers.
        first: u64,
        /// The last entry of the checkpoint that does not match.
        last: u64,
    },
    /// An object is not there.
    #[error("the object is missing")]
    Missing,
    /// Nothing is there from this entry on.
    #[error("the entries up to {last} are missing")]
    EndMissing {
        /// The last entry that was signed.
        last: u64,
    },
    /// A tile's hashes are not those of the entries.
    #[error("{count} of the tile's hashes are not those of its entries, the first at place {first_place}")]
    TileWrong {
        /// How many hashes differ or are too many or too few.
        count: usize,
        /// The place of the first within the tile, from 0.
        first_place: usize,
    },
    /// The bytes of an entry are not those that were logged.
    #[error("the entry's bytes were changed")]
    EntryEdited,
    /// The bundle cannot be split into entries from here on.
    #[error("the bundle was changed and cannot be split into its entries from here on")]
    BundleBroken,
    /// Entry and tile differ, and nothing signed says which of them is right.
    #[error("the entry and its hash in the tile disagree, and no checkpoint tells which is right")]
    Unsettled,
    /// What was logged is no entry of a chain.
    #[error("what was logged is no audit entry: {reason}")]
    NotAnEntry {
        /// Why.
        reason: String,
    },
    /// Entries of the agent's chain were left out.
    #[error("the agent's entry {expected} should be here: entries were left out or reordered")]
    SequenceGap {
        /// The place in the chain that comes next.
        expected: u64,
    },
    /// The place in the agent's chain was taken before.
    #[error("the agent's entry {expected} should be here: an entry was repeated or reordered")]
    SequenceRepeated {
        /// The place in the chain that comes next.
        expected: u64,
    },
    /// Two entries of the agent follow the same one.
    #[error("another entry already follows the same one: the agent's chain was forked")]
    ChainForked,
    /// The entry does not name the hash of the agent's entry before it.
    #[error("it does not follow the agent's entry before it: the chain is broken")]
    ChainBroken,
    /// The agent's epoch went back.
    #[error("the agent's epoch went back from {before}")]
    EpochBack {
        /// The epoch of the agent's entry before it.
        before: u64,
    },
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problem at the smallest log index.
    #[must_use]
    pub fn first_bad_entry(&self) -> Option<&Problem> {
        self.problems
            .iter()
            .filter(|problem| problem.log_index.is_some())
            .min_by_key(|problem| problem.log_index)
    }
}

impl Problem {
    pub(super) fn of_object(object: &str, fault: Fault) -> Self {
        Self {
            object: object.to_owned(),
            log_index: None,
            agent_id: None,
            agent_seq: None,
            fault,
        }
    }

    pub(super) fn of_entry(object: &str, log_index: u64, fault: Fault) -> Self {
        Self {
            log_index: Some(log_index),
            ..Self::of_object(object, fault)
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self
            .root
            .map_or_else(|| "unknown".to_owned(), |root| BASE64_STANDARD.encode(root));
        writeln!(f, "log          {}", self.origin)?;
        let signed = if self.checkpoints > 0 {
            "signed"
        } else {
            "not signed"
        };
        writeln!(f, "size         {} ({signed})", self.size)?;
        writeln!(f, "root         {root}")?;
        writeln!(f, "entries      {} read, of {} agents", self.entries, self.agents)?;
        writeln!(f, "checkpoints  {} with a good signature", self.checkpoints)?;
        if self.unsigned_objects > 0 {
            writeln!(
                f,
                "unsigned     {} objects newer than the newest checkpoint",
                self.unsigned_objects
            )?;
        }
        if self.is_whole() {
            return writeln!(f, "\nThe log is whole.");
        }
        let count = self.problems.len();
        writeln!(
            f,
            "\nThe log is NOT whole: {count} {}.",
            if count == 1 { "problem" } else { "problems" }
        )?;
        if let Some(first) = self.first_bad_entry() {
            writeln!(f, "The first bad entry is {}.", first.entry())?;
        }
        for problem in self.problems.iter().take(SHOWN_PROBLEMS) {
            writeln!(f, "\n{problem}")?;
        }
        match self.problems.len().saturating_sub(SHOWN_PROBLEMS) {
            0 => Ok(()),
            hidden => writeln!(f, "\n… and {hidden} more"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.object)?;
        if self.log_index.is_some() {
            write!(f, ", {}", self.entry())?;
        }
        write!(f, "\n    {}", self.fault)
    }
}

impl Problem {
    fn entry(&self) -> String {
        let index = self
            .log_index
            .map_or_else(String::new, |index| format!("log index {index}"));
        match (self.agent_id, self.agent_seq) {
            (Some(agent), Some(seq)) => format!("{index}, agent {agent}, agent_seq {seq}"),
            _ => index,
        }
    }
}

/// Problems of objects before those of entries, which stand in the order of the log.
pub(super) fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| (a.log_index, &a.object).cmp(&(b.log_index, &b.object)));
}

#[expect(clippy::ref_option, reason = "serde passes it so")]
fn base64_root<S: Serializer>(root: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
    root.map(|root| BASE64_STANDARD.encode(root))
        .serialize(serializer)
}
