//! Knowing people by voice and face: what is near enough, and for how long it counts. How near is near depends on the worker's model,
//! and has to be measured with it; the defaults are strict, and not measured with any.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{ConfigError, between, within};
use crate::recognition::{Modality, rule::Bounds};

/// The section `recognition`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecognitionConfig {
    /// The least cosine between a voice and a print of it.
    pub voice_threshold: f64,
    /// The least cosine between a face and a print of it.
    pub face_threshold: f64,
    /// How much nearer a print has to be than the nearest of anybody else.
    pub margin: f64,
    /// From this cosine on a voice needs nobody to confirm it; 0: it always does.
    pub voice_confirm_above: f64,
    /// From this cosine on a face needs nobody to confirm it; 0: it always does.
    pub face_confirm_above: f64,
    /// How long somebody counts as present after they were last seen or heard, and how long a hypothesis can be confirmed, in seconds.
    pub presence_s: u32,
    /// How soon somebody who was observed is only written down again, in seconds.
    pub repeat_s: u32,
    /// How long somebody is not suggested again by the same modality in the same space after that was rejected, in seconds.
    pub quiet_s: u32,
    /// How long decided hypotheses, observations and past presence are kept, in days.
    pub keep_days: u32,
}

impl Default for RecognitionConfig {
    fn default() -> Self {
        Self {
            voice_threshold: 0.9,
            face_threshold: 0.9,
            margin: 0.05,
            voice_confirm_above: 0.0,
            face_confirm_above: 0.0,
            presence_s: 900,
            repeat_s: 10,
            quiet_s: 3_600,
            keep_days: 30,
        }
    }
}

impl RecognitionConfig {
    /// What is near enough.
    #[must_use]
    pub const fn bounds(&self, of: Modality) -> Bounds {
        Bounds {
            threshold: match of {
                Modality::Voice => self.voice_threshold,
                Modality::Face => self.face_threshold,
            },
            margin: self.margin,
        }
    }

    /// Whether a cosine needs nobody to confirm it.
    #[must_use]
    pub fn is_sure(&self, of: Modality, score: f64) -> bool {
        let least = match of {
            Modality::Voice => self.voice_confirm_above,
            Modality::Face => self.face_confirm_above,
        };
        least > 0.0 && score >= least
    }

    /// How long somebody counts as present.
    #[must_use]
    pub fn presence(&self) -> Duration {
        Duration::seconds(self.presence_s.into())
    }

    /// How soon somebody is only written down again.
    #[must_use]
    pub fn repeat(&self) -> Duration {
        Duration::seconds(self.repeat_s.into())
    }

    /// How long somebody is not suggested again.
    #[must_use]
    pub fn quiet(&self) -> Duration {
        Duration::seconds(self.quiet_s.into())
    }

    /// How long what is over is kept.
    #[must_use]
    pub fn keep(&self) -> Duration {
        Duration::days(self.keep_days.into())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        between(self.voice_threshold, 0.1..=1.0, "recognition.voice_threshold")?;
        between(self.face_threshold, 0.1..=1.0, "recognition.face_threshold")?;
        between(self.margin, 0.0..=1.0, "recognition.margin")?;
        within(
            self.voice_confirm_above == 0.0
                || (self.voice_threshold..=1.0).contains(&self.voice_confirm_above),
            "recognition.voice_confirm_above",
            "must be 0, or between recognition.voice_threshold and 1",
        )?;
        within(
            self.face_confirm_above == 0.0 || (self.face_threshold..=1.0).contains(&self.face_confirm_above),
            "recognition.face_confirm_above",
            "must be 0, or between recognition.face_threshold and 1",
        )?;
        between(self.presence_s, 60..=86_400, "recognition.presence_s")?;
        between(self.repeat_s, 1..=60, "recognition.repeat_s")?;
        within(
            self.repeat_s * 2 <= self.presence_s,
            "recognition.repeat_s",
            "must be at most half of recognition.presence_s, or whoever is there would be forgotten between two looks",
        )?;
        between(self.quiet_s, 0..=86_400, "recognition.quiet_s")?;
        between(self.keep_days, 1..=365, "recognition.keep_days")
    }
}
