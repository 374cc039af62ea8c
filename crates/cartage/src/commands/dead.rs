//! `cartage dead`: records that are dead, and those of which nobody knows whether a call arrived.

use std::{path::Path, sync::Arc};

use contract::{
    Clock, Fault, Store,
    store::{DeadLetter, Hold, Kept, KeptBy, Number, State, Which},
};
use engine::{
    Decision, Flow, decide,
    hidden::{HIDDEN, hidden},
    unknown_outcome,
};
use serde::Serialize;

use super::{Look, Session, chosen, look};
use crate::{
    cli::{DeadArgs, DeadOne, DropArgs, ReplayArgs},
    output::{Exit, Failure, Output, fault_text, pretty},
};

/// Dead letters of a flow, and records that it holds, that are shown at once.
const MOST: usize = 1000;

/// A record that is dead or held.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Row {
    flow: String,
    /// `dead`, or `held`: nobody knows whether a call arrived.
    state: &'static str,
    #[serde(flatten)]
    letter: DeadLetter,
}

const DEAD: &str = "dead";
const HELD: &str = "held";

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Done {
    flow: String,
    records: u64,
    /// Of them, those that were held.
    held: u64,
}

/// What is to be done, and with which records.
struct Change<'a> {
    flow: Option<&'a String>,
    records: &'a [String],
    held: bool,
    replay: bool,
}

pub(super) async fn replay(session: &Session, args: &ReplayArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let ReplayArgs { flow, records, held } = args;
    change(session, &Change { flow: flow.as_ref(), records, held: *held, replay: true }, output).await
}

pub(super) async fn drop(session: &Session, args: &DropArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let DropArgs { flow, records, all, held } = args;
    if records.is_empty() && !all && !held {
        return Err(Fault::config("C0823", "no record is named")
            .hint("name records, or --all to drop all that are dead, or --held for those that are held")
            .into());
    }
    change(session, &Change { flow: flow.as_ref(), records, held: *held, replay: false }, output).await
}

/// The latest records that are dead or held, or those that are named, wherever they stand.
async fn letters(
    store: &dyn Store,
    flows: &[Arc<Flow>],
    flow: Option<&String>,
    records: &[String],
) -> Result<Vec<Row>, Failure> {
    let names: Vec<String> = flow.into_iter().cloned().collect();
    let mut all = Vec::new();
    for flow in chosen(flows, &names)? {
        let (mut dead, mut held) = (Vec::new(), Vec::new());
        if records.is_empty() {
            dead = store.dead(&flow.name, MOST).await?;
            held = store.kept(&flow.name, KeptBy::Hold(Hold::UnknownOutcome), MOST).await?;
        }
        for record in records {
            for found in store.find(&flow.source, record).await? {
                if flow.carry(found.kind).is_none() {
                    continue;
                }
                let of_kind = store.dead_of(&flow.name, &found.id).await?;
                dead.extend(of_kind.into_iter().filter(|letter| letter.number == found.number));
                let Some(work) = store.work(&flow.name, found.number).await? else { continue };
                let is_held = |state: &State| *state == State::Held(Hold::UnknownOutcome);
                if work.entry.is_some_and(|entry| entry.revision >= work.revision && is_held(&entry.state)) {
                    let Some(entry) = store.entry(&flow.name, found.number).await? else { continue };
                    let (number, kind, id) = (found.number, found.kind, found.id);
                    held.push(Kept { number, kind, id, at: entry.settled_at, fault: entry.fault });
                }
            }
        }
        dead.dedup_by_key(|letter| letter.number);
        let flow_name = flow.name.to_string();
        all.extend(dead.into_iter().map(|letter| Row { flow: flow_name.clone(), state: DEAD, letter }));
        for kept in held {
            let letter = held_letter(store, &flow, kept).await?;
            all.push(Row { flow: flow_name.clone(), state: HELD, letter });
        }
    }
    Ok(all)
}

async fn held_letter(store: &dyn Store, flow: &Flow, kept: Kept) -> Result<DeadLetter, Fault> {
    let Kept { number, kind, id, at, fault } = kept;
    let entry = store.entry(&flow.name, number).await?;
    let revision = entry.as_ref().map(|entry| entry.revision).unwrap_or_default();
    let call = entry.and_then(|entry| Some(entry.call?.id));
    let fault = fault.unwrap_or_else(unknown_outcome);
    Ok(DeadLetter { number, kind, id, revision, at, fault, items: Vec::new(), call })
}

/// Hides the values of records about people.
fn hide(letters: &mut [Row]) {
    for Row { letter, .. } in letters.iter_mut().filter(|row| row.letter.kind.is_personal()) {
        letter.items = letter.items.iter().map(hidden).collect();
        if let Some(response) = &mut letter.fault.response {
            HIDDEN.clone_into(response);
        }
    }
}

