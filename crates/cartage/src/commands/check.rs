//! `cartage check`: does it work, before anything is sent.

use std::path::Path;

use contract::{Fault, source::Finding};
use serde::Serialize;

use super::load;
use crate::{
    assemble,
    output::{self, Exit, Failure, Output, fault_text},
};

#[derive(Serialize)]
struct Checked {
    /// What was checked, such as `source shop`.
    subject: String,
    findings: Vec<Finding>,
}

pub(super) async fn run(path: &Path, output: Output) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    let parts = assemble::parts(&loaded)?;
    output.line(format!("{} is well-formed; every secret it names can be had", loaded.file))?;
    let mut all = Vec::new();
    for (name, source) in &parts.sources {
        all.push(Checked { subject: format!("source {name}"), findings: source.check().await });
    }
    for flow in &parts.flows {
        let subject = format!("flow {} (market {})", flow.name, flow.market.key);
        all.push(Checked { subject, findings: flow.destination.check().await });
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
    let faults = all.iter().flat_map(|checked| &checked.findings).filter_map(|finding| finding.result.as_ref().err());
    let exit = faults.map(|fault: &Fault| output::exit_of(fault)).max().unwrap_or(Exit::Done);
    Ok(exit)
}
