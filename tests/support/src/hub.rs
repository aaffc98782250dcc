//! A whole hub on a database of its own.

use std::{
    future::Future,
    ops::Deref,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::Duration;
use hub::{
    adapters::keys::Keys,
    config::{Config, DataDir, DatabaseConfig, SatelliteConfig, WorkerConfig},
    hub::{Hub, Parts},
    ids::JobId,
    jobs::{DeadJob, sweep::end_overdue, worker::run_next},
    page::PageRequest,
    turns::{offline::Offline, runtime::AgentRuntime},
};
use secrecy::SecretString;
use tokio::task::JoinSet;

use crate::{
    clock::TestClock, cluster::Cluster, database::Database, household::Household, proxy::Proxy,
    runtime::ScriptedRuntime, satellite::TestDevice, superuser::SuperuserSql, user::User,
};

/// Connections of a test's hub: few, so that what holds one for too long is found.
const APP_CONNECTIONS: u32 = 6;
const SYSTEM_CONNECTIONS: u32 = 4;
/// Jobs that one story can cause: more of them feed themselves.
const MOST_JOBS: usize = 1_000;

/// A hub with its own database, folder and clock. Is a [`Hub`]. Dropping it fails the test when a job was left undone, or
/// died and nobody looked.
pub struct TestHub {
    hub: Hub,
    /// The hub's time.
    pub clock: TestClock,
    /// The agent that every test has, with its satellites.
    pub home: Household,
    /// The way to the database, when it was asked for.
    pub proxy: Option<Proxy>,
    superuser: SuperuserSql,
    database: Database,
    dir: PathBuf,
    noticed: Mutex<Vec<JobId>>,
    may_leave: AtomicBool,
}

impl Deref for TestHub {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

/// What a test's hub is made of.
pub struct TestHubBuilder {
    runtime: Arc<dyn AgentRuntime>,
    is_proxied: bool,
    cluster: Option<String>,
    adjust: Box<dyn FnOnce(&mut Config) + Send>,
}

impl TestHubBuilder {
    /// Thinks with this.
    #[must_use]
    pub fn runtime(mut self, runtime: impl AgentRuntime + 'static) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Reaches the database through a proxy that can be cut.
    #[must_use]
    pub const fn proxied(mut self) -> Self {
        self.is_proxied = true;
        self
    }

    /// In a cluster of its own. Nothing is looked for when this ends, for that may be gone.
    #[must_use]
    pub fn cluster(mut self, cluster: &Cluster) -> Self {
        self.cluster = Some(cluster.url().to_owned());
        self
    }

    /// Changes the configuration.
    #[must_use]
    pub fn config(mut self, adjust: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.adjust = Box::new(adjust);
        self
    }

    /// Makes the database and the hub, and founds the household `home`.
    pub async fn start(self) -> TestHub {
        hub::tls::choose_provider();
        let database = match &self.cluster {
            Some(cluster) => Database::create_in(cluster).await,
            None => Database::create().await,
        };
        let proxy = if self.is_proxied {
            Some(Proxy::before(&database.url).await)
        } else {
            None
        };
        let url = proxy
            .as_ref()
            .map_or_else(|| database.url.clone(), |proxy| proxy.url.clone());
        let dir = std::env::temp_dir().join(&database.name);
        let mut config = config(url, dir.clone());
        (self.adjust)(&mut config);
        let clock = TestClock::default();
        let hub = Hub::new(Parts {
            keys: Keys::open(&config, true).expect("keys can be made"),
            config,
            clock: Arc::new(clock.clone()),
            runtime: self.runtime,
            metrics: None,
        })
        .expect("a hub can be put together");
        TestHub {
            home: Household::found(&hub, "home").await,
            hub,
            clock,
            proxy,
            superuser: SuperuserSql::new(&database.url),
            database,
            dir,
            noticed: Mutex::default(),
            may_leave: AtomicBool::new(self.cluster.is_some()),
        }
    }
}

impl TestHub {
    /// A hub with the offline rules.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A hub to be chosen.
    #[must_use]
    pub fn builder() -> TestHubBuilder {
        TestHubBuilder {
            runtime: Arc::new(Offline),
            is_proxied: false,
            cluster: None,
            adjust: Box::new(|_| {}),
        }
    }

    /// A second process on the same database, with the same time.
    #[must_use]
    pub fn another_process(&self, runtime: impl AgentRuntime + 'static) -> Hub {
        Hub::new(Parts {
            config: self.config.clone(),
            clock: Arc::new(self.clock.clone()),
            keys: self.keys.clone(),
            runtime: Arc::new(runtime),
            metrics: None,
        })
        .expect("a hub can be put together")
    }

    /// A process of this hub after its configuration was changed, with the same time and the offline rules.
    #[must_use]
    pub fn reconfigured(&self, adjust: impl FnOnce(&mut Config)) -> Hub {
        let mut config = self.config.clone();
        adjust(&mut config);
        Hub::new(Parts {
            config,
            clock: Arc::new(self.clock.clone()),
            keys: self.keys.clone(),
            runtime: Arc::new(Offline),
            metrics: None,
        })
        .expect("a hub can be put together")
    }

    /// A new user who owns the agent `home`.
    pub async fn owner(&self, name: &str) -> User {
        self.home.owner(name).await
    }

    /// A new user who lives with the agent `home`.
    pub async fn member(&self, name: &str) -> User {
        self.home.member(name).await
    }

    /// Another agent with a home of its own.
    pub async fn household(&self, name: &str) -> Household {
        Household::found(&self.hub, name).await
    }

    /// Gives a device and its credentials these scopes, and no others.
    pub async fn gives_scopes(&self, device: &TestDevice, scopes: &[&str]) {
        let (id, scopes) = (device.id, scopes.join(","));
        self.sql()
            .execute(&format!(
                "update hub.devices set scopes = '{{{scopes}}}' where id = '{id}';
                 update hub.access_tokens set scopes = '{{{scopes}}}' where device_id = '{id}'"
            ))
            .await;
    }

    /// Runs jobs until none is runnable. Returns how many ran.
    pub async fn run_jobs(&self) -> usize {
        for ran in 0..MOST_JOBS {
            if !self.run_one_job().await {
                return ran;
            }
        }
        fail("the jobs never end")
    }

    /// Runs one job. False when none was runnable.
    pub async fn run_one_job(&self) -> bool {
        run_next(&self.hub).await.expect("a job can be claimed")
    }

    /// Runs one job beside the test. Shutting the set down kills its worker.
    #[must_use]
    pub fn start_one_job(&self) -> JoinSet<bool> {
        let (hub, mut workers) = (self.hub.clone(), JoinSet::new());
        workers.spawn(async move { run_next(&hub).await.expect("a job can be claimed") });
        workers
    }

    /// Waits until a turn that was stopped is out of its worker's hands, and lets it think once more.
    pub async fn thinks_again(&self, mut worker: JoinSet<bool>, runtime: &ScriptedRuntime, says: &str) {
        while let Some(ended) = worker.join_next().await {
            ended.expect("it has not panicked");
        }
        runtime.then_say(says);
        // Over its back-off.
        self.clock.advance(Duration::minutes(5));
        self.run_jobs().await;
    }

    /// Ends what has missed its deadline, as the sweep does every second. The sockets of the household are alive.
    pub async fn sweep(&self) {
        let devices = [self.home.kitchen.id.0, self.home.office.id.0];
        let mut tx = self.home.whole().await;
        let noted = tx.devices().heartbeat(self.node, &devices).await;
        noted.expect("the devices are alive");
        tx.commit().await.expect("the database is there");
        end_overdue(&self.hub).await.expect("the sweep runs");
    }

    /// Looks for missing embeddings, as the sweep does every minute.
    pub async fn backfill(&self) {
        hub::memory::backfill::backfill(&self.hub)
            .await
            .expect("the sweep runs");
    }

    /// The dead jobs of the agent `home`. Who looks at them has noticed them.
    pub async fn dead_jobs(&self) -> Vec<DeadJob> {
        let page = PageRequest {
            after: None,
            limit: 100,
        };
        let listed = self.home.whole().await.jobs().dead(page).await;
        let dead = listed.expect("dead jobs can be read");
        let ids = dead.iter().map(|job| job.id);
        self.noticed.lock().expect("no panic while held").extend(ids);
        dead
    }

    /// Leaving jobs behind is what this test is about.
    pub fn expect_leftovers(&self) {
        self.may_leave.store(true, Ordering::Relaxed);
    }

    /// A look past row-level security, for assertions and damage.
    #[must_use]
    pub const fn sql(&self) -> &SuperuserSql {
        &self.superuser
    }

    fn leftovers_are_asked_for(&self) -> bool {
        !self.may_leave.load(Ordering::Relaxed) && !std::thread::panicking()
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.hub.lifecycle.close();
        let asked = self.leftovers_are_asked_for();
        let noticed = std::mem::take(&mut *self.noticed.lock().expect("no panic while held"));
        let (url, database) = (&self.database.url, &self.database);
        let left = on_a_thread(async move {
            let left = if asked {
                leftovers(url, &noticed).await
            } else {
                Vec::new()
            };
            database.remove().await;
            left
        });
        let _ = std::fs::remove_dir_all(&self.dir);
        if !left.is_empty() {
            fail(&format!("jobs were left: {}", left.join("; ")));
        }
    }
}

async fn leftovers(url: &str, noticed: &[JobId]) -> Vec<String> {
    let noticed: Vec<String> = noticed.iter().map(|id| format!("'{id}'")).collect();
    let noticed = noticed.join(",");
    SuperuserSql::new(url)
        .values(&format!(
            "select format('%s %s %s', kind, state, coalesce(last_error, waiting_for, '')) from hub.jobs
             where state in ('queued', 'leased')
               or (state = 'dead' and id <> all (array[{noticed}]::uuid[])) order by id"
        ))
        .await
}

/// Waits for work in a destructor, where the test's own runtime cannot be used.
pub(crate) fn on_a_thread<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(work)
        });
        thread.join().expect("the test's database can be removed")
    })
}

fn config(url: String, dir: PathBuf) -> Config {
    Config {
        dir: DataDir(dir),
        database: DatabaseConfig {
            url: SecretString::from(url),
            app_connections: APP_CONNECTIONS,
            system_connections: SYSTEM_CONNECTIONS,
            ..DatabaseConfig::default()
        },
        satellite: SatelliteConfig::default(),
        worker: WorkerConfig::default(),
        ..Config::default()
    }
}

#[expect(clippy::panic, reason = "a test ends here")]
fn fail(why: &str) -> ! {
    panic!("{why}")
}
