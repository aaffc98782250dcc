//! How the built program starts: with what, and what it says when it does not.

mod database;
mod delegations;
mod deployed;
mod forgetting;
mod https;
mod logs;
mod members;
mod pairing;
mod people;
mod queue;
mod recognition;
mod secrets;
mod settings;
mod sign_ins;
mod tokens;
mod worker;

use std::time::Duration;

use support::Program;
use tokio::time::timeout;

/// A debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The command of a satellite at this address that ends when it has nothing to do for so many seconds.
fn satellite<'a>(name: &'a str, url: &'a str, linger_s: &'a str) -> [&'a str; 7] {
    [
        "satellite",
        name,
        "--exit-when-done",
        "--linger",
        linger_s,
        "--url",
        url,
    ]
}

/// What a command says that does not go well.
async fn refused(program: &Program, arguments: &[&str]) -> String {
    let (is_well, said) = timeout(PATIENCE, program.run(arguments)).await.expect("it ends");
    assert!(!is_well, "{said}");
    said
}
