//! A signed tree head, as C2SP tlog-checkpoint has it.
//!
//! ```text
//! hub.example/home
//! 923748
//! nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=
//!
//! — hub.example/home Az3grl…
//! ```
//!
//! It holds nothing but the head, so that signing the same head again gives the same bytes.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::audit::{
    keys::{CheckpointKey, VerifierKey},
    merkle::{Hash, TreeHead},
};

/// The longest checkpoint that is read, in bytes; room for the signatures of many witnesses.
pub const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// Why a text is not a checkpoint of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note with the three lines of a tree head.
    #[error("it is not a checkpoint")]
    Malformed,
    /// A checkpoint of another log.
    #[error("it belongs to another log")]
    OtherOrigin,
    /// No signature by the log's key.
    #[error("the log's key did not sign it")]
    NotSigned,
    /// The signature does not fit: the text or the signature was changed.
    #[error("its signature does not fit")]
    BadSignature,
}

/// A tree head with the checkpoint that signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The head.
    pub head: TreeHead,
    /// The checkpoint's text.
    pub note: String,
}

impl SignedHead {
    /// Signs a tree head.
    #[must_use]
    pub fn sign(head: TreeHead, key: &CheckpointKey) -> Self {
        let note = sign(&head, key);
        Self { head, note }
    }
}

/// Signs a tree head.
#[must_use]
pub fn sign(head: &TreeHead, key: &CheckpointKey) -> String {
    let name = key.verifier().name();
    let text = format!("{name}\n{}\n{}\n", head.size, BASE64_STANDARD.encode(head.root));
    sign_note(&text, key)
}

/// Signs a text whose lines are not empty. A text that is no checkpoint must begin with a line that is no log's origin.
pub(crate) fn sign_note(text: &str, key: &CheckpointKey) -> String {
    let name = key.verifier().name();
    let signature = [key.verifier().id().as_slice(), &key.sign(text.as_bytes())].concat();
    format!("{text}\n— {name} {}\n", BASE64_STANDARD.encode(signature))
}

/// Reads the tree head of a checkpoint that `key` signed. Signatures by others are ignored.
pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<TreeHead, CheckpointError> {
    let (text, signatures) = split(bytes)?;
    let (origin, head) = parse_head(text).ok_or(CheckpointError::Malformed)?;
    check_signature(text, signatures, key)?;
    if origin != key.name() {
        return Err(CheckpointError::OtherOrigin);
    }
    Ok(head)
}

/// Reads the text of a note that `key` signed, whatever it says.
pub(crate) fn open_note<'a>(bytes: &'a [u8], key: &VerifierKey) -> Result<&'a str, CheckpointError> {
    let (text, signatures) = split(bytes)?;
    check_signature(text, signatures, key)?;
    Ok(text)
}

/// The text of a note and its signatures.
fn split(bytes: &[u8]) -> Result<(&str, &str), CheckpointError> {
    let note = std::str::from_utf8(bytes).map_err(|_| CheckpointError::Malformed)?;
    if note.len() > MAX_CHECKPOINT_BYTES || note.bytes().any(|b| b < 0x20 && b != b'\n') {
        return Err(CheckpointError::Malformed);
    }
    let split = note.rfind("\n\n").ok_or(CheckpointError::Malformed)?;
    Ok((&note[..=split], &note[split + 2..]))
}

fn check_signature(text: &str, signatures: &str, key: &VerifierKey) -> Result<(), CheckpointError> {
    let found = find_signature(signatures, key)?;
    if key.accepts(text.as_bytes(), &found) {
        Ok(())
    } else {
        Err(CheckpointError::BadSignature)
    }
}

/// The size that a checkpoint claims, whoever signed it: a store tells the newer of two by it, and trusts neither.
#[must_use]
pub fn claimed_size(bytes: &[u8]) -> Option<u64> {
    let note = std::str::from_utf8(bytes).ok()?;
    let (_, head) = parse_head(&note[..=note.rfind("\n\n")?])?;
    Some(head.size)
}

/// The origin, the size and the root; lines after them are the extensions of a later version.
fn parse_head(text: &str) -> Option<(&str, TreeHead)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let origin = lines.next().filter(|line| !line.is_empty())?;
    let size: u64 = lines.next()?.parse().ok()?;
    let root: Hash = BASE64_STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
    let has_one_spelling = text.starts_with(&format!("{origin}\n{size}\n"));
    (has_one_spelling && lines.all(|line| !line.is_empty())).then_some((origin, TreeHead { size, root }))
}

