//! What Postgres keeps of a password (RFC 5802, RFC 7677), made here: so the password itself is in no statement, and in no log of
//! the server.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Rounds, as Postgres itself makes them.
const ROUNDS: u32 = 4_096;
/// Bytes of a salt, as Postgres itself takes them.
pub(super) const SALT: usize = 16;

/// The verifier of a password of ASCII characters, as `create role … password` takes it.
pub(super) fn verifier(password: &SecretString, salt: [u8; SALT]) -> String {
    let salted = salted(password.expose_secret().as_bytes(), &salt);
    let stored = Sha256::digest(mac(&salted, &[b"Client Key"]));
    let server = mac(&salted, &[b"Server Key"]);
    let text = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    format!(
        "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
        text(&salt),
        text(&stored),
        text(&server)
    )
}

/// PBKDF2 with one block, which is as long as the digest.
fn salted(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut round = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut all = round;
    for _ in 1..ROUNDS {
        round = mac(password, &[&round]);
        all.iter_mut().zip(round).for_each(|(sum, byte)| *sum ^= byte);
    }
    all
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677: what its messages prove, a server with this verifier accepts.
    #[test]
    fn the_example_of_the_standard_is_met() {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let made = verifier(&SecretString::from("pencil"), salt.try_into().unwrap());
        assert_eq!(
            made,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
