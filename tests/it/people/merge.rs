//! Two people turn out to be one: what goes where, and who may say so.

use std::collections::BTreeSet;

use hub::{
    identity::Role,
    storage::{MOVED, STAYING},
};
use serde_json::{Value, json};
use support::heard;

use super::Story;

impl Story {
    /// The kitchen hears somebody, by what it calls them. The person of the event.
    pub(super) async fn hears(&self, participant: &str, text: &str) -> Value {
        let mut said = heard(text);
        said.payload["participant"] = json!(participant);
        self.hub.home.kitchen.sends(vec![said]).await.unwrap();
        self.hub.run_jobs().await;
        let path = "events?types=transcript&limit=200";
        let events = self.owner.get(path).await.expect(200);
        events.items().last().unwrap()["person_id"].clone()
    }
}

#[tokio::test]
async fn what_is_the_ones_is_the_others_from_then_on() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &["Granny"]).await;
    let voice = story.knows("voice-7", &["the one who hums"]).await;
    // Since before it was refused that two are called the same.
    let same = format!("update hub.people set aliases = '{{granny,the one who hums}}' where id = '{voice}'");
    story.hub.sql().execute(&same).await;
    assert_eq!(
        story.hears("voice-7", "the key is under the mat").await,
        json!(voice)
    );
    let merged = story.merges(&story.owner, &voice, &nora).await.expect(200);
    assert_eq!(
        (&merged.json["person"]["id"], &merged.json["person"]["aliases"]),
        (&json!(nora), &json!(["Granny", "voice-7", "the one who hums"]))
    );
    assert_eq!(story.named(&voice).await, [] as [String; 0]);
    let events = story
        .owner
        .get("events?types=transcript&limit=200")
        .await
        .expect(200);
    assert_eq!(events.items()[0]["person_id"], json!(nora));
    assert_eq!(story.hears("Voice-7", "good morning").await, json!(nora));
    // Whoever asks for the one is told of the other.
    let found = story.owner.get(&format!("people/{voice}")).await.expect(200);
    assert_eq!(found.json["id"], json!(nora));
    let people = story.owner.get("people?limit=200").await.expect(200);
    assert!(people.items().iter().all(|person| person["id"] != json!(voice)));
    let path = format!("people/{voice}");
    let renamed = story.owner.patch(&path, json!({"name": "again"})).await;
    let refused = renamed.refuses(409, "merged");
    assert!(refused.text("/detail").contains(&nora));
    let again = json!({"purpose": "voice", "evidence": "said so"});
    let _ = story
        .owner
        .post(&format!("{path}/consents"), again)
        .await
        .refuses(404, "not_found");
    let told = story.owner.get("events?types=person.merged").await.expect(200);
    assert_eq!(
        told.items().last().unwrap()["payload"],
        json!({"person_id": voice, "into_person_id": nora})
    );
    // Again changes nothing.
    let again = story.merges(&story.owner, &voice, &nora).await.expect(200);
    assert_eq!(again.json["person"], merged.json["person"]);
    let entries = story.entries("merge_person").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["resource"]["id"], json!(voice));
    assert_eq!(entries[0]["details"]["into_person_id"], json!(nora));
    assert!(!entries[0].to_string().contains("Nora"), "names are content");
}

#[tokio::test]
async fn a_login_goes_by_its_users_own_word_with_all_that_is_theirs_alone() {
    let story = Story::new().await;
    story
        .says(&story.admin, "remember that zanzibar is an island")
        .await;
    story
        .says(&story.admin, "tell the office that zanzibar is nice")
        .await;
    let artifact = json!({"name": "a", "media_type": "text/plain", "size_bytes": 6, "is_private": true,
        "sha256": "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba"});
    let _ = story.admin.post("artifacts", artifact).await.expect(201);
    let robert = story.knows("Robert", &[]).await;
    let old = story.bob.person.to_string();
    let by_ada = story.merges(&story.owner, &old, &robert).await;
    let _ = by_ada.refuses(409, "needs_their_word");
    // Nor is a program's word his own.
    let program = json!({"name": "all", "scopes": ["people:write"]});
    let program = story.admin.post("tokens", program).await.expect(201);
    let program = story.rest.bearer(program.text("/secret"));
    let _ = story
        .merges(&program, &old, &robert)
        .await
        .refuses(409, "needs_their_word");
    assert!(story.named(&old).await.len() > 8, "{:?}", story.named(&old).await);
    let merged = story.merges(&story.admin, &old, &robert).await.expect(200);
    assert_eq!(merged.json["person"]["user_id"], json!(story.bob.id));
    assert_eq!(story.named(&old).await, [] as [String; 0]);
    // He sees what he saw, nobody else does, and what he says next is his.
    let memory = story.admin.memory("zanzibar").await.unwrap();
    assert_eq!(memory["audience_person_id"], json!(robert));
    assert!(story.owner.memory("zanzibar").await.is_none());
    story
        .says(&story.admin, "remember that the bins go out on Monday")
        .await;
    let memory = story.admin.memory("bins").await.unwrap();
    assert_eq!(memory["audience_person_id"], json!(robert));
    assert_eq!(story.hub.sql().count("conversations", "kind = 'direct'").await, 1);
}

