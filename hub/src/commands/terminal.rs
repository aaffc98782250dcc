//! What a person sees and types: answers on standard output, remarks and questions on standard error.

use std::{
    fmt::{Display, Write as _},
    io::{self, BufRead, IsTerminal, Read, Write},
};

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Serialize;

use crate::{clock::DateTime, events::payload::turns_text_around};

/// Bytes of a typed line at most: a name or a password is far shorter.
const MAX_LINE: u64 = 4096;

/// Nobody cares how many seconds.
const JUST_NOW: TimeDelta = TimeDelta::seconds(10);

/// The streams of a command.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    is_interactive: bool,
}

impl Terminal {
    /// The process's own streams.
    #[must_use]
    pub fn standard() -> Self {
        let is_interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), is_interactive)
    }

    /// Other streams.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, is_interactive: bool) -> Self {
        Self {
            out,
            err,
            is_interactive,
        }
    }

    /// Whether a person can be asked.
    #[must_use]
    pub const fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Shows lines of an answer.
    pub fn show(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{}", printable(&text.to_string()))?;
        self.out.flush()
    }

    /// Shows an answer for programs.
    pub fn show_json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        writeln!(self.out, "{}", escaped(&text))?;
        self.out.flush()
    }

    /// A remark that is not part of the answer.
    pub fn remark(&mut self, text: impl Display) {
        // Nobody is told when standard error itself is gone.
        drop(writeln!(self.err, "{}", printable(&text.to_string())));
    }

    /// Asks for a line.
    pub fn ask(&mut self, question: &str) -> io::Result<String> {
        write!(self.err, "{question}")?;
        self.err.flush()?;
        read_line()
    }

    /// Asks for a secret, which is not shown.
    pub fn ask_secret(&mut self, question: &str) -> io::Result<SecretString> {
        rpassword::prompt_password(question).map(SecretString::from)
    }

    /// The first line of standard input, as a secret.
    pub fn read_secret(&mut self) -> io::Result<SecretString> {
        read_line().map(SecretString::from)
    }
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    if io::stdin().lock().take(MAX_LINE).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Text from elsewhere must not move the cursor, change the terminal, or turn what is read around.
#[must_use]
pub fn printable(text: &str) -> String {
    let clean = |char| if is_dangerous(char) { '\u{fffd}' } else { char };
    text.chars().map(clean).collect()
}

/// JSON leaves some control characters as they are; inside its strings they can be written otherwise.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if is_dangerous(char) {
            let _ = write!(text, "\\u{:04x}", u32::from(char));
        } else {
            text.push(char);
        }
    }
    text
}

/// On one line, so that a text cannot look like several answers.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How long ago something was.
#[must_use]
pub fn ago(then: DateTime, now: DateTime) -> String {
    if now - then < JUST_NOW {
        return "just now".to_owned();
    }
    format!("{} ago", span(then, now))
}

/// How long it is from one to the other, in one unit.
#[must_use]
pub fn span(from: DateTime, to: DateTime) -> String {
    let seconds = (to - from).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        // Up to two days hours say more than days.
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What could steer the terminal, or make an approval read other than it is.
fn is_dangerous(char: char) -> bool {
    (char.is_control() && char != '\n' && char != '\t') || turns_text_around(char)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    #[test]
    fn text_from_elsewhere_cannot_steer_the_terminal_or_turn_itself_around() {
        assert_eq!(
            printable("a\x1b[2Jb\u{9b}c\td\n\u{202e}e"),
            "a\u{fffd}[2Jb\u{fffd}c\td\n\u{fffd}e"
        );
    }

    #[test]
    fn json_stays_the_same_and_steers_nothing() {
        let value = serde_json::json!({"text": "a\u{9b}b\u{202e}c\nd\u{7f}é"});
        let text = escaped(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{7f}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_summary_stays_on_its_line() {
        assert_eq!(one_line("say\n\n  77ab0e  hello\r\n"), "say 77ab0e hello");
    }

    #[test]
    fn a_span_is_told_in_one_unit_and_never_negative() {
        let then = Utc.timestamp_opt(0, 0).unwrap();
        for (seconds, told) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (86_399, "23 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(span(then, then + TimeDelta::seconds(seconds)), told);
        }
        assert_eq!(ago(then, then + TimeDelta::seconds(9)), "just now");
        assert_eq!(ago(then, then + TimeDelta::seconds(10)), "10 s ago");
    }
}
