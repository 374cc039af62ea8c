//! Logs and traces.
//!
//! **Invariant:** traces never delay the work. Spans wait in a bounded buffer and are dropped when it is full; a
//! collector that can't be reached is reported once, and costs no more than [`AT_THE_END`] when the process ends.

pub mod levels;

use std::{
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use contract::Fault;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing_subscriber::{EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use levels::{HINT, Shows, Verbosity, directives};

use crate::{
    config::{LogFormat, Telemetry},
    output::{Failure, failure_document},
};

/// How long a collector may take for one batch.
const PER_BATCH: Duration = Duration::from_secs(5);
/// How long the last spans are waited for when the process ends.
const AT_THE_END: Duration = Duration::from_secs(2);
/// Where a collector takes traces, below its base address (OTLP/HTTP specification).
const TRACES: &str = "/v1/traces";

/// Ends what exports traces when it is dropped.
pub struct Guard(Option<SdkTracerProvider>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(AT_THE_END)
        {
            tracing::debug!(%error, "the last traces could not be exported");
        }
    }
}

/// Exports spans, and reports when that begins to fail and when it works again; the SDK would report every batch.
#[derive(Debug)]
struct Telling<E> {
    exporter: E,
    endpoint: String,
    fails: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let failed_before = self.fails.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !failed_before => tracing::warn!(
                endpoint = self.endpoint,
                %error,
                "traces can't be exported and are dropped; all else goes on. See that telemetry.otlp_endpoint is the \
                 address of a collector that takes OTLP over HTTP"
            ),
            Ok(()) if failed_before => tracing::info!(endpoint = self.endpoint, "traces are exported again"),
            Ok(()) | Err(_) => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Whether log lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Where the levels of log lines come from: what was asked for on the command line, in the environment, or in the
/// configuration, in this order.
fn levels(settings: &Telemetry, verbosity: Verbosity, shows: Shows) -> Result<String, Fault> {
    if let Some(level) = verbosity.level() {
        return directives(level, Shows::Log).map_err(|error| Fault::config("C0805", error));
    }
    match variable("RUST_LOG").as_deref().and_then(OsStr::to_str) {
        Some(written) => directives(written, Shows::Log).map_err(|error| {
            Fault::config("C0805", format!("the environment variable RUST_LOG can't be {written:?}: {error}"))
                .hint(HINT)
        }),
        None => configured(settings, shows),
    }
}

fn configured(settings: &Telemetry, shows: Shows) -> Result<String, Fault> {
    directives(&settings.log, shows)
        .map_err(|error| Fault::config("C0805", format!("telemetry.log can't be {:?}: {error}", settings.log)))
}

/// Writes logs to standard error, and exports traces over OTLP/HTTP where an endpoint is configured.
///
/// # Errors
/// Levels that can't be used, or an exporter that can't be built.
pub fn start(settings: &Telemetry, verbosity: Verbosity, shows: Shows) -> Result<Guard, Failure> {
    let filter = |directives: String| {
        EnvFilter::try_new(&directives).with_context(|| format!("no filter for log lines: {directives}"))
    };
    let for_lines = filter(levels(settings, verbosity, shows)?)?;
    // Whatever is shown on this machine, a collector gets what the configuration says.
    let for_traces = filter(configured(settings, Shows::Log)?)?;
    JSON.store(settings.format == LogFormat::Json, Ordering::Relaxed);
    let is_coloured = wants_colour(io::stderr().is_terminal());
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(is_coloured);
    let lines = match settings.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let (traces, provider) = match &settings.otlp_endpoint {
        None => (None, None),
        Some(endpoint) => {
            wire::install_tls();
            let endpoint = traces_at(endpoint);
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_http()
                .with_endpoint(&endpoint)
                .with_timeout(PER_BATCH)
                .build()
                .with_context(|| format!("no traces can be exported to {endpoint}"))?;
            let exporter = Telling { exporter, endpoint, fails: AtomicBool::new(false) };
            let cartage = Resource::builder().with_service_name("cartage").build();
            let provider = SdkTracerProvider::builder().with_resource(cartage).with_batch_exporter(exporter).build();
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("cartage"));
            (Some(layer.with_filter(for_traces)), Some(provider))
        }
    };
    Registry::default()
        .with(lines.with_filter(for_lines))
        .with(traces)
        .try_init()
        .context("logging was already set up in this process")?;
    Ok(Guard(provider))
}

/// Whether lines are coloured that go to a terminal or elsewhere.
pub fn wants_colour(on_terminal: bool) -> bool {
    is_coloured(on_terminal, variable("NO_COLOR").is_some())
}

/// Whether lines are coloured: on a terminal, unless text without colours is asked for (see no-color.org).
const fn is_coloured(on_terminal: bool, no_color: bool) -> bool {
    on_terminal && !no_color
}

/// A variable of the environment, unless it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "RUST_LOG and NO_COLOR are conventions that terminals and supervisors know"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Logs why a command could not be carried out, if log lines are JSON; tells whether it did. `config`: the configuration to look
/// into, if that may be why nothing was started.
pub fn log_failure(failure: &Failure, config: Option<&Path>) -> bool {
    if !JSON.load(Ordering::Relaxed) {
        if !config.is_some_and(wants_json) {
            return false;
        }
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).json();
        if Registry::default().with(lines).try_init().is_err() {
            return false;
        }
    }
    let document = failure_document(failure);
    for error in document.get("errors").and_then(serde_json::Value::as_array).into_iter().flatten() {
        let text = |name: &str| error.get(name).and_then(serde_json::Value::as_str);
        let (code, line) = (text("code"), error.get("line").and_then(serde_json::Value::as_u64));
        tracing::error!(code, line, hint = text("hint"), error = text("message"), "cartage can't go on");
    }
    true
}

/// Whether a configuration, however wrong, asks for log lines in JSON.
fn wants_json(config: &Path) -> bool {
    let written = std::fs::read_to_string(config).ok().and_then(|text| text.parse::<toml::Table>().ok());
    written.is_some_and(|written| {
        written.get("telemetry").and_then(|section| section.get("format")).and_then(toml::Value::as_str) == Some("json")
    })
}

/// Where traces go, for the base address of a collector; the whole address is taken as well.
fn traces_at(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(TRACES) { base.to_owned() } else { format!("{base}{TRACES}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_coloured_on_a_terminal_unless_no_color_is_set() {
        assert!(is_coloured(true, false));
        assert!(!is_coloured(false, false) && !is_coloured(true, true));
    }

    #[test]
    fn traces_go_below_the_base_address() {
        for endpoint in ["http://otel:4318", "http://otel:4318/", "http://otel:4318/v1/traces"] {
            assert_eq!(traces_at(endpoint), "http://otel:4318/v1/traces");
        }
        assert_eq!(traces_at("https://otel.example/cartage"), "https://otel.example/cartage/v1/traces");
    }
}
