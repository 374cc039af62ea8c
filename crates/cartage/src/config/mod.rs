//! The configuration file: turns text into typed settings, or into the list of its mistakes.
//!
//! **Invariants:** any text gives a [`Loaded`] or errors, never a panic; unknown keys are refused; an error names file,
//! line, column, mistake and remedy; no secret is shown.

mod check;
pub mod code;
pub mod draft;
mod file;
mod market;
mod problem;
mod read;
pub mod schema;
mod shown;
mod source_map;
mod suggest;
mod value;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use contract::{SecretRef, store::Retention};
use engine::{
    flow::Clash,
    mapping::{self, Expression, MappingError},
};
use model::{FlowName, Kind, Market, SourceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use problem::{ConfigError, ConfigErrors};
pub use source_map::{Place, SourceMap};

/// Name of the file where none is given.
pub const FILE_NAME: &str = "cartage.toml";

/// Largest configuration file.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the mirror and the ledger are kept.
    pub store: Store,
    /// Keys that seal data about people; the first one seals.
    pub data_keys: Vec<SecretRef>,
    /// What `cartage run` serves.
    pub server: Server,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Shops that are read, by name.
    pub sources: BTreeMap<SourceName, SourceSettings>,
    /// Services that are written to, by name.
    pub destinations: BTreeMap<String, destinations::Config>,
    /// Markets, by name.
    pub markets: BTreeMap<String, Market>,
    /// Flows, by name. What they name exists.
    pub flows: BTreeMap<FlowName, FlowSettings>,
}

/// Where the mirror and the ledger are kept.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database file.
    pub path: PathBuf,
    /// How long finished rows are kept.
    pub retention: Retention,
}

/// What `cartage run` serves.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The address under which it can be reached from outside, without a slash at the end.
    pub public_url: Option<String>,
}

/// Logs and traces.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Which log lines are written; valid levels.
    pub log: String,
    /// How log lines are written.
    pub format: LogFormat,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// A shop that is read.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The settings of its platform.
    pub connector: sources::Config,
    /// The largest share of records that a sweep may remove, 0 to 1.
    pub sweep_guard: f64,
    /// How often everything is read again.
    pub full_every: Duration,
    /// Fixed intervals by lane.
    pub cadence: BTreeMap<String, Duration>,
}

/// One source into one destination, in one market or several.
#[derive(Clone, Debug)]
pub struct FlowSettings {
    /// Name of its source.
    pub source: SourceName,
    /// Name of its destination.
    pub destination: String,
    /// Names of its markets, at least one, none twice.
    pub markets: Vec<String>,
    /// The kinds that it carries; `None`: the catalogue, as far as the destination takes it.
    pub kinds: Option<Vec<Kind>>,
    /// Product fields: name and CEL expression.
    pub fields: BTreeMap<String, String>,
    /// Category fields: name and CEL expression.
    pub category_fields: BTreeMap<String, String>,
    /// The share of what it holds that it may remove within 24 hours without approval.
    pub removal_guard: f64,
    /// So many items it may remove in any case.
    pub removal_guard_items: u64,
}

/// A configuration, with the places of all its keys and values.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Their places.
    pub source_map: SourceMap,
    /// The file, as it was named.
    pub file: String,
    text: String,
}

impl Server {
    /// The address of a flow's feed for the destination: below `public_url`, or one that only this machine reaches.
    pub fn feed_url(&self, flow: &FlowName, feed: &str) -> String {
        let base = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        format!("{base}/feed/{flow}/{feed}")
    }

    /// The address at which the webhooks of a source arrive; `None` without `public_url`.
    pub fn hook_url(&self, source: &SourceName) -> Option<String> {
        self.public_url.as_ref().map(|base| format!("{base}/hooks/{source}"))
    }
}

impl Config {
    /// Reads a file. Relative paths in it count from its folder.
    ///
    /// # Errors
    /// All its mistakes.
    pub fn load(path: &Path) -> Result<Loaded, Vec<ConfigError>> {
        let file = path.display().to_string();
        let text = read_bounded(path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "write one with `cartage init`, or name another with --config".to_owned(),
                io::ErrorKind::InvalidData => "it must be text in UTF-8".to_owned(),
                _ => "see that it is a file which this user may read".to_owned(),
            };
            vec![ConfigError {
                code: code::FILE.into(),
                file: file.clone(),
                line: 0,
                column: 0,
                excerpt: String::new(),
                width: 1,
                message: format!("the configuration can't be read: {error}"),
                hint: Some(hint),
            }]
        })?;
        let mut loaded = Self::parse(&text, &file)?;
        if let Some(folder) = path.parent() {
            loaded.config.store.path = folder.join(&loaded.config.store.path);
        }
        Ok(loaded)
    }

    /// Reads the text of a file of this name.
    ///
    /// # Errors
    /// All that is wrong with it, in the order of the text.
    pub fn parse(text: &str, file: &str) -> Result<Loaded, Vec<ConfigError>> {
        let (config, source_map) = check::config(text).map_err(|problems| problem::place(problems, text, file))?;
        Ok(Loaded { config, source_map, file: file.to_owned(), text: text.to_owned() })
    }
}

