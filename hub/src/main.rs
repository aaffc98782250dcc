//! The `hub` binary: parses the command and runs it.

use std::{io::Write, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use hub::commands;
use tokio::runtime::Runtime;

/// The authoritative hub of a personal AI agent.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(commands::serve::Args),
    Worker(commands::worker::Args),
    Migrate(commands::migrate::Args),
    Bootstrap(commands::bootstrap::Args),
    ClaimCode(commands::claim_code::Args),
    Doctor(commands::doctor::Args),
    Health(commands::health::Args),
    Openapi(commands::openapi::Args),
    /// Checks the audit log offline.
    Audit(commands::audit::Args),
    Satellite(commands::satellite::Args),
    Login(commands::login::Args),
    Logout(commands::logout::Args),
    Token(commands::token::Args),
    Say(commands::say::Args),
    Recall(commands::recall::Args),
    Inbox(commands::inbox::Args),
    Approve(commands::approve::Args),
    Reject(commands::reject::Args),
    Resolve(commands::resolve::Args),
    Pair(commands::pair::Args),
    Devices(commands::devices::Args),
}

/// How long the end waits for calls to the disk that are under way: one that hangs must not keep the process.
const LAST_CALLS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    hub::tls::choose_provider();
    let runtime = Runtime::new().expect("threads and timers can be made at start");
    let code = runtime.block_on(run(command)).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr().lock(), "hub: {error}");
        ExitCode::from(2)
    });
    runtime.shutdown_timeout(LAST_CALLS);
    code
}

async fn run(command: Command) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        Command::Serve(args) => Ok(commands::serve::run(args).await?),
        Command::Worker(args) => Ok(commands::worker::run(args).await?),
        Command::Migrate(args) => Ok(commands::migrate::run(args).await?),
        Command::Bootstrap(args) => Ok(commands::bootstrap::run(args).await?),
        Command::ClaimCode(args) => Ok(commands::claim_code::run(args).await?),
        Command::Doctor(args) => Ok(commands::doctor::run(args).await?),
        Command::Health(args) => Ok(commands::health::run(args).await),
        Command::Openapi(args) => Ok(commands::openapi::run(&args)?),
        Command::Audit(args) => Ok(commands::audit::run(args).await),
        Command::Satellite(args) => Ok(commands::satellite::run(args).await?),
        Command::Login(args) => Ok(commands::login::run(args).await),
        Command::Logout(args) => Ok(commands::logout::run(args).await),
        Command::Token(args) => Ok(commands::token::run(args).await),
        Command::Say(args) => Ok(commands::say::run(args).await),
        Command::Recall(args) => Ok(commands::recall::run(args).await),
        Command::Inbox(args) => Ok(commands::inbox::run(args).await),
        Command::Approve(args) => Ok(commands::approve::run(args).await),
        Command::Reject(args) => Ok(commands::reject::run(args).await),
        Command::Resolve(args) => Ok(commands::resolve::run(args).await),
        Command::Pair(args) => Ok(commands::pair::run(args).await),
        Command::Devices(args) => Ok(commands::devices::run(args).await),
    }
}
