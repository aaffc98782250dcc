//! Satellites that say nothing: bytes of the hub's memory for each, what their heartbeats cost, and that they stay.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    Settings,
    fleet::Fleet,
    process::{resident, worked},
    tell,
    town::Town,
};

/// Until what the start and the greetings needed is given back.
const CALM: Duration = Duration::from_secs(10);
/// How long all may take to come.
const GATHER_WITHIN: Duration = Duration::from_mins(3);
/// Satellites that connect at once.
const AT_ONCE: usize = 32;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Satellites, at most 10000.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    sockets: u16,
    /// How long they stay, in seconds, at most 600.
    #[arg(long, default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Their heartbeat, in seconds: shorter than the hub's own 15, so that a minute holds several.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    heartbeat: u64,
}

pub(crate) async fn measure(arguments: Arguments, mut set: Settings) {
    let Arguments {
        sockets,
        seconds,
        heartbeat,
    } = arguments;
    let (sockets, wanted) = (usize::from(sockets), u64::from(sockets));
    let beat_ms = (heartbeat * 1000).to_string();
    set.push(("HUB_SATELLITE__HEARTBEAT_MS".to_owned(), beat_ms));
    let mut town = Town::found(sockets, set).await;
    sleep(CALM).await;
    let pid = town.program.pid();
    let before = resident(pid);
    let (began, busy) = (Instant::now(), worked(pid));
    let (fleet, _told) = Fleet::launch(&town.devices, town.program.address(), AT_ONCE);
    let have_come = fleet.gather(sockets, GATHER_WITHIN).await;
    let (took, work) = (began.elapsed().as_secs_f64(), worked(pid).saturating_sub(busy));
    assert!(
        have_come && town.program.is_running(),
        "not all are welcome:\n{}",
        town.program.tail()
    );
    println!(
        "  {sockets} satellites are welcome after {took:.1} s, {AT_ONCE} at once; {:.2} ms of a processor each in the hub",
        work.as_secs_f64() * 1000.0 / f64::from(arguments.sockets)
    );
    println!(
        "  memory of the hub: {} before, {} when all have come",
        mib(before),
        mib(resident(pid))
    );
    sleep(CALM).await;
    let idle = resident(pid);
    let each = idle.saturating_sub(before) / wanted;
    println!("  idle: {}, {each} bytes for each (the bar: 30 KB)", mib(idle));
    stay(&fleet, &town, Duration::from_secs(seconds), heartbeat).await;
    let after = resident(pid);
    println!(
        "  after that: {}, {} bytes for each",
        mib(after),
        after.saturating_sub(before) / wanted
    );
}

async fn stay(fleet: &Fleet, town: &Town, time: Duration, heartbeat: u64) {
    let pid = town.program.pid();
    tell(&format!(
        "they stay for {} s, which is {} heartbeats",
        time.as_secs(),
        time.as_secs() / heartbeat
    ));
    let (began, busy) = (Instant::now(), worked(pid));
    let (lost, beats) = (&fleet.counts().lost, &fleet.counts().beats);
    let (had_lost, had_beats) = (lost.load(Ordering::Relaxed), beats.load(Ordering::Relaxed));
    sleep(time).await;
    let share = worked(pid).saturating_sub(busy).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    println!(
        "  in {} s: {} heartbeats answered, {} sockets lost, {share:.0} % of a processor",
        time.as_secs(),
        beats.load(Ordering::Relaxed) - had_beats,
        lost.load(Ordering::Relaxed) - had_lost
    );
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}
