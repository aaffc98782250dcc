//! What ends TLS before a hub, as a load balancer does: with a certificate of an authority that no machine knows.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::certificates::{house_certificates, own_certificate};

/// The front of a hub.
pub struct TlsFront {
    address: SocketAddr,
    authority: String,
    end: CancellationToken,
}

impl TlsFront {
    /// Listens on a port of this machine, before a hub on another one.
    pub async fn before(hub: SocketAddr) -> Self {
        hub::tls::choose_provider();
        Self::with(hub, house_certificates()).await
    }

    /// The same with a certificate that vouches for itself, as an authority or not.
    pub async fn on_its_own(hub: SocketAddr, is_authority: bool) -> Self {
        hub::tls::choose_provider();
        Self::with(hub, own_certificate(is_authority)).await
    }

    async fn with(hub: SocketAddr, (acceptor, authority): (TlsAcceptor, String)) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (ended, connections) = (end.clone(), tasks.clone());
        tasks.spawn(async move {
            let accepting = async {
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, ended) = (acceptor.clone(), ended.clone());
                    let carrying = async move {
                        // Whoever does not trust it hangs up: that is the other side's test.
                        let mut outside = acceptor.accept(stream).await?;
                        let mut inside = TcpStream::connect(hub).await?;
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
