//! The built program: `hub serve` as a process of its own, with its own database, folder and port, to be killed.

use std::{
    fs::{self, File, OpenOptions},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use rand::Rng;
use serde::Deserialize;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use crate::{database::Database, hub::on_a_thread, proxy::Proxy, superuser::SuperuserSql};

/// How long the program may take to be ready: a debug build on a busy machine.
pub(crate) const READY_WITHIN: Duration = Duration::from_mins(1);

/// A hub's process and what it lives on.
pub struct Program {
    database: Database,
    proxy: Option<Proxy>,
    superuser: SuperuserSql,
    dir: PathBuf,
    port: u16,
    child: Option<Child>,
    settings: Vec<(String, String)>,
}

/// The credentials of a satellite, as the first start wrote them.
#[derive(Debug, Clone, Deserialize)]
pub struct Satellite {
    /// The device.
    pub device_id: Uuid,
    /// Its agent.
    pub agent_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its token.
    pub token: String,
}

impl Program {
    /// Where the built program is.
    #[must_use]
    pub fn path() -> PathBuf {
        binary()
    }

    /// A database and a folder; nothing runs yet. `settings` are variables like `HUB_WORKER__LEASE_MS`.
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        Self::build(settings, false).await
    }

    /// The same, reaching the database through a proxy that can be cut.
    pub async fn proxied(settings: &[(&str, &str)]) -> Self {
        Self::build(settings, true).await
    }

    async fn build(settings: &[(&str, &str)], is_proxied: bool) -> Self {
        hub::tls::choose_provider();
        let database = Database::create().await;
        let proxy = if is_proxied {
            Some(Proxy::before(&database.url).await)
        } else {
            None
        };
        let dir = std::env::temp_dir().join(format!("{}_program", database.name));
        fs::create_dir_all(&dir).expect("a folder can be made");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            superuser: SuperuserSql::new(&database.url),
            database,
            proxy,
            dir,
            port: free_port(),
            child: None,
            settings: settings.iter().map(own).collect(),
        }
    }

    /// Starts `hub serve` and returns when it is ready.
    pub async fn start(&mut self) {
        let mut command = self.command(&["serve", "--bootstrap"]);
        self.child = Some(self.spawn(&mut command));
        let deadline = Instant::now() + READY_WITHIN;
        while self.status("/readyz").await != Some(200) {
            assert!(self.is_running(), "the hub ended by itself:\n{}", self.tail());
            assert!(
                Instant::now() < deadline,
                "the hub is not ready:\n{}",
                self.tail()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts `hub serve` where it must refuse to. Returns what it said.
    pub async fn start_refused(&self) -> String {
        let mut command = self.command(&["serve", "--bootstrap"]);
        let ended = command.env("DATABASE_URL", &self.database.url).output();
        let output = timeout(READY_WITHIN, ended).await;
        let output = output.expect("it refuses in time").expect("the program starts");
        assert!(!output.status.success(), "it did not refuse to start");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Changes a setting for what is started from here on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn spawn(&self, command: &mut Command) -> Child {
        let log = self.log();
        let child = command
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn();
        child.expect("the program starts")
    }

    /// Kills the process at once, as a power cut would.
    pub async fn kill(&mut self) {
        kill(&mut self.child).await;
    }

    /// Asks the process to end, as a supervisor would. True when it ended well.
    pub async fn stop(&mut self) -> bool {
        stop(&mut self.child).await
    }

    /// Whether the process is alive.
    pub fn is_running(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let pid = self.child.as_ref().and_then(Child::id);
        pid.expect("the hub runs")
    }

    /// The status of a plain request; none when nobody answers.
    pub async fn status(&self, path: &str) -> Option<u16> {
        let asked = reqwest::get(format!("{}{path}", self.url())).await;
        asked.ok().map(|answer| answer.status().as_u16())
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where satellites connect.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://127.0.0.1:{}/v1/satellites/connect", self.port)
    }

    /// The folder with its keys, credentials and audit log.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The address that it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The way to the database.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("this program is proxied")
    }

    /// Where its database is, password and all.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// A look past row-level security.
    #[must_use]
    pub const fn sql(&self) -> &SuperuserSql {
        &self.superuser
    }

    /// The credentials of a satellite of the first start.
    #[must_use]
    pub fn satellite(&self, name: &str) -> Satellite {
        let text = self.read(&format!("satellites/{name}.json"));
        serde_json::from_str(&text).expect("credentials of a satellite")
    }

    /// The code that makes its user the owner.
    #[must_use]
    pub fn claim_code(&self) -> String {
        self.read("claim-code")
    }

    /// Runs another command of the program. Returns whether it went well, and what it said.
    pub async fn run(&self, arguments: &[&str]) -> (bool, String) {
        ended(&mut self.command(arguments)).await
    }

    /// All that its processes said.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.read("hub.log")
    }

    /// The end of what the process said.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// With nothing of our own environment: the hub refuses variables that it does not know.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let url = self.proxy.as_ref().map_or(&self.database.url, |proxy| &proxy.url);
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(&self.dir)
            .env_clear()
            .env("HUB_DIR", &self.dir)
            .env("DATABASE_URL", url)
            .env("HUB_HTTP__LISTEN", format!("127.0.0.1:{}", self.port))
            .env("HUB_LOG__FILTER", "warn")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn log(&self) -> File {
        let path = self.dir.join("hub.log");
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.expect("a log can be written")
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.join(path)).unwrap_or_default()
    }
}

