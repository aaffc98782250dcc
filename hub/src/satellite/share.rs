//! The sockets' share of the database. When thousands of them have something to do at once, because they all come back or all
//! speak, they would take every connection, and nobody's request would be answered. So sockets work on the database a few at a
//! time, in the order in which they came; those who are not greeted yet take at most half of that, so that who is here does not
//! wait for who comes; and those of one agent fewer, for they would only wait for each other's turn at its log, and hold the
//! connections that other agents need. Each socket asks for one thing at a time, so that none can crowd out
//! another by saying more.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::pace::Rate;
use crate::{
    config::SatelliteConfig,
    error::{Error, Result},
    identity::network,
    ids::AgentId,
    secret::random_bytes,
    telemetry::metric,
};

/// What waits at the door at most: what a hub lets in within a few seconds. Who comes when so many wait is told at once to come
/// again.
const MOST_AT_THE_DOOR: usize = 1_024;
/// And of one network: who proves nothing takes no more than half, and a house with thousands of devices has them in soon.
const MOST_OF_ONE_AT_THE_DOOR: usize = MOST_AT_THE_DOOR / 2;
/// What the devices of one agent may say at once, in the time that it takes at their pace: they come back together, with all that
/// they kept.
const BURST: Duration = Duration::from_secs(10);
/// Paces that are remembered before those that are even are forgotten.
const MOST_PACES: usize = 4_096;
/// Those who are sent away come again spread over this time.
const COME_AGAIN: std::ops::Range<u64> = 1..8;

/// The share of this process's sockets.
#[derive(Debug, Clone)]
pub struct Share(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    all: Arc<Semaphore>,
    greetings: Arc<Semaphore>,
    /// At once of one agent.
    each: usize,
    lanes: Mutex<HashMap<(AgentId, Work), Lane>>,
    /// What the devices of one agent may say in a second.
    says: Rate,
    paces: Mutex<HashMap<AgentId, Instant>>,
    door: Mutex<Door>,
}

/// Who waits at the door: how many, and how many of each network.
#[derive(Debug, Default)]
struct Door {
    all: usize,
    of: HashMap<Option<IpAddr>, usize>,
}

/// Who does one kind of work for an agent, or waits to.
#[derive(Debug)]
struct Lane {
    permits: Arc<Semaphore>,
    visitors: usize,
}

/// What a socket works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// To be let in.
    Greeting,
    /// What it says or is told when it was.
    Message,
}

/// Room to work; dropping it gives it back.
#[derive(Debug)]
pub struct Room {
    _permits: [Option<OwnedSemaphorePermit>; 3],
    _visit: Visit,
}

/// Somebody in a lane; the last to leave closes it.
#[derive(Debug)]
struct Visit {
    shared: Arc<Shared>,
    lane: (AgentId, Work),
}

/// Somebody at the door; dropping it makes place.
#[derive(Debug)]
pub struct AtTheDoor {
    shared: Arc<Shared>,
    from: Option<IpAddr>,
}

impl Share {
    /// As it is configured.
    #[must_use]
    pub fn new(config: &SatelliteConfig) -> Self {
        Self(Arc::new(Shared {
            all: Arc::new(Semaphore::new(config.work_at_once)),
            greetings: Arc::new(Semaphore::new((config.work_at_once / 2).max(1))),
            each: config.work_at_once_per_agent,
            lanes: Mutex::default(),
            says: Rate {
                every: Duration::from_secs(1) / config.messages_per_s_per_agent,
                burst: BURST,
            },
            paces: Mutex::default(),
            door: Mutex::default(),
        }))
    }

