//! Two servers and two workers on one database, one queue and one bucket, each as if on a machine of its own, and each satellite at
//! a server of its own: `kill -9` of each of the four in turn under load, and the bell between them dead.

use std::{fs, time::Duration};

use rand::Rng;
use support::{Aws, Node, Program, Seeded, TestQueue};
use tokio::time::sleep;

use super::{SETTINGS, household::Household, judge, runs, verified};

/// Two servers and two workers. They share the database, the queue, the bucket, and copies of the keys.
struct Machines {
    first: Program,
    others: [Node; 3],
    queue: TestQueue,
    bucket: String,
}

impl Machines {
    async fn start(hear_each_other: bool) -> Self {
        let aws = Aws::stand_in().await;
        let (queue, bucket) = (aws.queue().await, aws.bucket(true).await.to_string());
        let artifacts = aws.bucket(false).await.to_string();
        let own = [
            ("HUB_QUEUE__URL", &*queue.url),
            ("HUB_QUEUE__DEAD_LETTER_URL", &*queue.dead_letter_url),
            ("HUB_AUDIT__STORE", &*bucket),
            ("HUB_ARTIFACTS__STORE", &*artifacts),
            ("HUB_WORKER__IN_SERVE", "false"),
        ];
        let mut first = Program::new(&[&SETTINGS[..], &aws.settings(), &own].concat()).await;
        if !hear_each_other {
            first.mute_the_bell().await;
        }
        first.start().await;
        let mut others = ["serve", "worker", "worker"].map(|command| first.elsewhere(command));
        for other in &mut others {
            other.start(&first).await;
        }
        Self {
            first,
            others,
            queue,
            bucket,
        }
    }

    /// Everyone stops, and the log in the bucket is whole, whoever looks. Returns how many entries it has.
    async fn stop(mut self) -> i64 {
        self.queue.until_empty().await;
        for other in &mut self.others {
            assert!(other.stop().await, "each stops well:\n{}", self.first.tail());
        }
        let entries = verified(&mut self.first).await;
        for other in &self.others {
            let has = fs::read_dir(other.dir()).unwrap().flatten();
            let mut has: Vec<_> = has.map(|entry| entry.file_name()).collect();
            has.retain(|name| name != "address");
            assert_eq!(has, ["keys"], "a machine keeps nothing that another would miss");
            let asked = ["audit", "verify", &self.bucket];
            let (is_whole, said) = other.run(&self.first, &asked).await;
            assert!(is_whole, "{said}");
        }
        entries
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_and_two_workers_lose_nothing_when_any_of_them_is_killed() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let mut machines = Machines::start(true).await;
    let office_at = machines.others[0].socket_url();
    let mut home = Household::across(&machines.first, &office_at, &seed).await;
    for run in 0..runs() {
        let time = Duration::from_millis(rng.random_range(300..2_000));
        home.talk(&mut rng, time).await;
        let pause = Duration::from_millis(rng.random_range(0..300));
        match usize::try_from(run).unwrap() % 4 {
            0 => {
                machines.first.kill().await;
                sleep(pause).await;
                machines.first.start().await;
            }
            which => {
                let other = &mut machines.others[which - 1];
                other.kill().await;
                home.talk(&mut rng, pause).await;
                other.start(&machines.first).await;
            }
        }
    }
    home.talk(&mut rng, Duration::from_millis(300)).await;
    home.drain(&mut machines.first).await;
    let tally = home.settle(&machines.first).await;
    let entries = machines.stop().await;
    let extra = format!("2 servers, 2 workers, 1 queue, 1 bucket; audit log of {entries} whole");
    judge("one of four killed", runs(), &tally, &extra);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_that_never_hear_each_other_lose_nothing() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let mut machines = Machines::start(false).await;
    let office_at = machines.others[0].socket_url();
    let mut home = Household::across(&machines.first, &office_at, &seed).await;
    home.talk(&mut rng, Duration::from_secs(2)).await;
    home.drain(&mut machines.first).await;
    let unheard = machines.first.rings_unheard().await;
    assert!(unheard > 0, "the bell was rung in vain");
    let tally = home.settle(&machines.first).await;
    let entries = machines.stop().await;
    let extra = format!("{unheard} rings unheard; audit log of {entries} whole");
    judge("the bell between four dead", 1, &tally, &extra);
}
