//! `cartage run`: stays in sync and serves the edges.

use std::{collections::BTreeMap, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use contract::Fault;
use engine::{pull::Receiver, run::Engine};
use metrics_exporter_prometheus::PrometheusHandle;
use model::SourceName;
use server::Served;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use super::{Session, clock, control, load_with_flows, until_interrupted};
use crate::{
    assemble,
    config::Loaded,
    measure,
    output::{Exit, Failure, failure_text},
    progress::{Progress, Show},
    telemetry::{
        self,
        levels::{Shows, Verbosity},
    },
};

/// The code of the fault of a full disk.
const DISK_FULL: &str = "C0104";
/// The database is opened again after this while the disk is full.
const AGAIN: Duration = Duration::from_secs(5);
/// What histograms collect is summed up this often, whether or not anyone asks for it.
const UPKEEP: Duration = Duration::from_secs(30);

pub(super) async fn run(path: &Path, verbosity: Verbosity) -> Result<Exit, Failure> {
    let loaded = load_with_flows(path)?;
    let _telemetry = telemetry::start(&loaded.config.telemetry, verbosity, Shows::Log)?;
    let metrics = measure::install()?;
    metrics::gauge!("cartage_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let progress = Arc::new(Progress::new(Show::Nothing));
    let stop = until_interrupted();
    let mut hangups = Hangups::new()?;
    let listener = listen(loaded.config.server.listen)?;
    let begin = async || {
        let store = assemble::open(&loaded)?;
        let engine = assemble::engine(&loaded, store, clock(), Arc::<Progress>::clone(&progress), false)?;
        engine.register().await?;
        Ok(engine)
    };
    let Some(engine) = once_there_is_space(begin, stop.clone()).await? else { return Ok(Exit::Done) };
    let mut now = Round { loaded: Arc::new(loaded), engine, listener };
    while let Some(next) = serve(path, &now, metrics.clone(), stop.clone(), &mut hangups).await? {
        let register = async || Ok(next.engine.register().await?);
        if once_there_is_space(register, stop.clone()).await?.is_none() {
            break;
        }
        now = next;
    }
    tracing::info!("stopped: everything under way has ended");
    Ok(Exit::Done)
}

/// Does `work`, and again for as long as the disk is full; none if the process is to stop meanwhile.
async fn once_there_is_space<T, F>(work: impl Fn() -> F, mut stop: watch::Receiver<bool>) -> Result<Option<T>, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    loop {
        match work().await {
            Ok(done) => return Ok(Some(done)),
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

/// What one configuration is carried out with.
struct Round {
    loaded: Arc<Loaded>,
    engine: Arc<Engine>,
    /// Stays open from one round to the next, so that no request is refused between them.
    listener: std::net::TcpListener,
}

fn listen(at: SocketAddr) -> Result<std::net::TcpListener, Failure> {
    let why = || format!("server.listen {at} can't be listened on; is another `cartage run` there?");
    Ok(std::net::TcpListener::bind(at).with_context(why)?)
}

/// Runs the engine, its edges and its control socket until `stop` turns true, or until another configuration follows.
async fn serve(
    path: &Path,
    now: &Round,
    metrics: PrometheusHandle,
    mut stop: watch::Receiver<bool>,
    hangups: &mut Hangups,
) -> Result<Option<Round>, Failure> {
    let engine = &now.engine;
    let listener = now.listener.try_clone()?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    tracing::info!(listen = %listener.local_addr()?, flows = engine.flows.len(), "running");
    measure::begin(engine);
    let (ending, end) = watch::channel(false);
    let upkeep = tokio::spawn(keep_up(metrics.clone()));
    let edges = server::router(served(&now.loaded, engine, metrics)?);
    let edges = tokio::spawn(server::serve(listener, edges, server::Limits::default(), until(end.clone())));
    let (asks, mut asked) = mpsc::channel(1);
    let control = control::serve(Session::running(&now.loaded, engine, end.clone()), asks, until(end.clone()));
    let mut running = tokio::spawn({
        let (engine, end) = (Arc::clone(engine), end.clone());
        async move { engine.run(&end).await }
    });
    let next = loop {
        let asked = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break None,
            ended = &mut running => return ended.context("the engine ended")?.map(|()| None).map_err(Failure::from),
            Some(asked) = asked.recv() => Some(asked),
            () = hangups.next() => None,
        };
        let read = next(path, now);
        if let Err(failure) = &read {
            tracing::error!(error = failure_text(failure), "the configuration was not read again; the old one stays");
        }
        let (next, answer) = match read {
            Ok(next) => (Some(next), Ok(())),
            Err(failure) => (None, Err(failure)),
        };
        // Whoever asked may have left.
        let _left = asked.map(|asked| asked.send(answer));
        if next.is_some() {
            tracing::info!("another configuration follows");
            break next;
        }
    };
    ending.send_replace(true);
    upkeep.abort();
    running.await.context("the engine ended")??;
    control.await;
    edges.await.context("the server ended")?.context("the server ended")?;
    Ok(next)
}

/// Reads the configuration again and puts together what it asks for.
fn next(path: &Path, now: &Round) -> Result<Round, Failure> {
    let (loaded, before) = (load_with_flows(path)?, &now.loaded.config);
    if loaded.config.store.path != before.store.path {
        return Err(Fault::config("C0830", "store.path can't be changed while it runs")
            .hint("stop `cartage run` and start it again")
            .into());
    }
    let is_same = loaded.config.server.listen == before.server.listen;
    let listener = if is_same { now.listener.try_clone()? } else { listen(loaded.config.server.listen)? };
    let (store, progress) = (Arc::clone(&now.engine.store), Arc::new(Progress::new(Show::Nothing)));
    let engine = assemble::engine(&loaded, store, clock(), progress, false)?;
    Ok(Round { loaded: Arc::new(loaded), engine, listener })
}

/// What the edges serve.
pub(super) fn served(loaded: &Loaded, engine: &Engine, metrics: PrometheusHandle) -> Result<Served, Failure> {
    let flows = engine.flows.iter().filter_map(|flow| {
        let origin = engine.origins.iter().find(|origin| origin.pull.name == flow.source)?;
        Some((flow.name.clone(), (Arc::clone(flow), origin.pull.source.lanes())))
    });
    let cadence = engine.origins.iter().map(|origin| (origin.pull.name.clone(), origin.cadence.clone()));
    Ok(Served {
        flows: flows.collect(),
        // However many requests there are, pushing does not wait for a connection to the database.
        store: assemble::open_read_only(loaded)?,
        ledger: Arc::clone(&engine.store),
        cadence: cadence.collect(),
        clock: Arc::clone(&engine.clock),
        hooks: receivers(engine),
        health: Arc::clone(&engine.health),
        metrics,
    })
}

/// The receivers of all sources that have webhooks.
pub fn receivers(engine: &Engine) -> BTreeMap<SourceName, Arc<Receiver>> {
    let hooked = engine.origins.iter().filter(|origin| origin.hooks.is_some());
    hooked.map(|origin| (origin.pull.name.clone(), Arc::new(Receiver::new(origin.pull.clone())))).collect()
}

/// Sums up from time to time what histograms collect.
async fn keep_up(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

async fn until(mut end: watch::Receiver<bool>) {
    let _ended = end.wait_for(|end| *end).await.is_ok();
}

/// SIGHUP, which asks for the configuration to be read again.
struct Hangups {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Hangups {
    fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if self.signals.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}
