//! Knowing people by voice and face, as far as they allow it: prints, what is recognised by them, and who is where (DESIGN 13).
//!
//! Vectors come from outside workers. One that is near a person's print is a hypothesis, which that person or whoever runs the
//! household confirms or rejects; a confirmed one is presence, until the person is not seen any more. Who is unknown stays so, and
//! nothing of them is kept. Whatever is written goes with the consent by which it was written, so the log says nothing but ids of it.

pub mod age;
pub mod confirm;
pub mod delete_print;
pub mod enrol;
pub mod erase;
pub mod leave;
pub mod observe;
pub mod reject;
pub mod rule;
mod tell;
pub mod vector;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    consents::ConsentPurpose,
    identity::Caller,
    ids::{ConsentId, DeviceId, HypothesisId, PersonId, PresenceId, PrintId, SpaceId, UserId},
};

/// Characters of the name of a worker's model at most.
pub const MAX_MODEL: usize = 200;
/// Prints of one person and modality at most: more make nobody easier to know.
pub const MOST_OF_A_PERSON: i64 = 20;
/// Prints of one modality and agent at most: every one of them is compared with whatever is seen.
pub const MOST_OF_AN_AGENT: i64 = 2_000;
/// How far a worker's clock may be off, and how late it may come: what was seen earlier does not say who is here.
pub const MOST_OFF: Duration = Duration::minutes(5);
/// Observations of one hypothesis that are written down; later ones are counted.
pub const MOST_OBSERVATIONS: i32 = 100;

/// By what somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// How they sound: 256 numbers.
    Voice,
    /// How they look: 512 numbers.
    Face,
}

impl Modality {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Voice, Self::Face];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Face => "face",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// What a person has to allow.
    #[must_use]
    pub const fn purpose(self) -> ConsentPurpose {
        match self {
            Self::Voice => ConsentPurpose::Voice,
            Self::Face => ConsentPurpose::Face,
        }
    }

    /// What is known by it that a person allows; none of what has nothing to do with it.
    #[must_use]
    pub const fn of(purpose: ConsentPurpose) -> Option<Self> {
        match purpose {
            ConsentPurpose::Voice => Some(Self::Voice),
            ConsentPurpose::Face => Some(Self::Face),
            ConsentPurpose::Recording | ConsentPurpose::Memory | ConsentPurpose::Sharing => None,
        }
    }

    /// How many numbers a vector has.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Voice => 256,
            Self::Face => 512,
        }
    }
}

/// A print of somebody, without its vector, which is never given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Print {
    /// Its id.
    pub id: PrintId,
    /// Whose it is.
    pub person_id: PersonId,
    /// Of what.
    pub modality: Modality,
    /// What made the vector; only vectors of one model are compared.
    #[schema(example = "speaker-net-2")]
    pub model: String,
    /// The grant by which it was made, and with which it goes.
    pub consent_id: ConsentId,
    /// The user whose credential made it.
    pub made_by_user_id: UserId,
    /// When.
    pub created_at: DateTime,
}

/// How far a hypothesis has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HypothesisState {
    /// Nobody has said whether it is right.
    Open,
    /// It is.
    Confirmed,
    /// It is not.
    Rejected,
}

impl HypothesisState {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Open, Self::Confirmed, Self::Rejected];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// Somebody who was seen or heard may be this person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hypothesis {
    /// Its id.
    pub id: HypothesisId,
    /// Who it may be.
    pub person_id: PersonId,
    /// By what.
    pub modality: Modality,
    /// Where.
    pub space_id: SpaceId,
    /// The device that saw or heard it, where the worker said so.
    pub device_id: Option<DeviceId>,
    /// The grant by which it was compared, and with which it goes.
    pub consent_id: ConsentId,
    /// How near the nearest print was, as a cosine, rounded to hundredths so that nobody can feel their way along it.
    pub score: f64,
    /// How much nearer it was than the next person's nearest; null where nobody else could be compared, and to all but
    /// those who run the household: it tells of others.
    pub margin: Option<f64>,
    /// How far it has come.
    pub state: HypothesisState,
    /// How often it was observed.
    pub observations: i32,
    /// When first.
    pub first_seen_at: DateTime,
    /// When last.
    pub last_seen_at: DateTime,
    /// When it was confirmed or rejected.
    pub decided_at: Option<DateTime>,
    /// By whom; null while it is open, and where the hub did it because of its score.
    pub decided_by_user_id: Option<UserId>,
}

impl Hypothesis {
    /// As a caller may see it. The margin tells of the prints of others, and is for those who run the household.
    #[must_use]
    pub fn as_seen_by(self, caller: &Caller) -> Self {
        let margin = self.margin.filter(|_| caller.runs_the_household());
        Self { margin, ..self }
    }
}

/// Somebody is in a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    /// Its id.
    pub id: PresenceId,
    /// Who.
    pub person_id: PersonId,
    /// Where.
    pub space_id: SpaceId,
    /// By what they are known there.
    pub modality: Modality,
    /// The device that last saw or heard them, where the worker said so.
    pub device_id: Option<DeviceId>,
    /// Since when.
    pub since: DateTime,
    /// When they were last seen or heard.
    pub seen_at: DateTime,
}

/// Why somebody is not in a space any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceEnd {
    /// They were not seen any more.
    AgedOut,
    /// Somebody said so.
    Removed,
    /// The space went private.
    PrivacyMode,
}

impl PresenceEnd {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::AgedOut, Self::Removed, Self::PrivacyMode];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgedOut => "aged_out",
            Self::Removed => "removed",
            Self::PrivacyMode => "privacy_mode",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// Somebody was in a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastPresence {
    /// Its id: the one that it had as presence.
    pub id: PresenceId,
    /// Who.
    pub person_id: PersonId,
    /// Where.
    pub space_id: SpaceId,
    /// By what they were known.
    pub modality: Modality,
    /// Since when.
    pub since: DateTime,
    /// Until they were last seen, or it was ended.
    pub until: DateTime,
    /// Why it ended.
    pub reason: PresenceEnd,
}

/// What became of something that a worker saw or heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservationOutcome {
    /// Nobody who allows it was near enough, or two were alike. Nothing is kept.
    Unknown,
    /// There is a hypothesis, which waits for somebody to say whether it is right.
    Suggested,
    /// Somebody is present, and was seen again.
    Present,
    /// The space is private. Nothing was compared, and nothing is kept.
    Discarded,
}

impl ObservationOutcome {
    /// The word in metrics and in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Suggested => "suggested",
            Self::Present => "present",
            Self::Discarded => "discarded",
        }
    }
}

/// The answer to a worker. It does not learn who it is, nor how near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Observation {
    /// What became of it.
    pub outcome: ObservationOutcome,
    /// The hypothesis, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypothesis_id: Option<HypothesisId>,
    /// Why it was discarded.
    #[schema(example = "privacy_mode")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}
