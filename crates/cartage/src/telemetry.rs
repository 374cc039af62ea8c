//! Logs and traces.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogFormat, Telemetry};

/// Ends what exports traces when it is dropped.
pub struct Guard(Option<SdkTracerProvider>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "traces could not be flushed");
        }
    }
}

/// Writes logs to standard error, and exports traces over OTLP/HTTP where an endpoint is configured.
///
/// # Errors
/// A filter that can't be read, or an exporter that can't be built.
pub fn start(settings: &Telemetry) -> anyhow::Result<Guard> {
    let filter = || EnvFilter::try_new(&settings.log).with_context(|| format!("telemetry.log is {:?}", settings.log));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match settings.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let (traces, provider) = match &settings.otlp_endpoint {
        None => (None, None),
        Some(endpoint) => {
            wire::install_tls();
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_http()
                .with_endpoint(endpoint)
                .build()
                .with_context(|| format!("no traces can be exported to {endpoint}"))?;
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
