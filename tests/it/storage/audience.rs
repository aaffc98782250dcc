//! Tenants cannot meet, nor people who did not choose to: tried on every table that the catalogue knows.

use hub::events::ingest::Outcome;
use support::{Household, RoleSession, TestHub, User};

/// SQLSTATE of a row that a policy forbids.
const FORBIDDEN: &str = "42501";

/// A household in which Bob has private things in every table that can hold some.
struct Story {
    hub: TestHub,
    next_door: Household,
    ada: User,
    bob: User,
}

impl Story {
    async fn tell() -> Self {
        let hub = TestHub::start().await;
        let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
        let next_door = hub.household("next door").await;
        next_door.owner("eve").await;
        let (kitchen, office) = (&hub.home.kitchen, &hub.home.office);
        office.connects(&["speaker.say"]).await;
        // Bob's own device: what it hears is his, and so is the reply.
        let owned = format!(
            "update hub.devices set person_id = '{}' where id = '{}'",
            bob.person, kitchen.id
        );
        hub.sql().execute(&owned).await;
        for said in [
            "remember that my safe's number is 1234",
            "tell the office that I love it",
        ] {
            assert!(matches!(kitchen.hears(said).await, Outcome::Accepted { .. }));
        }
        hub.run_jobs().await;
        let action = bob.actions(hub::actions::ActionState::Proposed).await.remove(0);
        bob.approves(action.id).await.unwrap();
        hub.run_jobs().await;
        // An embedding of each length for what is remembered, as the job makes them.
        for width in [384, 768, 1024, 1536] {
            let embed = format!(
                "insert into hub.embeddings_{width} (agent_id, owner_kind, owner_id, model, audience_person_id, embedding,
                   created_at)
                 select agent_id, 'memory', id, 'a model', audience_person_id, array_fill(1::real, array[{width}]), created_at
                 from hub.memories"
            );
            hub.sql().execute(&embed).await;
        }
        let artifact = format!(
            "insert into hub.artifacts (agent_id, id, audience_person_id, space_id, media_type, size_bytes, sha256, state, created_at)
             values ('{}', '{}', '{}', '{}', 'text/plain', 1, decode(repeat('00', 32), 'hex'), 'pending', now())",
            hub.home.agent, bob.id, bob.person, kitchen.space
        );
        hub.sql().execute(&artifact).await;
        let shadow = format!(
            "insert into hub.device_shadows (agent_id, device_id, audience_person_id, reported) values ('{}', '{}', '{}', '{{\"steps\": 9}}')",
            hub.home.agent, kitchen.id, bob.person
        );
        hub.sql().execute(&shadow).await;
        // The offline rules ask no model, so they take no step.
        let step = format!(
            "insert into hub.turn_steps (agent_id, turn_id, ordinal, audience_person_id, attempt, outcome, duration_ms, created_at)
             select agent_id, id, 1, audience_person_id, 1, 'answered', 1, now() from hub.turns
             where audience_person_id = '{}' limit 1",
            bob.person
        );
        hub.sql().execute(&step).await;
        // Somebody forgot something before.
        let forgotten = format!(
            "insert into hub.erasures (agent_id, id, audience_person_id, target_kind, target_id, counts, erased_at, scrub_by)
             values ('{0}', '{1}', '{1}', 'memory', '{1}', '{{}}', now(), now());
             insert into hub.memory_tombstones (agent_id, id, audience_person_id, erasure_id, content_sha256, forgotten_at)
             values ('{0}', '{1}', '{1}', '{1}', decode(repeat('00', 32), 'hex'), now())",
            hub.home.agent, bob.person
        );
        hub.sql().execute(&forgotten).await;
        let story = Self {
            hub,
            next_door,
            ada,
            bob,
        };
        story.assert_that_bob_is_everywhere().await;
        story
    }

    async fn assert_that_bob_is_everywhere(&self) {
        for table in self.private_tables().await {
            let his = format!("audience_person_id = '{}'", self.bob.person);
            assert!(
                self.hub.sql().count(&table, &his).await > 0,
                "tell a story that puts something into {table}"
            );
        }
    }

    async fn private_tables(&self) -> Vec<String> {
        let tables = self.tables_with("audience_person_id").await;
        assert!(tables.len() >= 13, "the catalogue was not read");
        tables
    }

    async fn tables_with(&self, column: &str) -> Vec<String> {
        self.hub
            .sql()
            .values(&format!(
                "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
                 where c.relnamespace = 'hub'::regnamespace and c.relkind = 'r' and a.attname = '{column}' order by 1"
            ))
            .await
    }

    /// Ada and nobody in particular: neither of them is Bob.
    async fn the_others(&self) -> Vec<(&'static str, RoleSession)> {
        let mut ada = self.app().await;
        ada.works_for(self.hub.home.agent, Some(self.ada.person)).await;
        let mut nobody = self.app().await;
        nobody.works_for(self.hub.home.agent, None).await;
        vec![("ada", ada), ("nobody", nobody)]
    }

    async fn app(&self) -> RoleSession {
        self.hub.sql().as_role("hub_app").await
    }

    /// A row as a literal that `jsonb_populate_record` reads.
    async fn a_row(&self, table: &str, condition: &str) -> Option<String> {
        let rows: Vec<String> = self
            .hub
            .sql()
            .values(&format!(
                "select quote_literal(to_jsonb(t)::text) from hub.{table} t where {condition} limit 1"
            ))
            .await;
        rows.into_iter().next()
    }
}

