//! Which store the configuration means.

use std::{io, sync::Arc};

use crate::{
    adapters::{
        aws::connect,
        worm::{Deadline, Keeping, WriteOnceBucket, WriteOnceDirectory, WriteOnceStore},
    },
    clock::{SharedClock, SystemClock},
    config::{BucketAddress, Config, Place},
};

/// The audit store, made where it is a directory that is not there. Nothing is asked of a bucket yet.
pub async fn audit(config: &Config, clock: &SharedClock) -> Result<Arc<dyn WriteOnceStore>, String> {
    match config.audit.place(&config.dir) {
        Place::Directory(root) => WriteOnceDirectory::create(&root)
            .map(|store| Arc::new(Deadline::new(store)) as Arc<dyn WriteOnceStore>)
            .map_err(|error| format!("{}: {error}", root.display())),
        Place::Bucket(address) => Ok(bucket(config, address, clock).await),
    }
}

/// The audit store as it is; none where it is a directory to which nothing was published yet.
pub async fn existing_audit(
    config: &Config,
    clock: &SharedClock,
) -> Result<Option<Arc<dyn WriteOnceStore>>, String> {
    match config.audit.place(&config.dir) {
        Place::Directory(root) => match WriteOnceDirectory::open(&root) {
            Ok(store) => Ok(Some(Arc::new(Deadline::new(store)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", root.display())),
        },
        Place::Bucket(address) => Ok(Some(bucket(config, address, clock).await)),
    }
}

/// A bucket as something to read, without its lock and however long it takes.
pub async fn bucket_to_read(config: &Config, address: BucketAddress) -> Arc<dyn WriteOnceStore> {
    let sdk = connect(&config.aws, None).await;
    let keeping = Keeping::from(&config.audit);
    let bucket = WriteOnceBucket::new(&sdk, address, keeping, Arc::new(SystemClock));
    Arc::new(bucket.for_reading())
}

async fn bucket(config: &Config, address: BucketAddress, clock: &SharedClock) -> Arc<dyn WriteOnceStore> {
    let sdk = connect(&config.aws, None).await;
    let keeping = Keeping::from(&config.audit);
    Arc::new(Deadline::new(WriteOnceBucket::new(
        &sdk,
        address,
        keeping,
        Arc::clone(clock),
    )))
}
