//! One program from its beginning to its end, with all the processes that it began.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::{Failure, Outcome};
use super::Surroundings;
use super::output::{Output, Stop};
use crate::satellite::protocol::CommandStatus;

/// Bytes kept of each stream; what fits the result is less.
const KEPT_BYTES: usize = 48 * 1024;
/// Bytes of JSON in the result: what it gives, and what it complains of. The hub takes 64 KiB.
const SAID_BYTES: usize = 40 * 1024;
const COMPLAINED_BYTES: usize = 16 * 1024;
/// How long a program may take to end when it is asked to, before it is killed.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);
/// How long what it said is waited for after its end. A process that left the group may hold the stream for ever.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// What is to be run.
pub(super) struct Process {
    pub(super) program: PathBuf,
    /// All words: a program of many names goes by the first one.
    pub(super) argv: Vec<String>,
    pub(super) surroundings: Arc<Surroundings>,
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Over {
    Ended,
    Late,
    Cancelled,
    TooMuch,
}

impl Process {
    /// Runs it. However it ends, nothing of its process group goes on.
    pub(super) async fn run(self, cancel: CancellationToken) -> Outcome {
        let began = Instant::now();
        let not_started = |error: io::Error| Failure::error("not_started", error.to_string());
        let mut child = self.spawn().map_err(not_started)?;
        let group = Group::of(&child)?;
        let mut outputs = (Output::of(KEPT_BYTES), Output::of(KEPT_BYTES));
        let over = self.watch(&mut child, &group, &mut outputs, &cancel).await;
        let status = timeout(FAREWELL_WITHIN, child.wait()).await;
        group.release();
        let status = status.ok().and_then(Result::ok);
        let said = told(&outputs.0, &outputs.1, status, began.elapsed());
        self.outcome(over, status, said)
    }

    /// Reads what it says until it is over, and sees to it that it is. It is not reaped yet, so that its number is still its own.
    async fn watch(
        &self,
        child: &mut Child,
        group: &Group,
        outputs: &mut (Output, Output),
        cancel: &CancellationToken,
    ) -> Over {
        let streams = child.stdout.take().zip(child.stderr.take());
        let (stdout, stderr) = streams.expect("both streams are piped");
        let mut reading = std::pin::pin!(async {
            let read = tokio::try_join!(outputs.0.fill(stdout), outputs.1.fill(stderr));
            matches!(read, Err(Stop::TooMuch))
        });
        let mut ended = std::pin::pin!(group.ended());
        let deadline = Instant::now() + self.surroundings.time_limit;
        let mut is_read = false;
        let over = loop {
            tokio::select! {
                is_too_much = &mut reading, if !is_read => {
                    is_read = true;
                    if is_too_much {
                        break Over::TooMuch;
                    }
                }
                () = &mut ended => break Over::Ended,
                () = sleep_until(deadline) => break Over::Late,
                () = cancel.cancelled() => break Over::Cancelled,
            }
        };
        if over != Over::Ended {
            group.signal(Signal::TERM);
            // Whether it went by itself does not matter.
            let _ = timeout(FAREWELL_WITHIN, &mut ended).await;
        }
        group.signal(Signal::KILL);
        if !is_read {
            let _ = timeout(LAST_WORDS_WITHIN, &mut reading).await;
        }
        over
    }

    fn spawn(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg0(&self.argv[0])
            .args(&self.argv[1..])
            .env_clear()
            .envs(
                self.surroundings
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .current_dir(&self.surroundings.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    fn outcome(&self, over: Over, status: Option<ExitStatus>, said: Value) -> Outcome {
        let failure = |code, message: String| Failure::error(code, message).giving(said.clone());
        match over {
            Over::Ended if status.is_some_and(|status| status.success()) => Ok(Some(said)),
            Over::Ended => {
                let how = status.map_or("in an unknown way".into(), |status| status.to_string());
                Err(failure("exit_code", format!("it ended with {how}")))
            }
            Over::Late => {
                let limit = self.surroundings.time_limit.as_secs();
                Err(failure("timed_out", format!("it was stopped after {limit} s")))
            }
            Over::TooMuch => Err(failure(
                "too_much_output",
                "it was stopped: it said too much".into(),
            )),
            Over::Cancelled => {
                let message = "it was stopped; what it had done by then is done";
                Err(failure("cancelled", message.into()).ended(CommandStatus::Cancelled))
            }
        }
    }
}

/// What it said, as the result has it.
fn told(said: &Output, complained: &Output, status: Option<ExitStatus>, took: Duration) -> Value {
    let (stdout, is_stdout_cut) = said.text(SAID_BYTES);
    let (stderr, is_stderr_cut) = complained.text(COMPLAINED_BYTES);
    json!({
        "exit_code": status.and_then(|status| status.code()),
        "stdout": stdout,
        "stdout_is_cut": is_stdout_cut,
        "stderr": stderr,
        "stderr_is_cut": is_stderr_cut,
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// A program and all that it began, as far as they did not leave its group. None once it is over: the number is another's then.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Result<Self, Failure> {
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        match pid {
            Some(pid) => Ok(Self(Some(pid))),
            None => Err(Failure::error("not_started", "it has no process id")),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // An error says that nobody is there any more.
            let _ = kill_process_group(pid, signal);
        }
    }

    /// Waits until the program has ended, and leaves it to be reaped.
    fn ended(&self) -> impl Future<Output = ()> + use<> {
        let pid = self.0;
        let wait = move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Some(pid) = pid
                && matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR))
            {}
        };
        async move {
            // It cannot fail but by a panic, and then the time limit is left.
            if tokio::task::spawn_blocking(wait).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    /// Whoever stops waiting for it stops it.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
