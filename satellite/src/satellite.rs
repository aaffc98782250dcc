//! A satellite at work: the rules, the socket and the journal in one. What is left to its maker is to carry out commands, and to
//! say what happens.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use uuid::Uuid;

use crate::journal::{Journal, JournalError};
use crate::link::{Link, LinkEvent, Target};
use crate::machine::{Input, Machine, Notice, Output, Tally};
use crate::protocol::{
    BearerToken, Capability, CloseReason, Command, CommandProgress, CommandResult, Desired, FrameError,
    HubFrame, JsonObject, NewEvent, Software,
};

/// How often it tries again what the hub was too busy for.
const TICK: Duration = Duration::from_millis(500);

/// Something that its maker has to deal with.
#[derive(Debug)]
#[must_use]
pub enum Happening {
    /// Something to do, now or later: [`Satellite::begin`] it, carry it out, [`Satellite::finish`] it. It may come again after the hub
    /// was away.
    Command(Pending),
    /// The hub does not want this command any more. If it was begun, stop it where that is possible, and finish it all the same.
    Cancelled(Uuid),
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

/// A command that was not begun. What is not begun is never `unknown`: after a crash it comes again.
#[derive(Debug)]
pub struct Pending(Command);

impl Pending {
    /// Its id.
    #[must_use]
    pub fn command_id(&self) -> Uuid {
        self.0.command_id
    }

    /// What kind of command it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }
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

    /// Begins a command: on return it is on disk that it may have been done, so that it is never done again. None: it is not wanted
    /// any more, and not to be carried out.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn begin(&mut self, pending: Pending) -> Result<Option<Command>, JournalError> {
        let outputs = self.machine.handle(Input::Begun(pending.command_id()));
        let is_wanted = !outputs.is_empty();
        self.do_first(outputs)?;
        Ok(is_wanted.then_some(pending.0))
    }

    /// Says that a command is not over, which moves its deadline.
    pub fn progress(&mut self, progress: CommandProgress) {
        self.feed(Input::Progressed(progress));
    }

    /// Says what the satellite is like now: all of it, and the version of what is wanted that it has dealt with. The newest is sent
    /// until the hub has it, and again after each welcome; after a crash say it anew.
    pub fn report(&mut self, state: JsonObject, reached: Option<i64>) {
        self.feed(Input::Reported { state, reached });
    }

    /// Says how a command ended that was begun. On return the result is on disk, and is sent until the hub has it.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn finish(&mut self, result: CommandResult) -> Result<(), JournalError> {
        let outputs = self.machine.handle(Input::Executed(result));
        self.do_first(outputs)
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
                Output::Execute(command) => return Ok(Some(Happening::Command(Pending(command)))),
                Output::Stop(command_id) => return Ok(Some(Happening::Cancelled(command_id))),
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

    /// Does what may not wait behind all else: what is begun or done is on disk before anything else is begun.
    fn do_first(&mut self, outputs: Vec<Output>) -> Result<(), JournalError> {
        for output in outputs.into_iter().rev() {
            self.outputs.push_front(output);
        }
        while let Some(output) = self.outputs.pop_front() {
            match output {
                Output::Record(entry) => self.journal.append(&entry)?,
                Output::Send(frame) => self.link.send(frame),
                other => {
                    self.outputs.push_front(other);
                    break;
                }
            }
        }
        Ok(())
    }
}
