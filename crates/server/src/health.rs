//! Health, readiness and metrics.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State as Extract, http::StatusCode};
use contract::{
    Clock, Fault, Lane, Store,
    store::{Freshness, HookState, LaneState, States, Tally},
};
use engine::Flow;
use model::{FlowName, Kind, SourceName, Timestamp};
use serde::Serialize;

use crate::feeds::State;

/// A tally is not counted again within this time.
const FRESH: Duration = Duration::from_secs(5);
/// A tally is kept this many times as long as counting took, so that scrapes of a large mirror cost little.
const SHARE: u32 = 20;

/// A lane is late once its last whole read is longer ago than thrice its longest interval, and this: a full read of a large
/// shop takes its time.
const LATE: Duration = Duration::from_hours(1);

/// Tallies by flow, counted one at a time and kept for a while: so that frequent requests do not count every record
/// each time.
#[derive(Default)]
pub(crate) struct Tallies(tokio::sync::Mutex<BTreeMap<FlowName, Kept>>);

struct Kept {
    tally: Tally,
    freshness: Freshness,
    at: Timestamp,
    until: Timestamp,
}

impl Tallies {
    async fn of(&self, store: &dyn Store, clock: &dyn Clock, flow: &FlowName) -> Result<(Tally, Freshness), Fault> {
        let mut tallies = self.0.lock().await;
        let began = clock.now();
        if let Some(kept) = tallies.get(flow)
            && (kept.at..kept.until).contains(&began)
        {
            return Ok((kept.tally.clone(), kept.freshness));
        }
        let (tally, freshness) = (store.tally(flow).await?, store.freshness(flow).await?);
        let at = clock.now();
        let until = at.plus(FRESH.max(began.until(at) * SHARE));
        tallies.insert(flow.clone(), Kept { tally: tally.clone(), freshness, at, until });
        Ok((tally, freshness))
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
    /// Lanes whose last whole read is too long ago.
    late: Vec<String>,
    /// Since when a person has paused it.
    paused_since: Option<Timestamp>,
    /// Records that are neither in sync nor filtered, by state.
    left: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Problem {
    task: String,
    since: Timestamp,
    code: String,
    error: String,
}

/// 200 only if every record of every source was read, and lately; every flow agrees with it and every task works; otherwise
/// 503 with the reasons.
pub(crate) async fn ready(Extract(state): Extract<Arc<State>>) -> (StatusCode, Json<Readiness>) {
    let mut flows = Vec::new();
    for (flow, lanes) in state.served.flows.values() {
        let unknown = |_| FlowReadiness { waiting_for: vec!["the store".to_owned()], ..FlowReadiness::default() };
        let found = readiness(&state, flow, lanes).await.unwrap_or_else(unknown);
        flows.push(FlowReadiness { flow: flow.name.to_string(), ..found });
    }
    let problems = state.served.health.problems().into_iter().map(|problem| Problem {
        task: problem.task,
        since: problem.since,
        code: problem.fault.code.into_owned(),
        error: problem.fault.message,
    });
    let problems: Vec<Problem> = problems.collect();
    let ready = problems.is_empty() && flows.iter().all(FlowReadiness::is_ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, flows, problems }))
}

impl FlowReadiness {
    fn is_ready(&self) -> bool {
        self.waiting_for.is_empty() && self.late.is_empty() && self.left.is_empty()
    }
}

async fn readiness(state: &State, flow: &Flow, lanes: &[Lane]) -> Result<FlowReadiness, Fault> {
    let (store, clock) = (state.served.store.as_ref(), state.served.clock.as_ref());
    let states = store.lanes(&flow.source).await?;
    let never_read =
        |lane: &&Lane| !lane.sweeps.is_empty() && states.get(&*lane.name).is_none_or(|state| state.full_at.is_none());
    let now = clock.now();
    let is_late = |lane: &&Lane| {
        let set = state.served.cadence.get(&flow.source).and_then(|set| set.get(&*lane.name)).copied();
        states.get(&*lane.name).is_some_and(|state| is_late(lane, set, state, now))
    };
    let name = |lane: &Lane| lane.name.clone().into_owned();
    let (tally, _) = state.tallies.of(store, clock, &flow.name).await?;
    let mut left: BTreeMap<&'static str, u64> = tally.left().collect();
    // A record that no flow carries by itself, such as a stock entry, is part of those that are carried.
    let unread: u64 = store.counts(&flow.source).await?.iter().map(|count| count.unread).sum();
    if unread > 0 {
        left.insert("unread", unread);
    }
    Ok(FlowReadiness {
        flow: String::new(),
        waiting_for: lanes.iter().filter(never_read).map(name).collect(),
        late: lanes.iter().filter(is_late).map(name).collect(),
        paused_since: tally.paused_since,
        left,
    })
}

/// The last whole read of a lane is longer ago than its pace explains; `set`: the cadence that is configured for it.
fn is_late(lane: &Lane, set: Option<Duration>, state: &LaneState, now: Timestamp) -> bool {
    let longest = set.unwrap_or_else(|| Duration::from_secs(lane.interval_seconds.1.into()));
    state.read_at.is_some_and(|at| at.until(now) > longest.saturating_mul(3).saturating_add(LATE))
}

