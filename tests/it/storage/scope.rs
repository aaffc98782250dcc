//! A unit of work sees what it was begun for, and nothing of the one that had its connection before.

use hub::{
    identity::Actor,
    ids::{AgentId, PersonId},
    page::PageRequest,
    storage::TxScope,
};
use rand::{Rng, seq::IndexedRandom};
use support::{Seeded, TestHub};

const PAGE: PageRequest = PageRequest {
    after: None,
    limit: 50,
};

#[tokio::test]
async fn a_connection_remembers_nothing_of_who_had_it_before() {
    let hub = TestHub::builder()
        .config(|config| config.database.app_connections = 1)
        .start()
        .await;
    let next_door = hub.household("next door").await;
    let (ada, bob) = (hub.owner("ada").await, hub.member("bob").await);
    let eve = next_door.owner("eve").await;
    for user in [&ada, &bob, &eve] {
        user.says("remember that my secret is mine", "1").await.unwrap();
    }
    hub.run_jobs().await;
    let mut random = Seeded::default();
    let everyone: [(AgentId, Option<PersonId>); 5] = [
        (hub.home.agent, Some(ada.person)),
        (hub.home.agent, Some(bob.person)),
        (hub.home.agent, None),
        (next_door.agent, Some(eve.person)),
        (next_door.agent, None),
    ];
    for _ in 0..60 {
        let (agent, person) = *everyone.choose(&mut random).unwrap();
        let mut tx = hub
            .db
            .begin(
                TxScope::Agent {
                    agent,
                    person,
                    view: hub::places::View::All,
                },
                Actor::hub(),
            )
            .await
            .unwrap();
        let seen = tx.memories().list(None, PAGE).await.unwrap();
        // The fact and what was said; of the household's eyes, nothing: it was said in private.
        assert_eq!(seen.len(), if person.is_some() { 2 } else { 0 });
        assert!(seen.iter().all(|memory| memory.audience_person_id == person));
        if random.random() {
            tx.commit().await.unwrap();
        }
    }
}

/// An agent that is not there is nobody's: nothing is seen, and nothing can be written for it.
#[tokio::test]
async fn an_unknown_agent_has_nothing() {
    let hub = TestHub::start().await;
    let scope = TxScope::Agent {
        agent: AgentId::mint(),
        person: None,
        view: hub::places::View::All,
    };
    let mut tx = hub.db.begin(scope, Actor::hub()).await.unwrap();
    assert!(tx.places().spaces(PAGE).await.unwrap().is_empty());
    assert!(tx.take_head().await.is_err());
}
