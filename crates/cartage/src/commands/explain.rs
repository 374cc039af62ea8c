//! `cartage explain`: one record's journey.

use std::{collections::BTreeMap, path::Path};

use contract::store::{Stopped, UnreadRow, Who};
use engine::{
    explain::{Journey, explain},
    market::Origin,
};
use serde::Serialize;

use super::{Look, clock, look, plan::not_found};
use crate::{
    cli::ExplainArgs,
    output::{Exit, Failure, Output, fault_text},
};

/// Unread records that are looked through for an id.
const UNREAD: usize = 10_000;

/// What is known of a record.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(super) enum Known {
    /// It is in the mirror.
    Journey(Box<Journey>),
    /// The source has it, and it could never be understood.
    Unread(UnreadRow),
}

pub(super) async fn run(path: &Path, args: &ExplainArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let Look { store, flows, .. } = look(path)?;
    let mut sources: Vec<_> = flows.iter().map(|flow| &flow.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let (mut known, mut all_unread) = (Vec::new(), 0);
    for source in sources {
        let flows: Vec<_> = flows.iter().filter(|flow| flow.source == *source).map(AsRef::as_ref).collect();
        let unread = store.unread(source, UNREAD).await?;
        all_unread += unread.len();
        let found = store.find(source, &args.record).await?;
        for found in &found {
            let is_it = |row: &&UnreadRow| row.kind == found.kind && row.id.as_ref() == Some(&found.id);
            let unread = unread.iter().find(is_it);
            let mut journey = explain(found, unread, &flows, store.as_ref(), clock().as_ref()).await?;
            if !args.reveal {
                journey.hide();
            }
            known.push(Known::Journey(Box::new(journey)));
        }
        let is_named = |row: &UnreadRow| row.id.as_ref().is_some_and(|id| id.as_str() == args.record);
        let is_found = |row: &UnreadRow| found.iter().any(|it| it.kind == row.kind && row.id.as_ref() == Some(&it.id));
        known.extend(unread.into_iter().filter(|row| is_named(row) && !is_found(row)).map(Known::Unread));
    }
    if known.is_empty() {
        let mut fault = not_found(&args.record);
        let email = model::Email::parse(&args.record).ok();
        let who = email.map_or_else(|| Who::Customer { source: None, id: args.record.as_str().into() }, Who::Email);
        if let Some(erasure) = store.erasure_of(&who).await? {
            let number = erasure.erasure;
            fault = fault
                .hint(format!("the rule `erased` keeps the person out since erasure {number}, {}", erasure.asked_at));
        }
        if all_unread > 0 {
            fault = fault.hint(format!(
                "{all_unread} records of the source could not be understood; those are found by their id only: \
                 `cartage status` lists them"
            ));
        }
        return Err(fault.into());
    }
    output.document(&known)?;
    for known in &known {
        match known {
            Known::Journey(journey) => output.line(text(journey).trim_end())?,
            Known::Unread(row) => {
                let id = row.id.as_ref().map_or("?", |id| id.as_str());
                output.line(format!("{} {id}\n{}", row.kind, unread_text(row)))?;
                output.line("  it was never understood, so nothing was sent of it by this database")?;
            }
        }
    }
    Ok(Exit::Done)
}

fn unread_text(row: &UnreadRow) -> String {
    let fault = fault_text(&row.fault).replace('\n', "\n  ");
    format!("  unread   the source has it, but it could not be understood when it was read last, {}\n  {fault}", row.at)
}

/// `price of SKU-1: 19.99 EUR, price in the product for DE`.
fn from(origin: &Origin) -> String {
    let of = origin.variant.as_ref().map_or(String::new(), |variant| format!(" of {variant}"));
    let value = origin.value.as_deref().unwrap_or("none").replace('\n', " ");
    format!("{}{of}: {value}, {}", origin.field, origin.from)
}

fn text(journey: &Journey) -> String {
    let at = |at: Option<model::Timestamp>| at.map_or("at an unknown time".to_owned(), |at| at.to_string());
    let mut text = format!("{} {}\n", journey.kind, journey.id);
    text += &format!("  source   version {}, changed there {}\n", journey.version, at(journey.modified_at));
    let gone = if journey.record.is_none() { ", gone" } else { "" };
    text += &format!("  mirror   revision {}, changed here {}{gone}\n", journey.revision.0, journey.changed_at);
    if let Some(row) = &journey.unread {
        text += &format!("{}\n", unread_text(row));
        text += "  what follows is of the last form that could be understood; the destination keeps what it has\n";
    }
    for notice in &journey.notices {
        text += &format!("  left out {}: {}\n", notice.field, notice.what);
    }
    for stop in &journey.flows {
        text += &format!("\n  {} (market {}): {}, {}\n", stop.flow, stop.market, stop.verdict, stop.why);
        if let Some(since) = stop.paused_since {
            text += &format!("    paused   since {since}; `cartage resume {}` ends that\n", stop.flow);
        }
        if let Some(Stopped { since, fault }) = &stop.stopped {
            text += &format!(
                "    stopped  the flow sends nothing since {since}: {}\n",
                fault_text(fault).replace('\n', "\n    ")
            );
        }
        text += &format!("    market   {}\n", stop.wanted);
        if let Some(next) = stop.next {
            text += &format!("    may change by time alone at {next}\n");
        }
        for origin in &stop.origins {
            text += &format!("    {}\n", from(origin));
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
        let mut by_item: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for change in &stop.pending {
            by_item.entry(change.item.as_str()).or_default().push(&change.field);
        }
        for (item, fields) in by_item {
            text += &format!("    pending  {item}: {}\n", fields.join(", "));
        }
    }
    text
}
