//! Other machines of a hub: processes that share its database, and people and devices that reach it from elsewhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    Program,
    program::{READY_WITHIN, binary, ended, free_port, kill, stop},
};

/// A bell that counts who rings and wakes nobody: the hub's own statement finds it before PostgreSQL's.
const DEAD_BELL: &str = "create schema mute;
    create table mute.rings (at timestamptz default now());
    create function mute.pg_notify(text, text) returns void language sql security definer
        as 'insert into mute.rings default values';
    grant usage on schema mute to public;
    do $$ begin
        execute format('alter database %I set search_path to mute, pg_catalog, public', current_database());
    end $$";

/// A process of another machine.
pub struct Node {
    command: &'static str,
    port: u16,
    dir: PathBuf,
    child: Option<Child>,
}

impl Node {
    /// Starts it. It is ready when this returns.
    pub async fn start(&mut self, program: &Program) {
        let mut command = self.command(program, &[self.command]);
        self.child = Some(program.spawn(&mut command));
        let deadline = Instant::now() + READY_WITHIN;
        while !self.is_ready().await {
            let (is_late, tail) = (Instant::now() > deadline, program.tail());
            assert!(!is_late, "the node is not ready:\n{tail}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs another command of the program on its machine. Returns whether it went well, and what it said.
    pub async fn run(&self, program: &Program, arguments: &[&str]) -> (bool, String) {
        ended(&mut self.command(program, arguments)).await
    }

    fn command(&self, program: &Program, arguments: &[&str]) -> Command {
        let mut command = program.command(arguments);
        let key = match self.command {
            "worker" => "HUB_WORKER__LISTEN",
            _ => "HUB_HTTP__LISTEN",
        };
        command
            .current_dir(&self.dir)
            .env("HUB_DIR", &self.dir)
            .env(key, format!("127.0.0.1:{}", self.port));
        command
    }

    /// The folder of its machine.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where it says how it is; a server serves there, too.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn is_ready(&self) -> bool {
        let asked = reqwest::get(format!("{}/readyz", self.url())).await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// Where satellites connect, if it serves.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://127.0.0.1:{}/v1/satellites/connect", self.port)
    }

    /// Kills it at once.
    pub async fn kill(&mut self) {
        kill(&mut self.child).await;
    }

    /// Asks it to end. True when it ended well.
    pub async fn stop(&mut self) -> bool {
        stop(&mut self.child).await
    }
}

impl Program {
    /// A process of another machine on the same database: `serve` or `worker`, with a port and a folder of its own. Of the first
    /// machine's folder it has the keys and nothing else, so it is made when that one has started. Nothing runs yet.
    #[must_use]
    pub fn elsewhere(&self, command: &'static str) -> Node {
        let port = free_port();
        let dir = self.dir().join(format!("machines/{port}"));
        let (keys, own) = (self.dir().join("keys"), dir.join("keys"));
        fs::create_dir_all(&own).expect("a folder can be made");
        for key in fs::read_dir(keys).expect("the first start made keys").flatten() {
            fs::copy(key.path(), own.join(key.file_name())).expect("a key can be copied");
        }
        Node {
            command,
            port,
            dir,
            child: None,
        }
    }

    /// From the next start on no process wakes another: whoever rings is counted, and nobody hears it.
    pub async fn mute_the_bell(&self) {
        self.sql().execute(DEAD_BELL).await;
    }

    /// How often somebody rang in vain.
    pub async fn rings_unheard(&self) -> i64 {
        self.sql().value("select count(*) from mute.rings").await
    }

    /// Runs a person's or a device's command where they are, with a folder of theirs. Returns whether it went well, and what it
    /// said.
    pub async fn run_in(&self, dir: &Path, arguments: &[&str], typed: &str) -> (bool, String) {
        self.run_with(dir, arguments, typed, &[]).await
    }

    pub(crate) async fn run_with(
        &self,
        dir: &Path,
        arguments: &[&str],
        typed: &str,
        variables: &[(&str, &str)],
    ) -> (bool, String) {
        let mut child = self.spawn_in(dir, arguments, typed, variables).await;
        let (mut said, mut out) = (Vec::new(), child.stdout.take().expect("it was asked for"));
        let read = out.read_to_end(&mut said);
        let read = timeout(READY_WITHIN, read).await.expect("it ends in time");
        read.expect("what it says can be read");
        let status = child.wait().await.expect("it ends");
        (status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs such a command until it says something, and kills it. Returns what it said.
    pub async fn run_until(&self, dir: &Path, arguments: &[&str], needle: &str) -> String {
        let mut child = self.spawn_in(dir, arguments, "", &[]).await;
        let (mut said, mut out) = (String::new(), child.stdout.take().expect("it was asked for"));
        let heard = async {
            let mut bytes = [0; 1024];
            while !said.contains(needle) {
                let read = out.read(&mut bytes).await.expect("what it says can be read");
                assert!(read > 0, "it ended without saying {needle:?}: {said}");
                said += &String::from_utf8_lossy(&bytes[..read]);
            }
        };
        let heard = timeout(READY_WITHIN, heard).await;
        assert!(heard.is_ok(), "it does not say {needle:?}: {said}");
        kill(&mut Some(child)).await;
        said
    }

    async fn spawn_in(
        &self,
        dir: &Path,
        arguments: &[&str],
        typed: &str,
        variables: &[(&str, &str)],
    ) -> Child {
        let mut command = Command::new("sh");
        command
            // Both streams in the order in which a person would read them.
            .args(["-c", r#"exec "$@" 2>&1"#, "sh"])
            .arg(binary())
            .args(arguments)
            .current_dir(dir)
            .env_clear()
            .env("HUB_DIR", dir)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it was asked for");
        // Whoever ends before reading says why on the other stream.
        let _ = stdin.write_all(typed.as_bytes()).await;
        child
    }
}
