//! What the satellite does about what happens, as a state machine without I/O: inputs in, outputs to carry out in order.
//!
//! The outputs of one input must be carried out one after the other, and a `Record` must be on disk before what follows
//! it: that order is why a command is not done twice and a result not lost.

mod commands;
mod entry;
mod ledger;
mod notice;
mod outbox;
mod results;
mod state;
#[cfg(test)]
mod tests;

use uuid::Uuid;

use crate::protocol::{
    Accepted, BearerToken, Capability, ClientId, Command, CommandProgress, CommandResult, Desired, Discarded,
    Goodbye, Hello, HubFrame, JsonObject, Limits, NewEvent, Ping, Rejected, Renew, SatelliteFrame, Software,
    Subject,
};

use commands::Commands;
pub use entry::Entry;
pub use notice::Notice;
use outbox::Outbox;
use state::State;

/// Something that happened to the satellite.
#[derive(Debug)]
pub enum Input {
    /// The socket is open.
    Connected,
    /// The socket is gone.
    Lost,
    /// The hub sent a frame.
    Received(HubFrame),
    /// There is something to tell the hub.
    Observed(NewEvent),
    /// A command that was to be executed is begun now.
    Begun(Uuid),
    /// A command is being executed, or waits for it.
    Progressed(CommandProgress),
    /// A command that was begun has ended.
    Executed(CommandResult),
    /// The satellite is like this now.
    Reported {
        /// All of it.
        state: JsonObject,
        /// The version of what is wanted that it has dealt with.
        reached: Option<i64>,
    },
    /// A heartbeat is due.
    HeartbeatDue,
    /// Time to try again what the hub was too busy for.
    Tick,
}

/// Something to do.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send it on the open socket.
    Send(SatelliteFrame),
    /// Write it to the journal before going on.
    Record(Entry),
    /// It may be carried out, now or later: say [`Input::Begun`] first, and at the end [`Input::Executed`]. Where `Begun` is
    /// answered by nothing to record, it is not wanted any more.
    Execute(Command),
    /// The hub does not want it any more: stop it if that is possible, and report by [`Input::Executed`] what came of it. One that
    /// was not begun is over.
    Stop(Uuid),
    /// Keep the new credential before going on, and come back with it.
    Keep(BearerToken),
    /// Make it so, as far as it can be, and report by [`Input::Reported`]. The newest counts.
    Want(Desired),
    /// Tell the person.
    Tell(Notice),
    /// The hub closes the socket; connect again as it says.
    Depart(Goodbye),
}

/// What became of the events, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kept by the hub.
    pub accepted: u64,
    /// Kept before.
    pub duplicate: u64,
    /// Refused by the hub, or too large to be sent.
    pub rejected: u64,
    /// Understood, and not kept: the space is private.
    pub discarded: u64,
}

/// The satellite's whole state.
#[derive(Debug)]
pub struct Machine {
    software: Software,
    capabilities: Vec<Capability>,
    phase: Phase,
    outbox: Outbox,
    commands: Commands,
    state: State,
    /// The hub was too busy for an acknowledgement or a result.
    has_busy_commands: bool,
    /// The person asked for a new credential, and it has not come: an answer that was lost is asked for again.
    wants_renewal: bool,
    /// The person knows that the hub does not believe this machine's clock.
    is_told_of_clock: bool,
    tally: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Offline,
    /// `hello` is sent.
    Greeting,
    Welcomed(Limits),
}

impl Machine {
    /// A satellite that is not connected and remembers what the journal holds.
    #[must_use]
    pub fn new(software: Software, capabilities: Vec<Capability>, journal: Vec<Entry>) -> Self {
        Self {
            software,
            capabilities,
            phase: Phase::Offline,
            outbox: Outbox::default(),
            commands: Commands::restore(journal),
            state: State::default(),
            has_busy_commands: false,
            wants_renewal: false,
            is_told_of_clock: false,
            tally: Tally::default(),
        }
    }

    /// Asks for a new credential at the next welcome, and at those after it until it has come.
    pub fn renew(&mut self) {
        self.wants_renewal = true;
    }

