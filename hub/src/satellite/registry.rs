//! The sockets of this process: how many there are, and which devices to say are alive.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::DeviceId,
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
    /// Sockets a device; two while a newer one takes the place of an older one.
    devices: HashMap<DeviceId, usize>,
}

/// A place among the sockets; dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    registry: Registry,
    device: Option<DeviceId>,
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
        gauge(open.sockets);
        Ok(Seat {
            registry: self.clone(),
            device: None,
        })
    }

    /// The devices with an open socket here.
    #[must_use]
    pub fn devices(&self) -> Vec<Uuid> {
        self.open
            .lock()
            .expect("no panic while held")
            .devices
            .keys()
            .map(|device| device.0)
            .collect()
    }

    /// How many sockets are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.lock().expect("no panic while held").sockets
    }
}

impl Seat {
    /// Names the device that sits here.
    pub fn name(&mut self, device: DeviceId) {
        *self
            .registry
            .open
            .lock()
            .expect("no panic while held")
            .devices
            .entry(device)
            .or_default() += 1;
        self.device = Some(device);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.registry.open.lock().expect("no panic while held");
        open.sockets -= 1;
        gauge(open.sockets);
        if let Some(device) = self.device
            && let Some(count) = open.devices.get_mut(&device)
        {
            *count -= 1;
            if *count == 0 {
                open.devices.remove(&device);
            }
        }
    }
}

fn gauge(sockets: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge of sockets")]
    metrics::gauge!(metric::SOCKETS).set(sockets as f64);
}
