//! Builds an engine from a configuration: the one place where connectors, store and engine meet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use contract::{Clock, Demand, Destination, Fault, SecretRef, Source, Store, Threads, destination::Markets};
use engine::{
    Flow, Observer, Pull, Turns,
    flow::clashes,
    mapping::{Expression, Mapping},
    market::CachedReference,
    push::{gate::Gate, guard::Guard},
    run::{Engine, Origin},
    signals::WithSignals,
};
use model::{FlowName, Kind, Market, SourceName};
use sources::Setup;
use store::sqlite::{OperatorKey, OperatorKeys, Options, Sqlite};
use tokio::sync::watch;
use wire::Environment;

use crate::{
    config::{ConfigError, ConfigErrors, FlowSettings, Loaded},
    output::Failure,
};

/// How long a record waits before its second attempt.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// Connectors and flows of a configuration, without a store: enough to check them.
pub struct Parts {
    /// Sources by name.
    pub sources: BTreeMap<SourceName, Arc<dyn Source>>,
    /// Flows, in the order of their names.
    pub flows: Vec<Arc<Flow>>,
    /// Flows whose destination lacks a secret, so that nobody knows its account. None where secrets are needed.
    pub keyless: BTreeSet<FlowName>,
}

/// Builds connectors and flows on this machine's network. Fetches secrets; makes no call.
///
/// # Errors
/// All mistakes of the configuration, or a secret that can't be read.
pub fn parts(loaded: &Loaded) -> Result<Parts, Failure> {
    parts_in(loaded, &machine(loaded))
}

/// As [`parts`], in another environment.
///
/// # Errors
/// As [`parts`].
pub fn parts_in(loaded: &Loaded, environment: &Environment) -> Result<Parts, Failure> {
    data_keys(loaded, environment)?;
    parts_of(loaded, &|| environment.clone())
}

/// As [`parts`], to look at a store: secrets may be missing, and what they are needed for makes no call.
///
/// # Errors
/// All mistakes of the configuration.
pub fn parts_offline(loaded: &Loaded) -> Result<Parts, Failure> {
    let machine = machine(loaded);
    parts_of(loaded, &|| machine.offline())
}

/// This machine, as the configuration sees it.
fn machine(loaded: &Loaded) -> Environment {
    Environment::machine().in_folder(loaded.folder())
}

