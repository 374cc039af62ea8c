//! Webhooks of sources: `/hooks/{source}`.
//!
//! Platforms judge an address by how fast and how often it succeeds, so a delivery is answered once its hints are stored,
//! and what they lead to is done later.
//!
//! **Invariants:** a delivery is verified over the bytes that came before anything is made of them; it is answered with a
//! success only after its hints are durable; bodies have a bound, and so has the number of deliveries under way, which take
//! no slot of feeds and no permit that pushing needs. A delivery takes its slot once its body has arrived, so that senders
//! who never finish theirs keep no other from being accepted. What is refused is not explained to the sender.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, Request, State as Extract},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::{
    Clock, Fault, FaultClass,
    source::{Delivery, Reply},
};
use engine::pull::{Receiver, Stopped};
use futures::StreamExt as _;
use model::SourceName;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::seldom::Seldom;

/// Largest body. The largest known is a message of Google Pub/Sub, in base64, that holds a notification of 256 KB.
const MOST_BYTES: usize = 1 << 20;
/// Up to this size a body waits for nothing while it arrives: the memory for bodies that are never finished is bounded by
/// the connections. Nearly all deliveries are smaller.
const SMALL_BYTES: usize = 16 << 10;
/// Larger bodies that arrive at once, of all sources.
const LARGE: usize = 32;
/// Deliveries that are verified and stored at once, of all sources.
const UNDER_WAY: usize = 64;
/// How long a delivery may take to arrive, and to be stored.
const TIME: Duration = Duration::from_secs(10);

/// The receivers of all sources that have webhooks.
pub(crate) struct Hooks {
    receivers: BTreeMap<SourceName, Arc<Receiver>>,
    clock: Arc<dyn Clock>,
    large: Semaphore,
    under_way: Semaphore,
    logged: Seldom,
}

impl Hooks {
    pub(crate) fn new(receivers: BTreeMap<SourceName, Arc<Receiver>>, clock: Arc<dyn Clock>) -> Self {
        let (large, under_way) = (Semaphore::new(LARGE), Semaphore::new(UNDER_WAY));
        Self { receivers, clock, large, under_way, logged: Seldom::default() }
    }

    /// Reads a body up to its bound. A large one holds a permit for as long as it is in memory.
    async fn read(&self, body: Body) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), StatusCode> {
        let (mut bytes, mut permit, mut chunks) = (Vec::new(), None, body.into_data_stream());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            let length = bytes.len() + chunk.len();
            if length > MOST_BYTES {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            if length > SMALL_BYTES && permit.is_none() {
                permit = Some(acquired(&self.large).await?);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes, permit))
    }

    /// Shows why deliveries fail, from time to time: anyone can send any number of them.
    fn log(&self, source: &SourceName, fault: &Fault) {
        if self.logged.is_due(source.as_str(), self.clock.now()) {
            tracing::warn!(%source, code = %fault.code, error = %fault, "a webhook's delivery was not accepted");
        }
    }
}

/// A permit. The semaphores are never closed.
async fn acquired(semaphore: &Semaphore) -> Result<SemaphorePermit<'_>, StatusCode> {
    semaphore.acquire().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Receives one delivery.
pub(crate) async fn receive(
    Extract(hooks): Extract<Arc<Hooks>>,
    Path(source): Path<String>,
    request: Request,
) -> Response {
    let source = SourceName::new(source);
    let Some(receiver) = hooks.receivers.get(&source) else {
        return (StatusCode::NOT_FOUND, "there is no such webhook\n").into_response();
    };
    let (response, result) = match tokio::time::timeout(TIME, accepted(&hooks, &source, receiver, request)).await {
        Ok(Ok(response)) => (response, "accepted"),
        Ok(Err(status)) if status.is_client_error() => (refusal(status), "refused"),
        Ok(Err(status)) => (refusal(status), "failed"),
        Err(_) => (refusal(StatusCode::SERVICE_UNAVAILABLE), "failed"),
    };
    let labels = [("source", source.to_string()), ("result", result.to_owned())];
    metrics::counter!("cartage_hook_deliveries_total", &labels).increment(1);
    response
}

async fn accepted(
    hooks: &Hooks,
    source: &SourceName,
    receiver: &Receiver,
    request: Request,
) -> Result<Response, StatusCode> {
    let (parts, body) = request.into_parts();
    let (body, _large) = hooks.read(body).await?;
    let _slot = acquired(&hooks.under_way).await?;
    let headers: Vec<(&str, &[u8])> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let delivery =
        Delivery { method: parts.method.as_str(), path: &query, headers: &headers, body: &body, at: hooks.clock.now() };
    match receiver.receive(&delivery).await {
        Ok(accepted) => Ok(accepted.reply.map_or_else(|| StatusCode::OK.into_response(), answer)),
        Err(stopped) => {
            let status = match &stopped {
                Stopped::Source(fault) => status(fault.class),
                Stopped::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            hooks.log(source, &stopped.fault());
            Err(status)
        }
    }
}

const fn status(class: FaultClass) -> StatusCode {
    match class {
        FaultClass::Credentials => StatusCode::UNAUTHORIZED,
        FaultClass::Config => StatusCode::NOT_FOUND,
        FaultClass::Record | FaultClass::Protocol => StatusCode::BAD_REQUEST,
        FaultClass::Throttled | FaultClass::Transient => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refusal(status: StatusCode) -> Response {
    let mut response = (status, "not accepted\n").into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn answer(reply: Reply) -> Response {
    let mut response = Response::new(reply.body.map_or_else(Body::empty, Body::from));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_that_may_succeed_later_is_not_refused_for_good() {
        for class in FaultClass::ALL {
            assert_eq!(status(class).is_server_error(), class.is_passing() && class != FaultClass::Protocol, "{class}");
        }
    }
}
