//! The audit log's tables: entries that wait, their places in the one log, and the tree over them.
//!
//! Entries are written by the units of work that they record (`append.rs`); here they are only read.

mod publication;

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    audit::{
        checkpoint::SignedHead,
        merkle::{Frontier, Hash},
    },
    error::{Error, Result},
    ids::AgentId,
};

pub use publication::{Sizes, StoredLeaf};

/// The tables of the audit log.
pub struct Audit<'a>(&'a mut Tx);

impl Tx {
    /// The tables of the audit log. For a unit of work of the system.
    pub fn audit(&mut self) -> Audit<'_> {
        Audit(self)
    }
}

/// The log's tree as it was saved.
#[derive(Debug)]
pub struct Tree {
    /// From which it grows.
    pub frontier: Frontier,
    /// Its checkpoint; none of an empty tree.
    pub note: Option<String>,
}

/// An agent with entries that wait for their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingChain {
    /// The agent.
    pub agent: AgentId,
    /// The number of its last entry that has its place.
    pub sequenced: i64,
    /// The number of its last entry.
    pub head: i64,
    /// The hash that its chain ends with, as the chain's row says it.
    pub hash: Option<Hash>,
    /// The hash of its last leaf, as the log says it.
    pub logged_hash: Option<Hash>,
}

/// What waits.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Chains that wait, in no particular order, so that none is always first.
    pub chains: Vec<WaitingChain>,
    /// How many entries wait in all chains, those not in `chains` too.
    pub entries: u64,
}

/// The next entries of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The agent.
    pub agent: AgentId,
    /// The number before the first.
    pub after: i64,
    /// The number of the last.
    pub last: i64,
    /// The hash of the leaf before the first.
    pub prev_hash: Hash,
}

/// An entry as its unit of work wrote it.
#[derive(Debug)]
pub struct StoredEntry {
    /// The agent.
    pub agent: AgentId,
    /// Its number in the agent's chain.
    pub agent_seq: i64,
    /// Its id.
    pub id: Uuid,
    /// Its canonical text.
    pub body: String,
}

/// What the log gets; log indexes follow from the order.
#[derive(Debug, Default)]
pub struct NewPlaces {
    /// The entries.
    pub entries: Vec<Uuid>,
    /// Whose they are.
    pub agents: Vec<Uuid>,
    /// Their numbers in the agents' chains.
    pub agent_seqs: Vec<i64>,
    /// The hashes of the leaves before them in their chains.
    pub prev_hashes: Vec<Vec<u8>>,
    /// The hashes of their leaves.
    pub hashes: Vec<Vec<u8>>,
}

/// Where a chain ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnd {
    /// The agent.
    pub agent: AgentId,
    /// The number of its last entry with a place.
    pub agent_seq: i64,
    /// The hash of its leaf.
    pub hash: Hash,
}

