//! What must never be: the database and the store do not tell the same history. Nothing is written over it; a person has
//! to look.

use uuid::Uuid;

use super::{
    checkpoint::{self, CheckpointError, SignedHead},
    growth::ResumeError,
    merkle::TreeHead,
    tiles::CHECKPOINT_PATH,
};
use crate::{
    adapters::worm::{StoreError, WriteOnceStore},
    error::{Error, chain},
    hub::Hub,
    storage::StoredLeaf,
};

/// Two histories where there must be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// The database is older than the store.
    #[error(
        "the audit store holds {store_size} entries and the database only {database_size}: the database was restored \
         from a backup that is older than the audit log; put back a newer one (taking the missing entries in from the \
         store is not built yet)"
    )]
    Behind {
        /// How many entries the store's checkpoint signs.
        store_size: u64,
        /// How many the database has signed.
        database_size: u64,
    },
    /// Both have signed heads of one size, and they differ.
    #[error(
        "the audit store and the database disagree about the first {size} entries: the log was forked, as when a hub \
         ran on after its database had been restored; put the two back from one backup"
    )]
    Forked {
        /// The size of the head that differs.
        size: u64,
    },
    /// The store holds other bytes than the log has there.
    #[error("the audit store holds {path} with other bytes than the log: it was forked or changed")]
    OtherBytes {
        /// The object.
        path: String,
    },
    /// The log in the database was signed by another key.
    #[error(
        "the key in keys/audit.key did not sign the audit log of this database ({0}): put back the key that did, from \
         your backup of the data folder, or use the database that belongs to this key"
    )]
    OtherKey(CheckpointError),
    /// The store's newest checkpoint is not this hub's.
    #[error(
        "the checkpoint in the audit store does not hold ({0}): the store and the key in keys/audit.key must be those of \
         one hub; put back the one that was exchanged, from your backup of the data folder"
    )]
    ForeignCheckpoint(CheckpointError),
    /// The store's newest objects are not what they should be.
    #[error("the audit store cannot be continued: {0}")]
    Damaged(ResumeError),
    /// An entry was changed in the database, or is gone, after it had been signed.
    #[error(
        "the audit entry at {log_index} (agent {agent_id}, number {agent_seq}) is not in the database as it was signed"
    )]
    EntryChanged {
        /// Its place in the log.
        log_index: u64,
        /// Whose it is.
        agent_id: Uuid,
        /// Its number in the agent's chain.
        agent_seq: i64,
    },
    /// The log in the database does not lead to the head that was signed.
    #[error(
        "the audit log in the database is not the one that was signed, somewhere in its first {size} entries"
    )]
    NotAsSigned {
        /// The size of the head that was signed.
        size: u64,
    },
}

/// Why the log and its store could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There are two histories: stop.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// The store is away: try again.
    #[error("the audit store is not reachable")]
    Store(#[source] StoreError),
    /// The store refuses until a person has mended what its sentence says: try again, and say so.
    #[error("the audit store refuses the hub until a person mends it")]
    Refused(#[source] StoreError),
    /// The database is away, or refused: try again.
    #[error("the audit log could not be read or written")]
    Database(#[from] Error),
}

impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { path } => Breach::OtherBytes { path }.into(),
            refused @ StoreError::Refused { .. } => Self::Refused(refused),
            away @ (StoreError::Failed { .. } | StoreError::TimedOut { .. } | StoreError::BadPath { .. }) => {
                Self::Store(away)
            }
        }
    }
}

impl From<ResumeError> for AuditError {
    fn from(error: ResumeError) -> Self {
        Breach::Damaged(error).into()
    }
}

impl AuditError {
    /// The whole chain of causes on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }
}

impl Breach {
    /// An entry that is not what its leaf was made of.
    #[must_use]
    pub fn entry_changed(leaf: &StoredLeaf) -> Self {
        Self::EntryChanged {
            log_index: leaf.log_index,
            agent_id: leaf.agent.0,
            agent_seq: leaf.agent_seq,
        }
    }
}

/// Refuses a database that is older than the store or tells another history: to be asked before anything is written.
///
/// An [`AuditError::Store`] leaves open whether it is; the publisher asks again each time it writes.
pub async fn check_not_behind(hub: &Hub, store: &dyn WriteOnceStore) -> Result<(), AuditError> {
    check_key(hub).await?;
    let stored = stored_head(hub, store).await?;
    if stored.size == 0 {
        return Ok(());
    }
    let mut tx = hub.db.begin_system().await?;
    let newest = tx.audit().newest_head().await?;
    let same_size = tx.audit().head_of(stored.size).await?;
    let database_size = newest.as_ref().map_or(0, |newest| newest.head.size);
    if stored.size > database_size {
        return Err(behind(stored.size, database_size).into());
    }
    let mut same_size = newest
        .into_iter()
        .chain(same_size)
        .filter(|signed| signed.head.size == stored.size);
    if same_size.any(|signed| signed.head != stored) {
        return Err(Breach::Forked { size: stored.size }.into());
    }
    Ok(())
}

/// Refuses a database whose log another key has signed. Needs no store.
pub async fn check_key(hub: &Hub) -> Result<(), AuditError> {
    let newest = hub.db.begin_system().await?.audit().newest_head().await?;
    Ok(newest.map_or(Ok(()), |newest| check_signed(hub, &newest))?)
}

/// Refuses a signed head that another key has signed, or that is not the one its checkpoint signs.
pub(super) fn check_signed(hub: &Hub, kept: &SignedHead) -> Result<(), Breach> {
    let signed =
        checkpoint::open(kept.note.as_bytes(), hub.keys.audit.verifier()).map_err(Breach::OtherKey)?;
    if signed == kept.head {
        Ok(())
    } else {
        let size = kept.head.size;
        Err(Breach::NotAsSigned { size })
    }
}

/// The head that the store's newest checkpoint signs; that of an empty tree where there is none.
pub(super) async fn stored_head(hub: &Hub, store: &dyn WriteOnceStore) -> Result<TreeHead, AuditError> {
    let Some(bytes) = store.get(CHECKPOINT_PATH).await? else {
        return Ok(super::merkle::Frontier::default().head());
    };
    let head = checkpoint::open(&bytes, hub.keys.audit.verifier()).map_err(Breach::ForeignCheckpoint)?;
    Ok(head)
}

pub(super) const fn behind(store_size: u64, database_size: u64) -> Breach {
    Breach::Behind {
        store_size,
        database_size,
    }
}
