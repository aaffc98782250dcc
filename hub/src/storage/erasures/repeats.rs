//! What repeats something that is forgotten: told by its words, of the turns that had read it.

use uuid::Uuid;

use super::{Erasures, Reach, reach::list};
use crate::error::Result;

/// Turns that are looked at in one statement.
const READERS_AT_ONCE: i64 = 2_000;
/// Words that a text has in common with another at least to be its repetition; half of that one's do, too. Turns read by the same
/// rule (`memory::recall`).
const SHARED_WORDS: i64 = 2;

impl Erasures<'_> {
    /// What turns repeat that read it. Which is a repetition is told by its words, so that what stood beside it stays.
    pub(super) async fn add_repeated(&mut self, reach: &mut Reach, words: &str) -> Result<()> {
        let mut last = Uuid::nil();
        loop {
            let readers = self.readers(reach, last).await?;
            let Some(next) = readers.last() else {
                return Ok(());
            };
            last = *next;
            self.add_repeated_by(&readers, reach, words).await?;
        }
    }

    /// The next turns that read any of it. What a turn has read is written down; of older ones it is taken that they read what was said
    /// in their session before, and what memories they were given, or may have been.
    async fn readers(&mut self, reach: &Reach, after: Uuid) -> Result<Vec<Uuid>> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "with origin as materialized (
               select session_id, recorded_at as at from events
               where agent_id = $1 and id = any ($2) and payload is not null
                 and (type not in ('message.agent', 'turn.ended') or id = any ($3))
               union all select null, created_at from memories where agent_id = $1 and id = any ($4)
             )
             select t.id from turns t
             where t.agent_id = $1 and t.id <> all ($5) and t.id > $7
               and (t.read_event_ids && $2 or t.read_memory_ids && $4 or t.read_action_ids && $6 or t.read_person_ids && $9
                 or t.read_event_ids is null
                   and exists (select from origin o where o.session_id = t.session_id and o.at <= t.created_at)
                 or t.read_memory_ids is null and cardinality($4) > 0
                   and t.created_at >= (select min(o.at) from origin o))
             order by t.id limit $8",
            agent.0,
            &list(&reach.events),
            &list(&reach.named),
            &list(&reach.memories),
            &list(&reach.turns),
            &list(&reach.actions),
            after,
            READERS_AT_ONCE,
            &list(&reach.people)
        );
        Ok(found.fetch_all(self.0.connection()).await?)
    }

    /// What of these turns' words repeats it. Of what they remembered and wanted to do, the words of their own inputs count for
    /// nothing. What is remembered as having happened is told by the words that were said: who said them where stands in all such
    /// memories. The words of an action count for those only that had read of it, and any part of somebody's
    /// names, also one that is a common word, for those that were told that they were there.
    async fn add_repeated_by(&mut self, readers: &[Uuid], reach: &mut Reach, words: &str) -> Result<()> {
        let agent = self.0.agent();
        // Without a list of common words any two texts share two.
        let shared = if words == "simple" { i64::MAX } else { SHARED_WORDS };
        let found = sqlx::query!(
            r#"with origin as materialized (
                 select tsvector_to_array(to_tsvector($2::text::regconfig, e.payload)) as words, false as is_action,
                   false as is_name
                 from events e where e.agent_id = $1 and e.id = any ($3) and e.payload is not null
                   and (e.type not in ('message.agent', 'turn.ended') or e.id = any ($4))
                 union all
                 select tsvector_to_array(m.words), false, false from memories m
                 where m.agent_id = $1 and m.id = any ($5) and m.tier <> 'episodic'
                 union all
                 select tsvector_to_array(to_tsvector($2::text::regconfig, a.summary)
                   || to_tsvector($2::text::regconfig, a.arguments)), true, false
                 from actions a where a.agent_id = $1 and a.id = any ($6) and a.erased_at is null
                 union all
                 select tsvector_to_array(to_tsvector('simple', called)), false, true
                 from people p, unnest(p.aliases || p.name) as called where p.agent_id = $1 and p.id = any ($9)
               ), reader as materialized (
                 select t.id, t.reply_event_id, coalesce(t.read_action_ids && $6, false) as reads_actions,
                   coalesce(t.read_person_ids && $9, false) as reads_people, array(
                   select unnest(tsvector_to_array(to_tsvector($2::text::regconfig, e.payload)))
                   from turn_inputs i join events e on e.agent_id = i.agent_id and e.id = i.event_id
                   where i.agent_id = $1 and i.turn_id = t.id and e.payload is not null) as own
                 from turns t where t.agent_id = $1 and t.id = any ($7)
               ), said as (
                 select 'reply' as kind, r.id, r.reads_actions, r.reads_people,
                   tsvector_to_array(to_tsvector($2::text::regconfig, e.payload - 'turn_id')) as words,
                   tsvector_to_array(to_tsvector('simple', e.payload - 'turn_id')) as names
                 from reader r join events e on e.agent_id = $1 and e.id = r.reply_event_id and e.payload is not null
                 union all
                 select 'candidate', c.id, r.reads_actions, r.reads_people, array(
                   select unnest(tsvector_to_array(to_tsvector($2::text::regconfig, c.content))) except select unnest(r.own)),
                   tsvector_to_array(to_tsvector('simple', c.content))
                 from reader r join memory_candidates c on c.agent_id = $1 and c.turn_id = r.id
                 union all
                 select 'action', a.id, r.reads_actions, r.reads_people, array(
                   select unnest(tsvector_to_array(to_tsvector($2::text::regconfig, a.summary)
                     || to_tsvector($2::text::regconfig, a.arguments))) except select unnest(r.own)),
                   tsvector_to_array(to_tsvector('simple', a.summary) || to_tsvector('simple', a.arguments))
                 from reader r join actions a on a.agent_id = $1 and a.turn_id = r.id
               )
               select s.kind as "kind!", s.id as "id!" from said s where s.reads_people and s.names && (
                   select array_agg(word) from origin o, unnest(o.words) as word where o.is_name)
                 or exists (
                 select from origin o, lateral (select count(*) as shared from (
                   select unnest(o.words) intersect select unnest(s.words)) as both_have) as n
                 where (not o.is_action or s.reads_actions) and not o.is_name
                   and n.shared > 0 and (n.shared >= $8 or n.shared * 2 >= cardinality(o.words)))"#,
            agent.0,
            words,
            &list(&reach.events),
            &list(&reach.named),
            &list(&reach.memories),
            &list(&reach.actions),
            readers,
            shared,
            &list(&reach.people)
        );
        for row in found.fetch_all(self.0.connection()).await? {
            match row.kind.as_str() {
                "reply" => reach.repeating.insert(row.id),
                "candidate" => reach.candidates.insert(row.id),
                _ => reach.actions.insert(row.id),
            };
        }
        Ok(())
    }
}
