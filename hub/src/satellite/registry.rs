//! The sockets of this process: how many there are, and what must be alive for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{
    devices::Sitting,
    error::{Error, Result},
    telemetry::metric,
};

/// The sockets of this process.
#[derive(Debug, Clone)]
pub struct Registry {
    most: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    sockets: usize,
    /// Those that were greeted, by the numbers of their seats. A device has two while a newer one takes the place of an
    /// older one.
    sitting: HashMap<u64, Sitting>,
    next: u64,
}

/// A place among the sockets; dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    registry: Registry,
    number: u64,
}

impl Registry {
    /// With room for so many sockets.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// Takes a place, if there is one.
    pub fn sit(&self) -> Result<Seat> {
        let mut open = self.open.lock().expect("no panic while held");
        if open.sockets >= self.most {
            return Err(Error::Unavailable {
                what: "a free socket",
                source: None,
            });
        }
        open.sockets += 1;
        open.next += 1;
        gauge(open.sockets);
        Ok(Seat {
            registry: self.clone(),
            number: open.next,
        })
    }

    /// The greeted sockets here.
    #[must_use]
    pub fn sitting(&self) -> Vec<Sitting> {
        let open = self.open.lock().expect("no panic while held");
        open.sitting.values().copied().collect()
    }

    /// How many sockets are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.lock().expect("no panic while held").sockets
    }
}

impl Seat {
    /// Says whose socket sits here.
    pub fn name(&mut self, sitting: Sitting) {
        let mut open = self.registry.open.lock().expect("no panic while held");
        open.sitting.insert(self.number, sitting);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.registry.open.lock().expect("no panic while held");
        open.sockets -= 1;
        open.sitting.remove(&self.number);
        gauge(open.sockets);
    }
}

fn gauge(sockets: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge of sockets")]
    metrics::gauge!(metric::SOCKETS).set(sockets as f64);
}
