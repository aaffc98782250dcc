//! The handles that every operation shares.

use std::{ops::Deref, sync::Arc};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    adapters::{
        blobs::Blobs, issuers::Issuers, keys::Keys, models::embeddings::Embeddings, queue::QueueStatus,
    },
    audit::{reads::Reads, status::AuditStatus},
    clock::SharedClock,
    config::{Config, ConfigError},
    events::{tail::Tails, watchers::Watchers},
    http::bodies::Bodies,
    identity::{
        password::Passwords, refusals::Refusals, refusals_by_agent::RefusalsByAgent, throttle::Throttle,
        vouched::Vouched,
    },
    ids::NodeId,
    jobs::idle::Idle,
    lifecycle::Lifecycle,
    satellite::{registry::Registry, share::Share},
    storage::Db,
    turns::{followers::Followers, runtime::AgentRuntime},
};

/// The hub of a process. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

/// What it holds.
pub struct Shared {
    /// What was configured.
    pub config: Config,
    /// The truth.
    pub db: Db,
    /// The time.
    pub clock: SharedClock,
    /// The keys.
    pub keys: Keys,
    /// What thinks.
    pub runtime: Arc<dyn AgentRuntime>,
    /// What makes embeddings.
    pub embeddings: Embeddings,
    /// Who else vouches for users.
    pub issuers: Issuers,
    /// The bytes of artifacts.
    pub blobs: Blobs,
    /// The failed sign-ins of this process.
    pub throttle: Throttle,
    /// Those that are not in the audit log one by one.
    pub refusals: Refusals,
    /// Likewise refused credentials.
    pub refused_credentials: Refusals,
    /// Sign-ins at issuers that the audit log tells of.
    pub vouched: Vouched,
    /// And refused uses of delegations.
    pub refused_uses: RefusalsByAgent,
    /// And refused requests of those who lack a role or a scope.
    pub refused_requests: RefusalsByAgent,
    /// What was read of late that the audit log tells of.
    pub reads: Reads,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Room for the bodies that are being read.
    pub bodies: Bodies,
    /// The sockets of this process.
    pub sockets: Registry,
    /// How much of the database they may have at once.
    pub share: Share,
    /// How the audit log is doing, as this process knows.
    pub audit: AuditStatus,
    /// How the queue is doing, as this process knows.
    pub queue: QueueStatus,
    /// The workers of this process that have nothing to do.
    pub idle: Idle,
    /// Who follows turns on this node.
    pub followers: Followers,
    /// The logs that are followed on this node.
    pub tails: Tails,
    /// Who watches on this node, and whether they still may.
    pub watchers: Watchers,
    /// Who watches without being a satellite.
    pub streams: Followers,
    /// The life of this process.
    pub lifecycle: Lifecycle,
    /// This process among others.
    pub node: NodeId,
    /// Renders the metrics of this process, where they are recorded.
    pub metrics: Option<PrometheusHandle>,
}

/// What is chosen from outside.
pub struct Parts {
    /// What was configured.
    pub config: Config,
    /// The time.
    pub clock: SharedClock,
    /// The keys.
    pub keys: Keys,
    /// What thinks.
    pub runtime: Arc<dyn AgentRuntime>,
    /// Renders the metrics of this process, where they are recorded.
    pub metrics: Option<PrometheusHandle>,
}

impl Hub {
    /// Puts the handles together. Nothing runs yet and nothing is connected.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts {
            config,
            clock,
            keys,
            runtime,
            metrics,
        } = parts;
        let db = Db::new(&config.database, Arc::clone(&clock))?;
        let (sockets, share) = (Registry::new(&config.satellite), Share::new(&config.satellite));
        let (lifecycle, node) = (Lifecycle::default(), NodeId::mint());
        let embeddings = Embeddings::new(&config)?;
        let blobs = Blobs::new(&config);
        let issuers = Issuers::new(&config)?;
        Ok(Self(Arc::new(Shared {
            config,
            db,
            clock,
            keys,
            runtime,
            embeddings,
            issuers,
            blobs,
            throttle: Throttle::default(),
            reads: Reads::default(),
            refusals: Refusals::default(),
            refused_credentials: Refusals::default(),
            vouched: Vouched::default(),
            refused_uses: RefusalsByAgent::default(),
            refused_requests: RefusalsByAgent::default(),
            passwords: Passwords::default(),
            bodies: Bodies::default(),
            sockets,
            share,
            audit: AuditStatus::default(),
            queue: QueueStatus::default(),
            idle: Idle::default(),
            followers: Followers::of_turns(),
            tails: Tails::default(),
            watchers: Watchers::default(),
            streams: Followers::of_the_log(),
            lifecycle,
            node,
            metrics,
        })))
    }
}

impl Deref for Hub {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
