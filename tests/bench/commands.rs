//! A command's way: row, socket, acknowledgement, result, all durable. The satellite is a real WebSocket client.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hub::{
    audit::record::Record,
    hub::Hub,
    mailbox::send::{Outgoing, send},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{TestDevice, TestHub};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest},
};

/// Commands a second.
const RATE: u64 = 100;

pub(crate) async fn measure(round: Duration) {
    let hub = TestHub::start().await;
    hub.expect_leftovers();
    let address = serve(&hub).await;
    let (done, mut results) = mpsc::unbounded_channel();
    let device = &hub.home.office;
    let satellite = satellite(address, device, done);
    let driver = async {
        let mut tick = tokio::time::interval(Duration::from_millis(1000 / RATE));
        let (started, mut waiting) = (Instant::now(), std::collections::HashMap::new());
        let mut times = Vec::new();
        while started.elapsed() < round {
            tokio::select! {
                _ = tick.tick() => {
                    let began = Instant::now();
                    waiting.insert(order(&hub, device).await, began);
                }
                Some((id, at)) = results.recv() => {
                    if let Some(began) = waiting.remove(&id) {
                        times.push(at.duration_since(began));
                    }
                }
            }
        }
        times
    };
    tokio::select! {
        times = driver => println!("  {}", super::percentiles(times)),
        () = satellite => println!("  the satellite's socket closed"),
    }
    hub.lifecycle.shut_down().await;
}

async fn serve(hub: &Hub) -> std::net::SocketAddr {
    hub.db.run_bell(&hub.lifecycle);
    hub::satellite::watch::start(hub);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    hub.lifecycle
        .spawn(hub::http::serve::serve(hub.clone(), listener));
    address
}

/// Puts an `echo` into the mailbox; its id.
async fn order(hub: &TestHub, device: &TestDevice) -> String {
    let mut tx = hub.home.whole().await;
    let outgoing = Outgoing {
        device: device.id,
        kind: "echo".to_owned(),
        arguments: json!({"text": "ping"}),
        attempt: None,
        turn: None,
        audience: None,
        sender: None,
        supersede_key: None,
        life: chrono::Duration::minutes(1),
    };
    let command = send(&mut tx, outgoing).await.unwrap();
    tx.record(Record::of("send_command").on("command", command.id.0));
    tx.commit().await.unwrap();
    command.id.to_string()
}

/// Acknowledges each command, does it when that was accepted, and tells when its result was.
async fn satellite(
    address: std::net::SocketAddr,
    device: &TestDevice,
    done: mpsc::UnboundedSender<(String, Instant)>,
) {
    let mut request = format!("ws://{address}/v1/satellites/connect")
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "hub.satellite.v1".parse().unwrap());
    headers.insert(
        "authorization",
        format!("Bearer {}", device.token.expose_secret())
            .parse()
            .unwrap(),
    );
    let (mut socket, _) = connect_async_with_config(request, None, true).await.unwrap();
    let hello = json!({"type": "hello", "capabilities": [{"kind": "echo"}]});
    socket
        .send(Message::Text(hello.to_string().into()))
        .await
        .unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let id = frame["command_id"].clone();
        let answer = match (frame["type"].as_str(), frame["of"].as_str()) {
            (Some("command"), _) => json!({"type": "command_ack", "command_id": id}),
            (Some("accepted"), Some("ack")) => {
                json!({"type": "command_result", "command_id": id, "status": "ok", "result": {"text": "ping"}})
            }
            (Some("accepted"), Some("result")) => {
                let _ = done.send((id.as_str().unwrap_or_default().to_owned(), Instant::now()));
                continue;
            }
            _ => continue,
        };
        socket
            .send(Message::Text(answer.to_string().into()))
            .await
            .unwrap();
    }
}
