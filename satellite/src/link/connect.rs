//! One attempt to open the socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, Response, StatusCode, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::protocol::{BearerToken, CloseReason, SUBPROTOCOL};
use crate::tls::{self, TrustProblem};

/// How long reaching the hub may take, name look-up and upgrade included.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The largest message taken from the hub. A hub keeps to 256 KiB; four times that leaves room for a newer one.
const MAX_RECEIVED_BYTES: usize = 1024 * 1024;

/// A satellite sends and receives little; the library's 128 KiB would be most of its memory.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// How the authorities of a house are named to [`Target::new`], for people.
const NAMED: &str = "as its ca_file (hub satellite: with --ca-file FILE, or HUB_CA_FILE)";

/// The open socket.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where the hub is, and the token for it.
#[derive(Debug, Clone)]
pub struct Target {
    url: Uri,
    token: BearerToken,
    /// Whom it trusts, where the way is encrypted.
    trust: Option<Arc<ClientConfig>>,
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UrlProblem {
    /// Not an address at all, or not of a WebSocket.
    #[error("{0:?} is not a WebSocket address such as ws://127.0.0.1:8080/v1/satellites/connect")]
    Invalid(String),
    /// Nobody can be trusted there.
    #[error(transparent)]
    Trust(#[from] TrustProblem),
}

impl Target {
    /// Checks the address. For `wss` also the authorities of a file are trusted.
    ///
    /// # Errors
    /// See [`UrlProblem`].
    pub fn new(url: &str, token: BearerToken, ca_file: Option<&Path>) -> Result<Self, UrlProblem> {
        let invalid = || UrlProblem::Invalid(url.into());
        let parsed: Uri = url.parse().map_err(|_| invalid())?;
        let trust = match parsed.scheme_str() {
            _ if parsed.host().is_none() => return Err(invalid()),
            Some("ws") => None,
            Some("wss") => Some(Arc::new(tls::client(ca_file)?)),
            Some(_) | None => return Err(invalid()),
        };
        Ok(Self {
            url: parsed,
            token,
            trust,
        })
    }

    /// Whether nobody on the way can read what is sent: it is encrypted, or never leaves this machine.
    pub fn is_private(&self) -> bool {
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        self.trust.is_some() || host == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
    }

    /// Another credential for the same hub.
    pub(super) fn use_token(&mut self, token: BearerToken) {
        self.token = token;
    }

    fn request(&self) -> Result<Request<()>, Error> {
        let mut request = self.url.clone().into_client_request()?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", self.token.expose()))
            .map_err(|error| Error::HttpFormat(error.into()))?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(request)
    }
}

/// Why the socket could not be opened.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// The hub does not accept the token.
    Refused(CloseReason),
    /// It may work later.
    Failed {
        why: String,
        retry_after: Option<Duration>,
    },
}

/// Opens the socket.
pub(super) async fn connect(target: Target) -> Result<Socket, ConnectError> {
    let request = target.request().map_err(|error| failed(error.to_string()))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MAX_RECEIVED_BYTES))
        .max_frame_size(Some(MAX_RECEIVED_BYTES));
    let connector = target.trust.map(Connector::Rustls);
    // Small frames must not wait for one another.
    let without_delay = true;
    match timeout(
        CONNECT_WITHIN,
        connect_async_tls_with_config(request, Some(config), without_delay, connector),
    )
    .await
    {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(explain(error)),
        Err(_) => Err(failed("the hub did not answer".into())),
    }
}

fn explain(error: Error) -> ConnectError {
    if let Some(why) = tls::distrust_of(&error, NAMED) {
        return failed(format!("cannot trust the hub: {why}"));
    }
    match error {
        Error::Http(response) => answered(&response),
        Error::Io(error) => failed(format!("cannot reach the hub: {}", error.kind())),
        Error::Url(UrlError::UnableToConnect(_)) => failed("cannot reach the hub".into()),
        Error::Protocol(tungstenite::error::ProtocolError::SecWebSocketSubProtocolError(_)) => {
            failed(format!("what answers there does not speak {SUBPROTOCOL}"))
        }
        other => failed(format!("cannot connect: {other}")),
    }
}

fn answered(response: &Response<Option<Vec<u8>>>) -> ConnectError {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ConnectError::Refused(CloseReason::Unauthorized),
        _ => {
            let header = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            let retry_after = header
                .and_then(|value| value.parse().ok())
                .map(Duration::from_secs);
            ConnectError::Failed {
                why: format!("the hub answered {status}"),
                retry_after,
            }
        }
    }
}

fn failed(why: String) -> ConnectError {
    ConnectError::Failed {
        why,
        retry_after: None,
    }
}
