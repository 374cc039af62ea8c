//! `cartage sync`: one pass.

use std::sync::Arc;

use contract::{
    Fault,
    store::{Leftover, Swept, Taken},
};
use engine::{
    Flow,
    pull::Walked,
    run::{Engine, SyncOptions, Synced},
};
use model::FlowName;
use serde::Serialize;
use tokio::sync::watch;

use super::{
    Session, chosen, configured,
    status::{self, FlowStatus, flows_table, leftovers_text},
};
use crate::{
    cli::SyncArgs,
    output::{self, Exit, Failure, Output, fault_text},
    progress::Progress,
};

/// What a pass did.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Report {
    /// How the flows stand.
    pub(super) flows: Vec<FlowStatus>,
    /// What each lane brought.
    pub(super) lanes: Vec<LaneReport>,
    /// Flows that stopped before the end, and why.
    pub(super) paused: Vec<(String, Fault)>,
    /// What is left of flows and sources that are no longer configured, and of kinds that a flow no longer carries.
    pub(super) leftovers: Vec<Leftover>,
    /// How many erasures of persons have not ended.
    pub(super) erasures: usize,
    /// Calls made to sources.
    pub(super) source_calls: u64,
    /// Calls made to destinations.
    pub(super) destination_calls: u64,
    /// Wall time.
    pub(super) seconds: f64,
    /// CPU time of the process, user and system.
    pub(super) cpu_seconds: f64,
    /// The largest resident set of the process.
    pub(super) peak_rss_bytes: u64,
}

/// What a lane brought.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct LaneReport {
    source: String,
    lane: String,
    full: bool,
    /// What the guard kept from being deleted.
    held: Option<Swept>,
    #[serde(flatten)]
    taken: Taken,
    fault: Option<Fault>,
}

impl Report {
    /// Records that reading the lanes found new, changed or gone.
    #[cfg(feature = "demo")]
    pub(super) fn changed(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.taken.new + lane.taken.changed + lane.taken.gone).sum()
    }
}

pub(super) async fn carry_out(session: &Session, args: &SyncArgs, output: Output<'_>) -> Result<Exit, Failure> {
    chosen(&session.engine.flows, &args.flow)?;
    let options = SyncOptions {
        full: args.full || args.allow_deletes,
        flows: args.flow.iter().map(|name| FlowName::new(name.as_str())).collect(),
        patience: args.patience(),
    };
    let pass = Pass { engine: &session.engine, progress: &session.progress };
    let report = pass.carry_out(&options, &session.stop).await?;
    output.document(&report)?;
    show(&report, output)?;
    Ok(exit(&report))
}

/// A pass to be carried out.
pub(super) struct Pass<'a> {
    /// What carries it out.
    pub(super) engine: &'a Arc<Engine>,
    /// Who shows it.
    pub(super) progress: &'a Progress,
}

impl Pass<'_> {
    /// Carries out a pass and reports it.
    pub(super) async fn carry_out(
        &self,
        options: &SyncOptions,
        stop: &watch::Receiver<bool>,
    ) -> Result<Report, Failure> {
        let engine = self.engine;
        let began = engine.clock.now();
        let Synced { lanes, flows: pushed } = engine.sync(options, stop).await?;
        self.progress.finish();
        let flows = chosen(&engine.flows, &options.flows.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let mut reports = Vec::with_capacity(lanes.len());
        for (source, lane, walked) in lanes {
            let (walked, fault) = match walked {
                Ok(walked) => (walked, None),
                Err(fault) => (Walked::default(), Some(fault)),
            };
            let Walked { full, taken, .. } = walked;
            // What an earlier full read held back is held back still.
            let held = engine.store.lane(&source, &lane).await?.held;
            let held = held.map(|(missing, live)| Swept { live, missing, held: true });
            reports.push(LaneReport { source: source.to_string(), lane, full, held, taken, fault });
        }
        Ok(Report {
            flows: status::flows(engine.store.as_ref(), &flows, &status::lanes(engine)).await?,
            lanes: reports,
            paused: pushed.into_iter().filter_map(|(flow, pushed)| Some((flow.to_string(), pushed.paused?))).collect(),
            leftovers: engine.store.left_behind(&configured(&engine.flows)).await?,
            erasures: engine.store.open_erasures().await?.len(),
            source_calls: engine.origins.iter().map(|origin| origin.pull.source.calls()).sum(),
            destination_calls: destination_calls(&engine.flows),
            seconds: began.until(engine.clock.now()).as_secs_f64(),
            cpu_seconds: output::cpu_seconds(),
            peak_rss_bytes: output::peak_rss_bytes(),
        })
    }
}

