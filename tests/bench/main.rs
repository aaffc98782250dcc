//! The figures of DESIGN that one process can measure of itself, each beside a limit measured in the same run.
//! `scripts/bench` runs it on a durable Postgres.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops when something fails"
)]

mod appends;
mod commands;
mod percentiles;
mod queue;
mod recall;
mod turns;

use std::time::Duration;

use percentiles::percentiles;

/// How long each measurement runs.
const ROUND: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    // `cargo test --benches` calls this, too: measuring is for `cargo bench` only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if is_asked_for("appends") {
        println!("event appends (durable, one writer, {} s each)", ROUND.as_secs());
        appends::measure(ROUND).await;
    }
    if is_asked_for("commands") {
        println!("\ncommand round trip hub -> satellite -> hub, same node, both durable (100/s)");
        Box::pin(commands::measure(ROUND * 2)).await;
    }
    if is_asked_for("recall") {
        println!(
            "\nrecall at 100,000 memories, given the question's embedding, by what its agent holds of them"
        );
        recall::measure().await;
    }
    if is_asked_for("queue") {
        println!(
            "\nevents and turns by two worker processes, without and with SQS (a stand-in on this machine)"
        );
        Box::pin(queue::measure(ROUND)).await;
    }
    if is_asked_for("turns") {
        println!("\nthe hub's share of an offline turn (claim to commit)");
        turns::measure(ROUND).await;
    }
}

/// Whether a figure was named, or none was.
fn is_asked_for(figure: &str) -> bool {
    let mut words = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .peekable();
    words.peek().is_none() || words.any(|word| word == figure)
}
