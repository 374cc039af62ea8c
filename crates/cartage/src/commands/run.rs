//! `cartage run`: stays in sync and serves the edges.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context as _;
use engine::run::Engine;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use server::Served;
use tokio::{net::TcpListener, sync::watch};

use super::{clock, load, until_interrupted};
use crate::{
    assemble,
    config::Loaded,
    output::{Exit, Failure},
    progress::{Progress, Show},
    telemetry,
};

pub(super) async fn run(path: &Path) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    let _telemetry = telemetry::start(&loaded.config.telemetry)?;
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics can't be set up")?;
    let progress = Arc::new(Progress::new(Show::Nothing));
    let store = assemble::open(&loaded)?;
    let engine = assemble::engine(&loaded, store, clock(), progress, false)?;
    engine.register().await?;
    serve(&loaded, &engine, metrics, until_interrupted()).await?;
    Ok(Exit::Done)
}

/// Runs the engine and its edges until `stop` turns true.
pub(super) async fn serve(
    loaded: &Loaded,
    engine: &Arc<Engine>,
    metrics: PrometheusHandle,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let listen = loaded.config.server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("server.listen {listen} can't be listened on; is another `cartage run` there?"))?;
    tracing::info!(listen = %listener.local_addr().map_err(anyhow::Error::from)?, flows = engine.flows.len(), "running");
    let flows: BTreeMap<_, _> = engine
        .flows
        .iter()
        .filter_map(|flow| {
            let origin = engine.origins.iter().find(|origin| origin.pull.name == flow.source)?;
            Some((flow.name.clone(), (Arc::clone(flow), origin.pull.source.lanes())))
        })
        .collect();
    let served = Served {
        flows,
        store: Arc::clone(&engine.store),
        clock: Arc::clone(&engine.clock),
        health: Arc::clone(&engine.health),
        metrics,
    };
    let mut stopped = stop.clone();
    let edges = tokio::spawn(server::serve(listener, server::router(served), async move {
        let _stopped = stopped.wait_for(|stop| *stop).await.is_ok();
    }));
    engine.run(&stop).await?;
    edges.await.context("the server ended")?.context("the server ended")?;
    tracing::info!("stopped: everything under way has ended");
    Ok(())
}
