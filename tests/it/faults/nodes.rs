//! Two servers and two workers on one database and one queue, each satellite at a server of its own; `kill -9` of each of the
//! four in turn under load.

use std::time::Duration;

use rand::Rng;
use support::{Aws, Program, Seeded};
use tokio::time::sleep;

use super::{SETTINGS, household::Household, judge, runs, verified};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_and_two_workers_lose_nothing_when_any_of_them_is_killed() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let aws = Aws::stand_in().await;
    let queue = aws.queue().await;
    let settings = [
        &SETTINGS[..],
        &aws.settings(),
        &[
            ("HUB_QUEUE__URL", &*queue.url),
            ("HUB_QUEUE__DEAD_LETTER_URL", &*queue.dead_letter_url),
            ("HUB_WORKER__IN_SERVE", "false"),
        ],
    ];
    let mut program = Program::new(&settings.concat()).await;
    program.start().await;
    let mut others = [
        program.beside("serve"),
        program.beside("worker"),
        program.beside("worker"),
    ];
    for other in &mut others {
        other.start(&program).await;
    }
    let mut home = Household::across(&program, &others[0].socket_url(), &seed).await;
    for run in 0..runs() {
        let time = Duration::from_millis(rng.random_range(300..2_000));
        home.talk(&mut rng, time).await;
        let pause = Duration::from_millis(rng.random_range(0..300));
        match usize::try_from(run).unwrap() % 4 {
            0 => {
                program.kill().await;
                sleep(pause).await;
                program.start().await;
            }
            which => {
                let other = &mut others[which - 1];
                other.kill().await;
                home.talk(&mut rng, pause).await;
                other.start(&program).await;
            }
        }
    }
    home.talk(&mut rng, Duration::from_millis(300)).await;
    home.drain(&mut program).await;
    queue.until_empty().await;
    let tally = home.settle(&program).await;
    for other in &mut others {
        assert!(other.stop().await, "each stops well:\n{}", program.tail());
    }
    let entries = verified(&mut program).await;
    let extra = format!("2 servers, 2 workers, 1 queue; audit log of {entries} whole");
    judge("one of four killed", runs(), &tally, &extra);
}