fn insert(table: &str, row: &str) -> String {
    format!("insert into {table} select * from jsonb_populate_record(null::{table}, {row}::jsonb)")
}

#[tokio::test]
async fn nobody_sees_what_is_bobs() {
    let story = Story::tell().await;
    let his = format!("audience_person_id = '{}'", story.bob.person);
    let mut bob = story.app().await;
    bob.works_for(story.hub.home.agent, Some(story.bob.person)).await;
    for (who, mut session) in story.the_others().await {
        for table in story.private_tables().await {
            let question = format!("select count(*) from {table} where {his}");
            assert_eq!(
                session.value::<i64>(&question).await,
                0,
                "{who} sees Bob's {table}"
            );
            assert!(
                bob.value::<i64>(&question).await > 0,
                "Bob does not see his own {table}"
            );
        }
    }
}

#[tokio::test]
async fn nobody_recalls_what_is_bobs() {
    let story = Story::tell().await;
    assert!(!story.bob.recalls("the number of the safe").await.is_empty());
    assert!(story.ada.recalls("the number of the safe").await.is_empty());
    let lanes = [
        "recall_words('safe', 'english', 100)",
        "recall_vectors(array_fill(1::real, array[384]), 'a model', 100)",
        "recall_vectors(array_fill(1::real, array[768]), 'a model', 100)",
        "recall_vectors(array_fill(1::real, array[1024]), 'a model', 100)",
        "recall_vectors(array_fill(1::real, array[1536]), 'a model', 100)",
    ];
    for lane in lanes {
        let found = format!("select count(*) from {lane}");
        let mut bob = story.app().await;
        bob.works_for(story.hub.home.agent, Some(story.bob.person)).await;
        assert!(bob.value::<i64>(&found).await > 0, "{lane} finds nothing at all");
        for (who, mut session) in story.the_others().await {
            let seen = session.value::<i64>(&found).await;
            assert_eq!(seen, 0, "{who} recalls what is Bob's by {lane}");
        }
        let mut next_door = story.app().await;
        next_door
            .works_for(story.next_door.agent, Some(story.bob.person))
            .await;
        let seen = next_door.value::<i64>(&found).await;
        assert_eq!(seen, 0, "another agent recalls what is Bob's by {lane}");
    }
}

#[tokio::test]
async fn nobody_writes_for_bob() {
    let story = Story::tell().await;
    let his = format!("audience_person_id = '{}'", story.bob.person);
    for (who, mut session) in story.the_others().await {
        for table in story.private_tables().await {
            let row = story.a_row(&table, &his).await.unwrap();
            let code = session.refusal_of(&insert(&table, &row)).await;
            assert_eq!(code, FORBIDDEN, "{who} inserts into Bob's {table}");
        }
    }
}

