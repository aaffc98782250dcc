//! A satellite that does not read: what is sent to it waits in its connection, which is bounded, and it is let go.

use std::time::Duration;

use futures_util::SinkExt;
use hub::satellite::protocol::{Hello, Ping, SUBPROTOCOL, SatelliteFrame};
use secrecy::ExposeSecret;
use support::{Message, Served, Socket, TestHub};
use tokio::{net::TcpSocket, time::timeout};
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

use super::generation;

/// The hub owes an end within this.
const PATIENCE: Duration = Duration::from_secs(20);
/// Much more than a connection holds, each answered by as much.
const MUCH: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_satellite_that_reads_nothing_is_let_go_and_may_come_again() {
    let hub = TestHub::builder()
        .config(|config| config.http.write_timeout_ms = 600)
        .start()
        .await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let stream = socket.connect(served.address()).await.unwrap();
    let mut request = served.socket_url().into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let bearer = format!("Bearer {}", kitchen.token.expose_secret());
    headers.insert("authorization", bearer.parse().unwrap());
    let (mut deaf, _) = client_async(request, stream).await.unwrap();
    let says = |frame: SatelliteFrame| Message::text(frame.encode());
    deaf.send(says(SatelliteFrame::Hello(Hello::default())))
        .await
        .unwrap();
    let ping = SatelliteFrame::Ping(Ping {
        nonce: Some("x".repeat(200_000)),
    });
    let talking = async {
        for _ in 0..MUCH {
            if deaf.send(says(ping.clone())).await.is_err() {
                break;
            }
        }
        // Whatever of it was taken, the connection stays open on this side.
        std::future::pending::<()>().await;
    };
    let is_let_go = async {
        // It came, and it is not there any more.
        while generation(&hub, kitchen).await == 0 || hub.sql().count("device_connections", "true").await > 0
        {
        }
    };
    let ended = timeout(PATIENCE, async {
        tokio::select! { () = talking => {}, () = is_let_go => {} }
    });
    assert!(ended.await.is_ok(), "it is held for as long as it likes");
    let _again = Socket::greet(&served, kitchen, &[]).await;
}
