//! The reply's text out of an answer that is still being written: the string `reply` of the outermost object, as far as it
//! has come. It judges nothing: whether the answer is one is decided when it is whole.

/// Characters of a name that are looked at: more than `reply` has.
const MAX_NAME: usize = 8;

/// Reads along.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    depth: usize,
    place: Place,
    escape: Escape,
    /// Whether the next string of the outermost object is a name.
    expects_name: bool,
    name: String,
    /// The first half of a character that needs two escapes.
    half: Option<u16>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of strings.
    #[default]
    Between,
    /// In the name of a field of the outermost object.
    Name,
    /// In the reply.
    Reply,
    /// In another string.
    Other,
    /// After the reply.
    Done,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// `\u` with so many digits, and what they come to.
    Unicode(u8, u16),
}

impl ReplyReader {
    /// Reads a piece of the answer; what of the reply is in it.
    pub(super) fn read(&mut self, piece: &str) -> String {
        let mut said = String::new();
        for c in piece.chars() {
            match self.place {
                Place::Done => break,
                Place::Between => self.between(c),
                Place::Name | Place::Reply | Place::Other => self.inside(c, &mut said),
            }
        }
        said
    }

    fn between(&mut self, c: char) {
        match c {
            '{' | '[' => {
                self.depth += 1;
                self.expects_name = self.depth == 1 && c == '{';
            }
            '}' | ']' => self.depth = self.depth.saturating_sub(1),
            ',' if self.depth == 1 => {
                self.expects_name = true;
                self.name.clear();
            }
            ':' if self.depth == 1 => self.expects_name = false,
            '"' if self.depth == 1 && self.expects_name => {
                self.name.clear();
                self.place = Place::Name;
            }
            '"' if self.depth == 1 && self.name == "reply" => self.place = Place::Reply,
            '"' => self.place = Place::Other,
            _ => {}
        }
    }

    fn inside(&mut self, c: char, said: &mut String) {
        match (self.escape, c) {
            (Escape::None, '"') => {
                self.place = match self.place {
                    Place::Reply => Place::Done,
                    _ => Place::Between,
                };
            }
            (Escape::None, '\\') => self.escape = Escape::Begun,
            (Escape::None, c) => self.take(c, said),
            (Escape::Begun, 'u') => self.escape = Escape::Unicode(0, 0),
            (Escape::Begun, c) => {
                self.escape = Escape::None;
                self.take(short_escape(c), said);
            }
            (Escape::Unicode(digits, value), c) => {
                let digit = c.to_digit(16).and_then(|digit| u16::try_from(digit).ok());
                let value = value << 4 | digit.unwrap_or_default();
                self.escape = if digits == 3 {
                    self.unit(value, said);
                    Escape::None
                } else {
                    Escape::Unicode(digits + 1, value)
                };
            }
        }
    }

    /// One UTF-16 unit; two of them may be one character.
    fn unit(&mut self, unit: u16, said: &mut String) {
        let units = match self.half.take() {
            Some(half) => vec![half, unit],
            None if (0xD800..0xDC00).contains(&unit) => {
                self.half = Some(unit);
                return;
            }
            None => vec![unit],
        };
        for c in char::decode_utf16(units) {
            self.take(c.unwrap_or(char::REPLACEMENT_CHARACTER), said);
        }
    }

    fn take(&mut self, c: char, said: &mut String) {
        match self.place {
            Place::Reply => said.push(c),
            Place::Name if self.name.len() < MAX_NAME => self.name.push(c),
            _ => {}
        }
    }
}

const fn short_escape(c: char) -> char {
    match c {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(pieces: &[&str]) -> String {
        let mut reader = ReplyReader::default();
        pieces.iter().map(|piece| reader.read(piece)).collect()
    }

    #[test]
    fn only_the_outermost_reply_is_read() {
        for (text, reply) in [
            (
                r#"{"reply":"a\n\"b\" \u00e9\ud83d\ude00 \/","x":1}"#,
                "a\n\"b\" é😀 /",
            ),
            (
                r#"{"reply":null,"to_do":["reply"],"to_remember":[{"reply":"no"}]}"#,
                "",
            ),
            (
                r#"{ "a": {"reply": "no"}, "b": "reply", "reply" : "yes" , "reply": "again"}"#,
                "yes",
            ),
            (r#"["reply", "no"]"#, ""),
            (r#""reply" "no""#, ""),
            (
                r#"{"reply_":"no","replyreplyreply":"no","\u0072eply":"yes"}"#,
                "yes",
            ),
            (r#"{"reply":"cut sho"#, "cut sho"),
            ("not JSON at all \"", ""),
        ] {
            assert_eq!(read(&[text]), reply, "{text}");
        }
    }

    /// Every character beyond ASCII as escapes, as some models write them.
    fn escaped(text: &str) -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            if c.is_ascii() {
                escaped.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").unwrap();
            }
        }
        escaped
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_reply_is_the_one_that_the_whole_answer_has(
            reply in ".{0,40}", other in ".{0,20}", is_escaped: bool, pretty: bool,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let answer = json!({"a": [{"reply": other}, other], "b": {&other: "reply"}, "reply": reply, "z": other});
            let text = if pretty { serde_json::to_string_pretty(&answer) } else { serde_json::to_string(&answer) };
            let text = if is_escaped { escaped(&text.unwrap()) } else { text.unwrap() };
            let whole: Value = serde_json::from_str(&text).unwrap();
            let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.get(&ends)).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&pieces), whole["reply"].as_str().unwrap());
        }

        #[test]
        fn nothing_that_is_written_makes_it_fail(text in ".{0,200}") {
            let _ = read(&[&text]);
        }
    }
}
