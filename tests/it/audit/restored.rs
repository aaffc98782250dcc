//! A database put back from a backup, with a store that knows better.

use hub::audit::{
    breach::{AuditError, Breach, check_not_behind},
    publish::PublisherState,
    run::{publish_all, sequence_all},
};
use support::TestHub;

use super::{agents, keep, open_store, operate, verified};

const TABLES: [&str; 7] = [
    "agent_heads",
    "audit_entries",
    "audit_sequence",
    "audit_chains",
    "audit_checkpoints",
    "sequencer_state",
    "publisher_state",
];

async fn back_up(hub: &TestHub) {
    hub.sql().execute("create schema backup").await;
    for table in TABLES {
        let copy = format!("create table backup.{table} as table hub.{table}");
        hub.sql().execute(&copy).await;
    }
}

async fn restore(hub: &TestHub) {
    let mut script = format!(
        "truncate {};",
        TABLES.map(|table| format!("hub.{table}")).join(", ")
    );
    script.extend(TABLES.map(|table| format!("insert into hub.{table} select * from backup.{table};")));
    hub.sql().execute(&script).await;
}

#[tokio::test]
async fn a_database_behind_its_store_is_refused_and_forks_nothing() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    check_not_behind(&hub, &*store).await.unwrap();
    operate(&hub, agents[0], 5).await;
    keep(&hub, &*store).await.unwrap();
    check_not_behind(&hub, &*store).await.unwrap();
    back_up(&hub).await;
    operate(&hub, agents[0], 5).await;
    keep(&hub, &*store).await.unwrap();
    let whole = verified(&hub, &*store).await;

    restore(&hub).await;
    let refused = check_not_behind(&hub, &*store).await;
    assert!(
        matches!(refused, Err(AuditError::Breach(Breach::Behind { .. }))),
        "{refused:?}"
    );
    let refused = keep(&hub, &*store).await;
    assert!(
        matches!(refused, Err(AuditError::Breach(Breach::Behind { .. }))),
        "{refused:?}"
    );

    // A hub that runs on all the same: as far as the store, and past it.
    for (more, expected) in [
        (5, Breach::Forked { size: whole.size }),
        (3, Breach::Forked { size: whole.size }),
    ] {
        operate(&hub, agents[0], more).await;
        sequence_all(&hub).await.unwrap();
        let refused = publish_all(&hub, &*store, &mut PublisherState::default()).await;
        assert!(
            matches!(&refused, Err(AuditError::Breach(breach)) if *breach == expected),
            "{refused:?}"
        );
        assert_eq!(verified(&hub, &*store).await, whole);
    }
}

#[tokio::test]
async fn a_database_with_another_history_of_the_same_size_is_refused() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 5).await;
    keep(&hub, &*store).await.unwrap();
    back_up(&hub).await;
    operate(&hub, agents[0], 5).await;
    keep(&hub, &*store).await.unwrap();
    restore(&hub).await;
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    let refused = check_not_behind(&hub, &*store).await;
    assert!(
        matches!(refused, Err(AuditError::Breach(Breach::Forked { .. }))),
        "{refused:?}"
    );
}
