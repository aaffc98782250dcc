//! The same laws for every write-once store: a directory, a bucket, and a bucket with Object Lock.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use futures_util::future::join_all;
use hub::{
    adapters::worm::{
        Keeping, Retention, StoreError, StoreKind, Stored, WriteOnceBucket, WriteOnceDirectory,
        WriteOnceStore,
    },
    audit::{checkpoint, keys::CheckpointKey, merkle::TreeHead, tiles::CHECKPOINT_PATH},
    clock::{Clock, DateTime, SystemClock},
    config::{BucketAddress, RetentionMode},
};
use support::Aws;

/// More objects than one page of a listing holds.
const MORE_THAN_A_PAGE: usize = 1_050;

/// A store of a test's own.
struct Scratch {
    name: &'static str,
    store: Arc<dyn WriteOnceStore>,
    directory: Option<PathBuf>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

impl Scratch {
    fn directory() -> Self {
        let root = std::env::temp_dir().join(Aws::name("hub-worm"));
        let store = WriteOnceDirectory::create(&root).unwrap();
        Self {
            name: "directory",
            store: Arc::new(store),
            directory: Some(root),
        }
    }

    async fn bucket(name: &'static str, has_lock: bool) -> Self {
        let aws = Aws::stand_in().await;
        let address = aws.bucket(has_lock).await;
        Self {
            name,
            store: Arc::new(bucket(&aws, address)),
            directory: None,
        }
    }

    async fn put(&self, path: &str, bytes: &str, retention: Retention) -> Result<Stored, StoreError> {
        self.store.put_new(path, bytes.as_bytes(), retention).await
    }

