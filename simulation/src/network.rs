//! The network between connectors and emulators.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body as AxumBody};
use bytes::Bytes;
use contract::{Fault, Random};
use http::header;
use sandbox::serve::Severed;
use serde_json::Value;
use tower::ServiceExt as _;
use wire::{Answer, Body, Broken, Effect, Reason, Request, Transport};

use crate::{
    mutant::Mutant,
    probe::Probe,
    seed::Draws as _,
    shop,
    steps::{Place, Steps},
};

/// Faults of the network. Rates are per mille; the default is a perfect network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Shortest and longest delay of each direction, in milliseconds.
    pub(crate) latency: (u64, u64),
    /// The connection breaks before the request reaches its host.
    pub(crate) lost_before: u64,
    /// The host carries out the request, and its answer is lost.
    pub(crate) lost_after: u64,
    /// The host carries out half of a batch, and its answer is lost.
    pub(crate) half: u64,
    /// Half of the answer arrives.
    pub(crate) cut: u64,
    /// The answer trickles in for this long, in milliseconds, for so many per mille.
    pub(crate) slow: (u64, u64),
    /// Hosts that can't be reached.
    pub(crate) away: BTreeSet<String>,
    /// Hosts that take requests and never answer.
    pub(crate) silent: BTreeSet<String>,
}

/// Hosts by name, and the network to them.
pub(crate) struct Network {
    hosts: BTreeMap<String, Router>,
    random: Random,
    weather: Mutex<Weather>,
    calls: AtomicU64,
    /// `None` in an undisturbed run.
    hub: Option<Watch>,
    mutant: Option<Mutant>,
    /// For a mutant: a call that is carried out once more, by host.
    late: Mutex<BTreeMap<String, Request>>,
}

/// Observers of the hub's calls.
pub(crate) struct Watch {
    pub(crate) steps: Arc<Steps>,
    pub(crate) probe: Arc<Probe>,
}

