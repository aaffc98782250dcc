//! One log an agent: positions dense from 1 in the order of commits, so that whoever reads by cursor misses nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hub::{
    audit::record::Record,
    events::{EventKind, NewEvent, Place, list},
    hub::Hub,
    identity::Actor,
    ids::{AgentId, EventId, PersonId, SessionId, SpaceId},
    storage::{EventFilter, Tx, TxScope},
};
use rand::{Rng, rngs::StdRng};
use serde_json::json;
use support::{Household, Seeded, TestHub};
use tokio::task::JoinSet;

const AGENTS: usize = 3;
const WRITERS_AN_AGENT: usize = 4;
const COMMITS_A_WRITER: usize = 25;

/// An agent and the one person in it who has private events.
#[derive(Clone, Copy)]
struct Scene {
    agent: AgentId,
    space: SpaceId,
    person: PersonId,
}

/// What all writers did to one agent, as they saw it.
#[derive(Default)]
struct Told {
    /// Event ids of commits that returned, with the last position.
    commits: Mutex<Vec<Commit>>,
    /// Event ids of commits that were given up in the middle: each may have happened.
    perhaps: Mutex<Vec<Vec<EventId>>>,
}

struct Commit {
    events: Vec<EventId>,
    last_position: i64,
    /// By a counter that every writer ticks: a commit that began after another's end is later in the log.
    began: u64,
    ended: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_by_cursor_sees_every_event_once_and_never_a_gap() {
    let hub = TestHub::start().await;
    let random = Seeded::default();
    let mut scenes = Vec::new();
    for number in 0..AGENTS {
        let home = hub.household(&format!("agent {number}")).await;
        scenes.push(scene(&home, number).await);
    }
    let told: Vec<Arc<Told>> = scenes.iter().map(|_| Arc::default()).collect();
    let (clock, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    for (number, (scene, told)) in scenes.iter().zip(&told).enumerate() {
        for writer in 0..WRITERS_AN_AGENT {
            let rng = random.fork((number * 10 + writer) as u64);
            writers.spawn(write(
                (*hub).clone(),
                *scene,
                Arc::clone(told),
                Arc::clone(&clock),
                rng,
            ));
        }
        for person in [Some(scene.person), None] {
            let rng = random.fork((number * 10 + 5 + usize::from(person.is_some())) as u64);
            let reading = read((*hub).clone(), *scene, person, Arc::clone(&is_over), rng);
            readers.spawn(async move { (number, person, reading.await) });
        }
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    while let Some(ended) = readers.join_next().await {
        let (number, person, read) = ended.unwrap();
        let truth = whole_log(&hub, scenes[number].agent, person).await;
        let missed: Vec<_> = truth.iter().filter(|event| !read.contains(event)).collect();
        assert!(
            missed.is_empty(),
            "a reader of agent {number}, who sees {person:?}, missed {missed:?}"
        );
        assert!(
            read == truth,
            "a reader of agent {number} saw too much, or in another order"
        );
    }
    for (scene, told) in scenes.iter().zip(&told) {
        check(&whole_log(&hub, scene.agent, Some(scene.person)).await, told);
    }
}

async fn scene(home: &Household, number: usize) -> Scene {
    Scene {
        agent: home.agent,
        space: home.kitchen.space,
        person: home.owner(&format!("owner {number}")).await.person,
    }
}

async fn write(hub: Hub, scene: Scene, told: Arc<Told>, clock: Arc<AtomicU64>, mut rng: StdRng) {
    for _ in 0..COMMITS_A_WRITER {
        let mut tx = begin(&hub, scene, &mut rng).await;
        if rng.random_ratio(1, 5) {
            tx.take_head().await.unwrap();
        }
        let events = append(&mut tx, scene, &mut rng);
        // The caller goes away in the middle of one commit in ten.
        let patience = Duration::from_micros(rng.random_range(0..3_000));
        let is_patient = rng.random_ratio(9, 10);
        match rng.random_range(0..10) {
            // Given up, holding the head row or not.
            0 => drop(tx),
            // Refused by Postgres after the positions were taken.
            1 => {
                let mut astray = event(scene, &mut rng);
                astray.place.session = Some(SessionId::mint());
                tx.append(astray);
                tx.commit().await.unwrap_err();
            }
            _ => {
                let began = clock.fetch_add(1, Ordering::SeqCst);
                let patience = if is_patient {
                    Duration::from_mins(1)
                } else {
                    patience
                };
                let Ok(committed) = tokio::time::timeout(patience, tx.commit()).await else {
                    told.perhaps.lock().unwrap().push(events);
                    continue;
                };
                let last_position = committed.unwrap().head.unwrap().position;
                let ended = clock.fetch_add(1, Ordering::SeqCst);
                told.commits.lock().unwrap().push(Commit {
                    events,
                    last_position,
                    began,
                    ended,
                });
            }
        }
    }
}

/// With either role.
async fn begin(hub: &Hub, scene: Scene, rng: &mut StdRng) -> Tx {
    let scope = if rng.random() {
        TxScope::WholeAgent(scene.agent)
    } else {
        TxScope::Agent {
            agent: scene.agent,
            person: Some(scene.person),
            view: hub::places::View::All,
        }
    };
    let mut tx = hub.db.begin(scope, Actor::hub()).await.unwrap();
    tx.record(Record::of("append_events"));
    tx
}

fn append(tx: &mut Tx, scene: Scene, rng: &mut StdRng) -> Vec<EventId> {
    let count = rng.random_range(1..=8);
    (0..count).map(|_| tx.append(event(scene, rng))).collect()
}

fn event(scene: Scene, rng: &mut StdRng) -> NewEvent {
    let place = Place {
        audience: rng.random_ratio(1, 3).then_some(scene.person),
        ..Place::in_space(scene.space)
    };
    NewEvent::by_hub(
        EventKind::Other("x.test".to_owned()),
        place,
        json!({"n": rng.random::<u32>()}),
    )
}

/// Polls by cursor until the writers are done and the end is reached. Returns what was seen, in order.
async fn read(
    hub: Hub,
    scene: Scene,
    person: Option<PersonId>,
    is_over: Arc<AtomicBool>,
    mut rng: StdRng,
) -> Vec<(i64, EventId)> {
    let scope = TxScope::Agent {
        agent: scene.agent,
        person,
        view: hub::places::View::All,
    };
    let (mut cursor, mut seen) = (None::<String>, Vec::new());
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let filter = EventFilter {
            most: rng.random_range(1..=20),
            ..EventFilter::default()
        };
        let mut tx = hub.db.begin(scope, Actor::hub()).await.unwrap();
        let page = list::list(&mut tx, cursor.as_deref(), filter).await.unwrap();
        drop(tx);
        let is_end = page.items.is_empty() && !page.has_more;
        seen.extend(page.items.iter().map(|event| (position(&event.cursor), event.id)));
        cursor = Some(page.next_cursor);
        if is_end && was_over {
            return seen;
        }
    }
}

async fn whole_log(hub: &TestHub, agent: AgentId, person: Option<PersonId>) -> Vec<(i64, EventId)> {
    let audience = person.map_or_else(String::new, |id| format!("or audience_person_id = '{id}'"));
    let rows: Vec<(i64, uuid::Uuid)> = hub
        .sql()
        .rows(&format!(
            "select position, id from hub.events where agent_id = '{agent}'
               and (audience_person_id is null {audience}) order by position"
        ))
        .await;
    rows.into_iter()
        .map(|(position, id)| (position, id.into()))
        .collect()
}

fn check(log: &[(i64, EventId)], told: &Told) {
    let dense: Vec<i64> = (1..).take(log.len()).collect();
    let positions: Vec<i64> = log.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, dense, "positions have gaps");
    let mut left: BTreeMap<EventId, i64> = log.iter().map(|(position, id)| (*id, *position)).collect();
    let commits = told.commits.lock().unwrap();
    assert!(commits.len() > COMMITS_A_WRITER, "hardly anything was committed");
    for commit in commits.iter() {
        let first = commit.last_position + 1 - i64::try_from(commit.events.len()).unwrap();
        for (position, id) in (first..).zip(&commit.events) {
            assert_eq!(
                left.remove(id),
                Some(position),
                "an event is not where its commit said"
            );
        }
        for other in commits.iter().filter(|other| commit.ended < other.began) {
            assert!(
                commit.last_position < other.last_position,
                "positions are not in the order of commits"
            );
        }
    }
    for events in told.perhaps.lock().unwrap().iter() {
        let there = events.iter().filter(|id| left.remove(id).is_some()).count();
        assert!(there == 0 || there == events.len(), "a commit happened by half");
    }
    left.retain(|_, position| *position > FOUNDING_EVENTS);
    assert_eq!(left, BTreeMap::new(), "the log holds what nobody committed");
}

/// A household begins with two spaces and two devices, an event each.
const FOUNDING_EVENTS: i64 = 4;

fn position(cursor: &str) -> i64 {
    cursor.split_once(':').unwrap().1.parse().unwrap()
}
