//! The loop that ties the satellite to the lines and the console.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use hub_satellite::link::Target;
use hub_satellite::{Credentials, Happening, JournalError, Satellite, fresh_client_id, now};

use super::console::Console;
use super::progress::Progress;
use super::source::{Line, ReadLine, Speed};
use super::{SatelliteError, effects};
use crate::satellite::protocol::{BearerToken, EVENT_TRANSCRIPT, NewEvent};

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
        console: Console,
        plan: Plan,
    ) -> Result<Self, JournalError> {
        let satellite = Satellite::new(effects::software(), effects::capabilities(), journal, target)?;
        Ok(Self {
            satellite,
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
            let may_say = self.satellite.has_room();
            let may_read = self.progress.may_read() && may_say;
            tokio::select! {
                () = &mut stop => break,
                happening = self.satellite.next() => self.on_happening(happening?)?,
                line = lines.recv(), if may_read => self.on_line(line),
                () = self.progress.due(), if may_say => self.say_next(),
                _ = tick.tick() => if self.is_done() { break },
            }
            self.show_progress();
        }
        Ok(self.leave().await)
    }

    fn on_happening(&mut self, happening: Happening) -> Result<(), SatelliteError> {
        match happening {
            Happening::Command(command) => {
                let result = effects::execute(&command, &mut self.console);
                self.satellite.finish(result)?;
            }
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
        self.progress.has_ended() && self.satellite.is_idle() && is_quiet
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
