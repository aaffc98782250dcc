//! The whole client against a small hub on a real socket, and the files it lives by.

mod hub;

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::hub::{Hub, Socket};
use super::journal::{Entry, Journal};
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
            .send(HubFrame::Goodbye(Goodbye::new(
                CloseReason::Restart,
                Some(1),
            )))
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
    assert!(
        err.contains("goodbye: restart); trying again in 0.0 s"),
        "{err}"
    );
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

#[test]
fn a_journal_has_one_user_and_survives_a_torn_line() {
    let home = Home::new();
    let path = home.0.join("kitchen.journal");
    let entry = Entry::Started {
        command_id: Uuid::from_u128(7),
    };
    {
        let (mut journal, entries) = Journal::open(&path).unwrap();
        assert_eq!(entries, []);
        journal.append(&entry).unwrap();
        journal.rewrite(std::slice::from_ref(&entry)).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
    }
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], b"{\"step\":\"fini"].concat()).unwrap();
    assert_eq!(
        Journal::open(&path).unwrap().1,
        std::slice::from_ref(&entry)
    );
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::write(&path, [b"nonsense\n", &whole[..]].concat()).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Io { .. })));
}

#[test]
fn credentials_that_others_can_read_are_refused_with_the_remedy() {
    let home = Home::new();
    let path = home.0.join("kitchen.json");
    assert!(matches!(
        Credentials::read(&path),
        Err(CredentialsError::Missing(_))
    ));
    let id = Uuid::nil();
    let text = json!({"device_id": id, "agent_id": id, "name": "kitchen", "token": "s3cret", "url": "ws://x/"});
    std::fs::write(&path, text.to_string()).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let error = Credentials::read(&path).unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("chmod 600 {}", path.display())),
        "{error}"
    );
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let credentials = Credentials::read(&path).unwrap();
    assert!(!format!("{credentials:?}").contains("s3cret"));
    std::fs::write(&path, r#"{"device_id": "s3cret"}"#).unwrap();
    let error = Credentials::read(&path).unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn arguments_are_checked() {
    use clap::Parser;
    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }
    let parse =
        |line: &str| Cli::try_parse_from(std::iter::once("satellite").chain(line.split(' ')));
    assert!(
        parse("kitchen --replay talk.jsonl --speed max --place ground --exit-when-done").is_ok()
    );
    let args = parse("kitchen --hub-dir /elsewhere").unwrap().args;
    assert_eq!(
        args.credentials_path(),
        PathBuf::from("/elsewhere/satellites/kitchen.json")
    );
    for wrong in [
        "../kitchen",
        "kitchen --speed 2",
        "kitchen --file a --replay b",
        "kitchen --linger -1",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_address_is_checked_before_anything_is_sent_there() {
    let target = |url: &str| Target::new(url, BearerToken::from("t".to_owned()));
    assert!(target(DEFAULT_URL).is_ok());
    assert!(matches!(
        target("wss://hub.example/"),
        Err(UrlProblem::Tls(_))
    ));
    for wrong in ["http://hub.example/", "kitchen", "", "ws:///x"] {
        assert!(
            matches!(target(wrong), Err(UrlProblem::Invalid(_))),
            "{wrong}"
        );
    }
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
        arguments: json!({"text": "dinner is ready"})
            .as_object()
            .unwrap()
            .clone(),
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
        let path = std::env::temp_dir().join(format!("hub-satellite-{}", Uuid::now_v7()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn client(&self, hub: &Hub) -> (Client, Screen) {
        let screen = Screen::default();
        let console = Console::new(
            Box::new(screen.out.clone()),
            Box::new(screen.err.clone()),
            false,
        );
        let link =
            Link::new(Target::new(&hub.url(), BearerToken::from("s3cret".to_owned())).unwrap());
        let plan = Plan {
            speed: None,
            linger: Some(Duration::from_millis(600)),
        };
        let journal = self.0.join("kitchen.journal");
        (Client::new(&journal, link, console, plan).unwrap(), screen)
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
        let text =
            |written: &Written| String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
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