#[tokio::test]
async fn two_talks_become_one_with_one_open_session() {
    let story = Story::new().await;
    let cleo = story.knows("Cleo", &[]).await;
    story
        .says(&story.admin, "remember that zanzibar is an island")
        .await;
    // As if she had had a login once: talk of hers alone, at the same place.
    let space = story.hub.home.elsewhere;
    for sql in [
        format!(
            "insert into hub.conversations (agent_id, id, kind, space_id, audience_person_id, created_at)
             values ('{0}', gen_random_uuid(), 'direct', '{space}', '{cleo}', now())",
            story.hub.home.agent
        ),
        format!(
            "insert into hub.sessions (agent_id, id, conversation_id, space_id, audience_person_id, state, opened_at, last_event_at)
             select agent_id, gen_random_uuid(), id, space_id, audience_person_id, 'open', now(), now() from hub.conversations
             where audience_person_id = '{cleo}'"
        ),
    ] {
        story.hub.sql().execute(&sql).await;
    }
    let old = story.bob.person.to_string();
    let refused = story.merges(&story.admin, &old, &cleo).await;
    let _ = refused.refuses(409, "private_things");
    // Between people without logins it is enough that the household is run by who says it.
    let dora = story.knows("Dora", &[]).await;
    let _ = story.merges(&story.owner, &cleo, &dora).await.expect(200);
    let nina = story.knows("Nina", &[]).await;
    let _ = story.merges(&story.owner, &dora, &nina).await.expect(200);
    assert_eq!(story.named(&dora).await, [] as [String; 0]);
    assert_eq!(story.named(&cleo).await, [] as [String; 0]);
    let of_nina = format!("audience_person_id = '{nina}' and state = 'closed'");
    assert_eq!(story.hub.sql().count("sessions", &of_nina).await, 1);
    // Whoever was merged before is the last one now, too.
    let found = story.owner.get(&format!("people/{cleo}")).await.expect(200);
    assert_eq!(found.json["id"], json!(nina));
    let back = story.merges(&story.owner, &nina, &cleo).await;
    let _ = back.refuses(409, "merged");
}

#[tokio::test]
async fn what_is_not_recorded_is_not_begun_anew() {
    let story = Story::new().await;
    story.says(&story.admin, "hello").await;
    let session = story.admin.get("sessions?is_open=true").await.expect(200);
    let mine = session
        .items()
        .iter()
        .find(|session| session["kind"] == "direct")
        .unwrap();
    let path = format!("sessions/{}", mine["id"].as_str().unwrap());
    let _ = story
        .admin
        .patch(&path, json!({"is_recorded": false}))
        .await
        .expect(200);
    let robert = story.knows("Robert", &[]).await;
    let old = story.bob.person.to_string();
    let _ = story
        .merges(&story.admin, &old, &robert)
        .await
        .refuses(409, "not_recorded");
    let _ = story
        .admin
        .patch(&path, json!({"is_recorded": true}))
        .await
        .expect(200);
    let _ = story.merges(&story.admin, &old, &robert).await.expect(200);
}

#[tokio::test]
async fn nobody_is_merged_into_whom_it_does_not_concern() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    let (ada, bob) = (story.ada.person.to_string(), story.bob.person.to_string());
    let _ = story
        .merges(&story.owner, &bob, &ada)
        .await
        .refuses(409, "two_logins");
    let _ = story
        .merges(&story.owner, &ada, &bob)
        .await
        .refuses(409, "two_logins");
    let itself = story.merges(&story.owner, &nora, &nora).await;
    let _ = itself.refuses(422, "invalid").points_at("/into");
    let away = story.hub.household("away").await;
    let eve = away.owner("eve").await.person.to_string();
    let away = story.merges(&story.owner, &nora, &eve).await;
    let _ = away.refuses(422, "invalid").points_at("/into");
    let _ = story
        .merges(&story.owner, &eve, &nora)
        .await
        .refuses(404, "not_found");
    let malformed = story.merges(&story.owner, &nora, "nora").await;
    let _ = malformed.refuses(422, "invalid").points_at("/into");
    for role in [Role::Member, Role::Guest] {
        let somebody = story.hub.home.user(role.as_str(), role).await;
        let client = story.rest.user(&somebody).await;
        let own = somebody.person.to_string();
        let _ = story.merges(&client, &nora, &own).await.refuses(403, "forbidden");
    }
    // Somebody whose login ended has had one: their private things are for nobody else.
    let gone = story.hub.home.user("gone", Role::Member).await;
    let client = story.rest.user(&gone).await;
    story.says(&client, "remember that zanzibar is mine").await;
    let _ = story
        .owner
        .delete(&format!("members/{}", gone.id))
        .await
        .expect(200);
    let old = gone.person.to_string();
    let _ = story
        .merges(&story.owner, &old, &ada)
        .await
        .refuses(409, "two_logins");
    let _ = story
        .merges(&story.owner, &old, &nora)
        .await
        .refuses(409, "needs_their_word");
    assert_eq!(story.entries("merge_person").await, [] as [Value; 0]);
}

