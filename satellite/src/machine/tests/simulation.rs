//! A satellite and a model hub, with frames lost and processes restarted anywhere: in the end everything is said once, every
//! command is done at most once, and its result is with the hub.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;

/// What befalls the pair.
#[derive(Debug, Clone)]
enum Step {
    /// The satellite has something to say.
    Observe,
    /// The hub wants something done.
    Order,
    /// One frame reaches the satellite, or the hub.
    ToSatellite,
    ToHub,
    /// The satellite ends executing what it began first.
    Execute,
    /// The socket breaks; all frames on the way are gone.
    Cut,
    /// The satellite's process dies and starts again. Its disk keeps what it promised to keep, and perhaps more.
    Crash {
        keeps_all: bool,
    },
    /// It dies after an effect and before it could write that down.
    CrashAfterEffect,
}

#[derive(Debug, Default)]
struct World {
    machine: Option<Machine>,
    journal: Vec<Entry>,
    executing: VecDeque<Command>,
    executed: BTreeMap<Uuid, u32>,
    said: BTreeSet<String>,
    lost_by_crash: BTreeSet<String>,
    /// Commands of which a crash took the knowledge: `unknown` is the truth about these alone.
    interrupted: BTreeSet<Uuid>,
    is_connected: bool,
    to_hub: VecDeque<SatelliteFrame>,
    to_satellite: VecDeque<HubFrame>,
    hub: Hub,
}

#[derive(Debug, Default)]
struct Hub {
    events: Vec<String>,
    ordered: u128,
    acknowledged: BTreeSet<Uuid>,
    results: BTreeMap<Uuid, CommandStatus>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_is_lost_and_nothing_is_doubled(steps in prop::collection::vec(steps(), 0..120)) {
        let mut world = World::default();
        world.start();
        for step in steps {
            world.step(&step);
        }
        world.settle();
        let events: BTreeSet<String> = world.hub.events.iter().cloned().collect();
        prop_assert_eq!(events.len(), world.hub.events.len(), "an event was accepted twice");
        let missing: Vec<_> = world.said.difference(&events).filter(|id| !world.lost_by_crash.contains(*id)).collect();
        prop_assert!(missing.is_empty(), "lost: {:?}", missing);
        for number in 1..=world.hub.ordered {
            let times = world.executed.get(&id(number)).copied().unwrap_or(0);
            prop_assert!(times <= 1, "command {} was done {} times", number, times);
            match world.hub.results.get(&id(number)) {
                Some(CommandStatus::Ok) => prop_assert_eq!(times, 1),
                Some(CommandStatus::Unknown) => prop_assert!(world.interrupted.contains(&id(number))),
                other => prop_assert!(false, "command {} ended {:?}", number, other),
            }
        }
        prop_assert!(world.machine.unwrap().is_idle());
    }
}

impl World {
    fn start(&mut self) {
        self.machine = Some(Machine::new(software(), Vec::new(), self.journal.clone()));
        self.executing.clear();
        self.cut();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Observe => {
                let client = format!("event-{}", self.said.len());
                self.said.insert(client.clone());
                self.feed(Input::Observed(event(&client)));
            }
            Step::Order => {
                self.hub.ordered += 1;
                if self.is_connected {
                    self.to_satellite
                        .push_back(HubFrame::Command(command(self.hub.ordered)));
                }
            }
            Step::ToSatellite => {
                if let Some(frame) = self.to_satellite.pop_front() {
                    self.feed(Input::Received(frame));
                }
            }
            Step::ToHub => {
                if let Some(frame) = self.to_hub.pop_front() {
                    let answers = self.hub.receive(frame);
                    self.to_satellite.extend(answers);
                }
            }
            Step::Execute => {
                if let Some(command) = self.executing.pop_front() {
                    *self.executed.entry(command.command_id).or_default() += 1;
                    self.feed(Input::Executed(done(command.command_id.as_u128())));
                }
            }
            Step::Cut => self.cut(),
            Step::Crash { keeps_all } => self.crash(*keeps_all),
            Step::CrashAfterEffect => {
                if let Some(command) = self.executing.pop_front() {
                    self.interrupted.insert(command.command_id);
                    *self.executed.entry(command.command_id).or_default() += 1;
                    self.crash(false);
                }
            }
        }
    }

    /// A quiet time in which everything gets through.
    fn settle(&mut self) {
        self.cut();
        for _ in 0..2_000 {
            for step in [Step::ToHub, Step::ToSatellite, Step::Execute] {
                self.step(&step);
            }
        }
    }

    fn cut(&mut self) {
        self.to_hub.clear();
        self.to_satellite.clear();
        self.feed(Input::Lost);
        self.is_connected = true;
        self.feed(Input::Connected);
    }

    fn crash(&mut self, keeps_all: bool) {
        if !keeps_all {
            let is_durable = |entry: &Entry| matches!(entry, Entry::Started { .. } | Entry::Finished { .. });
            let kept = self
                .journal
                .iter()
                .rposition(is_durable)
                .map_or(0, |last| last + 1);
            for entry in self.journal.drain(kept..) {
                if let Entry::Received { command } = entry {
                    self.interrupted.insert(command.command_id);
                }
            }
        }
        self.interrupted
            .extend(self.executing.iter().map(|command| command.command_id));
        self.lost_by_crash = self.said.clone();
        self.start();
    }

    fn feed(&mut self, input: Input) {
        let outputs = self.machine.as_mut().unwrap().handle(input);
        for output in outputs {
            match output {
                Output::Send(frame) => self.to_hub.push_back(frame),
                Output::Record(entry) => self.journal.push(entry),
                Output::Execute(command) => self.executing.push_back(command),
                Output::Tell(_) => {}
                Output::Depart(_) | Output::Keep(_) | Output::Want(_) => unreachable!("the model hub stays"),
            }
        }
    }
}