fn find_signature(signatures: &str, key: &VerifierKey) -> Result<[u8; 64], CheckpointError> {
    let lines = signatures
        .strip_suffix('\n')
        .ok_or(CheckpointError::Malformed)?
        .split('\n');
    let mut found = None;
    for line in lines {
        let (name, blob) = parse_signature(line).ok_or(CheckpointError::Malformed)?;
        if let Some((id, signature)) = blob.split_first_chunk::<4>()
            && name == key.name()
            && *id == key.id()
        {
            found = found.or(Some(
                signature.try_into().map_err(|_| CheckpointError::Malformed)?,
            ));
        }
    }
    found.ok_or(CheckpointError::NotSigned)
}

fn parse_signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, blob) = line.strip_prefix("— ")?.split_once(' ')?;
    Some((name, BASE64_STANDARD.decode(blob).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use signed_note::{Note, StandardVerifier, VerifierList};

    use super::*;

    fn key() -> CheckpointKey {
        CheckpointKey::from_seed("hub.example/home", &[9; 32]).unwrap()
    }

    proptest! {
        #[test]
        fn another_implementation_reads_our_checkpoints(size in 0..u64::MAX, root: [u8; 32]) {
            let signed = sign(&TreeHead { size, root }, &key());
            let verifier = StandardVerifier::new(&key().verifier().to_string()).unwrap();
            let note = Note::from_bytes(signed.as_bytes()).unwrap();
            let (good, other) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
            prop_assert_eq!((good.len(), other.len()), (1, 0));
            let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
            prop_assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("hub.example/home", size, root));
        }

        #[test]
        fn we_read_the_checkpoints_of_another_implementation(size in 0..u64::MAX, root: [u8; 32]) {
            let text = tlog_tiles::Checkpoint::new("hub.example/home", size, tlog_tiles::Hash(root), "").unwrap();
            let mut note = Note::new(&text.to_bytes(), &[]).unwrap();
            note.add_sigs(&[&signed_note::StandardSigner::new(&key().expose()).unwrap()]).unwrap();
            prop_assert_eq!(open(&note.to_bytes(), key().verifier()), Ok(TreeHead { size, root }));
            prop_assert_eq!(note.to_bytes(), sign(&TreeHead { size, root }, &key()).into_bytes());
        }

        #[test]
        fn no_byte_of_a_checkpoint_can_change(at: prop::sample::Index, mask in 1_u8..) {
            let mut signed = sign(&TreeHead { size: 5, root: [3; 32] }, &key()).into_bytes();
            let at = at.index(signed.len());
            signed[at] ^= mask;
            prop_assert!(open(&signed, key().verifier()).is_err());
        }
    }

    #[test]
    fn the_signatures_of_witnesses_are_passed_over() {
        let head = TreeHead {
            size: 5,
            root: [3; 32],
        };
        let witness = CheckpointKey::from_seed("witness.example", &[1; 32]).unwrap();
        let signed = sign(&head, &key());
        let theirs = sign(&head, &witness).lines().last().unwrap().to_owned();
        assert_eq!(
            open(format!("{signed}{theirs}\n").as_bytes(), key().verifier()),
            Ok(head)
        );
        assert_eq!(
            open(signed.as_bytes(), witness.verifier()),
            Err(CheckpointError::NotSigned)
        );
    }

    #[test]
    fn a_key_signs_only_for_its_own_log() {
        let text = "other.example\n5\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n";
        let signature = [key().verifier().id().as_slice(), &key().sign(text.as_bytes())].concat();
        let note = format!(
            "{text}\n— hub.example/home {}\n",
            BASE64_STANDARD.encode(signature)
        );
        assert_eq!(
            open(note.as_bytes(), key().verifier()),
            Err(CheckpointError::OtherOrigin)
        );
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        for text in [
            "",
            "\n\n",
            "a\n1\nb\n\n",
            "home\n01\nAwMD\n\n— home AAAA\n",
            "home\n\n5\n\n— home AAAA",
        ] {
            assert_eq!(
                open(text.as_bytes(), key().verifier()),
                Err(CheckpointError::Malformed),
                "{text:?}"
            );
        }
    }
}
