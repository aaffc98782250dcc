//! What the person sees: replies and effects on standard output, how things stand on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use hub_satellite::machine::{Notice, Tally};

use crate::commands::terminal::printable;

/// How often progress is written over itself on a terminal: smooth, and no work.
const REFRESH: Duration = Duration::from_millis(200);

/// How often progress is written into a log, where each one stays.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// How many refusals of a replay are shown one by one; the rest is in the summary.
const SHOWN_REFUSALS: u64 = 5;

/// The two streams and what was last written to them.
pub(super) struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    is_terminal: bool,
    /// A progress line is on the screen without an end.
    is_line_open: bool,
    progress_at: Option<Instant>,
    refusals: u64,
}

impl Console {
    /// The process's own streams.
    pub(super) fn standard() -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), is_terminal)
    }

    /// Other streams.
    pub(super) fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, is_terminal: bool) -> Self {
        Self {
            out,
            err,
            is_terminal,
            is_line_open: false,
            progress_at: None,
            refusals: 0,
        }
    }

    /// Something for the room, such as a reply: `agent: …`, one line per line.
    ///
    /// # Errors
    /// The stream is closed: then nobody has seen it.
    pub(super) fn effect(&mut self, who: &str, text: &str) -> io::Result<()> {
        self.close_line();
        let text = printable(text);
        let lines = text.lines().map(|line| format!("{who}: {line}\n"));
        // One write, so that lines of other writers do not fall in between.
        self.out.write_all(lines.collect::<String>().as_bytes())?;
        self.out.flush()
    }

    /// A short line about how things stand.
    pub(super) fn status(&mut self, text: &str) {
        self.close_line();
        // Nobody is told when standard error itself is gone.
        let _ = self.err.write_all(format!("{}\n", printable(text)).as_bytes());
    }

    /// Puts a notice into words.
    pub(super) fn notice(&mut self, notice: &Notice) {
        if is_refusal(notice) {
            self.refusals += 1;
            if self.refusals > SHOWN_REFUSALS && !self.is_terminal {
                return;
            }
        }
        self.status(&words(notice));
    }

    /// Where a replay stands; written only now and then.
    pub(super) fn progress(&mut self, sent: u64, waiting: usize, tally: Tally) {
        let pause = if self.is_terminal { REFRESH } else { LOG_EVERY };
        if self.progress_at.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        self.progress_at = Some(Instant::now());
        let text = format!("{sent} lines read, {waiting} waiting; {}", counts(tally));
        if self.is_terminal {
            self.is_line_open = true;
            // Back to the start, and clear what was longer before.
            let _ = self.err.write_all(format!("\r{text}\x1b[K").as_bytes());
            let _ = self.err.flush();
        } else {
            self.status(&text);
        }
    }

    /// What became of everything.
    pub(super) fn summary(&mut self, waiting: usize, skipped: u64, tally: Tally) {
        let mut parts = vec![format!("done: {}", counts(tally))];
        if waiting > 0 {
            parts.push(format!(
                "{waiting} NOT answered by the hub and lost with this process"
            ));
        }
        if skipped > 0 {
            parts.push(format!("{skipped} lines not readable and skipped"));
        }
        self.status(&parts.join("; "));
    }

    fn close_line(&mut self) {
        if std::mem::take(&mut self.is_line_open) {
            let _ = self.err.write_all(b"\n");
        }
    }
}

fn counts(tally: Tally) -> String {
    let Tally {
        accepted,
        duplicate,
        rejected,
        discarded,
    } = tally;
    format!("{accepted} accepted, {duplicate} duplicate, {rejected} rejected, {discarded} discarded")
}

fn is_refusal(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::EventRejected { .. } | Notice::EventDiscarded { .. } | Notice::EventTooLarge { .. }
    )
}

fn words(notice: &Notice) -> String {
    match notice {
        Notice::Welcomed { name, waiting: 0, .. } => format!("connected as {name}"),
        Notice::Welcomed { name, waiting, .. } => {
            format!("connected as {name}; sending {waiting} waiting")
        }
        Notice::CapabilitiesWait { kinds } => {
            format!(
                "not used before a person approves it: {}; see hub devices",
                kinds.join(", ")
            )
        }
        Notice::EventRejected { code, detail } => {
            format!("the hub refused a line ({code:?}): {detail}")
        }
        Notice::EventDiscarded { reason } => format!("the hub did not keep a line ({reason:?})"),
        Notice::ReportRejected { code, detail } => {
            format!("the hub refused a report ({code:?}): {detail}")
        }
        Notice::EventTooLarge { bytes } => {
            format!("a line of {bytes} bytes is larger than the hub takes; not sent")
        }
        Notice::CommandRejected { of, detail } => {
            format!("the hub refused a command's {of:?}: {detail}")
        }
        Notice::AnsweredAgain { kind } => {
            format!("{kind} was done before; sending its result again")
        }
        Notice::AnsweredUnknown { command_id } => {
            format!("nothing is known here of command {command_id}; answered unknown")
        }
        Notice::HubError { code, detail } => format!("the hub complains ({code:?}): {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A stream that a test can read.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn text_from_the_hub_cannot_steer_the_terminal_or_turn_itself_around() {
        let (out, err) = (Seen::default(), Seen::default());
        let mut console = Console::new(Box::new(out.clone()), Box::new(err.clone()), true);
        let text = "a\x1b[2Jb\u{9b}c\td\u{202e}e\u{2066}f";
        let shown = "a\u{fffd}[2Jb\u{fffd}c\td\u{fffd}e\u{fffd}f\n";
        console.effect("agent", text).unwrap();
        console.status(text);
        assert_eq!(
            (out.text(), err.text()),
            (format!("agent: {shown}"), shown.to_owned())
        );
    }
}
