//! The sockets of this process: how many there are, and what must be alive for them.
//!
//! A socket costs its sender nothing, and may hold two frames' worth of memory before it says who it is. So strangers, whose
//! upgrade carried no device's credential, wait at the door until they were greeted: few at once, and fewer from one address.
//! They take nothing from devices. A device that has proved itself has its seat at once.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::Notify;

use super::share::full;
use crate::{
    config::SatelliteConfig,
    devices::Sitting,
    error::{Error, Result},
    identity::network,
    ids::{AgentId, DeviceId, TokenId, UserId},
    telemetry::metric,
};

/// Strangers at the door at most: 64 MiB at the worst, when each sends a message of the largest size in two halves and leaves
/// both unfinished. A greeting takes milliseconds, so that thousands come in within their ten seconds.
const MOST_STRANGERS: usize = 128;
/// Devices and users at the door at most: what a hub greets within a few seconds, for they do not wait longer for their welcome. Whoever
/// comes when so many wait is told at once to come again.
const MOST_PROVEN: usize = 1_024;
/// Of these, those of one agent, which may have opened sockets and say nothing.
const MOST_OF_AGENT: usize = MOST_PROVEN / 4;
/// Sockets at most that one newcomer may have at the door: a client that lost some without noticing, and a few neighbours.
const MOST_OF_ONE: usize = 8;

/// The sockets of this process.
#[derive(Debug, Clone)]
pub struct Registry {
    most: usize,
    /// Of one agent.
    most_of_agent: usize,
    open: Arc<Mutex<Open>>,
}

/// Whose socket waits to be greeted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Newcomer {
    /// A device of an agent, whose credential came with the upgrade.
    Device(AgentId, DeviceId),
    /// A user who watches, whose credential came with the upgrade. They take no seat: they have room of their own.
    User(UserId),
    /// Anybody, at this address.
    Stranger(Option<IpAddr>),
}

impl Newcomer {
    /// Somebody unknown, for whom the address stands.
    #[must_use]
    pub fn stranger(address: Option<IpAddr>) -> Self {
        Self::Stranger(address.map(network))
    }

    const fn is_stranger(self) -> bool {
        matches!(self, Self::Stranger(_))
    }
}

#[derive(Debug, Default)]
struct Open {
    /// Taken seats.
    seats: usize,
    /// Of these, those of each agent.
    of_agents: HashMap<AgentId, usize>,
    strangers: usize,
    /// How many sockets each newcomer has at the door.
    waiting: HashMap<Newcomer, usize>,
    /// Those that were greeted, by the numbers of their seats. A device has two while a newer one takes the place of an
    /// older one. With each, what tells it that it has ended.
    sitting: HashMap<u64, (Sitting, Arc<Notify>)>,
    next: u64,
}

/// A place at the door, before hello; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    registry: Registry,
    newcomer: Newcomer,
}

/// A seat among the greeted; dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    registry: Registry,
    number: u64,
    ended: Arc<Notify>,
}

impl Registry {
    /// With as many seats as are configured.
    #[must_use]
    pub fn new(config: &SatelliteConfig) -> Self {
        Self {
            most: config.max_sockets,
            most_of_agent: config.max_sockets_per_agent,
            open: Arc::default(),
        }
    }

    /// Takes a place at the door, if there is one, and a seat to go to.
    pub fn enter(&self, newcomer: Newcomer) -> Result<Place> {
        let mut open = self.lock();
        let of_this = open.waiting.get(&newcomer).copied().unwrap_or_default();
        let is_crowded = newcomer.is_stranger() && open.strangers >= MOST_STRANGERS;
        let is_full = open.seats >= self.most && !matches!(newcomer, Newcomer::User(_));
        if is_full || is_crowded || of_this >= MOST_OF_ONE {
            return Err(no_seat("node"));
        }
        match newcomer {
            Newcomer::Stranger(_) => open.strangers += 1,
            Newcomer::Device(agent, _) if open.of(agent) >= self.most_of_agent => {
                return Err(no_seat("agent"));
            }
            Newcomer::User(_) if open.is_door_full_for(None) => return Err(no_seat("door")),
            Newcomer::User(_) => {}
            Newcomer::Device(agent, _) if open.is_door_full_for(Some(agent)) => {
                return Err(no_seat("door"));
            }
            Newcomer::Device(agent, _) => open.take(agent),
        }
        open.waiting.insert(newcomer, of_this + 1);
        Ok(Place {
            registry: self.clone(),
            newcomer,
        })
    }