/// Making somebody else the only one who sees a thing would hide it from those who do.
#[tokio::test]
async fn nobody_gives_the_households_things_to_bob() {
    let story = Story::tell().await;
    story
        .hub
        .sql()
        .execute("update hub.sessions set audience_person_id = null")
        .await;
    story
        .hub
        .sql()
        .execute("update hub.actions set audience_person_id = null")
        .await;
    for (who, mut session) in story.the_others().await {
        for table in ["sessions", "actions"] {
            let give = format!("update {table} set audience_person_id = '{}'", story.bob.person);
            assert_eq!(
                session.refusal_of(&give).await,
                FORBIDDEN,
                "{who} gives {table} away"
            );
        }
    }
}

#[tokio::test]
async fn an_agent_sees_nothing_of_another() {
    let story = Story::tell().await;
    let mut session = story.app().await;
    // Even with Bob's id in hand.
    session
        .works_for(story.next_door.agent, Some(story.bob.person))
        .await;
    for table in story.tables_with("agent_id").await {
        let may_read = format!("select has_table_privilege('hub_app', 'hub.{table}', 'select')");
        if story.hub.sql().value::<bool>(&may_read).await {
            let foreign = format!(
                "select count(*) from {table} where agent_id <> '{}'",
                story.next_door.agent
            );
            assert_eq!(session.value::<i64>(&foreign).await, 0, "{table}");
        }
    }
    assert_eq!(session.value::<i64>("select count(*) from agents").await, 1);
}

#[tokio::test]
async fn an_agent_writes_nothing_for_another() {
    let story = Story::tell().await;
    let home = format!("agent_id = '{}'", story.hub.home.agent);
    let mut session = story.app().await;
    session.works_for(story.next_door.agent, None).await;
    let mut tried = 0;
    for table in story.tables_with("agent_id").await {
        if let Some(row) = story.a_row(&table, &home).await {
            let code = session.refusal_of(&insert(&table, &row)).await;
            assert_eq!(code, FORBIDDEN, "{table}");
            tried += 1;
        }
    }
    assert!(tried >= 20, "the story reached {tried} tables");
}

/// The row of one agent, written as another's own: what it refers to is not there.
#[tokio::test]
async fn an_agent_refers_to_nothing_of_another() {
    let story = Story::tell().await;
    let (home, away) = (story.hub.home.agent, story.next_door.agent);
    let mut tried = 0;
    for table in story.referring_tables().await {
        let Some(row) = story.a_row(&table, &format!("agent_id = '{home}'")).await else {
            continue;
        };
        // As the role that may write for anyone: only the references can refuse it.
        let mut session = story.hub.sql().as_role("hub_system").await;
        let moved = row.replace(&home.to_string(), &away.to_string());
        // What would be refused for another reason.
        let moved = format!(
            "({moved}::jsonb || jsonb_build_object('name', 'moved', 'audience_person_id', null, 'token_sha256', '\\x{}'))::text",
            "ab".repeat(32)
        );
        assert_eq!(session.refusal_of("set constraints all immediate").await, "");
        let code = session.refusal_of(&insert(&table, &moved)).await;
        assert_eq!(code, "23503", "{table}");
        tried += 1;
    }
    assert!(tried >= 15, "the story reached {tried} tables");
}

impl Story {
    /// Tables with a reference to another table of their agent, and that `hub_system` may insert into. Not spaces: their
    /// names in the two homes are the same, which is refused first. Nor pairings: they belong to no agent.
    async fn referring_tables(&self) -> Vec<String> {
        self.hub
            .sql()
            .values(
                "select distinct c.relname::text from pg_constraint k join pg_class c on c.oid = k.conrelid
                   join pg_class t on t.oid = k.confrelid
                 where k.contype = 'f' and c.relnamespace = 'hub'::regnamespace and t.relname not in ('agents', 'users')
                   and cardinality(k.conkey) > 1 and has_table_privilege('hub_system', c.oid, 'insert')
                   and c.relname not in ('spaces', 'pairings', 'erasures', 'people')
                 order by 1",
            )
            .await
    }
}
