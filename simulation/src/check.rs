//! What must hold after every step. It looks at the database through a connection of its own.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    Clock as _, Fault, Store,
    store::{Number, Revision, State},
};
use model::{FlowName, Kind, RemoteId, SourceName, Timestamp};
use store::sqlite::{Options, Sqlite};

use crate::{clock::SimClock, executor::Plain, probe::Probe, steps::Steps, world::host_of};

/// Looking at owners and lanes costs more than adding up: once in so many steps.
const SELDOM: u64 = 16;

/// What was true at the last look.
#[derive(Debug, Default)]
struct Last {
    revision: Revision,
    marks: BTreeMap<String, i64>,
    looks: u64,
}

/// The checks of a run.
pub(crate) struct Checks {
    steps: Arc<Steps>,
    /// The time at the source.
    clock: Arc<SimClock>,
    flows: Vec<FlowName>,
    store: Mutex<Option<Arc<Sqlite>>>,
    last: Mutex<Last>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checks {
    pub(crate) fn new(steps: Arc<Steps>, clock: Arc<SimClock>, flows: Vec<FlowName>) -> Arc<Self> {
        Arc::new(Self { steps, clock, flows, store: Mutex::default(), last: Mutex::default() })
    }

    /// Looks at this database from now on; none: at nothing.
    pub(crate) fn look_at(&self, database: Option<&Path>) -> anyhow::Result<()> {
        let options = Options { readers: 1, reader_cache_kib: 512, ..Options::default() };
        let opened = database.map(|path| Sqlite::read_only_with_executor(path, options, Arc::new(Plain)));
        let opened = opened.transpose().map_err(|fault| anyhow::anyhow!("{fault}"))?;
        *locked(&self.store) = opened.map(Arc::new);
        Ok(())
    }

    fn store(&self) -> Option<Arc<Sqlite>> {
        locked(&self.store).clone()
    }

    /// Looks, and ends the run where a promise is broken.
    pub(crate) async fn after_step(&self) {
        let Some(store) = self.store() else { return };
        let seldom = {
            let mut last = locked(&self.last);
            last.looks += 1;
            last.looks.is_multiple_of(SELDOM)
        };
        let looked = self.look(store.as_ref(), seldom).await;
        match looked {
            Ok(None) => {}
            Ok(Some(broken)) => self.steps.fail(broken),
            Err(fault) => self.steps.fail(format!("the database can't be looked at: {fault}")),
        }
    }

    async fn look(&self, store: &dyn Store, seldom: bool) -> Result<Option<String>, Fault> {
        let revision = store.revision().await?;
        {
            let mut last = locked(&self.last);
            if revision < last.revision {
                return Ok(Some(format!("revisions go back: {revision:?} after {:?}", last.revision)));
            }
            last.revision = revision;
        }
        for flow in &self.flows {
            match store.tally(flow).await {
                Ok(tally) if tally.sum() == tally.mirror => {}
                Ok(tally) => return Ok(Some(format!("the states of {flow} do not add up: {tally:?}"))),
                // Before the first start declares it.
                Err(_) if revision == Revision(0) => {}
                Err(fault) => return Err(fault),
            }
        }
        if seldom {
            if let Some(broken) = self.marks(store).await? {
                return Ok(Some(broken));
            }
            return self.owners(store).await;
        }
        Ok(None)
    }

    /// A lane's mark never goes back and stays behind the source's time.
    async fn marks(&self, store: &dyn Store) -> Result<Option<String>, Fault> {
        let now = self.clock.now();
        for (lane, state) in store.lanes(&SourceName::new("shop")).await? {
            let Some(at) = state.watermark.as_ref().and_then(|token| since(&token.0)) else { continue };
            let mut last = locked(&self.last);
            let before = last.marks.insert(lane.clone(), at);
            if before.is_some_and(|before| at < before) {
                return Ok(Some(format!("the mark of lane {lane} goes back from {before:?} to {at}")));
            }
            if Timestamp::from_millis(at + 2_000) > now {
                return Ok(Some(format!("the mark of lane {lane} is at {at}, not behind the source's time {now}")));
            }
        }
        Ok(None)
    }

    /// No item is held by two records.
    async fn owners(&self, store: &dyn Store) -> Result<Option<String>, Fault> {
        for flow in &self.flows {
            let mut owners: BTreeMap<(Kind, RemoteId), Number> = BTreeMap::new();
            for (kind, number, item) in held(store, flow).await? {
                if let Some(other) = owners.insert((kind, item.clone()), number).filter(|other| *other != number) {
                    return Ok(Some(format!("{flow}: {kind} {item} is held by records {} and {}", other.0, number.0)));
                }
            }
        }
        Ok(None)
    }

    /// The hub starts again after a crash: what it is in doubt about, it may send again.
    pub(crate) async fn after_restart(&self, probe: &Probe) -> anyhow::Result<()> {
        let Some(store) = self.store() else { return Ok(()) };
        let store: &dyn Store = store.as_ref();
        let mut sure: BTreeMap<(String, String, String), ()> = BTreeMap::new();
        for flow in &self.flows {
            let market = flow.as_str().trim_start_matches("clerk-");
            for (kind, number, item) in held(store, flow).await.map_err(|fault| anyhow::anyhow!("{fault}"))? {
                let entry = store.entry(flow, number).await.map_err(|fault| anyhow::anyhow!("{fault}"))?;
                if entry.is_some_and(|entry| !entry.in_doubt && entry.state == State::InSync) {
                    let resource = if kind == Kind::Category { "categories" } else { "products" };
                    sure.insert((host_of(market), resource.to_owned(), item.to_string()), ());
                }
            }
        }
        probe.keep(|host, resource, id| sure.contains_key(&(host.to_owned(), resource.to_owned(), id.to_owned())));
        Ok(())
    }
}

/// Which items of a flow which records hold.
async fn held(store: &dyn Store, flow: &FlowName) -> Result<Vec<(Kind, Number, RemoteId)>, Fault> {
    let mut held = Vec::new();
    for kind in [Kind::Category, Kind::Product] {
        let mut after = Number(0);
        loop {
            let page = store.scan(flow, kind, after, 500).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for work in &page {
                let items = work.entry.iter().flat_map(|entry| &entry.items);
                held.extend(
                    items.filter(|item| item.digests.is_some()).map(|item| (kind, work.number, item.id.clone())),
                );
            }
        }
    }
    Ok(held)
}

/// The instant in a token of a lane that reads changes, in milliseconds.
fn since(token: &str) -> Option<i64> {
    let token: serde_json::Value = serde_json::from_str(token).ok()?;
    match token.get("since")? {
        serde_json::Value::Number(number) => number.as_i64(),
        serde_json::Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond()),
        _ => None,
    }
}
