//! `cartage status`: how every flow stands.

use std::{path::Path, sync::Arc, time::Duration};

use contract::{
    Fault, Store,
    store::{Count, LaneState, Tally, UnreadRow},
};
use engine::Flow;
use model::SourceName;
use serde::Serialize;

use super::{load, look};
use crate::{
    cli::StatusArgs,
    output::{Exit, Failure, Output, table},
};

/// How everything stands.
#[derive(Debug, Serialize)]
pub struct Status {
    /// By flow.
    pub flows: Vec<FlowStatus>,
    /// By source.
    pub sources: Vec<SourceStatus>,
}

/// How a flow stands. Its states add up to `mirror`.
#[derive(Debug, Serialize)]
pub struct FlowStatus {
    /// Its name.
    pub flow: String,
    /// Its market.
    pub market: String,
    /// How its records stand.
    #[serde(flatten)]
    pub tally: Tally,
    /// The destination agrees with the source: nothing is pending, waiting, held or unread, and no touch waits.
    pub converged: bool,
}

/// How a source was read.
#[derive(Debug, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub source: String,
    /// Records by kind.
    pub records: Vec<Count>,
    /// Lanes.
    pub lanes: Vec<LaneStatus>,
    /// Records that could not be understood, the latest.
    pub unread: Vec<UnreadRow>,
}

/// How a lane was read.
#[derive(Debug, Serialize)]
pub struct LaneStatus {
    /// Its name.
    pub lane: String,
    /// How far it was read.
    #[serde(flatten)]
    pub state: LaneState,
}

/// How these flows stand.
///
/// # Errors
/// The store's.
pub async fn flows(store: &dyn Store, flows: &[Arc<Flow>]) -> Result<Vec<FlowStatus>, Fault> {
    let mut all = Vec::with_capacity(flows.len());
    for flow in flows {
        let tally = store.tally(&flow.name).await?;
        let converged = tally.pending + tally.waiting + tally.held + tally.unread + tally.spreading == 0;
        all.push(FlowStatus { flow: flow.name.to_string(), market: flow.market.key.clone(), tally, converged });
    }
    Ok(all)
}

/// The table of flows.
pub fn flows_table(flows: &[FlowStatus]) -> String {
    let rows: Vec<Vec<String>> = flows
        .iter()
        .map(|flow| {
            let tally = &flow.tally;
            let counts = [tally.mirror].into_iter().chain(tally.states().map(|(_, count)| count));
            [flow.flow.clone(), flow.market.clone()].into_iter().chain(counts.map(|count| count.to_string())).collect()
        })
        .collect();
    let states = Tally::default().states().map(|(state, _)| state.replace('_', " "));
    let heads: Vec<&str> = ["flow", "market", "mirror"].into_iter().chain(states.iter().map(String::as_str)).collect();
    let mut text = table(&heads, &rows);
    for flow in flows.iter().filter(|flow| !flow.tally.rules.is_empty()) {
        let rules = flow.tally.rules.iter().map(|(rule, count)| format!("{count} {rule}"));
        text += &format!("{} filtered: {}\n", flow.flow, rules.collect::<Vec<_>>().join(", "));
    }
    text
}

/// The exit code that tells how the flows stand.
pub fn exit_of(flows: &[FlowStatus]) -> Exit {
    if flows.iter().all(|flow| flow.converged && flow.tally.dead == 0) { Exit::Done } else { Exit::Left }
}

pub(super) async fn run(path: &Path, args: &StatusArgs, output: Output) -> Result<Exit, Failure> {
    let (store, all) = look(path)?;
    let sources: Vec<SourceName> = load(path)?.config.sources.into_keys().collect();
    loop {
        let status = status(store.as_ref(), &all, &sources).await?;
        output.document(&status)?;
        output.line(text(&status).trim_end())?;
        if !args.watch {
            let held = status.sources.iter().flat_map(|source| &source.lanes).any(|lane| lane.state.held.is_some());
            return Ok(if held { Exit::Held } else { exit_of(&status.flows) });
        }
        output.line("")?;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn status(store: &dyn Store, all: &[Arc<Flow>], names: &[SourceName]) -> Result<Status, Fault> {
    let mut sources = Vec::new();
    for name in names {
        let lanes = store.lanes(name).await?.into_iter().map(|(lane, state)| LaneStatus { lane, state }).collect();
        let (records, unread) = (store.counts(name).await?, store.unread(name, 20).await?);
        sources.push(SourceStatus { source: name.to_string(), records, lanes, unread });
    }
    Ok(Status { flows: flows(store, all).await?, sources })
}

fn text(status: &Status) -> String {
    let mut text = flows_table(&status.flows);
    for source in &status.sources {
        let counts = source.records.iter().map(|count| format!("{} {}", count.kind, count.live));
        text += &format!("\nsource {}: {}\n", source.source, counts.collect::<Vec<_>>().join(", "));
        let rows: Vec<Vec<String>> = source
            .lanes
            .iter()
            .map(|LaneStatus { lane, state }| {
                let at = |at: Option<model::Timestamp>| at.map_or("never".to_owned(), |at| at.to_string());
                let note = match (&state.fault, state.held) {
                    (Some(fault), _) => fault.to_string(),
                    (None, Some((missing, live))) => {
                        format!("{missing} of {live} are missing: deletions held (sync --full --allow-deletes)")
                    }
                    (None, None) if state.walk.is_some() => "being read".to_owned(),
                    (None, None) => String::new(),
                };
                vec![lane.clone(), at(state.read_at), at(state.full_at), note]
            })
            .collect();
        text += &table(&["lane", "last read", "last read in full", ""], &rows);
        for row in &source.unread {
            let id = row.id.as_ref().map_or("?", |id| id.as_str());
            text += &format!("not understood: {} {id}: {} [{}]\n", row.kind, row.fault, row.fault.code);
        }
    }
    text
}
