//! The `hub` binary: parses the command and runs it.

use std::{error::Error, io::Write, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use hub::{commands, config::Config};
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
    #[command(flatten)]
    Configured(ConfiguredCommand),
    /// Checks the audit log offline.
    Audit(commands::audit::Args),
    #[command(flatten)]
    Plain(PlainCommand),
}

/// Commands that want the hub's configuration.
#[derive(Debug, Subcommand)]
enum ConfiguredCommand {
    Serve(commands::serve::Args),
    Worker(commands::worker::Args),
    Migrate(commands::migrate::Args),
    Bootstrap(commands::bootstrap::Args),
    ClaimCode(commands::claim_code::Args),
    Doctor(commands::doctor::Args),
}

/// Commands that do without.
#[derive(Debug, Subcommand)]
enum PlainCommand {
    Health(commands::health::Args),
    Openapi(commands::openapi::Args),
    Satellite(commands::satellite::Args),
    Login(commands::login::Args),
    Logout(commands::logout::Args),
    Password(commands::password::Args),
    Token(commands::token::Args),
    Tokens(commands::tokens::Args),
    Delegations(commands::delegations::Args),
    Say(commands::say::Args),
    Recall(commands::recall::Args),
    Forget(commands::forget::Args),
    Share(commands::share::Args),
    Inbox(commands::inbox::Args),
    Approve(commands::approve::Args),
    Reject(commands::reject::Args),
    Resolve(commands::resolve::Args),
    Pair(commands::pair::Args),
    Devices(commands::devices::Args),
    Privacy(commands::privacy::Args),
    Invite(commands::invite::Args),
    Join(commands::join::Args),
    Members(commands::members::Args),
    People(commands::people::Args),
    Consent(commands::consent::Args),
    Prints(commands::prints::Args),
    #[command(alias = "recognize")]
    Recognise(commands::recognise::Args),
    Presence(commands::presence::Args),
}

/// What came of a command.
type Done = Result<ExitCode, Box<dyn Error>>;

/// How long the end waits for calls to the disk that are under way: one that hangs must not keep the process.
const LAST_CALLS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    hub::tls::choose_provider();
    match command {
        // Before there are threads.
        Command::Configured(command) => match Config::load() {
            Ok(config) => on_runtime(run_configured(command, config)),
            Err(error) => failed(&error),
        },
        Command::Audit(args) => {
            let task = args.find_log();
            on_runtime(async { Ok(commands::audit::run(task).await) })
        }
        Command::Plain(command) => on_runtime(run_plain(command)),
    }
}

fn on_runtime(work: impl Future<Output = Done>) -> ExitCode {
    let runtime = Runtime::new().expect("threads and timers can be made at start");
    let code = runtime.block_on(work).unwrap_or_else(|error| failed(&*error));
    runtime.shutdown_timeout(LAST_CALLS);
    code
}

fn failed(error: &dyn Error) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "hub: {error}");
    ExitCode::from(2)
}

async fn run_configured(command: ConfiguredCommand, config: Config) -> Done {
    match command {
        ConfiguredCommand::Serve(args) => Ok(commands::serve::run(args, config).await?),
        ConfiguredCommand::Worker(args) => Ok(commands::worker::run(args, config).await?),
        ConfiguredCommand::Migrate(args) => Ok(commands::migrate::run(args, config).await?),
        ConfiguredCommand::Bootstrap(args) => Ok(commands::bootstrap::run(args, config).await?),
        ConfiguredCommand::ClaimCode(args) => Ok(commands::claim_code::run(args, config).await?),
        ConfiguredCommand::Doctor(args) => Ok(commands::doctor::run(args, config).await?),
    }
}

async fn run_plain(command: PlainCommand) -> Done {
    match command {
        PlainCommand::Health(args) => Ok(commands::health::run(args).await),
        PlainCommand::Openapi(args) => Ok(commands::openapi::run(&args)?),
        PlainCommand::Satellite(args) => Ok(commands::satellite::run(args).await?),
        PlainCommand::Login(args) => Ok(commands::login::run(args).await),
        PlainCommand::Logout(args) => Ok(commands::logout::run(args).await),
        PlainCommand::Password(args) => Ok(commands::password::run(args).await),
        PlainCommand::Token(args) => Ok(commands::token::run(args).await),
        PlainCommand::Tokens(args) => Ok(commands::tokens::run(args).await),
        PlainCommand::Delegations(args) => Ok(commands::delegations::run(args).await),
        PlainCommand::Say(args) => Ok(commands::say::run(args).await),
        PlainCommand::Recall(args) => Ok(commands::recall::run(args).await),
        PlainCommand::Forget(args) => Ok(commands::forget::run(args).await),
        PlainCommand::Share(args) => Ok(commands::share::run(args).await),
        PlainCommand::Inbox(args) => Ok(commands::inbox::run(args).await),
        PlainCommand::Approve(args) => Ok(commands::approve::run(args).await),
        PlainCommand::Reject(args) => Ok(commands::reject::run(args).await),
        PlainCommand::Resolve(args) => Ok(commands::resolve::run(args).await),
        PlainCommand::Pair(args) => Ok(commands::pair::run(args).await),
        PlainCommand::Devices(args) => Ok(commands::devices::run(args).await),
        PlainCommand::Privacy(args) => Ok(commands::privacy::run(args).await),
        PlainCommand::Invite(args) => Ok(commands::invite::run(args).await),
        PlainCommand::Join(args) => Ok(commands::join::run(args).await),
        PlainCommand::Members(args) => Ok(commands::members::run(args).await),
        PlainCommand::People(args) => Ok(commands::people::run(args).await),
        PlainCommand::Consent(args) => Ok(commands::consent::run(args).await),
        PlainCommand::Prints(args) => Ok(commands::prints::run(args).await),
        PlainCommand::Recognise(args) => Ok(commands::recognise::run(args).await),
        PlainCommand::Presence(args) => Ok(commands::presence::run(args).await),
    }
}
