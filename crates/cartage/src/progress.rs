//! Shows the engine's events as progress bars on a terminal, as lines elsewhere, as log events and as metrics.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::FaultClass;
use engine::{Event, Observer};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

/// How work is shown.
pub enum Show {
    /// Not at all.
    Nothing,
    /// A line per walk and flow on standard error.
    Lines,
    /// Bars on standard error.
    Bars,
}

/// Shows progress, logs and counts.
pub struct Progress {
    show: Show,
    bars: MultiProgress,
    by_name: Mutex<BTreeMap<String, ProgressBar>>,
    /// Records that were read and that every flow has to process.
    to_push: AtomicU64,
}

/// Style of a walk of unknown length.
const READING: &str = "{spinner} {prefix:22} {pos:>8} records  {rate:>10}  {elapsed}";
/// Style of work of known length.
const KNOWN: &str = "{spinner} {prefix:22} {pos:>8} of {len:<8} {rate:>10}  {elapsed}, {eta} left";
/// Style of work that has ended. Text beyond the line is cut off: the final report repeats it.
const ENDED: &str = "  {prefix:22} {wide_msg}";

impl Progress {
    /// Shows work in this way.
    pub fn new(show: Show) -> Self {
        Self { show, bars: MultiProgress::new(), by_name: Mutex::new(BTreeMap::new()), to_push: AtomicU64::new(0) }
    }

    /// A further walk over everything will see about as many records.
    fn expect(&self, name: &str, records: u64) {
        if matches!(self.show, Show::Bars) {
            let bar = self.bar(name);
            bar.set_style(style(KNOWN));
            bar.set_length(records);
        }
    }

    fn advance(&self, name: &str, by: u64) {
        if matches!(self.show, Show::Bars) {
            let bar = self.bar(name);
            bar.inc(by);
            if let Some(length) = bar.length() {
                bar.set_length(length.max(bar.position()));
            }
        }
    }

    /// A flow's number of records is known, and so its remaining time.
    fn pushed(&self, flow: &str, records: u64) {
        if matches!(self.show, Show::Bars) {
            let bar = self.bar(flow);
            if bar.length().is_none() {
                bar.set_style(style(KNOWN));
            }
            bar.inc(records);
            bar.set_length(self.to_push.load(Ordering::Relaxed).max(bar.position()));
        }
    }

