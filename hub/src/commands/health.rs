//! `hub health`: asks a running hub how it is, for containers and supervisors, which bring no curl.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use super::{
    address,
    remote::{BaseUrl, Call, Client, Failure, SignInFile},
    terminal::Terminal,
};
use crate::config::{DataDir, data_dir};

/// A hub that lives answers at once; this is shorter than what supervisors usually wait for a check.
const PATIENCE: Duration = Duration::from_secs(4);

/// Ask whether the hub of this data folder is alive
///
/// Exits with 0 when it is, else with 1 and a word on why.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Examples:\n  hub health\n  hub health --ready")]
pub struct Args {
    /// The hub's address [default: where the hub of `.hub` listens]
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,

    /// Certificates in PEM of authorities to trust beside the system's, for https
    #[arg(long, value_name = "FILE", env = "HUB_CA_FILE", hide_env = true)]
    ca_file: Option<PathBuf>,

    /// Ask whether it is ready: the database answers, the audit log has not stopped, and it is not closing
    #[arg(long)]
    ready: bool,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    match ask(&args, &data_dir()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Terminal::standard().remark(format!("hub health: {failure}"));
            // Docker reserves the 2 of the other commands.
            ExitCode::FAILURE
        }
    }
}

/// As nobody in particular: a health check has no sign-in, and must not spend a person's.
async fn ask(args: &Args, dir: &DataDir) -> Result<(), Failure> {
    let base = args.url.clone();
    let base = base.unwrap_or_else(|| BaseUrl::of(address::find(dir)));
    let client = Client::new(base, args.ca_file.clone(), SignInFile::of(dir))?;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let call = Call::get(path).open();
    let answered = tokio::time::timeout(PATIENCE, client.call_openly(&call)).await;
    answered.map_or_else(
        |_| {
            let (url, waited) = (client.base().clone(), PATIENCE);
            Err(Failure::Late { url, waited })
        },
        |answer| answer.map(drop),
    )
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::get};
    use tokio::net::TcpListener;

    use super::{super::remote::testing::Folder, *};

    /// Alive, and not ready.
    async fn closing_hub() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/healthz", get(async || r#"{"status":"alive"}"#))
            .route(
                "/readyz",
                get(async || (StatusCode::SERVICE_UNAVAILABLE, r#"{"is_closing":true}"#)),
            );
        let serving = async move { axum::serve(listener, router).await.unwrap() };
        #[expect(clippy::disallowed_methods, reason = "a server of a test ends with the test")]
        tokio::spawn(serving);
        address
    }

    #[tokio::test]
    async fn a_hub_is_found_by_its_folder_and_may_be_alive_without_being_ready() {
        let folder = Folder::new();
        address::leave(&folder.0, closing_hub().await).unwrap();
        ask(&Args::default(), &folder.0).await.unwrap();
        let ready = Args {
            ready: true,
            ..Args::default()
        };
        let refused = ask(&ready, &folder.0).await.unwrap_err().to_string();
        assert!(refused.contains("503"), "{refused}");
    }

    #[tokio::test]
    async fn a_hub_that_is_gone_is_not_alive() {
        let folder = Folder::new();
        let gone = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        address::leave(&folder.0, gone).unwrap();
        let refused = ask(&Args::default(), &folder.0).await.unwrap_err();
        assert!(matches!(refused, Failure::Unreachable { .. }), "{refused}");
    }
}
