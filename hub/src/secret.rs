//! Secrets: minted from the operating system's randomness, shown once, kept as a hash, never printed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Letters of a user code.
const USER_CODE_LETTERS: usize = 8;
/// Consonants without Y: none that looks like another, and no words (RFC 8628, 6.1).
const USER_CODE_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// SHA-256 of a secret: what the database keeps.
pub type SecretHash = [u8; 32];

/// Random bytes from the operating system.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new 256-bit secret with a prefix that leak scanners can find: `hubd_` device, `hubr_` refresh,
/// `hubp_` pairing, `hubt_` personal, `hubg_` delegation.
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

/// A code that a device shows and a person types elsewhere: 8 letters (34 bits), without vowels, so that no word comes of it
/// (RFC 8628, 6.1). Short enough to be guessed: it is good for minutes, and who tries is counted.
#[must_use]
pub fn mint_user_code() -> String {
    let mut code = String::with_capacity(USER_CODE_LETTERS);
    while code.len() < USER_CODE_LETTERS {
        let [byte] = random_bytes::<1>();
        // The largest multiple of 20 in a byte: every letter as likely as any other.
        if byte < 240 {
            code.push(char::from(USER_CODE_ALPHABET[usize::from(byte % 20)]));
        }
    }
    code
}

/// A typed user code as it was minted: upper case, without the dash and the spaces; none where it cannot be one.
#[must_use]
pub fn read_user_code(typed: &str) -> Option<String> {
    let kept: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(USER_CODE_LETTERS + 1)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let is_code =
        kept.len() == USER_CODE_LETTERS && kept.bytes().all(|letter| USER_CODE_ALPHABET.contains(&letter));
    is_code.then_some(kept)
}

/// A user code as people read it.
#[must_use]
pub fn show_user_code(code: &str) -> String {
    code.split_at_checked(USER_CODE_LETTERS / 2)
        .map_or_else(|| code.to_owned(), |(left, right)| format!("{left}-{right}"))
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

    #[test]
    fn a_user_code_is_read_as_people_type_it_and_nothing_else_is_one() {
        let code = mint_user_code();
        let shown = show_user_code(&code);
        assert_eq!((shown.len(), shown.as_bytes()[4]), (9, b'-'));
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            format!(" {} ", shown.replace('-', " ")),
        ] {
            assert_eq!(read_user_code(&typed).as_deref(), Some(code.as_str()), "{typed}");
        }
        for wrong in [
            "",
            "BCDF",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "ABCD-EFGH",
            "BCDF-GHJ\0",
            "BCDF-GHJ\u{212a}",
        ] {
            assert_eq!(read_user_code(wrong), None, "{wrong}");
        }
    }
}
