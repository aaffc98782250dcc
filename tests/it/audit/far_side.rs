//! A far side that answers what a test says: for what the stand-in never does, such as refusing a credential.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// What is answered to a method and a path with its query: a status and a body.
type Answer = dyn Fn(&str, &str) -> (u16, String) + Send + Sync;

/// Ends with the test.
pub(super) struct FarSide {
    pub(super) url: String,
    _end: DropGuard,
}

impl FarSide {
    pub(super) async fn answering(
        answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (end, answer): (_, Arc<Answer>) = (CancellationToken::new(), Arc::new(answer));
        let ended = end.clone();
        let (tracker, tasks) = (TaskTracker::new(), TaskTracker::new());
        let accept = async move {
            while let Ok((socket, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tasks.spawn(async move { serve(socket, &*answer).await });
            }
        };
        tracker.spawn(async move {
            tokio::select! { () = accept => {}, () = ended.cancelled() => {} }
        });
        Self {
            url,
            _end: end.drop_guard(),
        }
    }

    /// One that answers everything with an error of S3.
    pub(super) async fn refusing(status: u16, code: &'static str) -> Self {
        Self::answering(move |_, _| (status, error(code))).await
    }
}

/// An error as S3 spells it.
pub(super) fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>as the test says</Message></Error>")
}

async fn serve(socket: TcpStream, answer: &Answer) {
    let mut socket = BufReader::new(socket);
    let (mut first, mut length) = (String::new(), 0);
    let mut line = String::new();
    while socket.read_line(&mut line).await.is_ok_and(|read| read > 2) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if socket.read_exact(&mut body).await.is_err() {
        return;
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, text) = answer(method, path);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/xml\r\ncontent-length: {}\r\netag: \"1\"\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let _ = socket.write_all((head + &text).as_bytes()).await;
}
