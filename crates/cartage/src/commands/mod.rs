//! What each command does. One file per command; what several share is here.

mod check;
mod dead;
#[cfg(feature = "demo")]
pub mod demo;
mod explain;
mod forget;
mod listed;
mod plan;
mod run;
pub mod status;
mod sync;
mod verify;

use std::{path::Path, sync::Arc};

use contract::{Clock, Store, store::FlowId};
use engine::{Flow, SystemClock, run::Engine};
use tokio::sync::watch;

use crate::{
    assemble,
    cli::{Cli, Command},
    config::{self, Config, ConfigErrors, Loaded},
    output::{Exit, Failure, Output},
    progress::{Progress, Show},
    telemetry,
};

/// Carries out a command.
///
/// # Errors
/// Why it could not be carried out.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let output = Output { json: cli.json };
    match cli.command {
        #[cfg(feature = "demo")]
        Command::Emulated(command) => demo::run(&command, output).await,
        #[cfg(not(feature = "demo"))]
        Command::NoEmulators { .. } => {
            Err(anyhow::anyhow!("this build has no emulated platforms; build cartage with its default feature `demo`")
                .into())
        }
        Command::Init => {
            Output { json: false }.line(config::starter().trim_end())?;
            Ok(Exit::Done)
        }
        Command::Check => check::run(&cli.config, output).await,
        Command::Plan(args) => plan::run(&cli.config, &args, output).await,
        Command::Sync(args) => sync::run(&cli.config, &args, output).await,
        Command::Run => run::run(&cli.config).await,
        Command::Status(args) => status::run(&cli.config, &args, output).await,
        Command::Explain(args) => explain::run(&cli.config, &args, output).await,
        Command::Verify(args) => verify::run(&cli.config, &args, output).await,
        Command::Forget(args) => forget::run(&cli.config, &args, output).await,
        Command::Dead(command) => dead::run(&cli.config, &command, output).await,
        Command::Schema => {
            let schema = config::schema::schema();
            Output { json: true }.document(&schema)?;
            Ok(Exit::Done)
        }
        Command::GenerateDocs { out } => {
            crate::reference::write(&out)?;
            Ok(Exit::Done)
        }
    }
}

/// A configuration, read.
fn load(path: &Path) -> Result<Loaded, Failure> {
    Config::load(path).map_err(|errors| Failure::Config(ConfigErrors(errors)))
}

/// The machine's clock.
fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// What a one-shot command works with.
struct Session {
    engine: Arc<Engine>,
    progress: Arc<Progress>,
    _telemetry: telemetry::Guard,
}

impl Session {
    /// Loads the configuration, opens the store for writing and makes the flows known.
    async fn open(path: &Path, output: Output, allow_deletes: bool) -> Result<Self, Failure> {
        let loaded = load(path)?;
        let telemetry = telemetry::start(&loaded.config.telemetry)?;
        let show = if output.is_watched() { Show::Bars } else { Show::Lines };
        let progress = Arc::new(Progress::new(show));
        let store = assemble::open(&loaded)?;
        let engine = assemble::engine(&loaded, store, clock(), Arc::<Progress>::clone(&progress), allow_deletes)?;
        engine.register().await?;
        Ok(Self { engine, progress, _telemetry: telemetry })
    }
}

/// A store that is only looked at, and what the configuration makes of it.
struct Look {
    store: Arc<dyn Store>,
    flows: Vec<Arc<Flow>>,
    /// The lanes that each source reads.
    lanes: status::Lanes,
}

fn look(path: &Path) -> Result<Look, Failure> {
    let loaded = load(path)?;
    let store = assemble::open_read_only(&loaded)?;
    let assemble::Parts { sources, flows } = assemble::parts(&loaded)?;
    let lanes = sources.into_iter().map(|(name, source)| (name, source.lanes())).collect();
    Ok(Look { store, flows, lanes })
}

/// What tells the configured flows from those that are left of earlier configurations.
fn configured(flows: &[Arc<Flow>]) -> Vec<FlowId> {
    flows.iter().map(|flow| flow.id()).collect()
}

/// Turns true at the first interrupt or termination; a second one ends the process at once.
fn until_interrupted() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        interrupted().await;
        stop.send_replace(true);
        interrupted().await;
        std::process::exit(130);
    });
    stopped
}

async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _heard = tokio::signal::ctrl_c().await;
}

/// The flows of these names, all where none is named.
fn chosen(flows: &[Arc<Flow>], names: &[String]) -> Result<Vec<Arc<Flow>>, Failure> {
    for name in names {
        if !flows.iter().any(|flow| flow.name.as_str() == name) {
            let known: Vec<&str> = flows.iter().map(|flow| flow.name.as_str()).collect();
            let fault = contract::Fault::config("C0821", format!("there is no flow {name:?}"))
                .hint(format!("the configuration has: {}", known.join(", ")));
            return Err(fault.into());
        }
    }
    let wanted = |flow: &&Arc<Flow>| names.is_empty() || names.iter().any(|name| name == flow.name.as_str());
    Ok(flows.iter().filter(wanted).cloned().collect())
}
