//! Watching a log from a place on: what came since, and then what comes, each event once and in order.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    cursor::{Cursor, Start},
    reader::{Next, Part, Reader},
    recent::Item,
    tail::{Place, items},
    topic::Topics,
    watchers::{NEEDS, Standing},
};
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::{Caller, Watcher, authorize::authorize},
    storage::{Tx, bounded},
    telemetry::metric,
};

/// Events given out at once: what a slow link takes in a second or two, so that others on the same socket get their turn.
const AT_ONCE: usize = 32;
/// The code of the conflict of a watch whose log was replaced.
pub const REPLACED: &str = "log_replaced";

/// Somebody who watches.
pub struct Watch {
    hub: Hub,
    caller: Caller,
    reader: Reader,
    place: Place,
    standing: Standing,
}

/// What is next of a watch.
#[derive(Debug, Default)]
pub struct News {
    /// Events, each with the topic that let it through.
    pub events: Vec<(String, Arc<Item>)>,
    /// Whether to ask again at once; if not, the bell rings when there is more.
    pub has_more: bool,
}

impl Watch {
    /// Begins to watch after a place, or from now on. The bell rings when there is something new, or the watch must end.
    pub async fn begin(
        hub: &Hub,
        caller: Caller,
        topics: Topics,
        after: Option<Cursor>,
        bell: &Arc<Notify>,
    ) -> Result<(Self, Start)> {
        authorize(&caller, NEEDS)?;
        let standing = hub.watchers.stand(Watcher::from(&caller), bell);
        let end = bounded(end(hub, &caller, &topics)).await?;
        let start = Start::of(after, end);
        let place = hub
            .tails
            .join(hub, (caller.agent, caller.person(), caller.view()), bell);
        let watch = Self {
            hub: hub.clone(),
            reader: Reader::new(topics, start.cursor),
            caller,
            place,
            standing,
        };
        // It may be behind already.
        bell.notify_one();
        Ok((watch, start))
    }

    /// Refuses who may not watch any more.
    pub fn check(&self) -> Result<()> {
        self.standing.check()
    }

    /// What is next. Fails with what the caller may not do any more, or when the database is away: then ask again.
    pub async fn next(&mut self) -> Result<News> {
        self.check()?;
        let (given, has_more, from) = match self.place.next(&mut self.reader, AT_ONCE) {
            Next::Wait => return Ok(News::default()),
            Next::Give(given, has_more) => (given, has_more, "tail"),
            Next::Read(part) => (bounded(self.read(part)).await?, true, "log"),
            Next::Replaced => {
                return Err(Error::conflict(
                    REPLACED,
                    "the hub was recovered: its log was replaced by an older one",
                ));
            }
        };
        metrics::counter!(metric::WATCHED_EVENTS, "from" => from).increment(given.len() as u64);
        Ok(News {
            events: given.into_iter().filter_map(|item| self.named(item)).collect(),
            has_more,
        })
    }

    async fn read(&mut self, part: Part) -> Result<Vec<Arc<Item>>> {
        let topics = self.reader.topics();
        let read = async {
            let mut tx = begin(&self.hub, &self.caller).await?;
            let (exact, beginnings) = (topics.exact(), topics.beginnings());
            tx.events().part(&part, &exact, &beginnings).await
        };
        let found = self.hub.tails.in_turn(read).await?;
        let items = items(self.reader.at().epoch, found);
        Ok(self.reader.read(part, items))
    }

    fn named(&self, item: Arc<Item>) -> Option<(String, Arc<Item>)> {
        let topic = self
            .reader
            .topics()
            .of(&item.event.event_type, item.event.space_id)?;
        Some((topic.to_owned(), item))
    }
}

/// Where the log ends, when all that the topics name is there.
async fn end(hub: &Hub, caller: &Caller, topics: &Topics) -> Result<Cursor> {
    let mut tx = begin(hub, caller).await?;
    for (index, space) in topics.spaces() {
        if tx.places().space(space).await?.is_none() {
            let pointer = format!("/topics/{index}");
            return Err(Error::invalid(pointer, "names a space that there is not"));
        }
    }
    tx.events().end().await
}

async fn begin(hub: &Hub, caller: &Caller) -> Result<Tx> {
    hub.db.begin(caller.tx_scope(), caller.actor()).await
}
