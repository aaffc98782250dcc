//! Wake-ups. They carry no truth: whoever is woken reads the tables, and everyone also polls, so a lost one costs latency,
//! never data. Inside a process they go directly; to other processes by NOTIFY, after the commit, on a connection of its
//! own, coalesced and at most once per interval.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions, PgConnection, postgres::PgListener};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Db, fresh_jobs::FreshJobs};
use crate::{
    error::Result,
    ids::{AgentId, DeviceId, TurnId},
    lifecycle::Lifecycle,
};

/// NOTIFY takes a global lock at commit, so rings are gathered for this long.
const INTERVAL: Duration = Duration::from_millis(5);
/// How long to wait before reconnecting.
const RECONNECT: Duration = Duration::from_millis(500);
/// The one channel.
const CHANNEL: &str = "hub_bell";
/// More different rings than this are one: wake everyone.
const MOST_RINGS: usize = 1_000;

/// What somebody may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ring {
    /// A job is runnable.
    Jobs,
    /// A device's mailbox or standing has changed.
    Device(DeviceId),
    /// A turn has ended.
    Turn(TurnId),
    /// The log of an agent has grown.
    Log(AgentId),
    /// An audit entry waits for its place.
    Audit,
    /// Anything: a listener reconnected and may have missed what it waits for.
    Everything,
}

impl Ring {
    fn encode(self) -> String {
        match self {
            Self::Jobs => "jobs".to_owned(),
            Self::Device(id) => format!("device:{id}"),
            Self::Turn(id) => format!("turn:{id}"),
            Self::Log(id) => format!("log:{id}"),
            Self::Audit => "audit".to_owned(),
            Self::Everything => "everything".to_owned(),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':').unwrap_or((text, ""));
        let id = || Uuid::parse_str(id).ok();
        match kind {
            "jobs" => Some(Self::Jobs),
            "device" => Some(Self::Device(DeviceId(id()?))),
            "turn" => Some(Self::Turn(TurnId(id()?))),
            "log" => Some(Self::Log(AgentId(id()?))),
            "audit" => Some(Self::Audit),
            "everything" => Some(Self::Everything),
            _ => None,
        }
    }
}

/// A listener's key, and how it is woken.
type Waiting = (u64, Arc<Notify>);

/// The bell of a process.
#[derive(Debug, Default)]
pub struct Bell {
    waiting: Mutex<HashMap<Ring, Vec<Waiting>>>,
    abroad: Mutex<BTreeSet<Ring>>,
    sender: Notify,
    fresh_jobs: FreshJobs,
    next: AtomicU64,
}

/// Somebody who waits for a ring. A ring that comes while it is busy is remembered.
#[derive(Debug)]
pub struct Listener {
    bell: Arc<Bell>,
    ring: Ring,
    key: u64,
    notify: Arc<Notify>,
}

impl Listener {
    /// Ends at the next ring, or at once if one came since the last wait.
    pub async fn rung(&self) {
        self.notify.notified().await;
    }

    /// Ends at the next ring or after `poll`, whichever comes first.
    pub async fn rung_or_after(&self, poll: Duration) {
        let _ = tokio::time::timeout(poll, self.rung()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut waiting = self.bell.waiting.lock().expect("no panic while held");
        if let Some(listeners) = waiting.get_mut(&self.ring) {
            listeners.retain(|(key, _)| *key != self.key);
            if listeners.is_empty() {
                waiting.remove(&self.ring);
            }
        }
    }
}

impl Bell {
    /// Begins to listen for a ring.
    pub fn listen(self: &Arc<Self>, ring: Ring) -> Listener {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let notify = Arc::new(Notify::new());
        let mut waiting = self.waiting.lock().expect("no panic while held");
        waiting.entry(ring).or_default().push((key, Arc::clone(&notify)));
        Listener {
            bell: Arc::clone(self),
            ring,
            key,
            notify,
        }
    }

    /// Wakes this process now and the others soon.
    pub fn ring(&self, rings: BTreeSet<Ring>) {
        if rings.is_empty() {
            return;
        }
        for ring in &rings {
            self.wake(*ring);
        }
        let mut abroad = self.abroad.lock().expect("no panic while held");
        abroad.extend(rings);
        if abroad.len() > MOST_RINGS {
            abroad.clear();
            abroad.insert(Ring::Everything);
        }
        drop(abroad);
        self.sender.notify_one();
    }

    /// The ids of jobs that became runnable here, for the relay.
    pub const fn fresh_jobs(&self) -> &FreshJobs {
        &self.fresh_jobs
    }

    /// Wakes this process only.
    pub fn ring_here(&self, rings: impl IntoIterator<Item = Ring>) {
        rings.into_iter().for_each(|ring| self.wake(ring));
    }

    fn wake(&self, ring: Ring) {
        let waiting = self.waiting.lock().expect("no panic while held");
        if ring == Ring::Everything {
            for (_, notify) in waiting.values().flatten() {
                notify.notify_one();
            }
        } else if let Some(listeners) = waiting.get(&ring) {
            for (_, notify) in listeners {
                notify.notify_one();
            }
        }
    }

    fn take_abroad(&self) -> Vec<String> {
        let rings = std::mem::take(&mut *self.abroad.lock().expect("no panic while held"));
        rings.into_iter().map(Ring::encode).collect()
    }
}

impl Db {
    /// Keeps the bell connected to the other processes until the process closes.
    pub fn run_bell(&self, lifecycle: &Lifecycle) {
        let (db, life) = (self.clone(), lifecycle.clone());
        // It rings for what the other tasks do, to their end.
        lifecycle.spawn_last(async move {
            tokio::select! { () = send_rings(&db) => {}, () = life.drained() => {} }
        });
        let (db, life) = (self.clone(), lifecycle.clone());
        lifecycle.spawn(async move {
            tokio::select! { () = hear_rings(&db) => {}, () = life.closing() => {} }
        });
    }
}

async fn send_rings(db: &Db) {
    let mut connection: Option<PgConnection> = None;
    loop {
        db.bell().sender.notified().await;
        tokio::time::sleep(INTERVAL).await;
        let rings = db.bell().take_abroad();
        if let Err(error) = notify(db, &mut connection, &rings).await {
            // The others poll; nothing is lost.
            tracing::debug!(error = %error, "the bell could not be rung");
            connection = None;
        }
    }
}

async fn notify(db: &Db, connection: &mut Option<PgConnection>, rings: &[String]) -> Result<()> {
    if connection.is_none() {
        *connection = Some(db.connect_options().connect().await?);
    }
    if let Some(connection) = connection {
        sqlx::query!(
            "select pg_notify($1, ring) from unnest($2::text[]) as ring",
            CHANNEL,
            rings
        )
        .fetch_all(connection)
        .await?;
    }
    Ok(())
}

async fn hear_rings(db: &Db) {
    loop {
        if let Err(error) = hear(db).await {
            tracing::debug!(error = %error, "the bell is not heard, polling");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn hear(db: &Db) -> Result<()> {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(db.connect_options().clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    db.bell().wake(Ring::Everything);
    loop {
        match listener.try_recv().await? {
            Some(notification) => {
                if let Some(ring) = Ring::decode(notification.payload()) {
                    db.bell().wake(ring);
                }
            }
            // The connection was lost and is made anew: something may have been missed.
            None => db.bell().wake(Ring::Everything),
        }
    }
}
