//! A way to the database that can be cut, stalled and healed.

use std::sync::Arc;

use reqwest::Url;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the way lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Everything.
    Open,
    /// Connections stay, and nothing moves.
    Stalled,
    /// Connections end, and new ones end at once.
    Cut,
}

/// A TCP proxy on a port of this machine.
#[derive(Debug)]
pub struct Proxy {
    /// The database's URL through the proxy.
    pub url: String,
    way: Arc<watch::Sender<Way>>,
    end: CancellationToken,
}

impl Proxy {
    /// Listens before the host that a URL names.
    pub async fn before(url: &str) -> Self {
        let mut url = Url::parse(url).expect("a URL of Postgres");
        let host = url.host_str().expect("a URL with a host").to_owned();
        let upstream = (host, url.port().unwrap_or(5432));
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port is there");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        url.set_port(Some(port)).expect("the URL takes a port");
        let way = Arc::new(watch::Sender::new(Way::Open));
        let end = CancellationToken::new();
        let tracker = TaskTracker::new();
        let (ways, ended, tasks) = (Arc::clone(&way), end.clone(), tracker.clone());
        tracker.spawn(async move {
            tokio::select! { () = accept(&listener, &upstream, &ways, &tasks) => {}, () = ended.cancelled() => {} }
        });
        Self {
            url: url.to_string(),
            way,
            end,
        }
    }

    /// Ends every connection, and every new one at once.
    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Keeps every connection, and lets nothing through.
    pub fn stall(&self) {
        self.way.send_replace(Way::Stalled);
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.cancel();
        self.cut();
    }
}

async fn accept(
    listener: &TcpListener,
    upstream: &(String, u16),
    way: &watch::Sender<Way>,
    tasks: &TaskTracker,
) {
    while let Ok((client, _)) = listener.accept().await {
        tasks.spawn(carry(client, upstream.clone(), way.subscribe(), tasks.clone()));
    }
}

/// One connection. While the way is stalled the server does not hear of it: a server process that waits half way through
/// its greeting holds up every `drop database` of the cluster.
async fn carry(
    client: TcpStream,
    upstream: (String, u16),
    mut way: watch::Receiver<Way>,
    tasks: TaskTracker,
) {
    let opened = way.wait_for(|way| *way != Way::Stalled).await.map(|way| *way);
    if !matches!(opened, Ok(Way::Open)) {
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tasks.spawn(pump(client_reads, server_writes, way.clone()));
    tasks.spawn(pump(server_reads, client_writes, way));
}

/// Carries bytes one way until either side ends or the way is cut.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            _ = way.wait_for(|way| *way == Way::Cut) => return,
        };
        let Ok(count @ 1..) = read else { return };
        // A stalled way holds what was read.
        let opened = way.wait_for(|way| *way != Way::Stalled).await.map(|way| *way);
        if !matches!(opened, Ok(Way::Open)) || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
