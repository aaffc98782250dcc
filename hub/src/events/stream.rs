//! A watch as a stream with an end, for those who only read: it says where it starts, then what happens, and at the end why it ends.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use super::{
    cursor::{Cursor, Start},
    recent::Item,
    topic::Topics,
    watch::Watch,
};
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::Caller,
    turns::followers,
};

/// How long after a read that failed the next one comes.
const AGAIN: Duration = Duration::from_millis(500);

/// What a stream says.
#[derive(Debug)]
pub enum Told {
    /// Where it starts.
    Started(Start),
    /// Something happened.
    Event(Arc<Item>),
    /// Why it ends here.
    Over(Over),
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Its time is over: come again.
    Time,
    /// The hub stops or restarts: come again.
    Restart,
    /// The credential or the membership has ended.
    Revoked,
    /// The caller may not read events any more, or sees others now: come again and be told.
    Changed,
}

impl Over {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Restart => "restart",
            Self::Revoked => "revoked",
            Self::Changed => "changed",
        }
    }
}

/// A stream of events.
pub struct EventStream {
    hub: Hub,
    watch: Watch,
    bell: Arc<Notify>,
    until: Instant,
    start: Option<Start>,
    ready: VecDeque<Arc<Item>>,
    is_over: bool,
    _place: followers::Place,
}

impl EventStream {
    /// Begins it after a place, or from now on.
    pub async fn begin(hub: &Hub, caller: Caller, topics: Topics, after: Option<Cursor>) -> Result<Self> {
        let place = hub.streams.enter(&caller)?;
        let bell = Arc::new(Notify::new());
        let (watch, start) = Watch::begin(hub, caller, topics, after, &bell).await?;
        Ok(Self {
            hub: hub.clone(),
            watch,
            bell,
            until: Instant::now() + Duration::from_millis(hub.config.http.stream_ms),
            start: Some(start),
            ready: VecDeque::new(),
            is_over: false,
            _place: place,
        })
    }

    /// What is said next; none after the end. Before each event it is asked anew whether it may still be told: what was read
    /// before the caller was revoked is not said after it.
    pub async fn next(&mut self) -> Option<Told> {
        if let Some(start) = self.start.take() {
            return Some(Told::Started(start));
        }
        while !self.is_over {
            let over = match self.goes_on() {
                Ok(()) => match self.ready.pop_front() {
                    Some(item) => return Some(Told::Event(item)),
                    None => self.look().await,
                },
                over @ Err(_) => over,
            };
            if let Err(over) = over {
                self.is_over = true;
                return Some(Told::Over(over));
            }
        }
        None
    }

    fn goes_on(&self) -> Result<(), Over> {
        if self.hub.lifecycle.is_closing() {
            return Err(Over::Restart);
        }
        self.watch.check().map_err(|error| why(&error))
    }

    /// Takes what is there, or waits for it.
    async fn look(&mut self) -> Result<(), Over> {
        if Instant::now() >= self.until {
            return Err(Over::Time);
        }
        let wait = match self.watch.next().await {
            Ok(news) => {
                self.ready.extend(news.events.into_iter().map(|(_, item)| item));
                if !self.ready.is_empty() || news.has_more {
                    return Ok(());
                }
                self.until
            }
            Err(error) if error.is_outage() => Instant::now() + AGAIN,
            Err(error) => return Err(why(&error)),
        };
        tokio::select! {
            () = self.bell.notified() => {}
            () = tokio::time::sleep_until(wait.min(self.until)) => {}
            () = self.hub.lifecycle.closing() => {}
        }
        Ok(())
    }
}

/// Why a stream ends with this error.
fn why(error: &Error) -> Over {
    match error {
        Error::Unauthenticated(_) | Error::NotFound { .. } => Over::Revoked,
        Error::Forbidden { .. } | Error::Conflict { .. } => Over::Changed,
        error => {
            tracing::error!(error = error.chain(), "a stream of events failed");
            Over::Restart
        }
    }
}