    /// Whether another event can be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.outbox.has_room()
    }

    /// How many events the hub has not answered yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Whether everything was said and answered, in both directions.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.outbox.len() == 0 && !self.commands.has_unsettled() && !self.state.is_waiting()
    }

    /// What became of the events so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What the journal needs to hold, and no more.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.commands.journal()
    }

    /// Takes in what happened and says what to do, in order.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        match input {
            Input::Connected => {
                self.phase = Phase::Greeting;
                vec![Output::Send(SatelliteFrame::Hello(self.hello()))]
            }
            Input::Lost => {
                self.phase = Phase::Offline;
                self.outbox.unsend();
                self.state.unsend();
                Vec::new()
            }
            Input::Received(frame) => self.receive(frame),
            Input::Observed(event) => {
                self.outbox.push(event);
                self.send_events()
            }
            // While the hub is away it may give the command up: then nobody waits for it, or somebody asked for it anew.
            Input::Begun(_) if !self.is_welcomed() => Vec::new(),
            Input::Begun(command_id) => self.commands.begin(command_id),
            Input::Progressed(progress) => {
                let outputs = self.commands.progress(progress);
                self.if_welcomed(outputs)
            }
            Input::Reported { state, reached } => {
                self.state.set(state, reached);
                self.send_state()
            }
            Input::Executed(result) => {
                let outputs = self.commands.finish(result);
                self.if_welcomed(outputs)
            }
            Input::HeartbeatDue => {
                self.if_welcomed(vec![Output::Send(SatelliteFrame::Ping(Ping::default()))])
            }
            Input::Tick => self.retry(),
        }
    }

    fn hello(&self) -> Hello {
        Hello {
            // The token travels in the header of the upgrade request.
            token: None,
            capabilities: self.capabilities.clone(),
            software: self.software.clone(),
            resume: None,
        }
    }

    fn receive(&mut self, frame: HubFrame) -> Vec<Output> {
        match frame {
            HubFrame::Welcome(welcome) => {
                self.phase = Phase::Welcomed(welcome.limits);
                let mut outputs = vec![Output::Tell(Notice::Welcomed {
                    name: welcome.device_name,
                    heartbeat_s: welcome.heartbeat_s,
                    waiting: self.outbox.len(),
                })];
                if !welcome.waiting_capabilities.is_empty() {
                    let kinds = welcome.waiting_capabilities;
                    outputs.push(Output::Tell(Notice::CapabilitiesWait { kinds }));
                }
                if self.wants_renewal {
                    outputs.push(Output::Send(SatelliteFrame::Renew(Renew {})));
                }
                outputs.extend(self.commands.reconcile(&welcome.open_commands));
                outputs.extend(self.send_state());
                outputs.extend(self.send_events());
                outputs
            }
            HubFrame::Accepted(Accepted::Report { report_id, .. }) => {
                self.state.answered(&report_id);
                self.send_state()
            }
            HubFrame::Desired(desired) => vec![Output::Want(desired)],
            HubFrame::Accepted(Accepted::Event { client_id, .. }) => {
                self.tally.accepted += u64::from(self.outbox.settle(&client_id));
                self.send_events()
            }
            HubFrame::Accepted(Accepted::Command { command_id, of }) => {
                self.commands.accepted(command_id, of)
            }
            HubFrame::Duplicate(duplicate) => {
                self.tally.duplicate += u64::from(self.outbox.settle(&duplicate.client_id));
                self.send_events()
            }
            HubFrame::Rejected(rejected) => self.rejected(rejected),
            HubFrame::Discarded(discarded) => self.discarded(discarded),
            HubFrame::Command(command) => self.commands.receive(command),
            HubFrame::CommandCancel(cancel) => self.commands.cancel(cancel.command_id),
            HubFrame::Renewed(renewed) => {
                self.wants_renewal = false;
                vec![Output::Keep(renewed.token)]
            }
            HubFrame::Error(error) => {
                vec![Output::Tell(Notice::HubError {
                    code: error.code,
                    detail: error.detail,
                })]
            }
            HubFrame::Goodbye(goodbye) => vec![Output::Depart(goodbye)],
            // Nothing is subscribed to yet, and a pong has done its work by arriving.
            HubFrame::Event(_) | HubFrame::Subscribed(_) | HubFrame::Unsubscribed(_) | HubFrame::Pong(_) => {
                Vec::new()
            }
        }
    }

    fn discarded(&mut self, discarded: Discarded) -> Vec<Output> {
        let Discarded { subject, reason } = discarded;
        match subject {
            Subject::Event { client_id } => {
                self.tally.discarded += u64::from(self.outbox.settle(&client_id));
                self.told_and_sent(Notice::EventDiscarded { reason })
            }
            Subject::Report { report_id } => {
                self.state.discarded(&report_id);
                self.send_state()
            }
            // They are never kept or not kept.
            Subject::Command { .. } | Subject::Subscription { .. } => Vec::new(),
        }
    }

    fn rejected(&mut self, rejected: Rejected) -> Vec<Output> {
        if let Some(client_id) = doubted(&rejected)
            && self.outbox.forget_time(client_id)
        {
            return self.doubted(rejected);
        }
        let Rejected {
            subject,
            code,
            detail,
            errors,
        } = rejected;
        let detail = errors.iter().fold(detail, |text, error| {
            format!("{text}; {} {}", error.pointer, error.detail)
        });
        match subject {
            Subject::Event { client_id } if code.is_retryable() => {
                self.outbox.hold(&client_id);
                Vec::new()
            }
            Subject::Event { client_id } => {
                self.tally.rejected += u64::from(self.outbox.settle(&client_id));
                self.told_and_sent(Notice::EventRejected { code, detail })
            }
            // Nothing is subscribed to yet.
            Subject::Subscription { .. } => Vec::new(),
            Subject::Report { report_id } if code.is_retryable() => {
                self.state.hold(&report_id);
                Vec::new()
            }
            Subject::Report { report_id } => {
                self.state.answered(&report_id);
                let mut outputs = vec![Output::Tell(Notice::ReportRejected { code, detail })];
                outputs.extend(self.send_state());
                outputs
            }
            Subject::Command { .. } if code.is_retryable() => {
                self.has_busy_commands = true;
                Vec::new()
            }
            Subject::Command { command_id, of } => {
                let mut outputs = vec![Output::Tell(Notice::CommandRejected { of, detail })];
                outputs.extend(self.commands.rejected(command_id, of, code));
                outputs
            }
        }
    }

    /// A clock that is wrong costs the times, not what was said.
    fn doubted(&mut self, rejected: Rejected) -> Vec<Output> {
        let is_told = std::mem::replace(&mut self.is_told_of_clock, true);
        let detail = rejected.errors.into_iter().next();
        let detail = detail.map(|error| error.detail).unwrap_or_default();
        if is_told {
            self.send_events()
        } else {
            self.told_and_sent(Notice::ClockDoubted { detail })
        }
    }

    fn retry(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.is_welcomed() && std::mem::take(&mut self.has_busy_commands) {
            outputs = self.commands.unanswered();
        }
        self.outbox.release();
        self.state.release();
        outputs.extend(self.send_state());
        outputs.extend(self.send_events());
        outputs
    }

    /// What the satellite is like, if the hub does not have it.
    fn send_state(&mut self) -> Vec<Output> {
        if !self.is_welcomed() {
            return Vec::new();
        }
        let report = self.state.next().map(SatelliteFrame::Report);
        report.map(Output::Send).into_iter().collect()
    }

    fn told_and_sent(&mut self, notice: Notice) -> Vec<Output> {
        let mut outputs = vec![Output::Tell(notice)];
        outputs.extend(self.send_events());
        outputs
    }

    /// As many waiting events as the hub's limits allow now.
    fn send_events(&mut self) -> Vec<Output> {
        let Phase::Welcomed(limits) = self.phase else {
            return Vec::new();
        };
        let (frames, oversized) = self.outbox.take_frames(limits);
        self.tally.rejected += u64::try_from(oversized.len()).unwrap_or(u64::MAX);
        let told = oversized
            .into_iter()
            .map(|bytes| Output::Tell(Notice::EventTooLarge { bytes }));
        told.chain(frames.into_iter().map(Output::Send)).collect()
    }

    /// Without a welcome there is nobody to send to; what matters is sent again after the next one.
    fn if_welcomed(&self, mut outputs: Vec<Output>) -> Vec<Output> {
        outputs.retain(|output| self.is_welcomed() || !matches!(output, Output::Send(_)));
        outputs
    }

    fn is_welcomed(&self) -> bool {
        matches!(self.phase, Phase::Welcomed(_))
    }
}

/// The event whose time, and perhaps nothing else of it, the hub does not believe.
fn doubted(rejected: &Rejected) -> Option<&ClientId> {
    let is_time = rejected
        .errors
        .iter()
        .any(|error| error.pointer == "/occurred_at");
    match &rejected.subject {
        Subject::Event { client_id } if is_time => Some(client_id),
        Subject::Event { .. }
        | Subject::Command { .. }
        | Subject::Report { .. }
        | Subject::Subscription { .. } => None,
    }
}
