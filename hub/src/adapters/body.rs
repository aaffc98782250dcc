//! Reading the whole of an answer, which may be as long as its sender likes.

use reqwest::Response;

/// Why an answer was not read to its end.
#[derive(Debug)]
pub enum Unread {
    /// It broke off.
    Broken(reqwest::Error),
    /// It has more bytes than it may.
    TooLong,
}

/// The whole body, of at most so many bytes.
pub async fn whole(answer: &mut Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(Unread::Broken)? {
        if body.len() + piece.len() > most {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