    fn bar(&self, name: &str) -> ProgressBar {
        let mut bars = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(name.to_owned()).or_insert_with(|| {
            let bar = ProgressBar::new_spinner().with_prefix(name.to_owned()).with_style(style(READING));
            let bar = self.bars.add(bar);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        bar.clone()
    }

    fn done(&self, name: &str, text: &str) {
        match self.show {
            Show::Bars => end(&self.bar(name), text),
            Show::Lines => {
                let _gone = writeln!(std::io::stderr().lock(), "{name}: {text}");
            }
            Show::Nothing => {}
        }
    }

    /// Ends every bar, so that later output is below them.
    pub fn finish(&self) {
        for bar in self.by_name.lock().unwrap_or_else(PoisonError::into_inner).values() {
            if !bar.is_finished() {
                end(bar, &format!("{} records in {}", bar.position(), brief(bar.elapsed())));
            }
        }
    }
}

impl Observer for Progress {
    fn notify(&self, event: &Event<'_>) {
        count(event);
        log(event);
        match event {
            Event::Page { source, lane, taken, carried, .. } => {
                let read = taken.new + taken.changed + taken.unchanged + taken.gone + taken.stale + taken.unread;
                self.advance(&format!("{source} {lane}"), read);
                if *carried {
                    self.to_push.fetch_add(taken.new + taken.changed + taken.gone, Ordering::Relaxed);
                }
            }
            Event::WalkEnded { source, lane, taken, took, .. } => {
                let counts = [(taken.new, "new"), (taken.changed, "changed"), (taken.gone, "gone")];
                let counts =
                    counts.into_iter().chain([(taken.unchanged, "as before"), (taken.unread, "not understood")]);
                let told: Vec<String> =
                    counts.filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
                let told = if told.is_empty() { "nothing new".to_owned() } else { told.join(", ") };
                let text = format!("{told}, in {}", brief(*took));
                self.done(&format!("{source} {lane}"), &text);
            }
            Event::SweepHeld { source, lane, live, missing } => {
                self.done(
                    &format!("{source} {lane}"),
                    &format!("{missing} of {live} are missing: nothing was deleted"),
                );
            }
            Event::ReadFailed { source, lane, fault } => {
                self.done(&format!("{source} {lane}"), &format!("stopped: {fault}"));
            }
            Event::Settled { flow, records, .. } => self.pushed(flow.as_str(), *records as u64),
            Event::Paused { flow, fault } => {
                self.done(flow.as_str(), &format!("stopped: {fault}"));
            }
            Event::WalkBegan { source, lane, expected: Some(records), .. } => {
                self.expect(&format!("{source} {lane}"), *records);
            }
            Event::WalkBegan { .. }
            | Event::Call { .. }
            | Event::Dead { .. }
            | Event::Pushed { .. }
            | Event::Resumed { .. }
            | Event::StoreFailed { .. } => {}
        }
    }
}

fn end(bar: &ProgressBar, text: &str) {
    bar.set_style(style(ENDED));
    bar.finish_with_message(text.to_owned());
}

fn style(template: &str) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A bar that can't be drawn is ignored.
        let _gone = write!(out, "{:.0}/s", state.per_sec());
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("rate", rate)
}

/// What reads sources, as `telemetry.log` names it.
const READING_PART: &str = "engine::pull";
/// What sends to destinations, as `telemetry.log` names it.
const SENDING_PART: &str = "engine::push";

fn log(event: &Event<'_>) {
    match event {
        Event::WalkBegan { .. } | Event::Page { .. } | Event::WalkEnded { .. } => log_reading(event),
        Event::SweepHeld { source, lane, live, missing } => {
            tracing::error!(target: READING_PART, %source, lane, live, missing, "deletions held back by the guard");
        }
        Event::ReadFailed { source, lane, fault } => {
            tracing::warn!(target: READING_PART, %source, lane, code = %fault.code, error = %fault, "walk stopped");
        }
        Event::Call { .. } => log_call(event),
        Event::Settled { flow, records, dead } => {
            tracing::debug!(target: SENDING_PART, %flow, records, dead, "settled");
        }
        // Neither who it is about nor what was said of it: `cartage dead list` has both.
        Event::Dead { flow, record, fault } if record.kind.is_personal() => {
            tracing::warn!(target: SENDING_PART, %flow, kind = %record.kind, code = %fault.code, "record refused");
        }
        Event::Dead { flow, record, fault } => {
            let (kind, id, key) = (record.kind, &record.id, record.key.as_deref());
            tracing::warn!(target: SENDING_PART, %flow, %kind, %id, key, code = %fault.code, error = %fault, "record refused");
        }
        Event::Pushed { flow, pushed, took } => {
            let (settled, dead, calls, took) = (pushed.settled, pushed.dead, pushed.calls, brief(*took));
            tracing::info!(target: SENDING_PART, %flow, settled, dead, calls, %took, "pushed");
        }
        Event::Paused { flow, fault } => {
            tracing::error!(target: SENDING_PART, %flow, code = %fault.code, error = %fault, "flow stopped");
        }
        Event::Resumed { flow } => tracing::info!(target: SENDING_PART, %flow, "flow works again"),
        Event::StoreFailed { task, fault, wait } => {
            tracing::error!(target: "store", task, code = %fault.code, error = %fault, again_in = %brief(*wait), "the database failed");
        }
    }
}

fn log_reading(event: &Event<'_>) {
    match event {
        Event::WalkBegan { source, lane, full, .. } => {
            tracing::debug!(target: READING_PART, %source, lane, full, "walk began");
        }
        Event::Page { source, lane, taken, .. } => {
            tracing::trace!(target: READING_PART, %source, lane, ?taken, "page stored");
        }
        Event::WalkEnded { source, lane, full, taken, took, .. } => {
            let (new, changed, gone, unread) = (taken.new, taken.changed, taken.gone, taken.unread);
            let took = brief(*took);
            // A lane is read every few seconds, and mostly nothing has changed.
            if *full || new + changed + gone + unread > 0 {
                tracing::info!(target: READING_PART, %source, lane, full, new, changed, gone, unread, %took, "read");
            } else {
                tracing::debug!(target: READING_PART, %source, lane, full, %took, "read, nothing new");
            }
        }
        _ => {}
    }
}

fn log_call(event: &Event<'_>) {
    let Event::Call { flow, kind, op, items, status, took, fault } = event else { return };
    let took = brief(*took);
    match fault {
        None => tracing::debug!(target: SENDING_PART, %flow, %kind, op, items, status, %took, "call"),
        // The record that is refused is named when it is settled. What is said of one may repeat what is known of a person.
        Some(fault) if fault.class == FaultClass::Record && kind.is_personal() => {
            tracing::debug!(target: SENDING_PART, %flow, %kind, op, items, status, %took, code = %fault.code, "call refused");
        }
        Some(fault) if fault.class == FaultClass::Record => {
            tracing::debug!(target: SENDING_PART, %flow, %kind, op, items, status, %took, code = %fault.code, error = %fault, "call refused");
        }
        Some(fault) => {
            tracing::warn!(target: SENDING_PART, %flow, %kind, op, items, status, %took, code = %fault.code, error = %fault, "call failed");
        }
    }
}

/// Counters, by name; labels are bounded by the configuration.
fn count(event: &Event<'_>) {
    match event {
        Event::Page { source, lane, taken, .. } => {
            let labels = [("source", source.to_string()), ("lane", (*lane).to_owned())];
            metrics::counter!("cartage_pages_total", &labels).increment(1);
            metrics::counter!("cartage_changes_total", &labels).increment(taken.new + taken.changed + taken.gone);
            metrics::counter!("cartage_unread_total", &labels).increment(taken.unread);
        }
        Event::WalkEnded { source, lane, took, .. } => {
            let labels = [("source", source.to_string()), ("lane", (*lane).to_owned())];
            metrics::histogram!("cartage_walk_seconds", &labels).record(took.as_secs_f64());
        }
        Event::SweepHeld { source, lane, .. } => {
            let labels = [("source", source.to_string()), ("lane", (*lane).to_owned())];
            metrics::counter!("cartage_sweeps_held_total", &labels).increment(1);
        }
        Event::ReadFailed { source, lane, fault } => {
            let labels = [
                ("source", source.to_string()),
                ("lane", (*lane).to_owned()),
                ("class", fault.class.name().to_owned()),
            ];
            metrics::counter!("cartage_read_failures_total", &labels).increment(1);
        }
        Event::Call { flow, op, items, took, fault, .. } => {
            let outcome = fault.map_or("ok", |fault| fault.class.name());
            let labels = [("flow", flow.to_string()), ("op", (*op).to_owned()), ("outcome", outcome.to_owned())];
            metrics::counter!("cartage_calls_total", &labels).increment(1);
            metrics::counter!("cartage_items_total", &labels).increment(*items as u64);
            metrics::histogram!("cartage_call_seconds", "flow" => flow.to_string()).record(took.as_secs_f64());
        }
        Event::Settled { flow, records, dead } => {
            metrics::counter!("cartage_settled_total", "flow" => flow.to_string()).increment(*records as u64);
            metrics::counter!("cartage_dead_total", "flow" => flow.to_string()).increment(*dead as u64);
        }
        Event::Paused { flow, .. } => {
            metrics::counter!("cartage_pauses_total", "flow" => flow.to_string()).increment(1);
        }
        Event::StoreFailed { .. } => metrics::counter!("cartage_store_failures_total").increment(1),
        Event::WalkBegan { .. } | Event::Dead { .. } | Event::Pushed { .. } | Event::Resumed { .. } => {}
    }
}

/// A duration for people: `850 ms`, `3.2 s`, `4 min 10 s`.
pub fn brief(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 1000 {
        format!("{millis} ms")
    } else if millis < 60_000 {
        format!("{:.1} s", span.as_secs_f64())
    } else if span.as_secs() < 2 * 3600 {
        format!("{} min {} s", span.as_secs() / 60, span.as_secs() % 60)
    } else {
        format!("{} h {} min", span.as_secs() / 3600, span.as_secs() / 60 % 60)
    }
}