    /// The greeted sockets here.
    #[must_use]
    pub fn sitting(&self) -> Vec<Sitting> {
        self.lock()
            .sitting
            .values()
            .map(|(sitting, _)| *sitting)
            .collect()
    }

    /// Ends the socket of which this was true; one that goes on with another credential meanwhile stays.
    pub fn end(&self, ended: Sitting) {
        let open = self.lock();
        for (_, tell) in open.sitting.values().filter(|(sitting, _)| *sitting == ended) {
            tell.notify_one();
        }
    }

    /// The socket that was opened with a credential goes on with another.
    pub fn renewed(&self, before: TokenId, now: TokenId) {
        let mut open = self.lock();
        for (sitting, _) in open.sitting.values_mut() {
            if sitting.token == before {
                sitting.token = now;
            }
        }
    }

    /// How many seats are taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().seats
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("no panic while held")
    }
}

impl Place {
    /// For whom it is kept; the hub's own where nobody knows yet.
    #[must_use]
    pub const fn agent(&self) -> AgentId {
        match self.newcomer {
            Newcomer::Device(agent, _) => agent,
            Newcomer::User(_) | Newcomer::Stranger(_) => AgentId::HUB,
        }
    }

    /// Goes from the door to a seat. A stranger finds none when devices took the last one meanwhile.
    pub fn sit(self, sitting: Sitting) -> Result<Seat> {
        let mut open = self.registry.lock();
        if self.newcomer.is_stranger() {
            if open.seats >= self.registry.most {
                return Err(no_seat("node"));
            }
            if open.of(sitting.agent) >= self.registry.most_of_agent {
                return Err(no_seat("agent"));
            }
        }
        // A device's seat is counted twice until its place is given back, at the end of this.
        open.take(sitting.agent);
        open.next += 1;
        let number = open.next;
        let ended = Arc::new(Notify::new());
        open.sitting.insert(number, (sitting, Arc::clone(&ended)));
        Ok(Seat {
            registry: self.registry.clone(),
            number,
            ended,
        })
    }
}

impl Seat {
    /// Waits until its device, its credential or its agent has ended.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.registry.lock();
        match self.newcomer {
            Newcomer::Stranger(_) => open.strangers -= 1,
            Newcomer::User(_) => {}
            Newcomer::Device(agent, _) => open.give_back(agent),
        }
        if let Entry::Occupied(mut of_this) = open.waiting.entry(self.newcomer) {
            *of_this.get_mut() -= 1;
            if *of_this.get() == 0 {
                of_this.remove();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.registry.lock();
        if let Some((sitting, _)) = open.sitting.remove(&self.number) {
            open.give_back(sitting.agent);
        }
    }
}

impl Open {
    /// Seats of an agent that are taken.
    fn of(&self, agent: AgentId) -> usize {
        self.of_agents.get(&agent).copied().unwrap_or_default()
    }

    /// Whether too many who have proved themselves wait to be greeted, or too many of this agent's devices.
    fn is_door_full_for(&self, agent: Option<AgentId>) -> bool {
        let (mut all, mut own) = (0, 0);
        for (newcomer, count) in &self.waiting {
            match newcomer {
                Newcomer::Device(of, _) => {
                    all += count;
                    own += if Some(*of) == agent { *count } else { 0 };
                }
                Newcomer::User(_) => all += count,
                Newcomer::Stranger(_) => {}
            }
        }
        all >= MOST_PROVEN || own >= MOST_OF_AGENT
    }

    fn take(&mut self, agent: AgentId) {
        self.seats += 1;
        *self.of_agents.entry(agent).or_default() += 1;
        gauge(self.seats);
    }

