//! Server-sent events of the Responses API: read piece by piece, within bounds of size and time.

use std::{collections::VecDeque, time::Duration};

use async_openai::types::responses::Response;
use serde::Deserialize;

use super::{ModelError, transport};

/// One event at most; the last one holds the whole answer.
const MAX_EVENT_BYTES: usize = transport::MAX_ANSWER_BYTES;
/// A whole stream at most: the longest answer that can be configured, at some 300 bytes for each token's event.
const MAX_STREAM_BYTES: usize = 64 * 1024 * 1024;

/// What matters of a stream. Types that nobody here knows are passed over, as the API asks of its clients.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Event {
    /// More of the answer's text.
    #[serde(rename = "response.output_text.delta")]
    Text {
        /// What is new.
        delta: String,
    },
    /// The end, with the whole answer, whatever became of it.
    #[serde(
        rename = "response.completed",
        alias = "response.incomplete",
        alias = "response.failed"
    )]
    Ended {
        /// The answer.
        response: Box<Response>,
    },
    /// The end, without an answer.
    #[serde(rename = "error")]
    Error {
        /// The kind of error.
        code: Option<String>,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

/// The events of an answer.
pub(super) struct Events {
    answer: reqwest::Response,
    decoder: Decoder,
    ready: VecDeque<Vec<u8>>,
    bytes: usize,
    idle: Duration,
    is_talking: bool,
}

impl Events {
    /// Reads an answer. From the first text on, silence for longer than `idle` is the end of it; before, it may think for as
    /// long as the whole answer may take.
    pub(super) fn of(answer: reqwest::Response, idle: Duration) -> Self {
        Self {
            answer,
            decoder: Decoder::default(),
            ready: VecDeque::new(),
            bytes: 0,
            idle,
            is_talking: false,
        }
    }

    /// The next event; an error where the stream ends, since it must not before the event that ends it.
    pub(super) async fn next(&mut self) -> Result<Event, ModelError> {
        loop {
            while let Some(data) = self.ready.pop_front() {
                match read(&data)? {
                    Event::Other => {}
                    event => {
                        self.is_talking |= matches!(event, Event::Text { .. });
                        return Ok(event);
                    }
                }
            }
            let Some(piece) = self.piece().await? else {
                return Err(ModelError::away(
                    "the answer broke off: the stream ended too early",
                ));
            };
            self.bytes += piece.len();
            if self.bytes > MAX_STREAM_BYTES {
                let reason = format!("its stream is longer than {MAX_STREAM_BYTES} bytes");
                return Err(ModelError::Malformed(reason));
            }
            self.decoder.feed(&piece, &mut self.ready)?;
        }
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ModelError> {
        let piece = self.answer.chunk();
        let piece = if self.is_talking {
            let Ok(piece) = tokio::time::timeout(self.idle, piece).await else {
                return Err(ModelError::away("the answer broke off: it stopped in the middle"));
            };
            piece
        } else {
            piece.await
        };
        match piece {
            Ok(piece) => Ok(piece.map(|piece| piece.to_vec())),
            // It is there and talks: too much for this turn is nothing that others have to wait for.
            Err(error) if self.is_talking && error.is_timeout() => Err(ModelError::too_long()),
            Err(error) => Err(transport::away(&error)),
        }
    }
}

fn read(data: &[u8]) -> Result<Event, ModelError> {
    // How some say that it is over, after the event that said so.
    if data == b"[DONE]" {
        return Ok(Event::Other);
    }
    serde_json::from_slice(data).map_err(|error| unreadable("an event of its stream is none", &error))
}

/// What is wrong and where. The error's own words may hold the answer's, which are nobody's business in a log.
pub(super) fn unreadable(what: &str, error: &serde_json::Error) -> ModelError {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    ModelError::Malformed(format!("{what}: {kind:?} error at line {line}, column {column}"))
}

/// Takes the data of events out of bytes, however they are cut. Lines end with LF, CR or both.
#[derive(Debug, Default)]
struct Decoder {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
}

impl Decoder {
    fn feed(&mut self, bytes: &[u8], ready: &mut VecDeque<Vec<u8>>) -> Result<(), ModelError> {
        for &byte in bytes {
            let ends_crlf = std::mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if ends_crlf => {}
                b'\r' | b'\n' => self.end_line(ready),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                let reason = format!("an event of its stream is longer than {MAX_EVENT_BYTES} bytes");
                return Err(ModelError::Malformed(reason));
            }
        }
        Ok(())
    }

    /// An empty line ends an event; of the others only `data` matters, since the data names its type again.
    fn end_line(&mut self, ready: &mut VecDeque<Vec<u8>>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                ready.push_back(data);
            }
        } else if let Some(value) = line.strip_prefix(b"data:") {
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data
                .extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(pieces: &[&[u8]]) -> Vec<String> {
        let (mut decoder, mut ready) = (Decoder::default(), VecDeque::new());
        for piece in pieces {
            decoder.feed(piece, &mut ready).unwrap();
        }
        let text = |data: Vec<u8>| String::from_utf8(data).unwrap();
        ready.into_iter().map(text).collect()
    }

    const STREAM: &str =
        ": hello\nevent: a\ndata: {\"é\":1}\n\ndata:x\r\ndata:  y\r\n\r\nid: 7\r\rdata: z\r\rdata: cut";

    #[test]
    fn lines_end_in_three_ways_and_only_whole_events_count() {
        assert_eq!(decoded(&[STREAM.as_bytes()]), ["{\"é\":1}", "x\n y", "z"]);
    }

    #[test]
    fn an_event_without_an_end_is_not_kept_without_an_end() {
        let mut decoder = Decoder::default();
        let flood = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert!(decoder.feed(&flood, &mut VecDeque::new()).is_err());
        let (mut decoder, lines) = (
            Decoder::default(),
            b"data: xxxxxxxx\n".repeat(MAX_EVENT_BYTES / 8),
        );
        assert!(decoder.feed(&lines, &mut VecDeque::new()).is_err());
    }

    #[test]
    fn what_nobody_knows_is_passed_over_and_what_is_none_is_refused() {
        let read = |data: &str| read(data.as_bytes());
        assert!(matches!(read("[DONE]"), Ok(Event::Other)));
        assert!(matches!(
            read(r#"{"type":"response.dreamt","delta":[1]}"#),
            Ok(Event::Other)
        ));
        assert!(matches!(
            read(r#"{"type":"response.output_text.delta","delta":"a","logprobs":[]}"#),
            Ok(Event::Text { delta }) if delta == "a"
        ));
        for bad in ["", "{", "[]", "{}", r#"{"type":"response.output_text.delta"}"#] {
            assert!(matches!(read(bad), Err(ModelError::Malformed(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_events_are_the_same(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &STREAM.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(decoded(&pieces), decoded(&[STREAM.as_bytes()]));
        }
    }
}
