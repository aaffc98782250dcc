//! The whole client against a small hub on a real socket, and the files it lives by.

mod arguments;
mod hub;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::hub::{Hub, Socket};
use super::source::{Line, ReadLine};
use super::*;
use crate::satellite::protocol::{
    Accepted, BearerToken, Command, CommandStage, CommandStatus, Goodbye, HubFrame, Transcript,
};

#[tokio::test]
async fn a_line_survives_a_cut_socket_and_a_command_is_carried_out_once() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (client, screen) = home.client(&hub);
    let lines = typed(&["the spare key is with Nora"]);
    let hub_side = async {
        let mut socket = hub.accept().await;
        socket.welcome().await;
        let first = socket.event().await;
        // Gone without an answer.
        drop(socket);
        let mut socket = hub.accept().await;
        socket.welcome().await;
        assert_eq!(socket.event().await.client_id, first.client_id);
        socket.send(accepted(first.client_id)).await;
        assert_eq!(carry_out(&mut socket).await, CommandStatus::Ok);
        // Delivered again, as if the hub had not heard.
        socket.send(HubFrame::Command(dinner())).await;
        assert_eq!(socket.ack().await, dinner().command_id);
        assert_eq!(socket.result().await.status, CommandStatus::Ok);
        socket.send(command_accepted(CommandStage::Result)).await;
        socket.drain().await;
    };
    let (ending, ()) = tokio::join!(client.run(lines, std::future::pending()), hub_side);
    assert_eq!(ending.unwrap(), Ending::Good);
    let (out, err) = screen.texts();
    assert_eq!(out, "display: dinner is ready\n");
    assert!(
        err.contains("connection lost") && err.contains("connected as kitchen; sending 1"),
        "{err}"
    );
    assert!(
        err.contains("1 accepted, 0 duplicate, 0 rejected, 0 discarded"),
        "{err}"
    );
}

#[tokio::test]
async fn goodbye_says_when_to_come_back_and_garbage_does_not_break_the_link() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (client, screen) = home.client(&hub);
    let hub_side = async {
        let mut socket = hub.accept().await;
        socket.welcome().await;
        for garbage in [
            "not json",
            r#"{"type":"news"}"#,
            r#"{"type":"command","seq":"x"}"#,
        ] {
            socket.send_text(garbage).await;
        }
        socket
            .send(HubFrame::Goodbye(Goodbye::new(CloseReason::Restart, Some(1))))
            .await;
        socket.close(CloseReason::Restart).await;
        let mut socket = hub.accept().await;
        socket.welcome().await;
        socket.drain().await;
    };
    let (ending, ()) = tokio::join!(client.run(typed(&[]), std::future::pending()), hub_side);
    assert_eq!(ending.unwrap(), Ending::Good);
    let (_, err) = screen.texts();
    assert_eq!(err.matches("something unreadable").count(), 3, "{err}");
    assert!(err.contains("goodbye: restart); trying again in 0.0 s"), "{err}");
}

#[tokio::test]
async fn a_satellite_that_is_replaced_or_refused_does_not_come_back() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (client, _screen) = home.client(&hub);
    let hub_side = async {
        let mut socket = hub.accept().await;
        socket.welcome().await;
        socket.close(CloseReason::Replaced).await;
    };
    let (ending, ()) = tokio::join!(client.run(typed(&[]), std::future::pending()), hub_side);
    assert!(matches!(
        ending,
        Err(SatelliteError::Refused(CloseReason::Replaced))
    ));

    let (client, _screen) = home.client(&hub);
    let (ending, ()) = tokio::join!(client.run(typed(&[]), std::future::pending()), hub.refuse());
    assert!(matches!(
        ending,
        Err(SatelliteError::Refused(CloseReason::Unauthorized))
    ));
}

#[tokio::test]
async fn being_told_to_stop_closes_the_socket_politely() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (client, _screen) = home.client(&hub);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let hub_side = async {
        let mut socket = hub.accept().await;
        socket.welcome().await;
        stop.send(()).unwrap();
        assert_eq!(socket.drain().await, Some(CloseReason::Leaving));
    };
    let (_open, lines) = mpsc::channel(1);
    let (ending, ()) = tokio::join!(client.run(lines, async { drop(stopped.await) }), hub_side);
    assert_eq!(ending.unwrap(), Ending::Good);
}

async fn carry_out(socket: &mut Socket) -> CommandStatus {
    socket.send(HubFrame::Command(dinner())).await;
    assert_eq!(socket.ack().await, dinner().command_id);
    socket.send(command_accepted(CommandStage::Ack)).await;
    let result = socket.result().await;
    socket.send(command_accepted(CommandStage::Result)).await;
    result.status
}

fn dinner() -> Command {
    Command {
        command_id: Uuid::from_u128(1),
        seq: 1,
        kind: "display.show".into(),
        arguments: json!({"text": "dinner is ready"}).as_object().unwrap().clone(),
        deadline_at: chrono::DateTime::UNIX_EPOCH,
        attempt: 1,
    }
}

fn command_accepted(of: CommandStage) -> HubFrame {
    HubFrame::Accepted(Accepted::Command {
        command_id: dinner().command_id,
        of,
    })
}

fn accepted(client_id: crate::satellite::protocol::ClientId) -> HubFrame {
    HubFrame::Accepted(Accepted::Event {
        client_id,
        event_id: Uuid::nil(),
        position: 1,
    })
}

/// Lines from an input that then ends.
fn typed(lines: &[&str]) -> mpsc::Receiver<ReadLine> {
    let (sender, receiver) = mpsc::channel(lines.len().max(1));
    for line in lines {
        let transcript = Transcript {
            text: (*line).into(),
            participant: None,
            is_final: true,
        };
        sender
            .try_send(Ok(Line {
                transcript,
                at_s: None,
            }))
            .unwrap();
    }
    receiver
}

/// A folder of its own for each test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hub-satellite-{}", crate::ids::fresh()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn client(&self, hub: &Hub) -> (Client, Screen) {
        let screen = Screen::default();
        let console = Console::new(Box::new(screen.out.clone()), Box::new(screen.err.clone()), false);
        let target = Target::new(&hub.url(), BearerToken::from("s3cret".to_owned()), None).unwrap();
        let plan = Plan {
            speed: None,
            linger: Some(Duration::from_millis(600)),
        };
        let journal = self.0.join("kitchen.journal");
        (Client::new(&journal, target, console, plan).unwrap(), screen)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[derive(Default)]
struct Screen {
    out: Written,
    err: Written,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn texts(&self) -> (String, String) {
        let text = |written: &Written| String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        (text(&self.out), text(&self.err))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
