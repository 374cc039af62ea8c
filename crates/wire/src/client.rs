//! One HTTP client per connector: bounded in time, size and number of calls under way.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use contract::{Fault, Random};
use http::{HeaderMap, HeaderValue, Method, header};
use model::Timestamp;
use reqwest::Url;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::{
    quota::{Budget, Quota},
    transport::{Answer, Body, Transport},
    when,
};

/// Options of a [`Client`].
#[derive(Clone, Debug)]
pub struct Options {
    /// `User-Agent` of every request.
    pub user_agent: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer, from the connection to the last byte.
    pub request_timeout: Duration,
    /// Calls under way at once; further ones wait. At least 1.
    pub concurrency: usize,
    /// Largest answer that is read, after decompression.
    pub max_body_bytes: usize,
    /// Whether to ask for compressed answers. Saves bandwidth, costs time on both sides.
    pub compressed: bool,
    /// Most calls per span of time and host; further ones wait.
    pub quota: Option<Quota>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: concat!("cartage/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            concurrency: 8,
            max_body_bytes: 64 << 20,
            compressed: true,
            quota: None,
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Absolute URL with its query.
    pub url: Url,
    /// Headers beyond `User-Agent`, `Accept-Encoding`, `Content-Type` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// Type of `body`.
    pub content_type: Option<&'static str>,
    /// Stands in the log in place of a path that holds what no log may hold, such as an e-mail address.
    pub logged_as: Option<&'static str>,
}

impl Request {
    /// A request without body and headers.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, content_type: None, logged_as: None }
    }

    /// `GET url`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.content_type = Some("application/json");
        self
    }

    /// Its path, as the log may hold it.
    fn logged_path(&self) -> String {
        self.logged_as.unwrap_or(self.url.path()).to_owned()
    }

    /// With a text that stands in the log in place of its path.
    #[must_use]
    pub const fn logged_as(mut self, path: &'static str) -> Self {
        self.logged_as = Some(path);
        self
    }
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
    /// The server's clock, from the `Date` header.
    pub date: Option<Timestamp>,
    /// From the first byte sent to the last byte received.
    pub took: Duration,
}

impl Response {
    /// Status 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the server asks to wait (`Retry-After`, in seconds or as a date).
    pub fn retry_after(&self) -> Option<Duration> {
        when::retry_after(self.header("retry-after")?, self.date)
    }
}

/// A call without a complete answer.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Whether the server may have acted on the request.
    pub effect: Effect,
    /// The reason.
    pub reason: Reason,
    /// The same for people; its text holds no URL query, header or body.
    pub fault: Fault,
}

/// Whether the server may have acted on a request without a complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No: the request was never written.
    None,
    /// It is not known.
    Unknown,
}

/// Why a call broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The request could not be made.
    Request,
    /// No connection.
    Connect,
    /// The complete answer did not arrive in time.
    Timeout,
    /// The connection ended early, or the answer was not HTTP.
    Connection,
    /// The answer is larger than [`Options::max_body_bytes`].
    TooLarge,
}

impl Broken {
    /// A call that broke.
    pub fn new(effect: Effect, reason: Reason, fault: Fault) -> Self {
        Self { effect, reason, fault }
    }
}

/// Makes calls. Cheap to clone; clones share limits and counters. Comes from an [`crate::Environment`].
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    random: Random,
    slots: Arc<Semaphore>,
    budget: Option<Arc<Budget>>,
    calls: Arc<AtomicU64>,
    request_timeout: Duration,
    max_body_bytes: usize,
}

impl Client {
    /// A client over this transport, with its own limits and counter.
    pub fn over(transport: Arc<dyn Transport>, options: &Options, random: Random) -> Self {
        Self {
            transport,
            random,
            slots: Arc::new(Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            budget: options.quota.map(|quota| Arc::new(Budget::new(quota))),
            calls: Arc::new(AtomicU64::new(0)),
            request_timeout: options.request_timeout,
            max_body_bytes: options.max_body_bytes,
        }
    }

    /// Random numbers for jitter.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Calls made so far, with any result.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Makes one call and reads the whole answer. Repeats nothing, follows no redirect.
    ///
    /// # Errors
    /// [`Broken`] without a complete answer; an answer of any status is no error here.
    pub async fn call(&self, request: Request) -> Result<Response, Broken> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let _slot = self.slot(&host).await;
        let (method, path) = (request.method.clone(), request.logged_path());
        let began = Instant::now();
        let result = match tokio::time::timeout(self.request_timeout, self.exchange(request, &host)).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(&host, self.request_timeout, Effect::Unknown)),
        };
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(response) => {
                let (status, bytes) = (response.status, response.body.len());
                tracing::debug!(%method, host, path, status, bytes, milliseconds, "called");
            }
            Err(broken) => tracing::debug!(%method, host, path, error = %broken.fault, milliseconds, "call broke"),
        }
        result.map(|response| Response { took: began.elapsed(), ..response })
    }

    /// Waits until a call may be made, and counts it.
    pub(crate) async fn slot(&self, host: &str) -> Option<SemaphorePermit<'_>> {
        if let Some(budget) = &self.budget {
            budget.ready(host).await;
        }
        // The semaphore is never closed; without a permit the call would still work, only without the limit.
        let slot = self.slots.acquire().await.ok();
        self.calls.fetch_add(1, Ordering::Relaxed);
        slot
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    async fn exchange(&self, request: Request, host: &str) -> Result<Response, Broken> {
        let Answer { status, headers, body } = self.transport.carry(request).await?;
        let date = date_of(&headers);
        let body = self.collect(body, &headers, host).await?;
        Ok(Response { status, headers, body, date, took: Duration::ZERO })
    }

    /// Collects the body into one buffer. The size of a compressed body is not known before its end, and a growing
    /// buffer copies its content repeatedly.
    pub(crate) async fn collect(
        &self,
        mut body: Box<dyn Body>,
        headers: &HeaderMap,
        host: &str,
    ) -> Result<Bytes, Broken> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > self.max_body_bytes) {
            return Err(self.too_large(host));
        }
        let (mut chunks, mut length) = (Vec::new(), 0);
        while let Some(chunk) = body.chunk().await? {
            length += chunk.len();
            if length > self.max_body_bytes {
                return Err(self.too_large(host));
            }
            chunks.push(chunk);
        }
        let mut whole = BytesMut::with_capacity(length);
        for chunk in &chunks {
            whole.extend_from_slice(chunk);
        }
        Ok(whole.freeze())
    }

    fn too_large(&self, host: &str) -> Broken {
        let message = format!("{host} answered with more than {} bytes", self.max_body_bytes);
        Broken::new(Effect::Unknown, Reason::TooLarge, Fault::transient("C0304", message))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("request_timeout", &self.request_timeout).finish_non_exhaustive()
    }
}

/// The server's clock, from the `Date` header.
pub(crate) fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get(header::DATE).and_then(|date| date.to_str().ok()).and_then(when::http_date)
}

pub(crate) fn timed_out(host: &str, limit: Duration, effect: Effect) -> Broken {
    let message = format!("{host} gave no whole answer within {} s", limit.as_secs_f32());
    Broken::new(effect, Reason::Timeout, Fault::transient("C0302", message))
}
