//! A device by the book: what it knows and writes down, without I/O. Its journal outlives its process; what it really did
//! outlives both, and is what the hub's word is held against.

use std::collections::{BTreeMap, HashMap, HashSet};

use hub::satellite::protocol::{
    Accepted, Command, CommandAck, CommandError, CommandResult, CommandStage, CommandStatus, ErrorCode,
    HubFrame, NewEvent, Rejected, SatelliteFrame, Subject,
};
use rand::{Rng, rngs::StdRng};
use serde_json::json;
use uuid::Uuid;

use super::story::How;

/// What it knows and what it did.
#[derive(Debug, Default)]
pub(super) struct Device {
    journal: HashMap<Uuid, Step>,
    /// What the hub has not answered, in the order in which it was said.
    outbox: BTreeMap<usize, NewEvent>,
    /// What the hub said it has, with its id and where it was told the place.
    pub(super) kept: HashMap<String, (Uuid, Option<i64>)>,
    /// How often each command was carried out.
    pub(super) effects: HashMap<Uuid, u32>,
    /// What it says of each command; it never says two things.
    pub(super) answers: HashMap<Uuid, CommandResult>,
    /// Every command that ever arrived.
    seen: HashSet<Uuid>,
    last_seq: i64,
    /// How much it has said.
    pub(super) said: usize,
    /// The newest socket that was welcome.
    newest: usize,
    /// How often it was welcome.
    pub(super) welcomes: usize,
    /// Where its newest socket is, for whoever reads a failure.
    pub(super) stage: String,
    /// Frames that it said and heard.
    pub(super) frames: (usize, usize),
    /// Something was put off, or said on a socket that was let go: it has to be said again.
    pub(super) must_repeat: bool,
    /// How often the hub said: later, and what it said last.
    busy: (usize, String),
    /// What contradicts the book.
    pub(super) wrong: Vec<String>,
}

/// How far a command is.
#[derive(Debug)]
enum Step {
    /// Here, and not to be started before the hub knows that it is.
    Received(Command),
    /// Being carried out; true when it was told to stop.
    Started(bool),
    /// Ended, and the hub has to hear how.
    Done(CommandResult),
    /// The hub has heard how.
    Settled(CommandResult),
    /// Ended, and it will never say so.
    Mute,
    /// The hub said not to start it.
    Dropped,
}

/// One socket, as the device sees it.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Which it is, of those that were welcome; 0 before.
    number: usize,
    position: i64,
    /// What was said on it, and whether it was the newest when it was said first.
    said: HashMap<String, bool>,
}

/// What a device does about a frame.
pub(super) enum Deed {
    /// Says something.
    Say(SatelliteFrame),
    /// Begins to carry out a command.
    Start(Command),
}

impl Conversation {
    pub(super) fn new() -> Self {
        Self {
            number: 0,
            position: 0,
            said: HashMap::new(),
        }
    }

    pub(super) const fn is_welcome(&self) -> bool {
        self.number > 0
    }
}

impl Device {
    /// One of which nothing is known but what it did.
    pub(super) fn that_did(effects: HashMap<Uuid, u32>) -> Self {
        Self {
            effects,
            ..Self::default()
        }
    }

    /// Something to say; it is kept until the hub has answered.
    pub(super) fn says(&mut self, event: NewEvent) {
        self.outbox.insert(self.said, event);
        self.said += 1;
    }

    /// Whether the hub has answered all and has every answer.
    pub(super) fn is_settled(&self) -> bool {
        let is_over = |step: &Step| matches!(step, Step::Settled(_) | Step::Mute | Step::Dropped);
        self.outbox.is_empty() && self.journal.values().all(is_over)
    }

    /// What it has not settled, for whoever reads a failure.
    pub(super) fn left(&self) -> String {
        let open = self
            .journal
            .iter()
            .filter(|(_, step)| matches!(step, Step::Received(_) | Step::Started(_) | Step::Done(_)));
        let events: Vec<_> = self.outbox.keys().collect();
        let (open, welcomes, busy) = (open.collect::<Vec<_>>(), self.welcomes, &self.busy);
        let (stage, (said, heard)) = (&self.stage, self.frames);
        format!(
            "{events:?}; {open:?}; {welcomes} times welcome, {stage}, {said} frames said, {heard} heard, busy {busy:?}"
        )
    }

