//! A satellite's socket: a real one, which says what the test tells it to, and nothing by itself.

use std::time::Duration;

use futures_util::{SinkExt, Stream, StreamExt};
use hub::satellite::protocol::{
    Capability, Command, CommandAck, CommandResult, CommandStatus, ErrorNotice, Goodbye, Hello, HubFrame,
    NewEvent, SUBPROTOCOL, SatelliteFrame, Transcript, Welcome,
};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, client::IntoClientRequest, http::HeaderValue},
};
use uuid::Uuid;

pub use tokio_tungstenite::tungstenite::Message;

use crate::{satellite::TestDevice, served::Served};

/// How long the hub may take to say something that it owes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The client's side of a socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// How the hub ended a socket.
#[derive(Debug, Default)]
pub struct End {
    /// The last `error` before it.
    pub error: Option<ErrorNotice>,
    /// What the hub said for farewell.
    pub goodbye: Option<Goodbye>,
    /// The code of the close frame.
    pub code: Option<u16>,
    /// What else came before it.
    pub frames: Vec<HubFrame>,
}

impl Socket {
    /// Upgrades a request, with a credential or without.
    pub async fn open(url: &str, token: Option<&SecretString>) -> Result<Self, StatusCode> {
        Self::open_as(SUBPROTOCOL, url, token).await
    }

    /// The same, speaking another subprotocol.
    pub async fn open_as(
        subprotocol: &'static str,
        url: &str,
        token: Option<&SecretString>,
    ) -> Result<Self, StatusCode> {
        let mut request = url.into_client_request().expect("a URL of a socket");
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(subprotocol));
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.expose_secret());
            headers.insert("authorization", bearer.parse().expect("a token is ASCII"));
        }
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => fail(&format!("no socket at {url}: {error}")),
        }
    }

    /// Opens the socket of a device and says hello.
    pub async fn greet(served: &Served, device: &TestDevice, kinds: &[&str]) -> (Self, Welcome) {
        let opened = Self::open(&served.socket_url(), Some(&device.token)).await;
        let mut socket = opened.expect("the device's token is good");
        socket.says_hello(kinds).await;
        match socket.hears().await {
            HubFrame::Welcome(welcome) => (socket, welcome),
            other => fail(&format!("not welcome: {other:?}")),
        }
    }

    /// The next frame as it is written.
    pub async fn hears_text(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return text.to_string(),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                other => fail(&format!("no text comes: {other:?}")),
            }
        }
    }

    /// Says hello with what the device can do.
    pub async fn says_hello(&mut self, kinds: &[&str]) {
        let capability = |kind: &&str| Capability {
            kind: (*kind).to_owned(),
            arguments_schema: None,
        };
        let hello = Hello {
            capabilities: kinds.iter().map(capability).collect(),
            ..Hello::default()
        };
        self.says(SatelliteFrame::Hello(hello)).await;
    }

    /// Sends a frame.
    pub async fn says(&mut self, frame: SatelliteFrame) {
        self.says_text(&frame.encode()).await;
    }

    /// Sends a text, frame or not. That the hub has closed meanwhile is for [`Socket::end`] to find.
    pub async fn says_text(&mut self, text: &str) {
        let _ = self.stream.send(Message::text(text)).await;
    }

    /// Sends bytes.
    pub async fn says_bytes(&mut self, bytes: Vec<u8>) {
        let _ = self.stream.send(Message::binary(bytes)).await;
    }

    /// Sends a transcript under a client id.
    pub async fn transcribes(&mut self, client_id: &str, text: &str) {
        self.says(SatelliteFrame::Event(transcript(client_id, text)))
            .await;
    }

    /// Acknowledges a command.
    pub async fn acknowledges(&mut self, command_id: Uuid) {
        self.says(SatelliteFrame::CommandAck(CommandAck { command_id }))
            .await;
    }

    /// Sends the good result of a command.
    pub async fn succeeds(&mut self, command_id: Uuid, result: Value) {
        let result = CommandResult {
            command_id,
            status: CommandStatus::Ok,
            result: Some(result),
            error: None,
        };
        self.says(SatelliteFrame::CommandResult(result)).await;
    }

    /// The next frame.
    pub async fn hears(&mut self) -> HubFrame {
        match timeout(PATIENCE, self.next()).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(code)) => fail(&format!("the socket was closed with {code:?}")),
            Err(_) => fail("the hub says nothing"),
        }
    }

    /// The next frame, which is a command.
    pub async fn is_told(&mut self) -> Command {
        match self.hears().await {
            HubFrame::Command(command) => command,
            other => fail(&format!("not a command: {other:?}")),
        }
    }

    /// The next frame if one comes within a time.
    pub async fn hears_within(&mut self, time: Duration) -> Option<HubFrame> {
        match timeout(time, self.next()).await {
            Ok(Ok(frame)) => Some(frame),
            Ok(Err(code)) => fail(&format!("the socket was closed with {code:?}")),
            Err(_) => None,
        }
    }

    /// Everything up to the end of the socket.
    pub async fn end(&mut self) -> End {
        end_of(&mut self.stream).await
    }

    /// Sends a message that the hub may not want to read to its end, and hears meanwhile how it ends the socket.
    pub async fn ends_while_saying(self, message: Message) -> End {
        let (mut to_hub, mut from_hub) = self.stream.split();
        let (_, end) = tokio::join!(to_hub.send(message), end_of(&mut from_hub));
        end
    }

    /// Leaves with the closing handshake; whether the hub answered it.
    pub async fn leaves(mut self) -> bool {
        let _ = self.stream.close(None).await;
        loop {
            match timeout(PATIENCE, self.stream.next()).await {
                Ok(Some(Ok(Message::Close(_)))) => return true,
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) | Err(_) => return false,
            }
        }
    }

    async fn next(&mut self) -> Result<HubFrame, Option<u16>> {
        next_of(&mut self.stream).await
    }
}

async fn end_of(stream: &mut (impl Stream<Item = Result<Message, Error>> + Unpin)) -> End {
    let mut end = End::default();
    loop {
        match timeout(PATIENCE, next_of(stream)).await {
            Ok(Ok(HubFrame::Goodbye(goodbye))) => end.goodbye = Some(goodbye),
            Ok(Ok(HubFrame::Error(error))) => end.error = Some(error),
            Ok(Ok(frame)) => end.frames.push(frame),
            Ok(Err(code)) => {
                end.code = code;
                return end;
            }
            Err(_) => fail("the hub does not close"),
        }
    }
}

/// The next frame, or the code with which the socket ended.
async fn next_of(
    stream: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) -> Result<HubFrame, Option<u16>> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                return Ok(HubFrame::decode(&text).unwrap_or_else(|error| fail(&format!("{error}: {text}"))));
            }
            Some(Ok(Message::Close(close))) => return Err(close.map(|close| close.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

/// An event that says a transcript.
#[must_use]
pub fn transcript(client_id: &str, text: &str) -> NewEvent {
    let transcript = Transcript {
        text: text.to_owned(),
        participant: None,
        is_final: true,
    };
    NewEvent {
        client_id: client_id.to_owned().try_into().expect("a good client id"),
        event_type: "transcript".to_owned(),
        payload: transcript.into_payload(),
        occurred_at: None,
    }
}

#[expect(clippy::panic, reason = "a test ends here")]
fn fail(why: &str) -> ! {
    panic!("{why}")
}
