//! `cartage run`: stays in sync and serves the edges.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

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

/// The database can't be written for want of room.
const DISK_FULL: &str = "C0104";
/// A database that can't be written for want of room is opened again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// What histograms collect is summed up this often, whether or not anyone asks for it.
const UPKEEP: Duration = Duration::from_secs(30);

pub(super) async fn run(path: &Path) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    let _telemetry = telemetry::start(&loaded.config.telemetry)?;
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics can't be set up")?;
    let progress = Arc::new(Progress::new(Show::Nothing));
    let stop = until_interrupted();
    let Some(engine) = begin(&loaded, &progress, stop.clone()).await? else { return Ok(Exit::Done) };
    serve(&loaded, &engine, metrics, stop).await?;
    Ok(Exit::Done)
}

/// Opens the database and makes the flows known. While the disk is full that can't be done, and is tried again; none where
/// the process is to stop meanwhile.
async fn begin(
    loaded: &Loaded,
    progress: &Arc<Progress>,
    mut stop: watch::Receiver<bool>,
) -> Result<Option<Arc<Engine>>, Failure> {
    loop {
        let begun = async {
            let store = assemble::open(loaded)?;
            let engine = assemble::engine(loaded, store, clock(), Arc::<Progress>::clone(progress), false)?;
            engine.register().await?;
            Ok(engine)
        };
        match begun.await {
            Ok(engine) => return Ok(Some(engine)),
            Err(Failure::Fault(fault)) if fault.code == DISK_FULL => {
                tracing::error!(code = %fault.code, error = %fault, "the database can't be opened; it is tried again");
            }
            Err(failure) => return Err(failure),
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(None),
        }
    }
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
    let cadence = engine.origins.iter().map(|origin| (origin.pull.name.clone(), origin.cadence.clone())).collect();
    let served = Served {
        flows,
        // However many requests there are, pushing does not wait for a connection to the database.
        store: assemble::open_read_only(loaded)?,
        ledger: Arc::clone(&engine.store),
        cadence,
        clock: Arc::clone(&engine.clock),
        health: Arc::clone(&engine.health),
        metrics,
    };
    let upkeep = served.metrics.clone();
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    let mut stopped = stop.clone();
    let edges = tokio::spawn(server::serve(listener, server::router(served), server::Limits::default(), async move {
        let _stopped = stopped.wait_for(|stop| *stop).await.is_ok();
    }));
    let ran = engine.run(&stop).await;
    upkeep.abort();
    ran?;
    edges.await.context("the server ended")?.context("the server ended")?;
    tracing::info!("stopped: everything under way has ended");
    Ok(())
}