/// Builds each connector in an environment of its own.
fn parts_of(loaded: &Loaded, environment: &dyn Fn() -> Environment) -> Result<Parts, Failure> {
    let config = &loaded.config;
    let (mut errors, mut faults) = (Vec::new(), Vec::new());
    let mut sources: BTreeMap<SourceName, Arc<dyn Source>> = BTreeMap::new();
    for (name, settings) in &config.sources {
        let mut demand = Demand::default();
        let flows = config.flows.values().filter(|flow| flow.source == *name);
        let markets = flows.flat_map(|flow| &flow.markets).filter_map(|market| config.markets.get(market));
        markets.for_each(|market| demand.add(market));
        let flows = config.flows.values().filter(|flow| flow.source == *name);
        demand.kinds.extend(flows.filter_map(|flow| flow.kinds.as_ref()).flatten());
        let scratch = config.store.path.with_extension("scratch").join(name.as_str());
        let build = |environment: &Environment| {
            settings.connector.build(&Setup { environment, demand: &demand, scratch: &scratch })
        };
        match complete(&environment(), build) {
            Ok(source) => drop(sources.insert(name.clone(), source)),
            Err(fault) => faults.push(named(fault, "source", name.as_str())),
        }
    }
    let mut built: BTreeMap<&str, (Arc<dyn Destination>, Arc<Gate>)> = BTreeMap::new();
    let mut lacking = BTreeSet::new();
    for settings in config.flows.values() {
        if built.contains_key(settings.destination.as_str()) {
            continue;
        }
        let environment = environment();
        match config.destinations.get(&settings.destination).map(|it| complete(&environment, |in_it| it.build(in_it))) {
            Some(Ok(destination)) => {
                lacking.extend((!environment.lacking().is_empty()).then_some(&settings.destination));
                drop(built.insert(&settings.destination, (destination, Gate::new(environment.random().clone()))));
            }
            Some(Err(fault)) => faults.push(named(fault, "destination", &settings.destination)),
            None => {}
        }
    }
    // All missing secrets are reported at once, not one after another.
    if !faults.is_empty() {
        return Err(Failure::Faults(faults));
    }
    for (name, source) in &mut sources {
        let flows = config.flows.values().filter(|flow| flow.source == *name);
        let destinations: BTreeSet<&str> = flows.map(|flow| flow.destination.as_str()).collect();
        let signals = destinations.into_iter().filter_map(|to| Some((to.to_owned(), built.get(to)?.0.signals()?)));
        *source = WithSignals::of(Arc::clone(source), signals.collect());
        let lanes = source.lanes();
        let names: Vec<&str> = lanes.iter().map(|lane| &*lane.name).collect();
        errors.extend(loaded.unknown_lanes(name, &names));
        if source.hooks().is_some() && config.server.public_url.is_none() {
            errors.extend(loaded.no_public_url(name));
        }
    }
    let read: BTreeMap<_, _> = sources.iter().map(|(name, source)| (name, (source, Arc::default()))).collect();
    let mut flows = Vec::new();
    for (name, settings) in &config.flows {
        match flow(loaded, name, settings, &read, &built)? {
            Ok(flow) => flows.push(Arc::new(flow)),
            Err(found) => errors.extend(found),
        }
    }
    errors.extend(clashes(&flows).iter().flat_map(|clash| loaded.clash(clash)));
    let of_lacking = config.flows.iter().filter(|(_, settings)| lacking.contains(&settings.destination));
    let keyless = of_lacking.map(|(name, _)| name.clone()).collect();
    if errors.is_empty() { Ok(Parts { sources, flows, keyless }) } else { Err(Failure::Config(ConfigErrors(errors))) }
}

fn flow(
    loaded: &Loaded,
    name: &FlowName,
    settings: &FlowSettings,
    sources: &BTreeMap<&SourceName, (&Arc<dyn Source>, Arc<CachedReference>)>,
    destinations: &BTreeMap<&str, (Arc<dyn Destination>, Arc<Gate>)>,
) -> Result<Result<Flow, Vec<ConfigError>>, Failure> {
    let missing = |what: &str, which: &str| anyhow::anyhow!("flow {name} names {what} {which}, which does not exist");
    let (source, reference) =
        sources.get(&settings.source).ok_or_else(|| missing("source", settings.source.as_str()))?;
    let market = |market: &String| loaded.config.markets.get(market).cloned().ok_or_else(|| missing("market", market));
    let markets: Vec<Market> = settings.markets.iter().map(market).collect::<Result<_, _>>()?;
    let destination = destinations.get(settings.destination.as_str());
    let (destination, gate) = destination.cloned().ok_or_else(|| missing("destination", &settings.destination))?;
    let kinds = match kinds(settings, destination.as_ref()) {
        Ok(kinds) => kinds,
        Err(kind) => {
            let taken: Vec<&str> = destination.carries().iter().map(|carry| carry.kind.name()).collect();
            return Ok(Err(loaded.not_taken(name, kind, &taken, destination.lacks(kind))));
        }
    };
    // Where an item is for one market, each needs a space of its own: otherwise its items would have the ids of another's.
    let for_one = destination.carries().iter().filter(|carry| carry.markets == Markets::One).map(|carry| carry.kind);
    let for_one: Vec<Kind> = for_one.filter(|kind| kinds.contains(kind)).collect();
    let spaces: BTreeSet<String> = destination.spaces(&markets, &for_one).into_iter().collect();
    if !for_one.is_empty() && markets.len() > 1 && spaces.len() < markets.len() {
        return Ok(Err(loaded.several_markets(name)));
    }
    let products = mapping(loaded, Kind::Product, destination.as_ref(), &loaded.fields(name));
    let categories = mapping(loaded, Kind::Category, destination.as_ref(), &loaded.category_fields(name));
    let (products, categories) = match (products, categories) {
        (Ok(products), Ok(categories)) => (products, categories),
        (products, categories) => {
            let errors = [products.err(), categories.err()];
            return Ok(Err(errors.into_iter().flatten().flatten().collect()));
        }
    };
    Ok(Ok(Flow {
        name: name.clone(),
        source: settings.source.clone(),
        markets,
        reference: Arc::clone(reference),
        account: tokio::sync::OnceCell::new(),
        seen: tokio::sync::OnceCell::new(),
        turns: Turns::default(),
        price_policy: source.descriptor().price_policy,
        kinds,
        destination,
        gate,
        guard: Some(Guard { share: settings.removal_guard, items: settings.removal_guard_items }),
        products,
        categories,
    }))
}

