//! What the publisher reads of the audit log, and the lease under which one process writes to the store.

use uuid::Uuid;

use super::{Audit, hash, number};
use crate::{
    audit::{
        checkpoint::SignedHead,
        merkle::{Hash, TreeHead},
    },
    clock::DateTime,
    error::{Error, Result},
    ids::AgentId,
};

/// How far the log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Entries with a place in the signed log.
    pub signed: u64,
    /// Entries that the store holds for good.
    pub published: u64,
}

/// A leaf of the log with what it is to be rebuilt from.
#[derive(Debug)]
pub struct StoredLeaf {
    /// Its place in the log.
    pub log_index: u64,
    /// Whose it is.
    pub agent: AgentId,
    /// Its number in the agent's chain.
    pub agent_seq: i64,
    /// The hash of the leaf before it in that chain.
    pub prev_hash: Hash,
    /// The hash it was logged with.
    pub hash: Hash,
    /// The entry's canonical text; none where the entry is gone.
    pub body: Option<String>,
}

impl Audit<'_> {
    /// How far the log has come.
    pub async fn sizes(&mut self) -> Result<Sizes> {
        let row =
            sqlx::query!("select tree_size, published_size from sequencer_state cross join publisher_state")
                .fetch_one(self.0.connection())
                .await?;
        Ok(Sizes {
            signed: row.tree_size.unsigned_abs(),
            published: row.published_size.unsigned_abs(),
        })
    }

    /// Takes the right to write to the store, unless another publisher has it. Returns how many entries are published.
    pub async fn lease_store(&mut self, holder: Uuid, until: DateTime) -> Result<Option<u64>> {
        let now = self.0.now();
        let published = sqlx::query_scalar!(
            "update publisher_state set leased_by = $1, lease_until = $2
             where leased_by is null or leased_by = $1 or lease_until < $3 returning published_size",
            holder,
            until,
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(published.map(i64::unsigned_abs))
    }

    /// Extends the right to write to the store. False when another took it.
    pub async fn renew_store(&mut self, holder: Uuid, until: DateTime) -> Result<bool> {
        let done = sqlx::query!(
            "update publisher_state set lease_until = $2 where leased_by = $1",
            holder,
            until
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// Gives the right to write to the store back, without having written everything that was wanted.
    pub async fn release_store(&mut self, holder: Uuid) -> Result<()> {
        sqlx::query!(
            "update publisher_state set leased_by = null, lease_until = null where leased_by = $1",
            holder
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Says what the store holds now, and gives the right to write to it back. False when another took it.
    pub async fn published(&mut self, holder: Uuid, size: u64) -> Result<bool> {
        let done = sqlx::query!(
            "update publisher_state set published_size = $2, leased_by = null, lease_until = null where leased_by = $1",
            holder,
            number(size)
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// Of the signed heads that were kept, the newest with more than `after` entries, but at most `most` more if there is
    /// such a one.
    pub async fn head_after(&mut self, after: u64, most: u64) -> Result<Option<SignedHead>> {
        let row = sqlx::query_as!(
            HeadRow,
            r#"select tree_size as "tree_size!", root as "root!", note as "note!" from (
                 (select 1 as place, tree_size, root, note from audit_checkpoints
                  where tree_size > $1 and tree_size <= $2 order by tree_size desc limit 1)
                 union all
                 (select 2, tree_size, root, note from audit_checkpoints
                  where tree_size > $2 order by tree_size limit 1)) near
               order by place limit 1"#,
            number(after),
            number(after + most)
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(SignedHead::try_from).transpose()
    }

    /// The signed head of that size, if one was kept.
    pub async fn head_of(&mut self, size: u64) -> Result<Option<SignedHead>> {
        let row = sqlx::query_as!(
            HeadRow,
            "select tree_size, root, note from audit_checkpoints where tree_size = $1",
            number(size)
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(SignedHead::try_from).transpose()
    }

    /// The leaves from an index up to another, in order; those that are missing are left out.
    pub async fn leaves(&mut self, from: u64, to: u64) -> Result<Vec<StoredLeaf>> {
        // A subselect rather than a join: each entry is looked up by its key whatever the planner thinks of the sizes.
        let rows = sqlx::query!(
            r#"select log_index, agent_id, agent_seq, prev_hash, hash,
                 (select body from audit_entries e where e.agent_id = s.agent_id and e.id = s.entry_id) as body
               from audit_sequence s where log_index >= $1 and log_index < $2 order by log_index"#,
            number(from),
            number(to)
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let leaves = rows.into_iter().map(|row| {
            Ok(StoredLeaf {
                log_index: row.log_index.unsigned_abs(),
                agent: row.agent_id.into(),
                agent_seq: row.agent_seq,
                prev_hash: hash(row.prev_hash)?,
                hash: hash(row.hash)?,
                body: row.body,
            })
        });
        leaves.collect()
    }

    /// Keeps a signed head for good.
    pub async fn keep_head(&mut self, signed: &SignedHead) -> Result<()> {
        let now = self.0.now();
        sqlx::query!(
            "insert into audit_checkpoints (tree_size, root, note, signed_at) values ($1, $2, $3, $4)
             on conflict (tree_size) do nothing",
            number(signed.head.size),
            signed.head.root.as_slice(),
            signed.note,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}

struct HeadRow {
    tree_size: i64,
    root: Vec<u8>,
    note: String,
}

impl TryFrom<HeadRow> for SignedHead {
    type Error = Error;

    fn try_from(row: HeadRow) -> Result<Self> {
        Ok(Self {
            head: TreeHead {
                size: row.tree_size.unsigned_abs(),
                root: hash(row.root)?,
            },
            note: row.note,
        })
    }
}