    fn give_back(&mut self, agent: AgentId) {
        self.seats -= 1;
        if let Some(of_agent) = self.of_agents.get_mut(&agent) {
            *of_agent -= 1;
            if *of_agent == 0 {
                self.of_agents.remove(&agent);
            }
        }
        gauge(self.seats);
    }
}

/// All seats are taken: those of the node, or those of the agent.
fn no_seat(whose: &'static str) -> Error {
    metrics::counter!(metric::SOCKETS_REFUSED, "why" => whose).increment(1);
    full(match whose {
        "agent" => "a socket for this agent's devices",
        "door" => "a place at the door",
        _ => "a socket",
    })
}

fn gauge(seats: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge of sockets")]
    metrics::gauge!(metric::SOCKETS).set(seats as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(max_sockets: usize, max_sockets_per_agent: usize) -> Registry {
        Registry::new(&SatelliteConfig {
            max_sockets,
            max_sockets_per_agent,
            ..SatelliteConfig::default()
        })
    }

    fn at(number: u8) -> Newcomer {
        Newcomer::stranger(Some([192, 0, 2, number].into()))
    }

    /// A device of an agent of its own, and what it sits down with.
    fn device() -> (Newcomer, Sitting) {
        device_of(AgentId::mint())
    }

    fn device_of(agent: AgentId) -> (Newcomer, Sitting) {
        let sitting = Sitting {
            agent,
            device: DeviceId::mint(),
            token: TokenId::mint(),
        };
        (Newcomer::Device(agent, sitting.device), sitting)
    }

    /// Takes places for somebody until there is none.
    fn crowd(registry: &Registry, newcomer: Newcomer) -> Vec<Place> {
        std::iter::from_fn(|| registry.enter(newcomer).ok()).collect()
    }

    #[test]
    fn strangers_take_no_seat_and_few_places() {
        let registry = registry(2, 2);
        let mut waiting = crowd(&registry, at(0));
        assert_eq!(waiting.len(), MOST_OF_ONE);
        waiting.extend((1..100).flat_map(|number| crowd(&registry, at(number))));
        assert_eq!((waiting.len(), registry.count()), (MOST_STRANGERS, 0));
        let (device, sitting) = device();
        let seat = registry.enter(device).unwrap().sit(sitting);
        assert_eq!((seat.is_ok(), registry.count()), (true, 1));
        drop(waiting);
        assert_eq!(crowd(&registry, at(0)).len(), MOST_OF_ONE);
    }

    #[test]
    fn a_device_at_the_door_has_its_seat_and_keeps_few_others_waiting() {
        let registry = registry(100, 100);
        let (device, sitting) = device();
        let mut waiting = crowd(&registry, device);
        assert_eq!((waiting.len(), registry.count()), (MOST_OF_ONE, MOST_OF_ONE));
        let seat = waiting.pop().unwrap().sit(sitting).unwrap();
        assert_eq!(registry.count(), MOST_OF_ONE);
        drop((waiting, seat));
        let open = registry.lock();
        assert_eq!((open.seats, open.waiting.len(), open.sitting.len()), (0, 0, 0));
        assert!(open.of_agents.is_empty());
    }

    #[test]
    fn a_stranger_finds_no_seat_when_devices_took_the_last() {
        let registry = registry(1, 1);
        let stranger = registry.enter(at(1)).unwrap();
        let (device, sitting) = device();
        let _seat = registry.enter(device).unwrap().sit(sitting);
        assert!(stranger.sit(device_of(AgentId::mint()).1).is_err());
        assert!(registry.enter(at(1)).is_err() && registry.enter(device).is_err());
        assert_eq!(registry.count(), 1);
    }

    #[test]
    fn an_agent_whose_devices_took_all_its_seats_leaves_those_of_others() {
        let (registry, agent) = (registry(10, 2), AgentId::mint());
        let sit = |(device, sitting)| registry.enter(device).and_then(|place| place.sit(sitting));
        let seats: Vec<Seat> = (0..3).filter_map(|_| sit(device_of(agent)).ok()).collect();
        assert_eq!((seats.len(), registry.count()), (2, 2));
        // Nor does one that says only at hello whose it is.
        assert!(registry.enter(at(1)).unwrap().sit(device_of(agent).1).is_err());
        assert!(sit(device()).is_ok());
        drop(seats);
        assert!(sit(device_of(agent)).is_ok());
    }

    #[test]
    fn a_user_who_proved_it_stands_behind_no_stranger_and_needs_no_seat() {
        let registry = registry(1, 1);
        let (device, sitting) = device();
        let _strangers: Vec<Place> = (0..100).flat_map(|number| crowd(&registry, at(number))).collect();
        let seat = registry.enter(device).unwrap().sit(sitting);
        let user = Newcomer::User(UserId::mint());
        assert_eq!(crowd(&registry, user).len(), MOST_OF_ONE);
        assert!(registry.enter(user).is_ok());
        assert_eq!((seat.is_ok(), registry.count()), (true, 1));
    }

    #[test]
    fn devices_wait_at_the_door_in_numbers_that_can_be_greeted() {
        let (registry, agent) = (registry(10_000, 10_000), AgentId::mint());
        let own = || registry.enter(device_of(agent).0).ok();
        let mut waiting: Vec<Place> = std::iter::from_fn(own).collect();
        assert_eq!(waiting.len(), MOST_OF_AGENT);
        waiting.extend(std::iter::from_fn(|| registry.enter(device().0).ok()));
        assert_eq!(waiting.len(), MOST_PROVEN);
        drop(waiting);
        assert!(own().is_some());
    }
}