    /// Waits for room to work for an agent; not without end, for the socket's device waits, too.
    pub async fn room(&self, agent: AgentId, work: Work, within: Duration) -> Result<Room> {
        let began = Instant::now();
        let (visit, lane) = self.visit((agent, work));
        let greetings = (work == Work::Greeting).then(|| Arc::clone(&self.0.greetings));
        // What others wait for comes last: who waits for the rest must not hold it.
        let permits = async {
            let own = lane.acquire_owned().await.ok();
            let greeting = match greetings {
                Some(greetings) => greetings.acquire_owned().await.ok(),
                None => None,
            };
            [own, greeting, Arc::clone(&self.0.all).acquire_owned().await.ok()]
        };
        let permits = timeout(within, permits).await.map_err(|_| crowded())?;
        metrics::histogram!(metric::SOCKET_WAIT_SECONDS).record(began.elapsed().as_secs_f64());
        Ok(Room {
            _permits: permits,
            _visit: visit,
        })
    }

    /// A place at the door, for somebody at this address who is not greeted yet.
    pub fn come_to_the_door(&self, address: Option<IpAddr>) -> Result<AtTheDoor> {
        let from = address.map(network);
        let mut door = self.0.door();
        let of_one = door.of.get(&from).copied().unwrap_or_default();
        if door.all >= MOST_AT_THE_DOOR || of_one >= MOST_OF_ONE_AT_THE_DOOR {
            metrics::counter!(metric::SOCKETS_REFUSED, "why" => "door").increment(1);
            return Err(full("a place at the door"));
        }
        door.all += 1;
        door.of.insert(from, of_one + 1);
        Ok(AtTheDoor {
            shared: Arc::clone(&self.0),
            from,
        })
    }

    /// Counts what a device of an agent says, or says how long to wait: all its devices together have a pace, for what they say
    /// grows its log. What they answer to commands is not counted; the hub asked for it.
    pub fn says(&self, agent: AgentId, messages: usize) -> Result<(), Duration> {
        self.says_at(agent, messages, Instant::now())
    }

    fn says_at(&self, agent: AgentId, messages: usize, now: Instant) -> Result<(), Duration> {
        let mut paces = self.0.paces.lock().expect("no panic while held");
        if paces.len() >= MOST_PACES {
            paces.retain(|_, even_at| *even_at > now);
        }
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.0.says.take(paces.entry(agent).or_insert(now), messages, now)
    }