/// The text of a file, and no more than shows that it is too long: it may be one without end, such as `/dev/zero`.
fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

impl Loaded {
    /// The user's product fields of a flow, each with where its text begins.
    pub fn fields(&self, flow: &FlowName) -> Vec<Expression> {
        let settings = self.config.flows.get(flow);
        self.expressions(flow, "fields", settings.map(|settings| &settings.fields))
    }

    /// The user's category fields of a flow, each with where its text begins.
    pub fn category_fields(&self, flow: &FlowName) -> Vec<Expression> {
        let settings = self.config.flows.get(flow);
        self.expressions(flow, "category_fields", settings.map(|settings| &settings.category_fields))
    }

    fn expressions(&self, flow: &FlowName, key: &str, fields: Option<&BTreeMap<String, String>>) -> Vec<Expression> {
        let expression = |(name, text): (&String, &String)| {
            let at = self.text_begins(&["flows", flow.as_str(), key, name]);
            Expression { name: name.clone(), text: text.clone(), at }
        };
        fields.into_iter().flatten().map(expression).collect()
    }

    /// The folder of the file, from which relative paths count; empty: the working directory.
    pub fn folder(&self) -> &Path {
        Path::new(&self.file).parent().unwrap_or(Path::new(""))
    }

    /// What this configuration lets others read or reach, a line each.
    pub fn exposures(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Ok(table) = self.text.parse::<toml::Table>() {
            for section in ["sources", "destinations", "telemetry", "personal_data"] {
                found.extend(table.get(section).into_iter().flat_map(|value| exposed(section, value, self.folder())));
            }
        }
        let listen = self.config.server.listen;
        if !listen.ip().is_loopback() {
            found.push(format!(
                "server.listen {listen} can be reached by other machines, without TLS: /metrics and /readyz tell them what \
                 is carried. Listen on the loopback address, and let a proxy with TLS pass /feed/ on"
            ));
        }
        found
    }

    /// The error of an expression, shown like any other of the configuration.
    pub fn mapping_error(&self, error: &MappingError) -> ConfigError {
        let start = problem::byte_at(&self.text, error.at.line, error.at.column);
        let mut found =
            problem::Problem::new(error.code, start..start + 1, format!("field {}: {}", error.field, error.message));
        found.hint.clone_from(&error.hint);
        problem::located(found, &self.text, &self.file)
    }

    /// The keys under a source's `cadence` that name none of the lanes it reads.
    pub fn unknown_lanes(&self, source: &SourceName, lanes: &[&str]) -> Vec<ConfigError> {
        let Some(settings) = self.config.sources.get(source) else { return Vec::new() };
        let unknown = settings.cadence.keys().filter(|name| !lanes.contains(&name.as_str()));
        let problem = |name: &String| {
            let span = self.source_map.nearest(&["sources", source.as_str(), "cadence", name]).key;
            let mut problem =
                problem::Problem::new(code::UNKNOWN_KEY, span, format!("{source} reads no lane \"{name}\""));
            let known = format!("it reads: {}", lanes.join(", "));
            problem.hint = Some(match suggest::nearest(name, lanes.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?\n{known}"),
                None => known,
            });
            problem
        };
        problem::place(unknown.map(problem).collect(), &self.text, &self.file)
    }

    /// That a source has webhooks and nobody knows where they are to arrive.
    pub fn no_public_url(&self, source: &SourceName) -> Vec<ConfigError> {
        let span = self.source_map.nearest(&["sources", source.as_str(), "webhooks"]).key;
        let message =
            format!("webhooks of {source} need server.public_url: the platform delivers to an address below it");
        let hint = "write the address of this server as others reach it, such as \"https://cartage.shop.example\"";
        let problem = problem::Problem::new(code::NO_PUBLIC_URL, span, message).hint(hint);
        problem::place(vec![problem], &self.text, &self.file)
    }

    /// That there is nothing to do: no flow.
    pub fn no_flow(&self) -> Vec<ConfigError> {
        let message = "there is no flow: nothing would be read or sent";
        let hint =
            "add a flow, such as [flows.clerk-de] with its source, market and destination; `cartage init` prints one";
        let problem =
            problem::Problem::new(code::NO_FLOW, self.source_map.nearest(&["flows"]).value, message).hint(hint);
        problem::place(vec![problem], &self.text, &self.file)
    }

