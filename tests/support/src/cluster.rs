//! A cluster of its own, for tests that look at the files of a database: started as the scripts do it, with a log that is written
//! ahead in full.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::process::Command;

/// Numbers the clusters of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A Postgres server. Dropping it stops it and removes its files.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    url: String,
}

impl Cluster {
    /// Makes and starts one.
    pub async fn start() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".hub/test/cluster-{}-{number}", std::process::id());
        let dir = root().join(name);
        fs::create_dir_all(&dir).expect("a folder can be made");
        expect(&command(&dir, "start").output().await.expect("the script runs"));
        let url = expect(&command(&dir, "url").output().await.expect("the script runs"));
        Self { dir, url }
    }

    /// The URL of its superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the server as one that is told to: its files are complete then.
    pub async fn stop(&self) {
        expect(
            &command(&self.dir, "stop")
                .output()
                .await
                .expect("the script runs"),
        );
    }

    /// Where its files are, those of its log too.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        fs::canonicalize(self.dir.join("postgres")).expect("it was started")
    }
}

fn root() -> PathBuf {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    fs::canonicalize(root).expect("the checkout is there")
}

fn command(dir: &Path, verb: &str) -> Command {
    let mut command = Command::new(root().join("scripts/postgres"));
    command.arg("--dir").arg(dir).arg(verb);
    command
}

fn expect(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/postgres: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let files = fs::canonicalize(self.dir.join("postgres"));
        let _ = std::process::Command::new(root().join("scripts/postgres"))
            .arg("--dir")
            .arg(&self.dir)
            .arg("stop")
            .output();
        if let Ok(files) = files {
            let _ = fs::remove_dir_all(files);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
