//! The HTTP edges: hosted feeds, health, readiness and metrics.
//!
//! **Invariants:** every request for a feed is verified by its destination or refused (a verification that fails for
//! any reason refuses); a feed is whole or visibly broken, never short; bodies are streamed, never held.

mod feeds;
mod health;
mod imports;
pub mod parameters;
mod tokens;

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, routing::get, serve::Listener};
use contract::{Clock, Lane, Store};
use engine::{Flow, run::Health};
use metrics_exporter_prometheus::PrometheusHandle;
use model::FlowName;

/// State of the routes.
pub struct Served {
    /// Flows by name, each with the lanes its source reads.
    pub flows: BTreeMap<FlowName, (Arc<Flow>, Vec<Lane>)>,
    /// Mirror and ledger.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What keeps the engine from working now.
    pub health: Arc<Health>,
    /// Renders metrics.
    pub metrics: PrometheusHandle,
}

/// All routes.
pub fn router(served: Served) -> Router {
    let state = Arc::new(feeds::State::new(served));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/feed/{flow}/{feed}", get(feeds::feed))
        .with_state(state)
}

/// Serves what `listener` accepts until `stop` completes, then lets requests under way end.
///
/// # Errors
/// The socket's.
pub async fn serve(
    listener: impl Listener<Addr: std::fmt::Debug>,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
