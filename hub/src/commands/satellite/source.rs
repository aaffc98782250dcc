//! Where the lines come from: the keyboard, a pipe, a file, or a recording.
//!
//! A thread reads, because a blocked read from a terminal can be neither cancelled nor awaited: the process would only
//! leave after one more Enter. The thread ends with its input, with its reader, or with the process.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use tokio::sync::mpsc;

use crate::satellite::protocol::{MAX_FRAME_BYTES, Transcript};

/// How many lines are read ahead: enough that reading never waits for the network.
const AHEAD: usize = 64;

/// The longest line worth sending; a longer one cannot fit a frame.
const MAX_LINE_BYTES: usize = MAX_FRAME_BYTES - 1024;

/// Where lines come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Standard input.
    Stdin,
    /// A text file, one transcript a line.
    File(PathBuf),
    /// A recording, one JSON object a line, only those of `place` when given.
    Replay { path: PathBuf, place: Option<String> },
}

/// One thing to say.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) transcript: Transcript,
    /// When it was said in a recording, in seconds from an arbitrary beginning.
    pub(super) at_s: Option<f64>,
}

/// A line, or why it cannot be one.
pub(super) type ReadLine = Result<Line, String>;

/// How fast a recording is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Speed {
    /// This many times as fast as it was spoken.
    Times(f64),
    /// As fast as the hub takes it.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(0.0) => Ok(Self::Max),
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            Ok(_) | Err(_) => Err("expected a positive number, or max".into()),
        }
    }
}

impl Source {
    /// Starts reading. The channel closes at the end of the input.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn start(self) -> io::Result<mpsc::Receiver<ReadLine>> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        match self {
            Self::Stdin => read_in_thread(BufReader::new(io::stdin()), plain, sender)?,
            Self::File(path) => read_in_thread(BufReader::new(File::open(path)?), plain, sender)?,
            Self::Replay { path, place } => {
                let parse = move |text: &str| recorded(text, place.as_deref());
                read_in_thread(BufReader::new(File::open(path)?), parse, sender)?;
            }
        }
        Ok(receiver)
    }
}

fn read_in_thread(
    mut reader: impl BufRead + Send + 'static,
    parse: impl Fn(&str) -> Option<ReadLine> + Send + 'static,
    sender: mpsc::Sender<ReadLine>,
) -> io::Result<()> {
    let read = move || {
        while let Some(text) = next_line(&mut reader) {
            let line = text.map_or_else(|problem| Some(Err(problem)), |text| parse(&text));
            if let Some(line) = line
                && sender.blocking_send(line).is_err()
            {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("lines".into())
        .spawn(read)
        .map(drop)
}

/// The next line without its end, never holding more than [`MAX_LINE_BYTES`]. A failing read counts as the end.
fn next_line(reader: &mut impl BufRead) -> Option<Result<String, String>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
    let read = reader.by_ref().take(limit + 1).read_until(b'\n', &mut bytes);
    if !read.is_ok_and(|count| count > 0) {
        return None;
    }
    if bytes.len() > MAX_LINE_BYTES && !bytes.ends_with(b"\n") {
        // Fails only together with the next read.
        let _ = reader.skip_until(b'\n');
        return Some(Err(format!("a line is longer than {MAX_LINE_BYTES} bytes")));
    }
    Some(String::from_utf8(bytes).map_err(|_| "a line is not UTF-8 text".into()))
}

fn plain(text: &str) -> Option<ReadLine> {
    let text = text.trim();
    let transcript = Transcript {
        text: text.into(),
        participant: None,
        is_final: true,
    };
    (!text.is_empty()).then_some(Ok(Line {
        transcript,
        at_s: None,
    }))
}

fn recorded(text: &str, place: Option<&str>) -> Option<ReadLine> {
    #[derive(Deserialize)]
    struct Recorded {
        t_s: f64,
        speaker: Option<String>,
        place: Option<String>,
        text: String,
    }
    if text.trim().is_empty() {
        return None;
    }
    let line: Recorded = match serde_json::from_str(text) {
        Ok(line) => line,
        Err(error) => return Some(Err(format!("a line is not a recorded one: {error}"))),
    };
    if place.is_some() && place != line.place.as_deref() {
        return None;
    }
    let transcript = Transcript {
        text: line.text,
        participant: line.speaker,
        is_final: true,
    };
    Some(Ok(Line {
        transcript,
        at_s: Some(line.t_s),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlong_and_garbled_lines_are_skipped_and_the_rest_is_read() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 10];
        input.extend_from_slice(b"\n\xff\nlast");
        let mut reader = BufReader::new(input.as_slice());
        assert!(next_line(&mut reader).unwrap().is_err());
        assert!(next_line(&mut reader).unwrap().is_err());
        assert_eq!(next_line(&mut reader), Some(Ok("last".into())));
        assert_eq!(next_line(&mut reader), None);
    }

    #[test]
    fn a_recorded_line_becomes_a_transcript_of_its_speaker() {
        let text = r#"{"n":0,"t_s":-10,"speaker":"LCC","place":"ground","text":"10, 9, 8"}"#;
        let line = recorded(text, Some("ground")).unwrap().unwrap();
        assert_eq!(line.transcript.participant.as_deref(), Some("LCC"));
        assert_eq!(line.at_s, Some(-10.0));
        assert_eq!(recorded(text, Some("spacecraft")), None);
        assert!(recorded("{}", None).unwrap().is_err());
    }

    #[test]
    fn speed_is_a_factor_or_max() {
        assert_eq!("0".parse(), Ok(Speed::Max));
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("2.5".parse(), Ok(Speed::Times(2.5)));
        assert!("-1".parse::<Speed>().is_err() && "NaN".parse::<Speed>().is_err());
    }
}
