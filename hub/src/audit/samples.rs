//! Entries, logs and stores for the tests of this module.

use std::{collections::BTreeMap, io};

use chrono::DateTime;
use uuid::Uuid;

use crate::audit::{
    checkpoint,
    entry::{AuditEntry, Commitment, Outcome, Principal, PrincipalKind, VERSION},
    growth::{Growth, Object, Publication},
    keys::CheckpointKey,
    leaf::{CHAIN_START, Leaf},
    tiles::{CHECKPOINT_PATH, ObjectName},
    verify::Store,
};

/// An entry of an agent, different for each place in its chain.
pub(crate) fn entry(agent_id: Uuid, agent_seq: u64) -> AuditEntry {
    let id = Uuid::from_u128(agent_id.as_u128() << 64 | u128::from(agent_seq));
    AuditEntry {
        version: VERSION,
        entry_id: id,
        agent_id,
        agent_seq,
        epoch: 1,
        recorded_at: DateTime::from_timestamp_micros(
            1_700_000_000_000_000 + i64::try_from(agent_seq).unwrap(),
        )
        .unwrap(),
        operation: "append_event".to_owned(),
        outcome: Outcome::Ok,
        principal: Principal {
            kind: PrincipalKind::Device,
            id: Some(id),
            device_id: None,
            access_token_id: None,
        },
        request_id: None,
        resource: None,
        events: None,
        commitments: vec![Commitment {
            kind: "event".to_owned(),
            id,
            sha256: [7; 32],
        }],
        details: serde_json::Map::new(),
    }
}

/// Chains entries of agents in the order given, as the sequencer does.
#[derive(Default)]
pub(crate) struct Chains(BTreeMap<Uuid, (u64, [u8; 32])>);

impl Chains {
    pub(crate) fn next(&mut self, agent: u8) -> Leaf {
        let agent_id = Uuid::from_u128(u128::from(agent));
        let (seq, prev_hash) = self.0.entry(agent_id).or_insert((0, CHAIN_START));
        let leaf = Leaf::chain(&entry(agent_id, *seq + 1).to_canonical().unwrap(), prev_hash);
        (*seq, *prev_hash) = (*seq + 1, leaf.hash);
        leaf
    }
}

/// A store in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MemoryStore(pub(crate) BTreeMap<String, Vec<u8>>);

impl Store for MemoryStore {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

/// The key that signs the stores of the tests.
pub(crate) fn key() -> CheckpointKey {
    CheckpointKey::from_seed("hub.example/home", &[9; 32]).unwrap()
}

/// Leaves of agents in the order given.
pub(crate) fn leaves(agents: &[u8]) -> Vec<Leaf> {
    let mut chains = Chains::default();
    agents.iter().map(|agent| chains.next(*agent)).collect()
}

/// A store to which the leaves were published in portions of these sizes, and the rest at once.
pub(crate) fn store(leaves: &[Leaf], portions: &[usize]) -> MemoryStore {
    let (mut store, mut growth, mut rest) = (MemoryStore::default(), Growth::default(), leaves);
    for portion in portions.iter().chain([&usize::MAX]) {
        let (now, later) = rest.split_at(rest.len().min(*portion));
        for leaf in now {
            growth.append(leaf.clone());
        }
        publish(&mut store, &mut growth);
        rest = later;
    }
    store
}

fn publish(store: &mut MemoryStore, growth: &mut Growth) {
    let Publication { objects, heads } = growth.publish();
    for Object { name, bytes } in objects {
        store.0.insert(name.to_string(), bytes);
    }
    for head in heads {
        let signed = checkpoint::sign(&head, &key()).into_bytes();
        store
            .0
            .insert(ObjectName::checkpoint(head.size).to_string(), signed.clone());
        store.0.insert(CHECKPOINT_PATH.to_owned(), signed);
    }
}
