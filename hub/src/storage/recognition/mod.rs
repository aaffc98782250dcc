//! Prints, what is recognised by them, and who is where.

mod erase;
mod hypotheses;
mod presence;
mod prints;

pub use hypotheses::Seen;
pub use prints::NewPrint;

use super::Tx;
use crate::{
    error::{Error, Result},
    recognition::Modality,
};

/// The tables of recognition.
pub struct Recognition<'a>(&'a mut Tx);

impl Tx {
    /// The tables of recognition.
    pub fn recognition(&mut self) -> Recognition<'_> {
        Recognition(self)
    }
}

fn modality(word: &str) -> Result<Modality> {
    Modality::parse(word).ok_or_else(|| Error::internal("a modality with an unknown word"))
}
