//! What only a bucket has: its lock, its versions and its conditions.

use std::sync::Arc;

use aws_sdk_s3::{
    Client,
    types::{ChecksumMode, ObjectLockMode},
};
use chrono::TimeDelta;
use hub::{
    adapters::{
        s3::client,
        worm::{Keeping, Retention, StoreError, Stored, WriteOnceBucket, WriteOnceStore},
    },
    audit::{
        breach::AuditError,
        publish::{Published, PublisherState},
        run::{publish_all, sequence_all},
    },
    clock::{Clock, SystemClock},
    config::{BucketAddress, RetentionMode},
    turns::offline::Offline,
};
use support::{Aws, Program, Proxy, TestClock, TestHub};

use super::{
    agents, everything_is_kept, operate, operate_in_bulk,
    stores::{bucket, keeping},
};

/// A bucket, a store in it, and a client that looks past the store.
struct Locked {
    aws: Aws,
    address: BucketAddress,
    store: WriteOnceBucket,
    client: Client,
}

impl Locked {
    async fn new() -> Self {
        let aws = Aws::stand_in().await;
        let address = aws.bucket(true).await;
        Self {
            store: bucket(&aws, address.clone()),
            client: client(&aws.sdk),
            aws,
            address,
        }
    }

    async fn versions(&self, path: &str) -> Vec<String> {
        let asked = self.client.list_object_versions().bucket(&self.address.bucket);
        let answer = asked.prefix(self.address.key(path)).send().await.unwrap();
        let ids = answer.versions().iter().filter_map(|found| found.version_id());
        ids.map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn every_object_is_locked_for_its_time() {
    let mut locked = Locked::new().await;
    let compliance = Keeping {
        mode: RetentionMode::Compliance,
        full: TimeDelta::days(400),
        ..keeping()
    };
    let (sdk, address) = (&locked.aws.sdk, locked.address.clone());
    locked.store = WriteOnceBucket::new(sdk, address, compliance, Arc::new(SystemClock));
    let put = async |path, retention| locked.store.put_new(path, b"bytes", retention).await.unwrap();
    put("tile/0/000", Retention::Full).await;
    put("tile/0/001.p/7", Retention::Partial).await;
    locked.store.replace_checkpoint(b"a checkpoint").await.unwrap();
    for (path, days) in [("tile/0/000", 400), ("tile/0/001.p/7", 30), ("checkpoint", 30)] {
        let asked = locked.client.head_object().bucket(&locked.address.bucket);
        let asked = asked
            .key(locked.address.key(path))
            .checksum_mode(ChecksumMode::Enabled);
        let found = asked.send().await.unwrap();
        assert_eq!(
            found.object_lock_mode(),
            Some(&ObjectLockMode::Compliance),
            "{path}"
        );
        let until = found.object_lock_retain_until_date().unwrap().secs();
        let expected = (SystemClock.now() + TimeDelta::days(days)).timestamp();
        assert!((until - expected).abs() < 60, "{path}: {until}, {expected}");
        assert!(found.checksum_sha256().is_some(), "{path}: {found:?}");
    }
    let said = locked.store.describe();
    assert!(
        said.is_enforced && said.protection.contains("compliance mode"),
        "{said}"
    );
    assert!(said.protection.contains("for 400 days"), "{said}");
}

#[tokio::test]
async fn the_far_side_refuses_to_delete_a_locked_version() {
    let locked = Locked::new().await;
    let put = async || {
        locked
            .store
            .put_new("tile/0/000", b"bytes", Retention::Full)
            .await
    };
    assert_eq!(put().await.unwrap(), Stored::New);
    let [version] = &locked.versions("tile/0/000").await[..] else {
        panic!("one version")
    };
    let delete = || {
        let asked = locked.client.delete_object().bucket(&locked.address.bucket);
        asked.key(locked.address.key("tile/0/000"))
    };
    let refused = delete().version_id(version).send().await;
    let refused = refused.unwrap_err().into_service_error();
    assert_eq!(refused.meta().code(), Some("AccessDenied"));
    // What is deleted without a version is hidden, and comes back with the next writer; the version was there all along.
    delete().send().await.unwrap();
    assert_eq!(locked.store.get("tile/0/000").await.unwrap(), None);
    assert_eq!(put().await.unwrap(), Stored::New);
    assert!(locked.versions("tile/0/000").await.contains(version));
}

#[tokio::test]
async fn a_replaced_checkpoint_leaves_its_version() {
    let locked = Locked::new().await;
    for text in ["one", "two", "three"] {
        locked.store.replace_checkpoint(text.as_bytes()).await.unwrap();
    }
    assert_eq!(locked.versions("checkpoint").await.len(), 3);
    assert_eq!(
        locked.store.get("checkpoint").await.unwrap(),
        Some(b"three".to_vec())
    );
}

#[tokio::test]
async fn a_sweep_deletes_versions_whose_retention_has_ended() {
    let locked = Locked::new().await;
    // AWS refuses a retention that has ended already; the stand-in takes it, so here is the time after it. This clock stands
    // in the spring of 2026.
    let (sdk, address) = (&locked.aws.sdk, locked.address.clone());
    let earlier = WriteOnceBucket::new(sdk, address, keeping(), Arc::new(TestClock::default()));
    for path in ["tile/0/000.p/9", "tile/0/000.p/10"] {
        earlier.put_new(path, b"bytes", Retention::Partial).await.unwrap();
    }
    let swept = locked.store.sweep(SystemClock.now() + TimeDelta::days(31)).await;
    assert_eq!(swept.unwrap(), 1);
    assert_eq!(locked.store.list("").await.unwrap(), ["tile/0/000.p/10"]);
    assert_eq!(locked.versions("tile/0/000.p/9").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_bucket_without_a_lock_is_refused_where_one_is_required() {
    let aws = Aws::stand_in().await;
    let required = Keeping {
        is_lock_required: true,
        ..keeping()
    };
    for (has_lock, is_taken) in [(true, true), (false, false)] {
        let address = aws.bucket(has_lock).await;
        let store = WriteOnceBucket::new(&aws.sdk, address, required, Arc::new(SystemClock));
        for done in [
            store.probe().await,
            store.put_new("a", b"x", Retention::Full).await.map(drop),
        ] {
            match done {
                Ok(()) => assert!(is_taken),
                Err(StoreError::Refused { problem }) => {
                    assert!(!is_taken && problem.contains("audit.require_lock"), "{problem}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_keep_one_log_in_a_bucket() {
    let hub = TestHub::start().await;
    let other = hub.another_process(Offline);
    let agents = agents(&hub, 3).await;
    let locked = Locked::new().await;
    let store = Arc::new(locked.store);
    for agent in &agents {
        operate_in_bulk(&hub, *agent, 300).await;
    }
    let mut keepers = tokio::task::JoinSet::new();
    for process in [(*hub).clone(), other.clone()] {
        let (store, agent) = (Arc::clone(&store), agents[0]);
        keepers.spawn(async move {
            let mut state = PublisherState::default();
            for _ in 0..10 {
                operate(&process, agent, 3).await;
                sequence_all(&process).await.unwrap();
                publish_all(&process, &*store, &mut state).await.unwrap();
            }
        });
    }
    keepers.join_all().await;
    let last = publish_all(&hub, &*store, &mut PublisherState::default()).await;
    assert_eq!(last.unwrap(), Published::All);
    everything_is_kept(&hub, &*store).await;
}

#[tokio::test]
async fn a_bucket_that_is_away_delays_and_never_blocks() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let direct = Aws::stand_in().await;
    let address = direct.bucket(true).await;
    let way = Proxy::before(&direct.config.endpoint_url).await;
    let store = bucket(&Aws::at(&way.url).await, address);
    let mut state = PublisherState::default();
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    publish_all(&hub, &store, &mut state).await.unwrap();
    way.cut();
    operate(&hub, agents[0], 5).await;
    assert_eq!(sequence_all(&hub).await.unwrap(), 5);
    let refused = publish_all(&hub, &store, &mut state).await;
    assert!(matches!(refused, Err(AuditError::Store(_))), "{refused:?}");
    assert_eq!(hub.audit.report().unpublished_entries, 5);
    way.heal();
    publish_all(&hub, &store, &mut state).await.unwrap();
    everything_is_kept(&hub, &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_keeps_its_log_and_verifies_it_in_the_bucket() {
    let aws = Aws::stand_in().await;
    let bucket = aws.bucket(true).await.to_string();
    let mut program = Program::new(&[("HUB_AUDIT__PUBLISH_EVERY_MS", "100")]).await;
    program.set("HUB_AUDIT__STORE", "s3://hub-no-such-bucket/home");
    // So that it does not ask the machine for the role of one in AWS.
    program.set("AWS_EC2_METADATA_DISABLED", "true");
    let said = program.start_refused().await;
    assert!(said.contains("no AWS region is configured"), "{said}");
    program.set("AWS_REGION", "eu-central-1");
    let said = program.start_refused().await;
    assert!(said.contains("no AWS credentials were found"), "{said}");
    for (name, value) in aws.settings() {
        program.set(name, value);
    }
    let said = program.start_refused().await;
    assert!(said.contains("there is no bucket hub-no-such-bucket"), "{said}");
    program.set("HUB_AUDIT__STORE", &bucket);
    program.start().await;
    let ready = reqwest::get(format!("{}/readyz", program.url())).await.unwrap();
    let ready: serde_json::Value = ready.json().await.unwrap();
    assert_eq!(ready["audit"]["store"]["kind"], "s3", "{ready}");
    assert_eq!(ready["audit"]["store"]["is_enforced"], true, "{ready}");
    assert!(
        !ready.to_string().contains("hub-0"),
        "a stranger learns no bucket: {ready}"
    );
    assert!(program.stop().await, "{}", program.tail());
    let url = program.database_url().to_owned();
    program.set("DATABASE_URL", &url);
    let (is_well, said) = program.run(&["doctor"]).await;
    assert!(
        is_well && said.contains("S3 Object Lock in governance mode"),
        "{said}"
    );
    program.set("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none");
    let copy = program.dir().join("copy");
    let copy = copy.to_str().unwrap();
    for (arguments, words) in [
        (&["audit", "verify"][..], "The log is whole"),
        (&["audit", "verify", &bucket], "The log is whole"),
        (&["audit", "export", copy], "objects are in"),
        (&["audit", "verify", copy], "The log is whole"),
    ] {
        let (is_well, said) = program.run(arguments).await;
        assert!(is_well && said.contains(words), "{arguments:?}: {said}");
    }
    let (is_well, said) = program
        .run(&["audit", "verify", "s3://hub-no-such-bucket/home"])
        .await;
    assert!(
        !is_well && said.contains("there is no bucket hub-no-such-bucket"),
        "{said}"
    );
    let (is_well, said) = program.run(&["audit", "verify", "s3://Not a bucket"]).await;
    assert!(!is_well && said.contains("s3://bucket/prefix"), "{said}");
}
