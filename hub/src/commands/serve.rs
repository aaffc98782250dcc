//! `hub serve`: the whole hub in one process.

use std::{process::ExitCode, sync::Arc};

use tokio::net::TcpListener;

use super::{
    address,
    banner::banner,
    bootstrap::bootstrap_if_empty,
    descriptors,
    start::{
        StartError, keep_audit_log, keep_metrics_small, look_at_artifacts, open_queue, open_with, send_traces,
    },
};
use crate::{
    adapters::queue::Queue, config::Config, erasures, error::Error, events, http, hub::Hub, identity, jobs,
    lifecycle::stop_signal, satellite, telemetry,
};

/// Serves REST and satellites, and works on jobs unless told not to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hub serve\n  hub serve --migrate --bootstrap\n  HUB_HTTP__LISTEN=127.0.0.1:9000 hub serve --no-worker"
)]
pub struct Args {
    /// Bring the database to this program's schema first.
    #[arg(long)]
    migrate: bool,
    /// Make the first agent if there is none.
    #[arg(long)]
    bootstrap: bool,
    /// Leave the jobs to `hub worker`.
    #[arg(long)]
    no_worker: bool,
}

/// Runs the command.
pub async fn run(args: Args, mut config: Config) -> Result<ExitCode, StartError> {
    let spans = telemetry::start_log_and_traces(&config.log, &config.telemetry)?;
    config.tell_origins();
    descriptors::fit(&mut config);
    let metrics = telemetry::start_metrics()?;
    let listen = config.http.listen;
    // Before anything else: a second hub must not touch what the first one uses.
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| StartError::Listen(listen, error))?;
    let hub = open_with(config, Some(metrics), args.migrate).await?;
    let made = if args.bootstrap {
        bootstrap_if_empty(&hub).await?
    } else {
        None
    };
    let queue = open_queue(&hub).await?;
    look_at_artifacts(&hub).await?;
    keep_audit_log(&hub).await?;
    send_traces(&hub, spans)?;
    start(&hub, queue, !args.no_worker);
    let address = listener
        .local_addr()
        .map_err(|error| StartError::Listen(listen, error))?;
    address::leave(&hub.config.dir, address)
        .map_err(|error| Error::because("the address could not be left", error))?;
    // On the tracker, so that requests under way are finished before the audit log is.
    hub.lifecycle.spawn(http::serve::serve(hub.clone(), listener));
    super::say(&banner(&hub, address::reachable(address), made.as_ref()));
    tracing::info!(http.listen = %address, node = %hub.node, "the hub is listening");
    stop_signal().await;
    tracing::info!("stopping");
    hub.lifecycle.shut_down().await;
    hub.db.close().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Starts everything that runs beside the requests.
fn start(hub: &Hub, queue: Option<Arc<dyn Queue>>, with_worker: bool) {
    let with_worker = with_worker && hub.config.worker.in_serve;
    hub.db.run_bell(&hub.lifecycle);
    if let Some(queue) = queue {
        jobs::relay::start(hub, &queue);
        if with_worker {
            jobs::receive::start(hub, &queue);
        }
    }
    satellite::watch::start(hub);
    events::tail::start(hub);
    events::watchers::start(hub);
    identity::attempt::start(hub);
    identity::write_refusals::start(hub);
    keep_metrics_small(hub);
    if with_worker {
        jobs::worker::start(hub);
        jobs::sweep::start(hub);
        erasures::scrub::start(hub);
    }
}
