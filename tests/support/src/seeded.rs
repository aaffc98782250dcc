//! Randomness that can be repeated: the seed is printed when the test fails, and taken from `TEST_SEED` when set.

use std::ops::{Deref, DerefMut};

use rand::{SeedableRng, rngs::StdRng};

/// A generator that knows its seed.
#[derive(Debug)]
pub struct Seeded {
    seed: u64,
    rng: StdRng,
}

impl Default for Seeded {
    #[expect(clippy::disallowed_methods, reason = "a failed run is repeated by its seed")]
    fn default() -> Self {
        let given = std::env::var("TEST_SEED").ok();
        let seed = given.map_or_else(rand::random, |text| text.parse().expect("TEST_SEED is a number"));
        Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
        }
    }
}

impl Seeded {
    /// Another generator for a task of its own; the same seed and number give the same one.
    #[must_use]
    pub fn fork(&self, number: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

impl Deref for Seeded {
    type Target = StdRng;

    fn deref(&self) -> &StdRng {
        &self.rng
    }
}

impl DerefMut for Seeded {
    fn deref_mut(&mut self) -> &mut StdRng {
        &mut self.rng
    }
}

impl Drop for Seeded {
    #[expect(clippy::print_stderr, reason = "whoever reads the failure needs the seed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat this run: TEST_SEED={}", self.seed);
        }
    }
}
