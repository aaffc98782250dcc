//! What an artifact may say of itself, and how its name is said to whoever downloads it.

use std::fmt::Write;

/// Characters of a name at most.
pub const MAX_NAME: usize = 200;
/// Characters of a media type with its parameters at most.
const MAX_MEDIA_TYPE: usize = 200;
/// Characters of each of its two words at most (RFC 6838, 4.2).
const MAX_WORD: usize = 127;

/// Whether this is a media type: `type/subtype` (RFC 6838), and `; name=value` as often as wanted.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    let mut parts = text.split(';');
    let essence = parts.next().unwrap_or_default().split_once('/');
    let is_essence = essence.is_some_and(|(kind, sub)| is_word(kind) && is_word(sub));
    let is_parameter = |part: &str| {
        let pair = part.trim_start_matches(' ').split_once('=');
        pair.is_some_and(|(name, value)| is_token(name) && is_token(value))
    };
    text.len() <= MAX_MEDIA_TYPE && is_essence && parts.all(is_parameter)
}

/// A SHA-256 in hexadecimal.
#[must_use]
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
}

/// `Content-Disposition`: to be kept as a file, never shown as a page (RFC 6266).
#[must_use]
pub fn disposition(name: Option<&str>) -> String {
    let Some(name) = name else {
        return "attachment".to_owned();
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut coded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            let _ = write!(coded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

fn is_word(word: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    word.len() <= MAX_WORD
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.bytes().all(is_good)
}

/// A token of HTTP (RFC 9110).
fn is_token(text: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_two_words_and_perhaps_parameters() {
        for good in [
            "image/jpeg",
            "text/plain; charset=utf-8",
            "application/vnd.a+json;v=1;w=2",
        ] {
            assert!(is_media_type(good), "{good}");
        }
        let long = format!("text/{}", "x".repeat(128));
        for bad in [
            "",
            "image",
            "/",
            "image/",
            "/jpeg",
            "image/jpeg/x",
            "image/jp eg",
            "image/jpeg;",
            "image/jpeg; a",
            "image/jpeg\r\nx: y",
            "text/plain; a=\"b\"",
            "*/*",
            "tëxt/plain",
            &long,
        ] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }

    #[test]
    fn a_name_cannot_break_out_of_the_header() {
        assert_eq!(disposition(None), "attachment");
        assert_eq!(
            disposition(Some("a\";b/ü.txt")),
            "attachment; filename=\"a__b__.txt\"; filename*=UTF-8''a%22%3Bb%2F%C3%BC.txt"
        );
    }
}
