//! The hub: the engine of a configuration, on a database that remains when the hub is killed.

use std::{path::Path, sync::Arc};

use anyhow::anyhow;
use cartage::{
    assemble,
    commands::status::{self, FlowStatus},
    config::Config,
};
use contract::{Clock, Executor, Fault, Random, Store, source::Reach};
use engine::{
    observe::{Event, Observer, Silent},
    run::Engine,
};
use store::sqlite::{Options, Sqlite};
use wire::{Environment, Transport};

use crate::{executor::Plain, probe::Probe, seed::child};

/// A hub that is assembled and registered.
pub(crate) struct Hub {
    pub(crate) engine: Arc<Engine>,
}

/// The environment of a hub.
pub(crate) struct Around {
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) random: Random,
    /// Whether removals are not guarded.
    pub(crate) allow_deletes: bool,
    /// What is notified of the hub's events.
    pub(crate) observer: Arc<dyn Observer>,
    /// The database may grow to so many pages.
    pub(crate) most_pages: Option<u32>,
}

impl Around {
    /// Nothing is disturbed.
    pub(crate) fn calm(clock: Arc<dyn Clock>, transport: Arc<dyn Transport>) -> Self {
        Self {
            executor: Arc::new(Plain),
            clock,
            transport,
            random: child(0, "jitter"),
            allow_deletes: true,
            observer: Arc::new(Silent),
            most_pages: None,
        }
    }
}

impl Hub {
    /// Opens the database and assembles the engine, as the binary does.
    pub(crate) async fn start(config: &Path, database: &Path, around: Around) -> anyhow::Result<Self> {
        let Around { executor, clock, transport, random, allow_deletes, observer, most_pages } = around;
        let loaded = Config::load(config).map_err(|errors| anyhow!("the configuration is refused: {errors:?}"))?;
        let options = Options { durable: false, dictionary_after: 40, most_pages, ..Options::default() };
        let failed = |fault: Fault| anyhow!("{}: {fault}", fault.code);
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::with_executor(database, options, Arc::clone(&executor)).map_err(failed)?);
        let environment = Environment::new(transport, Arc::clone(&clock), random, executor);
        let parts = assemble::parts_in(&loaded, &environment).map_err(|failure| anyhow!("{failure}"))?;
        let engine = assemble::engine_of(&loaded, parts, store, clock, observer, allow_deletes);
        engine.register().await.map_err(failed)?;
        Ok(Self { engine })
    }

    /// Registers webhooks, if there are any.
    pub(crate) async fn register_hooks(&self) -> anyhow::Result<()> {
        for origin in &self.engine.origins {
            if let Some(address) = &origin.hooks {
                let registered = self.engine.ensure_hooks(origin, address, Reach::Apply).await;
                let registered = registered.and_then(|inner| inner).map_err(|fault| anyhow!("{fault}"))?;
                anyhow::ensure!(registered.is_whole, "not all webhooks are registered: {}", registered.state);
            }
        }
        Ok(())
    }

    /// The states of its flows.
    pub(crate) async fn status(&self) -> anyhow::Result<Vec<FlowStatus>> {
        let origins = self.engine.origins.iter();
        let lanes = origins.map(|origin| (origin.pull.name.clone(), origin.pull.source.lanes())).collect();
        status::flows(self.engine.store.as_ref(), &self.engine.flows, &lanes).await.map_err(|fault| anyhow!("{fault}"))
    }
}

/// Notifies the probe of outcomes that could not be stored.
pub(crate) struct Doubts {
    pub(crate) probe: Arc<Probe>,
}

impl Observer for Doubts {
    fn notify(&self, event: &Event<'_>) {
        if let Event::StoreFailed { task, .. } = event
            && let Some(flow) = task.strip_prefix("flow ")
        {
            self.probe.doubt(&format!("{flow}.test"));
        }
    }
}
