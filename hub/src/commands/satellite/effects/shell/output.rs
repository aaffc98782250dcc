//! What a program says: read to the end, kept to a bound.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A program that says more than this is stopped: nobody reads it, and it would go on until its time is over.
const MAX_READ: u64 = 16 * 1024 * 1024;

/// The beginning of what a stream held.
#[derive(Debug)]
pub(super) struct Output {
    kept: Vec<u8>,
    room: usize,
    bytes: u64,
}

/// Why reading ended.
pub(super) enum Stop {
    /// It said too much.
    TooMuch,
    /// It could not be read.
    Broken,
}

impl Output {
    /// Keeps this many bytes at most.
    pub(super) const fn of(room: usize) -> Self {
        Self {
            kept: Vec::new(),
            room,
            bytes: 0,
        }
    }

    /// Reads a stream to its end.
    pub(super) async fn fill(&mut self, mut stream: impl AsyncRead + Unpin) -> Result<(), Stop> {
        let mut part = vec![0; 8 * 1024];
        loop {
            let read = match stream.read(&mut part).await {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(Stop::Broken),
            };
            let room = self.room.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&part[..read.min(room)]);
            self.bytes += u64::try_from(read).unwrap_or(u64::MAX);
            if self.bytes > MAX_READ {
                return Err(Stop::TooMuch);
            }
        }
    }

    /// The text, within so many bytes of JSON, and whether it is only the beginning. What steers terminals is replaced.
    pub(super) fn text(&self, json_bytes: usize) -> (String, bool) {
        let whole = String::from_utf8_lossy(&self.kept);
        let mut left = json_bytes;
        let mut text = String::new();
        for char in whole.chars() {
            let char = match char {
                '\n' | '\t' => char,
                _ if char.is_control() => char::REPLACEMENT_CHARACTER,
                _ => char,
            };
            let bytes = match char {
                '\n' | '\t' | '"' | '\\' => 2,
                _ => char.len_utf8(),
            };
            let Some(rest) = left.checked_sub(bytes) else {
                return (text, true);
            };
            left = rest;
            text.push(char);
        }
        let is_cut = self.bytes > u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        (text, is_cut)
    }
}
