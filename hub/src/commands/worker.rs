//! `hub worker`: jobs and sweeps without a server.

use std::process::ExitCode;

use super::start::{
    StartError, keep_audit_log, keep_metrics_small, look_at_artifacts, open_queue, open_with, send_traces,
};
use crate::{config::Config, jobs, lifecycle::stop_signal, telemetry};

/// Works on jobs beside any number of `hub serve --no-worker`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hub worker\n  HUB_WORKER__CONCURRENCY=8 hub worker")]
pub struct Args {}

/// Runs the command.
pub async fn run(_: Args, config: Config) -> Result<ExitCode, StartError> {
    let spans = telemetry::start_log_and_traces(&config.log, &config.telemetry)?;
    config.tell_origins();
    let metrics = telemetry::start_metrics()?;
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
    tracing::info!(node = %hub.node, "the worker is working");
    stop_signal().await;
    hub.lifecycle.shut_down().await;
    hub.db.close().await;
    Ok(ExitCode::SUCCESS)
}