    async fn text(&self, path: &str) -> Option<String> {
        let bytes = self.store.get(path).await.unwrap();
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }
}

/// The far side judges a retention by its own clock, so here it is the machine's.
pub(super) fn bucket(aws: &Aws, address: BucketAddress) -> WriteOnceBucket {
    WriteOnceBucket::new(&aws.sdk, address, keeping(), Arc::new(SystemClock))
}

pub(super) const fn keeping() -> Keeping {
    Keeping {
        mode: RetentionMode::Governance,
        full: TimeDelta::days(365),
        is_lock_required: false,
    }
}

/// One of each kind.
async fn each() -> [Scratch; 3] {
    [
        Scratch::directory(),
        Scratch::bucket("bucket", false).await,
        Scratch::bucket("locked bucket", true).await,
    ]
}

fn checkpoint_of(size: u64) -> Vec<u8> {
    let key = CheckpointKey::from_seed("hub.example/stores", &[7; 32]).unwrap();
    let root = [u8::try_from(size).unwrap(); 32];
    checkpoint::sign(&TreeHead { size, root }, &key).into_bytes()
}

fn in_days(days: i64) -> DateTime {
    SystemClock.now() + TimeDelta::days(days)
}

#[tokio::test]
async fn what_is_written_can_be_read_and_not_overwritten() {
    for scratch in each().await {
        let name = scratch.name;
        let put = async |bytes| scratch.put("tile/0/000", bytes, Retention::Full).await;
        assert_eq!(put("one").await.unwrap(), Stored::New, "{name}");
        assert_eq!(put("one").await.unwrap(), Stored::AlreadySame, "{name}");
        let conflict = put("two").await;
        assert!(
            matches!(&conflict, Err(StoreError::Conflict { path }) if path == "tile/0/000"),
            "{name}: {conflict:?}"
        );
        assert_eq!(scratch.text("tile/0/000").await.as_deref(), Some("one"), "{name}");
        assert_eq!(scratch.text("tile/0/001").await, None, "{name}");
        assert_eq!(
            scratch.put("tile/0/empty", "", Retention::Full).await.unwrap(),
            Stored::New
        );
        assert_eq!(scratch.text("tile/0/empty").await.as_deref(), Some(""), "{name}");
    }
}

#[tokio::test]
async fn an_older_checkpoint_never_takes_the_place_of_a_newer_one() {
    for scratch in each().await {
        let damaged = b"home\nmany\n".to_vec();
        for (new, left) in [
            (checkpoint_of(5), checkpoint_of(5)),
            (checkpoint_of(10), checkpoint_of(10)),
            (checkpoint_of(9), checkpoint_of(10)),
            (checkpoint_of(10), checkpoint_of(10)),
            (damaged.clone(), damaged),
            (checkpoint_of(3), checkpoint_of(3)),
        ] {
            scratch.store.replace_checkpoint(&new).await.unwrap();
            let there = scratch.store.get(CHECKPOINT_PATH).await.unwrap();
            assert_eq!(there, Some(left), "{}", scratch.name);
        }
        assert_eq!(scratch.store.list("").await.unwrap(), [CHECKPOINT_PATH]);
    }
}

/// Who met others too often says so, and comes again, as a publisher does.
async fn replace_in_the_end(store: Arc<dyn WriteOnceStore>, size: u64) {
    let mut last = Ok(());
    for _ in 0..20 {
        last = store.replace_checkpoint(&checkpoint_of(size)).await;
        if last.is_ok() {
            return;
        }
    }
    panic!("{size}: {last:?}");
}

#[tokio::test]
async fn replacements_at_once_leave_the_newest_checkpoint() {
    for scratch in each().await {
        for round in 0..5 {
            let sizes = [1, 2, 3, 4, 5, 6].map(|size| round * 6 + size);
            let replace = sizes.map(|size| replace_in_the_end(Arc::clone(&scratch.store), size));
            join_all(replace.into_iter().rev()).await;
            let there = scratch.store.get(CHECKPOINT_PATH).await.unwrap();
            assert_eq!(there, Some(checkpoint_of(round * 6 + 6)), "{}", scratch.name);
        }
    }
}

#[tokio::test]
async fn of_writers_at_once_exactly_one_wins() {
    for scratch in each().await {
        let writes = (0..32_u8).map(|writer| {
            let store = Arc::clone(&scratch.store);
            async move { store.put_new("a/b/c", &[writer % 2], Retention::Partial).await }
        });
        let results = join_all(writes).await;
        let count =
            |is: fn(&Result<Stored, StoreError>) -> bool| results.iter().filter(|one| is(one)).count();
        let found = (
            count(|one| matches!(one, Ok(Stored::New))),
            count(|one| matches!(one, Ok(Stored::AlreadySame))),
            count(|one| matches!(one, Err(StoreError::Conflict { .. }))),
        );
        assert_eq!(found, (1, 15, 16), "{}: {results:?}", scratch.name);
    }
}

#[tokio::test]
async fn a_path_stays_within_the_store() {
    for scratch in each().await {
        let long = "a".repeat(257);
        for path in [
            "",
            "/etc/x",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            ".partial/a",
            "a/.b",
            "A",
            "a b",
            "a?b",
            "a\0",
            &long,
        ] {
            let put = scratch.put(path, "x", Retention::Full).await;
            let got = scratch.store.get(path).await;
            assert!(
                matches!(
                    (&put, &got),
                    (Err(StoreError::BadPath { .. }), Err(StoreError::BadPath { .. }))
                ),
                "{}: {path:?}: {put:?}, {got:?}",
                scratch.name
            );
        }
        assert_eq!(scratch.store.list("../").await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_list_holds_the_objects_with_its_prefix_over_many_pages() {
    for scratch in each().await {
        let paths: Vec<_> = (0..MORE_THAN_A_PAGE)
            .map(|number| format!("tile/0/{number:04}"))
            .collect();
        for some in paths.chunks(16) {
            let puts = some.iter().map(|path| scratch.put(path, path, Retention::Full));
            assert!(join_all(puts).await.iter().all(Result::is_ok), "{}", scratch.name);
        }
        scratch.put("tile/1/000", "x", Retention::Full).await.unwrap();
        scratch.put("tile/10/000", "x", Retention::Full).await.unwrap();
        assert_eq!(
            scratch.store.list("tile/0/").await.unwrap(),
            paths,
            "{}",
            scratch.name
        );
        assert_eq!(
            scratch.store.list("tile/1").await.unwrap(),
            ["tile/1/000", "tile/10/000"]
        );
        assert_eq!(scratch.store.list("tile/1/").await.unwrap(), ["tile/1/000"]);
        assert_eq!(scratch.store.list("tile/0/104").await.unwrap().len(), 10);
        assert_eq!(scratch.store.list("").await.unwrap().len(), MORE_THAN_A_PAGE + 2);
        // The last pages of a sweep's listing.
        for width in ["tile/2/000.p/1", "tile/2/000.p/2"] {
            scratch.put(width, "x", Retention::Partial).await.unwrap();
        }
        let swept = u64::from(!scratch.store.describe().is_enforced);
        let sweep = scratch.store.sweep(in_days(31)).await;
        assert_eq!(sweep.unwrap(), swept, "{}", scratch.name);
        // What a sweep looks for is on the last page of its listing.
        for width in ["tile/2/000.p/1", "tile/2/000.p/2"] {
            scratch.put(width, "x", Retention::Partial).await.unwrap();
        }
        let sweep = scratch.store.sweep(in_days(31)).await;
        let swept = u64::from(scratch.name != "locked bucket");
        assert_eq!(sweep.unwrap(), swept, "{}", scratch.name);
        assert_eq!(
            scratch.store.list("nothing/").await.unwrap(),
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn a_sweep_deletes_old_superseded_partials_and_nothing_else() {
    for scratch in each().await {
        for (path, retention) in [
            ("tile/0/000.p/9", Retention::Partial),
            ("tile/0/000.p/10", Retention::Partial),
            ("tile/0/001.p/1", Retention::Partial),
            ("tile/0/001.p/2", Retention::Full),
            ("tile/0/001", Retention::Full),
            ("tile/1/000", Retention::Partial),
            ("checkpoints/000.p/1", Retention::Partial),
            ("checkpoints/000.p/2", Retention::Partial),
        ] {
            scratch.put(path, path, retention).await.unwrap();
        }
        let name = scratch.name;
        assert_eq!(scratch.store.sweep(in_days(29)).await.unwrap(), 0, "{name}");
        // A lock holds by the clock of the far side, whatever a hub thinks of the day.
        let is_locked = scratch.store.describe().is_enforced;
        let swept = if is_locked { 0 } else { 3 };
        assert_eq!(scratch.store.sweep(in_days(31)).await.unwrap(), swept, "{name}");
        let mut left = vec![
            "checkpoints/000.p/2",
            "tile/0/000.p/10",
            "tile/0/001",
            "tile/0/001.p/2",
            "tile/1/000",
        ];
        if is_locked {
            left.extend(["checkpoints/000.p/1", "tile/0/000.p/9", "tile/0/001.p/1"]);
            left.sort_unstable();
        }
        assert_eq!(scratch.store.list("").await.unwrap(), left, "{name}");
        assert_eq!(scratch.store.sweep(in_days(31)).await.unwrap(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind() {
    for scratch in each().await {
        scratch.store.probe().await.unwrap();
        assert_eq!(scratch.store.list("").await.unwrap(), Vec::<String>::new());
        scratch.store.replace_checkpoint(&checkpoint_of(3)).await.unwrap();
        scratch.store.probe().await.unwrap();
        assert_eq!(
            scratch.store.list("").await.unwrap(),
            [CHECKPOINT_PATH],
            "{}",
            scratch.name
        );
        let there = scratch.store.get(CHECKPOINT_PATH).await.unwrap();
        assert_eq!(there, Some(checkpoint_of(3)), "{}", scratch.name);
    }
}

#[tokio::test]
async fn a_store_claims_no_more_than_was_found() {
    for scratch in each().await {
        scratch.store.probe().await.unwrap();
        let said = scratch.store.describe();
        let expected = match scratch.name {
            "directory" => (StoreKind::Directory, false, "nothing keeps root"),
            "bucket" => (
                StoreKind::S3,
                false,
                "nobody but the hub keeps these objects from being changed",
            ),
            _ => (
                StoreKind::S3,
                true,
                "all but those who hold s3:BypassGovernanceRetention",
            ),
        };
        assert_eq!((said.kind, said.is_enforced), (expected.0, expected.1), "{said}");
        assert!(said.protection.contains(expected.2), "{said}");
    }
}
