//! Metrics: their list, which is the reference too, and their recorder. They are counted where the events are shown
//! (`progress.rs`) and where requests are answered (`server`).
//!
//! **Invariants:** labels are names of the configuration and words of the program, never ids; a counter exists, with 0, for every
//! combination of its labels before it counts, so that `increase()` sees the first event.

use anyhow::Context as _;
use contract::{FaultClass, destination::Op};
use engine::run::Engine;
use metrics::Label;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// A metric that `/metrics` gives.
pub struct Metric {
    /// Its name; it ends with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts values up to each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Bounds of the time that a call takes.
const CALLS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Bounds of the time that a walk takes.
const WALKS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0];
/// Answers to requests for feeds.
const STATUSES: [&str; 6] = ["200", "400", "403", "429", "503", "505"];

const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, meaning }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, meaning }
}

/// All metrics; a test holds the list against the code that counts.
pub const METRICS: &[Metric] = &[
    gauge("cartage_build_info", &["version"], "Always 1; the label is the release that runs."),
    gauge(
        "cartage_records",
        &["flow", "kind", "state"],
        "Records of a flow by kind and state. The states add up to the mirror; a kind that the flow does not carry has 0.",
    ),
    gauge("cartage_flow_paused", &["flow"], "1 while a person has paused the flow, otherwise 0."),
    gauge("cartage_flow_failing", &["flow"], "1 while a flow has stopped by a fault, otherwise 0."),
    gauge(
        "cartage_flow_acknowledged_timestamp_seconds",
        &["flow"],
        "When the destination acknowledged a call last, in seconds since the epoch; 0: never.",
    ),
    gauge(
        "cartage_flow_pending_since_timestamp_seconds",
        &["flow"],
        "When the record that is pending the longest was changed, in seconds since the epoch; 0: none is pending. After a \
         change of settings or fields all records are pending, old ones too.",
    ),
    gauge("cartage_lane_failing", &["source", "lane"], "1 while a lane can't be read, otherwise 0."),
    gauge("cartage_lane_age_seconds", &["source", "lane"], "How long ago a lane was last read to its end."),
    gauge(
        "cartage_lane_read_timestamp_seconds",
        &["source", "lane"],
        "When a lane was last read to its end, in seconds since the epoch; 0: never.",
    ),
    gauge("cartage_source_unread", &["source"], "Records of all kinds at the source that can't be understood."),
    counter("cartage_pages_total", &["source", "lane"], "Pages read from a source."),
    counter("cartage_changes_total", &["source", "lane"], "Records that were new, changed or gone."),
    counter("cartage_unread_total", &["source", "lane"], "Records that could not be understood when they were read."),
    Metric {
        name: "cartage_walk_seconds",
        kind: Kind::Histogram(WALKS),
        labels: &["source", "lane"],
        meaning: "How long a walk over a lane took.",
    },
    counter("cartage_sweeps_held_total", &["source", "lane"], "Sweeps that the guard stopped."),
    counter("cartage_read_failures_total", &["source", "lane", "class"], "Walks that stopped on a fault."),
    counter("cartage_calls_total", &["flow", "op", "outcome"], "Calls made to a destination."),
    counter("cartage_items_total", &["flow", "op", "outcome"], "Items that those calls carried."),
    Metric {
        name: "cartage_call_seconds",
        kind: Kind::Histogram(CALLS),
        labels: &["flow"],
        meaning: "How long a call took.",
    },
    counter("cartage_settled_total", &["flow"], "Records that were settled."),
    counter("cartage_dead_total", &["flow"], "Records that became dead."),
    counter("cartage_pauses_total", &["flow"], "How often a flow stopped by a fault."),
    counter(
        "cartage_feed_requests_total",
        &["flow", "feed", "status"],
        "Requests for hosted feeds, by the HTTP status of the answer.",
    ),
    counter("cartage_feeds_broken_total", &["flow", "feed"], "Feeds that were broken off, visibly, before their end."),
    counter(
        "cartage_hook_deliveries_total",
        &["source", "result"],
        "Deliveries of webhooks: accepted, refused because they can't be verified or understood, or failed here.",
    ),
    gauge(
        "cartage_hook_active",
        &["source"],
        "1 while the platform was found to deliver everything that it is to deliver, otherwise 0.",
    ),
    gauge(
        "cartage_hook_delivered_timestamp_seconds",
        &["source"],
        "When a delivery was accepted last, in seconds since the epoch; 0: never.",
    ),
    gauge(
        "cartage_hook_gap_timestamp_seconds",
        &["source"],
        "When deliveries were found last to be lost, in seconds since the epoch; 0: never.",
    ),
    counter("cartage_store_failures_total", &[], "How often the database failed and work went on after a pause."),
];