/// Calls made to destinations; one that several flows share counts once.
fn destination_calls(flows: &[Arc<Flow>]) -> u64 {
    let mut counted: Vec<*const ()> = Vec::new();
    let mut calls = 0;
    for flow in flows {
        let which = Arc::as_ptr(&flow.destination).cast::<()>();
        if !counted.contains(&which) {
            counted.push(which);
            calls += flow.destination.calls();
        }
    }
    calls
}

/// Prints a report for people.
pub(super) fn show(report: &Report, output: Output<'_>) -> Result<(), Failure> {
    output.line(flows_table(&report.flows).trim_end())?;
    for line in leftovers_text(&report.leftovers).lines() {
        output.line(line)?;
    }
    // What ails several lanes alike is told once.
    let mut faults: Vec<(&str, &Fault, Vec<&str>)> = Vec::new();
    for lane in &report.lanes {
        let Some(fault) = &lane.fault else { continue };
        match faults.iter_mut().find(|(source, told, _)| *source == lane.source && *told == fault) {
            Some((_, _, lanes)) => lanes.push(&*lane.lane),
            None => faults.push((&lane.source, fault, vec![&*lane.lane])),
        }
    }
    for (source, fault, lanes) in faults {
        let lanes = format!("{} {}", if lanes.len() == 1 { "lane" } else { "lanes" }, lanes.join(", "));
        output.line(format!("source {source}, {lanes}: {}", fault_text(fault)))?;
    }
    for lane in &report.lanes {
        if let Some(Swept { live, missing, .. }) = lane.held {
            output.line(format!(
                "source {}, lane {}: {missing} of {live} records are missing, more than sweep_guard allows, so nothing was \
                 deleted; if they are really gone, run `cartage sync --full --allow-deletes`",
                lane.source, lane.lane
            ))?;
        }
    }
    for lane in report.lanes.iter().filter(|lane| lane.taken.unread > 0) {
        output.line(format!(
            "source {}, lane {}: {} records could not be understood; `cartage status` names them",
            lane.source, lane.lane, lane.taken.unread
        ))?;
    }
    for (flow, fault) in &report.paused {
        output.line(format!("flow {flow} stopped: {}", fault_text(fault)))?;
    }
    if report.erasures > 0 {
        output.line(format!("{} erasures of persons have not ended; `cartage status` says why", report.erasures))?;
    }
    if report.flows.iter().any(|flow| flow.tally.dead > 0) {
        output.line("some records are dead; see `cartage dead list`")?;
    }
    output.line(format!(
        "{} source calls, {} destination calls, {:.1} s, {} MiB at most",
        report.source_calls,
        report.destination_calls,
        report.seconds,
        report.peak_rss_bytes / (1024 * 1024)
    ))?;
    Ok(())
}

/// The exit code that tells how a pass ended.
pub(super) fn exit(report: &Report) -> Exit {
    let faults = report.lanes.iter().filter_map(|lane| lane.fault.as_ref());
    let faults = faults.chain(report.paused.iter().map(|(_, fault)| fault)).map(output::exit_of);
    let held = report.lanes.iter().any(|lane| lane.held.is_some()).then_some(Exit::Held);
    let left = (!report.leftovers.is_empty() || report.erasures > 0).then_some(Exit::Left);
    faults.chain(held).chain(left).chain([status::exit_of(&report.flows)]).max().unwrap_or(Exit::Done)
}
