//! `hub worker`: jobs and sweeps without a server.

use std::process::ExitCode;

use tokio::net::TcpListener;

use super::start::{
    StartError, keep_audit_log, keep_metrics_small, look_at_artifacts, open_queue, open_with, send_traces,
};
use crate::{
    config::{Config, OperationsListen},
    erasures, http, jobs,
    lifecycle::stop_signal,
    telemetry,
};

/// Works on jobs beside any number of `hub serve --no-worker`, and says how it is where `worker.listen` names an address.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hub worker\n  HUB_WORKER__CONCURRENCY=8 hub worker\n  HUB_WORKER__LISTEN=127.0.0.1:9090 hub worker"
)]
pub struct Args {}

/// Runs the command.
pub async fn run(_: Args, config: Config) -> Result<ExitCode, StartError> {
    let spans = telemetry::start_log_and_traces(&config.log, &config.telemetry)?;
    config.tell_origins();
    let metrics = telemetry::start_metrics()?;
    // Before anything else, as `serve` does: an address that is taken is said at once.
    let listener = listen(config.worker.listen).await?;
    let hub = open_with(config, Some(metrics), false).await?;
    let queue = open_queue(&hub).await?;
    look_at_artifacts(&hub).await?;
    hub.db.run_bell(&hub.lifecycle);
    keep_audit_log(&hub).await?;
    send_traces(&hub, spans)?;
    if let Some(queue) = queue {
        jobs::relay::start(&hub, &queue);
        jobs::receive::start(&hub, &queue);
    }
    keep_metrics_small(&hub);
    jobs::worker::start(&hub);
    jobs::sweep::start(&hub);
    erasures::scrub::start(&hub);
    if let Some(listener) = listener {
        hub.lifecycle
            .spawn(http::serve::serve_operations(hub.clone(), listener));
    }
    tracing::info!(node = %hub.node, "the worker is working");
    stop_signal().await;
    hub.lifecycle.shut_down().await;
    hub.db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn listen(OperationsListen(address): OperationsListen) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    bound
        .map(Some)
        .map_err(|error| StartError::WorkerListen(address, error))
}
