//! The store is away: nothing blocks, nothing is lost.

use std::fs;

use hub::audit::{
    breach::AuditError,
    publish::{Published, PublisherState},
    run::{publish_all, sequence_all},
};
use support::TestHub;

use super::{agents, directory, everything_is_kept, keep, open_store, operate};

#[tokio::test]
async fn a_store_that_is_away_delays_and_never_blocks() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 2).await;
    let (store, mut state) = (open_store(&hub), PublisherState::default());
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    publish_all(&hub, &*store, &mut state).await.unwrap();

    let (place, aside) = (directory(&hub), hub.config.dir.join("aside"));
    fs::rename(&place, &aside).unwrap();
    for is_file in [false, true] {
        if is_file {
            fs::write(&place, "not a directory").unwrap();
        }
        operate(&hub, agents[1], 5).await;
        assert_eq!(sequence_all(&hub).await.unwrap(), 5);
        let refused = publish_all(&hub, &*store, &mut state).await;
        assert!(matches!(refused, Err(AuditError::Store(_))), "{refused:?}");
    }
    assert_eq!(hub.audit.report().unpublished_entries, 10);

    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    assert_eq!(
        publish_all(&hub, &*store, &mut state).await.unwrap(),
        Published::All
    );
    assert_eq!(hub.audit.report().unpublished_entries, 0);
    everything_is_kept(&hub, &store).await;
}

#[tokio::test]
async fn a_store_that_lost_its_end_gets_it_again() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 5).await;
    keep(&hub, &store).await.unwrap();
    let old = fs::read(directory(&hub).join("checkpoint")).unwrap();
    operate(&hub, agents[0], 5).await;
    keep(&hub, &store).await.unwrap();
    // Somebody puts the old end back.
    fs::remove_file(directory(&hub).join("checkpoint")).unwrap();
    fs::write(directory(&hub).join("checkpoint"), old).unwrap();
    assert!(
        !hub::audit::verify::verify(&*store, hub.keys.audit.verifier(), &[])
            .unwrap()
            .is_whole()
    );
    keep(&hub, &store).await.unwrap();
    everything_is_kept(&hub, &store).await;
}
