//! What the publisher reads of the audit log, and the lease under which one process writes to the store.

use super::{Audit, HeadRow, hash, number};
use crate::{
    audit::{checkpoint::SignedHead, merkle::Hash},
    clock::DateTime,
    error::Result,
    ids::{AgentId, NodeId},
    storage::identity::one,
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

    /// Takes the right to write to the store, unless another process has it. Returns how many entries are published.
    pub async fn lease_store(&mut self, node: NodeId, until: DateTime) -> Result<Option<u64>> {
        let now = self.0.now();
        let published = sqlx::query_scalar!(
            "update publisher_state set node_id = $1, lease_until = $2
             where node_id is null or node_id = $1 or lease_until < $3 returning published_size",
            node.0,
            until,
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(published.map(i64::unsigned_abs))
    }

    /// Extends the right to write to the store. False when another process took it.
    pub async fn renew_store(&mut self, node: NodeId, until: DateTime) -> Result<bool> {
        let done = sqlx::query!(
            "update publisher_state set lease_until = $2 where node_id = $1",
            node.0,
            until
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// Gives the right to write to the store back, without having written everything that was wanted.
    pub async fn release_store(&mut self, node: NodeId) -> Result<()> {
        sqlx::query!(
            "update publisher_state set node_id = null, lease_until = null where node_id = $1",
            node.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Says what the store holds now, and gives the right to write to it back.
    pub async fn published(&mut self, node: NodeId, size: u64) -> Result<()> {
        let done = sqlx::query!(
            "update publisher_state set published_size = $2, node_id = null, lease_until = null where node_id = $1",
            node.0,
            number(size)
        )
        .execute(self.0.connection())
        .await?;
        one(
            done.rows_affected(),
            "another process writes to the audit store now",
        )
    }

    /// The newest signed head with more than `after` entries, but at most `most` more if there is such a one.
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

    /// The signed head of that size, if the log was signed just then.
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

    /// Forgets signed heads that the store holds for good, but for the last of every `block` entries: so a store can
    /// always be written anew in portions. Returns how many.
    pub async fn thin_heads(&mut self, block: u64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from audit_checkpoints c where tree_size < (select published_size from publisher_state)
               and exists (select from audit_checkpoints later
                 where later.tree_size > c.tree_size and later.tree_size < (c.tree_size / $1 + 1) * $1)",
            number(block)
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
