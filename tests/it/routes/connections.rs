//! Connections on a real port: what one may take, and how it ends.

use std::{net::SocketAddr, time::Duration};

use hub::config::Config;
use support::{Rest, Served, TestHub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The hub owes an end within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a connection may take in these tests, in milliseconds.
const SHORT: u64 = 150;
const ALIVE: &str = "GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n";

/// Somebody who speaks HTTP by hand.
struct Raw(TcpStream);

impl Raw {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything up to the end of the connection, however the hub ends it.
    async fn hears_all(&mut self) -> String {
        let mut heard = Vec::new();
        let ended = timeout(PATIENCE, self.0.read_to_end(&mut heard)).await;
        drop(ended.expect("the hub closes the connection"));
        String::from_utf8(heard).unwrap()
    }

    /// The answer to a question whose answer ends with this.
    async fn hears(&mut self, end: &str) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            let read = timeout(PATIENCE, self.0.read_buf(&mut heard)).await;
            let read = read.expect("the hub answers").unwrap();
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&heard));
        }
        String::from_utf8(heard).unwrap()
    }

    /// Whether the hub serves this connection; one too many is closed at once.
    async fn is_served(&mut self) -> bool {
        let mut answer = [0; 12];
        self.0.write_all(ALIVE.as_bytes()).await.is_ok()
            && timeout(PATIENCE, self.0.read_exact(&mut answer))
                .await
                .unwrap()
                .is_ok()
    }
}

async fn served(adjust: impl FnOnce(&mut Config) + Send + 'static) -> (TestHub, Served) {
    let hub = TestHub::builder().config(adjust).start().await;
    let served = Served::deaf(&hub).await;
    (hub, served)
}

#[tokio::test]
async fn a_connection_that_sends_half_a_head_is_closed() {
    let (_hub, served) = served(|config| config.http.header_timeout_ms = SHORT).await;
    for half in ["", "GET /healthz HTTP/1.1\r\nhost: h"] {
        let mut raw = Raw::connect(served.address()).await;
        raw.says(half).await;
        assert_eq!(raw.hears_all().await, "", "{half:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_is_not_a_head_in_time() {
    let (_hub, served) = served(|config| config.http.header_timeout_ms = SHORT).await;
    let mut raw = Raw::connect(served.address()).await;
    raw.says("GET /healthz HTTP/1.1\r\n").await;
    let dripping = async {
        while raw.0.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(SHORT / 5)).await;
        }
    };
    timeout(PATIENCE, dripping)
        .await
        .expect("the hub closes the connection");
}

#[tokio::test]
async fn a_connection_that_idles_after_an_answer_is_closed() {
    let (_hub, served) = served(|config| config.http.header_timeout_ms = SHORT).await;
    let mut raw = Raw::connect(served.address()).await;
    for _ in 0..2 {
        raw.says(ALIVE).await;
        assert!(raw.hears("}").await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(raw.hears_all().await, "");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let (_hub, served) = served(|_| {}).await;
    let mut raw = Raw::connect(served.address()).await;
    let long = format!("GET /healthz HTTP/1.1\r\nx: {}", "x".repeat(20_000));
    let _ = raw.0.write_all(long.as_bytes()).await;
    assert!(raw.hears_all().await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once_and_its_place_is_given_back() {
    let (_hub, served) = served(|config| config.http.max_connections = 2).await;
    let (mut one, mut two) = (
        Raw::connect(served.address()).await,
        Raw::connect(served.address()).await,
    );
    assert!(one.is_served().await && two.is_served().await);
    assert!(!Raw::connect(served.address()).await.is_served().await);
    drop(one);
    let free = async {
        while !Raw::connect(served.address()).await.is_served().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, free).await.expect("a place is given back");
}

#[tokio::test]
async fn a_satellites_socket_takes_no_connections_place() {
    let (hub, served) = served(|config| config.http.max_connections = 1).await;
    let (_socket, _) = support::Socket::greet(&served, &hub.home.kitchen, &[]).await;
    assert!(Raw::connect(served.address()).await.is_served().await);
}

#[tokio::test]
async fn a_body_that_does_not_end_is_refused_as_late_and_changes_nothing() {
    let (hub, served) = served(|config| config.http.body_timeout_ms = SHORT).await;
    let ada = hub.owner("ada").await;
    let token = Rest::of(&hub).user(&ada).await.credential().to_owned();
    let before = hub.sql().census().await;
    for (length, body) in [
        ("content-length: 100", r#"{"name":"hall","#),
        ("content-length: 100", ""),
        ("transfer-encoding: chunked", "1\r\n{\r\n"),
    ] {
        let mut raw = Raw::connect(served.address()).await;
        raw.says(&format!(
            "POST /v1/agents/self/spaces HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\n{length}\r\n\r\n{body}"
        ))
        .await;
        // The rest may still come: the connection cannot be used for another request.
        let heard = raw.hears_all().await;
        assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
        assert!(
            heard.contains(r#""code":"late""#) && heard.contains("the body"),
            "{heard}"
        );
    }
    assert_eq!(hub.sql().census().await, before);
}

#[tokio::test]
async fn a_shutdown_answers_what_is_under_way_and_closes_what_idles() {
    let (hub, served) = served(|_| {}).await;
    let (mut idle, mut busy) = (
        Raw::connect(served.address()).await,
        Raw::connect(served.address()).await,
    );
    assert!(idle.is_served().await);
    let body = r#"{"refresh_token":"hubr_unknown"}"#;
    let head = format!(
        "POST /v1/sign-in/refresh HTTP/1.1\r\nhost: hub\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    busy.says(&head).await;
    // Now the handler waits for the body.
    busy.hears("100 Continue\r\n\r\n").await;
    let closing = async {
        hub.lifecycle.closing().await;
        busy.says(body).await;
        (idle.hears_all().await, busy.hears_all().await)
    };
    let ((), (idled, answered)) = tokio::join!(served.shut_down(), closing);
    assert!(idled.contains("alive"), "it was answered before: {idled}");
    assert!(answered.starts_with("HTTP/1.1 401"), "{answered}");
    assert!(TcpStream::connect(served.address()).await.is_err());
}

/// Each answer is some hundred thousand bytes: together more than what two systems buffer.
#[tokio::test]
async fn a_caller_who_takes_nothing_of_the_answers_is_let_go() {
    let (_hub, served) = served(|config| {
        config.http.max_connections = 1;
        config.http.write_timeout_ms = SHORT;
    })
    .await;
    let mut deaf = Raw::connect(served.address()).await;
    for _ in 0..60 {
        deaf.says("GET /openapi.json HTTP/1.1\r\nhost: hub\r\n\r\n").await;
    }
    let let_go = timeout(PATIENCE, async {
        while !Raw::connect(served.address()).await.is_served().await {}
    });
    assert!(let_go.await.is_ok(), "its place is not given back");
}
