//! Health, readiness and metrics.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State as Extract, http::StatusCode};
use contract::{Clock, Fault, Lane, Store, store::Tally};
use engine::Flow;
use model::{FlowName, Timestamp};
use serde::Serialize;

use crate::feeds::State;

/// A tally is not counted again within this time.
const FRESH: Duration = Duration::from_secs(5);
/// A tally is kept this many times as long as counting took, so that scrapes of a large mirror cost little.
const SHARE: u32 = 20;

/// Tallies by flow, counted one at a time and kept for a while: whoever asks often does not count every record each time.
#[derive(Default)]
pub(crate) struct Tallies(tokio::sync::Mutex<BTreeMap<FlowName, Kept>>);

struct Kept {
    tally: Tally,
    at: Timestamp,
    until: Timestamp,
}

impl Tallies {
    async fn of(&self, store: &dyn Store, clock: &dyn Clock, flow: &FlowName) -> Result<Tally, Fault> {
        let mut tallies = self.0.lock().await;
        let began = clock.now();
        if let Some(kept) = tallies.get(flow)
            && (kept.at..kept.until).contains(&began)
        {
            return Ok(kept.tally.clone());
        }
        let tally = store.tally(flow).await?;
        let at = clock.now();
        let until = at.plus(FRESH.max(began.until(at) * SHARE));
        tallies.insert(flow.clone(), Kept { tally: tally.clone(), at, until });
        Ok(tally)
    }
}

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether everything was read and every destination agrees with it, or else the reasons.
#[derive(Serialize)]
pub(crate) struct Readiness {
    ready: bool,
    flows: Vec<FlowReadiness>,
    /// Tasks that do not work now.
    problems: Vec<Problem>,
}

#[derive(Default, Serialize)]
struct FlowReadiness {
    flow: String,
    /// Lanes that were never read completely; `the store` if that is not known.
    waiting_for: Vec<String>,
    /// Records that are neither as they should be nor kept out by a rule, by state.
    left: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Problem {
    task: String,
    since: Timestamp,
    code: String,
    error: String,
}

/// 200 only if every record of every source was read, every flow agrees with it and every task works; otherwise 503 with
/// the reasons.
pub(crate) async fn ready(Extract(state): Extract<Arc<State>>) -> (StatusCode, Json<Readiness>) {
    let mut flows = Vec::new();
    for (name, (flow, lanes)) in &state.served.flows {
        let found = readiness(&state, flow, lanes).await;
        let (waiting_for, left) = found.unwrap_or_else(|_| (vec!["the store".to_owned()], BTreeMap::new()));
        flows.push(FlowReadiness { flow: name.to_string(), waiting_for, left });
    }
    let problems = state.served.health.problems().into_iter().map(|problem| Problem {
        task: problem.task,
        since: problem.since,
        code: problem.fault.code.into_owned(),
        error: problem.fault.message,
    });
    let problems: Vec<Problem> = problems.collect();
    let ready = problems.is_empty() && flows.iter().all(|flow| flow.waiting_for.is_empty() && flow.left.is_empty());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, flows, problems }))
}

/// Lanes that were never read completely, and what is left, by state.
async fn readiness(
    state: &State,
    flow: &Flow,
    lanes: &[Lane],
) -> Result<(Vec<String>, BTreeMap<&'static str, u64>), Fault> {
    let (store, clock) = (state.served.store.as_ref(), state.served.clock.as_ref());
    let states = store.lanes(&flow.source).await?;
    let never_read =
        |lane: &&Lane| !lane.sweeps.is_empty() && states.get(&*lane.name).is_none_or(|state| state.full_at.is_none());
    let waiting_for = lanes.iter().filter(never_read).map(|lane| lane.name.clone().into_owned()).collect();
    let mut left: BTreeMap<&'static str, u64> = state.tallies.of(store, clock, &flow.name).await?.left().collect();
    // A record that no flow carries by itself, such as a stock entry, is part of those that are carried.
    let unread: u64 = store.counts(&flow.source).await?.iter().map(|count| count.unread).sum();
    if unread > 0 {
        left.insert("unread", unread);
    }
    Ok((waiting_for, left))
}

/// Prometheus text.
pub(crate) async fn metrics(Extract(state): Extract<Arc<State>>) -> String {
    let served = &state.served;
    for name in served.flows.keys() {
        match state.tallies.of(served.store.as_ref(), served.clock.as_ref(), name).await {
            Ok(tally) => {
                for (state, count) in tally.states() {
                    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                    metrics::gauge!("cartage_records", "flow" => name.to_string(), "state" => state).set(count as f64);
                }
            }
            Err(fault) => tracing::warn!(flow = %name, code = %fault.code, error = %fault, "no records were counted"),
        }
    }
    served.metrics.render()
}