    /// Notes what is about to be said on a socket.
    pub(super) fn about_to_say(&self, on: &mut Conversation, frame: &SatelliteFrame) {
        let said = match frame {
            SatelliteFrame::Event(event) => vec![event.client_id.to_string()],
            SatelliteFrame::Events(batch) => {
                let events = batch.events.iter().flatten();
                events.map(|event| event.client_id.to_string()).collect()
            }
            SatelliteFrame::CommandAck(ack) => vec![format!("ack {}", ack.command_id)],
            SatelliteFrame::CommandResult(said) => vec![format!("result {}", said.command_id)],
            _ => Vec::new(),
        };
        for what in said {
            on.said.entry(what).or_insert(on.number == self.newest);
        }
    }

    /// A sign of life that waited for a socket while what it is of came to its end, of which the hub was told first.
    pub(super) fn is_stale(&self, frame: &SatelliteFrame) -> bool {
        matches!(frame, SatelliteFrame::CommandProgress(progress)
            if !matches!(self.journal.get(&progress.command_id), Some(Step::Started(_))))
    }

    /// What has to be said again, now and then. What was said on a live socket is answered there: who asks again all the time only
    /// makes a slow hub slower.
    pub(super) fn repeats(&mut self) -> Vec<SatelliteFrame> {
        if std::mem::take(&mut self.must_repeat) {
            self.everything()
        } else {
            Vec::new()
        }
    }

    /// What to do about a frame.
    pub(super) fn hears(&mut self, on: &mut Conversation, frame: HubFrame) -> Vec<Deed> {
        match frame {
            HubFrame::Welcome(welcome) => {
                self.welcomes += 1;
                (self.newest, on.number) = (self.welcomes, self.welcomes);
                let open = welcome.open_commands.into_iter().map(|open| open.command_id);
                let mut deeds: Vec<Deed> = open.filter_map(|id| self.is_open(id)).collect();
                deeds.extend(self.everything().into_iter().map(Deed::Say));
                return deeds;
            }
            HubFrame::Accepted(Accepted::Event {
                client_id,
                event_id,
                position,
            }) => {
                let client_id = String::from(client_id);
                self.is_lawful(on, &client_id);
                if position <= on.position {
                    self.is_wrong(format!(
                        "{client_id} at {position} was accepted after {}",
                        on.position
                    ));
                }
                on.position = position;
                self.is_kept(&client_id, event_id, Some(position));
            }
            HubFrame::Duplicate(first) => self.is_kept(first.client_id.as_str(), first.event_id, None),
            HubFrame::Accepted(Accepted::Command { command_id, of }) => match of {
                CommandStage::Ack => {
                    self.is_lawful(on, &format!("ack {command_id}"));
                    return self.may_start(command_id).into_iter().collect();
                }
                CommandStage::Result => {
                    self.is_lawful(on, &format!("result {command_id}"));
                    self.settles(command_id);
                }
                CommandStage::Progress => {}
            },
            HubFrame::Command(command) => return vec![self.receives(command)],
            HubFrame::CommandCancel(cancel) => return self.is_cancelled(cancel.command_id),
            HubFrame::Rejected(rejected) if rejected.code == ErrorCode::Busy => {
                self.is_put_off(rejected.detail);
            }
            HubFrame::Error(error) if error.code == ErrorCode::Busy => self.is_put_off(error.detail),
            HubFrame::Rejected(rejected) => self.is_refused(&rejected),
            HubFrame::Goodbye(_) | HubFrame::Pong(_) => {}
            other => self.is_wrong(format!("{other:?}")),
        }
        Vec::new()
    }

    /// Everything that the hub has not answered, in order.
    pub(super) fn everything(&self) -> Vec<SatelliteFrame> {
        let events = self.outbox.values().take(50).cloned().map(SatelliteFrame::Event);
        let steps = self.journal.iter().filter_map(|(id, step)| match step {
            Step::Received(_) => Some(SatelliteFrame::CommandAck(CommandAck { command_id: *id })),
            Step::Done(result) => Some(SatelliteFrame::CommandResult(result.clone())),
            Step::Started(_) | Step::Settled(_) | Step::Mute | Step::Dropped => None,
        });
        events.chain(steps).collect()
    }

