//! Everyone at once: the hub is killed and comes back, and so do its satellites, while a person goes on reading and writing.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Settings, fleet::Fleet, person::Person, process::worked, tell, town::Town};

/// How long all may take to come, the first time and again.
const GATHER_WITHIN: Duration = Duration::from_mins(2);
/// Satellites that connect at once, the first time.
const AT_ONCE: usize = 32;
/// What a person meets with when nothing else happens is measured for this long.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Satellites, at most 10000.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    sockets: u16,
}

pub(crate) async fn measure(arguments: Arguments, set: Settings) {
    let sockets = usize::from(arguments.sockets);
    let mut town = Town::found(sockets, set).await;
    let person = Person::move_in(&town).await;
    let (fleet, _told) = Fleet::launch(&town.devices, town.program.address(), AT_ONCE);
    let have_come = fleet.gather(sockets, GATHER_WITHIN).await;
    assert!(have_come, "not all are welcome:\n{}", town.program.tail());
    tell("all are welcome; the audit log catches up");
    sleep(QUIET).await;
    let trying = person.try_on(&town).await;
    sleep(QUIET).await;
    trying.say("before");

    fleet.open_the_door();
    let killed_at = Instant::now();
    town.program.kill().await;
    tell("the hub was killed");
    town.program.start().await;
    let ready_at = Instant::now();
    trying.begin();
    let are_back = fleet.gather(sockets, GATHER_WITHIN).await;
    trying.say("in the storm");
    let busy = worked(town.program.pid()).as_secs_f64() / ready_at.elapsed().as_secs_f64() * 100.0;
    println!(
        "  the hub was ready {:.1} s after it was killed, and used {busy:.0} % of a processor",
        (ready_at - killed_at).as_secs_f64()
    );
    say(&fleet, ready_at, sockets);
    assert!(are_back, "not all came back:\n{}", town.program.tail());
    trying.begin();
    sleep(QUIET).await;
    trying.say("after");
}

fn say(fleet: &Fleet, ready_at: Instant, sockets: usize) {
    let mut welcomed = fleet.welcomed_at();
    welcomed.sort();
    let at = |share: usize| {
        let index = (sockets * share).div_ceil(100).saturating_sub(1);
        welcomed.get(index).map_or_else(
            || "never".to_owned(),
            |at| format!("{:.1} s", at.saturating_duration_since(ready_at).as_secs_f64()),
        )
    };
    let count = |count: &std::sync::atomic::AtomicUsize| count.load(Ordering::Relaxed);
    let counts = fleet.counts();
    println!(
        "  welcome again since then: half after {}, nine in ten after {}, all after {}",
        at(50),
        at(90),
        at(100)
    );
    println!(
        "  sent away to come later: {}; tries that failed: {}; sockets lost: {}",
        count(&counts.later),
        count(&counts.failed),
        count(&counts.lost)
    );
}
