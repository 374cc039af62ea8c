//! `cartage support-bundle`: what a helper needs to know of an installation.
//!
//! **Invariant:** nothing in it comes from a record or from another side: of these it has counts, codes and instants, and no
//! message, answer, id or name. Of the configuration it has everything but secrets.

use std::{collections::BTreeMap, path::Path};

use contract::{
    Fault, FaultClass,
    store::{self, Count, Freshness, Leftover, Retrying, Stopped, Trouble},
};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Look, clock, help, load, look_at, status};
use crate::{
    config::{Config, ConfigError, Loaded},
    output::{Exit, Failure, Output},
};

/// Dead records of a flow, and unread ones of a source, whose codes are counted; `status` counts all.
const MOST: usize = 10_000;

/// Variables of the environment that change what Cartage does.
const VARIABLES: [&str; 10] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_COLOR",
    "NO_PROXY",
    "RUST_LOG",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "https_proxy",
    "http_proxy",
];

/// What a helper needs to know of an installation: no secrets, no record, and no text of another side.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Bundle {
    /// When it was made, UTC.
    made_at: String,
    /// The program.
    program: Program,
    /// The machine.
    machine: Machine,
    /// The configuration, with `(present)` or the reason of its absence after the reference to each secret; none where it
    /// is wrong.
    configuration: Option<Json>,
    /// Mistakes of the configuration.
    mistakes: Vec<Mistake>,
    /// The database; none where the configuration is wrong.
    database: Option<Database>,
    /// How the flows stand.
    flows: Vec<FlowState>,
    /// How the sources were read.
    sources: Vec<SourceState>,
    /// What is left of flows and sources that are no longer configured.
    leftovers: Vec<Leftover>,
}

/// The program.
#[derive(Serialize, schemars::JsonSchema)]
struct Program {
    version: &'static str,
    /// It was built for speed.
    optimised: bool,
    /// It has the emulated platforms.
    demo: bool,
    platforms: Vec<&'static str>,
}

/// The machine.
#[derive(Serialize, schemars::JsonSchema)]
struct Machine {
    system: String,
    kernel: String,
    processor: &'static str,
    processors: usize,
    /// Main memory, in bytes; 0 where the system does not say.
    memory: u64,
    /// Variables of the environment that are set and change what Cartage does, without their values.
    variables: Vec<&'static str>,
}

/// A mistake of the configuration. The file shows what stands there.
#[derive(Serialize, schemars::JsonSchema)]
struct Mistake {
    code: String,
    title: String,
    line: usize,
    column: usize,
}

/// The database.
#[derive(Serialize, schemars::JsonSchema)]
struct Database {
    /// Its file.
    file: String,
    /// The size of the file, in bytes; none: there is no file.
    bytes: Option<u64>,
    /// The size of what waits to be moved into the file, in bytes.
    waiting_bytes: Option<u64>,
    /// Why it can't be read.
    error: Option<ErrorCount>,
}

/// How a flow stands.
#[derive(Serialize, schemars::JsonSchema)]
struct FlowState {
    flow: String,
    converged: bool,
    /// Records of the kinds that it carries.
    mirror: u64,
    /// Records by state.
    states: BTreeMap<&'static str, u64>,
    /// Filtered records by rule.
    rules: BTreeMap<String, u64>,
    /// Held records by reason.
    holds: BTreeMap<String, u64>,
    paused_since: Option<String>,
    acknowledged_at: Option<String>,
    /// When the record that is pending the longest was changed.
    pending_since: Option<String>,
    /// The fault that it has stopped by.
    stopped: Option<ErrorCount>,
    /// The fault of most records that are retried.
    retrying: Option<ErrorCount>,
    /// Faults of dead records, by code.
    dead: Vec<ErrorCount>,
}

/// How a source was read.
#[derive(Serialize, schemars::JsonSchema)]
struct SourceState {
    source: String,
    records: Vec<Count>,
    lanes: Vec<LaneState>,
    /// Faults of records that could not be understood, by code.
    unread: Vec<ErrorCount>,
}

/// How a lane was read.
#[derive(Serialize, schemars::JsonSchema)]
struct LaneState {
    name: String,
    read_at: Option<String>,
    full_at: Option<String>,
    /// It is being read in full (true) or for changes (false); none: it is not being read.
    reading_in_full: Option<bool>,
    /// A sweep that the guard stopped: how many records it would have removed, of how many.
    held: Option<(u64, u64)>,
    error: Option<ErrorCount>,
}

/// How often a fault stands in the database.
#[derive(Serialize, schemars::JsonSchema)]
struct ErrorCount {
    code: String,
    /// The title of the code's page.
    title: String,
    class: FaultClass,
    /// How many have it.
    count: u64,
    /// When it happened last, or happens since (flows that have stopped), or is retried (records).
    at: Option<String>,
}

/// Writes the bundle to standard output, whatever can't be read.
pub(super) async fn run(path: &Path) -> Result<Exit, Failure> {
    let mut bundle = Bundle {
        made_at: clock().now().to_string(),
        program: program(),
        machine: machine(),
        configuration: None,
        mistakes: Vec::new(),
        database: None,
        flows: Vec::new(),
        sources: Vec::new(),
        leftovers: Vec::new(),
    };
    match load(path) {
        Err(failure) => bundle.mistakes = mistakes(&failure),
        Ok(loaded) => {
            bundle.configuration = Some(loaded.without_secrets());
            let mut database = database(&loaded.config);
            if let Err(failure) = states(&loaded, &mut bundle).await {
                bundle.mistakes = mistakes(&failure);
                if let Failure::Fault(fault) = &failure {
                    database.error = Some(ErrorCount::one(fault, None));
                }
            }
            bundle.database = Some(database);
        }
    }
    Output::new(true).document(&bundle)?;
    Ok(Exit::Done)
}

