//! Consents: what a person allows to be done with what they say, and with how they look and sound.
//!
//! A person's consents are a history. A grant counts where and while its scope says, until a withdrawal after it names it, or its
//! whole purpose. To remember what somebody says needs no grant before they withdraw that; everything else does (DESIGN 13).

pub mod check;
pub mod grant;
pub mod join;
pub mod list;
pub mod whose;
pub mod withdraw;

#[cfg(test)]
mod tests;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    ids::{ConsentId, DeviceId, PersonId, SpaceId, UserId},
};

/// Characters of what is written down as evidence, at most.
pub const MAX_EVIDENCE: usize = 500;
/// How far ahead a grant may begin: whoever wants it later says so later.
pub const MOST_AHEAD: Duration = Duration::days(366);
/// How long one lasts at most, where it has an end.
pub const LONGEST: Duration = Duration::days(3_660);
/// Grants of one person for one purpose, after the last time that all of it was withdrawn, at most.
pub const MOST: usize = 200;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $one:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $one),* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$one),*];

            /// The word in tables.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$one => $word),* }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// What something is done for.
    ConsentPurpose {
        /// To know them by their voice.
        Voice = "voice",
        /// To know them by their face.
        Face = "face",
        /// To keep recordings of them.
        Recording = "recording",
        /// To remember what they say.
        Memory = "memory",
        /// To pass on what is theirs.
        Sharing = "sharing",
    }
}

words! {
    /// What a row of the history says.
    Decision {
        /// They allow it.
        Granted = "granted",
        /// They do not, from then on.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// How it is known.
    EvidenceKind {
        /// They said so, signed in.
        OwnWord = "own_word",
        /// Somebody who runs the household wrote it down for somebody without a login.
        RecordedBy = "recorded_by",
    }
}

/// One row of a person's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Whose it is.
    pub person_id: PersonId,
    /// What for.
    pub purpose: ConsentPurpose,
    /// What they decided.
    pub decision: Decision,
    /// Of a grant: in this space only; null: in all.
    pub space_id: Option<SpaceId>,
    /// Of a grant: by this device only; null: by all.
    pub device_id: Option<DeviceId>,
    /// From when.
    pub starts_at: DateTime,
    /// Until when; null: until it is withdrawn.
    pub expires_at: Option<DateTime>,
    /// Of a withdrawal: which grant it ends; null: all of the purpose.
    pub withdraws_id: Option<ConsentId>,
    /// How it is known.
    pub evidence_kind: EvidenceKind,
    /// What was written down about that.
    pub evidence: Option<String>,
    /// The user who said or wrote it.
    pub given_by_user_id: UserId,
    /// In which request.
    pub request_id: Option<String>,
    /// When.
    pub created_at: DateTime,
}

/// Where and when something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// In which space; none: nobody knows, and grants for one space do not count.
    pub space: Option<SpaceId>,
    /// By which device; none: nobody knows, or none.
    pub device: Option<DeviceId>,
    /// When.
    pub at: DateTime,
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// By this grant.
    Granted(ConsentId),
    /// It needs no grant, and nobody has said no.
    ByDefault,
    /// No.
    Refused,
}

impl Consent {
    /// Whether a grant's scope has room for a use, whatever was withdrawn.
    #[must_use]
    pub fn covers(&self, of: &Use) -> bool {
        self.decision == Decision::Granted
            && self.space_id.is_none_or(|only| of.space == Some(only))
            && self.device_id.is_none_or(|only| of.device == Some(only))
            && self.starts_at <= of.at
            && self.expires_at.is_none_or(|end| of.at < end)
    }
}

impl ConsentPurpose {
    /// Whether it may be done before anybody has said anything.
    #[must_use]
    pub const fn is_by_default(self) -> bool {
        matches!(self, Self::Memory)
    }
}

/// Judges by a person's history of one purpose, oldest first.
#[must_use]
pub fn standing(purpose: ConsentPurpose, history: &[Consent], of: &Use) -> Standing {
    let mut ended = Vec::new();
    let mut is_withdrawn = false;
    for row in history.iter().rev() {
        match (row.decision, row.withdraws_id) {
            (Decision::Granted, _) if row.covers(of) && !ended.contains(&row.id) => {
                return Standing::Granted(row.id);
            }
            (Decision::Granted, _) => {}
            (Decision::Withdrawn, Some(grant)) => {
                is_withdrawn = true;
                ended.push(grant);
            }
            (Decision::Withdrawn, None) => return Standing::Refused,
        }
    }
    if purpose.is_by_default() && !is_withdrawn {
        Standing::ByDefault
    } else {
        Standing::Refused
    }
}
