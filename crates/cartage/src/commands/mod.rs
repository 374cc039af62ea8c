//! What each command does. One file per command; what several share is here.

mod access;
mod check;
mod control;
mod coverage;
mod dead;
#[cfg(feature = "demo")]
pub mod demo;
pub mod documents;
mod erase;
mod explain;
mod forget;
mod help;
mod hooks;
mod init;
mod listed;
mod pause;
mod plan;
pub mod run;
pub mod status;
mod support;
mod sync;
mod verify;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use contract::{
    Clock, Fault, Store,
    store::{Declared, Former, Leftover},
};
use engine::{Flow, SystemClock, run::Engine};
use model::FlowName;
use tokio::sync::watch;

use crate::{
    assemble,
    cli::{Cli, Command, DeadCommand, EraseArgs, HooksCommand},
    config::{self, Config, ConfigErrors, Loaded, LogFormat},
    output::{Exit, Failure, Output},
    progress::{Progress, Show},
    telemetry::{
        self,
        levels::{Shows, Verbosity},
    },
};

/// Carries out a command.
///
/// # Errors
/// Why it could not be carried out.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let output = Output::new(cli.json).logging(Verbosity { more: cli.verbose, less: cli.quiet });
    // A command that writes is carried out by the process that runs on the database, if there is one.
    let write = async |command: control::Command| control::run(&cli.config, command, output).await;
    match cli.command {
        #[cfg(feature = "demo")]
        Command::Emulated(command) => demo::run(&command, output).await,
        #[cfg(not(feature = "demo"))]
        Command::NoEmulators { .. } => {
            Err(anyhow::anyhow!("this build has no emulated platforms; build cartage with its default feature `demo`")
                .into())
        }
        Command::Init { from_project: false } => {
            Output::new(false).line(config::starter().trim_end())?;
            Ok(Exit::Done)
        }
        Command::Init { from_project: true } => init::run(&cli.config, Output::new(false)).await,
        Command::Check => check::run(&cli.config, output).await,
        Command::Plan(args) => match plan::offline(&cli.config, &args, output).await? {
            Some(exit) => Ok(exit),
            None => write(control::Command::Plan(args)).await,
        },
        Command::Sync(args) => write(control::Command::Sync(args)).await,
        Command::Run => run::run(&cli.config, output.verbosity).await,
        Command::Pause(args) => write(control::Command::Pause(args)).await,
        Command::Resume(args) => write(control::Command::Resume(args)).await,
        Command::Reload => write(control::Command::Reload(control::Reload {})).await,
        Command::Status(args) => status::run(&cli.config, &args, output).await,
        Command::Explain(args) => explain::run(&cli.config, &args, output).await,
        Command::Verify(args) => write(control::Command::Verify(args)).await,
        Command::Forget(args) => write(control::Command::Forget(args)).await,
        Command::Access(args) => access::run(&cli.config, &args).await,
        Command::Erase(EraseArgs { verify: Some(file), .. }) => erase::verify(&cli.config, &file, output),
        Command::Erase(args) => {
            let (receipt, person) = (args.receipt.clone(), args.person.clone());
            let exit = write(control::Command::Erase(args)).await?;
            if let Some(file) = receipt.filter(|_| exit == Exit::Done) {
                erase::write_receipt(&cli.config, &person, &file).await?;
            }
            Ok(exit)
        }
        Command::Hooks(HooksCommand::Plan(args)) => write(control::Command::HooksPlan(args)).await,
        Command::Hooks(HooksCommand::Apply(args)) => write(control::Command::HooksApply(args)).await,
        Command::Dead(DeadCommand::List(args)) => dead::list(&cli.config, &args, output).await,
        Command::Dead(DeadCommand::Show(args)) => dead::show(&cli.config, &args, output).await,
        Command::Dead(DeadCommand::Replay(args)) => write(control::Command::DeadReplay(args)).await,
        Command::Dead(DeadCommand::Drop(args)) => write(control::Command::DeadDrop(args)).await,
        Command::SupportBundle => support::run(&cli.config).await,
        Command::Help { topic } => help::run(topic.as_deref(), output),
        Command::Completions { shell } => help::completions(shell, Output::new(false)),
        Command::Man { out } => help::man(&out),
        Command::Schema => {
            let schema = config::schema::schema();
            Output::new(true).document(&schema)?;
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

/// A configuration with at least one flow: an empty or cut file is no shop in sync.
fn load_with_flows(path: &Path) -> Result<Loaded, Failure> {
    let loaded = load(path)?;
    if loaded.config.flows.is_empty() { Err(Failure::Config(ConfigErrors(loaded.no_flow()))) } else { Ok(loaded) }
}

/// The machine's clock.
fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// What a command works with that writes.
struct Session {
    loaded: Arc<Loaded>,
    engine: Arc<Engine>,
    progress: Arc<Progress>,
    /// Turns true when it is to stop.
    stop: watch::Receiver<bool>,
    /// None where the process that runs has it.
    _telemetry: Option<telemetry::Guard>,
}

impl Session {
    /// Opens the store of a configuration for writing and makes the flows known.
    async fn open(loaded: Loaded, output: Output<'_>, allow_deletes: bool) -> Result<Self, Failure> {
        let settings = &loaded.config.telemetry;
        // Either the log shows the work, or lines for people do.
        let (show, shows) = match settings.format {
            LogFormat::Json => (Show::Nothing, Shows::Log),
            LogFormat::Text if output.is_watched() => (Show::Bars, Shows::Lines),
            LogFormat::Text => (Show::Lines, Shows::Lines),
        };
        let telemetry = telemetry::start(settings, output.verbosity, shows)?;
        let progress = Arc::new(Progress::new(show));
        let store = assemble::open(&loaded)?;
        let engine = assemble::engine(&loaded, store, clock(), Arc::<Progress>::clone(&progress), allow_deletes)?;
        engine.register().await?;
        let (loaded, stop) = (Arc::new(loaded), until_interrupted());
        Ok(Self { loaded, engine, progress, stop, _telemetry: Some(telemetry) })
    }

    /// What a command works with in the process that runs.
    fn running(loaded: &Arc<Loaded>, engine: &Arc<Engine>, stop: watch::Receiver<bool>) -> Self {
        let progress = Arc::new(Progress::new(Show::Nothing));
        Self { loaded: Arc::clone(loaded), engine: Arc::clone(engine), progress, stop, _telemetry: None }
    }

    /// The same without the guards of sources and flows.
    fn unguarded(&self) -> Self {
        Self::running(&self.loaded, &Arc::new(self.engine.unguarded()), self.stop.clone())
    }
}

/// A store that is only looked at, and what the configuration makes of it.
struct Look {
    store: Arc<dyn Store>,
    flows: Vec<Arc<Flow>>,
    /// Flows of which nobody knows the account.
    keyless: BTreeSet<FlowName>,
    /// The lanes that each source reads.
    lanes: status::Lanes,
}

/// Opens the store of a configuration for reading. Needs no secrets.
fn look(path: &Path) -> Result<Look, Failure> {
    look_at(&load(path)?)
}

fn look_at(loaded: &Loaded) -> Result<Look, Failure> {
    let store = assemble::open_read_only(loaded)?;
    let assemble::Parts { sources, flows, keyless } = assemble::parts_offline(loaded)?;
    let lanes = sources.into_iter().map(|(name, source)| (name, source.lanes())).collect();
    Ok(Look { store, flows, keyless, lanes })
}

impl Look {
    /// What is left of flows and sources that are no longer configured.
    async fn leftovers(&self) -> Result<Vec<Leftover>, Fault> {
        let mut left = self.store.left_behind(&configured(&self.flows)).await?;
        // Without its keys nobody knows which of a flow's accounts is the present one.
        left.retain(|it| it.former != Former::Account || !self.keyless.contains(&it.id.flow));
        Ok(left)
    }
}

/// What identifies the configured flows. What the database has beside them is left of earlier configurations.
fn configured(flows: &[Arc<Flow>]) -> Vec<Declared> {
    flows.iter().map(|flow| flow.declared()).collect()
}

/// Turns true at the first interrupt or termination; a second one ends the process at once.
fn until_interrupted() -> watch::Receiver<bool> {
    until_interrupted_twice(|| {})
}

/// The same; `last` is done before the second one ends the process.
fn until_interrupted_twice(last: impl FnOnce() + Send + 'static) -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        interrupted().await;
        stop.send_replace(true);
        interrupted().await;
        last();
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
            let fault = Fault::config("C0821", format!("there is no flow {name:?}"))
                .hint(format!("the configuration has: {}", known.join(", ")));
            return Err(fault.into());
        }
    }
    let wanted = |flow: &&Arc<Flow>| names.is_empty() || names.iter().any(|name| name == flow.name.as_str());
    Ok(flows.iter().filter(wanted).cloned().collect())
}
