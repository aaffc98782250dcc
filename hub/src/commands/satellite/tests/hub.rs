//! A hub that does exactly what a test tells it, on a real socket.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use uuid::Uuid;

use crate::satellite::protocol::{
    CloseReason, CommandResult, HubFrame, Limits, NewEvent, OpenCommand, SUBPROTOCOL, SatelliteFrame, Welcome,
};

pub(super) struct Hub(TcpListener);

pub(super) struct Socket(WebSocketStream<TcpStream>);

impl Hub {
    pub(super) async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/v1/satellites/connect", self.0.local_addr().unwrap())
    }

    pub(super) async fn accept(&self) -> Socket {
        let (stream, _) = self.0.accept().await.unwrap();
        Socket(accept_hdr_async(stream, upgrade).await.unwrap())
    }

    /// Answers the upgrade with 401.
    pub(super) async fn refuse(&self) {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
    }
}

impl Socket {
    /// Takes the hello of a satellite that prints, and answers it.
    pub(super) async fn welcome(&mut self) {
        let kinds = self.welcome_with(Vec::new()).await;
        assert_eq!(kinds, ["display.show", "speaker.say", "echo"]);
    }

    /// Takes the hello and answers it with these open commands; the kinds that it declared.
    pub(super) async fn welcome_with(&mut self, open_commands: Vec<OpenCommand>) -> Vec<String> {
        let SatelliteFrame::Hello(hello) = self.receive().await else {
            panic!("no hello")
        };
        assert!(hello.token.is_none());
        let welcome = Welcome {
            device_id: Uuid::nil(),
            agent_id: Uuid::nil(),
            device_name: "kitchen".into(),
            limits: Limits::default(),
            heartbeat_s: 20,
            resumed: false,
            open_commands,
            waiting_capabilities: Vec::new(),
        };
        self.send(HubFrame::Welcome(welcome)).await;
        let kinds = hello.capabilities.into_iter();
        kinds.map(|capability| capability.kind).collect()
    }

    pub(super) async fn event(&mut self) -> NewEvent {
        match self.receive().await {
            SatelliteFrame::Event(event) => event,
            other => panic!("not an event: {other:?}"),
        }
    }

    pub(super) async fn ack(&mut self) -> Uuid {
        match self.receive().await {
            SatelliteFrame::CommandAck(ack) => ack.command_id,
            other => panic!("not an acknowledgement: {other:?}"),
        }
    }

    pub(super) async fn result(&mut self) -> CommandResult {
        match self.receive().await {
            SatelliteFrame::CommandResult(result) => result,
            other => panic!("not a result: {other:?}"),
        }
    }

    pub(super) async fn send(&mut self, frame: HubFrame) {
        self.send_text(&frame.encode()).await;
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn close(mut self, reason: CloseReason) {
        let frame = CloseFrame {
            code: reason.code().into(),
            reason: reason.name().into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        self.drain().await;
    }

    /// Reads to the end, and says with which reason the satellite closed.
    pub(super) async fn drain(&mut self) -> Option<CloseReason> {
        while let Some(Ok(message)) = self.0.next().await {
            if let Message::Close(Some(frame)) = message {
                return CloseReason::from_code(frame.code.into());
            }
        }
        None
    }

    async fn receive(&mut self) -> SatelliteFrame {
        let message = self.0.next().await.unwrap().unwrap();
        SatelliteFrame::decode(message.to_text().unwrap()).unwrap()
    }
}

#[expect(
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "the library's signature"
)]
fn upgrade(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("authorization"), Some("Bearer s3cret"));
    assert_eq!(header("sec-websocket-protocol"), Some(SUBPROTOCOL));
    response
        .headers_mut()
        .insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}