    /// What it is carrying out happens. False when it was told to stop, and does.
    pub(super) fn effect(&mut self, command: &Command) -> bool {
        let id = command.command_id;
        let how = How::told(&command.arguments);
        if how == How::Heeds && matches!(self.journal.get(&id), Some(Step::Started(true))) {
            return false;
        }
        if how != How::Fails {
            *self.effects.entry(id).or_default() += 1;
        }
        true
    }

    /// What it was carrying out has ended. Returns what to say.
    pub(super) fn ends(&mut self, command: &Command, is_done: bool) -> Option<SatelliteFrame> {
        let id = command.command_id;
        let result = match How::told(&command.arguments) {
            _ if !is_done => ended(id, CommandStatus::Cancelled),
            How::IsMute => {
                self.journal.insert(id, Step::Mute);
                return None;
            }
            How::Fails => ended(id, CommandStatus::Error),
            How::Does | How::Reports | How::Heeds => CommandResult {
                result: Some(json!({"done": id})),
                error: None,
                ..ended(id, CommandStatus::Ok)
            },
        };
        Some(self.answers_with(result))
    }

    /// Its process is killed. What it was carrying out may have happened; what had only arrived may not be on the disk.
    pub(super) fn dies(&mut self, rng: &mut StdRng) {
        let started = |(id, step): (&Uuid, &Step)| matches!(step, Step::Started(_)).then_some(*id);
        let mut started: Vec<Uuid> = self.journal.iter().filter_map(started).collect();
        started.sort_unstable();
        for id in started {
            self.answers_with(ended(id, CommandStatus::Unknown));
        }
        let forgets_arrivals = rng.random_bool(0.2);
        self.journal
            .retain(|_, step| !(forgets_arrivals && matches!(step, Step::Received(_))));
    }

    /// The hub says that a command is acknowledged and not answered.
    fn is_open(&mut self, id: Uuid) -> Option<Deed> {
        match self.journal.get(&id) {
            // Acknowledged: whether the hub's word came back or not, now it may be started.
            Some(Step::Received(_)) => self.may_start(id),
            Some(Step::Settled(result)) => {
                let result = result.clone();
                self.journal.insert(id, Step::Done(result));
                None
            }
            Some(Step::Started(_) | Step::Done(_) | Step::Mute) => None,
            // Refused, and then acknowledged by a clock that has gone back since.
            Some(Step::Dropped) => {
                self.answers_with(ended(id, CommandStatus::Cancelled));
                None
            }
            // It arrived, and that was not on the disk.
            None => {
                self.answers_with(ended(id, CommandStatus::Unknown));
                None
            }
        }
    }

    /// A command arrives, for the first time or again.
    fn receives(&mut self, command: Command) -> Deed {
        let id = command.command_id;
        if self.seen.insert(id) {
            // Replies may pass what people send.
            if command.seq <= self.last_seq && command.kind == super::story::KIND {
                self.is_wrong(format!("{id} at {} came after {}", command.seq, self.last_seq));
            }
            self.last_seq = self.last_seq.max(command.seq);
        }
        match self.journal.get(&id) {
            Some(Step::Done(result) | Step::Settled(result)) => {
                Deed::Say(SatelliteFrame::CommandResult(result.clone()))
            }
            Some(Step::Started(_) | Step::Mute) => ack(id),
            // Refused by a clock that has gone back since, it never started.
            Some(Step::Received(_) | Step::Dropped) | None => {
                self.journal.insert(id, Step::Received(command));
                ack(id)
            }
        }
    }

    fn may_start(&mut self, id: Uuid) -> Option<Deed> {
        match self.journal.remove(&id) {
            Some(Step::Received(command)) => {
                self.journal.insert(id, Step::Started(false));
                Some(Deed::Start(command))
            }
            Some(other) => {
                self.journal.insert(id, other);
                None
            }
            None => {
                self.is_wrong(format!("{id} was acknowledged, and never arrived"));
                None
            }
        }
    }

