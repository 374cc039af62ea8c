//! `cartage check`: does it work, before anything is sent.

use std::{path::Path, sync::Arc};

use contract::{Fault, source::Finding};
use engine::Flow;
use serde::Serialize;

use super::{configured, load, status::leftovers_text};
use crate::{
    assemble,
    config::{Loaded, Server},
    output::{self, Exit, Failure, Output, fault_text},
};

#[derive(Serialize)]
struct Checked {
    /// What was checked, such as `source shop`.
    subject: String,
    findings: Vec<Finding>,
}

pub(super) async fn run(path: &Path, output: Output<'_>) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    let parts = assemble::parts(&loaded)?;
    output.line(format!("{} is well-formed; every secret it names can be had", loaded.file))?;
    let mut all = Vec::new();
    if loaded.config.store.path.exists() {
        let result = assemble::check_database(&loaded).await.map(|()| "whole".to_owned());
        let findings = vec![Finding { what: loaded.config.store.path.display().to_string(), result }];
        all.push(Checked { subject: "database".to_owned(), findings });
    }
    for (name, source) in &parts.sources {
        all.push(Checked { subject: format!("source {name}"), findings: source.check().await });
    }
    for flow in &parts.flows {
        let subject = format!("flow {} (market {})", flow.name, flow.market_names());
        let mut findings = flow.destination.check().await;
        findings.extend(feeds(&loaded.config.server, flow));
        all.push(Checked { subject, findings });
    }
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
