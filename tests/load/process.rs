//! What the system says of a process.

use std::{fs, time::Duration};

/// Ticks a second in which Linux counts a process's time.
const TICKS: u64 = 100;
/// Open files of a driver besides its sockets.
const OTHERS: u64 = 200;

/// Raises what this process may open to what so many sockets need, or says what is in the way.
pub(crate) fn allow_files(sockets: usize) {
    let needed = u64::try_from(sockets).unwrap() + OTHERS;
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(
        limit >= needed,
        "{sockets} sockets need {needed} open files and {limit} are allowed: raise the limit (ulimit -Hn) or take fewer"
    );
}

/// Bytes of a process that are in memory.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// How long a process has had a processor.
pub(crate) fn worked(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in brackets, may hold anything; user's and system's time are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}
