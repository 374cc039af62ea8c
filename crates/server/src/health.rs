//! Health, readiness and metrics.

use std::sync::Arc;

use axum::{Json, extract::State as Extract, http::StatusCode};
use serde::Serialize;

use crate::feeds::State;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
pub(crate) struct Readiness {
    ready: bool,
    flows: Vec<FlowReadiness>,
}

#[derive(Serialize)]
struct FlowReadiness {
    flow: String,
    /// Lanes that were never read completely.
    waiting_for: Vec<&'static str>,
}

/// Every flow's source was read completely at least once, and the store answers.
pub(crate) async fn ready(Extract(state): Extract<Arc<State>>) -> (StatusCode, Json<Readiness>) {
    let mut flows = Vec::new();
    let mut ready = true;
    for (name, (flow, lanes)) in &state.served.flows {
        let waiting_for = match state.served.store.lanes(&flow.source).await {
            Ok(states) => {
                let unread = |lane: &&contract::Lane| {
                    !lane.kinds.is_empty() && states.get(lane.name).is_none_or(|state| state.full_at.is_none())
                };
                lanes.iter().filter(unread).map(|lane| lane.name).collect()
            }
            Err(_) => vec!["the store"],
        };
        ready &= waiting_for.is_empty();
        flows.push(FlowReadiness { flow: name.to_string(), waiting_for });
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, flows }))
}

/// Prometheus text.
pub(crate) async fn metrics(Extract(state): Extract<Arc<State>>) -> String {
    for (name, (flow, _)) in &state.served.flows {
        if let Ok(tally) = state.served.store.tally(&flow.name).await {
            for (state, count) in tally.states() {
                #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                metrics::gauge!("cartage_records", "flow" => name.to_string(), "state" => state).set(count as f64);
            }
        }
    }
    state.served.metrics.render()
}
