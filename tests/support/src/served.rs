//! A hub that listens on a port of this machine: REST and satellites' sockets, with what runs beside them.

use std::net::SocketAddr;

use hub::{events, hub::Hub, jobs, satellite};
use tokio::net::TcpListener;

/// A hub that listens. Jobs are left to the test unless it asks for workers.
pub struct Served {
    hub: Hub,
    address: SocketAddr,
}

impl Served {
    /// Serves with the bell and the watch over its sockets.
    pub async fn start(hub: &Hub) -> Self {
        let served = Self::deaf(hub).await;
        hub.db.run_bell(&hub.lifecycle);
        satellite::watch::start(hub);
        events::tail::start(hub);
        events::watchers::start(hub);
        served
    }

    /// The same, with workers and sweeps.
    pub async fn with_workers(hub: &Hub) -> Self {
        let served = Self::start(hub).await;
        jobs::worker::start(hub);
        jobs::sweep::start(hub);
        served
    }

    /// Serves and hears nothing from other processes: neither the bell nor the tables tell its sockets anything.
    pub async fn deaf(hub: &Hub) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port is there");
        let address = listener.local_addr().expect("a bound socket has an address");
        hub.lifecycle
            .spawn(hub::http::serve::serve(hub.clone(), listener));
        Self {
            hub: hub.clone(),
            address,
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where satellites connect.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://{}/v1/satellites/connect", self.address)
    }

    /// Where consoles connect.
    #[must_use]
    pub fn console_url(&self) -> String {
        format!("ws://{}/v1/consoles/connect", self.address)
    }

    /// Shuts the hub down as `hub serve` does, and returns when it has.
    pub async fn shut_down(&self) {
        self.hub.lifecycle.shut_down().await;
    }
}