#[tokio::test]
async fn names_and_devices_have_a_bound() {
    let story = Story::new().await;
    let names = |kind: &str| {
        (0..12)
            .map(|number| format!("{kind} {number}"))
            .collect::<Vec<_>>()
    };
    let (first, second) = (names("a"), names("b"));
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    let one = story.knows("One", &first).await;
    let other = story.knows("Other", &second).await;
    let _ = story
        .merges(&story.owner, &one, &other)
        .await
        .refuses(409, "too_many_names");
    let nora = story.knows("Nora", &[]).await;
    let dora = story.knows("Dora", &[]).await;
    let own = format!(
        "update hub.devices set person_id = '{nora}' where id = '{}'",
        story.hub.home.office.id
    );
    story.hub.sql().execute(&own).await;
    let _ = story
        .merges(&story.owner, &nora, &dora)
        .await
        .refuses(409, "has_devices");
    // A device of the other's would be told what is theirs alone who are merged: those have none, or it is their word.
    let _ = story.merges(&story.owner, &dora, &nora).await.expect(200);
}

#[tokio::test]
async fn whoever_forgets_the_one_forgets_the_other() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    let voice = story.knows("zanzibar-7", &[]).await;
    let grant = json!({"purpose": "recording", "evidence": "zanzibar said so"});
    let path = format!("people/{voice}/consents");
    let _ = story.owner.post(&path, grant).await.expect(201);
    let _ = story
        .hears("zanzibar-7", "remember that the zanzibar key is under the mat")
        .await;
    let _ = story.merges(&story.owner, &voice, &nora).await.expect(200);
    let own = story.owner.get(&path).await.expect(200);
    assert_eq!(own.items().len(), 1, "the history is kept as theirs");
    let gone = format!("people/{voice}/forget");
    let _ = story.owner.post(&gone, json!({})).await.refuses(404, "not_found");
    let path = format!("people/{nora}/forget");
    let _ = story.owner.post(&path, json!({})).await.expect(200);
    let left = "select count(*) from hub.people where forgotten_at is not null";
    assert_eq!(story.hub.sql().value::<i64>(left).await, 2);
    for (table, column) in [
        ("people", "name || aliases::text"),
        ("consents", "evidence"),
        ("events", "payload::text"),
        ("memories", "content"),
        ("idempotency_keys", "answer::text"),
    ] {
        let holds = format!("{column} ilike '%zanzibar%'");
        assert_eq!(story.hub.sql().count(table, &holds).await, 0, "{table}");
    }
    let _ = story
        .merges(&story.owner, &nora, &story.ada.person.to_string())
        .await
        .refuses(409, "forgotten");
}

/// A new column that names a person has to move, or say why it need not.
#[tokio::test]
async fn every_column_that_names_a_person_is_known_to_a_merge() {
    let story = Story::new().await;
    let found: BTreeSet<(String, String)> = story
        .hub
        .sql()
        .rows::<(String, String)>(
            "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
             where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped
               and c.relname not like 'embeddings\\_%' and (a.attname like '%person%' or exists (
                 select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f'
                   and k.confrelid = 'hub.people'::regclass and a.attnum = any (k.conkey) and a.attname <> 'agent_id'))",
        )
        .await
        .into_iter()
        .collect();
    let known: BTreeSet<(String, String)> = MOVED
        .iter()
        .map(|(table, column)| (table, column))
        .chain(STAYING.iter().map(|(table, column, _)| (table, column)))
        .map(|(table, column)| ((*table).to_owned(), (*column).to_owned()))
        .collect();
    assert_eq!(
        known, found,
        "a column is new, or gone: does it say whose something is? Then a merge has to move it (storage/people/merge.rs)"
    );
    let source = include_str!("../../../hub/src/storage/people/merge.rs");
    for (table, column) in MOVED.iter().filter(|(table, _)| *table != "conversations") {
        let is_moved = source.split("update ").any(|statement| {
            statement.starts_with(&format!("{table} ")) && statement.contains(&format!("{column} = "))
        });
        assert!(is_moved, "nothing moves {table}.{column}");
    }
    // And nothing is written under the name of who was merged.
    let unguarded: Vec<String> = story
        .hub
        .sql()
        .values(
            "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
             where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped
               and a.attname = 'audience_person_id' and c.relname not like 'embeddings\\_%' and not exists (
                 select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'of_somebody' and t.tgdeferrable
                   and t.tginitdeferred)",
        )
        .await;
    assert_eq!(unguarded, [] as [String; 0], "call hub.follow_people");
}
