//! Secrets: minted from the operating system's randomness, shown once, kept as a hash, never printed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// SHA-256 of a secret: what the database keeps.
pub type SecretHash = [u8; 32];

/// Random bytes from the operating system.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new 256-bit secret with a prefix that leak scanners can find: `hubd_` device, `hubr_` refresh.
#[must_use]
pub fn mint(prefix: &str) -> SecretString {
    SecretString::from(format!(
        "{prefix}_{}",
        BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>())
    ))
}

/// A code that a person can type: 20 letters and digits without look-alikes, in groups (100 bits).
#[must_use]
pub fn mint_code() -> SecretString {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let letters = random_bytes::<20>().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
    let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
    SecretString::from(groups.join("-"))
}

/// What is kept of a secret. The secrets have 100 bits or more, so a plain hash is enough.
#[must_use]
pub fn hash(secret: &SecretString) -> SecretHash {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}

/// A typed code as it was minted: upper case, without the spaces people add.
#[must_use]
pub fn normalize_code(typed: &SecretString) -> SecretString {
    let kept = typed.expose_secret().chars().filter(|c| !c.is_whitespace());
    SecretString::from(kept.collect::<String>().to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = mint("hubd");
        assert!(!format!("{secret:?}").contains(secret.expose_secret()));
    }

    #[test]
    fn a_code_may_be_typed_in_lower_case_with_spaces() {
        let code = mint_code();
        let typed = SecretString::from(format!(" {} ", code.expose_secret().to_lowercase()));
        assert_eq!(hash(&normalize_code(&typed)), hash(&code));
    }
}