pub(super) async fn list(path: &Path, args: &DeadArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let Look { store, flows, .. } = look(path)?;
    let mut letters = letters(store.as_ref(), &flows, args.flow.as_ref(), &args.records).await?;
    hide(&mut letters);
    output.document(&letters)?;
    if letters.is_empty() {
        output.line("no record is dead or held")?;
        return Ok(Exit::Done);
    }
    for Row { flow, state, letter } in &letters {
        let at = letter.at.to_string();
        let second = at.split('.').next().unwrap_or(&at).trim_end_matches('Z');
        let held = if *state == HELD { " · held" } else { "" };
        output.line(format!("{flow} · {} {} · {second}Z{held}", letter.kind, letter.id))?;
        output.line(format!("  {}: {}", letter.fault.code, letter.fault))?;
    }
    for flow in &flows {
        for state in [DEAD, HELD] {
            let of_flow = |it: &&Row| it.flow == flow.name.as_str() && it.state == state;
            if letters.iter().filter(of_flow).count() == MOST {
                let name = &flow.name;
                output.line(format!("{name} · the latest {MOST} {state} are shown; `cartage status` counts all"))?;
            }
        }
    }
    output.line("show one with `cartage dead show <record>`; try again with `cartage dead replay`")?;
    if letters.iter().any(|letter| letter.state == HELD) {
        output.line(
            "of held records nobody knows whether a call arrived: `cartage dead replay <record>` sends it again, `cartage dead \
             drop <record>` takes it as delivered",
        )?;
    }
    Ok(Exit::Left)
}

pub(super) async fn show(path: &Path, args: &DeadOne, output: Output<'_>) -> Result<Exit, Failure> {
    let Look { store, flows, .. } = look(path)?;
    let records = std::slice::from_ref(&args.record);
    let mut letters = letters(store.as_ref(), &flows, args.flow.as_ref(), records).await?;
    if !args.reveal {
        hide(&mut letters);
    }
    if letters.is_empty() {
        return Err(no_letter(&args.record).into());
    }
    output.document(&letters)?;
    for Row { flow, state, letter } in &letters {
        let since = if *state == HELD { "held since" } else { "dead since" };
        output.line(format!("{flow} · {} {}", letter.kind, letter.id))?;
        output.line(format!("revision {}, {since} {}", letter.revision.0, letter.at))?;
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

async fn change(session: &Session, what: &Change<'_>, output: Output<'_>) -> Result<Exit, Failure> {
    let engine = &session.engine;
    let done = changed(engine.store.as_ref(), engine.clock.as_ref(), &engine.flows, what).await?;
    for origin in &engine.origins {
        origin.pull.ring();
    }
    output.document(&done)?;
    for Done { flow, records, held } in &done {
        let dead = records - held;
        if dead > 0 {
            let verb = if what.replay { "will be tried again with the next `cartage sync`" } else { "were dropped" };
            output.line(format!("{flow}: {dead} records {verb}"))?;
        }
        if *held > 0 {
            let verb =
                if what.replay { "will be sent again with the next `cartage sync`" } else { "were taken as delivered" };
            output.line(format!("{flow}: {held} held records {verb}"))?;
        }
    }
    if done.is_empty() {
        output.line(if what.held { "no record is held" } else { "no record is dead" })?;
    }
    Ok(Exit::Done)
}

/// Does what was asked for, flow by flow; those in which there was nothing to do are left out.
async fn changed(
    store: &dyn Store,
    clock: &dyn Clock,
    flows: &[Arc<Flow>],
    what: &Change<'_>,
) -> Result<Vec<Done>, Failure> {
    let names: Vec<String> = what.flow.into_iter().cloned().collect();
    let mut rows = Vec::new();
    for record in what.records {
        let found = letters(store, flows, what.flow, std::slice::from_ref(record)).await?;
        if found.is_empty() {
            return Err(no_letter(record).into());
        }
        rows.extend(found);
    }
    let decision = if what.replay { Decision::SendAgain } else { Decision::TakeAsDelivered };
    let mut done = Vec::new();
    for flow in chosen(flows, &names)? {
        let of_flow = |state: &str| -> Vec<Number> {
            let letters = rows.iter().filter(|it| it.state == state && it.flow == flow.name.as_str());
            letters.map(|it| it.letter.number).collect()
        };
        let (dead, held) = (of_flow(DEAD), of_flow(HELD));
        let which = match (what.records.is_empty(), what.held) {
            (true, true) => Which::These(&[]),
            (true, false) => Which::All,
            (false, _) => Which::These(&dead),
        };
        let dead = match (what.replay, which) {
            (_, Which::These([])) => 0,
            (true, which) => store.replay(&flow.name, which).await?,
            (false, which) => store.discard(&flow.name, which).await?,
        };
        let held = if what.held {
            decide_all(store, clock, &flow, decision).await?
        } else if held.is_empty() {
            0
        } else {
            decide(&flow, store, clock.now(), &held, decision).await?
        };
        if dead + held > 0 {
            done.push(Done { flow: flow.name.to_string(), records: dead + held, held });
        }
    }
    Ok(done)
}

/// Decides for all records that a flow holds.
async fn decide_all(store: &dyn Store, clock: &dyn Clock, flow: &Flow, decision: Decision) -> Result<u64, Fault> {
    let mut decided = 0;
    loop {
        let held = store.kept(&flow.name, KeptBy::Hold(Hold::UnknownOutcome), MOST).await?;
        let numbers: Vec<Number> = held.iter().map(|held| held.number).collect();
        match decide(flow, store, clock.now(), &numbers, decision).await? {
            0 => return Ok(decided),
            now => decided += now,
        }
    }
}

fn no_letter(id: &str) -> Fault {
    Fault::record("C0824", format!("no record {id:?} is dead or held")).hint("`cartage dead list` shows those that are")
}