pub(crate) async fn ended(command: &mut Command) -> (bool, String) {
    let output = command.output().await.expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

pub(crate) async fn kill(child: &mut Option<Child>) {
    let mut child = child.take().expect("the hub runs");
    child.start_kill().expect("our own process can be killed");
    child.wait().await.expect("a killed process ends");
}

pub(crate) async fn stop(child: &mut Option<Child>) -> bool {
    let mut child = child.take().expect("the hub runs");
    let pid = child.id().expect("the hub runs");
    // The shell's own: a bare machine may have no other.
    let asked = Command::new("sh")
        .args(["-c", "kill -TERM \"$0\"", &pid.to_string()])
        .status()
        .await;
    assert!(
        asked.is_ok_and(|status| status.success()),
        "the hub can be told to stop"
    );
    child.wait().await.expect("a stopped process ends").success()
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.start_kill();
        }
        let database = &self.database;
        on_a_thread(async move { database.remove().await });
        if std::thread::panicking() {
            say(&format!(
                "what the hub said is in {}",
                self.dir.join("hub.log").display()
            ));
        } else {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Below what the kernel lends to outgoing connections, so that it is still free at the next start.
pub(crate) fn free_port() -> u16 {
    let ports = std::iter::repeat_with(|| rand::rng().random_range(10_240..20_000));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(1_000).find(is_free).expect("a free port is there")
}

/// The program of this workspace, built as this harness was, which must be newer than its source.
pub(crate) fn binary() -> PathBuf {
    let (profile, build) = if cfg!(debug_assertions) {
        ("debug", "cargo build --workspace (scripts/test does)")
    } else {
        (
            "release",
            "cargo build --release --workspace (scripts/bench does)",
        )
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let binary = root.join(target_dir()).join(profile).join("hub");
    let Ok(built_at) = fs::metadata(&binary).and_then(|data| data.modified()) else {
        fail(&format!("{} is missing: {build}", binary.display()))
    };
    let sources = ["hub/src", "satellite/src", "migrations"].map(|folder| newest(&root.join(folder)));
    let newest = sources.into_iter().max().unwrap_or(SystemTime::UNIX_EPOCH);
    assert!(
        newest <= built_at,
        "{} is older than its source: {build}",
        binary.display()
    );
    binary
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo puts what it builds where this says"
)]
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).expect("the source is there").flatten();
    let times = entries.map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => newest(&entry.path()),
        Ok(data) => data.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        Err(_) => SystemTime::UNIX_EPOCH,
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

#[expect(clippy::print_stderr, reason = "whoever reads the failure needs the log")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::panic, reason = "a test ends here")]
fn fail(why: &str) -> ! {
    panic!("{why}")
}
