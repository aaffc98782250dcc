//! Gives the entries that wait their places in the one log, and signs the tree that has grown by them.

use super::{
    checkpoint::{self, SignedHead},
    growth::PORTION,
    leaf::{CHAIN_START, Leaf, Link},
    merkle::Frontier,
};
use crate::{
    error::{Error, Result},
    hub::Hub,
    storage::{ChainEnd, NewPlaces, Slice, StoredEntry, Tree, Tx, WaitingChain},
    telemetry::metric,
};

/// Entries in one transaction. Twice as many are hardly faster, and a batch must neither hold the runtime for long (10 ms)
/// nor need much memory (32 MiB if every entry has its greatest length).
pub const BATCH: usize = 1_000;

/// Every so many entries a signed head is kept for good: half of what is published at once, so that a portion always ends
/// at one.
const KEPT_HEADS: u64 = PORTION / 2;

/// Sequences one batch of what waits, in one transaction. Returns how many entries it was; 0 when nothing waits.
///
/// A chain with a gap, or with another end than the log has, stops everything: nothing is ever skipped.
pub async fn sequence(hub: &Hub) -> Result<usize> {
    let mut tx = hub.db.begin_system().await?;
    // Without the lock first, so that an idle hub writes nothing.
    if !tx.audit().is_waiting().await? {
        hub.audit.sequenced(hub.clock.now(), 0);
        return Ok(0);
    }
    let mut tree = lock_tree(hub, &mut tx).await?;
    let backlog = tx.audit().backlog(BATCH).await?;
    let slices = share(&backlog.chains, BATCH)?;
    let entries = tx.audit().entries(&slices).await?;
    let first_index = tree.size();
    let (new, ends) = chain(&slices, entries, &mut tree)?;
    let count = new.entries.len();
    if count > 0 {
        tx.audit().append(first_index, &new).await?;
        tx.audit().move_ends(&ends).await?;
        let signed = SignedHead::sign(tree.head(), &hub.keys.audit);
        tx.audit().save_tree(&tree, &signed.note).await?;
        if first_index / KEPT_HEADS != tree.size() / KEPT_HEADS {
            tx.audit().keep_head(&signed).await?;
        }
        tx.commit().await?;
    }
    hub.audit
        .sequenced(hub.clock.now(), backlog.entries.saturating_sub(count as u64));
    metrics::counter!(metric::AUDIT_SEQUENCED).increment(count as u64);
    Ok(count)
}

/// Locks the tree, which must be the one whose head was signed last: it is not continued on anybody's word but the key's.
async fn lock_tree(hub: &Hub, tx: &mut Tx) -> Result<Frontier> {
    let Tree { frontier, note } = tx.audit().lock_tree().await?;
    let is_signed = match &note {
        Some(note) => checkpoint::open(note.as_bytes(), hub.keys.audit.verifier()) == Ok(frontier.head()),
        None => frontier.size() == 0,
    };
    if is_signed {
        Ok(frontier)
    } else {
        Err(Error::internal(format!(
            "the audit log's tree of {} entries is not the one that this hub's key signed last",
            frontier.size()
        )))
    }
}

/// Shares a batch between the chains: whoever has little waiting gets it all, the others the same each.
fn share(chains: &[WaitingChain], most: usize) -> Result<Vec<Slice>> {
    let mut by_need: Vec<&WaitingChain> = chains.iter().collect();
    by_need.sort_by_key(|chain| chain.head - chain.sequenced);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (mut left, mut sharers) = (number(most), number(by_need.len()));
    let mut slices = Vec::with_capacity(by_need.len());
    for chain in by_need {
        let prev_hash = end_of(chain)?;
        let share = (chain.head - chain.sequenced).min(left / sharers);
        (left, sharers) = (left - share, sharers - 1);
        slices.push(Slice {
            agent: chain.agent,
            after: chain.sequenced,
            last: chain.sequenced + share,
            prev_hash,
        });
    }
    Ok(slices)
}

/// The hash that the next leaf of a chain names, on which the chain's row and the log must agree.
fn end_of(chain: &WaitingChain) -> Result<[u8; 32]> {
    let wrong = |what: &str| {
        Err(Error::internal(format!(
            "the audit chain of agent {} {what} at {}",
            chain.agent, chain.sequenced
        )))
    };
    if chain.head < chain.sequenced {
        return wrong("was cut off below what is in the log, which has its last entry");
    }
    match (chain.sequenced, chain.hash, chain.logged_hash) {
        (0, None, None) => Ok(CHAIN_START),
        (1.., Some(hash), Some(logged)) if hash == logged => Ok(hash),
        _ => wrong("has another end than the log has"),
    }
}

