//! The hub under load: `hub serve` as a process of its own, thousands of satellites, and a REST client that feels what they
//! cost the others. `scripts/bench load` runs it on a durable Postgres. Every count is capped, and nothing but this machine is
//! ever connected to.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a load driver prints, says how far it is, and stops when something fails"
)]

mod commands;
mod fleet;
mod idle;
#[path = "../bench/percentiles.rs"]
mod percentiles;
mod person;
mod process;
mod reconnect;
mod town;

use clap::{Parser, Subcommand};

/// Measures `hub serve` under the load of many satellites, on this machine and on a throw-away database.
#[derive(Debug, Parser)]
#[command(
    name = "scripts/bench load",
    after_help = "Examples:\n  scripts/bench load idle\n  scripts/bench load idle --sockets 2000 --seconds 60\n  \
                  scripts/bench load commands --rate 100\n  scripts/bench load reconnect --sockets 5000"
)]
struct Arguments {
    #[command(subcommand)]
    load: Load,
    /// A setting of the hub, such as `HUB_SATELLITE__WORK_AT_ONCE=8`; may be given again.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Given by cargo.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Load {
    /// Satellites that say nothing: what each costs in memory, and that they stay.
    Idle(idle::Arguments),
    /// Commands sent over REST: how long until the device's result is durable, and how many a second are held.
    Commands(commands::Arguments),
    /// The hub is killed and comes back: how long until all satellites are welcome, and what REST feels of it.
    Reconnect(reconnect::Arguments),
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` calls this, too: measuring is for `cargo bench` only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Arguments { load, set, .. } = Arguments::parse();
    match load {
        Load::Idle(arguments) => Box::pin(idle::measure(arguments, set)).await,
        Load::Commands(arguments) => Box::pin(commands::measure(arguments, set)).await,
        Load::Reconnect(arguments) => Box::pin(reconnect::measure(arguments, set)).await,
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must look like KEY=VALUE")?;
    if key.starts_with("HUB_") {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err("must be a key of deploy/env.example, which begins with HUB_".to_owned())
    }
}

/// Settings of the hub, later ones in place of earlier ones.
type Settings = Vec<(String, String)>;

/// How far it is, for whoever waits.
fn tell(what: &str) {
    eprintln!("  … {what}");
}
