//! The HTTP edges: hosted feeds, webhooks of sources, health, readiness and metrics.
//!
//! **Invariants:** every request for a feed is verified by its destination or refused (a verification that fails for
//! any reason refuses); a feed is whole or visibly broken, never short; bodies are streamed, never held; no request takes
//! a connection to the database, a permit or a slot that pushing needs.

mod connections;
#[cfg(unix)]
pub mod control;
mod feeds;
mod health;
mod hooks;
mod imports;
pub mod parameters;
mod seldom;
mod tokens;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{any, get},
};
use contract::{Clock, Lane, Store};
use engine::{Flow, pull::Receiver, run::Health};
use metrics_exporter_prometheus::PrometheusHandle;
use model::{FlowName, SourceName};
use tower_http::compression::CompressionLayer;

pub use connections::{Limits, serve};

/// State of the routes.
pub struct Served {
    /// Flows by name, each with the lanes its source reads.
    pub flows: BTreeMap<FlowName, (Arc<Flow>, Vec<Lane>)>,
    /// Mirror and ledger, read over connections of their own: however many requests there are, pushing does not wait for
    /// them.
    pub store: Arc<dyn Store>,
    /// The same, for what an import of a feed settles.
    pub ledger: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cadences that are configured, by source and lane.
    pub cadence: BTreeMap<SourceName, BTreeMap<String, Duration>>,
    /// Present problems of the engine.
    pub health: Arc<Health>,
    /// Receivers of the deliveries of sources that have webhooks.
    pub hooks: BTreeMap<SourceName, Arc<Receiver>>,
    /// Renders metrics.
    pub metrics: PrometheusHandle,
}

/// All routes.
pub fn router(served: Served) -> Router {
    let hooks = Arc::new(hooks::Hooks::new(served.hooks.clone(), Arc::clone(&served.clock)));
    let hooked = Router::new().route("/hooks/{source}", any(hooks::receive)).with_state(hooks);
    let state = Arc::new(feeds::State::new(served));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/feed/{flow}/{feed}", get(feeds::feed).layer(CompressionLayer::new()))
        .with_state(state)
        .merge(hooked)
}
