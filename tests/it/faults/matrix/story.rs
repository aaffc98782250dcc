//! What happens in a run, drawn from its seed: what the device says, what its owner wants of it, and what they want no more.

use std::time::Duration;

use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};

/// The kind of command that the owner sends.
pub(super) const KIND: &str = "matrix.do";
/// How long a command may take that must be done in the end, whatever happens.
pub(super) const LONG: Duration = Duration::from_mins(10);

/// One thing after the other.
#[derive(Debug)]
pub(super) struct Step {
    /// How long nothing happens before it.
    pub(super) pause: Duration,
    /// What happens.
    pub(super) does: Does,
}

/// What happens.
#[derive(Debug)]
pub(super) enum Does {
    /// The device says so many things at once, about which nobody thinks.
    Says(usize),
    /// The device says something that the agent answers.
    Asks,
    /// The owner sends a command.
    Sends(Order),
    /// The owner no longer wants one of those sent until now.
    Cancels(usize),
}

/// A command as the owner wants it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Which of the run.
    pub(super) number: usize,
    /// How long the device has.
    pub(super) life: Duration,
    /// It takes the place of those with the same key.
    pub(super) key: Option<&'static str>,
    /// What the device is to do.
    pub(super) how: How,
    /// How long that takes it.
    pub(super) takes: Duration,
    /// The owner asks twice, as if no answer had come.
    pub(super) is_repeated: bool,
}

/// What a device does about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It carries it out and says so.
    Does,
    /// The same, and half way it says how far it is.
    Reports,
    /// The same, unless it is told to stop meanwhile.
    Heeds,
    /// It tries, and it does not work.
    Fails,
    /// It carries it out and never says so.
    IsMute,
}

impl How {
    const ALL: [Self; 5] = [Self::Does, Self::Reports, Self::Heeds, Self::Fails, Self::IsMute];

    const fn word(self) -> &'static str {
        match self {
            Self::Does => "does",
            Self::Reports => "reports",
            Self::Heeds => "heeds",
            Self::Fails => "fails",
            Self::IsMute => "is_mute",
        }
    }

    /// What a device is told to do by a command's arguments; what it is not told, it does.
    pub(super) fn told(arguments: &serde_json::Map<String, Value>) -> Self {
        let word = arguments.get("how").and_then(Value::as_str);
        let told = Self::ALL.into_iter().find(|how| Some(how.word()) == word);
        told.unwrap_or(Self::Does)
    }
}

/// How long a device is told to take.
pub(super) fn told_to_take(arguments: &serde_json::Map<String, Value>) -> Duration {
    let told = arguments.get("takes_ms").and_then(Value::as_u64);
    Duration::from_millis(told.unwrap_or_default())
}

/// The steps of a run.
pub(super) fn draw(rng: &mut StdRng) -> Vec<Step> {
    let mut orders = 0;
    let mut asked = false;
    let steps = (0..rng.random_range(8..16)).map(|_| {
        let pause = Duration::from_millis(rng.random_range(0..80));
        let does = match rng.random_range(0..100) {
            0..25 => Does::Says(rng.random_range(1..4)),
            // Once: thinking is what a run spends most time on.
            25..30 if !asked => {
                asked = true;
                Does::Asks
            }
            30..48 if orders > 0 => Does::Cancels(rng.random_range(0..orders)),
            _ => {
                orders += 1;
                Does::Sends(Order::draw(rng, orders - 1))
            }
        };
        Step { pause, does }
    });
    steps.collect()
}

impl Order {
    fn draw(rng: &mut StdRng, number: usize) -> Self {
        let short = Duration::from_millis(rng.random_range(1_000..1_500));
        let moment = Duration::from_millis(rng.random_range(0..60));
        let (how, life, takes) = match rng.random_range(0..100) {
            0..40 => (How::Does, LONG, moment),
            40..50 => (How::Reports, LONG, moment),
            50..60 => (How::Heeds, LONG, moment * 4),
            60..68 => (How::Fails, LONG, moment),
            68..82 => (How::Does, short, moment),
            // Who says nothing is waited for to the end of the command's life.
            82..93 => (How::IsMute, short, moment),
            // The answer comes when nobody waits any more.
            _ => (How::Does, short, short + moment + Duration::from_millis(500)),
        };
        Self {
            number,
            life,
            key: rng
                .random_bool(0.35)
                .then(|| if rng.random() { "a" } else { "b" }),
            how,
            takes,
            is_repeated: rng.random_bool(0.2),
        }
    }

    /// The body of the request.
    pub(super) fn body(&self, device: uuid::Uuid, kind: &str) -> Value {
        json!({
            "device_id": device,
            "kind": kind,
            "arguments": {
                "n": self.number,
                "how": self.how.word(),
                "takes_ms": self.takes.as_millis(),
                // What the reference satellite shows.
                "text": format!("do {device} {}", self.number),
            },
            "timeout_ms": self.life.as_millis(),
            "supersede_key": self.key,
        })
    }
}