impl Audit<'_> {
    /// Whether any entry waits for its place. Takes no lock.
    pub async fn is_waiting(&mut self) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from agent_heads h left join audit_chains c on c.agent_id = h.agent_id
                 where h.audit_seq <> coalesce(c.agent_seq, 0)) as "found!""#
        );
        Ok(found.fetch_one(self.0.connection()).await?)
    }

    /// Locks the tree until the end of the unit of work: there is one sequencer at a time.
    pub async fn lock_tree(&mut self) -> Result<Tree> {
        let row = sqlx::query_as!(
            TreeRow,
            "select tree_size, frontier, note from sequencer_state for update"
        );
        Tree::try_from(row.fetch_one(self.0.connection()).await?)
    }

    /// What waits, with at most so many chains. Only behind [`lock_tree`](Self::lock_tree) does it stay true.
    pub async fn backlog(&mut self, most_chains: usize) -> Result<Backlog> {
        let rows = sqlx::query!(
            r#"select h.agent_id, h.audit_seq, coalesce(c.agent_seq, 0) as "sequenced!", c.hash as "hash?",
                 s.hash as "logged_hash?",
                 (sum(h.audit_seq - coalesce(c.agent_seq, 0)) over ())::bigint as "waiting!"
               from agent_heads h
               left join audit_chains c on c.agent_id = h.agent_id
               left join audit_sequence s on s.agent_id = c.agent_id and s.agent_seq = c.agent_seq
               where h.audit_seq <> coalesce(c.agent_seq, 0)
               order by random() limit $1"#,
            i64::try_from(most_chains).unwrap_or(i64::MAX)
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let entries = rows.first().map_or(0, |row| row.waiting.max(0).unsigned_abs());
        let chains = rows.into_iter().map(|row| {
            Ok(WaitingChain {
                agent: row.agent_id.into(),
                sequenced: row.sequenced,
                head: row.audit_seq,
                hash: row.hash.map(hash).transpose()?,
                logged_hash: row.logged_hash.map(hash).transpose()?,
            })
        });
        Ok(Backlog {
            chains: chains.collect::<Result<_>>()?,
            entries,
        })
    }

    /// The entries of the slices, slice by slice, each in the order of its chain. Those that are missing are left out.
    pub async fn entries(&mut self, slices: &[Slice]) -> Result<Vec<StoredEntry>> {
        let agents: Vec<Uuid> = slices.iter().map(|slice| slice.agent.0).collect();
        let after: Vec<i64> = slices.iter().map(|slice| slice.after).collect();
        let last: Vec<i64> = slices.iter().map(|slice| slice.last).collect();
        // Lateral, so that each slice is one walk along the index whatever the planner thinks of the sizes.
        let rows = sqlx::query!(
            "select e.agent_id, e.agent_seq, e.id, e.body
             from unnest($1::uuid[], $2::bigint[], $3::bigint[]) with ordinality as wanted(agent_id, after, last, place)
             cross join lateral (select agent_id, agent_seq, id, body from audit_entries
               where agent_id = wanted.agent_id and agent_seq > wanted.after and agent_seq <= wanted.last
               order by agent_seq offset 0) e
             order by wanted.place, e.agent_seq",
            &agents,
            &after,
            &last
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let entries = rows.into_iter().map(|row| StoredEntry {
            agent: row.agent_id.into(),
            agent_seq: row.agent_seq,
            id: row.id,
            body: row.body,
        });
        Ok(entries.collect())
    }

    /// Puts entries at the end of the log, the first at `first_index`.
    pub async fn append(&mut self, first_index: u64, new: &NewPlaces) -> Result<()> {
        let done = sqlx::query!(
            "insert into audit_sequence (log_index, agent_id, agent_seq, entry_id, prev_hash, hash)
             select $1 + place - 1, agent_id, agent_seq, entry_id, prev_hash, hash
             from unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bytea[], $6::bytea[]) with ordinality
               as new(agent_id, agent_seq, entry_id, prev_hash, hash, place)",
            number(first_index),
            &new.agents,
            &new.agent_seqs,
            &new.entries,
            &new.prev_hashes,
            &new.hashes
        )
        .execute(self.0.connection())
        .await?;
        all(done.rows_affected(), new.entries.len())
    }

    /// Says where the chains end now. A chain only ever grows.
    pub async fn move_ends(&mut self, ends: &[ChainEnd]) -> Result<()> {
        let agents: Vec<Uuid> = ends.iter().map(|end| end.agent.0).collect();
        let agent_seqs: Vec<i64> = ends.iter().map(|end| end.agent_seq).collect();
        let hashes: Vec<Vec<u8>> = ends.iter().map(|end| end.hash.to_vec()).collect();
        let done = sqlx::query!(
            "insert into audit_chains (agent_id, agent_seq, hash)
             select agent_id, agent_seq, hash from unnest($1::uuid[], $2::bigint[], $3::bytea[])
               as new(agent_id, agent_seq, hash)
             on conflict (agent_id) do update set agent_seq = excluded.agent_seq, hash = excluded.hash
               where audit_chains.agent_seq < excluded.agent_seq",
            &agents,
            &agent_seqs,
            &hashes
        )
        .execute(self.0.connection())
        .await?;
        all(done.rows_affected(), ends.len())
    }

    /// Saves the tree that [`lock_tree`](Self::lock_tree) gave and that grew, with its signed head.
    pub async fn save_tree(&mut self, frontier: &Frontier, note: &str) -> Result<()> {
        let saved = sqlx::query!(
            "update sequencer_state set tree_size = $1, frontier = $2, note = $3 where tree_size < $1",
            number(frontier.size()),
            frontier.to_bytes(),
            note
        )
        .execute(self.0.connection())
        .await?;
        one(saved.rows_affected(), "the audit log's tree did not grow")
    }

    /// The newest signed head; none of an empty log.
    pub async fn newest_head(&mut self) -> Result<Option<SignedHead>> {
        let row = sqlx::query_as!(TreeRow, "select tree_size, frontier, note from sequencer_state");
        let tree = Tree::try_from(row.fetch_one(self.0.connection()).await?)?;
        let head = tree.frontier.head();
        Ok(tree.note.map(|note| SignedHead { head, note }))
    }
}

struct TreeRow {
    tree_size: i64,
    frontier: Vec<u8>,
    note: Option<String>,
}

impl TryFrom<TreeRow> for Tree {
    type Error = Error;

    fn try_from(row: TreeRow) -> Result<Self> {
        let frontier = Frontier::from_bytes(row.tree_size.unsigned_abs(), &row.frontier)
            .map_err(|error| Error::because("the audit log's tree is damaged in the database", error))?;
        Ok(Self {
            frontier,
            note: row.note,
        })
    }
}

fn hash(bytes: Vec<u8>) -> Result<Hash> {
    bytes
        .try_into()
        .map_err(|_| Error::internal("a hash of the audit log has not 32 bytes"))
}

fn number(size: u64) -> i64 {
    i64::try_from(size).expect("a log has fewer than 2^63 entries")
}

fn all(rows: u64, expected: usize) -> Result<()> {
    if rows == expected as u64 {
        Ok(())
    } else {
        Err(Error::internal("the audit log did not take every row"))
    }
}
