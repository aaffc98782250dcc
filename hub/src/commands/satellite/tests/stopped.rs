//! Long commands in the whole client: cancelled while they run and while they wait, interrupted, and told of.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::work::{News, Work};
use super::*;
use crate::satellite::protocol::{CommandCancel, OpenCommand};

/// A program that leaves a mark, and then takes its time.
fn marking(home: &Home) -> (String, Value) {
    let program = format!("echo begun >> {}; sleep 1000", home.0.join("mark").display());
    let settings = format!(r#"shell = {{ commands = [["bash", "-c", "{program}"]] }}"#);
    (settings, json!({"argv": ["bash", "-c", program]}))
}

async fn is_begun(home: &Home) -> String {
    loop {
        if let Ok(text) = fs::read_to_string(home.0.join("mark"))
            && text.ends_with('\n')
        {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn numbered(number: u128, arguments: &Value) -> Command {
    Command {
        command_id: Uuid::from_u128(number),
        ..command("shell.run", arguments)
    }
}

fn recorded(number: u128, of: CommandStage) -> HubFrame {
    HubFrame::Accepted(Accepted::Command {
        command_id: Uuid::from_u128(number),
        of,
    })
}

async fn begin(socket: &mut Socket, number: u128, arguments: &Value) {
    socket.send(HubFrame::Command(numbered(number, arguments))).await;
    assert_eq!(socket.ack().await, Uuid::from_u128(number));
    socket.send(recorded(number, CommandStage::Ack)).await;
}

fn cancel(number: u128) -> HubFrame {
    HubFrame::CommandCancel(CommandCancel {
        command_id: Uuid::from_u128(number),
    })
}

#[tokio::test]
async fn a_command_is_cancelled_while_it_runs_and_while_it_waits() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (settings, arguments) = marking(&home);
    let (client, screen) = home.client_that(&hub, enabled(&settings));
    let hub_side = async {
        let mut socket = hub.accept().await;
        assert_eq!(socket.welcome_with(Vec::new()).await, ["shell.run"]);
        begin(&mut socket, 1, &arguments).await;
        begin(&mut socket, 2, &arguments).await;
        is_begun(&home).await;
        // A printed word does not wait for it.
        let reply = Command {
            command_id: Uuid::from_u128(3),
            ..command("reply", &json!({"text": "hello"}))
        };
        socket.send(HubFrame::Command(reply)).await;
        socket.ack().await;
        socket.send(recorded(3, CommandStage::Ack)).await;
        assert_eq!(socket.result().await.status, CommandStatus::Ok);
        socket.send(recorded(3, CommandStage::Result)).await;
        for number in [2, 1] {
            socket.send(cancel(number)).await;
            let result = socket.result().await;
            assert_eq!(
                (result.command_id, result.status),
                (Uuid::from_u128(number), CommandStatus::Cancelled)
            );
            socket.send(recorded(number, CommandStage::Result)).await;
        }
        socket.drain().await;
    };
    let (ending, ()) = tokio::join!(client.run(typed(&[]), std::future::pending()), hub_side);
    assert_eq!(ending.unwrap(), Ending::Good);
    assert_eq!(
        is_begun(&home).await,
        "begun\n",
        "the one that waited never began"
    );
    let (out, err) = screen.texts();
    assert_eq!(out, "agent: hello\n");
    assert!(err.contains("shell.run: it was stopped"), "{err}");
}

#[tokio::test]
async fn what_was_begun_when_the_satellite_was_killed_is_unknown_and_what_waited_is_done() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (settings, arguments) = marking(&home);
    let (client, _screen) = home.client_that(&hub, enabled(&settings));
    let hub_side = async {
        let mut socket = hub.accept().await;
        socket.welcome_with(Vec::new()).await;
        begin(&mut socket, 1, &arguments).await;
        is_begun(&home).await;
        begin(&mut socket, 2, &json!({"argv": ["other"]})).await;
        // Heard, as the answer to what came after it shows.
        begin(&mut socket, 1, &arguments).await;
    };
    tokio::select! {
        _ = client.run(typed(&[]), std::future::pending()) => panic!("it is not done"),
        () = hub_side => {}
    }

    let (client, _screen) = home.client_that(&hub, enabled(&settings));
    let hub_side = async {
        let mut socket = hub.accept().await;
        let open = [1, 2].map(|number| OpenCommand {
            command_id: Uuid::from_u128(number),
            kind: "shell.run".into(),
            seq: 1,
        });
        socket.welcome_with(open.to_vec()).await;
        for (number, status) in [(1, CommandStatus::Unknown), (2, CommandStatus::Error)] {
            let result = socket.result().await;
            assert_eq!(
                (result.command_id, result.status),
                (Uuid::from_u128(number), status)
            );
        }
        for number in [1, 2] {
            socket.send(recorded(number, CommandStage::Result)).await;
        }
        // Once more: it is answered.
        socket.send(HubFrame::Command(numbered(1, &arguments))).await;
        socket.ack().await;
        assert_eq!(socket.result().await.status, CommandStatus::Unknown);
        socket.send(recorded(1, CommandStage::Result)).await;
        socket.drain().await;
    };
    let (ending, ()) = tokio::join!(client.run(typed(&[]), std::future::pending()), hub_side);
    assert_eq!(ending.unwrap(), Ending::Good);
    assert_eq!(is_begun(&home).await, "begun\n", "it was begun once");
}

#[tokio::test]
async fn a_satellite_that_leaves_stops_what_runs_and_says_so() {
    let (hub, home) = (Hub::listen().await, Home::new());
    let (settings, arguments) = marking(&home);
    let (client, _screen) = home.client_that(&hub, enabled(&settings));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let hub_side = async {
        let mut socket = hub.accept().await;
        socket.welcome_with(Vec::new()).await;
        begin(&mut socket, 1, &arguments).await;
        is_begun(&home).await;
        stop.send(()).unwrap();
        assert_eq!(socket.result().await.status, CommandStatus::Cancelled);
        socket.drain().await;
    };
    let (_open, lines) = mpsc::channel(1);
    let (ending, ()) = tokio::join!(client.run(lines, async { drop(stopped.await) }), hub_side);
    assert_eq!(ending.unwrap(), Ending::Good);
}

#[tokio::test]
async fn the_hub_is_told_that_a_long_command_goes_on() {
    let mut work = Work::beating(Duration::from_millis(20));
    let task = super::effects::Task {
        says: String::new(),
        work: Box::pin(std::future::pending()),
    };
    work.run(dinner(), task, CancellationToken::new());
    for _ in 0..3 {
        let News::GoesOn { running, .. } = work.news().await else {
            panic!("it has no end")
        };
        assert_eq!(running, dinner().command_id);
    }
}