    fn is_cancelled(&mut self, id: Uuid) -> Vec<Deed> {
        let answer = match self.journal.get_mut(&id) {
            None | Some(Step::Received(_) | Step::Dropped) => {
                self.answers_with(ended(id, CommandStatus::Cancelled))
            }
            Some(Step::Started(is_told)) => {
                *is_told = true;
                return Vec::new();
            }
            Some(Step::Done(result) | Step::Settled(result)) => SatelliteFrame::CommandResult(result.clone()),
            Some(Step::Mute) => return Vec::new(),
        };
        vec![Deed::Say(answer)]
    }

    fn is_refused(&mut self, rejected: &Rejected) {
        match &rejected.subject {
            Subject::Command {
                command_id,
                of: CommandStage::Ack,
            } if rejected.code == ErrorCode::Conflict => {
                if let Some(Step::Received(_)) = self.journal.get(command_id) {
                    self.journal.insert(*command_id, Step::Dropped);
                }
            }
            // The hub gave it up meanwhile. What was begun goes on, and what came of it is late.
            Subject::Command {
                command_id,
                of: CommandStage::Progress,
            } if rejected.code == ErrorCode::Conflict
                && matches!(
                    self.journal.get(command_id),
                    Some(Step::Started(_) | Step::Done(_))
                ) => {}
            // A claim that the hub does not believe: the event without it.
            Subject::Event { client_id } if is_about_time(rejected) => {
                let event = self
                    .outbox
                    .values_mut()
                    .find(|event| event.client_id == *client_id);
                if let Some(event) = event {
                    event.occurred_at = None;
                    self.must_repeat = true;
                }
            }
            _ => self.is_wrong(format!("{rejected:?}")),
        }
    }

    fn is_kept(&mut self, client_id: &str, event_id: Uuid, position: Option<i64>) {
        self.outbox
            .retain(|_, event| event.client_id.as_str() != client_id);
        let first = self
            .kept
            .entry(client_id.to_owned())
            .or_insert((event_id, position));
        if position.is_some() && first.1.is_some() && first.1 != position || first.0 != event_id {
            let wrong = format!("{client_id} is {first:?} and {event_id} at {position:?}");
            self.is_wrong(wrong);
        } else {
            first.1 = first.1.or(position);
        }
    }

    fn settles(&mut self, id: Uuid) {
        if let Some(Step::Done(result)) = self.journal.get(&id) {
            let result = result.clone();
            self.journal.insert(id, Step::Settled(result));
        }
    }

    fn answers_with(&mut self, result: CommandResult) -> SatelliteFrame {
        let id = result.command_id;
        self.journal.insert(id, Step::Done(result.clone()));
        let first = self.answers.entry(id).or_insert_with(|| result.clone());
        if *first != result {
            let wrong = format!("{id}: {first:?} and then {result:?}");
            self.is_wrong(wrong);
        }
        SatelliteFrame::CommandResult(result)
    }

    /// What was said first on a socket after a newer one was welcome must not count.
    fn is_lawful(&mut self, on: &Conversation, what: &str) {
        if on.said.get(what) == Some(&false) {
            self.is_wrong(format!("{what} was accepted on a socket that had been replaced"));
        }
    }

    fn is_put_off(&mut self, detail: String) {
        self.busy = (self.busy.0 + 1, detail);
        self.must_repeat = true;
    }

    fn is_wrong(&mut self, what: String) {
        self.wrong.push(what);
    }
}

fn ack(command_id: Uuid) -> Deed {
    Deed::Say(SatelliteFrame::CommandAck(CommandAck { command_id }))
}

fn is_about_time(rejected: &Rejected) -> bool {
    rejected.code == ErrorCode::Invalid
        && rejected
            .errors
            .iter()
            .any(|error| error.pointer == "/occurred_at")
}

fn ended(command_id: Uuid, status: CommandStatus) -> CommandResult {
    let error = CommandError {
        code: "told".to_owned(),
        message: "as it was told".to_owned(),
    };
    CommandResult {
        command_id,
        status,
        result: None,
        error: Some(error),
    }
}
