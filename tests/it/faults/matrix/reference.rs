//! The reference satellite itself, `hub satellite`, killed as a process is. What it did is what it has shown.

use std::{
    collections::HashMap, fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio, time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use support::Program;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{
    Fault,
    device::Device,
    orders::Orders,
    run::Done,
    story::{Does, draw},
    world::{Made, Place, World},
};

/// What it shows.
const KIND: &str = "display.show";
/// How long everything may take to come to its end: it waits longer each time before it connects again.
const WITHIN: Duration = Duration::from_mins(1);

/// A run with a process of its own.
pub(super) struct ReferenceRun {
    seed: u64,
    rng: StdRng,
    made: Made,
    dir: PathBuf,
    url: String,
    child: Option<Child>,
    orders: Orders,
}

impl ReferenceRun {
    /// The satellite starts.
    pub(super) async fn begin(world: &World, seed: u64) -> Self {
        let made = world.device(&format!("satellite {seed}")).await;
        let Place::Program(program) = &world.place else {
            panic!("its hub is a process, too")
        };
        let dir = program.dir().join(format!("satellite-{seed}"));
        fs::create_dir_all(&dir).unwrap();
        let credentials =
            json!({"device_id": made.id, "agent_id": made.agent, "name": "one", "token": made.token});
        let path = dir.join("one.json");
        fs::write(&path, credentials.to_string()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut run = Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
            orders: Orders::new(world, seed, &made),
            made,
            dir,
            url: program.socket_url(),
            child: None,
        };
        run.start();
        run
    }

    /// Until it is connected: then it has declared what it can do.
    pub(super) async fn until_welcome(&self) {
        let deadline = Instant::now() + WITHIN;
        while !self.read("said").contains("connected as") {
            let said = self.read("said");
            assert!(Instant::now() < deadline, "{}: {said}", self.made.id);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The story, with the process killed meanwhile.
    pub(super) async fn go(mut self) -> Done {
        let steps = draw(&mut self.rng);
        let strikes: Vec<usize> = (0..self.rng.random_range(1..=3))
            .map(|_| self.rng.random_range(0..steps.len()))
            .collect();
        for (number, step) in steps.into_iter().enumerate() {
            sleep(step.pause).await;
            match step.does {
                Does::Sends(order) => self.orders.send(&order, KIND).await,
                Does::Cancels(number) => self.orders.cancel(number).await,
                Does::Says(_) => {}
                Does::Asks => self.type_line(number).await,
            }
            if strikes.contains(&number) {
                let alive = Duration::from_millis(self.rng.random_range(0..60));
                sleep(alive).await;
                self.kill().await;
                let away = Duration::from_millis(self.rng.random_range(0..300));
                sleep(away).await;
                self.start();
            }
        }
        self.drain().await;
        self.kill().await;
        self.end()
    }

    fn start(&mut self) {
        let file = |name: &str| {
            let options = fs::OpenOptions::new().create(true).append(true).clone();
            Stdio::from(options.open(self.dir.join(name)).unwrap())
        };
        let mut command = Command::new(Program::path());
        command
            .args([
                "satellite",
                "one",
                "--url",
                &self.url,
                "--enable",
                KIND,
                "--credentials",
            ])
            .arg(self.dir.join("one.json"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(file("shown"))
            .stderr(file("said"))
            .kill_on_drop(true);
        self.child = Some(command.spawn().unwrap());
    }

    async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.unwrap();
    }

    /// A person says something; it is lost with a process that has not sent it, which is no promise broken.
    async fn type_line(&mut self, number: usize) {
        let line = format!("remember that item{number} of {} is upstairs\n", self.seed);
        let child = self.child.as_mut().expect("it runs");
        let stdin = child.stdin.as_mut().expect("it listens");
        let _ = stdin.write_all(line.as_bytes()).await;
    }

    async fn drain(&mut self) {
        let deadline = Instant::now() + WITHIN;
        while !self.orders.open().await.is_empty() {
            if Instant::now() > deadline {
                let said = self.read("said");
                let wrong = format!("never came to its end: {:?}; {said}", self.orders.open().await);
                self.orders.wrong.push(wrong);
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Counts what it has shown.
    fn end(self) -> Done {
        let shown = self.read("shown");
        let shown: Vec<&str> = shown.lines().collect();
        let effects: HashMap<_, _> = self
            .orders
            .accepted
            .iter()
            .map(|ordered| {
                let line = format!("display: do {} {}", self.made.id, ordered.number);
                let times = shown.iter().filter(|shown| **shown == line).count();
                (ordered.id, u32::try_from(times).unwrap())
            })
            .collect();
        Done {
            repeats: Fault::SatelliteProgramKilled.repeats(self.seed),
            made: self.made,
            device: Device::that_did(effects),
            seed: self.seed,
            ordered: self.orders.accepted,
            wrong: self.orders.wrong,
            may_expire: false,
            is_reference: true,
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default()
    }
}