/// Chains the entries, slice by slice, and grows the tree by them.
fn chain(
    slices: &[Slice],
    entries: Vec<StoredEntry>,
    tree: &mut Frontier,
) -> Result<(NewPlaces, Vec<ChainEnd>)> {
    let mut entries = entries.into_iter();
    let (mut new, mut ends) = (NewPlaces::default(), Vec::with_capacity(slices.len()));
    for slice in slices {
        let mut prev_hash = slice.prev_hash;
        for agent_seq in slice.after + 1..=slice.last {
            let entry = entries
                .next()
                .filter(|entry| entry.agent == slice.agent && entry.agent_seq == agent_seq);
            let entry = entry.ok_or_else(|| gap(slice, agent_seq))?;
            let leaf = leaf_of(&entry, &prev_hash)?;
            tree.push(leaf.hash);
            new.entries.push(entry.id);
            new.agents.push(slice.agent.0);
            new.agent_seqs.push(agent_seq);
            new.prev_hashes.push(prev_hash.to_vec());
            new.hashes.push(leaf.hash.to_vec());
            prev_hash = leaf.hash;
        }
        ends.push(ChainEnd {
            agent: slice.agent,
            agent_seq: slice.last,
            hash: prev_hash,
        });
    }
    Ok((new, ends))
}

/// The entry's leaf. An entry that is not what its row says would spoil the log for ever, so it does not get in.
fn leaf_of(entry: &StoredEntry, prev_hash: &[u8; 32]) -> Result<Leaf> {
    let leaf = Leaf::chain(entry.body.as_bytes(), prev_hash);
    let bad = |why: String| {
        Error::internal(format!(
            "the audit entry {} of agent {} cannot be logged: {why}",
            entry.agent_seq, entry.agent
        ))
    };
    let link = Link::read(&leaf.bytes).map_err(|error| bad(error.to_string()))?;
    if link.agent_id == entry.agent.0 && link.agent_seq == entry.agent_seq.unsigned_abs() {
        Ok(leaf)
    } else {
        Err(bad("its text is of another entry".to_owned()))
    }
}

fn gap(slice: &Slice, agent_seq: i64) -> Error {
    Error::internal(format!(
        "the audit chain of agent {} has a gap: entry {agent_seq} is missing",
        slice.agent
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{audit::samples, ids::AgentId};
    use uuid::Uuid;

    fn waiting(agent: usize, sequenced: i64, head: i64) -> WaitingChain {
        let hash = (sequenced > 0).then_some([7; 32]);
        WaitingChain {
            agent: AgentId(Uuid::from_u128(agent as u128)),
            sequenced,
            head,
            hash,
            logged_hash: hash,
        }
    }

    fn stored(agent: u128, agent_seq: u64) -> StoredEntry {
        let entry = samples::entry(Uuid::from_u128(agent), agent_seq);
        StoredEntry {
            agent: AgentId(entry.agent_id),
            agent_seq: i64::try_from(agent_seq).unwrap(),
            id: entry.entry_id,
            body: String::from_utf8(entry.to_canonical().unwrap()).unwrap(),
        }
    }

    fn slice(agent: u128, after: i64, last: i64) -> Slice {
        Slice {
            agent: AgentId(Uuid::from_u128(agent)),
            after,
            last,
            prev_hash: CHAIN_START,
        }
    }

    proptest! {
        #[test]
        fn a_batch_is_shared_fairly(needs in prop::collection::vec((0_i64..50, 1_i64..3_000), 1..40), most in 40_usize..2_000) {
            let chains: Vec<_> =
                needs.iter().enumerate().map(|(agent, (done, need))| waiting(agent, *done, done + need)).collect();
            let slices = share(&chains, most).unwrap();
            let taken: i64 = slices.iter().map(|slice| slice.last - slice.after).sum();
            let wanted: i64 = needs.iter().map(|(_, need)| need).sum();
            prop_assert_eq!(taken, wanted.min(i64::try_from(most).unwrap()));
            let largest = slices.iter().map(|slice| slice.last - slice.after).max().unwrap();
            for chain in &chains {
                let slice = slices.iter().find(|slice| slice.agent == chain.agent).unwrap();
                let got = slice.last - slice.after;
                prop_assert!(got == chain.head - chain.sequenced || got >= largest - 1);
            }
        }
    }

    #[test]
    fn a_gap_stops_everything() {
        let mut tree = Frontier::default();
        for entries in [
            vec![stored(1, 1), stored(1, 3)],
            vec![stored(1, 1), stored(2, 2), stored(1, 3)],
            vec![stored(1, 1), stored(1, 2)],
        ] {
            let error = chain(&[slice(1, 0, 3)], entries, &mut tree).unwrap_err();
            assert!(error.to_string().contains("has a gap"), "{error}");
        }
    }

    #[test]
    fn an_entry_of_another_row_does_not_get_in() {
        let mut moved = stored(1, 2);
        moved.agent_seq = 1;
        let mut spelled = stored(1, 1);
        spelled.body = spelled.body.replacen(':', ": ", 1);
        for entry in [moved, spelled] {
            let error = chain(&[slice(1, 0, 1)], vec![entry], &mut Frontier::default()).unwrap_err();
            assert!(error.to_string().contains("cannot be logged"), "{error}");
        }
    }

    #[test]
    fn a_chain_that_lost_its_end_is_not_continued() {
        let mut forked = waiting(1, 5, 9);
        forked.logged_hash = Some([8; 32]);
        let mut forgotten = waiting(1, 5, 9);
        (forgotten.hash, forgotten.logged_hash) = (None, None);
        for chain in [forked, forgotten, waiting(1, 5, 4)] {
            assert!(share(&[chain], BATCH).is_err());
        }
    }
}
