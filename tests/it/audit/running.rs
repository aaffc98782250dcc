//! The tasks of a process, from its start to its end.

use hub::audit::{run, status::AuditHealth};
use support::TestHub;

use super::{agents, everything_is_kept, open_store, operate};

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_end_leaves_nothing_outside_the_store() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 2).await;
    let store = open_store(&hub);
    hub.db.run_bell(&hub.lifecycle);
    run::start(&hub, store.clone());
    // Something that is still under way when the process is told to end.
    let (late, agent) = ((*hub).clone(), agents[1]);
    hub.lifecycle.spawn(async move {
        late.lifecycle.closing().await;
        operate(&late, agent, 20).await;
    });
    operate(&hub, agents[0], 50).await;
    let begun = std::time::Instant::now();
    hub.lifecycle.shut_down().await;
    assert!(begun.elapsed().as_secs() < 5, "nothing was left to wait for");
    everything_is_kept(&hub, &*store).await;
    assert_eq!(hub.audit.report().health(), AuditHealth::Kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_end_cleanly_at_the_same_time() {
    let hub = TestHub::start().await;
    let other = hub.another_process(hub::turns::offline::Offline);
    let agents = agents(&hub, 2).await;
    let store = open_store(&hub);
    for process in [&*hub, &other] {
        process.db.run_bell(&process.lifecycle);
        run::start(process, store.clone());
    }
    tokio::join!(operate(&hub, agents[0], 50), operate(&other, agents[1], 50));
    tokio::join!(hub.lifecycle.shut_down(), other.lifecycle.shut_down());
    everything_is_kept(&hub, &*store).await;
}
