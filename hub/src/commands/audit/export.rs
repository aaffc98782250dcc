//! `hub audit export`: a plain copy of a log in a directory.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    NOT_DONE,
    source::{Log, Source, SourceError},
};
use crate::{
    adapters::worm::{Retention, StoreError, WriteOnceDirectory, WriteOnceStore},
    audit::tiles::CHECKPOINT_PATH,
};

/// Objects that are copied at once.
const WRITERS: usize = 16;
/// Where the history of checkpoints is.
const HISTORY: &str = "checkpoints/";

/// From where, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub audit export /media/copy && hub audit verify /media/copy")]
pub(super) struct ExportArgs {
    /// The directory to copy to; made where there is none
    directory: PathBuf,
    /// The log: a directory, or a bucket as `s3://bucket/prefix` [default: what audit.store says, else .hub/audit]
    #[arg(long, value_name = "DIRECTORY|URL")]
    pub(super) from: Option<String>,
}

/// Why it was not copied.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("cannot write to {}: {source}", path.display())]
    Unwritable {
        path: PathBuf,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Copies, says how much, and returns the code to exit with.
pub(super) async fn run(args: ExportArgs, log: Result<Log, SourceError>) -> ExitCode {
    match copy(&args, log).await {
        Ok(count) => {
            let to = args.directory.display();
            crate::commands::say(&format!(
                "{count} objects are in {to}; `hub audit verify {to}` reads them"
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Where not even this can be told, the code says it.
            drop(writeln!(io::stderr().lock(), "hub audit export: {error}"));
            ExitCode::from(NOT_DONE)
        }
    }
}

/// The history is listed before `checkpoint` is read, and the objects after, as one who verifies does: what is written
/// meanwhile leaves the copy whole.
async fn copy(args: &ExportArgs, log: Result<Log, SourceError>) -> Result<usize, ExportError> {
    let from = Source::open(log?).await?;
    let unwritable = |source: Box<dyn std::error::Error + Send + Sync>| ExportError::Unwritable {
        path: args.directory.clone(),
        source,
    };
    let to = WriteOnceDirectory::create(&args.directory).map_err(|error| unwritable(error.into()))?;
    let failed = |error: StoreError| from.failed(error);
    let history: BTreeSet<String> = from
        .store
        .list(HISTORY)
        .await
        .map_err(failed)?
        .into_iter()
        .collect();
    let newest = from.store.get(CHECKPOINT_PATH).await.map_err(failed)?;
    let mut paths = WriteOnceStore::list(&*from.store, "").await.map_err(failed)?;
    paths.retain(|path| path != CHECKPOINT_PATH && (!path.starts_with(HISTORY) || history.contains(path)));
    let count = paths.len() + usize::from(newest.is_some());
    let put = |path: String| {
        let (store, to) = (&from.store, &to);
        async move {
            // Swept since it was listed, where there is none.
            if let Some(bytes) = store.get(&path).await.map_err(failed)? {
                let put = to.put_new(&path, &bytes, Retention::Full).await;
                put.map_err(|error| unwritable(error.into()))?;
            }
            Ok::<_, ExportError>(())
        }
    };
    stream::iter(paths)
        .map(put)
        .buffer_unordered(WRITERS)
        .try_collect::<Vec<_>>()
        .await?;
    if let Some(newest) = newest {
        let replaced = to.replace_checkpoint(&newest).await;
        replaced.map_err(|error| unwritable(error.into()))?;
    }
    Ok(count)
}