fn program() -> Program {
    let sources = sources::KINDS.iter().map(|kind| kind.descriptor.name);
    let destinations = destinations::KINDS.iter().map(|kind| kind.descriptor.name);
    Program {
        version: env!("CARGO_PKG_VERSION"),
        optimised: !cfg!(debug_assertions),
        demo: cfg!(feature = "demo"),
        platforms: sources.chain(destinations).collect(),
    }
}

#[expect(clippy::disallowed_methods, reason = "whether they are set is the question")]
fn is_set(variable: &&str) -> bool {
    std::env::var_os(variable).is_some()
}

fn machine() -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(|name| name.trim_matches('"'));
    let memory = read("/proc/meminfo");
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"));
    Machine {
        system: name.unwrap_or(std::env::consts::OS).to_owned(),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        processor: std::env::consts::ARCH,
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        memory: total.and_then(|total| total.trim().parse::<u64>().ok()).unwrap_or(0) * 1024,
        variables: VARIABLES.into_iter().filter(is_set).collect(),
    }
}

fn mistakes(failure: &Failure) -> Vec<Mistake> {
    let Failure::Config(errors) = failure else { return Vec::new() };
    let mistake = |ConfigError { code, line, column, .. }: &ConfigError| Mistake {
        code: code.to_string(),
        title: title(code),
        line: *line,
        column: *column,
    };
    errors.0.iter().map(mistake).collect()
}

fn database(config: &Config) -> Database {
    let path = &config.store.path;
    let mut waiting = path.as_os_str().to_owned();
    waiting.push("-wal");
    let bytes = |path: &Path| path.metadata().ok().map(|file| file.len());
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Database { file, bytes: bytes(path), waiting_bytes: bytes(waiting.as_ref()), error: None }
}

/// Adds what the database says.
async fn states(loaded: &Loaded, bundle: &mut Bundle) -> Result<(), Failure> {
    let looked = look_at(loaded)?;
    let Look { store, flows, lanes, .. } = &looked;
    for (flow, status) in flows.iter().zip(status::flows(store.as_ref(), flows, lanes).await?) {
        let dead = store.dead(&flow.name, MOST).await?;
        let Trouble { stopped, retrying } = &status.trouble;
        let Freshness { acknowledged_at, pending_since } = status.freshness;
        bundle.flows.push(FlowState {
            flow: status.flow,
            converged: status.converged,
            mirror: status.tally.mirror,
            states: status.tally.states().into_iter().collect(),
            rules: status.tally.all.rules,
            holds: status.tally.all.holds,
            paused_since: status.tally.paused_since.map(|at| at.to_string()),
            acknowledged_at: acknowledged_at.map(|at| at.to_string()),
            pending_since: pending_since.map(|at| at.to_string()),
            stopped: stopped.as_ref().map(|Stopped { since, fault }| ErrorCount::one(fault, Some(since.to_string()))),
            retrying: retrying.as_ref().map(|Retrying { records, next, fault }| ErrorCount {
                count: *records,
                ..ErrorCount::one(fault, Some(next.to_string()))
            }),
            dead: counted(dead.iter().map(|letter| (&letter.fault, letter.at))),
        });
    }
    for name in lanes.keys() {
        let lane = |(name, state): (String, store::LaneState)| LaneState {
            name,
            read_at: state.read_at.map(|at| at.to_string()),
            full_at: state.full_at.map(|at| at.to_string()),
            reading_in_full: state.walk.map(|walk| walk.pass.is_some()),
            held: state.held,
            error: state.fault.as_ref().map(|fault| ErrorCount::one(fault, None)),
        };
        let unread = store.unread(name, MOST).await?;
        bundle.sources.push(SourceState {
            source: name.to_string(),
            records: store.counts(name).await?,
            lanes: store.lanes(name).await?.into_iter().map(lane).collect(),
            unread: counted(unread.iter().map(|row| (&row.fault, row.at))),
        });
    }
    bundle.leftovers = looked.leftovers().await?;
    Ok(())
}

impl ErrorCount {
    fn one(fault: &Fault, at: Option<String>) -> Self {
        Self { code: fault.code.to_string(), title: title(&fault.code), class: fault.class, count: 1, at }
    }
}

/// Faults by code, each with the latest instant.
fn counted<'a>(faults: impl Iterator<Item = (&'a Fault, model::Timestamp)>) -> Vec<ErrorCount> {
    let mut codes: BTreeMap<&str, (&Fault, model::Timestamp, u64)> = BTreeMap::new();
    for (fault, at) in faults {
        let (_, latest, count) = codes.entry(&fault.code).or_insert((fault, at, 0));
        *latest = at.max(*latest);
        *count += 1;
    }
    let counted = |(fault, at, count): (&Fault, model::Timestamp, u64)| ErrorCount {
        count,
        ..ErrorCount::one(fault, Some(at.to_string()))
    };
    codes.into_values().map(counted).collect()
}

/// The title of a code's page.
fn title(code: &str) -> String {
    let page = help::page(code).unwrap_or_default();
    let heading = page.lines().next().unwrap_or_default();
    heading.split_once(": ").map(|(_, title)| title.to_owned()).unwrap_or_default()
}
