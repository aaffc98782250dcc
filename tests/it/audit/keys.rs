//! The log is signed by one key for ever: another hub's is refused.

use std::{sync::Arc, time::Duration};

use hub::{
    adapters::keys::Keys,
    audit::{
        breach::{AuditError, Breach, check_not_behind},
        run::{self, sequence_all},
    },
    commands::{doctor, start::keep_audit_log},
    config::DataDir,
    hub::{Hub, Parts},
    turns::offline::Offline,
};
use support::{Rest, TestHub};

use super::{agents, keep, open_store, operate};

/// Longer than any look at the log takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process on the same database with a data folder, and so with keys, of its own.
fn with_other_keys(hub: &TestHub) -> Hub {
    let mut config = hub.config.clone();
    config.dir = DataDir(hub.config.dir.join("other"));
    Hub::new(Parts {
        keys: Keys::open(&config, true).unwrap(),
        config,
        clock: Arc::new(hub.clock.clone()),
        runtime: Arc::new(Offline),
        metrics: None,
    })
    .unwrap()
}

#[tokio::test]
async fn a_log_that_another_key_signed_is_refused_at_start() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let other = with_other_keys(&hub);
    operate(&hub, agents[0], 3).await;
    sequence_all(&hub).await.unwrap();
    let refused = keep_audit_log(&other).await.unwrap_err().to_string();
    assert!(refused.contains("keys/audit.key"), "{refused}");
    assert!(refused.contains("put back the key"), "{refused}");
    let examined = doctor::examine(other.config.clone()).await.unwrap();
    let last = examined.lines.last().unwrap();
    assert!(
        last.contains("WRONG  audit log") && last.contains("put back the key"),
        "{last}"
    );
    assert!(keep_audit_log(&hub).await.is_ok());
    hub.lifecycle.shut_down().await;
}

#[tokio::test]
async fn a_store_that_another_key_signed_is_refused_at_start() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 3).await;
    keep(&hub, &*store).await.unwrap();
    // The database is new; the store is the old one's.
    let new = TestHub::start().await;
    let refused = check_not_behind(&new, &*store).await;
    assert!(
        matches!(refused, Err(AuditError::Breach(Breach::ForeignCheckpoint(_)))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_hub_whose_log_has_stopped_is_not_ready_and_says_why() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    operate(&hub, agents[0], 3).await;
    sequence_all(&hub).await.unwrap();
    operate(&hub, agents[0], 3).await;
    let other = with_other_keys(&hub);
    run::start(&other, open_store(&other));
    let nobody = Rest::of(&other).nobody();
    let not_ready = tokio::time::timeout(PATIENCE, async {
        loop {
            let answer = nobody.get("/readyz").await;
            if answer.status == 503 {
                return answer;
            }
        }
    });
    let answer = not_ready.await.expect("it is not ready in the end");
    assert_eq!(answer.json["is_ready"], false);
    assert_eq!(answer.text("/audit/health"), "stopped");
    assert!(answer.text("/audit/problem").contains("key"), "{:?}", answer.json);
    other.lifecycle.shut_down().await;
}
