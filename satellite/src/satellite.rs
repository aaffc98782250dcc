//! A satellite at work: the rules, the socket and the journal in one. What is left to its maker is to carry out commands, and to
//! say what happens.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::journal::{Journal, JournalError};
use crate::link::{Link, LinkEvent, Target};
use crate::machine::{Input, Machine, Notice, Output, Tally};
use crate::protocol::{
    BearerToken, Capability, CloseReason, Command, CommandResult, Desired, FrameError, HubFrame, JsonObject,
    NewEvent, Software,
};

/// How often it tries again what the hub was too busy for.
const TICK: Duration = Duration::from_millis(500);

/// Something that its maker has to deal with.
#[derive(Debug)]
#[must_use]
pub enum Happening {
    /// Carry it out, and say how it ended with [`Satellite::finish`]. It comes once: after a crash the hub is told `unknown`.
    Command(Command),
    /// What is wanted of the satellite and is not so. Make it so as far as you can, and say what it is like now, and that you have
    /// dealt with this version, with [`Satellite::report`]. The newest takes the place of those before it.
    Desired(Desired),
    /// Something that a person may want to know.
    Told(Notice),
    /// A new credential, after [`Satellite::renew`]. Keep it, and then [`Satellite::use_token`].
    Renewed(BearerToken),
    /// The socket is gone, or could not be opened. It is tried again by itself.
    Down {
        /// For people.
        why: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// The hub sent something that is no frame of this version.
    Unreadable(FrameError),
    /// The hub does not want this satellite back: connecting again with this credential does not help.
    Refused(CloseReason),
}

/// A satellite at work. It is driven by [`Satellite::next`]; without that nothing is sent and nothing heard.
pub struct Satellite {
    machine: Machine,
    journal: Journal,
    link: Link,
    tick: Interval,
    /// What is still to be done, in order.
    outputs: VecDeque<Output>,
    heard_at: Instant,
}

impl Satellite {
    /// A satellite that goes on where its journal stopped. It connects when [`Satellite::next`] is first called, inside a runtime
    /// of tokio.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub fn new(
        software: Software,
        capabilities: Vec<Capability>,
        journal: &Path,
        target: Target,
    ) -> Result<Self, JournalError> {
        let (journal, entries) = Journal::open(journal)?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            machine: Machine::new(software, capabilities, entries),
            journal,
            link: Link::new(target),
            tick,
            outputs: VecDeque::new(),
            heard_at: Instant::now(),
        })
    }

    /// What happens next. May be dropped and called again at any time without losing anything.
    ///
    /// # Errors
    /// The journal cannot be written. Going on could do a command twice.
    pub async fn next(&mut self) -> Result<Happening, JournalError> {
        loop {
            if let Some(happening) = self.work()? {
                return Ok(happening);
            }
            tokio::select! {
                event = self.link.next() => match event {
                    LinkEvent::Up => self.feed(Input::Connected),
                    LinkEvent::Frame(frame) => self.hear(frame),
                    LinkEvent::HeartbeatDue => self.feed(Input::HeartbeatDue),
                    LinkEvent::Unreadable(error) => return Ok(Happening::Unreadable(error)),
                    LinkEvent::Down { why, again_in } => {
                        self.feed(Input::Lost);
                        return Ok(Happening::Down { why, again_in });
                    }
                    LinkEvent::Refused(reason) => return Ok(Happening::Refused(reason)),
                },
                _ = self.tick.tick() => self.feed(Input::Tick),
            }
        }
    }

    /// Tells the hub what happened here; until it has answered the event waits, and is lost only with this process.
    /// Not to be called without [`Satellite::has_room`].
    pub fn observe(&mut self, event: NewEvent) {
        self.feed(Input::Observed(event));
    }

    /// Says what the satellite is like now: all of it, and the version of what is wanted that it has dealt with. The newest is sent
    /// until the hub has it, and again after each welcome; after a crash say it anew.
    pub fn report(&mut self, state: JsonObject, reached: Option<i64>) {
        self.feed(Input::Reported { state, reached });
    }

    /// Says how a command ended. On return the result is on disk, and is sent until the hub has it.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn finish(&mut self, result: CommandResult) -> Result<(), JournalError> {
        // Before all else: what was done must be known to be done before something else is begun.
        for output in self.machine.handle(Input::Executed(result)).into_iter().rev() {
            self.outputs.push_front(output);
        }
        self.record_first()
    }

    /// Asks for a new credential at the next welcome, and at those after it until it has come.
    pub fn renew(&mut self) {
        self.machine.renew();
    }

    /// Connects with another credential from now on.
    pub fn use_token(&mut self, token: BearerToken) {
        self.link.use_token(token);
    }

    /// Whether another event can be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.machine.has_room()
    }

    /// How many events the hub has not answered yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.machine.waiting()
    }

    /// Whether everything was said and answered, in both directions.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.outputs.is_empty() && self.machine.is_idle()
    }

    /// What became of the events so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.machine.tally()
    }

    /// When the hub last said something of substance.
    #[must_use]
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Closes the socket politely.
    pub async fn leave(self) {
        self.link.leave().await;
    }

    fn hear(&mut self, frame: HubFrame) {
        if !matches!(frame, HubFrame::Pong(_)) {
            self.heard_at = Instant::now();
        }
        self.feed(Input::Received(frame));
    }

    fn feed(&mut self, input: Input) {
        self.outputs.extend(self.machine.handle(input));
    }

    /// Does what is to be done, in order, up to the next thing that is not its own to do.
    fn work(&mut self) -> Result<Option<Happening>, JournalError> {
        while let Some(output) = self.outputs.pop_front() {
            match output {
                Output::Send(frame) => self.link.send(frame),
                // Writing blocks, on purpose: nothing may overtake it.
                Output::Record(entry) => self.journal.append(&entry)?,
                Output::Execute(command) => return Ok(Some(Happening::Command(command))),
                Output::Want(desired) => return Ok(Some(Happening::Desired(desired))),
                Output::Keep(token) => return Ok(Some(Happening::Renewed(token))),
                Output::Tell(notice) => {
                    if let Notice::Welcomed { heartbeat_s, .. } = notice {
                        self.link.welcomed(Duration::from_secs(heartbeat_s.into()));
                    }
                    return Ok(Some(Happening::Told(notice)));
                }
                Output::Depart(goodbye) => self.link.departing(goodbye),
            }
        }
        if self.journal.is_long() {
            self.journal.rewrite(&self.machine.journal())?;
        }
        Ok(None)
    }

    /// Writes and sends what stands first.
    fn record_first(&mut self) -> Result<(), JournalError> {
        while let Some(Output::Record(_) | Output::Send(_)) = self.outputs.front() {
            match self.outputs.pop_front() {
                Some(Output::Record(entry)) => self.journal.append(&entry)?,
                Some(Output::Send(frame)) => self.link.send(frame),
                _ => {}
            }
        }
        Ok(())
    }
}
