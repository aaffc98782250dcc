//! An embedding model that knows a few words: texts with words of one meaning are near each other, whatever the words.

use std::ops::Deref;

use hub::{
    config::Config,
    memory::embedding::{Dimensions, Embedding},
};
use serde_json::{Value, json};

use crate::scripted_server::{Heard, Line, ScriptedServer};

/// Words of one meaning, in a line each.
const MEANINGS: [&[&str]; 8] = [
    &["car", "automobile", "vehicle", "wagon"],
    &["doctor", "physician", "medic"],
    &["sick", "ill", "unwell", "poorly"],
    &["kids", "children", "youngsters"],
    &["dinner", "supper", "meal"],
    &["key", "keys", "unlock", "locked"],
    &["red", "crimson", "scarlet"],
    &["trip", "journey", "voyage"],
];
/// Words that mean nothing by themselves.
const COMMON: &str = " a about an and are can do go goes he i in is it me my of on or our out remember said she someone tell \
                      that the they this to told was we what when where who whose with you your kitchen office ";

/// The models of a server, each with how many numbers it gives.
type Models = &'static [(&'static str, Dimensions)];

/// The server. Is a [`ScriptedServer`] whose script comes first; past its end it embeds with the models that it knows.
pub struct EmbeddingServer {
    server: ScriptedServer,
    models: Models,
}

impl Deref for EmbeddingServer {
    type Target = ScriptedServer;

    fn deref(&self) -> &ScriptedServer {
        &self.server
    }
}

impl EmbeddingServer {
    /// One that knows these models.
    pub async fn start(models: Models) -> Self {
        let server = ScriptedServer::start().await;
        server.otherwise(move |heard| embeds(heard, models));
        Self { server, models }
    }

    /// Has a hub use one of its models, with times that a hanging one does not hold a test up for long, and small batches.
    pub fn used_as(&self, name: &'static str) -> impl FnOnce(&mut Config) + Send + use<> {
        let (url, models) = (self.url(), self.models);
        move |config| {
            let known = models.iter().find(|(known, _)| *known == name);
            let (_, dimensions) = known.expect("the server knows the model");
            config.embeddings.base_url = url;
            name.clone_into(&mut config.embeddings.model);
            config.embeddings.dimensions = dimensions.count();
            config.embeddings.batch = 4;
            config.embeddings.question_timeout_ms = 2_000;
            config.embeddings.timeout_ms = 3_000;
        }
    }

    /// Goes on as before the faults.
    pub fn recovers(&self) {
        let models = self.models;
        self.otherwise(move |heard| embeds(heard, models));
    }

    /// Answers a call with a text that holds a word like this, and the others as it does.
    pub fn answers_for(&self, word: &'static str, line: Line) {
        let models = self.models;
        self.otherwise(move |heard| {
            if texts(heard).iter().any(|text| text.contains(word)) {
                line.clone()
            } else {
                embeds(heard, models)
            }
        });
    }

    /// Answers no call with as many texts in time.
    pub fn is_too_slow_for(&self, count: usize) {
        let models = self.models;
        self.otherwise(move |heard| {
            if texts(heard).len() < count {
                embeds(heard, models)
            } else {
                Line::Hang
            }
        });
    }

    /// Answers every call like this.
    pub fn always(&self, line: Line) {
        self.otherwise(move |_| line.clone());
    }

    /// The texts that it was given, call by call.
    #[must_use]
    pub fn texts(&self) -> Vec<Vec<String>> {
        self.heard().iter().map(texts).collect()
    }
}

/// What a text means to the server.
#[must_use]
pub fn embedding_of(text: &str, dimensions: Dimensions) -> Embedding {
    let numbers = numbers(text, dimensions);
    Embedding::of(numbers, dimensions).expect("every text means something")
}

fn texts(heard: &Heard) -> Vec<String> {
    serde_json::from_value(heard.body["input"].clone()).expect("the input is a list of texts")
}

fn embeds(heard: &Heard, models: Models) -> Line {
    let name = &heard.body["model"];
    let Some((_, dimensions)) = models.iter().find(|(known, _)| *name == *known) else {
        return Line::fails(404, "there is no such model");
    };
    let numbers = texts(heard).into_iter().map(|text| numbers(&text, *dimensions));
    Line::embeddings(name, &numbers.collect::<Vec<_>>())
}

impl Line {
    /// An answer with embeddings, the last first: their order is in their numbers.
    #[must_use]
    pub fn embeddings(model: &Value, embeddings: &[Vec<f32>]) -> Self {
        let data: Vec<Value> = embeddings
            .iter()
            .enumerate()
            .rev()
            .map(|(index, numbers)| json!({"object": "embedding", "index": index, "embedding": numbers}))
            .collect();
        let usage = json!({"prompt_tokens": 8, "total_tokens": 8});
        let answer = json!({"object": "list", "model": model, "data": data, "usage": usage});
        Self::Answer(200, Vec::new(), answer.to_string())
    }
}

/// The sum of a direction for each meaning.
fn numbers(text: &str, dimensions: Dimensions) -> Vec<f32> {
    let mut sum = vec![0.0; dimensions.count() as usize];
    let lower = text.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut meanings: Vec<&str> = words
        .filter(|word| !COMMON.contains(&format!(" {word} ")))
        .map(meaning)
        .collect();
    if meanings.is_empty() {
        meanings.push("nothing");
    }
    for meaning in meanings {
        for (number, random) in sum.iter_mut().zip(direction(meaning)) {
            *number += random;
        }
    }
    sum
}

fn meaning(word: &str) -> &str {
    let line = MEANINGS.iter().find(|line| line.contains(&word));
    line.map_or(word, |line| line[0])
}

/// Numbers between -1 and 1 that depend on the word alone: splitmix64 from its FNV-1a hash.
fn direction(word: &str) -> impl Iterator<Item = f32> {
    let mut state = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    std::iter::from_fn(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
        let unit = ((mixed ^ (mixed >> 31)) >> 40) as f32 / 16_777_216.0;
        Some(unit * 2.0 - 1.0)
    })
}
