//! Embeddings go with their memories, and nearness crosses neither agents nor people.

use std::collections::BTreeSet;

use hub::{
    memory::embedding::{Dimensions, Embedding, EmbeddingModel},
    storage::Unembedded,
};
use rand::Rng;
use support::{EmbeddingServer, Seeded, TestHub, embedding_of};
use uuid::Uuid;

const MODEL: &str = "scripted-embeddings";
/// Memories of the property test, and questions asked of them.
const MEMORIES: usize = 300;
const QUESTIONS: usize = 40;

async fn home() -> (TestHub, EmbeddingServer) {
    let server = EmbeddingServer::start(&[(MODEL, Dimensions::D384)]).await;
    let hub = TestHub::builder().config(server.used_as(MODEL)).start().await;
    hub.home
        .kitchen
        .hears("remember that the automobile is in the garage")
        .await;
    hub.run_jobs().await;
    (hub, server)
}

#[tokio::test]
async fn a_memory_that_is_forgotten_superseded_or_edited_takes_its_embeddings_along() {
    let (hub, _server) = home().await;
    for change in [
        "lifecycle = 'forgotten'",
        "lifecycle = 'superseded'",
        "content = 'else'",
    ] {
        for role in ["hub_app", "hub_system"] {
            let mut session = hub.sql().as_role(role).await;
            session.works_for(hub.home.agent, None).await;
            let count = "select count(*) from embeddings_384";
            assert_eq!(session.value::<i64>(count).await, 2);
            let changed = session.tries(&format!("update memories set {change}")).await;
            assert_eq!(changed, Ok(2), "{role} {change}");
            assert_eq!(session.value::<i64>(count).await, 0, "{role} {change}");
        }
    }
}

#[tokio::test]
async fn a_memory_that_is_made_private_takes_its_embeddings_along() {
    let (hub, _server) = home().await;
    let bob = hub.member("bob").await;
    let mut session = hub.sql().as_role("hub_system").await;
    session.works_for(hub.home.agent, None).await;
    let make = format!("update memories set audience_person_id = '{}'", bob.person);
    assert_eq!(session.tries(&make).await, Ok(2));
    let his = format!(
        "select count(*) from embeddings_384 where audience_person_id = '{}'",
        bob.person
    );
    assert_eq!(session.value::<i64>(&his).await, 2);
}

/// What was read a moment ago may be gone by the time its embedding comes.
#[tokio::test]
async fn an_embedding_comes_too_late_for_what_is_not_what_it_was() {
    let (hub, _server) = home().await;
    hub.sql().execute("delete from hub.embeddings_384").await;
    let rows: Vec<(Uuid, String)> = hub
        .sql()
        .rows("select id, content from hub.memories order by id")
        .await;
    hub.sql()
        .execute(&format!(
            "update hub.memories set lifecycle = 'forgotten' where id = '{}'",
            rows[0].0
        ))
        .await;
    hub.sql()
        .execute(&format!(
            "update hub.memories set content = 'else' where id = '{}'",
            rows[1].0
        ))
        .await;
    let model = EmbeddingModel {
        name: MODEL.to_owned(),
        dimensions: Dimensions::D384,
    };
    let embedding = embedding_of("car", Dimensions::D384);
    let read: Vec<Unembedded> = rows
        .into_iter()
        .map(|(id, content)| Unembedded { id, content })
        .collect();
    let made: Vec<(&Unembedded, &Embedding)> = read.iter().map(|memory| (memory, &embedding)).collect();
    let mut tx = hub.home.whole().await;
    tx.embeddings().insert(&model, &made).await.unwrap();
    tx.embeddings()
        .refuse(&model, &read[0], "a problem")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(hub.sql().count("embeddings_384", "true").await, 0);
}

/// Random audiences and vectors: what comes is what a look at every row that may be seen would give, whatever is nearer.
#[tokio::test]
async fn a_nearer_memory_of_another_agent_or_person_is_never_returned() {
    let (hub, _server) = home().await;
    let next_door = hub.household("next door").await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    let eve = next_door.owner("eve").await;
    let mut random = Seeded::default();
    // Who may see what: an agent, and a person of it or its household.
    let eyes = [
        (hub.home.agent, None),
        (hub.home.agent, Some(ada.person)),
        (hub.home.agent, Some(bob.person)),
        (next_door.agent, None),
        (next_door.agent, Some(eve.person)),
    ];
    hub.sql().execute("delete from hub.embeddings_384").await;
    for _ in 0..MEMORIES {
        let (agent, person) = eyes[random.random_range(0..eyes.len())];
        let person = person.map_or_else(|| "null".to_owned(), |person| format!("'{person}'"));
        // Few directions, so that near ones are everywhere.
        let numbers: Vec<String> = (0..6)
            .map(|_| random.random_range(-3..=3_i32).to_string())
            .collect();
        let insert = format!(
            "with m as (insert into hub.memories (agent_id, id, tier, content, content_salt, words, importance, confidence,
                 trust, lifecycle, audience_person_id, space_id, valid_from, created_at)
               select s.agent_id, gen_random_uuid(), 'semantic', 'x', repeat('x', 32)::bytea, '', 0, 1, 'owner', 'committed',
                 {person}, s.id, now(), now()
               from hub.spaces s where s.agent_id = '{agent}' and s.name = 'kitchen' returning *)
             insert into hub.embeddings_384 (agent_id, owner_kind, owner_id, model, audience_person_id, embedding, created_at)
             select agent_id, 'memory', id, 'a model', audience_person_id,
               array[{}, 0.1]::real[] || array_fill(0::real, array[377]), now() from m",
            numbers.join(",")
        );
        hub.sql().execute(&insert).await;
    }
    for _ in 0..QUESTIONS {
        let (agent, person) = eyes[random.random_range(0..eyes.len())];
        // Somebody's memory as it is: the nearest of all is theirs.
        let question = "(select embedding::real[] from hub.embeddings_384 order by random() limit 1)";
        let question: Vec<f32> = hub.sql().value(&format!("select {question}")).await;
        let question = format!("array{question:?}::real[]");
        let audience = person.map_or_else(String::new, |person| {
            format!("or audience_person_id = '{person}'")
        });
        let visible = format!("agent_id = '{agent}' and (audience_person_id is null {audience})");
        let exact: Vec<(String, f64)> = hub
            .sql()
            .rows(&format!(
                "select owner_id::text, embedding <=> {question}::vector from hub.embeddings_384 where {visible}"
            ))
            .await;
        let mut session = hub.sql().as_role("hub_app").await;
        session.works_for(agent, person).await;
        let found: Vec<String> = session
            .value(&format!(
                "select coalesce(array_agg(memory_id::text), '{{}}') from recall_vectors({question}, 'a model', 10)"
            ))
            .await;
        let may_see: BTreeSet<&String> = exact.iter().map(|(id, _)| id).collect();
        assert_eq!(found.len(), may_see.len().min(10));
        assert!(
            found.iter().all(|id| may_see.contains(id)),
            "somebody else's: {found:?}"
        );
        let distance = |id: &String| exact.iter().find(|(other, _)| other == id).map(|(_, far)| *far);
        let nearest = exact.iter().map(|(_, far)| *far).fold(f64::MAX, f64::min);
        assert!(
            (distance(&found[0]).unwrap() - nearest).abs() < 1e-5,
            "a nearer one was missed"
        );
    }
}