/// The kinds that a flow carries, or the first that its destination does not take although the flow names it.
fn kinds(settings: &FlowSettings, destination: &dyn Destination) -> Result<Vec<Kind>, Kind> {
    match &settings.kinds {
        None => Ok(Kind::CATALOGUE.into_iter().filter(|kind| destination.carry(*kind).is_some()).collect()),
        Some(kinds) => match kinds.iter().find(|kind| destination.carry(**kind).is_none()) {
            None => Ok(kinds.clone()),
            Some(kind) => Err(*kind),
        },
    }
}

/// Compiles the user's own fields; errors point into the configuration file.
fn mapping(
    loaded: &Loaded,
    kind: Kind,
    destination: &dyn Destination,
    expressions: &[Expression],
) -> Result<Mapping, Vec<ConfigError>> {
    let descriptor = destination.descriptor();
    Mapping::compile(kind, (descriptor.fields)(kind), descriptor.extra_name, expressions)
        .map_err(|errors| errors.iter().map(|error| loaded.mapping_error(error)).collect())
}

/// Builds one destination of the configuration, whether or not a flow uses it.
///
/// # Errors
/// It is not configured, or one of its secrets can't be read.
pub fn destination(loaded: &Loaded, name: &str) -> Result<Arc<dyn Destination>, Failure> {
    let Some(settings) = loaded.config.destinations.get(name) else {
        let known: Vec<&str> = loaded.config.destinations.keys().map(String::as_str).collect();
        return Err(Fault::config("C0827", format!("there is no destination {name:?}"))
            .hint(format!("the configuration has: {}", known.join(", ")))
            .into());
    };
    settings.build(&machine(loaded)).map_err(|fault| Failure::Fault(named(fault, "destination", name)))
}

/// Builds a connector. Where it lacks secrets, the fault names all of them, not only the first that it asked for.
fn complete<T>(environment: &Environment, build: impl Fn(&Environment) -> Result<T, Fault>) -> Result<T, Fault> {
    build(environment).map_err(|mut fault| {
        let offline = environment.offline();
        drop(build(&offline));
        let others =
            offline.lacking().into_iter().filter(|lacking| !fault.message.contains(lacking)).collect::<BTreeSet<_>>();
        for lacking in others {
            fault.message = format!("{}; {lacking}", fault.message);
        }
        fault
    })
}

fn named(mut fault: Fault, what: &str, name: &str) -> Fault {
    fault.message = format!("{what} {name}: {}", fault.message);
    fault
}

/// The keys that seal data about people.
fn data_keys(loaded: &Loaded, environment: &Environment) -> Result<OperatorKeys, Fault> {
    let key = |named: &SecretRef| {
        let text = environment.secret(named).map_err(|error| {
            Fault::config("C0117", error.to_string()).hint("`keys` in [personal_data] says where the key is kept")
        });
        OperatorKey::parse(&text?).map_err(|fault| Fault { message: format!("{named}: {}", fault.message), ..fault })
    };
    loaded.config.data_keys.iter().map(key).collect()
}

