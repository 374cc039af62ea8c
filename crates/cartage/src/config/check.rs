//! Reads text into settings: sections in the order of their dependencies, then checks across sections.

use std::{collections::BTreeMap, net::SocketAddr, ops::Range, time::Duration};

use contract::{BadSetting, ReadSettings, store::Retention};
use model::{FlowName, Kind, Market, SourceName};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config, FlowSettings, MOST_BYTES, Server, SourceSettings, Store, Telemetry, code, file, market,
    problem::{Hidden, Problem},
    read::{Reader, choice, unknown_key},
    schema,
    source_map::SourceMap,
    suggest::{listed, nearest},
};
use crate::telemetry::levels;

/// Sections of the file.
pub(super) const SECTIONS: [&str; 8] =
    ["store", "personal_data", "server", "telemetry", "sources", "destinations", "markets", "flows"];

type Table<'i> = Spanned<DeValue<'i>>;

/// The settings with their places, or all mistakes.
pub(super) fn config(text: &str) -> Result<(Config, SourceMap), Vec<Problem>> {
    if text.len() > MOST_BYTES {
        let message = format!("the file has {} bytes; a configuration has at most {MOST_BYTES}", text.len());
        return Err(vec![Problem::new(code::SYNTAX, 0..0, message).hint("see that the right file is named")]);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let map = SourceMap::of(document.get_ref());
    if !errors.is_empty() {
        return Err(errors.iter().map(syntax).collect());
    }
    let mut read = Sections { reader: Reader { map: &map, problems: Vec::new() }, document: document.get_ref() };
    let config = read.all();
    match config {
        Some(config) if read.reader.problems.is_empty() => Ok((config, map)),
        Some(_) | None => Err(read.reader.problems),
    }
}

/// The parser's message in words for the author of the file.
fn syntax(error: &toml::de::Error) -> Problem {
    let said = error.message();
    let (message, hint) = if said.starts_with("duplicate key") {
        ("this stands twice".to_owned(), "keep one")
    } else if said.contains("must be quoted") {
        ("the value is missing, or is text without quotes".to_owned(), "put text into quotes, such as name = \"value\"")
    } else if said.starts_with("invalid basic string, expected `\"`") {
        ("the text has no closing quote".to_owned(), "close it on the same line")
    } else {
        (format!("this is no TOML: {said}"), "see https://toml.io for how it is written")
    };
    Problem::new(code::SYNTAX, error.span().unwrap_or(0..0), message).hint(hint)
}

struct Sections<'a, 'i> {
    reader: Reader<'a>,
    document: &'a DeTable<'i>,
}

impl<'i> Sections<'_, 'i> {
    fn all(&mut self) -> Option<Config> {
        for (key, _) in self.document.iter().filter(|(key, _)| !SECTIONS.contains(&key.get_ref().as_ref())) {
            self.reader.problems.push(unknown_key(key.get_ref(), &SECTIONS, key.span()));
        }
        let store = self.store();
        let personal_data: Option<file::PersonalData> = self.section("personal_data");
        let server = self.server();
        let telemetry = self.telemetry();
        let sources = self.named("sources", Self::source);
        let destinations = self.named("destinations", Self::destination);
        let markets: BTreeMap<String, Option<Market>> = self.named("markets", |sections, name, value| {
            let written = sections.reader.read::<file::Market>(value, &[])?;
            market::market(&mut sections.reader, name, written)
        });
        let flows = self.named("flows", Self::flow);
        self.references(&sources, &destinations, &markets, &flows);
        if personal_data.as_ref().is_some_and(|written| written.keys.is_empty()) {
            self.no_data_key(&flows);
        }

        let all = |found: BTreeMap<String, Option<_>>| complete(found);
        Some(Config {
            store: store?,
            data_keys: personal_data?.keys,
            server: server?,
            telemetry: telemetry?,
            sources: complete(sources)?.into_iter().map(|(name, source)| (SourceName::new(name), source)).collect(),
            destinations: complete(destinations)?,
            markets: all(markets)?,
            flows: complete(flows)?.into_iter().map(|(name, flow)| (FlowName::new(name), flow)).collect(),
        })
    }

    /// A section that may be left out: all its settings then have their defaults.
    fn section<T: DeserializeOwned + JsonSchema>(&mut self, name: &str) -> Option<T> {
        match self.document.get(name) {
            Some(value) => self.reader.read(value, &[]),
            None => self.reader.read(&Spanned::new(0..0, DeValue::Table(DeTable::new())), &[]),
        }
    }

    /// A section of named tables. A table with mistakes stays as `None`, so that it counts as existing.
    fn named<T>(
        &mut self,
        section: &str,
        mut read: impl FnMut(&mut Self, &str, &Table<'i>) -> Option<T>,
    ) -> BTreeMap<String, Option<T>> {
        let document = self.document;
        let mut found = BTreeMap::new();
        let Some(value) = document.get(section) else { return found };
        let DeValue::Table(tables) = value.get_ref() else {
            let message = format!("{section} must hold tables, such as [{section}.name]");
            self.reader.problems.push(Problem::new(code::VALUE, value.span(), message));
            return found;
        };
        for (key, table) in tables {
            let name = key.get_ref().as_ref();
            self.name(section, name, key.span());
            let settings = read(self, name, table);
            found.insert(name.to_owned(), settings);
        }
        found
    }

    fn name(&mut self, section: &str, name: &str, span: Range<usize>) {
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if !name.is_empty() && name.len() <= 60 && name.chars().all(fits) {
            return;
        }
        let lower = name.to_lowercase().replace(|letter| !fits(letter), "-");
        let better: String = lower.trim_matches('-').chars().take(60).collect();
        let message = format!("\"{name}\" can't be a name: names have a-z, 0-9 and -, at most 60 of them");
        let hint = if better.is_empty() {
            format!("call it something like [{section}.shop]")
        } else {
            format!("call it [{section}.{better}]")
        };
        self.reader.problems.push(Problem::new(code::NAME, span, message).hint(hint));
    }

    fn store(&mut self) -> Option<Store> {
        let written: file::Store = self.section("store")?;
        if written.path.trim().is_empty() {
            self.wrong(&["store", "path"], "store.path is empty", "name a file, such as \"cartage.db\"");
            return None;
        }
        let calls = self.span(&["store", "keep_calls"], &written.keep_calls);
        let tombstones = self.span(&["store", "keep_deleted"], &written.keep_deleted);
        let retention = Retention { calls: calls?, tombstones: tombstones? };
        Some(Store { path: written.path.into(), retention })
    }

    fn server(&mut self) -> Option<Server> {
        let written: file::Server = self.section("server")?;
        let listen = written.listen.parse::<SocketAddr>().ok();
        if listen.is_none() {
            let message = format!("server.listen can't be \"{}\"", written.listen);
            self.wrong(&["server", "listen"], message, "write an IP address and a port, such as \"127.0.0.1:8470\"");
        }
        let public_url = written.public_url.map(|url| url.trim_end_matches('/').to_owned());
        let reachable = self.absolute(&["server", "public_url"], public_url.as_deref());
        listen.filter(|_| reachable).map(|listen| Server { listen, public_url })
    }

    fn telemetry(&mut self) -> Option<Telemetry> {
        let written: file::Telemetry = self.section("telemetry")?;
        let log = levels::directives(&written.log, levels::Shows::Log);
        if let Err(error) = &log {
            let message = format!("telemetry.log can't be \"{}\": {error}", written.log);
            self.wrong(&["telemetry", "log"], message, levels::HINT);
        }
        let reachable = self.absolute(&["telemetry", "otlp_endpoint"], written.otlp_endpoint.as_deref());
        (log.is_ok() && reachable).then_some(Telemetry {
            log: written.log,
            format: written.format,
            otlp_endpoint: written.otlp_endpoint,
        })
    }

    fn source(&mut self, name: &str, value: &Table<'i>) -> Option<SourceSettings> {
        let (common, own) = split(value, schema::SOURCE_KEYS);
        let registry = Registry {
            section: "sources",
            names: sources::KINDS.iter().map(|kind| kind.descriptor.name).collect(),
            read: |kind, settings| sources::Config::read(kind, settings),
        };
        let connector = self.connector(&registry, name, value, &own, schema::SOURCE_KEYS);
        let written: file::Source = self.reader.read(&common, &[])?;
        let full_every = self.span(&["sources", name, "full_every"], &written.full_every);
        let mut cadence = BTreeMap::new();
        for (lane, every) in &written.cadence {
            cadence.extend(self.span(&["sources", name, "cadence", lane], every).map(|every| (lane.clone(), every)));
        }
        Some(SourceSettings {
            connector: connector?,
            sweep_guard: written.sweep_guard,
            full_every: full_every?,
            cadence,
        })
    }

    fn destination(&mut self, name: &str, value: &Table<'i>) -> Option<destinations::Config> {
        let (_, own) = split(value, &[]);
        let registry = Registry {
            section: "destinations",
            names: destinations::KINDS.iter().map(|kind| kind.descriptor.name).collect(),
            read: |kind, settings| destinations::Config::read(kind, settings),
        };
        self.connector(&registry, name, value, &own, &[])
    }

    /// The settings of a platform, read into its own type.
    fn connector<T>(
        &mut self,
        registry: &Registry<T>,
        name: &str,
        whole: &Table<'i>,
        own: &Table<'i>,
        extra: &[&str],
    ) -> Option<T> {
        let Registry { section, names, read } = registry;
        if !whole.get_ref().is_table() {
            let message = format!("{section}.{name} must be a table");
            self.reader.problems.push(Problem::new(code::VALUE, whole.span(), message));
            return None;
        }
        let kind = match whole.get_ref().get("kind").map(|kind| (kind.get_ref().as_str(), kind.span())) {
            Some((Some(kind), span)) => {
                let found = names.iter().find(|name| **name == kind);
                if found.is_none() {
                    let message = format!("{section}.{name}.kind can't be \"{kind}\"");
                    self.reader.problems.push(Problem::new(code::VALUE, span, message).hint(choice(kind, names)));
                }
                found
            }
            Some((None, span)) => {
                let message = format!("{section}.{name}.kind must be text in quotes");
                let hint = format!("possible: {}", listed(names.iter().copied()));
                self.reader.problems.push(Problem::new(code::VALUE, span, message).hint(hint));
                None
            }
            None => {
                let message = format!("{section}.{name} has no kind");
                let hint = format!("kind: which platform it is; possible: {}", listed(names.iter().copied()));
                self.reader.problems.push(Problem::new(code::MISSING, whole.span(), message).hint(hint));
                None
            }
        };
        let kind = kind?;
        let known: Vec<&str> = extra.iter().copied().chain(["kind"]).collect();
        let before = self.reader.problems.len();
        let (settings, refused) = read(kind, &mut Settings { reader: &mut self.reader, table: own, known: &known })?;
        if let Some(fault) = refused.filter(|_| self.reader.problems.len() == before) {
            let problem = self.refused(&[section, name], fault);
            self.reader.problems.push(problem);
        }
        Some(settings)
    }

    /// A connector's own objection, placed at the setting that it names.
    fn refused(&self, path: &[&str], BadSetting { setting, fault }: BadSetting) -> Problem {
        let path: Vec<&str> = path.iter().copied().chain(setting.split('.')).collect();
        let mut problem = Problem::new(fault.code, self.reader.map.nearest(&path).value, fault.message);
        problem.hint = fault.hint;
        problem
    }

    fn flow(&mut self, name: &str, value: &Table<'i>) -> Option<FlowSettings> {
        let written: file::Flow = self.reader.read(value, &[])?;
        for (kind, fields) in [("fields", &written.fields), ("category_fields", &written.category_fields)] {
            for (field, _) in fields.iter().filter(|(_, expression)| expression.trim().is_empty()) {
                let path = ["flows", name, kind, field];
                let message = format!("{field} has no expression");
                self.wrong(&path, message, "write a CEL expression, such as \"product.name\"");
            }
        }
        let markets = self.markets(name, value, written.market, written.markets)?;
        let kinds = self.kinds(name, written.carry);
        Some(FlowSettings {
            kinds,
            source: SourceName::new(written.source),
            destination: written.destination,
            markets,
            fields: written.fields,
            category_fields: written.category_fields,
            removal_guard: written.removal_guard,
            removal_guard_items: written.removal_guard_items,
        })
    }

    /// The kinds that a flow names, each once.
    fn kinds(&mut self, name: &str, carry: Option<Vec<file::Carried>>) -> Option<Vec<Kind>> {
        let carry = carry?;
        if carry.is_empty() {
            self.wrong(
                &["flows", name, "carry"],
                format!("flows.{name}.carry is empty"),
                "name what it carries, such as \"products\"",
            );
        }
        let mut kinds: Vec<Kind> = carry.into_iter().map(Kind::from).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Some(kinds)
    }

    /// The markets of a flow, written either way; `None` if they are missing or written twice.
    fn markets(
        &mut self,
        name: &str,
        value: &Table<'i>,
        market: Option<String>,
        markets: Vec<String>,
    ) -> Option<Vec<String>> {
        let several = value.get_ref().get("markets").is_some();
        match market {
            Some(market) if !several => Some(vec![market]),
            Some(_) => {
                let path = ["flows", name, "markets"];
                self.wrong(&path, format!("flows.{name} has both market and markets"), "keep one of them");
                None
            }
            None if markets.is_empty() => {
                let message = format!("flows.{name} has no market");
                let problem = Problem::new(code::MISSING, value.span(), message);
                self.reader.problems.push(problem.hint("market: Name of the market"));
                None
            }
            None => {
                let mut all = Vec::with_capacity(markets.len());
                for market in markets {
                    if all.contains(&market) {
                        let path = ["flows", name, "markets"];
                        self.wrong(&path, format!("flows.{name}.markets names \"{market}\" twice"), "name it once");
                        return None;
                    }
                    all.push(market);
                }
                Some(all)
            }
        }
    }

    /// Checks that names in flows exist.
    fn references<S, D, M>(
        &mut self,
        sources: &BTreeMap<String, Option<S>>,
        destinations: &BTreeMap<String, Option<D>>,
        markets: &BTreeMap<String, Option<M>>,
        flows: &BTreeMap<String, Option<FlowSettings>>,
    ) {
        for (name, flow) in flows.iter().filter_map(|(name, flow)| Some((name, flow.as_ref()?))) {
            let sources: Vec<&str> = sources.keys().map(String::as_str).collect();
            let destinations: Vec<&str> = destinations.keys().map(String::as_str).collect();
            let markets: Vec<&str> = markets.keys().map(String::as_str).collect();
            self.reference(name, "source", flow.source.as_str(), &sources);
            self.reference(name, "destination", &flow.destination, &destinations);
            for market in &flow.markets {
                self.reference(name, "market", market, &markets);
            }
        }
    }

    /// Data about people is taken only where it can be sealed.
    fn no_data_key(&mut self, flows: &BTreeMap<String, Option<FlowSettings>>) {
        for (name, flow) in flows.iter().filter_map(|(name, flow)| Some((name, flow.as_ref()?))) {
            if flow.kinds.iter().flatten().any(|kind| kind.is_personal()) {
                let message = format!("the flow {name} carries data about people, and there is no key to seal it with");
                let hint =
                    "add [personal_data] with keys = [\"env:CARTAGE_DATA_KEY\"]; `openssl rand -base64 32` makes a key";
                let span = self.reader.map.nearest(&["flows", name, "carry"]).value;
                self.reader.problems.push(Problem::new(code::NO_DATA_KEY, span, message).hint(hint));
            }
        }
    }

    fn reference(&mut self, flow: &str, key: &str, named: &str, known: &[&str]) {
        if known.contains(&named) {
            return;
        }
        let hint = match nearest(named, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if known.is_empty() => format!("add [{key}s.{named}]"),
            None => format!("configured: {}; or add [{key}s.{named}]", listed(known.iter().copied())),
        };
        let plural = format!("{key}s");
        let written = if self.reader.map.get(&["flows", flow, key]).is_some() { key } else { plural.as_str() };
        let span = self.reader.map.nearest(&["flows", flow, written]).value;
        let message = format!("the flow {flow} names a {key} \"{named}\" that is not configured");
        self.reader.problems.push(Problem::new(code::UNKNOWN_NAME, span, message).hint(hint));
    }

    fn wrong(&mut self, path: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let span = self.reader.map.nearest(path).value;
        self.reader.problems.push(Problem::new(code::VALUE, span, message).hint(hint));
    }

    fn absolute(&mut self, path: &[&str], url: Option<&str>) -> bool {
        let fits = url.is_none_or(contract::schema::is_absolute_url);
        if !fits {
            let message = format!("{} is no absolute address", path.join("."));
            self.wrong(path, message, "begin it with http:// or https:// and the host");
            return false;
        }
        let authority = url.and_then(|url| url.split('/').nth(2)).unwrap_or_default();
        if authority.contains('@') {
            let message = format!("{} holds a user or a password", path.join("."));
            let span = self.reader.map.nearest(path).value;
            let hint = "leave it out: addresses are shown in logs, and secrets are no part of this file";
            self.reader.problems.push(Problem::new(code::VALUE, span, message).hint(hint).hidden(Hidden::Meant));
            return false;
        }
        fits
    }

    fn span(&mut self, path: &[&str], text: &str) -> Option<Duration> {
        let span = text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
        let span = span.filter(|span| !span.is_zero());
        if span.is_none() {
            let message = format!("{} can't be \"{text}\"", path.join("."));
            self.wrong(path, message, "write a time span, such as \"30s\", \"15m\" or \"24h\"");
        }
        span
    }
}

/// One connector's table, to be read into the type that its platform names.
struct Settings<'r, 'm, 'i> {
    reader: &'r mut Reader<'m>,
    table: &'r Table<'i>,
    /// Keys that are read elsewhere.
    known: &'r [&'r str],
}

