//! `cartage check`: does it work, before anything is sent.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

use contract::{Fault, Source, source::Finding};
use engine::Flow;
use model::SourceName;
use serde::Serialize;

use super::{configured, coverage, load_with_flows, status::leftovers_text};
use crate::{
    assemble,
    config::{Loaded, Server},
    output::{self, Exit, Failure, Output, fault_text},
};

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Checked {
    /// What was checked, such as `source shop`.
    subject: String,
    findings: Vec<Finding>,
}

pub(super) async fn run(path: &Path, output: Output<'_>) -> Result<Exit, Failure> {
    let loaded = load_with_flows(path)?;
    let parts = assemble::parts(&loaded)?;
    output.line(format!("{} is well-formed; every secret it names can be had", loaded.file))?;
    let mut all = Vec::new();
    if loaded.config.store.path.exists() {
        let result = assemble::check_database(&loaded).await.map(|()| "whole".to_owned());
        let findings = vec![Finding { what: loaded.config.store.path.display().to_string(), result }];
        all.push(Checked { subject: "database".to_owned(), findings });
    }
    for (name, source) in &parts.sources {
        let findings = source.check().await;
        let findings: Vec<Finding> = findings.into_iter().chain(of_webhooks(&loaded, name, source.as_ref())).collect();
        let usable = findings.iter().all(|finding| finding.result.is_ok());
        all.push(Checked { subject: format!("source {name}"), findings });
        if usable {
            let checked = of_markets(name, source.as_ref(), &parts.flows).await;
            let fits = checked.iter().flat_map(|checked| &checked.findings).all(|finding| finding.result.is_ok());
            all.extend(checked);
            if fits {
                all.extend(of_products(&loaded, name, &parts.flows).await?);
            }
        }
    }
    all.extend(unused_markets(&loaded, &parts.flows));
    for flow in &parts.flows {
        let subject = format!("flow {} (market {})", flow.name, flow.market_names());
        let mut findings = flow.destination.check().await;
        if findings.iter().all(|finding| finding.result.is_ok()) {
            findings.extend(of_addresses(&loaded, flow).await);
        }
        findings.extend(feeds(&loaded.config.server, flow));
        all.push(Checked { subject, findings });
    }
    let here = vec![of_path(&loaded.config.store.path), of_port(loaded.config.server.listen)];
    all.push(Checked { subject: "this machine".to_owned(), findings: here });
    output.document(&all)?;
    for checked in &all {
        output.line(format!("\n{}", checked.subject))?;
        for finding in &checked.findings {
            match &finding.result {
                Ok(found) => output.line(format!("  ok    {}: {found}", finding.what))?,
                Err(fault) => {
                    output.line(format!(
                        "  FAIL  {}: {}",
                        finding.what,
                        fault_text(fault).replace('\n', "\n      ")
                    ))?;
                }
            }
        }
    }
    for exposure in loaded.exposures() {
        output.line(format!("\nwarning: {exposure}"))?;
    }
    if loaded.config.store.path.exists() {
        for line in of_database(&loaded, &parts.flows).await.lines() {
            output.line(format!("\nwarning: {line}"))?;
        }
    }
    let faults = all.iter().flat_map(|checked| &checked.findings).filter_map(|finding| finding.result.as_ref().err());
    let exit = faults.map(|fault: &Fault| output::exit_of(fault)).max().unwrap_or(Exit::Done);
    Ok(exit)
}

/// Where the webhooks of a source arrive, or why they can't.
fn of_webhooks(loaded: &Loaded, name: &SourceName, source: &dyn Source) -> Option<Finding> {
    let (hooks, address) = (source.hooks()?, loaded.config.server.hook_url(name)?);
    let result = match hooks.objection(&address) {
        None => Ok(format!("they arrive at {address}")),
        Some(objection) => Err(Fault::config("C0625", format!("webhooks can't be delivered: {objection}"))
            .hint("set server.public_url to an address that the platform can reach")),
    };
    Some(Finding::new("webhooks", result))
}

