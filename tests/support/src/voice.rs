//! Voices and faces, as a worker's model would make them: another number is somebody else, near to nobody.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Numbers of a voice.
const VOICE: usize = 256;
/// Numbers of a face.
const FACE: usize = 512;

/// The voice of somebody.
#[must_use]
pub fn voice(of: u64) -> Vec<f64> {
    numbers(of, VOICE)
}

/// The face of somebody.
#[must_use]
pub fn face(of: u64) -> Vec<f64> {
    numbers(of, FACE)
}

/// A voice that is so near to another, as a cosine, and otherwise like a third.
#[must_use]
pub fn near(voice: &[f64], cosine: f64, otherwise: &[f64]) -> Vec<f64> {
    let unit = |numbers: &[f64]| {
        let length = dot(numbers, numbers).sqrt();
        numbers.iter().map(|number| number / length).collect::<Vec<f64>>()
    };
    let (one, other) = (unit(voice), unit(otherwise));
    let shared = dot(&one, &other);
    let apart: Vec<f64> = other.iter().zip(&one).map(|(b, a)| b - shared * a).collect();
    let apart = unit(&apart);
    let sine = (1.0 - cosine * cosine).sqrt();
    one.iter()
        .zip(&apart)
        .map(|(a, b)| cosine * a + sine * b)
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn numbers(of: u64, count: usize) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(of);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}
