//! The key that signs checkpoints and the one that checks them, as [C2SP signed-note] has them.
//!
//! A key's name is also the log's origin, the first line of its checkpoints.
//!
//! [C2SP signed-note]: https://c2sp.org/signed-note

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Ed25519 in a signed note's key.
const ALGORITHM: u8 = 0x01;

/// The secret key of a log. It does not print; it is wiped from memory when dropped.
#[derive(Clone)]
pub struct CheckpointKey {
    public: VerifierKey,
    secret: SigningKey,
}

/// The public key of a log, written `name+hash+key`: 8 hex digits of key id, and base64 of 0x01 and the
/// Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not of the form of a key.
    #[error("it is not a key of the form name+hash+base64")]
    Malformed,
    /// The name is empty or has a plus sign, a space or a control character.
    #[error("a key's name is not empty and has no plus sign and no space")]
    BadName,
    /// The hash in the text is not the key's: part of it was mistyped.
    #[error("the key does not match its hash")]
    OtherId,
    /// A key of another kind than Ed25519.
    #[error("it is not an Ed25519 key")]
    OtherAlgorithm,
}

impl CheckpointKey {
    /// A key of that name from 32 random bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, secret.verifying_key())?;
        Ok(Self { public, secret })
    }

    /// Reads what [`expose`](Self::expose) wrote.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text
            .trim_end()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(KeyError::Malformed)?;
        let (name, id, seed) = split_key(rest)?;
        let key = Self::from_seed(name, &seed)?;
        if key.public.id != id {
            return Err(KeyError::OtherId);
        }
        Ok(key)
    }

    /// The secret as text, `PRIVATE+KEY+name+hash+base64`, for the file that keeps it and nothing else.
    #[must_use]
    pub fn expose(&self) -> String {
        let VerifierKey { name, id, .. } = &self.public;
        format!(
            "PRIVATE+KEY+{name}+{}+{}",
            hex::encode(id),
            encode_key(self.secret.as_bytes())
        )
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.secret.sign(text).to_bytes()
    }
}

impl fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointKey")
            .field("name", &self.public.name)
            .finish_non_exhaustive()
    }
}

impl VerifierKey {
    fn new(name: &str, key: VerifyingKey) -> Result<Self, KeyError> {
        if name.is_empty()
            || name
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || c == '+')
        {
            return Err(KeyError::BadName);
        }
        let mut hash = Sha256::new_with_prefix(name);
        hash.update([b'\n', ALGORITHM]);
        hash.update(key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
        Ok(Self {
            name: name.to_owned(),
            id: [a, b, c, d],
            key,
        })
    }

    /// The key's name, which is the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ key), which mark its signatures.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(super) fn accepts(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.key
            .verify_strict(text, &ed25519_dalek::Signature::from_bytes(signature))
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex::encode(self.id),
            encode_key(self.key.as_bytes())
        )
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, key) = split_key(text.trim_end())?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| KeyError::Malformed)?;
        let verifier = Self::new(name, key)?;
        if verifier.id != id {
            return Err(KeyError::OtherId);
        }
        Ok(verifier)
    }
}

fn encode_key(key: &[u8; 32]) -> String {
    BASE64_STANDARD.encode([&[ALGORITHM], key.as_slice()].concat())
}

/// Splits `name+hash+base64`; base64 may itself hold plus signs.
fn split_key(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Malformed);
    };
    let mut id_bytes = [0; 4];
    hex::decode_to_slice(id, &mut id_bytes).map_err(|_| KeyError::Malformed)?;
    let key = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Malformed)?;
    let Some((&ALGORITHM, key)) = key.split_first() else {
        return Err(KeyError::OtherAlgorithm);
    };
    Ok((name, id_bytes, key.try_into().map_err(|_| KeyError::Malformed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_another_implementation() {
        let key = CheckpointKey::from_seed("hub.example/home", &[9; 32]).unwrap();
        let theirs = signed_note::StandardVerifier::new(&key.verifier().to_string()).unwrap();
        assert_eq!(
            signed_note::Verifier::key_id(&theirs),
            u32::from_be_bytes(key.verifier().id())
        );
        assert!(signed_note::StandardSigner::new(&key.expose()).is_ok());
    }

    #[test]
    fn keys_survive_being_written() {
        for seed in 0..64 {
            let key = CheckpointKey::from_seed("home", &[seed; 32]).unwrap();
            assert_eq!(
                CheckpointKey::parse(&format!("{}\n", key.expose()))
                    .unwrap()
                    .verifier(),
                key.verifier()
            );
            assert_eq!(key.verifier().to_string().parse(), Ok(key.verifier().clone()));
        }
    }

    #[test]
    fn a_mistyped_key_is_refused() {
        let text = CheckpointKey::from_seed("home", &[9; 32])
            .unwrap()
            .verifier()
            .to_string();
        let refused = |text: String| text.parse::<VerifierKey>().unwrap_err();
        assert_eq!(refused(text.replacen("home", "hame", 1)), KeyError::OtherId);
        assert_eq!(refused(text.replacen("home", "", 1)), KeyError::BadName);
        assert_eq!(refused("home".to_owned()), KeyError::Malformed);
        assert_eq!(refused("home+00000000+".to_owned()), KeyError::OtherAlgorithm);
        assert_eq!(
            CheckpointKey::from_seed("my home", &[9; 32]).unwrap_err(),
            KeyError::BadName
        );
    }

    #[test]
    fn a_secret_key_does_not_print() {
        let key = CheckpointKey::from_seed("home", &[9; 32]).unwrap();
        assert_eq!(format!("{key:?}"), r#"CheckpointKey { name: "home", .. }"#);
    }
}
