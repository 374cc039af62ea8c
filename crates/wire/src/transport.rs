//! Transports of requests to their hosts: the network, or a simulation of it.

use std::{error::Error, net::IpAddr, sync::Once, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contract::Fault;
use http::{HeaderMap, HeaderValue, Uri, header};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Url, redirect};

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

/// The network of this machine: HTTP/1.1, TLS, a pool of connections, and the proxies that the environment names (except
/// for this machine itself).
#[derive(Debug)]
pub(crate) struct Internet {
    client: reqwest::Client,
    /// To this machine itself, where the environment names a proxy.
    direct: Option<reqwest::Client>,
    proxies: Matcher,
}

impl Internet {
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        install_tls();
        let configured = || {
            reqwest::Client::builder()
                .user_agent(&options.user_agent)
                .connect_timeout(options.connect_timeout)
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(options.concurrency.max(1))
                .redirect(redirect::Policy::none())
                .gzip(options.compressed)
                .tcp_nodelay(true)
        };
        let built = |builder: fn(ClientBuilder) -> ClientBuilder| {
            let client = builder(configured()).build();
            // A machine without root certificates can still talk to hosts without TLS; https then fails at the handshake.
            client
                .or_else(|_| builder(configured()).tls_certs_only([]).build())
                .map_err(|error| Fault::config("C0305", format!("the HTTP client can't be set up: {}", causes(&error))))
        };
        let proxies = Matcher::from_env();
        let any = ["http://host.invalid", "https://host.invalid"];
        let has_proxy = any.into_iter().any(|uri| proxies.intercept(&Uri::from_static(uri)).is_some());
        let direct = if has_proxy { Some(built(ClientBuilder::no_proxy)?) } else { None };
        Ok(Self { client: built(|builder| builder)?, direct, proxies })
    }

    /// The client for this address, and the proxy that it goes through.
    fn route(&self, url: &Url) -> (&reqwest::Client, Option<String>) {
        if let Some(direct) = self.direct.as_ref().filter(|_| is_this_machine(url)) {
            return (direct, None);
        }
        let uri = url.as_str().parse::<Uri>().ok();
        let proxy = uri.and_then(|uri| self.proxies.intercept(&uri));
        // Without the name and the password that the address may hold.
        let named = proxy.and_then(|proxy| Some(proxy.uri().authority()?.as_str().rsplit('@').next()?.to_owned()));
        (&self.client, named)
    }
}

/// The address is of this machine itself: no proxy reaches it, and nobody listens in on the way.
pub fn is_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

#[async_trait]
impl Transport for Internet {
    async fn carry(&self, request: Request) -> Result<Answer, Broken> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let (client, proxy) = self.route(&request.url);
        let way = Way { host, proxy };
        let mut builder = client.request(request.method, request.url).headers(request.headers);
        if let Some(content_type) = request.content_type {
            builder = builder.header(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut answer = builder.send().await.map_err(|error| way.broken(&error))?;
        let status = answer.status().as_u16();
        if let Some(proxy) = way.proxy.as_ref().filter(|_| status == 407) {
            let message = format!("the proxy {proxy} wants other credentials than it was given (407)");
            let fault = Fault::transient("C0301", message).hint(PROXY_HINT);
            return Err(Broken::new(Effect::None, Reason::Connect, fault));
        }
        let headers = std::mem::take(answer.headers_mut());
        Ok(Answer { status, headers, body: Box::new(Incoming { answer, way }) })
    }
}

struct Incoming {
    answer: reqwest::Response,
    way: Way,
}

/// Where a request goes.
struct Way {
    host: String,
    proxy: Option<String>,
}

const PROXY_HINT: &str =
    "proxies come from HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; NO_PROXY lists the hosts that are reached without";

#[async_trait]
impl Body for Incoming {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        self.answer.chunk().await.map_err(|error| self.way.broken(&error))
    }
}

/// Installs the cryptography of TLS for all clients of the process.
pub fn install_tls() {
    static PROVIDER: Once = Once::new();
    // Fails only if one is installed already, which is then used.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

impl Way {
    fn broken(&self, error: &reqwest::Error) -> Broken {
        let host = &self.host;
        if error.is_builder() || error.is_request() && error.is_redirect() {
            let message = format!("a request to {host} can't be made: {}", causes(error));
            return Broken::new(Effect::None, Reason::Request, Fault::config("C0306", message));
        }
        let (through, hint) = match &self.proxy {
            Some(proxy) => (format!(" through the proxy {proxy}"), PROXY_HINT),
            None => (String::new(), "check the host name, the network and the TLS certificate"),
        };
        if error.is_connect() {
            let message = format!("{host} can't be reached{through}: {}", causes(error));
            return Broken::new(Effect::None, Reason::Connect, Fault::transient("C0301", message).hint(hint));
        }
        let causes = causes(error);
        let message = format!("the connection to {host}{through} broke before the whole answer was there: {causes}");
        Broken::new(Effect::Unknown, Reason::Connection, Fault::transient("C0303", message))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_under_all_its_names() {
        let is_this_machine = |url| is_this_machine(&Url::parse(url).unwrap());
        for url in
            ["http://127.0.0.1:80", "https://127.9.9.9", "http://[::1]:8", "http://localhost", "http://a.localhost"]
        {
            assert!(is_this_machine(url), "{url}");
        }
        for url in ["http://10.0.0.1", "https://localhost.example", "http://[2001:db8::1]", "https://api.example"] {
            assert!(!is_this_machine(url), "{url}");
        }
    }
}
