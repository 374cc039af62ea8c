//! `cartage status --records`: the records that a rule keeps out or that are held, one by one.

use contract::store::{Hold, Kept, KeptBy};
use engine::Named;
use model::Timestamp;
use serde::Serialize;

use super::Look;
use crate::output::{Exit, Failure, Output};

/// Records of a flow that are shown at once.
const MOST: usize = 1000;

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Listed {
    flow: String,
    #[serde(flatten)]
    record: Named,
    at: Timestamp,
    fault: Option<contract::Fault>,
}

/// Lists the records of all flows that this rule or reason keeps back.
pub(super) async fn run(Look { store, flows, .. }: &Look, rule: &str, output: Output<'_>) -> Result<Exit, Failure> {
    let by = Hold::from_name(rule).map_or_else(|| KeptBy::Rule(rule.to_owned()), KeptBy::Hold);
    let mut all = Vec::new();
    let mut more = Vec::new();
    for flow in flows {
        let found = store.kept(&flow.name, by.clone(), MOST).await?;
        more.extend((found.len() == MOST).then_some(&flow.name));
        for Kept { number, kind, id, at, fault } in found {
            let work = store.work(&flow.name, number).await?;
            let record = Named::of(kind, &id, work.as_ref().and_then(|work| work.record()));
            all.push(Listed { flow: flow.name.to_string(), record, at, fault });
        }
    }
    output.document(&all)?;
    for Listed { flow, record, fault, .. } in &all {
        let why = fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
        output.line(format!("{flow} · {record}{why}"))?;
    }
    for flow in more {
        output.line(format!("{flow} · the latest {MOST} are shown; `cartage status` counts all"))?;
    }
    if all.is_empty() {
        output.line(format!("{rule} keeps no record back; `cartage status` names the rules that keep records out"))?;
    }
    Ok(Exit::Done)
}
