//! A satellite cut off at every frame of a session, in both directions, before the frame and after it: the end is always the
//! same.

use std::{sync::Arc, time::Duration};

use hub::actions::ActionState;
use secrecy::ExposeSecret;
use support::{Cut, Edge, Household, Served, Side, TestHub, Wire, transcript};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::satellite::Satellite;

/// How long a session may take.
const WITHIN: Duration = Duration::from_secs(30);

/// What a session came to.
#[derive(Debug, PartialEq)]
struct End {
    /// The agent's log without the comings and goings of sockets, as words in order of the alphabet.
    log: Vec<String>,
    /// Every command with its state and result.
    commands: Vec<String>,
    /// How often the satellite carried out each.
    carried_out: Vec<u32>,
}

/// The office asks to be told something itself, is asked back, a person approves, and it does what it was told.
async fn session(hub: &TestHub, served: &Served, name: &str, cut: Option<Cut>) -> (End, [usize; 2], usize) {
    let home = hub.household(name).await;
    let ada = home.owner(&format!("ada of {name}")).await;
    let wire = Wire::to(served.address(), cut).await;
    let tasks = TaskTracker::new();
    let token = home.office.token.expose_secret();
    let office = Satellite::start(&wire.socket_url(), token, &tasks);
    let deadline = Instant::now() + WITHIN;
    let wait = |what: &str| {
        assert!(Instant::now() < deadline, "{cut:?}: {what}; {:?}", office.state());
        sleep(Duration::from_millis(5))
    };
    while office.state().connections == 0 {
        wait("not welcome").await;
    }
    office.says(transcript("one", "tell the office that dinner is ready"));
    let action = loop {
        match ada.actions(ActionState::Proposed).await.pop() {
            Some(action) => break action.id,
            None => wait("nothing is proposed").await,
        }
    };
    while office.state().journal.len() != 1 || !office.is_settled() {
        wait("the reply does not settle").await;
    }
    ada.approves(action).await.unwrap();
    while ada.action(action).await.state != ActionState::Succeeded || !office.is_settled() {
        wait("the action does not succeed").await;
    }
    assert_eq!(wire.was_cut(), cut.is_some(), "{cut:?} never came");
    let state = office.state();
    assert_eq!(state.wrong, Vec::<String>::new(), "{cut:?}");
    let frames = [wire.frames(Side::Satellite), wire.frames(Side::Hub)];
    drop(office);
    tasks.close();
    tasks.wait().await;
    (
        end(hub, &home, state.carried_out.into_values().collect()).await,
        frames,
        state.connections,
    )
}

async fn end(hub: &TestHub, home: &Household, carried_out: Vec<u32>) -> End {
    let agent = home.agent;
    let log = format!(
        "select concat_ws(' ', type, payload->>'state', payload->>'kind') from hub.events
         where agent_id = '{agent}' and type <> 'device.presence' order by 1"
    );
    let commands = format!(
        "select concat_ws(' ', kind, state, result is not null, is_late) from hub.commands
         where agent_id = '{agent}' order by seq"
    );
    End {
        log: hub.sql().values(&log).await,
        commands: hub.sql().values(&commands).await,
        carried_out,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_satellite_cut_at_any_frame_comes_to_the_same_end() {
    let hub = Arc::new(TestHub::start().await);
    let served = Served::with_workers(&hub).await;
    let (whole, frames, connections) = session(&hub, &served, "whole", None).await;
    assert_eq!((connections, &whole.carried_out[..]), (1, &[1, 1][..]));
    let [up, down] = frames;
    assert!(
        up >= 6 && down >= 8,
        "the whole session has {up} frames up and {down} down"
    );
    let mut cuts = 0;
    for (side, most) in [(Side::Satellite, up), (Side::Hub, down)] {
        for frame in 1..=most.min(if side == Side::Satellite { 6 } else { 8 }) {
            for edge in [Edge::Before, Edge::After] {
                let cut = Cut { side, frame, edge };
                let (end, ..) = session(&hub, &served, &format!("cut {cuts}"), Some(cut)).await;
                assert_eq!(end, whole, "{cut:?}");
                cuts += 1;
            }
        }
    }
    summary(cuts, up, down);
}

#[expect(clippy::print_stdout, reason = "what was counted is shown")]
fn summary(cuts: usize, up: usize, down: usize) {
    let commands = 2 * cuts;
    println!(
        "faults: satellite cut {cuts} times, before and after each of {up} frames up and {down} down; {cuts} events, \
         {cuts} actions, {commands} commands; every end the same; 0 unknown, 0 lost, 0 doubled"
    );
}
