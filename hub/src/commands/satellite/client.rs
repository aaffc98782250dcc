//! The loop that ties the satellite to the lines and the console.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use hub_satellite::link::Target;
use hub_satellite::{Credentials, Happening, JournalError, Pending, Satellite, fresh_client_id, now};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::SatelliteError;
use super::console::Console;
use super::effects::{self, Effects};
use super::progress::Progress;
use super::source::{Line, ReadLine, Speed};
use super::work::{News, Work};
use crate::satellite::protocol::{
    BearerToken, Command, CommandProgress, CommandResult, CommandStatus, EVENT_TRANSCRIPT, NewEvent,
};

/// How often the client looks whether it is done, which no event tells it.
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
    satellite: Satellite,
    effects: Effects,
    work: Work,
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
        target: Target,
        effects: Effects,
        console: Console,
        plan: Plan,
    ) -> Result<Self, JournalError> {
        let satellite = Satellite::new(effects::software(), effects.capabilities(), journal, target)?;
        Ok(Self {
            satellite,
            effects,
            work: Work::default(),
            console,
            plan,
            progress: Progress::new(),
            credentials: None,
        })
    }

    /// Renews the credential of a file when the hub has said welcome.
    pub(super) fn renew(&mut self, credentials: &Path) {
        self.credentials = Some(credentials.to_owned());
        self.satellite.renew();
    }

    /// Says hello to the person.
    pub(super) fn greet(&mut self, name: &str, url: &str, is_private: bool, settings: &Path) {
        self.console
            .status(&format!("{name}: connecting to {url}; Ctrl-C leaves"));
        let enabled = self.effects.tell();
        if enabled.is_empty() {
            let settings = settings.display();
            self.console.status(&format!(
                "The agent can only reply here: {settings} enables nothing; see hub satellite --help"
            ));
        }
        for line in enabled {
            self.console.status(&format!("enabled: {line}"));
        }
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
            let may_say = self.satellite.has_room();
            let may_read = self.progress.may_read() && may_say;
            tokio::select! {
                () = &mut stop => break,
                happening = self.satellite.next() => self.on_happening(happening?)?,
                news = self.work.news() => self.on_news(news)?,
                line = lines.recv(), if may_read => self.on_line(line),
                () = self.progress.due(), if may_say => self.say_next(),
                _ = tick.tick() => if self.is_done() { break },
            }
            self.show_progress();
        }
        self.stop_work().await?;
        Ok(self.leave().await)
    }

    fn on_happening(&mut self, happening: Happening) -> Result<(), SatelliteError> {
        match happening {
            Happening::Command(pending) => self.on_command(pending)?,
            // What was begun says itself how it ended.
            Happening::Cancelled(command_id) => self.work.cancel(command_id),
            Happening::Told(notice) => self.console.notice(&notice),
            // A terminal has no state that could be otherwise, and reports none.
            Happening::Desired(_) => {}
            // Kept first: what is not on disk is lost with this process.
            Happening::Renewed(token) => self.keep(token)?,
            Happening::Down { why, again_in } => {
                self.console
                    .status(&format!("{why}; trying again in {:.1} s", again_in.as_secs_f64()));
            }
            Happening::Unreadable(error) => {
                self.console
                    .status(&format!("the hub sent something unreadable: {error}"));
            }
            Happening::Refused(reason) => {
                self.sum_up();
                return Err(SatelliteError::Refused(reason));
            }
        }
        Ok(())
    }

    fn on_command(&mut self, pending: Pending) -> Result<(), JournalError> {
        if !self.effects.is_quick(pending.kind()) {
            return match self.work.take(pending) {
                Ok(()) => self.begin_next(),
                Err(pending) => self.refuse(pending),
            };
        }
        if let Some(command) = self.satellite.begin(pending)? {
            let result = self.effects.execute(&command, &mut self.console);
            self.finish(&command.kind, result)?;
        }
        Ok(())
    }

    fn on_news(&mut self, news: News) -> Result<(), JournalError> {
        match news {
            News::Ended(command, outcome) => {
                self.finish(&command.kind, effects::result(&command, outcome))?;
                self.begin_next()
            }
            News::GoesOn {
                running,
                for_s,
                waiting,
            } => {
                self.goes_on(running, format!("has run for {for_s} s"));
                for command_id in waiting {
                    self.goes_on(command_id, "waits for another command to end".into());
                }
                Ok(())
            }
        }
    }

    /// Begins what waits, until something runs.
    fn begin_next(&mut self) -> Result<(), JournalError> {
        while let Some(pending) = self.work.next_to_begin() {
            let Some(command) = self.satellite.begin(pending)? else {
                continue;
            };
            let cancel = CancellationToken::new();
            match self.effects.begin(&command, cancel.clone()) {
                Ok(task) => {
                    self.console.status(&format!("{}: {}", command.kind, task.says));
                    self.work.run(command, task, cancel);
                }
                Err(failure) => self.finish(&command.kind, effects::result(&command, Err(failure)))?,
            }
        }
        Ok(())
    }

    fn refuse(&mut self, pending: Pending) -> Result<(), JournalError> {
        if let Some(Command { command_id, kind, .. }) = self.satellite.begin(pending)? {
            let message = "too many commands wait here; try it again later";
            let result = CommandResult::failed(command_id, CommandStatus::Error, "busy", message);
            self.finish(&kind, result)?;
        }
        Ok(())
    }

    fn goes_on(&mut self, command_id: Uuid, note: String) {
        self.satellite.progress(CommandProgress {
            command_id,
            percent: None,
            note: Some(note),
        });
    }

    /// Tells the hub how a command ended, and the person what was not done.
    fn finish(&mut self, kind: &str, result: CommandResult) -> Result<(), JournalError> {
        self.console.ended(kind, &result);
        self.satellite.finish(result)
    }

    fn on_line(&mut self, line: Option<ReadLine>) {
        match line {
            None => self.progress.has_input_ended = true,
            Some(Err(problem)) => {
                self.progress.skipped += 1;
                self.console.status(&format!("{problem}; skipped"));
            }
            Some(Ok(line)) => match self.progress.due_at(&line, self.plan.speed) {
                Some(due_at) => self.progress.next = Some((line, due_at)),
                None => self.say(line),
            },
        }
    }

    fn say_next(&mut self) {
        if let Some((line, _)) = self.progress.next.take() {
            self.say(line);
        }
    }

    fn say(&mut self, line: Line) {
        self.progress.read += 1;
        self.progress.active_at = Instant::now();
        self.satellite.observe(NewEvent {
            client_id: fresh_client_id(),
            event_type: EVENT_TRANSCRIPT.into(),
            payload: line.transcript.into_payload(),
            occurred_at: Some(now()),
        });
    }

    fn keep(&mut self, token: BearerToken) -> Result<(), SatelliteError> {
        let Some(path) = &self.credentials else {
            return Ok(());
        };
        Credentials::replace_token(path, &token)?;
        self.satellite.use_token(token);
        let kept = format!("the credential was renewed, and is in {}", path.display());
        self.console.status(&kept);
        Ok(())
    }

    fn show_progress(&mut self) {
        if self.plan.speed.is_some() && !self.progress.is_summed_up {
            self.console.progress(
                self.progress.read,
                self.satellite.waiting(),
                self.satellite.tally(),
            );
            if self.progress.has_ended() && self.satellite.waiting() == 0 {
                self.sum_up();
            }
        }
    }

    fn is_done(&self) -> bool {
        let Some(linger) = self.plan.linger else {
            return false;
        };
        let active_at = self.progress.active_at.max(self.satellite.heard_at());
        let is_quiet = active_at.elapsed() >= linger;
        self.progress.has_ended() && self.satellite.is_idle() && self.work.is_idle() && is_quiet
    }

    /// What runs is stopped and says so: without that it would be unknown what became of it.
    async fn stop_work(&mut self) -> Result<(), JournalError> {
        let work = std::mem::take(&mut self.work);
        if let Some((command, outcome)) = work.stop().await {
            self.finish(&command.kind, effects::result(&command, outcome))?;
        }
        Ok(())
    }

    async fn leave(mut self) -> Ending {
        self.sum_up();
        let is_good = self.satellite.tally().rejected == 0 && self.satellite.waiting() == 0;
        self.satellite.leave().await;
        if is_good { Ending::Good } else { Ending::Refusals }
    }

    /// Says once what became of the lines, if there were any worth counting.
    fn sum_up(&mut self) {
        let (waiting, skipped, tally) = (
            self.satellite.waiting(),
            self.progress.skipped,
            self.satellite.tally(),
        );
        if !std::mem::replace(&mut self.progress.is_summed_up, true) && self.progress.read + skipped > 0 {
            self.console.summary(waiting, skipped, tally);
        }
    }
}
