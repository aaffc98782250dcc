//! Somebody with all rights changes the database or the store.

use std::fs;

use hub::audit::{
    breach::{AuditError, Breach},
    compare::{DifferenceKind, compare},
    publish::PublisherState,
    run::{publish_all, sequence_all},
    status::AuditHealth,
};
use support::TestHub;

use super::{agents, directory, keep, open_store, operate, verified};

#[tokio::test]
async fn an_entry_edited_after_it_was_published_is_found() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 8).await;
    keep(&hub, &*store).await.unwrap();
    let edit = format!(
        "update hub.audit_entries set body = replace(body, 'try_thing', 'see_thing')
         where agent_id = '{0}' and agent_seq = 3;
         delete from hub.audit_sequence where agent_id = '{0}' and agent_seq = 7",
        agents[0]
    );
    hub.sql().execute(&edit).await;
    verified(&hub, &*store).await;
    let found = compare(&hub, &*store).await.unwrap();
    assert_eq!(found.different_entries, 2);
    let kinds: Vec<_> = found
        .differences
        .iter()
        .map(|one| (one.agent_seq, one.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            (Some(3), DifferenceKind::ChangedInDatabase),
            (None, DifferenceKind::MissingInDatabase)
        ]
    );
}

#[tokio::test]
async fn an_entry_edited_before_it_was_published_stops_the_publisher() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 2).await;
    keep(&hub, &*store).await.unwrap();
    operate(&hub, agents[0], 2).await;
    sequence_all(&hub).await.unwrap();
    hub.sql()
        .execute(
            "update hub.audit_entries set body = replace(body, 'try_thing', 'see_thing') where agent_seq = 3",
        )
        .await;
    let refused = publish_all(&hub, &*store, &mut PublisherState::default()).await;
    assert!(
        matches!(
            refused,
            Err(AuditError::Breach(Breach::EntryChanged { agent_seq: 3, .. }))
        ),
        "{refused:?}"
    );
    verified(&hub, &*store).await;
}

#[tokio::test]
async fn a_gap_stops_the_sequencer() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 2).await;
    operate(&hub, agents[0], 5).await;
    operate(&hub, agents[1], 5).await;
    let cut = format!(
        "delete from hub.audit_entries where agent_id = '{}' and agent_seq = 4",
        agents[1]
    );
    hub.sql().execute(&cut).await;
    let error = sequence_all(&hub).await.unwrap_err().to_string();
    assert!(
        error.contains(&agents[1].to_string()) && error.contains("gap: entry 4"),
        "{error}"
    );
    assert_eq!(hub.sql().count("audit_sequence", "true").await, 0);
}

#[tokio::test]
async fn a_tree_or_a_chain_that_was_changed_is_not_continued() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    operate(&hub, agents[0], 4).await;
    sequence_all(&hub).await.unwrap();
    operate(&hub, agents[0], 1).await;
    for (change, repair) in [
        (
            "audit_chains set hash = decode(repeat('00', 32), 'hex')",
            "audit_chains",
        ),
        ("audit_chains set agent_seq = agent_seq - 1", "audit_chains"),
        ("sequencer_state set frontier = sha256('x')", "sequencer_state"),
        (
            "sequencer_state set note = replace(note, 'hub', 'bub')",
            "sequencer_state",
        ),
        ("agent_heads set audit_seq = 2", "agent_heads"),
    ] {
        hub.sql()
            .execute(&format!(
                "create table saved as table hub.{repair}; update hub.{change}"
            ))
            .await;
        assert!(sequence_all(&hub).await.is_err(), "{change}");
        let undo =
            format!("truncate hub.{repair}; insert into hub.{repair} select * from saved; drop table saved");
        hub.sql().execute(&undo).await;
    }
    assert_eq!(sequence_all(&hub).await.unwrap(), 1);
}

#[tokio::test]
async fn a_store_with_other_bytes_is_never_written_over() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 4).await;
    keep(&hub, &*store).await.unwrap();
    operate(&hub, agents[0], 4).await;
    sequence_all(&hub).await.unwrap();
    let next = hub
        .sql()
        .value::<i64>("select tree_size from hub.sequencer_state")
        .await;
    let planted = directory(&hub).join(format!("tile/entries/000.p/{next}"));
    fs::write(&planted, "something else").unwrap();
    let mut state = PublisherState::default();
    let refused = publish_all(&hub, &*store, &mut state).await;
    assert!(
        matches!(refused, Err(AuditError::Breach(Breach::OtherBytes { .. }))),
        "{refused:?}"
    );
    assert_eq!(fs::read(&planted).unwrap(), b"something else");
    hub::audit::run::start(&hub, store);
    hub.lifecycle.shut_down().await;
    let report = hub.audit.report();
    assert_eq!(report.health(), AuditHealth::Stopped, "{report:?}");
}
