//! Follows each agent's chain through the log.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::audit::{
    leaf::{CHAIN_START, Link},
    merkle::Hash,
    verify::Fault,
};

/// How far each agent's chain was followed.
#[derive(Default)]
pub(super) struct Chains {
    tips: HashMap<Uuid, Tip>,
    /// Entries that cannot be read, by the hash that was logged for them.
    unread: HashMap<Hash, u64>,
    /// Whether there were entries of which not even the hash is known.
    is_blind: bool,
    /// Whose entry stands at a log index, where that could only be told by its successor.
    pub(super) names: BTreeMap<u64, (Uuid, u64)>,
}

struct Tip {
    seq: u64,
    hash: Hash,
    prev_hash: Hash,
    epoch: u64,
}

impl Chains {
    pub(super) fn agents(&self) -> usize {
        self.tips.len()
    }

    /// Takes note of an entry that cannot be read, and of what its changed bytes say of it.
    pub(super) fn pass_unread(&mut self, log_index: u64, hash: Hash, claim: Option<&Link>) {
        self.unread.insert(hash, log_index);
        if let Some(link) = claim
            && self.tips.get(&link.agent_id).map_or(0, |tip| tip.seq) + 1 == link.agent_seq
        {
            self.names.insert(log_index, (link.agent_id, link.agent_seq));
        }
    }

    /// Takes note of entries of which nothing is known.
    pub(super) fn pass_unknown(&mut self) {
        self.is_blind = true;
    }

    /// Follows a chain to its next entry, and says what is wrong with the step.
    pub(super) fn follow(&mut self, hash: Hash, link: &Link) -> Option<Fault> {
        let start = Tip {
            seq: 0,
            hash: CHAIN_START,
            prev_hash: CHAIN_START,
            epoch: 0,
        };
        let tip = self.tips.entry(link.agent_id).or_insert(start);
        let fault = match link.agent_seq.saturating_sub(tip.seq) {
            0 if tip.seq > 0 && link.agent_seq == tip.seq && link.prev_hash == tip.prev_hash => {
                Some(Fault::ChainForked)
            }
            0 => Some(Fault::SequenceRepeated {
                expected: tip.seq + 1,
            }),
            1 if link.prev_hash == tip.hash => None,
            1 => Some(Fault::ChainBroken),
            _ if let Some(index) = self.unread.get(&link.prev_hash) => {
                // Its successor names the unread entry better than its own changed bytes.
                self.names.insert(*index, (link.agent_id, link.agent_seq - 1));
                None
            }
            _ if self.is_blind => None,
            _ => Some(Fault::SequenceGap {
                expected: tip.seq + 1,
            }),
        };
        let epoch_back = (link.epoch < tip.epoch).then_some(Fault::EpochBack { before: tip.epoch });
        if link.agent_seq > tip.seq {
            *tip = Tip {
                seq: link.agent_seq,
                hash,
                prev_hash: link.prev_hash,
                epoch: link.epoch,
            };
        }
        fault.or(epoch_back)
    }
}

#[cfg(test)]
#[path = "chains_tests.rs"]
mod tests;