impl ReadSettings for Settings<'_, '_, '_> {
    fn read<T: DeserializeOwned + JsonSchema>(&mut self) -> Option<T> {
        self.reader.read(self.table, self.known)
    }
}

/// A list of platforms, with the reader of their settings.
struct Registry<T> {
    /// Section of the file.
    section: &'static str,
    /// Names of the platforms.
    names: Vec<&'static str>,
    /// Reads the settings of a platform by its name.
    read: ReadKind<T>,
}

/// Settings, and the connector's objection to them.
type ReadKind<T> = fn(&str, &mut Settings<'_, '_, '_>) -> Option<(T, Option<BadSetting>)>;

/// The table in two: the keys of this list, and the rest without `kind`.
fn split<'i>(value: &Table<'i>, keys: &[&str]) -> (Table<'i>, Table<'i>) {
    let mut common = DeTable::new();
    let mut own = DeTable::new();
    if let DeValue::Table(table) = value.get_ref() {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if keys.contains(&name) {
                common.insert(key.clone(), value.clone());
            } else if name != "kind" {
                own.insert(key.clone(), value.clone());
            }
        }
    }
    (Spanned::new(value.span(), DeValue::Table(common)), Spanned::new(value.span(), DeValue::Table(own)))
}

/// All of them, if none is wrong.
fn complete<T>(found: BTreeMap<String, Option<T>>) -> Option<BTreeMap<String, T>> {
    found.into_iter().map(|(name, settings)| Some((name, settings?))).collect()
}
