//! Everything at once: what happens in one household at the same moment does not stand in each other's way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hub::{
    actions::ActionState, error::Error, events::ingest::Outcome, hub::Hub, jobs::worker::run_next,
    places::PrivacyMode,
};
use serde_json::json;
use support::{Household, TestDevice, TestHub, User};
use tokio::task::JoinSet;

/// Things said by each of the two who talk.
const SAID: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn talking_thinking_deciding_and_doing_do_not_wait_for_each_other() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    for device in [&hub.home.kitchen, &hub.home.office] {
        device.connects(&["speaker.say"]).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let (mut talking, mut working) = (JoinSet::new(), JoinSet::new());
    for number in 0..2 {
        talking.spawn(talk(hub.home.kitchen.clone(), number));
    }
    for _ in 0..3 {
        working.spawn(work((*hub).clone(), Arc::clone(&is_over)));
    }
    working.spawn(decide(ada.clone(), Arc::clone(&is_over)));
    for device in [&hub.home.kitchen, &hub.home.office] {
        working.spawn(obey(device.clone(), Arc::clone(&is_over)));
    }
    working.spawn(switch(hub.home.clone(), Arc::clone(&is_over)));
    while let Some(ended) = talking.join_next().await {
        ended.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    while let Some(ended) = working.join_next().await {
        ended.unwrap();
    }
    settle(&hub, &ada).await;
    let again = hub.sql().values::<String>(
        "select format('turn %s, attempt %s: %s', state, attempt, reason) from hub.turns
           where state <> 'planned' or attempt <> 1
         union all select format('job %s, attempt %s: %s', kind, attempts, last_error) from hub.jobs
           where state <> 'done' or attempts > 0 or fence <> 1
         union all select format('action %s: %s', state, error) from hub.actions where state <> 'succeeded'
         union all select format('delivery %s', state) from hub.deliveries where state <> 'delivered'",
    );
    assert_eq!(
        again.await,
        Vec::<String>::new(),
        "what had to be done again, or came to nothing"
    );
    assert!(
        hub.sql().count("actions", "true").await > 5,
        "hardly anything happened"
    );
}

async fn talk(kitchen: TestDevice, number: usize) {
    for said in 0..SAID {
        let text = match said % 3 {
            0 => format!("tell the office that it is {number}:{said}"),
            1 => "what do you remember about the office".to_owned(),
            _ => format!("remember that the number is {said}"),
        };
        assert!(matches!(kitchen.hears(&text).await, Outcome::Accepted { .. }));
    }
}

async fn work(hub: Hub, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        run_next(&hub).await.unwrap();
    }
}

async fn decide(ada: User, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        approve_all(&ada).await;
    }
}

async fn approve_all(ada: &User) {
    for action in ada.actions(ActionState::Proposed).await {
        ada.approves(action.id).await.unwrap();
    }
}

async fn obey(device: TestDevice, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        carry_out(&device).await;
    }
}

async fn carry_out(device: &TestDevice) {
    for command in device.takes().await {
        device.acknowledges(command.id).await.unwrap();
        device.succeeds(command.id, json!({})).await.unwrap();
    }
}

/// In a room where nobody talks.
async fn switch(home: Household, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        for mode in [PrivacyMode::Private, PrivacyMode::Normal] {
            home.set_privacy(home.office.space, mode).await.unwrap();
        }
    }
}

/// What is under way comes to its end.
async fn settle(hub: &TestHub, ada: &User) {
    hub.run_jobs().await;
    approve_all(ada).await;
    hub.run_jobs().await;
    for device in [&hub.home.kitchen, &hub.home.office] {
        while hub
            .sql()
            .count(
                "commands",
                &format!("device_id = '{}' and state = 'queued'", device.id),
            )
            .await
            > 0
        {
            carry_out(device).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_want_the_same_name_do_not_wait_for_each_other() {
    let hub = TestHub::start().await;
    let space = hub.home.office.space;
    for round in 0..30 {
        let name = format!("room {round}");
        let mut both = JoinSet::new();
        let (home, wanted) = (hub.home.clone(), name.clone());
        both.spawn(async move { home.rename(space, &wanted).await });
        let (home, wanted) = (hub.home.clone(), name.clone());
        both.spawn(async move { home.make_space(&wanted).await });
        let ended = both.join_all().await;
        let refused: Vec<_> = ended.iter().filter_map(|ended| ended.as_ref().err()).collect();
        assert!(
            matches!(
                refused[..],
                [Error::Conflict {
                    code: "name_taken",
                    ..
                }]
            ),
            "{ended:?}"
        );
    }
}