/// Prometheus text.
pub(crate) async fn metrics(Extract(state): Extract<Arc<State>>) -> String {
    let served = &state.served;
    let problems = served.health.problems();
    let fails = |task: String| f64::from(u8::from(problems.iter().any(|problem| problem.task == task)));
    for name in served.flows.keys() {
        metrics::gauge!("cartage_flow_failing", "flow" => name.to_string()).set(fails(format!("flow {name}")));
        if let Err(fault) = measure_flow(&state, name).await {
            state.log(&format!("flow {name}: no records were counted"), &fault);
        }
    }
    let sources: BTreeMap<&SourceName, &Vec<Lane>> =
        served.flows.values().map(|(flow, lanes)| (&flow.source, lanes)).collect();
    for (source, lanes) in sources {
        for lane in lanes {
            let labels = [("source", source.to_string()), ("lane", lane.name.to_string())];
            let failing = fails(format!("source {source}, lane {}", lane.name));
            metrics::gauge!("cartage_lane_failing", &labels).set(failing);
        }
        if let Err(fault) = measure_source(served.store.as_ref(), served.clock.now(), source, lanes).await {
            state.log(&format!("source {source}: the ages of lanes are not known"), &fault);
        }
    }
    for source in served.hooks.keys() {
        match served.store.hook(source).await {
            Ok(hook) => measure_hook(source, &hook.unwrap_or_default()),
            Err(fault) => state.log(&format!("source {source}: the webhooks are not known"), &fault),
        }
    }
    served.metrics.render()
}

impl State {
    /// Shows why figures are missing, from time to time: anyone can ask for them any number of times.
    fn log(&self, what: &str, fault: &Fault) {
        if self.logged.is_due(what, self.served.clock.now()) {
            tracing::warn!(code = %fault.code, error = %fault, "{what}");
        }
    }
}

/// How many records of a flow are in which state, and how current it is.
async fn measure_flow(state: &State, name: &FlowName) -> Result<(), Fault> {
    let (tally, freshness) = state.tallies.of(state.served.store.as_ref(), state.served.clock.as_ref(), name).await?;
    let flow = || name.to_string();
    let paused = f64::from(u8::from(tally.paused_since.is_some()));
    metrics::gauge!("cartage_flow_paused", "flow" => flow()).set(paused);
    // A gauge that is not set keeps its value: a kind that the flow no longer carries has zeros.
    let none = States::default();
    for kind in Kind::CARRIED {
        for (state, count) in tally.kinds.get(&kind).unwrap_or(&none).states() {
            let labels = [("flow", flow()), ("kind", kind.to_string()), ("state", state.to_owned())];
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!("cartage_records", &labels).set(count as f64);
        }
    }
    let Freshness { acknowledged_at, pending_since } = freshness;
    metrics::gauge!("cartage_flow_acknowledged_timestamp_seconds", "flow" => flow()).set(instant(acknowledged_at));
    metrics::gauge!("cartage_flow_pending_since_timestamp_seconds", "flow" => flow()).set(instant(pending_since));
    Ok(())
}

/// When each lane was last read to its end, and how many records of the source could not be understood.
async fn measure_source(store: &dyn Store, now: Timestamp, source: &SourceName, lanes: &[Lane]) -> Result<(), Fault> {
    let states = store.lanes(source).await?;
    for lane in lanes {
        let read_at = states.get(&*lane.name).and_then(|state| state.read_at);
        let labels = [("source", source.to_string()), ("lane", lane.name.to_string())];
        metrics::gauge!("cartage_lane_read_timestamp_seconds", &labels).set(instant(read_at));
        if let Some(at) = read_at {
            metrics::gauge!("cartage_lane_age_seconds", &labels).set(at.until(now).as_secs_f64());
        }
    }
    let unread: u64 = store.counts(source).await?.iter().map(|count| count.unread).sum();
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    metrics::gauge!("cartage_source_unread", "source" => source.to_string()).set(unread as f64);
    Ok(())
}

/// How the webhooks of a source stand.
fn measure_hook(source: &SourceName, hook: &HookState) {
    let registration = &hook.registration;
    let source = || source.to_string();
    let is_active = registration.is_whole && registration.fault.is_none();
    metrics::gauge!("cartage_hook_active", "source" => source()).set(f64::from(u8::from(is_active)));
    metrics::gauge!("cartage_hook_delivered_timestamp_seconds", "source" => source()).set(instant(hook.delivered_at));
    let gap_at = hook.gap_at.max(registration.missed_at);
    metrics::gauge!("cartage_hook_gap_timestamp_seconds", "source" => source()).set(instant(gap_at));
}

/// An instant as Prometheus writes it; 0: never.
fn instant(at: Option<Timestamp>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    at.map_or(0.0, |at| at.millis() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use contract::source::Urgency;

    use super::*;

    #[test]
    fn a_lane_is_late_long_after_its_longest_interval() {
        let lane = Lane {
            name: "products".into(),
            sweeps: Vec::new(),
            stable: true,
            urgency: Urgency::Live,
            delta: true,
            needed: true,
            interval_seconds: (5, 600),
            covered_by: None,
        };
        let now = Timestamp::from_millis(1_800_000_000_000);
        let read = |ago: u64| LaneState { read_at: Some(now.minus(Duration::from_secs(ago))), ..LaneState::default() };
        assert!(!is_late(&lane, None, &read(3600), now));
        assert!(is_late(&lane, None, &read(3600 + 1801), now));
        let daily = Some(Duration::from_hours(24));
        assert!(!is_late(&lane, daily, &read(3 * 24 * 3600), now));
        assert!(is_late(&lane, daily, &read(4 * 24 * 3600), now));
        // What was never read is waited for, and a clock that was set back makes nothing late.
        assert!(!is_late(&lane, None, &LaneState::default(), now));
        assert!(!is_late(&lane, None, &read(0), now.minus(Duration::from_hours(9))));
    }
}
