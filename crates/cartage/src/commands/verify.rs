//! `cartage verify`: is the destination as it acknowledged.

use contract::Fault;
use engine::verify::{Verified, repair, repaired, verify};
use serde::Serialize;

use super::{Session, chosen};
use crate::{
    cli::VerifyArgs,
    output::{Exit, Failure, Output, exit_of, fault_text},
};

/// Items of a flow that are shown.
const SHOWN: usize = 50;

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct FlowVerified {
    flow: String,
    #[serde(flatten)]
    verified: Verified,
    /// Records that were sent again; `None`: that was not asked for.
    repaired: Option<u64>,
    /// Why sending again stopped before the end, if it did.
    paused: Option<Fault>,
}

pub(super) async fn carry_out(session: &Session, args: &VerifyArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let engine = &session.engine;
    let mut all = Vec::new();
    for flow in chosen(&engine.flows, &args.flow)? {
        let verified = verify(&flow, engine.store.as_ref(), engine.clock.as_ref(), args.orphans).await?;
        let (mut sent_again, mut paused) = (None, None);
        if args.repair {
            repair(&flow, engine.store.as_ref(), engine.clock.as_ref(), &verified).await?;
            paused = engine.push(&flow, &session.stop).until_idle().await?.paused;
            sent_again = Some(repaired(&flow, engine.store.as_ref(), &verified).await?);
        }
        all.push(FlowVerified { flow: flow.name.to_string(), verified, repaired: sent_again, paused });
    }
    session.progress.finish();
    output.document(&all)?;
    let mut exit = Exit::Done;
    for FlowVerified { flow, verified, repaired, paused } in &all {
        if verified.expected > 0 || verified.unreadable.is_empty() {
            output.line(format!("{flow}: {} of {} items are as acknowledged", verified.right, verified.expected))?;
        } else {
            output.line(format!("{flow}: {} items are acknowledged, not readable", verified.acknowledged))?;
        }
        for drift in verified.drift.iter().take(SHOWN) {
            let mut what = if drift.extra {
                "is there, and should not be".to_owned()
            } else if drift.missing {
                "is missing".to_owned()
            } else {
                format!("differs in {}", drift.fields.join(", "))
            };
            if drift.unread {
                what += ", and could not be understood when it was read last: it is not sent again";
            }
            output.line(format!("  {} {} {what}", drift.kind, drift.item))?;
        }
        if verified.drift.len() > SHOWN {
            output.line(format!("  … and {} more; --json has all", verified.drift.len() - SHOWN))?;
        }
        let by_state: Vec<String> =
            verified.unacknowledged.iter().map(|(state, items)| format!("{items} {state}")).collect();
        if !by_state.is_empty() {
            output.line(format!(
                "  the destination did not acknowledge {} (`cartage status`, `cartage dead list`)",
                by_state.join(", ")
            ))?;
            exit = exit.max(Exit::Left);
        }
        for orphan in verified.orphans.iter().take(SHOWN) {
            output.line(format!("  {} {} is there, and no record owns it", orphan.kind, orphan.item))?;
        }
        if !verified.orphans.is_empty() {
            output.line(format!("  {} items that no record owns: remove them there", verified.orphans.len()))?;
            exit = exit.max(Exit::Left);
        }
        for kind in &verified.unlisted {
            output.line(format!(
                "  {kind}: this destination does not list what it holds; what no record owns goes with its next import of a \
                 whole hosted feed"
            ))?;
        }
        if let Some(fault) = &verified.stopped {
            output.line(format!("  not all of it could be read back: {}", fault_text(fault)))?;
            exit = exit.max(exit_of(fault));
        }
        for kind in &verified.unreadable {
            output.line(format!("  {kind}: this destination does not let it be read back"))?;
        }
        let drifted = verified.drifted().len() as u64;
        if let Some(records) = repaired {
            output.line(format!("  {records} records were sent again in full"))?;
        } else if drifted > 0 {
            output.line("  send it again with `cartage verify --repair`")?;
        }
        let left = drifted.saturating_sub(repaired.unwrap_or(0));
        if repaired.is_some() && left > 0 {
            output.line(format!("  {left} records could not be sent again (`cartage dead list`, `cartage status`)"))?;
        }
        if let Some(fault) = paused {
            output.line(format!("flow {flow} stopped: {}", fault_text(fault)))?;
            exit = exit.max(exit_of(fault));
        }
        if left > 0 {
            exit = exit.max(Exit::Left);
        }
    }
    Ok(exit)
}
