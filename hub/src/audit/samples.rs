//! Entries, logs and stores for the tests of this module.

use std::collections::BTreeMap;

use chrono::DateTime;
use uuid::Uuid;

use crate::audit::{
    entry::{AuditEntry, Commitment, Outcome, Principal, PrincipalKind, VERSION},
    leaf::{CHAIN_START, Leaf},
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
