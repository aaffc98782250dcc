//! What a text means, as a point among others: what an embedding model gives, checked.

use std::fmt;

/// Numbers of an embedding. There is a table for each of these, since an index holds vectors of one length only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimensions {
    /// 384, as of small models that run anywhere.
    D384,
    /// 768.
    D768,
    /// 1024.
    D1024,
    /// 1536.
    D1536,
}

impl Dimensions {
    /// Every length there is a table for.
    pub const ALL: [Self; 4] = [Self::D384, Self::D768, Self::D1024, Self::D1536];

    /// The number of numbers.
    #[must_use]
    pub const fn count(self) -> u32 {
        match self {
            Self::D384 => 384,
            Self::D768 => 768,
            Self::D1024 => 1024,
            Self::D1536 => 1536,
        }
    }

    /// The one of this length, if there is a table for it.
    #[must_use]
    pub fn of(count: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dimensions| dimensions.count() == count)
    }
}

/// What makes embeddings. Those of two models cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmbeddingModel {
    /// As the far side names it.
    pub name: String,
    /// How many numbers it gives for a text.
    pub dimensions: Dimensions,
}

impl fmt::Display for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} dimensions", self.name, self.dimensions.count())
    }
}

/// An embedding of length one, so that the cosine of two is their product.
#[derive(Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Takes what a model gave, or says why it is none.
    pub fn of(numbers: Vec<f32>, dimensions: Dimensions) -> Result<Self, String> {
        if u32::try_from(numbers.len()) != Ok(dimensions.count()) {
            let expected = dimensions.count();
            return Err(format!("it has {} numbers and not {expected}", numbers.len()));
        }
        let length = numbers
            .iter()
            .map(|number| f64::from(*number).powi(2))
            .sum::<f64>()
            .sqrt();
        if !length.is_finite() || length <= f64::from(f32::EPSILON) {
            return Err("its numbers are no direction".to_owned());
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most one")]
        let normal = |number: f32| (f64::from(number) / length) as f32;
        Ok(Self(numbers.into_iter().map(normal).collect()))
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> &[f32] {
        &self.0
    }
}

impl fmt::Debug for Embedding {
    /// Not the numbers: they are as private as the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: Vec<f32>) -> Result<Embedding, String> {
        Embedding::of(numbers, Dimensions::D384)
    }

    #[test]
    fn what_is_no_direction_is_no_embedding() {
        for number in [0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(of(vec![number; 384]).is_err(), "{number}");
        }
        assert!(of(vec![1.0; 383]).is_err() && of(vec![1.0; 385]).is_err());
    }

    #[test]
    fn an_embedding_has_the_length_one() {
        for number in [1.0, -3.0e30, 1.0e-6] {
            let embedding = of(vec![number; 384]).unwrap();
            let length: f32 = embedding.numbers().iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-4, "{number}: {length}");
        }
    }
}
