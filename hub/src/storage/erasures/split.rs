//! Whose the things are that forgetting reaches.

use std::collections::BTreeMap;

use super::{Erasures, Reach, reach::list};
use crate::{error::Result, ids::PersonId};

impl Erasures<'_> {
    /// The same things by whose they are; none: the household's.
    pub async fn split(&mut self, reach: &Reach) -> Result<BTreeMap<Option<PersonId>, Reach>> {
        let agent = self.0.agent();
        let commands: Vec<_> = reach.commands.iter().map(|(id, _)| *id).collect();
        let rows = sqlx::query!(
            r#"select 'event' as "kind!", id as "id!", audience_person_id, null::uuid as device_id
                 from events where agent_id = $1 and id = any ($2)
               union all select 'turn', id, audience_person_id, null from turns where agent_id = $1 and id = any ($3)
               union all select 'candidate', id, audience_person_id, null from memory_candidates
                 where agent_id = $1 and id = any ($4)
               union all select 'memory', id, audience_person_id, null from memories where agent_id = $1 and id = any ($5)
               union all select 'action', id, audience_person_id, null from actions where agent_id = $1 and id = any ($6)
               union all select 'artifact', id, audience_person_id, null from artifacts where agent_id = $1 and id = any ($7)
               union all select 'command', id, audience_person_id, device_id from commands
                 where agent_id = $1 and id = any ($8)"#,
            agent.0,
            &list(&reach.events),
            &reach.spoke(),
            &list(&reach.candidates),
            &list(&reach.memories),
            &list(&reach.actions),
            &list(&reach.artifacts),
            &commands
        );
        let mut whose: BTreeMap<Option<PersonId>, Reach> = BTreeMap::new();
        for row in rows.fetch_all(self.0.connection()).await? {
            let part = whose.entry(row.audience_person_id.map(PersonId)).or_default();
            match (row.kind.as_str(), row.device_id) {
                ("event", _) => part.events.insert(row.id),
                ("turn", _) => part.turns.insert(row.id),
                ("candidate", _) => part.candidates.insert(row.id),
                ("memory", _) => part.memories.insert(row.id),
                ("action", _) => part.actions.insert(row.id),
                ("command", Some(device)) => part.commands.insert((row.id, device)),
                _ => part.artifacts.insert(row.id),
            };
        }
        Ok(whose)
    }
}
