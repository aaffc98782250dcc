//! The loop that ties the state machine to the socket, the lines, the journal and the console.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::console::Console;
use super::core::{Core, Input, Notice, Output};
use super::journal::{Journal, JournalError};
use super::link::{Link, LinkEvent};
use super::progress::Progress;
use super::source::{Line, ReadLine, Speed};
use super::{Credentials, SatelliteError, ambient, effects};
use crate::satellite::protocol::{BearerToken, EVENT_TRANSCRIPT, HubFrame, NewEvent};

/// How often the client looks at what no event tells it: what to try again, and whether it is done.
const TICK: Duration = Duration::from_millis(500);

/// How the client treats its lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// How fast to replay; `None` for lines without times.
    pub(super) speed: Option<Speed>,
    /// Leave when all is done and this long has been quiet; `None` stays.
    pub(super) linger: Option<Duration>,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The hub took every line that it answered.
    Good,
    /// The hub refused lines, or never answered some before the client was told to stop.
    Refusals,
}

/// The satellite at work.
pub(super) struct Client {
    core: Core,
    journal: Journal,
    link: Link,
    console: Console,
    plan: Plan,
    progress: Progress,
    /// Where a renewed credential is kept.
    credentials: Option<PathBuf>,
}

impl Client {
    /// A client that goes on where its journal stopped.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub(super) fn new(
        journal: &Path,
        link: Link,
        console: Console,
        plan: Plan,
    ) -> Result<Self, JournalError> {
        let (journal, entries) = Journal::open(journal)?;
        let core = Core::new(effects::capabilities(), entries);
        Ok(Self {
            core,
            journal,
            link,
            console,
            plan,
            progress: Progress::new(),
            credentials: None,
        })
    }

    /// Renews the credential of a file when the hub has said welcome.
    pub(super) fn renew(&mut self, credentials: &Path) {
        self.credentials = Some(credentials.to_owned());
        self.core.renew();
    }

    /// Says hello to the person.
    pub(super) fn greet(&mut self, name: &str, url: &str, is_private: bool) {
        self.console
            .status(&format!("{name}: connecting to {url}; Ctrl-C leaves"));
        if !is_private {
            self.console.status(
                "Note: ws to another machine shows this satellite's token, and what it hears, to whoever is on the way; use wss.",
            );
        }
    }

    /// Runs until told to stop, or done.
    ///
    /// # Errors
    /// The journal cannot be written, or the hub refuses the satellite for good.
    pub(super) async fn run(
        mut self,
        mut lines: mpsc::Receiver<ReadLine>,
        stop: impl Future<Output = ()>,
    ) -> Result<Ending, SatelliteError> {
        let mut stop = std::pin::pin!(stop);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let may_read = self.progress.may_read() && self.core.has_room();
            let may_say = self.core.has_room();
            tokio::select! {
                () = &mut stop => break,
                event = self.link.next() => self.on_link(event)?,
                line = lines.recv(), if may_read => self.on_line(line)?,
                () = self.progress.due(), if may_say => self.say_next()?,
                _ = tick.tick() => {
                    self.feed(Input::Tick)?;
                    if self.is_done() {
                        break;
                    }
                }
            }
        }
        Ok(self.leave().await)
    }

    fn on_link(&mut self, event: LinkEvent) -> Result<(), SatelliteError> {
        match event {
            LinkEvent::Up => self.feed(Input::Connected),
            LinkEvent::Frame(frame) => {
                if !matches!(frame, HubFrame::Pong(_)) {
                    self.progress.active_at = Instant::now();
                }
                self.feed(Input::Received(frame))
            }
            LinkEvent::HeartbeatDue => self.feed(Input::HeartbeatDue),
            LinkEvent::Unreadable(error) => {
                self.console
                    .status(&format!("the hub sent something unreadable: {error}"));
                Ok(())
            }
            LinkEvent::Down { why, again_in } => {
                self.console
                    .status(&format!("{why}; trying again in {:.1} s", again_in.as_secs_f64()));
                self.feed(Input::Lost)
            }
            LinkEvent::Refused(reason) => {
                self.sum_up();
                Err(SatelliteError::Refused(reason))
            }
        }
    }

    fn on_line(&mut self, line: Option<ReadLine>) -> Result<(), SatelliteError> {
        match line {
            None => {
                self.progress.has_input_ended = true;
                Ok(())
            }
            Some(Err(problem)) => {
                self.progress.skipped += 1;
                self.console.status(&format!("{problem}; skipped"));
                Ok(())
            }
            Some(Ok(line)) => match self.progress.due_at(&line, self.plan.speed) {
                Some(due_at) => {
                    self.progress.next = Some((line, due_at));
                    Ok(())
                }
                None => self.say(line),
            },
        }
    }

    fn say_next(&mut self) -> Result<(), SatelliteError> {
        match self.progress.next.take() {
            Some((line, _)) => self.say(line),
            None => Ok(()),
        }
    }

    fn say(&mut self, line: Line) -> Result<(), SatelliteError> {
        self.progress.read += 1;
        self.progress.active_at = Instant::now();
        let event = NewEvent {
            client_id: ambient::fresh_client_id(),
            event_type: EVENT_TRANSCRIPT.into(),
            payload: line.transcript.into_payload(),
            occurred_at: Some(ambient::now()),
        };
        self.feed(Input::Observed(event))
    }

    /// Gives the state machine an input and carries out, in order, what it says.
    fn feed(&mut self, input: Input) -> Result<(), SatelliteError> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.core.handle(input) {
                match output {
                    Output::Send(frame) => self.link.send(frame),
                    // Writing blocks, on purpose: nothing may overtake it.
                    Output::Record(entry) => self.journal.append(&entry)?,
                    Output::Execute(command) => {
                        let result = effects::execute(&command, &mut self.console);
                        inputs.push_back(Input::Executed(result));
                    }
                    // Kept first: what is not on disk is lost with this process.
                    Output::Keep(token) => self.keep(token)?,
                    Output::Tell(notice) => self.tell(&notice),
                    Output::Depart(goodbye) => self.link.departing(goodbye),
                }
            }
        }
        if self.journal.is_long() {
            self.journal.rewrite(&self.core.journal())?;
        }
        self.show_progress();
        Ok(())
    }

    fn keep(&mut self, token: BearerToken) -> Result<(), SatelliteError> {
        let Some(path) = &self.credentials else {
            return Ok(());
        };
        Credentials::replace_token(path, &token)?;
        self.link.use_token(token);
        let kept = format!("the credential was renewed, and is in {}", path.display());
        self.console.status(&kept);
        Ok(())
    }

    fn tell(&mut self, notice: &Notice) {
        if let Notice::Welcomed { heartbeat_s, .. } = notice {
            self.link.welcomed(Duration::from_secs((*heartbeat_s).into()));
        }
        self.console.notice(notice);
    }

    fn show_progress(&mut self) {
        if self.plan.speed.is_some() && !self.progress.is_summed_up {
            self.console
                .progress(self.progress.read, self.core.waiting(), self.core.tally());
            if self.progress.has_ended() && self.core.waiting() == 0 {
                self.sum_up();
            }
        }
    }

    fn is_done(&self) -> bool {
        let Some(linger) = self.plan.linger else {
            return false;
        };
        let is_quiet = self.progress.active_at.elapsed() >= linger;
        self.progress.has_ended() && self.core.is_idle() && is_quiet
    }

    async fn leave(mut self) -> Ending {
        self.sum_up();
        let is_good = self.core.tally().rejected == 0 && self.core.waiting() == 0;
        self.link.leave().await;
        if is_good { Ending::Good } else { Ending::Refusals }
    }

    /// Says once what became of the lines, if there were any worth counting.
    fn sum_up(&mut self) {
        let (waiting, skipped, tally) = (self.core.waiting(), self.progress.skipped, self.core.tally());
        if !std::mem::replace(&mut self.progress.is_summed_up, true) && self.progress.read + skipped > 0 {
            self.console.summary(waiting, skipped, tally);
        }
    }
}