    /// That there is no source to ask.
    pub fn no_source(&self) -> Vec<ConfigError> {
        let hint = "write its settings and secrets under [sources.shop] first; `cartage init` prints how";
        let problem = problem::Problem::new(
            code::MISSING,
            self.source_map.nearest(&["sources"]).value,
            "there is no source to ask",
        )
        .hint(hint);
        problem::place(vec![problem], &self.text, &self.file)
    }

    /// The file without markets and flows, which [`draft`] writes anew.
    fn kept(&self) -> toml::Table {
        let mut table = self.text.parse::<toml::Table>().unwrap_or_default();
        table.remove("markets");
        table.remove("flows");
        table
    }

    /// That a flow has several markets and its destination takes one.
    pub fn several_markets(&self, flow: &FlowName) -> Vec<ConfigError> {
        let span = self.source_map.nearest(&["flows", flow.as_str(), "markets"]).value;
        let message = format!("the flow {flow} has several markets, and its destination takes one per flow");
        let problem = problem::Problem::new(code::SEVERAL_MARKETS, span, message)
            .hint("make a flow for each market, each into a destination of its own");
        problem::place(vec![problem], &self.text, &self.file)
    }

    /// That a flow carries what its destination does not take. `lacks`: what has to be decided before it does.
    pub fn not_taken(&self, flow: &FlowName, kind: Kind, taken: &[&str], lacks: Option<&str>) -> Vec<ConfigError> {
        let span = self.source_map.nearest(&["flows", flow.as_str(), "carry"]).value;
        let message = format!("the destination of flow {flow} does not take records of the kind {kind}");
        let hint = lacks.map_or_else(|| format!("with its settings it takes: {}", taken.join(", ")), str::to_owned);
        let problem = problem::Problem::new(code::NOT_TAKEN, span, message).hint(hint);
        problem::place(vec![problem], &self.text, &self.file)
    }

    /// That two flows fill one space of an account, at the destination of the second.
    pub fn clash(&self, Clash { first, second, one_destination }: &Clash) -> Vec<ConfigError> {
        let span = self.source_map.nearest(&["flows", second.as_str(), "destination"]).value;
        let message = if *one_destination {
            format!("the flows {first} and {second} write to the same place of their destination")
        } else {
            format!("the flows {first} and {second} write to the same place: their destinations have the same keys")
        };
        let hint = format!(
            "each would overwrite and remove the items of the other: give {second} a destination with the keys of an account \
             or store of its own"
        );
        let problem = problem::Problem::new(code::SHARED_DESTINATION, span, message).hint(hint);
        problem::place(vec![problem], &self.text, &self.file)
    }

    /// Where the text inside a value's quotes begins.
    fn text_begins(&self, path: &[&str]) -> mapping::Place {
        let value = self.source_map.nearest(path).value;
        let written = self.text.get(value.clone()).unwrap_or_default();
        let quotes = ["\"\"\"\r\n", "\'\'\'\r\n", "\"\"\"\n", "\'\'\'\n", "\"\"\"", "\'\'\'", "\"", "\'"];
        let opening = quotes.into_iter().find(|quotes| written.starts_with(quotes)).unwrap_or_default();
        let before = self.text.get(..value.start + opening.len()).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        mapping::Place { file: self.file.clone(), line: before.matches('\n').count() + 1, column }
    }
}

/// Values in a part of the configuration that others can read: addresses without TLS on a network, and files of secrets.
fn exposed(path: &str, value: &toml::Value, folder: &Path) -> Vec<String> {
    match value {
        toml::Value::Table(table) => {
            table.iter().flat_map(|(name, value)| exposed(&format!("{path}.{name}"), value, folder)).collect()
        }
        toml::Value::String(text) => {
            if let Some(file) = text.strip_prefix("file:") {
                let line = is_readable_by_others(&folder.join(file)).then(|| {
                    format!("{path}: {file} can be read by other users of this machine. Run `chmod 600` on it")
                });
                return line.into_iter().collect();
            }
            let url = wire::Url::parse(text).ok().filter(|url| url.scheme() == "http" && !wire::is_this_machine(url));
            let line = url.map(|url| {
                let host = url.host_str().unwrap_or_default();
                format!("{path} is http://: keys and data go to {host} for anyone on the way to read. Use https://")
            });
            line.into_iter().collect()
        }
        toml::Value::Array(items) => items.iter().flat_map(|item| exposed(path, item, folder)).collect(),
        _ => Vec::new(),
    }
}

/// Users other than the file's owner and group may read it.
#[cfg(unix)]
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

/// A commented configuration to begin with: commercetools into Clerk.io, on the real hosts.
pub fn starter() -> String {
    include_str!("starter.toml").to_owned()
}

/// A configuration that shows every setting.
pub const EXAMPLE: &str = include_str!("example.toml");

#[cfg(test)]
mod tests;
