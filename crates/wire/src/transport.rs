//! Transports of requests to their hosts: the network, or a simulation of it.

use std::{error::Error, sync::Once, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contract::Fault;
use http::{HeaderMap, HeaderValue, header};
use reqwest::redirect;

use crate::{
    Options, Request,
    client::{Broken, Effect, Reason},
};

/// Carries requests to their hosts. Repeats nothing, follows no redirect; limits and time limits are the [`crate::Client`]'s.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request; returns once the head of its answer has arrived.
    ///
    /// # Errors
    /// [`Broken`] when no head came.
    async fn carry(&self, request: Request) -> Result<Answer, Broken>;
}

/// An answer whose body is still to come.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Box<dyn Body>,
}

/// A body in pieces, decompressed.
#[async_trait]
pub trait Body: Send {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`Broken`] when the connection ended before the body did.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken>;
}

/// The network of this machine: HTTP/1.1, TLS, a pool of connections.
#[derive(Debug)]
pub(crate) struct Internet(reqwest::Client);

impl Internet {
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        install_tls();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(&options.user_agent)
                .connect_timeout(options.connect_timeout)
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(options.concurrency.max(1))
                .redirect(redirect::Policy::none())
                .gzip(options.compressed)
                .tcp_nodelay(true)
        };
        let client = builder()
            .build()
            // A machine without root certificates can still talk to hosts without TLS; https then fails at the handshake.
            .or_else(|_| builder().tls_certs_only([]).build())
            .map_err(|error| Fault::config("C0305", format!("the HTTP client can't be set up: {}", causes(&error))))?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Transport for Internet {
    async fn carry(&self, request: Request) -> Result<Answer, Broken> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let mut builder = self.0.request(request.method, request.url).headers(request.headers);
        if let Some(content_type) = request.content_type {
            builder = builder.header(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut answer = builder.send().await.map_err(|error| broken(&host, &error))?;
        let status = answer.status().as_u16();
        let headers = std::mem::take(answer.headers_mut());
        Ok(Answer { status, headers, body: Box::new(Incoming { answer, host }) })
    }
}

struct Incoming {
    answer: reqwest::Response,
    host: String,
}

#[async_trait]
impl Body for Incoming {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        self.answer.chunk().await.map_err(|error| broken(&self.host, &error))
    }
}

/// Installs the cryptography of TLS for all clients of the process.
pub fn install_tls() {
    static PROVIDER: Once = Once::new();
    // Fails only if one is installed already, which is then used.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

fn broken(host: &str, error: &reqwest::Error) -> Broken {
    if error.is_builder() || error.is_request() && error.is_redirect() {
        let message = format!("a request to {host} can't be made: {}", causes(error));
        return Broken::new(Effect::None, Reason::Request, Fault::config("C0306", message));
    }
    if error.is_connect() {
        let message = format!("{host} can't be reached: {}", causes(error));
        let fault = Fault::transient("C0301", message).hint("check the host name, the network and the TLS certificate");
        return Broken::new(Effect::None, Reason::Connect, fault);
    }
    let message = format!("the connection to {host} broke before the whole answer was there: {}", causes(error));
    Broken::new(Effect::Unknown, Reason::Connection, Fault::transient("C0303", message))
}

/// The chain of causes without the URL, whose query may hold a secret.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    if text.is_empty() { "no further cause is known".to_owned() } else { text }
}
