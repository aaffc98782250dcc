//! One run: a device, its story, and the fault that is its own.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use hub::clock::{Clock, SystemClock};
use hub::satellite::protocol::{Batch, NewEvent, SatelliteFrame};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use support::{Cut, Edge, Side, Wire, transcript};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    Fault,
    device::Device,
    orders::{Ordered, Orders},
    process::{Process, Shared},
    story::{Does, KIND, Step, draw},
    world::{Made, World},
};

/// How long everything may take to come to its end.
const WITHIN: Duration = Duration::from_mins(1);
/// Frames of each direction at which wires are cut: of more a story seldom has.
const FRAMES: u64 = 24;

/// A run that goes on.
pub(super) struct Run {
    repeats: String,
    seed: u64,
    fault: Fault,
    rng: StdRng,
    made: Made,
    shared: Arc<Shared>,
    process: Option<Process>,
    url: String,
    _wire: Option<Wire>,
    skew: TimeDelta,
    orders: Orders,
}

/// A run that has ended.
pub(super) struct Done {
    /// How to repeat it.
    pub(super) repeats: String,
    pub(super) made: Made,
    pub(super) device: Device,
    pub(super) seed: u64,
    pub(super) ordered: Vec<Ordered>,
    pub(super) wrong: Vec<String>,
    /// Whether the hub's clock may have ended what it should not.
    pub(super) may_expire: bool,
    /// Whether its device was the program, whose own effects are counted elsewhere.
    pub(super) is_reference: bool,
}

impl Done {
    pub(super) fn effects(&self, id: Uuid) -> u32 {
        self.device.effects.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn client_id(&self, number: usize) -> String {
        client_id(self.seed, number)
    }
}

fn client_id(seed: u64, number: usize) -> String {
    format!("{seed}-{number}")
}

/// The wire of a run is cut at the next frame of all, with each run: both directions, before and after.
fn cut(seed: u64) -> Cut {
    Cut {
        side: if seed.is_multiple_of(2) {
            Side::Satellite
        } else {
            Side::Hub
        },
        edge: if (seed / 2).is_multiple_of(2) {
            Edge::Before
        } else {
            Edge::After
        },
        frame: usize::try_from(seed / 4 % FRAMES + 1).unwrap(),
    }
}

impl Run {
    /// A device comes, and is welcome.
    pub(super) async fn begin(world: &World, fault: Fault, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let made = world.device(&format!("device {seed}")).await;
        let wire = match fault {
            Fault::SocketCut => Some(Wire::to(world.address(), Some(cut(seed))).await),
            _ => None,
        };
        let url = wire.as_ref().map_or_else(
            || format!("ws://{}/v1/satellites/connect", world.address()),
            Wire::socket_url,
        );
        let skew = if fault == Fault::DeviceClock {
            TimeDelta::minutes(rng.random_range(-3_000..3_000))
        } else {
            TimeDelta::zero()
        };
        let shared = Shared::new(made.token.clone());
        Self {
            repeats: fault.repeats(seed),
            seed,
            fault,
            rng,
            process: Some(Process::start(&shared, &url)),
            orders: Orders::new(world, seed, &made),
            made,
            shared,
            url,
            _wire: wire,
            skew,
        }
    }

    /// Until the device was welcome once: what it can be sent depends on what it has declared.
    pub(super) async fn until_welcome(&self) {
        let deadline = Instant::now() + WITHIN;
        while self.shared.device().welcomes == 0 {
            assert!(Instant::now() < deadline, "{}: never welcome", self.repeats);
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The story, and what comes of it.
    pub(super) async fn go(mut self) -> Done {
        let steps = draw(&mut self.rng);
        let strikes = self.strikes(steps.len());
        for (number, step) in steps.into_iter().enumerate() {
            self.step(step).await;
            if strikes.contains(&number) {
                self.strike().await;
            }
        }
        while let Some(process) = self.process.as_mut().filter(|process| process.sockets() > 1) {
            process.lets_go();
        }
        self.drain().await;
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
        Done {
            repeats: self.repeats,
            made: self.made,
            device: std::mem::take(&mut *self.shared.device()),
            seed: self.seed,
            ordered: self.orders.accepted,
            wrong: self.orders.wrong,
            may_expire: self.fault == Fault::HubClock,
            is_reference: false,
        }
    }

    /// After which steps the fault of the run strikes.
    fn strikes(&mut self, steps: usize) -> Vec<usize> {
        let most = match self.fault {
            Fault::SatelliteKilled | Fault::DeviceClock => 3,
            Fault::TwoSockets => 6,
            Fault::Several => 2,
            _ => return Vec::new(),
        };
        let count = self.rng.random_range(1..=most);
        (0..count).map(|_| self.rng.random_range(0..steps)).collect()
    }

    async fn strike(&mut self) {
        match self.fault {
            Fault::SatelliteKilled | Fault::Several => {
                let alive = Duration::from_millis(self.rng.random_range(0..60));
                sleep(alive).await;
                self.process.take().expect("it runs").kill().await;
                self.shared.device().dies(&mut self.rng);
                // Now and then for longer than what it was sent may wait.
                let longest = if self.rng.random_bool(0.3) { 1_800 } else { 300 };
                let away = Duration::from_millis(self.rng.random_range(0..longest));
                sleep(away).await;
                self.process = Some(Process::start(&self.shared, &self.url));
            }
            Fault::TwoSockets => {
                // The story goes on with both: each takes the device from the other whenever it comes back.
                let process = self.process.as_mut().expect("it runs");
                if process.sockets() == 1 || self.rng.random_bool(0.3) {
                    process.opens();
                } else {
                    process.lets_go();
                }
            }
            Fault::DeviceClock => self.skew = TimeDelta::minutes(self.rng.random_range(-3_000..3_000)),
            _ => {}
        }
    }

    async fn step(&mut self, step: Step) {
        sleep(step.pause).await;
        match step.does {
            Does::Says(count) => {
                let events: Vec<NewEvent> = (0..count)
                    .map(|_| {
                        let number = self.shared.device().said;
                        self.says(NewEvent {
                            event_type: "x.matrix.thing".to_owned(),
                            payload: json!({ "n": number }).as_object().unwrap().clone(),
                            ..transcript(&client_id(self.seed, number), "")
                        })
                    })
                    .collect();
                self.shared.says(SatelliteFrame::Events(Batch::from(events)));
            }
            Does::Asks => {
                let number = self.shared.device().said;
                let text = format!("remember that thing{number} of {} is on the shelf", self.seed);
                let event = self.says(transcript(&client_id(self.seed, number), &text));
                self.shared.says(SatelliteFrame::Event(event));
            }
            Does::Sends(order) => self.orders.send(&order, KIND).await,
            Does::Cancels(number) => self.orders.cancel(number).await,
        }
    }

    /// Keeps an event, with the device's own time.
    fn says(&self, mut event: NewEvent) -> NewEvent {
        event.occurred_at = Some(SystemClock.now() + self.skew);
        if self.fault == Fault::HubClock {
            event.occurred_at = None;
        }
        self.shared.device().says(event.clone());
        event
    }

    /// Until the device has said all and the hub has ended all.
    async fn drain(&mut self) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let is_settled = self.shared.device().is_settled();
            let open = self.orders.open().await;
            if is_settled && open.is_empty() {
                return;
            }
            if Instant::now() > deadline {
                let left = self.shared.device().left();
                let wrong = &mut self.orders.wrong;
                wrong.push(format!("never came to its end: {open:?} open; device: {left}"));
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}
