//! Following logs: of each agent and audience that somebody here watches, one reads the log as it grows, for all of them.
//!
//! Row-level security filters what it reads, as it does for everyone: what is kept for an audience holds nothing of another's. A
//! wake-up that is lost costs latency: once a second one look at the tables finds every log that has grown.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    cursor::Cursor,
    reader::{Next, Part, Reader},
    recent::{Item, Recent},
};
use crate::{
    error::Result,
    events::EventKind,
    hub::Hub,
    identity::Actor,
    ids::{AgentId, PersonId},
    places::View,
    storage::{Ring, TxScope, bounded},
};

/// How often it is looked whether a log has grown that nobody rang for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two reads of a log: what is committed meanwhile is read at once.
const GATHER: Duration = Duration::from_millis(5);
/// Events read at once.
const AT_ONCE: usize = 256;
/// Positions that it may be behind to read them all; further behind it goes on at the end, and each reads for itself.
const MOST_BEHIND: i64 = 512;
/// Replays that read a log at once on this node: each holds a connection, and most must be left for requests.
const READS_AT_ONCE: usize = 4;

/// Whose eyes a log is read with.
type Eyes = (AgentId, Option<PersonId>, View);

/// The logs that are followed on this node.
#[derive(Debug, Clone)]
pub struct Tails {
    open: Arc<Mutex<Open>>,
    /// For those who are further back than what is kept here.
    reads: Arc<Semaphore>,
}

impl Default for Tails {
    fn default() -> Self {
        Self {
            open: Arc::default(),
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
        }
    }
}

#[derive(Debug, Default)]
struct Open {
    tails: HashMap<Eyes, Arc<Tail>>,
    next: u64,
}

/// One log with one pair of eyes.
#[derive(Debug, Default)]
struct Tail {
    /// None until the log was first looked at.
    recent: Mutex<Option<Recent>>,
    /// Whom to wake.
    readers: Mutex<HashMap<u64, Arc<Notify>>>,
    /// Wakes who reads the log.
    grown: Notify,
    over: CancellationToken,
}

/// A place among the readers of a log; dropping it gives it back, and the last one ends the reading.
#[derive(Debug)]
pub struct Place {
    tails: Tails,
    eyes: Eyes,
    number: u64,
    tail: Arc<Tail>,
}

impl Place {
    /// What is next for a reader, at most so many events.
    pub fn next(&self, reader: &mut Reader, most: usize) -> Next {
        let recent = lock(&self.tail.recent);
        recent
            .as_ref()
            .map_or(Next::Wait, |recent| reader.next(recent, most))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.tails.open);
        let mut readers = lock(&self.tail.readers);
        readers.remove(&self.number);
        if readers.is_empty() {
            open.tails.remove(&self.eyes);
            self.tail.over.cancel();
        }
    }
}

impl Tails {
    /// Takes a place at a log; the bell rings when there is more to read.
    pub fn join(&self, hub: &Hub, eyes: Eyes, bell: &Arc<Notify>) -> Place {
        let mut open = lock(&self.open);
        open.next += 1;
        let number = open.next;
        let tail = open.tails.entry(eyes).or_insert_with(|| {
            let tail = Arc::new(Tail::default());
            hub.lifecycle.spawn(keep(hub.clone(), eyes, Arc::clone(&tail)));
            tail
        });
        let tail = Arc::clone(tail);
        lock(&tail.readers).insert(number, Arc::clone(bell));
        Place {
            tails: self.clone(),
            eyes,
            number,
            tail,
        }
    }

    /// Does a replay's read of a log when it is its turn.
    pub(super) async fn in_turn<T>(&self, read: impl Future<Output = T>) -> T {
        let _turn = self.reads.acquire().await.expect("it is never closed");
        read.await
    }

    fn all(&self) -> Vec<(Eyes, Arc<Tail>)> {
        let open = lock(&self.open);
        open.tails
            .iter()
            .map(|(eyes, tail)| (*eyes, Arc::clone(tail)))
            .collect()
    }
}

impl Tail {
    fn end(&self) -> Option<Cursor> {
        lock(&self.recent).as_ref().map(Recent::end)
    }

