//! A voice or a face as numbers, of length 1.

use std::fmt;

use super::Modality;
use crate::error::{Error, FieldError, Result};

/// What a number may be at most: models give small ones, and sums of squares of these are exact enough.
const LARGEST: f64 = 1e6;
/// A vector that is shorter says nothing about a direction.
const SHORTEST: f64 = 1e-6;
/// Wrong numbers that an answer names at most.
const MOST_NAMED: usize = 10;

/// A vector of a modality. It is not shown, and no route gives it out.
#[derive(Clone, PartialEq)]
pub struct Vector {
    modality: Modality,
    numbers: Vec<f32>,
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vector({})", self.modality.as_str())
    }
}

impl Vector {
    /// Reads what a worker sent, and gives it the length 1.
    pub fn read(modality: Modality, numbers: &[f64]) -> Result<Self> {
        let width = modality.width();
        if numbers.len() != width {
            let detail = format!("must have {width} numbers, not {}", numbers.len());
            return Err(Error::invalid("/vector", detail));
        }
        let is_wrong = |number: f64| !number.is_finite() || number.abs() > LARGEST;
        let wrong = numbers
            .iter()
            .enumerate()
            .filter(|(_, number)| is_wrong(**number));
        let errors: Vec<FieldError> = wrong
            .take(MOST_NAMED)
            .map(|(at, _)| FieldError {
                pointer: format!("/vector/{at}"),
                detail: "must be a finite number of at most 1000000".to_owned(),
            })
            .collect();
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
        if length < SHORTEST {
            return Err(Error::invalid("/vector", "must not be all zero"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "between -1 and 1, and the database keeps no more digits"
        )]
        let numbers = numbers.iter().map(|number| (number / length) as f32).collect();
        Ok(Self { modality, numbers })
    }

    /// Of what it is.
    #[must_use]
    pub const fn modality(&self) -> Modality {
        self.modality
    }

    /// The numbers, for the database and for the commitment.
    #[must_use]
    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pointers(modality: Modality, numbers: &[f64]) -> Vec<String> {
        match Vector::read(modality, numbers) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.pointer).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_is_no_vector_is_refused_with_where_it_is_wrong() {
        assert_eq!(pointers(Modality::Voice, &[1.0; 255]), ["/vector"]);
        assert_eq!(pointers(Modality::Voice, &[1.0; 257]), ["/vector"]);
        assert_eq!(pointers(Modality::Face, &[1.0; 256]), ["/vector"]);
        assert_eq!(pointers(Modality::Voice, &[]), ["/vector"]);
        assert_eq!(pointers(Modality::Voice, &[0.0; 256]), ["/vector"]);
        assert_eq!(pointers(Modality::Voice, &[1e-20; 256]), ["/vector"]);
        for wrong in [f64::NAN, f64::INFINITY, -1e7, 1e300] {
            let mut numbers = [0.5; 256];
            numbers[3] = wrong;
            assert_eq!(pointers(Modality::Voice, &numbers), ["/vector/3"]);
        }
        assert_eq!(pointers(Modality::Voice, &[f64::NAN; 256]).len(), MOST_NAMED);
    }

    #[test]
    fn a_vector_is_not_shown() {
        let shown = format!("{:?}", Vector::read(Modality::Voice, &[0.5; 256]).unwrap());
        assert_eq!(shown, "Vector(voice)");
    }

    proptest! {
        #[test]
        fn what_is_read_has_the_length_one_whatever_its_scale(
            numbers in proptest::collection::vec(-1.0_f64..1.0, 256), scale in 1e-3_f64..1e5
        ) {
            let scaled: Vec<f64> = numbers.iter().map(|number| number * scale).collect();
            if let (Ok(one), Ok(other)) = (Vector::read(Modality::Voice, &numbers), Vector::read(Modality::Voice, &scaled)) {
                let length: f32 = one.numbers().iter().map(|number| number * number).sum();
                prop_assert!((length - 1.0).abs() < 1e-4, "{length}");
                let off = one.numbers().iter().zip(other.numbers()).map(|(a, b)| (a - b).abs());
                prop_assert!(off.fold(0.0, f32::max) < 1e-5);
            }
        }
    }
}
