use std::{os::unix::fs::PermissionsExt, time::Duration};

use super::*;
use crate::{
    adapters::worm::{Deadline, rules::MAX_PATH_BYTES},
    audit::{checkpoint, merkle::TreeHead, samples},
};

/// A store in a directory that goes away with it.
struct Scratch {
    store: WriteOnceDirectory,
}

impl Scratch {
    fn new() -> Self {
        let mut name = [0; 8];
        getrandom::fill(&mut name).unwrap();
        let root = std::env::temp_dir().join(format!("hub-worm-{}", hex::encode(name)));
        Self {
            store: WriteOnceDirectory::create(&root.join("deep/er")).unwrap(),
        }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.store.root.join(path)
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.file(path)).unwrap().permissions().mode() & 0o777
    }

    async fn put(&self, path: &str, bytes: &str, retention: Retention) -> Result<Stored, StoreError> {
        self.store.put_new(path, bytes.as_bytes(), retention).await
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let top = self.store.root.ancestors().nth(2).unwrap();
        fs::remove_dir_all(top).unwrap();
    }
}

/// Well after everything that a test wrote could expire.
fn later(days: i64) -> DateTime<Utc> {
    let now: DateTime<Utc> = fs::metadata(std::env::temp_dir())
        .unwrap()
        .modified()
        .unwrap()
        .into();
    now + TimeDelta::days(days)
}

#[tokio::test]
async fn what_is_written_can_be_read_and_not_overwritten() {
    let scratch = Scratch::new();
    assert_eq!(
        scratch.put("tile/0/000", "one", Retention::Full).await.unwrap(),
        Stored::New
    );
    assert_eq!(
        scratch.put("tile/0/000", "one", Retention::Full).await.unwrap(),
        Stored::AlreadySame
    );
    let conflict = scratch.put("tile/0/000", "two", Retention::Full).await;
    assert!(matches!(conflict, Err(StoreError::Conflict { path }) if path == "tile/0/000"));
    assert_eq!(
        scratch.store.get("tile/0/000").await.unwrap(),
        Some(b"one".to_vec())
    );
    assert_eq!(scratch.store.get("tile/0/001").await.unwrap(), None);
    assert_eq!(scratch.store.get("tile/0/000/1").await.unwrap(), None);
}

#[tokio::test]
async fn files_are_read_only_and_directories_private() {
    let scratch = Scratch::new();
    scratch
        .put("tile/entries/x001/000.p/7", "one", Retention::Partial)
        .await
        .unwrap();
    assert_eq!(scratch.mode("tile/entries/x001/000.p/7"), 0o444);
    for directory in [
        "",
        "tile",
        "tile/entries/x001/000.p",
        ".partial/tile",
        ".incoming",
    ] {
        assert_eq!(scratch.mode(directory), 0o700, "{directory}");
    }
}

#[tokio::test]
async fn only_the_checkpoint_can_be_replaced() {
    let scratch = Scratch::new();
    scratch.store.replace_checkpoint(b"one").await.unwrap();
    scratch.store.replace_checkpoint(b"two").await.unwrap();
    assert_eq!(
        scratch.store.get("checkpoint").await.unwrap(),
        Some(b"two".to_vec())
    );
    assert_eq!(scratch.store.list("").await.unwrap(), ["checkpoint"]);
}

/// The checkpoint of a log of so many entries.
fn checkpoint_of(size: u64) -> Vec<u8> {
    let root = [u8::try_from(size).unwrap(); 32];
    checkpoint::sign(&TreeHead { size, root }, &samples::key()).into_bytes()
}

#[tokio::test]
async fn an_older_checkpoint_never_takes_the_place_of_a_newer_one() {
    let scratch = Scratch::new();
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
        assert_eq!(scratch.store.get("checkpoint").await.unwrap(), Some(left));
    }
}

#[tokio::test]
async fn replacements_that_were_given_up_leave_the_newest_checkpoint() {
    let scratch = Scratch::new();
    scratch.store.replace_checkpoint(&checkpoint_of(1)).await.unwrap();
    let store = Deadline::within(scratch.store.clone(), Duration::from_millis(50));
    // Another process, whose disk hangs in the middle of its own.
    let hanging = scratch.store.lock_checkpoint().unwrap();
    for size in [5, 10, 7] {
        let given_up = store.replace_checkpoint(&checkpoint_of(size)).await;
        assert!(
            matches!(given_up, Err(StoreError::TimedOut { .. })),
            "{given_up:?}"
        );
    }
    drop(hanging);
    // The threads give their permits back when they have done what nobody waits for any more.
    let threads = u32::try_from(THREADS).unwrap();
    let _all = scratch.store.threads.acquire_many(threads).await.unwrap();
    assert_eq!(
        files::read(&scratch.file("checkpoint")).unwrap(),
        Some(checkpoint_of(10))
    );
}