/// The operator's keys, which sign receipts, too.
///
/// # Errors
/// `C0117` one can't be read.
pub fn operator_keys(loaded: &Loaded) -> Result<OperatorKeys, Fault> {
    data_keys(loaded, &machine(loaded))
}

/// Opens the store of a configuration for writing.
///
/// # Errors
/// `C0117` a key for data about people can't be read; the store's.
pub fn open(loaded: &Loaded) -> Result<Arc<dyn Store>, Fault> {
    let keys = data_keys(loaded, &machine(loaded))?;
    Ok(Arc::new(Sqlite::sealed(&loaded.config.store.path, Options::default(), Arc::new(Threads), keys)?))
}

/// Looks at the store of a configuration. Where the keys for data about people can't be read, it must hold no such data.
fn look(loaded: &Loaded) -> Result<Sqlite, Fault> {
    let open = |keys| Sqlite::read_only_sealed(&loaded.config.store.path, Options::default(), Arc::new(Threads), keys);
    match data_keys(loaded, &machine(loaded)) {
        Ok(keys) => open(keys),
        Err(unreadable) => {
            open(OperatorKeys::default()).map_err(|fault| if fault.code == "C0114" { unreadable } else { fault })
        }
    }
}

/// Opens the store of a configuration for reading, while another process may be writing.
///
/// # Errors
/// `C0825` where nothing was synced yet; the store's.
pub fn open_read_only(loaded: &Loaded) -> Result<Arc<dyn Store>, Fault> {
    let path = &loaded.config.store.path;
    if !path.exists() {
        let message = format!("there is nothing to look at yet: {} does not exist", path.display());
        return Err(Fault::config("C0825", message)
            .hint("run `cartage sync` first, or name the configuration of the database with --config"));
    }
    Ok(Arc::new(look(loaded)?))
}

/// Reads the whole database of a configuration and looks for damage.
///
/// # Errors
/// The store's.
pub async fn check_database(loaded: &Loaded) -> Result<(), Fault> {
    look(loaded)?.check().await
}

/// The engine of a configuration.
///
/// # Errors
/// As [`parts`].
pub fn engine(
    loaded: &Loaded,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    allow_deletes: bool,
) -> Result<Arc<Engine>, Failure> {
    Ok(engine_of(loaded, parts(loaded)?, store, clock, observer, allow_deletes))
}

/// The engine of a configuration whose parts are built.
pub fn engine_of(
    loaded: &Loaded,
    parts: Parts,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    allow_deletes: bool,
) -> Arc<Engine> {
    let mut origins = Vec::new();
    for (name, source) in parts.sources {
        let Some(settings) = loaded.config.sources.get(&name) else { continue };
        let hooks = source.hooks().and_then(|_| loaded.config.server.hook_url(&name));
        origins.push(Arc::new(Origin {
            hooks,
            pull: Pull {
                name,
                source,
                store: Arc::clone(&store),
                clock: Arc::clone(&clock),
                observer: Arc::clone(&observer),
                guard: Some(settings.sweep_guard),
                news: watch::channel(0).0,
                hinted: watch::channel(0).0,
                turns: Turns::default(),
            },
            filling: watch::channel(0).0,
            ready: watch::channel(false).0,
            cadence: settings.cadence.clone(),
            full_every: settings.full_every,
        }));
    }
    let health = Arc::default();
    let (flows, retention) = (parts.flows, loaded.config.store.retention);
    let first_backoff = FIRST_BACKOFF;
    let engine = Engine { origins, flows, store, clock, observer, first_backoff, retention, health };
    Arc::new(if allow_deletes { engine.unguarded() } else { engine })
}
