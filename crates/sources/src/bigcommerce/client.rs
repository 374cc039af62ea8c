//! Calls: the token, the pace, and the server's clock.

use std::time::Duration;

use contract::{Fault, Random};
use secrecy::{ExposeSecret, SecretString};
use wire::{Client, Environment, HeaderName, HeaderValue, Method, Options, Redactor, Request, Response, ServerClock, Url, with_query};

use super::{
    classify::{Refusal, refusal},
    config::Config,
    pace::Pace,
};

/// Largest answer that is read. A larger page of products is asked for in smaller ones.
const MAX_BODY_BYTES: usize = 64 << 20;

/// The API of one store.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    base: Url,
    token: HeaderValue,
    redactor: Redactor,
    pace: Pace,
    clock: ServerClock,
    environment: Environment,
}

impl Api {
    /// The API that the configuration names. Makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used; those of [`Environment::client`].
    pub(super) fn new(config: &Config, token: &SecretString, environment: &Environment) -> Result<Self, Fault> {
        let base = config.address()?;
        let mut value = HeaderValue::from_str(token.expose_secret().trim())
            .map_err(|_| Fault::config("C0213", "the setting access_token can't be used: it holds no token"))?;
        value.set_sensitive(true);
        let client = environment.client(&Options {
            request_timeout: Duration::from_secs(config.request_timeout_seconds.into()),
            concurrency: config.max_concurrency.into(),
            max_body_bytes: MAX_BODY_BYTES,
            compressed: config.compressed,
            ..Options::default()
        })?;
        Ok(Self {
            client,
            base,
            token: value,
            redactor: Redactor::new([token]),
            pace: Pace::new(config.quota_reserve_percent),
            clock: ServerClock::new(environment),
            environment: environment.clone(),
        })
    }

    /// `GET path?query`, once. `path` begins with the version.
    ///
    /// # Errors
    /// The fault of the answer, or that there was no answer.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, Refusal> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path()));
        self.call(path, Request::get(with_query(&url, query.iter().copied()))).await
    }

    /// `method path` with this body of JSON, once: for the store's webhooks, which are all that is ever written, and for
    /// questions that are asked with a body.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn write(&self, method: Method, path: &str, body: Option<String>) -> Result<Response, Refusal> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path()));
        let request = Request::new(method, url);
        self.call(path, if let Some(body) = body { request.json(body) } else { request }).await
    }

    async fn call(&self, path: &str, request: Request) -> Result<Response, Refusal> {
        let what = format!("{} /{path}", request.method);
        let request = request
            .header(HeaderName::from_static("x-auth-token"), self.token.clone())
            .header(HeaderName::from_static("accept"), HeaderValue::from_static("application/json"));
        self.pace.ready().await;
        let response = self.client.call(request).await?;
        self.pace.learn(&response);
        self.clock.learn(&response);
        if response.is_success() { Ok(response) } else { Err(refusal(&what, &response, &self.redactor)) }
    }

    /// The server's clock.
    pub(super) const fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Random numbers for jitter.
    pub(super) fn random(&self) -> &Random {
        self.environment.random()
    }

    /// The part of an answer that may be shown.
    pub(super) fn excerpt(&self, response: &Response) -> String {
        self.redactor.excerpt(&response.body)
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.client.calls()
    }
}
