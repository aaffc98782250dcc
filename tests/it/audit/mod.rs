//! One history, whatever happens to the processes, the database and the store.

mod bucket;
mod damage;
mod far_side;
mod interrupted;
mod keys;
mod outage;
mod refusals;
mod restored;
mod running;
mod stores;
mod writers;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use hub::{
    adapters::worm::{WriteOnceDirectory, WriteOnceStore},
    audit::{
        breach::AuditError,
        publish::{Published, PublisherState},
        record::Record,
        run::{publish_all, sequence_all},
        verify::{self, Report},
    },
    hub::Hub,
    identity::Actor,
    ids::AgentId,
    storage::{NewAgent, TxScope},
};
use support::TestHub;

/// Records in one unit of work when many are wanted.
const BULK: usize = 250;

fn directory(hub: &Hub) -> PathBuf {
    hub.config.dir.join("audit")
}

pub(crate) fn open_store(hub: &Hub) -> Arc<WriteOnceDirectory> {
    Arc::new(WriteOnceDirectory::create(&directory(hub)).expect("the store can be made"))
}

/// New agents, each with a chain of its own.
async fn agents(hub: &Hub, count: usize) -> Vec<AgentId> {
    let mut agents = Vec::new();
    for _ in 0..count {
        let agent = AgentId::mint();
        let mut tx = hub
            .db
            .begin(TxScope::WholeAgent(agent), Actor::hub())
            .await
            .unwrap();
        let new = NewAgent {
            name: "chained",
            time_zone: "UTC",
            language: "en",
            instructions: "",
        };
        tx.identity().insert_agent(&new).await.unwrap();
        tx.commit().await.unwrap();
        agents.push(agent);
    }
    agents
}

/// Commits operations of an agent, each in a unit of work of its own.
async fn operate(hub: &Hub, agent: AgentId, count: usize) {
    for _ in 0..count {
        operate_at_once(hub, agent, 1).await;
    }
}

async fn operate_at_once(hub: &Hub, agent: AgentId, count: usize) {
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(agent), Actor::hub())
        .await
        .unwrap();
    for number in 0..count {
        let record = Record::of("try_thing").on("thing", hub::ids::fresh());
        tx.record(record.with("number", number));
    }
    tx.commit().await.unwrap();
}

async fn operate_in_bulk(hub: &Hub, agent: AgentId, count: usize) {
    for begun in (0..count).step_by(BULK) {
        operate_at_once(hub, agent, BULK.min(count - begun)).await;
    }
}

/// Sequences and publishes everything, as a process that has just started.
pub(crate) async fn keep(hub: &Hub, store: &dyn WriteOnceStore) -> Result<Published, AuditError> {
    sequence_all(hub).await?;
    publish_all(hub, store, &mut PublisherState::default()).await
}

/// All objects of a store, as they were read one after the other.
struct Copied(BTreeMap<String, Vec<u8>>);

impl Copied {
    async fn of(store: &dyn WriteOnceStore) -> Self {
        let mut objects = BTreeMap::new();
        for path in store.list("").await.unwrap() {
            let bytes = store.get(&path).await.unwrap();
            objects.insert(path, bytes.expect("what is listed is there"));
        }
        Self(objects)
    }
}

impl verify::Store for Copied {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

async fn verified(hub: &Hub, store: &dyn WriteOnceStore) -> Report {
    let copied = Copied::of(store).await;
    let report = verify::verify(&copied, hub.keys.audit.verifier(), &[]).unwrap();
    assert!(report.is_whole(), "{report}");
    report
}

/// Everything that was committed is in the store, in one log without gaps.
pub(crate) async fn everything_is_kept(hub: &TestHub, store: &dyn WriteOnceStore) -> Report {
    let report = verified(hub, store).await;
    assert_eq!(report.unsigned_objects, 0, "{report}");
    let committed: i64 = hub
        .sql()
        .value("select sum(audit_seq)::bigint from hub.agent_heads")
        .await;
    let chains = hub.sql().count("agent_heads", "audit_seq > 0").await;
    assert_eq!(report.entries, committed.unsigned_abs());
    assert_eq!(report.size, report.entries);
    assert_eq!(i64::try_from(report.agents).unwrap(), chains);
    let ends: i64 = hub
        .sql()
        .value("select max(log_index) + 1 from hub.audit_sequence")
        .await;
    assert_eq!(ends, hub.sql().count("audit_sequence", "true").await);
    let history = store.list("").await.unwrap();
    let bundles_signed = history
        .iter()
        .filter(|path| path.starts_with("checkpoints/") && !path.contains(".p/"));
    assert_eq!(bundles_signed.count() as u64, report.size / 256);
    report
}
