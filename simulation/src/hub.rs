//! The hub: the engine of a configuration, on a database that outlives it.

use std::{path::Path, sync::Arc};

use anyhow::anyhow;
use cartage::{
    assemble,
    commands::status::{self, FlowStatus},
    config::Config,
};
use contract::{Clock, Random, Store};
use engine::{observe::Silent, run::Engine};
use store::sqlite::{Executor, Options, Sqlite};
use wire::{Environment, Transport};

/// A hub that is assembled and registered.
pub(crate) struct Hub {
    pub(crate) engine: Arc<Engine>,
}

impl Hub {
    /// Opens the database and assembles the engine, as the binary does.
    pub(crate) async fn start(
        config: &Path,
        database: &Path,
        executor: Arc<dyn Executor>,
        clock: Arc<dyn Clock>,
        transport: Arc<dyn Transport>,
        random: Random,
        register: bool,
    ) -> anyhow::Result<Self> {
        let loaded = Config::load(config).map_err(|errors| anyhow!("the configuration is refused: {errors:?}"))?;
        let options = Options { durable: false, dictionary_after: 40, ..Options::default() };
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::with_executor(database, options, executor).map_err(|fault| anyhow!("{fault}"))?);
        let environment = Environment::new(transport, Arc::clone(&clock), random);
        let parts = assemble::parts_in(&loaded, &environment).map_err(|failure| anyhow!("{failure}"))?;
        let engine = assemble::engine_of(&loaded, parts, store, clock, Arc::new(Silent), true);
        if register {
            engine.register().await.map_err(|fault| anyhow!("{fault}"))?;
        }
        Ok(Self { engine })
    }

    /// How its flows stand.
    pub(crate) async fn status(&self) -> anyhow::Result<Vec<FlowStatus>> {
        let origins = self.engine.origins.iter();
        let lanes = origins.map(|origin| (origin.pull.name.clone(), origin.pull.source.lanes())).collect();
        status::flows(self.engine.store.as_ref(), &self.engine.flows, &lanes).await.map_err(|fault| anyhow!("{fault}"))
    }
}