#[tokio::test]
async fn a_path_cannot_leave_the_directory() {
    let scratch = Scratch::new();
    let long = "a".repeat(MAX_PATH_BYTES + 1);
    for path in [
        "",
        "/etc/x",
        "../x",
        "a/../x",
        "a//b",
        "a/",
        "./a",
        ".partial/a",
        "a/.b",
        "A",
        "a b",
        "a\\b",
        "a\0",
        &long,
    ] {
        let put = scratch.put(path, "x", Retention::Full).await;
        assert!(matches!(put, Err(StoreError::BadPath { .. })), "{path:?}");
        assert!(
            matches!(scratch.store.get(path).await, Err(StoreError::BadPath { .. })),
            "{path:?}"
        );
    }
    assert_eq!(scratch.store.list("../").await.unwrap(), Vec::<String>::new());
    assert_eq!(
        scratch.store.list(".partial/").await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_list_holds_the_objects_with_its_prefix() {
    let scratch = Scratch::new();
    for path in ["tile/1/000", "tile/10/000", "tile/0/x001/000", "checkpoints/000"] {
        scratch.put(path, path, Retention::Partial).await.unwrap();
    }
    assert_eq!(
        scratch.store.list("tile/1").await.unwrap(),
        ["tile/1/000", "tile/10/000"]
    );
    assert_eq!(scratch.store.list("tile/1/").await.unwrap(), ["tile/1/000"]);
    assert_eq!(
        scratch.store.list("tile/0/x001/0").await.unwrap(),
        ["tile/0/x001/000"]
    );
    assert_eq!(
        scratch.store.list("nothing/").await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(scratch.store.list("").await.unwrap().len(), 4);
}

#[tokio::test]
async fn writers_at_once_agree_on_one_object() {
    let scratch = Scratch::new();
    let writes = (0..32).map(|writer| {
        let store = scratch.store.clone();
        async move { store.put_new("a/b/c", &[writer % 2], Retention::Partial).await }
    });
    let results = futures_util::future::join_all(writes).await;
    assert_eq!(
        results
            .iter()
            .filter(|result| matches!(result, Ok(Stored::New)))
            .count(),
        1
    );
    assert_eq!(
        results
            .iter()
            .filter(|result| matches!(result, Err(StoreError::Conflict { .. })))
            .count(),
        16
    );
    assert_eq!(fs::read_dir(scratch.file(".incoming")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sweep_deletes_old_superseded_partials_and_nothing_else() {
    let scratch = Scratch::new();
    for (path, retention) in [
        ("tile/0/000.p/9", Retention::Partial),
        ("tile/0/000.p/10", Retention::Partial),
        ("tile/0/001.p/1", Retention::Partial),
        ("tile/0/001.p/2", Retention::Full),
        ("tile/0/001.p/3", Retention::Full),
        ("tile/0/001", Retention::Full),
        ("tile/1/000", Retention::Partial),
    ] {
        scratch.put(path, path, retention).await.unwrap();
    }
    assert_eq!(scratch.store.sweep(later(29)).await.unwrap(), 0);
    assert_eq!(scratch.store.sweep(later(31)).await.unwrap(), 2);
    let left = scratch.store.list("").await.unwrap();
    assert_eq!(
        left,
        [
            "tile/0/000.p/10",
            "tile/0/001",
            "tile/0/001.p/2",
            "tile/0/001.p/3",
            "tile/1/000"
        ]
    );
    assert_eq!(scratch.store.sweep(later(31)).await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_crash_left_is_swept_and_does_not_stop_a_write() {
    let scratch = Scratch::new();
    scratch
        .put("tile/0/000.p/1", "one", Retention::Partial)
        .await
        .unwrap();
    fs::write(scratch.file(".incoming/left"), "half").unwrap();
    drop(scratch.store.lock_checkpoint().unwrap());
    // The marker was linked, the object was not.
    fs::remove_file(scratch.file("tile/0/000.p/1")).unwrap();
    assert_eq!(
        scratch
            .put("tile/0/000.p/1", "two", Retention::Partial)
            .await
            .unwrap(),
        Stored::New
    );
    scratch.store.sweep(later(2)).await.unwrap();
    assert_eq!(files::walk(&scratch.file(".incoming"), "").unwrap(), [LOCK]);
    assert_eq!(
        scratch.store.get("tile/0/000.p/1").await.unwrap(),
        Some(b"two".to_vec())
    );
}

#[tokio::test]
async fn a_probe_tells_when_the_directory_is_gone() {
    let scratch = Scratch::new();
    scratch.store.probe().await.unwrap();
    assert_eq!(scratch.store.list("").await.unwrap(), Vec::<String>::new());
    let away = scratch.file("").with_file_name("away");
    fs::rename(&scratch.store.root, &away).unwrap();
    assert!(matches!(
        scratch.store.probe().await,
        Err(StoreError::Failed { .. })
    ));
    assert!(matches!(
        scratch.put("a/b", "x", Retention::Full).await,
        Err(StoreError::Failed { .. })
    ));
    assert!(!scratch.store.root.exists());
    fs::rename(away, &scratch.store.root).unwrap();
    scratch.store.probe().await.unwrap();
}

#[tokio::test]
async fn a_published_log_verifies_from_its_directory() {
    let scratch = Scratch::new();
    let published = samples::store(&samples::leaves(&[1, 2, 1, 3]), &[2]);
    for (path, bytes) in &published.0 {
        match path.as_str() {
            CHECKPOINT_PATH => scratch.store.replace_checkpoint(bytes).await.unwrap(),
            path => {
                let retention = Retention::of(path.parse().unwrap());
                assert_eq!(
                    scratch.store.put_new(path, bytes, retention).await.unwrap(),
                    Stored::New
                );
            }
        }
    }
    let opened = WriteOnceDirectory::open(&scratch.store.root).unwrap();
    let report = verify::verify(&opened, samples::key().verifier(), &[]).unwrap();
    assert!(report.is_whole() && report.entries == 4, "{report}");
}
