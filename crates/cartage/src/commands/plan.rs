//! `cartage plan`: what a push would do.

use std::{path::Path, sync::Arc, time::Duration};

use contract::{
    Clock, Fault, Store,
    store::{Found, Leftover, Number},
};
use engine::{
    Flow,
    plan::{self, Basis, FieldChange, Plan},
    pull::{Mode, Stopped},
};
use model::Kind;
use serde::Serialize;

use super::{Look, Session, chosen, clock, configured, look, status::leftovers_text};
use crate::{
    cli::PlanArgs,
    output::{Exit, Failure, Output, fault_text, table},
    progress::brief,
};

/// Records that can't be sent are shown up to so many per flow.
const REFUSED: usize = 5;

/// A count of a plan, with the head of its column.
type Column = (&'static str, fn(&Plan) -> u64);

/// Counts that have a column only where there is something in it, so that the table fits into 80 columns.
const RARE: [Column; 4] = [
    ("dead", |plan| plan.dead),
    ("waiting", |plan| plan.waiting),
    ("held", |plan| plan.undecided),
    ("unread", |plan| plan.unread),
];

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct FlowPlan {
    flow: String,
    #[serde(flatten)]
    plan: Plan,
}

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct RecordPlan {
    flow: String,
    record: String,
    /// How `status` counts it. A record that is dead, held or waiting is not sent, whatever would change.
    state: &'static str,
    changes: Vec<FieldChange>,
    fault: Option<Fault>,
}

/// Shows the plan of what was read before, if that is asked for and something was: it can be looked at beside a process
/// that writes.
pub(super) async fn offline(path: &Path, args: &PlanArgs, output: Output<'_>) -> Result<Option<Exit>, Failure> {
    if !args.offline {
        return Ok(None);
    }
    let Some(looked) = known(path).await else { return Ok(None) };
    let Look { store, flows, .. } = &looked;
    let exit = show(store.as_ref(), clock().as_ref(), &chosen(flows, &args.flow)?, args, output).await?;
    name_leftovers(&looked.leftovers().await?, output)?;
    Ok(Some(exit))
}

pub(super) async fn carry_out(session: &Session, args: &PlanArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let engine = &session.engine;
    let flows = chosen(&engine.flows, &args.flow)?;
    if !args.offline {
        for origin in engine.origins.iter().filter(|origin| flows.iter().any(|flow| flow.source == origin.pull.name)) {
            for lane in origin.pull.source.lanes() {
                origin.pull.walk(&lane, Mode::Changes).await.map_err(Stopped::fault)?;
            }
        }
        for origin in &engine.origins {
            let touch = origin.pull.touch().await?;
            while engine.store.spread(&touch, 1000).await? > 0 {}
        }
        session.progress.finish();
    }
    let exit = show(engine.store.as_ref(), engine.clock.as_ref(), &flows, args, output).await?;
    name_leftovers(&engine.store.left_behind(&configured(&engine.flows)).await?, output)?;
    Ok(exit)
}

/// Names what is left of flows and sources that are no longer configured: no plan of a configured flow shows it.
fn name_leftovers(left: &[Leftover], output: Output<'_>) -> Result<(), Failure> {
    for line in leftovers_text(left).lines() {
        output.line(line)?;
    }
    Ok(())
}

/// The store, if it knows every flow of the configuration. Otherwise they have to be made known to it first.
async fn known(path: &Path) -> Option<Look> {
    let look = look(path).ok()?;
    for flow in &look.flows {
        look.store.work(&flow.name, Number(0)).await.ok()?;
    }
    Some(look)
}

async fn show(
    store: &dyn Store,
    clock: &dyn Clock,
    flows: &[Arc<Flow>],
    args: &PlanArgs,
    output: Output<'_>,
) -> Result<Exit, Failure> {
    if let Some(text) = &args.record {
        return one(store, clock, flows, text, args.reveal, output).await;
    }
    let mut plans = Vec::new();
    for flow in flows {
        let plan = plan::plan(flow, store, clock).await?;
        plans.push(FlowPlan { flow: flow.name.to_string(), plan });
    }
    output.document(&plans)?;
    let is_shown = |(_, count): &Column| plans.iter().any(|it| count(&it.plan) > 0);
    let rows: Vec<Vec<String>> = plans
        .iter()
        .map(|FlowPlan { flow, plan }| {
            let filtered: u64 = plan.filtered.values().sum();
            let refused = plan.refused.len() as u64;
            let calls: u64 = plan.calls.values().sum();
            let rare = RARE.into_iter().filter(is_shown).map(|(_, count)| count(plan));
            let counts = [plan.create, plan.change, plan.remove, plan.keep, filtered, refused].into_iter();
            let counts: Vec<u64> = counts.chain(rare).chain([calls]).collect();
            let time = brief(Duration::from_secs_f64(plan.seconds));
            [flow.clone()].into_iter().chain(counts.iter().map(ToString::to_string)).chain([time]).collect()
        })
        .collect();
    let header = ["flow", "create", "change", "remove", "keep", "filtered", "refused"].into_iter();
    let header = header.chain(RARE.into_iter().filter(is_shown).map(|(name, _)| name)).chain(["calls", "about"]);
    output.line(table(&header.collect::<Vec<_>>(), &rows).trim_end())?;
    for FlowPlan { flow, plan } in &plans {
        if !plan.calls.is_empty() {
            let Basis { call_seconds, measured_calls, at_once, pace_seconds } = plan.basis;
            let call = brief(Duration::from_secs_f64(call_seconds));
            let basis = if measured_calls == 0 {
                format!("assuming {call} a call, as none was made yet")
            } else {
                format!("at {call} a call, the median of {measured_calls} made before")
            };
            let pace = if pace_seconds > 0.0 {
                format!("; the account allows one every {}", brief(Duration::from_secs_f64(pace_seconds)))
            } else {
                String::new()
            };
            output.line(format!(
                "{flow} would take about {}: {basis}; {at_once} at once{pace}",
                brief(Duration::from_secs_f64(plan.seconds))
            ))?;
        }
        for (outcome, records) in plan.examples.iter().filter(|(_, records)| !records.is_empty()) {
            output.line(format!("{flow} would {outcome}, for example:"))?;
            for record in records {
                output.line(format!("  {record}"))?;
            }
        }
        for refused in plan.refused.iter().take(REFUSED) {
            output.line(format!("{flow} can't send {}:", refused.record))?;
            output.line(format!("  {}", fault_text(&refused.fault)))?;
        }
        if let Some(lacking) = plan.lacking.as_ref().filter(|it| it.lacking > 0) {
            output.line(format!("{flow}: {lacking}"))?;
        }
        if plan.remove > 0 && plan.items > 0 {
            let percent = (plan.remove * 100).div_ceil(plan.items);
            output.line(format!("{flow} would remove {} of {} items there, {percent} %", plan.remove, plan.items))?;
        }
        if plan.held {
            output.line(format!(
                "{flow} would hold all {} removals: more than removal_guard allows; `cartage sync --allow-deletes` lets them go",
                plan.remove
            ))?;
        }
        if plan.unread > 0 {
            output.line(format!(
                "{flow} leaves {} records alone that could not be understood; `cartage status` names them",
                plan.unread
            ))?;
        }
        if plan.refused.len() > REFUSED {
            output.line(format!("{flow} can't send {} more; --json has all", plan.refused.len() - REFUSED))?;
        }
    }
    output.line("show one record's fields with `cartage plan <SKU|id>`; send with `cartage sync`")?;
    Ok(Exit::Done)
}

async fn one(
    store: &dyn Store,
    clock: &dyn Clock,
    flows: &[Arc<Flow>],
    text: &str,
    reveal: bool,
    output: Output<'_>,
) -> Result<Exit, Failure> {
    let (mut plans, mut only) = (Vec::new(), None);
    for flow in flows {
        for Found { number, id, kind, .. } in store.find(&flow.source, text).await? {
            if flow.carry(kind).is_none() {
                only = Some(kind);
                continue;
            }
            let Some(work) = store.work(&flow.name, number).await? else { continue };
            let (mut changes, fault) = match plan::changes(flow, store, clock, &work).await {
                Ok(changes) => (changes, None),
                Err(fault) => (Vec::new(), Some(fault)),
            };
            if kind.is_personal() && !reveal {
                changes.iter_mut().for_each(FieldChange::hide);
            }
            let (flow, record, state) = (flow.name.to_string(), id.to_string(), work.counted_as());
            plans.push(RecordPlan { flow, record, state, changes, fault });
        }
    }
    if plans.is_empty() {
        return Err(only.map_or_else(|| not_found(text), |kind| not_carried(text, kind)).into());
    }
    output.document(&plans)?;
    for plan in &plans {
        output.line(format!("{} · {}", plan.flow, plan.record))?;
        if matches!(plan.state, "dead" | "held" | "waiting") {
            let state = plan.state;
            output.line(format!("  it is {state}, so nothing is sent for it now; `cartage explain` says why"))?;
        }
        if let Some(fault) = &plan.fault {
            output.line(format!("  can't be sent: {}", fault_text(fault)))?;
        } else if plan.changes.is_empty() {
            output.line("  nothing would change")?;
        }
        for change in &plan.changes {
            let show = |json: &Option<serde_json::Value>| json.as_ref().map_or("—".to_owned(), ToString::to_string);
            output.line(format!("  {} {}", change.item, change.field))?;
            output.line(format!("    - {}", show(&change.before)))?;
            output.line(format!("    + {}", show(&change.after)))?;
        }
    }
    Ok(Exit::Done)
}

/// It is in the mirror for what other records say of it, or because another flow carries its kind, or did once.
fn not_carried(text: &str, kind: Kind) -> Fault {
    let explained = "`cartage explain` shows what the source says of this one";
    if Kind::CARRIED.contains(&kind) {
        return Fault::record("C0822", format!("{text:?} is of kind {kind}, which none of these flows carries"))
            .hint(format!("name its kind in `carry` of a flow, or another flow; {explained}"));
    }
    Fault::record("C0822", format!("{text:?} is a {kind}, which is not sent by itself"))
        .hint(format!("name a product, a category, a customer or an order; {explained}"))
}

/// Nothing in the mirror has this id, key, SKU, number or e-mail address.
pub(super) fn not_found(text: &str) -> Fault {
    Fault::record("C0822", format!("nothing in the mirror has the id, key, SKU, number or e-mail address {text:?}"))
        .hint("read the source with `cartage sync`; ids are case-sensitive")
}