    /// From here on.
    fn begin(&self, end: Cursor) {
        *lock(&self.recent) = Some(Recent::from(end));
        self.wake();
    }

    fn push(&self, end: i64, items: Vec<Arc<Item>>) {
        if let Some(recent) = lock(&self.recent).as_mut() {
            if items
                .iter()
                .any(|item| item.event.event_type == EventKind::EventForgotten.name())
            {
                // What is kept here may hold it. Whoever has not read it yet reads the log itself.
                *recent = Recent::from(recent.end());
            }
            recent.push(end, items);
        }
        self.wake();
    }

    fn wake(&self) {
        for bell in lock(&self.readers).values() {
            bell.notify_one();
        }
    }
}

/// Starts the looks of this process.
pub fn start(hub: &Hub) {
    let looking = hub.clone();
    hub.lifecycle.spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = looking.lifecycle.closing() => return,
            }
            if let Err(error) = bounded(look(&looking)).await {
                tracing::debug!(
                    error = error.chain(),
                    "it could not be looked whether a log has grown"
                );
            }
        }
    });
}

/// Wakes who reads a log that has grown, and forgets what is old.
pub async fn look(hub: &Hub) -> Result<()> {
    let tails = hub.tails.all();
    if tails.is_empty() {
        return Ok(());
    }
    for (_, tail) in &tails {
        if let Some(recent) = lock(&tail.recent).as_mut() {
            recent.forget();
        }
    }
    let mut agents: Vec<_> = tails.iter().map(|((agent, ..), _)| agent.0).collect();
    agents.sort_unstable();
    agents.dedup();
    let mut tx = hub.db.begin_system().await?;
    let ends = tx.events().ends(&agents).await?;
    drop(tx);
    for ((agent, ..), tail) in tails {
        if ends.get(&agent).is_some_and(|end| tail.end() != Some(*end)) {
            tail.grown.notify_one();
        }
    }
    Ok(())
}

/// Reads a log as it grows, until nobody follows it any more.
async fn keep(hub: Hub, eyes: Eyes, tail: Arc<Tail>) {
    let bell = hub.db.bell().listen(Ring::Log(eyes.0));
    loop {
        let is_more = bounded(read(&hub, eyes, &tail)).await.unwrap_or_else(|error| {
            // The next look wakes it again.
            tracing::debug!(agent.id = %eyes.0, error = error.chain(), "a log could not be followed yet");
            false
        });
        let news = async {
            tokio::time::sleep(GATHER).await;
            if !is_more {
                tokio::select! { () = bell.rung() => {}, () = tail.grown.notified() => {} }
            }
        };
        tokio::select! {
            () = news => {}
            () = tail.over.cancelled() => return,
            () = hub.lifecycle.closing() => return,
        }
    }
}

/// Reads what has come; whether there is more.
async fn read(hub: &Hub, eyes: Eyes, tail: &Tail) -> Result<bool> {
    let (agent, person, view) = eyes;
    let scope = TxScope::Agent { agent, person, view };
    let mut tx = hub.db.begin(scope, Actor::hub()).await?;
    // The end before the events: all up to it is there to be read.
    let end = tx.events().end().await?;
    let near = |at: &Cursor| at.is_in(end) && end.position - at.position <= MOST_BEHIND;
    let Some(at) = tail.end().filter(near) else {
        tail.begin(end);
        return Ok(false);
    };
    if at == end {
        return Ok(false);
    }
    let part = Part {
        after: at.position,
        upto: end.position,
        most: AT_ONCE,
    };
    let items = items(end.epoch, tx.events().part(&part, &[], &[String::new()]).await?);
    drop(tx);
    let last = items.last().filter(|_| items.len() >= AT_ONCE);
    let upto = last.map_or(end.position, |item| item.position);
    tail.push(upto, items);
    Ok(upto < end.position)
}

/// Events as their readers get them.
pub(super) fn items(epoch: i32, events: Vec<(i64, super::Event)>) -> Vec<Arc<Item>> {
    let item = |(position, event)| Arc::new(Item::new(Cursor { epoch, position }, event));
    events.into_iter().map(item).collect()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no panic while held")
}