impl Network {
    pub(crate) fn new(
        hosts: BTreeMap<String, Router>,
        random: Random,
        hub: Option<Watch>,
        mutant: Option<Mutant>,
    ) -> Arc<Self> {
        Arc::new(Self {
            hosts,
            random,
            weather: Mutex::default(),
            calls: AtomicU64::new(0),
            hub,
            mutant,
            late: Mutex::default(),
        })
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The weather from now on.
    pub(crate) fn set(&self, weather: Weather) {
        *locked(&self.weather) = weather;
    }

    /// The weather now.
    pub(crate) fn weather(&self) -> Weather {
        locked(&self.weather).clone()
    }

    async fn way(&self, (least, most): (u64, u64)) {
        let mut length = self.random.between(least, most);
        if self.mutant == Some(Mutant::HashOrder) {
            length += std::collections::HashSet::from([1_u64, 2, 3, 5, 8]).into_iter().next().unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(length)).await;
    }

    async fn step(&self, place: Place) {
        if let Some(hub) = &self.hub {
            hub.steps.step(place).await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a request is to change something at a destination.
fn writes(request: &Request) -> bool {
    request.method != http::Method::GET && request.url.host_str() != Some(shop::HOST)
}

/// An answer that acknowledges a whole call.
fn acknowledged() -> Answer {
    let pieces = vec![Bytes::from_static(b"{\"status\":\"ok\"}")];
    let body = Box::new(Whole { pieces, end: None, pause: Duration::ZERO });
    Answer { status: 200, headers: http::HeaderMap::new(), body }
}

/// The same request once more.
fn again(request: &Request) -> Request {
    Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        content_type: request.content_type,
        body: request.body.clone(),
        logged_as: request.logged_as,
    }
}

/// A batch without the second half of its items; `None` if it has fewer than two.
fn half(request: &Request) -> Option<Request> {
    if !writes(request) || request.method == http::Method::DELETE {
        return None;
    }
    let mut body: Value = serde_json::from_slice(request.body.as_ref()?).ok()?;
    let items = body.as_object_mut()?.values_mut().find_map(Value::as_array_mut).filter(|items| items.len() > 1)?;
    items.truncate(items.len() / 2);
    Some(Request { body: Some(serde_json::to_vec(&body).ok()?.into()), ..again(request) })
}

/// A page without its last record.
fn without_last(page: &[u8]) -> Option<Bytes> {
    let mut page: Value = serde_json::from_slice(page).ok()?;
    page.get_mut("results")?.as_array_mut()?.pop()?;
    Some(serde_json::to_vec(&page).ok()?.into())
}

fn lost(host: &str) -> Broken {
    let message = format!("the connection to {host} broke before the whole answer was there: reset by peer");
    Broken::new(Effect::Unknown, Reason::Connection, Fault::transient("C0303", message))
}

fn unreachable(host: &str) -> Broken {
    let message = format!("{host} can't be reached: no route to host");
    Broken::new(Effect::None, Reason::Connect, Fault::transient("C0301", message))
}

#[async_trait]
impl Transport for Network {
    async fn carry(&self, request: Request) -> Result<Answer, Broken> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let writes = writes(&request);
        let probed = self.hub.as_ref().map(|hub| hub.probe.asks(&host, &request, &hub.steps));
        let carried = self.exchange(&host, request).await;
        if let Some(probed) = probed {
            let accepted = match &carried {
                Ok((answer, None)) => (200..300).contains(&answer.status),
                _ => false,
            };
            probed.ended(accepted);
        }
        let (mut answer, broken) = carried?;
        let asks = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        if let (Some(hub), Some(seconds)) =
            (self.hub.as_ref().filter(|_| answer.status == 429 && broken.is_none()), asks)
        {
            hub.probe.quieten(&host, seconds);
        }
        match self.mutant {
            Some(Mutant::Impatient) => drop(answer.headers.remove(header::RETRY_AFTER)),
            Some(Mutant::ForgottenAck) if writes && self.random.hits(20) => return Err(lost(&host)),
            _ => {}
        }
        Ok(answer)
    }
}

impl Network {
    /// The answer, and the fault that will break its body.
    async fn exchange(&self, host: &str, request: Request) -> Result<(Answer, Option<Broken>), Broken> {
        let weather = self.weather();
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.step(Place::Call).await;
        self.way(weather.latency).await;
        let Some(router) = self.hosts.get(host).filter(|_| !weather.away.contains(host)) else {
            tokio::time::sleep(Duration::from_secs(10)).await;
            return Err(unreachable(host));
        };
        let writes = writes(&request);
        if self.random.hits(weather.lost_before) {
            if writes && self.mutant == Some(Mutant::AckWithoutCall) {
                return Ok((acknowledged(), None));
            }
            return Err(lost(host));
        }
        if weather.silent.contains(host) {
            std::future::pending::<()>().await;
        }
        if self.mutant == Some(Mutant::ForgottenDelete) && request.method == http::Method::DELETE {
            return Ok((acknowledged(), None));
        }
        if let Some(half) = half(&request).filter(|_| self.random.hits(weather.half)) {
            let _lost = self.deliver(host, router.clone(), half).await;
            self.step(Place::Applied).await;
            return if self.mutant == Some(Mutant::HalfAcknowledged) {
                Ok((acknowledged(), None))
            } else {
                Err(lost(host))
            };
        }
        let late = (self.mutant == Some(Mutant::LateEffect) && writes && self.random.hits(50)).then(|| again(&request));
        if self.mutant == Some(Mutant::LoggedSecret) {
            tracing::debug!(headers = ?request.headers.values().map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).collect::<Vec<_>>(), url = %request.url, "asks");
        }
        let is_products = request.url.path().ends_with("/product-projections");
        let (status, headers, mut whole) = self.deliver(host, router.clone(), request).await?;
        if let Some(late) = late {
            let earlier = locked(&self.late).insert(host.to_owned(), late);
            if let Some(earlier) = earlier {
                let _late = self.deliver(host, router.clone(), earlier).await;
            }
        }
        if self.mutant == Some(Mutant::ShortPage) && is_products {
            whole = without_last(&whole).unwrap_or(whole);
        }
        self.step(Place::Applied).await;
        if self.random.hits(weather.lost_after) {
            return Err(lost(host));
        }
        self.way(weather.latency).await;
        let cut = self.random.hits(weather.cut) && !whole.is_empty();
        // The hub knows of a refusal once it has read all of it: refusals come at once, for the sake of the probe.
        let slow = self.random.hits(weather.slow.1) && (200..300).contains(&status);
        let pause = if slow { Duration::from_millis(weather.slow.0) } else { Duration::ZERO };
        let (pieces, end) = if cut {
            (vec![whole.slice(..whole.len() / 2)], Some(lost(host)))
        } else if slow {
            (vec![whole.slice(..whole.len() / 2), whole.slice(whole.len() / 2..)], None)
        } else {
            (vec![whole], None)
        };
        let broken = end.clone();
        Ok((Answer { status, headers, body: Box::new(Whole { pieces, end, pause }) }, broken))
    }

    /// The host's answer, whole; a connection that the host closes breaks the call.
    async fn deliver(
        &self,
        host: &str,
        router: Router,
        request: Request,
    ) -> Result<(u16, http::HeaderMap, Bytes), Broken> {
        let target = match request.url.query() {
            Some(query) => format!("{}?{query}", request.url.path()),
            None => request.url.path().to_owned(),
        };
        let mut made = http::Request::builder().method(request.method).uri(target).header(header::HOST, host);
        for (name, value) in &request.headers {
            made = made.header(name, value);
        }
        if let Some(content_type) = request.content_type {
            made = made.header(header::CONTENT_TYPE, content_type);
        }
        let made = made.body(request.body.map_or_else(AxumBody::empty, AxumBody::from)).map_err(|_| lost(host))?;
        let response = match router.oneshot(made).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.extensions().get::<Severed>().is_some() {
            return Err(lost(host));
        }
        let (parts, body) = response.into_parts();
        let whole = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| lost(host))?;
        Ok((parts.status.as_u16(), parts.headers, whole))
    }
}

/// A complete body that is delivered piece by piece.
struct Whole {
    pieces: Vec<Bytes>,
    end: Option<Broken>,
    pause: Duration,
}

#[async_trait]
impl Body for Whole {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        tokio::time::sleep(self.pause).await;
        if self.pieces.is_empty() {
            return self.end.take().map_or(Ok(None), Err);
        }
        Ok(Some(self.pieces.remove(0)))
    }
}
