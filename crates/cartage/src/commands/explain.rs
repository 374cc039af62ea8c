//! `cartage explain`: one record's journey.

use std::{collections::BTreeMap, path::Path};

use engine::explain::{Journey, explain};

use super::{clock, look, plan::not_found};
use crate::{
    cli::ExplainArgs,
    output::{Exit, Failure, Output, fault_text},
};

pub(super) async fn run(path: &Path, args: &ExplainArgs, output: Output) -> Result<Exit, Failure> {
    let (store, flows) = look(path)?;
    let mut sources: Vec<_> = flows.iter().map(|flow| &flow.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut journeys = Vec::new();
    for source in sources {
        let flows: Vec<_> = flows.iter().filter(|flow| flow.source == *source).map(AsRef::as_ref).collect();
        for found in store.find(source, &args.record).await? {
            journeys.push(explain(&found, &flows, store.as_ref(), clock().as_ref()).await?);
        }
    }
    if journeys.is_empty() {
        return Err(not_found(&args.record).into());
    }
    output.document(&journeys)?;
    for journey in &journeys {
        output.line(text(journey).trim_end())?;
    }
    Ok(Exit::Done)
}

fn text(journey: &Journey) -> String {
    let at = |at: Option<model::Timestamp>| at.map_or("at an unknown time".to_owned(), |at| at.to_string());
    let mut text = format!("{} {}\n", journey.kind, journey.id);
    text += &format!("  source   version {}, changed there {}\n", journey.version, at(journey.modified_at));
    let gone = if journey.record.is_none() { ", gone" } else { "" };
    text += &format!("  mirror   revision {}, changed here {}{gone}\n", journey.revision.0, journey.changed_at);
    for stop in &journey.flows {
        text += &format!("\n  {} (market {}): {}, {}\n", stop.flow, stop.market, stop.verdict, stop.why);
        if let Some(next) = stop.next {
            text += &format!("    may change by time alone at {next}\n");
        }
        for item in &stop.items {
            let pretty = serde_json::to_string_pretty(item).unwrap_or_default();
            text += &format!("    payload  {}\n", pretty.replace('\n', "\n    "));
        }
        match &stop.ledger {
            None => text += "    ledger   never settled\n",
            Some(entry) => {
                let state = serde_json::to_string(&entry.state).unwrap_or_default().replace('"', "");
                text += &format!("    ledger   {state} at revision {}, {}\n", entry.revision.0, entry.settled_at);
                if entry.in_doubt {
                    text += "    ledger   what the destination holds is in doubt; it is sent again in full\n";
                }
                if let Some(fault) = &entry.fault {
                    text += &format!("    because  {}\n", fault_text(fault).replace('\n', "\n    "));
                }
                if let Some(call) = &entry.call {
                    let status = call.status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
                    text += &format!(
                        "    call     {} {} of {} records at {}: {status} {}\n",
                        call.op, call.kind, call.records, call.at, call.response
                    );
                }
            }
        }
        // What can't be sent is not on its way.
        let pending = stop.pending.iter().filter(|_| stop.verdict != "dead");
        let mut by_item: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for change in pending {
            by_item.entry(change.item.as_str()).or_default().push(&change.field);
        }
        for (item, fields) in by_item {
            text += &format!("    pending  {item}: {}\n", fields.join(", "));
        }
    }
    text
}
