//! Where a publisher goes on in a store that another, or a crash, has left.
//!
//! A publication ends with the history's checkpoints in rising order. So where the checkpoint of a size is in the history,
//! all that belongs to that size was written, and everything later may be written again: it comes out the same.

use std::collections::HashMap;

use super::{
    breach::{AuditError, Breach},
    checkpoint,
    growth::Growth,
    merkle::TreeHead,
    tiles::{ObjectName, Series, partials},
};
use crate::{adapters::worm::WriteOnceStore, hub::Hub};

/// The growth from the newest size, at most `size`, up to which the store is complete.
pub(super) async fn resume(hub: &Hub, store: &dyn WriteOnceStore, size: u64) -> Result<Growth, AuditError> {
    let Some(head) = complete_head(hub, store, size).await? else {
        return Ok(Growth::default());
    };
    let mut edge = HashMap::new();
    for name in partials(head.size) {
        edge.extend(store.get(&name.to_string()).await?.map(|bytes| (name, bytes)));
    }
    Ok(Growth::resume(head, |name| edge.get(&name).cloned())?)
}

async fn complete_head(
    hub: &Hub,
    store: &dyn WriteOnceStore,
    size: u64,
) -> Result<Option<TreeHead>, AuditError> {
    if size == 0 {
        return Ok(None);
    }
    if let Some(head) = head_in_history(hub, store, ObjectName::checkpoint(size)).await? {
        return Ok(Some(head));
    }
    // Only after a crash, or in a store that was put back from a copy.
    let paths = store.list("checkpoints/").await?;
    let names = paths.iter().filter_map(|path| path.parse::<ObjectName>().ok());
    let older = names.filter(|name| name.series() == Series::Checkpoints && name.end() <= size);
    match older.max_by_key(|name| name.end()) {
        Some(name) => head_in_history(hub, store, name).await,
        None => Ok(None),
    }
}

async fn head_in_history(
    hub: &Hub,
    store: &dyn WriteOnceStore,
    name: ObjectName,
) -> Result<Option<TreeHead>, AuditError> {
    let path = name.to_string();
    let Some(bytes) = store.get(&path).await? else {
        return Ok(None);
    };
    let head = checkpoint::open(&bytes, hub.keys.audit.verifier()).map_err(Breach::ForeignCheckpoint)?;
    if head.size == name.end() {
        Ok(Some(head))
    } else {
        Err(Breach::OtherBytes { path }.into())
    }
}
