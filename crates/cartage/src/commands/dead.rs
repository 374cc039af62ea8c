//! `cartage dead`: records that were set aside.

use std::{path::Path, sync::Arc};

use contract::{
    Fault, Store,
    store::{DeadLetter, Number, Which},
};
use engine::Flow;
use serde::Serialize;

use super::{Look, chosen, load, look};
use crate::{
    assemble,
    cli::{DeadArgs, DeadCommand, DeadOne, DropArgs},
    output::{Exit, Failure, Output, fault_text, pretty},
};

/// Dead letters of a flow that are shown at once.
const MOST: usize = 1000;

#[derive(Serialize)]
struct Letter {
    flow: String,
    #[serde(flatten)]
    letter: DeadLetter,
}

#[derive(Serialize)]
struct Done {
    flow: String,
    records: u64,
}

pub(super) async fn run(path: &Path, command: &DeadCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        DeadCommand::List(args) => list(path, args, output).await,
        DeadCommand::Show(args) => show(path, args, output).await,
        DeadCommand::Replay(args) => change(path, args, output, true).await,
        DeadCommand::Drop(DropArgs { records, all: false, .. }) if records.is_empty() => {
            let fault = Fault::config("C0823", "no record is named").hint("name records, or --all to drop all of them");
            Err(fault.into())
        }
        DeadCommand::Drop(DropArgs { flow, records, .. }) => {
            let which = DeadArgs { flow: flow.clone(), records: records.clone() };
            change(path, &which, output, false).await
        }
    }
}

/// The latest dead letters, or those of the records that are named, wherever they stand.
async fn letters(
    store: &dyn Store,
    flows: &[Arc<Flow>],
    flow: Option<&String>,
    records: &[String],
) -> Result<Vec<Letter>, Failure> {
    let names: Vec<String> = flow.into_iter().cloned().collect();
    let mut all = Vec::new();
    for flow in chosen(flows, &names)? {
        let mut letters = if records.is_empty() { store.dead(&flow.name, MOST).await? } else { Vec::new() };
        for record in records {
            letters.extend(store.dead_of(&flow.name, &record.as_str().into()).await?);
        }
        all.extend(letters.into_iter().map(|letter| Letter { flow: flow.name.to_string(), letter }));
    }
    Ok(all)
}

async fn list(path: &Path, args: &DeadArgs, output: Output) -> Result<Exit, Failure> {
    let Look { store, flows, .. } = look(path)?;
    let letters = letters(store.as_ref(), &flows, args.flow.as_ref(), &args.records).await?;
    output.document(&letters)?;
    if letters.is_empty() {
        output.line("no record is set aside")?;
        return Ok(Exit::Done);
    }
    for Letter { flow, letter } in &letters {
        let at = letter.at.to_string();
        let second = at.split('.').next().unwrap_or(&at).trim_end_matches('Z');
        output.line(format!("{flow} · {} {} · {second}Z", letter.kind, letter.id))?;
        output.line(format!("  {}: {}", letter.fault.code, letter.fault))?;
    }
    for flow in &flows {
        if letters.iter().filter(|letter| letter.flow == flow.name.as_str()).count() == MOST {
            output.line(format!("{} · the latest {MOST} are shown; `cartage status` counts all", flow.name))?;
        }
    }
    output.line("show one with `cartage dead show <record>`; try again with `cartage dead replay`")?;
    Ok(Exit::Left)
}

async fn show(path: &Path, args: &DeadOne, output: Output) -> Result<Exit, Failure> {
    let Look { store, flows, .. } = look(path)?;
    let records = std::slice::from_ref(&args.record);
    let letters = letters(store.as_ref(), &flows, args.flow.as_ref(), records).await?;
    if letters.is_empty() {
        return Err(no_letter(&args.record).into());
    }
    output.document(&letters)?;
    for Letter { flow, letter } in &letters {
        output.line(format!("{flow} · {} {}", letter.kind, letter.id))?;
        output.line(format!("revision {}, set aside {}", letter.revision.0, letter.at))?;
        output.line(fault_text(&letter.fault))?;
        if let Some(response) = &letter.fault.response {
            output.line(format!("answer: {response}"))?;
        }
        for item in &letter.items {
            output.line(format!("payload of {}: {}", item.id, pretty(&item.payload.object())))?;
        }
    }
    Ok(Exit::Left)
}

async fn change(path: &Path, args: &DeadArgs, output: Output, replay: bool) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    let flows = assemble::parts(&loaded)?.flows;
    let store = assemble::open(&loaded)?;
    let done = if args.records.is_empty() {
        all(store.as_ref(), &flows, args.flow.as_ref(), replay).await?
    } else {
        named(store.as_ref(), &flows, args, replay).await?
    };
    output.document(&done)?;
    let verb = if replay { "will be tried again with the next `cartage sync`" } else { "were dropped" };
    for Done { flow, records } in &done {
        output.line(format!("{flow}: {records} records {verb}"))?;
    }
    if done.is_empty() {
        output.line("no record is set aside")?;
    }
    Ok(Exit::Done)
}

/// Has every dead letter tried again, or dropped, of one flow or of all.
async fn all(
    store: &dyn Store,
    flows: &[Arc<Flow>],
    flow: Option<&String>,
    replay: bool,
) -> Result<Vec<Done>, Failure> {
    let names: Vec<String> = flow.into_iter().cloned().collect();
    let mut done = Vec::new();
    for flow in chosen(flows, &names)? {
        let records = if replay {
            store.replay(&flow.name, Which::All).await?
        } else {
            store.discard(&flow.name, Which::All).await?
        };
        if records > 0 {
            done.push(Done { flow: flow.name.to_string(), records });
        }
    }
    Ok(done)
}

/// Has the dead letters of these records tried again, or dropped.
async fn named(store: &dyn Store, flows: &[Arc<Flow>], args: &DeadArgs, replay: bool) -> Result<Vec<Done>, Failure> {
    let letters = letters(store, flows, args.flow.as_ref(), &args.records).await?;
    if let Some(unknown) = args.records.iter().find(|id| !letters.iter().any(|it| it.letter.id.as_str() == *id)) {
        return Err(no_letter(unknown).into());
    }
    let mut done = Vec::new();
    for flow in flows {
        let of_flow = letters.iter().filter(|letter| letter.flow == flow.name.as_str());
        let numbers: Vec<Number> = of_flow.map(|letter| letter.letter.number).collect();
        if numbers.is_empty() {
            continue;
        }
        let records = if replay {
            store.replay(&flow.name, Which::These(&numbers)).await?
        } else {
            store.discard(&flow.name, Which::These(&numbers)).await?
        };
        done.push(Done { flow: flow.name.to_string(), records });
    }
    Ok(done)
}

fn no_letter(id: &str) -> Fault {
    Fault::record("C0824", format!("no record {id:?} is set aside")).hint("`cartage dead list` shows those that are")
}