/// The markets and fields of a source's flows, held against what its shop is set up with.
async fn of_markets(name: &SourceName, source: &dyn Source, flows: &[Arc<Flow>]) -> Vec<Checked> {
    let profile = match source.profile().await {
        Ok(profile) => profile,
        Err(fault) => {
            let findings = vec![Finding::new("settings", Err(fault))];
            return vec![Checked { subject: format!("markets of source {name}"), findings }];
        }
    };
    let flows: Vec<&Arc<Flow>> = flows.iter().filter(|flow| flow.source == *name).collect();
    let mut seen = BTreeSet::new();
    let markets = flows.iter().flat_map(|flow| &flow.markets).filter(|market| seen.insert(market.key.as_str()));
    let markets = markets.map(|market| Checked {
        subject: format!("market {} of source {name}", market.key),
        findings: engine::check::market(market, &profile),
    });
    let fields = flows.iter().map(|flow| Checked {
        subject: format!("fields of flow {}", flow.name),
        findings: engine::check::attributes(&flow.products, &profile),
    });
    markets.chain(fields.filter(|checked| !checked.findings.is_empty())).collect()
}

/// The products of a source, counted for the markets of its flows.
async fn of_products(loaded: &Loaded, name: &SourceName, flows: &[Arc<Flow>]) -> Result<Vec<Checked>, Failure> {
    let flows: Vec<&Arc<Flow>> = flows.iter().filter(|flow| flow.source == *name).collect();
    let findings = match coverage::of(loaded, name, &flows).await {
        Ok(counted) => counted.iter().flat_map(coverage::Counted::findings).collect(),
        Err(Failure::Fault(fault)) => vec![Finding::new("coverage", Err(fault))],
        Err(failure) => return Err(failure),
    };
    Ok(vec![Checked { subject: format!("products of source {name}"), findings }])
}

/// Whether what the destination of a flow holds is of its market. Of several markets each may have its own.
async fn of_addresses(loaded: &Loaded, flow: &Flow) -> Option<Finding> {
    let [market] = flow.markets.as_slice() else { return None };
    match flow.destination.addresses().await? {
        Ok(there) => engine::check::addresses(market, &loaded.config.markets.values().collect::<Vec<_>>(), &there),
        Err(fault) => Some(Finding::new("products there", Err(fault))),
    }
}

/// Markets that are in no flow.
fn unused_markets(loaded: &Loaded, flows: &[Arc<Flow>]) -> Vec<Checked> {
    let used: BTreeSet<&str> = flows.iter().flat_map(|flow| &flow.markets).map(|market| market.key.as_str()).collect();
    let unused = loaded.config.markets.keys().filter(|key| !used.contains(key.as_str()));
    let finding = || vec![Finding::new("flows", Ok("none has it, so nothing is sent for it".to_owned()))];
    unused.map(|key| Checked { subject: format!("market {key}"), findings: finding() }).collect()
}

/// Whether the database can be written. Where there is none yet, a file beside it is made and deleted.
fn of_path(path: &Path) -> Finding {
    let place = path.display();
    let result = if path.exists() {
        OpenOptions::new().read(true).write(true).open(path).map(|_| format!("{place} can be written"))
    } else {
        let probe = path.with_extension("check");
        let made = OpenOptions::new().create_new(true).write(true).open(&probe).and_then(|_| fs::remove_file(&probe));
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
        .map(|()| format!("{place} will be made by the first sync"))
    };
    let refused = |error: io::Error| {
        Fault::config("C0105", format!("{place} can't be written: {error}"))
            .hint("name a file in a folder that exists and may be written: store.path")
    };
    Finding::new("database", result.map_err(refused))
}

/// Whether the address is free on which `run` listens.
fn of_port(listen: SocketAddr) -> Finding {
    let result = match TcpListener::bind(listen) {
        Ok(_) => Ok(format!("{listen} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Ok(format!("{listen} is taken: by a running `cartage run`, or else choose another, which run needs"))
        }
        Err(error) => Err(Fault::config("C0805", format!("server.listen {listen} can't be listened on: {error}"))
            .hint("name an address of this machine, such as 127.0.0.1:8470")),
    };
    Finding::new("listen", result)
}

/// The addresses to enter where the destination is told what to import.
fn feeds(server: &Server, flow: &Flow) -> Vec<Finding> {
    let hint = if server.public_url.is_none() { "; for an importer elsewhere, set server.public_url" } else { "" };
    let names = flow.destination.importer().map_or(&[][..], |importer| importer.feeds());
    let finding = |name: &&str| Finding {
        what: format!("feed {name}"),
        result: Ok(format!("{}{hint}", server.feed_url(&flow.name, name))),
    };
    names.iter().map(finding).collect()
}

/// What the database says that the configuration does not show, a line each.
async fn of_database(loaded: &Loaded, flows: &[Arc<Flow>]) -> String {
    let looked = async { assemble::open_read_only(loaded)?.left_behind(&configured(flows)).await };
    match looked.await {
        Ok(leftovers) => leftovers_text(&leftovers),
        Err(fault) => format!("the database can't be looked at: {fault}"),
    }
}
