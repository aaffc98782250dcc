//! What ends TLS before a hub, as a load balancer does, or before a database, as its server itself does: with a certificate of an
//! authority that no machine knows.

use std::{io, net::SocketAddr};

use reqwest::Url;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::certificates::{house_certificates, own_certificate};

/// The first message of a client of Postgres that wants TLS, and what is answered.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const TLS_IT_IS: &[u8] = b"S";

/// Whose front it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Hub,
    Database,
}

impl Before {
    /// What is said before TLS begins.
    async fn greet(self, stream: &mut TcpStream) -> io::Result<()> {
        if self == Self::Hub {
            return Ok(());
        }
        let mut asked = [0; SSL_REQUEST.len()];
        stream.read_exact(&mut asked).await?;
        if asked != SSL_REQUEST {
            return Err(io::Error::other("only who asks for TLS is let in"));
        }
        stream.write_all(TLS_IT_IS).await
    }
}

/// The front of a hub or a database.
pub struct TlsFront {
    address: SocketAddr,
    authority: String,
    end: CancellationToken,
}

impl TlsFront {
    /// Listens on a port of this machine, before a hub on another one.
    pub async fn before(hub: SocketAddr) -> Self {
        hub::tls::choose_provider();
        Self::with(hub, Before::Hub, house_certificates()).await
    }

    /// The same before the database of this URL, on an address of this machine.
    pub async fn before_database(url: &str) -> Self {
        hub::tls::choose_provider();
        let url = Url::parse(url).expect("a URL of Postgres");
        let inside = (url.host_str().expect("it has a host"), url.port().unwrap_or(5432));
        let inside = tokio::net::lookup_host(inside)
            .await
            .ok()
            .and_then(|mut found| found.next());
        Self::with(
            inside.expect("its host is known"),
            Before::Database,
            house_certificates(),
        )
        .await
    }

    /// The same with a certificate that vouches for itself, as an authority or not.
    pub async fn on_its_own(hub: SocketAddr, is_authority: bool) -> Self {
        hub::tls::choose_provider();
        Self::with(hub, Before::Hub, own_certificate(is_authority)).await
    }

    async fn with(inside: SocketAddr, before: Before, (acceptor, authority): (TlsAcceptor, String)) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (ended, connections) = (end.clone(), tasks.clone());
        tasks.spawn(async move {
            let accepting = async {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let (acceptor, ended) = (acceptor.clone(), ended.clone());
                    let carrying = async move {
                        before.greet(&mut stream).await?;
                        // Whoever does not trust it hangs up: that is the other side's test.
                        let mut outside = acceptor.accept(stream).await?;
                        let mut inside = TcpStream::connect(inside).await?;
                        copy_bidirectional(&mut outside, &mut inside).await
                    };
                    connections.spawn(async move {
                        tokio::select! { _ = carrying => {}, () = ended.cancelled() => {} }
                    });
                }
            };
            tokio::select! { () = accepting => {}, () = ended.cancelled() => {} }
        });
        Self {
            address,
            authority,
            end,
        }
    }

    /// Where people and programs reach the hub.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The URL of the database through it, under this name of the machine.
    #[must_use]
    pub fn database_url(&self, url: &str, host: &str) -> String {
        let mut url = Url::parse(url).expect("a URL of Postgres");
        url.set_host(Some(host)).expect("a name of this machine");
        url.set_port(Some(self.address.port()))
            .expect("the URL takes a port");
        url.to_string()
    }

    /// Where satellites connect.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("wss://{}/v1/satellites/connect", self.address)
    }

    /// The certificate of the authority that vouches for it, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.end.cancel();
    }
}
