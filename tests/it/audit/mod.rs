//! One history, whatever happens to the processes, the database and the store.

mod damage;
mod interrupted;
mod keys;
mod outage;
mod restored;
mod running;
mod writers;

use std::{path::PathBuf, sync::Arc};

use hub::{
    adapters::worm::WriteOnceDirectory,
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

fn open_store(hub: &Hub) -> Arc<WriteOnceDirectory> {
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
async fn keep(hub: &Hub, store: &WriteOnceDirectory) -> Result<Published, AuditError> {
    sequence_all(hub).await?;
    publish_all(hub, store, &mut PublisherState::default()).await
}

fn verified(hub: &Hub, store: &WriteOnceDirectory) -> Report {
    let report = verify::verify(store, hub.keys.audit.verifier(), &[]).unwrap();
    assert!(report.is_whole(), "{report}");
    report
}

/// Everything that was committed is in the store, in one log without gaps.
async fn everything_is_kept(hub: &TestHub, store: &WriteOnceDirectory) -> Report {
    let report = verified(hub, store);
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
    let history = verify::Store::list(store).unwrap();
    let bundles_signed = history
        .iter()
        .filter(|path| path.starts_with("checkpoints/") && !path.contains(".p/"));
    assert_eq!(bundles_signed.count() as u64, report.size / 256);
    report
}