    fn visit(&self, key: (AgentId, Work)) -> (Visit, Arc<Semaphore>) {
        let mut lanes = self.0.lock();
        let lane = lanes.entry(key).or_insert_with(|| Lane {
            permits: Arc::new(Semaphore::new(self.0.each)),
            visitors: 0,
        });
        lane.visitors += 1;
        let visit = Visit {
            shared: Arc::clone(&self.0),
            lane: key,
        };
        (visit, Arc::clone(&lane.permits))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<(AgentId, Work), Lane>> {
        self.lanes.lock().expect("no panic while held")
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().expect("no panic while held")
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut lanes = self.shared.lock();
        if let Some(lane) = lanes.get_mut(&self.lane) {
            lane.visitors -= 1;
            if lane.visitors == 0 {
                lanes.remove(&self.lane);
            }
        }
    }
}

impl Drop for AtTheDoor {
    fn drop(&mut self) {
        let mut door = self.shared.door();
        door.all -= 1;
        if let Entry::Occupied(mut of_one) = door.of.entry(self.from) {
            *of_one.get_mut() -= 1;
            if *of_one.get() == 0 {
                of_one.remove();
            }
        }
    }
}

/// There is no room for this now. Not everyone is told to come again at the same time.
#[must_use]
pub fn full(what: &'static str) -> Error {
    Error::Full {
        what,
        retry_after: Duration::from_secs(
            COME_AGAIN.start + u64::from(random_bytes::<1>()[0]) % (COME_AGAIN.end - COME_AGAIN.start),
        ),
    }
}

fn crowded() -> Error {
    metrics::counter!(metric::SOCKETS_REFUSED, "why" => "work").increment(1);
    full("room for a satellite's work")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(10);

    fn share(work_at_once: usize, work_at_once_per_agent: usize) -> Share {
        Share::new(&SatelliteConfig {
            work_at_once,
            work_at_once_per_agent,
            ..SatelliteConfig::default()
        })
    }

    #[tokio::test]
    async fn an_agent_that_says_much_leaves_room_for_others() {
        let share = share(3, 2);
        let (loud, quiet) = (AgentId::mint(), AgentId::mint());
        let room = |agent, within| share.room(agent, Work::Message, within);
        let first = room(loud, PATIENCE).await.unwrap();
        let _second = room(loud, PATIENCE).await.unwrap();
        assert!(room(loud, SOON).await.is_err());
        let other = room(quiet, PATIENCE).await.unwrap();
        assert!(room(AgentId::mint(), SOON).await.is_err(), "all is taken");
        drop((first, other));
        assert!(room(loud, PATIENCE).await.is_ok());
    }

    #[tokio::test]
    async fn those_who_come_leave_room_for_those_who_are_here() {
        let share = share(2, 2);
        let room = |work, within| share.room(AgentId::mint(), work, within);
        let _comes = room(Work::Greeting, PATIENCE).await.unwrap();
        assert!(room(Work::Greeting, SOON).await.is_err());
        assert!(room(Work::Message, PATIENCE).await.is_ok());
    }

    #[tokio::test]
    async fn who_gives_up_is_told_when_to_come_again_and_leaves_nothing_behind() {
        let share = share(1, 1);
        let (one, two) = (AgentId::mint(), AgentId::mint());
        let held = share.room(one, Work::Message, PATIENCE).await.unwrap();
        let refused = share.room(two, Work::Message, SOON).await.unwrap_err();
        assert!(matches!(refused, Error::Full { retry_after, .. } if retry_after.as_secs() >= 1));
        let waits = share.room(two, Work::Message, PATIENCE);
        let (waited, ()) = tokio::join!(waits, async { drop(held) });
        drop(waited.unwrap());
        assert!(share.0.lock().is_empty());
    }

    #[tokio::test]
    async fn those_of_an_agent_who_come_do_not_hold_up_those_who_are_here() {
        let share = share(8, 1);
        let agent = AgentId::mint();
        let _comes = share.room(agent, Work::Greeting, PATIENCE).await.unwrap();
        assert!(share.room(agent, Work::Greeting, SOON).await.is_err());
        assert!(share.room(agent, Work::Message, SOON).await.is_ok());
    }

    #[test]
    fn an_agent_that_says_too_much_is_told_when_to_go_on_and_others_are_not_asked() {
        let share = Share::new(&SatelliteConfig {
            messages_per_s_per_agent: 2,
            ..SatelliteConfig::default()
        });
        let (agent, start) = (AgentId::mint(), Instant::now());
        let says = |messages, at_ms| share.says_at(agent, messages, start + Duration::from_millis(at_ms));
        assert_eq!(says(20, 0), Ok(()));
        assert_eq!(says(3, 0), Err(Duration::from_millis(1_500)));
        assert_eq!(share.says_at(AgentId::mint(), 20, start), Ok(()));
        assert_eq!((says(3, 1_500), says(1, 1_500).is_err()), (Ok(()), true));
        // Even more than the burst is taken when all is even, or it never would be.
        assert_eq!(says(100, 21_500), Ok(()));
    }

    #[test]
    fn few_wait_at_the_door_and_fewer_of_one_network() {
        let share = share(1, 1);
        let at = |number: u8| Some(IpAddr::from([192, 0, 2, number]));
        let crowd = |from| {
            let share = share.clone();
            std::iter::from_fn(move || share.come_to_the_door(from).ok())
        };
        let one: Vec<AtTheDoor> = crowd(at(1)).collect();
        assert_eq!(one.len(), MOST_OF_ONE_AT_THE_DOOR);
        let mut others: Vec<AtTheDoor> = crowd(at(2)).collect();
        assert_eq!(one.len() + others.len(), MOST_AT_THE_DOOR);
        assert_eq!(crowd(at(3)).count(), 0);
        others.pop();
        assert_eq!(crowd(at(3)).take(1).count(), 1);
        assert_eq!(one[0].shared.door().of.len(), 2);
    }
}