impl Hub {
    fn receive(&mut self, frame: SatelliteFrame) -> Vec<HubFrame> {
        match frame {
            SatelliteFrame::Hello(_) => self.welcome(),
            SatelliteFrame::Event(event) => vec![self.append(&event)],
            SatelliteFrame::Events(batch) => batch
                .events
                .iter()
                .flatten()
                .map(|event| self.append(event))
                .collect(),
            SatelliteFrame::CommandAck(CommandAck { command_id }) => {
                self.acknowledged.insert(command_id);
                vec![accepted_command(command_id.as_u128(), CommandStage::Ack)]
            }
            SatelliteFrame::CommandResult(result) => {
                self.results.entry(result.command_id).or_insert(result.status);
                vec![accepted_command(
                    result.command_id.as_u128(),
                    CommandStage::Result,
                )]
            }
            SatelliteFrame::CommandProgress(_)
            | SatelliteFrame::Report(_)
            | SatelliteFrame::Renew(_)
            | SatelliteFrame::Ping(_)
            | SatelliteFrame::Subscribe(_)
            | SatelliteFrame::Unsubscribe(_) => Vec::new(),
        }
    }

    fn welcome(&self) -> Vec<HubFrame> {
        let unanswered = (1..=self.ordered).filter(|number| !self.results.contains_key(&id(*number)));
        let (open_commands, unacknowledged): (Vec<u128>, Vec<u128>) =
            unanswered.partition(|number| self.acknowledged.contains(&id(*number)));
        let welcome = Welcome {
            device_id: id(0),
            agent_id: id(0),
            device_name: "kitchen".into(),
            limits: Limits {
                max_batch: 3,
                max_in_flight: 2,
                ..Limits::default()
            },
            heartbeat_s: 20,
            resumed: false,
            open_commands: open_commands.into_iter().map(open).collect(),
            waiting_capabilities: Vec::new(),
        };
        let commands = unacknowledged
            .into_iter()
            .map(|number| HubFrame::Command(command(number)));
        [HubFrame::Welcome(welcome)].into_iter().chain(commands).collect()
    }

    fn append(&mut self, event: &NewEvent) -> HubFrame {
        let client_id = event.client_id.clone();
        if self.events.iter().any(|known| known == client_id.as_str()) {
            return HubFrame::Duplicate(Duplicate {
                client_id,
                event_id: id(0),
            });
        }
        self.events.push(client_id.to_string());
        accepted_event(client_id.as_str())
    }
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Observe),
        2 => Just(Step::Order),
        8 => Just(Step::ToSatellite),
        8 => Just(Step::ToHub),
        3 => Just(Step::Execute),
        1 => Just(Step::Cut),
        1 => Just(Step::CrashAfterEffect),
        1 => any::<bool>().prop_map(|keeps_all| Step::Crash { keeps_all }),
    ]
}
