//! Logs and traces.
//!
//! **Invariant:** traces never delay the work. Spans wait in a bounded buffer and are dropped when it is full; a
//! collector that can't be reached is reported once, and costs no more than [`AT_THE_END`] when the process ends.

use std::{
    io::{self, IsTerminal as _},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing_subscriber::{EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogFormat, Telemetry};

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

/// Writes logs to standard error, and exports traces over OTLP/HTTP where an endpoint is configured.
///
/// # Errors
/// A filter that can't be read, or an exporter that can't be built.
pub fn start(settings: &Telemetry) -> anyhow::Result<Guard> {
    // The SDK's own messages are replaced by one report here.
    let directives = if settings.log.contains("opentelemetry") {
        settings.log.clone()
    } else {
        format!("{},opentelemetry=off", settings.log)
    };
    let filter = || EnvFilter::try_new(&directives).with_context(|| format!("telemetry.log is {:?}", settings.log));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
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
            (Some(layer.with_filter(filter()?)), Some(provider))
        }
    };
    Registry::default()
        .with(lines.with_filter(filter()?))
        .with(traces)
        .try_init()
        .context("logging was already set up in this process")?;
    Ok(Guard(provider))
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
    fn traces_go_below_the_base_address() {
        for endpoint in ["http://otel:4318", "http://otel:4318/", "http://otel:4318/v1/traces"] {
            assert_eq!(traces_at(endpoint), "http://otel:4318/v1/traces");
        }
        assert_eq!(traces_at("https://otel.example/cartage"), "https://otel.example/cartage/v1/traces");
    }
}