/// Installs what records metrics, for the life of the process.
///
/// # Errors
/// A recorder was installed before.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = recorder()?.install_recorder().context("metrics can't be set up")?;
    describe();
    Ok(handle)
}

fn recorder() -> anyhow::Result<PrometheusBuilder> {
    METRICS.iter().try_fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        Kind::Histogram(bounds) => Ok(builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?),
        Kind::Counter | Kind::Gauge => Ok(builder),
    })
}

fn describe() {
    for Metric { name, kind, meaning, .. } in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *meaning),
            Kind::Gauge => metrics::describe_gauge!(*name, *meaning),
            Kind::Histogram(_) => metrics::describe_histogram!(*name, *meaning),
        }
    }
}

/// Has all counters and histograms of these sources and flows begin with 0.
pub fn begin(engine: &Engine) {
    for metric in METRICS {
        for labels in labels(metric.labels, engine) {
            match metric.kind {
                Kind::Counter => metrics::counter!(metric.name, labels).increment(0),
                Kind::Histogram(_) => drop(metrics::histogram!(metric.name, labels)),
                Kind::Gauge => {}
            }
        }
    }
}

/// All combinations of the values that these labels can have.
fn labels(names: &[&'static str], engine: &Engine) -> Vec<Vec<Label>> {
    names.iter().fold(vec![Vec::new()], |sets, name| {
        let extended = sets.into_iter().flat_map(|set: Vec<Label>| {
            let values = values(name, &set, engine);
            values.into_iter().map(move |value| {
                let mut set = set.clone();
                set.push(Label::new(*name, value));
                set
            })
        });
        extended.collect()
    })
}

/// The values of a label beside these.
fn values(name: &str, beside: &[Label], engine: &Engine) -> Vec<String> {
    let of = |name: &str| beside.iter().find(|label| label.key() == name).map(Label::value);
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let classes = || FaultClass::ALL.iter().map(|class| class.name().to_owned());
    match name {
        "source" => engine.origins.iter().map(|origin| origin.pull.name.to_string()).collect(),
        "lane" => {
            let origins = engine.origins.iter().filter(|origin| Some(origin.pull.name.as_str()) == of("source"));
            origins.flat_map(|origin| origin.pull.source.lanes()).map(|lane| lane.name.into_owned()).collect()
        }
        "class" => classes().collect(),
        "outcome" => std::iter::once("ok".to_owned()).chain(classes()).collect(),
        "op" => words(&Op::NAMES),
        "flow" => engine.flows.iter().map(|flow| flow.name.to_string()).collect(),
        "feed" => {
            let flows = engine.flows.iter().filter(|flow| Some(flow.name.as_str()) == of("flow"));
            flows.filter_map(|flow| flow.destination.importer()).flat_map(|importer| words(importer.feeds())).collect()
        }
        "status" => words(&STATUSES),
        "result" => words(&["accepted", "refused", "failed"]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_metrics_listed_are_those_that_are_counted() {
        let code = [
            include_str!("progress.rs"),
            include_str!("commands/run.rs"),
            include_str!("../../server/src/health.rs"),
            include_str!("../../server/src/feeds.rs"),
            include_str!("../../server/src/hooks.rs"),
        ];
        let code = code.join("\n");
        let counted: BTreeSet<&str> = code
            .split('"')
            .filter(|text| text.starts_with("cartage_") && !text.contains(char::is_whitespace))
            .collect();
        let listed: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(listed, counted);
    }

    #[test]
    fn names_end_with_what_they_count() {
        for Metric { name, kind, .. } in METRICS {
            let fits = match kind {
                Kind::Counter => name.ends_with("_total"),
                Kind::Histogram(_) => name.ends_with("_seconds"),
                Kind::Gauge => !name.ends_with("_total"),
            };
            assert!(fits, "{name}");
        }
    }
}
