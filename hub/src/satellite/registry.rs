//! The sockets of this process: how many there are, and what must be alive for them.
//!
//! A socket costs its sender nothing, and may hold two frames' worth of memory before it says who it is. So strangers, whose
//! upgrade carried no device's credential, wait at the door until they were greeted: few at once, and fewer from one address.
//! They take nothing from devices. A device that has proved itself has its seat at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    devices::Sitting,
    error::{Error, Result},
    identity::network,
    ids::{DeviceId, TokenId},
    telemetry::metric,
};

/// Strangers at the door at most: 64 MiB at the worst, when each sends a message of the largest size in two halves and leaves
/// both unfinished. A greeting takes milliseconds, so that thousands come in within their ten seconds.
const MOST_STRANGERS: usize = 128;
/// Sockets at most that one newcomer may have at the door: a client that lost some without noticing, and a few neighbours.
const MOST_OF_ONE: usize = 8;

/// The sockets of this process.
#[derive(Debug, Clone)]
pub struct Registry {
    most: usize,
    open: Arc<Mutex<Open>>,
}

/// Whose socket waits to be greeted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Newcomer {
    /// A device whose credential came with the upgrade.
    Device(DeviceId),
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
    strangers: usize,
    /// How many sockets each newcomer has at the door.
    waiting: HashMap<Newcomer, usize>,
    /// Those that were greeted, by the numbers of their seats. A device has two while a newer one takes the place of an
    /// older one.
    sitting: HashMap<u64, Sitting>,
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
}

impl Registry {
    /// With seats for so many sockets.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// Takes a place at the door, if there is one, and a seat to go to.
    pub fn enter(&self, newcomer: Newcomer) -> Result<Place> {
        let mut open = self.lock();
        let of_this = open.waiting.get(&newcomer).copied().unwrap_or_default();
        let is_crowded = newcomer.is_stranger() && open.strangers >= MOST_STRANGERS;
        if open.seats >= self.most || is_crowded || of_this >= MOST_OF_ONE {
            return Err(full());
        }
        open.waiting.insert(newcomer, of_this + 1);
        if newcomer.is_stranger() {
            open.strangers += 1;
        } else {
            open.seats += 1;
            gauge(open.seats);
        }
        Ok(Place {
            registry: self.clone(),
            newcomer,
        })
    }

    /// The greeted sockets here.
    #[must_use]
    pub fn sitting(&self) -> Vec<Sitting> {
        self.lock().sitting.values().copied().collect()
    }

    /// The socket that was opened with a credential goes on with another.
    pub fn renewed(&self, before: TokenId, now: TokenId) {
        let mut open = self.lock();
        for sitting in open
            .sitting
            .values_mut()
            .filter(|sitting| sitting.token == before)
        {
            sitting.token = now;
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
    /// Goes from the door to a seat. A stranger finds none when devices took the last one meanwhile.
    pub fn sit(self, sitting: Sitting) -> Result<Seat> {
        let mut open = self.registry.lock();
        if self.newcomer.is_stranger() && open.seats >= self.registry.most {
            return Err(full());
        }
        // A device's seat is counted twice until its place is given back, at the end of this.
        open.seats += 1;
        open.next += 1;
        let number = open.next;
        open.sitting.insert(number, sitting);
        gauge(open.seats);
        Ok(Seat {
            registry: self.registry.clone(),
            number,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.registry.lock();
        if self.newcomer.is_stranger() {
            open.strangers -= 1;
        } else {
            open.seats -= 1;
            gauge(open.seats);
        }
        if let Some(of_this) = open.waiting.get_mut(&self.newcomer) {
            *of_this -= 1;
        }
        open.waiting.retain(|_, of_this| *of_this > 0);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.registry.lock();
        open.seats -= 1;
        open.sitting.remove(&self.number);
        gauge(open.seats);
    }
}

fn full() -> Error {
    Error::Unavailable {
        what: "a free socket",
        source: None,
    }
}

fn gauge(seats: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge of sockets")]
    metrics::gauge!(metric::SOCKETS).set(seats as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AgentId;

    fn at(number: u8) -> Newcomer {
        Newcomer::stranger(Some([192, 0, 2, number].into()))
    }

    fn sitting(device: DeviceId) -> Sitting {
        Sitting {
            agent: AgentId::mint(),
            device,
            token: TokenId::mint(),
        }
    }

    /// Takes places for somebody until there is none.
    fn crowd(registry: &Registry, newcomer: Newcomer) -> Vec<Place> {
        std::iter::from_fn(|| registry.enter(newcomer).ok()).collect()
    }

    #[test]
    fn strangers_take_no_seat_and_few_places() {
        let registry = Registry::new(2);
        let mut waiting = crowd(&registry, at(0));
        assert_eq!(waiting.len(), MOST_OF_ONE);
        waiting.extend((1..100).flat_map(|number| crowd(&registry, at(number))));
        assert_eq!((waiting.len(), registry.count()), (MOST_STRANGERS, 0));
        let device = DeviceId::mint();
        let seat = registry
            .enter(Newcomer::Device(device))
            .unwrap()
            .sit(sitting(device));
        assert_eq!((seat.is_ok(), registry.count()), (true, 1));
        drop(waiting);
        assert_eq!(crowd(&registry, at(0)).len(), MOST_OF_ONE);
    }

    #[test]
    fn a_device_at_the_door_has_its_seat_and_keeps_few_others_waiting() {
        let registry = Registry::new(100);
        let device = DeviceId::mint();
        let mut waiting = crowd(&registry, Newcomer::Device(device));
        assert_eq!((waiting.len(), registry.count()), (MOST_OF_ONE, MOST_OF_ONE));
        let seat = waiting.pop().unwrap().sit(sitting(device)).unwrap();
        assert_eq!(registry.count(), MOST_OF_ONE);
        drop((waiting, seat));
        let open = registry.lock();
        assert_eq!((open.seats, open.waiting.len(), open.sitting.len()), (0, 0, 0));
    }

    #[test]
    fn a_stranger_finds_no_seat_when_devices_took_the_last() {
        let registry = Registry::new(1);
        let stranger = registry.enter(at(1)).unwrap();
        let device = DeviceId::mint();
        let _seat = registry
            .enter(Newcomer::Device(device))
            .unwrap()
            .sit(sitting(device));
        assert!(stranger.sit(sitting(DeviceId::mint())).is_err());
        assert!(registry.enter(at(1)).is_err() && registry.enter(Newcomer::Device(device)).is_err());
        assert_eq!(registry.count(), 1);
    }
}
