//! Many writers, several processes.

use std::{collections::BTreeMap, time::Instant};

use hub::{
    audit::{
        compare::compare,
        publish::{Published, PublisherState, publish},
        run::{publish_all, sequence_all},
        sequence::{BATCH, sequence},
    },
    turns::offline::Offline,
};
use support::TestHub;

use super::{agents, everything_is_kept, keep, open_store, operate, operate_in_bulk};

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_make_one_log_through_two_processes() {
    let hub = TestHub::start().await;
    let other = hub.another_process(Offline);
    let agents = agents(&hub, 7).await;
    let store = open_store(&hub);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let (process, agent) = (
            if writer % 2 == 0 {
                (*hub).clone()
            } else {
                other.clone()
            },
            agents[writer % agents.len()],
        );
        writers.spawn(async move { operate(&process, agent, 10).await });
    }
    let mut keepers = tokio::task::JoinSet::new();
    for process in [(*hub).clone(), other.clone(), (*hub).clone(), other.clone()] {
        let store = store.clone();
        keepers.spawn(async move {
            let mut state = PublisherState::default();
            for _ in 0..40 {
                sequence_all(&process).await.unwrap();
                publish_all(&process, &*store, &mut state).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    keepers.join_all().await;
    assert_eq!(keep(&hub, &*store).await.unwrap(), Published::All);
    let report = everything_is_kept(&hub, &*store).await;
    assert!(report.entries >= 640, "{report}");
    assert!(compare(&hub, &*store).await.unwrap().is_same());
}

#[tokio::test(flavor = "multi_thread")]
async fn sequencers_at_once_never_fork() {
    let hub = TestHub::start().await;
    let other = hub.another_process(Offline);
    let agents = agents(&hub, 3).await;
    for agent in &agents {
        operate_in_bulk(&hub, *agent, 900).await;
    }
    let drained = tokio::join!(
        sequence_all(&hub),
        sequence_all(&other),
        sequence_all(&hub),
        sequence_all(&other)
    );
    let counts = [drained.0, drained.1, drained.2, drained.3].map(Result::unwrap);
    let placed = hub.sql().count("audit_sequence", "true").await;
    assert_eq!(i64::try_from(counts.iter().sum::<usize>()).unwrap(), placed);
    let store = open_store(&hub);
    keep(&hub, &*store).await.unwrap();
    everything_is_kept(&hub, &*store).await;
}

#[tokio::test]
async fn a_batch_serves_a_quiet_agent_beside_a_busy_one() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 3).await;
    operate_in_bulk(&hub, agents[0], BATCH + 500).await;
    operate(&hub, agents[1], 3).await;
    operate(&hub, agents[2], 1).await;
    assert_eq!(sequence(&hub).await.unwrap(), BATCH);
    let waiting = hub.audit.report().waiting_entries;
    let placed: Vec<(uuid::Uuid, i64)> = hub
        .sql()
        .rows("select agent_id, count(*) from hub.audit_sequence group by agent_id")
        .await;
    let placed: BTreeMap<_, _> = placed.into_iter().collect();
    assert_eq!((placed[&agents[1].0], placed[&agents[2].0]), (3, 1));
    let rest = sequence_all(&hub).await.unwrap();
    assert_eq!(rest as u64, waiting);
    assert_eq!(hub.audit.report().waiting_entries, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_is_drained_in_portions() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 4).await;
    for agent in &agents {
        operate_in_bulk(&hub, *agent, 2_500).await;
    }
    let (store, mut state) = (open_store(&hub), PublisherState::default());
    let begun = Instant::now();
    let count = sequence_all(&hub).await.unwrap();
    let sequenced = begun.elapsed();
    assert_eq!(publish(&hub, &*store, &mut state).await.unwrap(), Published::More);
    assert_eq!(
        publish_all(&hub, &*store, &mut state).await.unwrap(),
        Published::All
    );
    let published = begun.elapsed().saturating_sub(sequenced);
    println!("{count} entries: sequenced in {sequenced:?}, published in {published:?}");
    let report = everything_is_kept(&hub, &*store).await;

    // A lost store is written anew, and comes out the same.
    std::fs::remove_dir_all(super::directory(&hub)).unwrap();
    let store = open_store(&hub);
    keep(&hub, &*store).await.unwrap();
    let again = everything_is_kept(&hub, &*store).await;
    assert_eq!((again.size, again.root), (report.size, report.root));
}
