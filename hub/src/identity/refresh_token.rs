//! Refresh tokens: one after the other, all of one family.
//!
//! The first is a secret of 256 bits. Each later one is the first, a dot, and 256 bits made of its predecessor and a salt that
//! is drawn for it. So a token names its family, and the hub knows any earlier one for what it is without keeping each; and
//! who asks twice with one token, because the first answer was lost, can be given the same successor. Nobody makes a successor
//! from the token alone, nor from what the database holds.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::secret::{self, SecretHash};

/// What is drawn for each successor.
pub(super) type Salt = [u8; 32];

/// The family that a token names, as the database keeps it.
pub(super) fn family(token: &SecretString) -> SecretHash {
    secret::hash(&SecretString::from(first(token)))
}

/// The successor of a token.
pub(super) fn successor(token: &SecretString, salt: &Salt) -> SecretString {
    let digest = Sha256::new()
        .chain_update(b"hub refresh token\n")
        .chain_update(salt)
        .chain_update(token.expose_secret())
        .finalize();
    SecretString::from(format!(
        "{}.{}",
        first(token),
        BASE64_URL_SAFE_NO_PAD.encode(digest)
    ))
}

fn first(token: &SecretString) -> &str {
    let text = token.expose_secret();
    text.split_once('.').map_or(text, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_differ_and_name_the_same_family() {
        let one = secret::mint("hubr");
        let two = successor(&one, &[1; 32]);
        let three = successor(&two, &[2; 32]);
        for later in [&two, &three] {
            assert_eq!(family(later), family(&one));
            assert_eq!(later.expose_secret().len(), 5 + 43 + 1 + 43);
        }
        assert_ne!(secret::hash(&two), secret::hash(&three));
        assert_ne!(family(&secret::mint("hubr")), family(&one));
    }

    #[test]
    fn a_successor_is_the_same_by_the_same_salt_only() {
        let one = secret::mint("hubr");
        let made = |salt| successor(&one, &[salt; 32]).expose_secret().to_owned();
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }
}
