//! How much waits, for the metrics: one query over every agent.

use super::Tx;
use crate::{clock::DateTime, error::Result};

/// What waits at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Commands that were not sent yet.
    pub undelivered_commands: i64,
    /// Commands that were sent and not acknowledged.
    pub unacknowledged_commands: i64,
    /// When the oldest audit entry was made that has no place in the log.
    pub unsequenced_since: Option<DateTime>,
    /// When the oldest audit entry was made that has its place, and is not in the store.
    pub unpublished_since: Option<DateTime>,
    /// When the oldest thing was forgotten that is not off the disk yet.
    pub unscrubbed_since: Option<DateTime>,
}

impl Tx {
    /// What waits. Each part walks along an index over what is open, or reads one row.
    pub async fn waiting(&mut self) -> Result<Waiting> {
        let row = sqlx::query!(
            r#"select c.undelivered as "undelivered!", c.unacknowledged as "unacknowledged!",
                 (select min(e.recorded_at) from agent_heads h
                    left join audit_chains a on a.agent_id = h.agent_id
                    join audit_entries e on e.agent_id = h.agent_id and e.agent_seq = coalesce(a.agent_seq, 0) + 1
                  where h.audit_seq <> coalesce(a.agent_seq, 0)) as unsequenced_since,
                 (select e.recorded_at from publisher_state p
                    join audit_sequence s on s.log_index = p.published_size
                    join audit_entries e on e.agent_id = s.agent_id and e.id = s.entry_id) as unpublished_since,
                 (select min(e.erased_at) from erasures e where e.scrubbed_at is null) as unscrubbed_since
               from (select count(*) filter (where state = 'queued') as undelivered,
                   count(*) filter (where state = 'sent') as unacknowledged
                 from commands where state in ('queued', 'sent', 'acknowledged')) c"#
        );
        let row = row.fetch_one(self.connection()).await?;
        Ok(Waiting {
            undelivered_commands: row.undelivered,
            unacknowledged_commands: row.unacknowledged,
            unsequenced_since: row.unsequenced_since,
            unpublished_since: row.unpublished_since,
            unscrubbed_since: row.unscrubbed_since,
        })
    }
}
