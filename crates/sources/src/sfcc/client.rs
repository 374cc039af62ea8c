//! Calls: the token, OCAPI, the folder of archives, the pace, and the server's clock.

use std::{fs::File, time::Duration};

use contract::{Fault, Random};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use wire::{
    Client, ClientCredentials, Environment, HeaderName, HeaderValue, Method, Options, Progress, Redactor, Request,
    Response, Retry, ServerClock, TokenCache, Url, with_query,
};

use super::{
    classify::{Refusal, Remedy, refusal},
    config::{Addresses, Config, below},
    deltas,
    load::Load,
};

/// Largest answer that is read into memory: lists of names.
const MAX_BODY_BYTES: usize = 16 << 20;
/// Calls at once.
const CONCURRENCY: usize = 4;

/// Id and password of an API client.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Client id.
    pub client_id: SecretString,
    /// Password.
    pub client_secret: SecretString,
}

/// An instance.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    token: TokenCache,
    addresses: Addresses,
    client_id: HeaderValue,
    redactor: Redactor,
    clock: ServerClock,
    environment: Environment,
    load: Load,
}

impl Api {
    /// The instance that the configuration names. Makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used; those of [`Environment::client`].
    pub(super) fn new(config: &Config, secrets: &Secrets, environment: &Environment) -> Result<Self, Fault> {
        let addresses = config.addresses()?;
        let client = environment.client(&Options {
            request_timeout: Duration::from_secs(config.request_timeout_seconds.into()),
            concurrency: CONCURRENCY,
            max_body_bytes: MAX_BODY_BYTES,
            ..Options::default()
        })?;
        let client_id = HeaderValue::from_str(secrets.client_id.expose_secret().trim())
            .map_err(|_| Fault::config("C0213", "the setting client_id can't be used: it holds no id"))?;
        let redactor = Redactor::new([&secrets.client_secret]);
        let credentials = ClientCredentials {
            url: addresses.token.clone(),
            client_id: secrets.client_id.clone(),
            client_secret: secrets.client_secret.clone(),
            scope: None,
            fields: Vec::new(),
        };
        // The caller repeats what fails; the token endpoint is not asked more often because of that.
        let token = TokenCache::new(client.clone(), credentials, redactor.clone(), Retry::once());
        let clock = ServerClock::new(environment);
        let (environment, load) = (environment.clone(), Load::default());
        Ok(Self { client, token, addresses, client_id, redactor, clock, environment, load })
    }

    /// `GET path?query` of OCAPI, once; a refused token is renewed once. `right` says what permits it.
    ///
    /// # Errors
    /// The fault of the answer, or that there was no answer.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        right: &str,
    ) -> Result<T, Refusal> {
        let request = Request::get(with_query(&below(&self.addresses.api, path), query.iter().copied()));
        self.ocapi(path, request, right).await
    }

    /// `POST path` of OCAPI with this body of JSON, once.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &[&str], body: String, right: &str) -> Result<T, Refusal> {
        let request = Request::new(Method::POST, below(&self.addresses.api, path)).json(body);
        self.ocapi(path, request, right).await
    }

    async fn ocapi<T: DeserializeOwned>(&self, path: &[&str], request: Request, right: &str) -> Result<T, Refusal> {
        let what = format!("{} /{}", request.method, path.join("/"));
        let response = self.call(&what, request, right).await?;
        serde_json::from_slice(&response.body).map_err(|error| {
            let fault = Fault::protocol("C0207", format!("{what} was answered with something else: {error}"))
                .hint("it was cut short, or something between here and the instance answered; check api_url if it stays")
                .response(self.redactor.excerpt(&response.body));
            fault.into()
        })
    }

    /// Downloads an archive, or the rest of it.
    ///
    /// # Errors
    /// As [`Api::get`]; `C0304`: it is larger than `bound`.
    pub(super) async fn download(
        &self,
        name: &str,
        file: &mut File,
        progress: &mut Progress,
        bound: u64,
    ) -> Result<(), Refusal> {
        let what = format!("GET {ARCHIVES}/{name}");
        for first in [true, false] {
            let grant = self.token.get().await.map_err(Fault::from)?;
            self.load.ready().await;
            let request = Request::get(below(&self.addresses.archives, &[name]))
                .header(HeaderName::from_static("authorization"), grant.bearer.clone());
            let response = self.client.download(request, file, progress, bound).await?;
            self.learn(&response);
            if response.is_success() {
                return Ok(());
            }
            let refused = refusal(&what, WEBDAV, &response, &self.redactor);
            if refused.remedy != Remedy::Token || !first {
                return Err(refused);
            }
            self.token.invalidate(&grant).await;
        }
        Ok(())
    }

    /// Deletes an archive.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn delete(&self, name: &str) -> Result<(), Refusal> {
        let request = Request::new(Method::DELETE, below(&self.addresses.archives, &[name]));
        self.call(&format!("DELETE {ARCHIVES}/{name}"), request, WEBDAV).await.map(drop)
    }

    /// Whether the folder of archives can be read.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn look(&self) -> Result<(), Refusal> {
        let request = Request::new(propfind(), self.addresses.archives.clone())
            .header(HeaderName::from_static("depth"), HeaderValue::from_static("0"));
        self.call(&format!("PROPFIND {ARCHIVES}"), request, WEBDAV).await.map(drop)
    }

    /// Names of the files and folders in a folder of delta exports; `None`: it does not exist.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn outbox(&self, folder: &[&str]) -> Result<Option<Vec<String>>, Refusal> {
        let path = [&[OUTBOX][..], folder].concat().join("/");
        let what = format!("PROPFIND {path}");
        let request = Request::new(propfind(), below(&self.addresses.outbox, folder))
            .header(HeaderName::from_static("depth"), HeaderValue::from_static("1"));
        let response = match self.call(&what, request, OUTBOX_RIGHT).await {
            Ok(response) => response,
            Err(refusal) if refusal.remedy == Remedy::Missing => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        deltas::names(&response.body, &path).map(Some).map_err(|broken| {
            let fault = Fault::protocol("C0207", format!("{what} was answered with something else {broken}"))
                .hint("it was cut short, or something between here and the instance answered");
            fault.response(self.redactor.excerpt(&response.body)).into()
        })
    }

    async fn call(&self, what: &str, request: Request, right: &str) -> Result<Response, Refusal> {
        let grant = self.token.get().await.map_err(Fault::from)?;
        let first = self.attempt(what, request.clone(), right, &grant).await;
        match first {
            Err(refused) if refused.remedy == Remedy::Token => {
                self.token.invalidate(&grant).await;
                let grant = self.token.get().await.map_err(Fault::from)?;
                self.attempt(what, request, right, &grant).await
            }
            other => other,
        }
    }

    async fn attempt(
        &self,
        what: &str,
        request: Request,
        right: &str,
        grant: &wire::Grant,
    ) -> Result<Response, Refusal> {
        self.load.ready().await;
        let request = request
            .header(HeaderName::from_static("authorization"), grant.bearer.clone())
            .header(HeaderName::from_static("x-dw-client-id"), self.client_id.clone())
            .header(HeaderName::from_static("accept"), HeaderValue::from_static("*/*"));
        let response = self.client.call(request).await?;
        self.learn(&response);
        if response.is_success() { Ok(response) } else { Err(refusal(what, right, &response, &self.redactor)) }
    }

    fn learn(&self, response: &Response) {
        self.clock.learn(response);
        self.load.learn(response);
    }

    /// The server's clock.
    pub(super) const fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// This machine's clock and random numbers.
    pub(super) const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Random numbers for jitter.
    pub(super) fn random(&self) -> &Random {
        self.environment.random()
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.client.calls()
    }

    /// The address of the folder of archives, for people.
    pub(super) fn archives(&self) -> &Url {
        &self.addresses.archives
    }
}

fn propfind() -> Method {
    Method::from_bytes(b"PROPFIND").unwrap_or(Method::OPTIONS)
}

/// The folder of delta exports, for people.
pub(super) const OUTBOX: &str = "Impex/src/platform/outbox";
/// What permits to look into it.
pub(super) const OUTBOX_RIGHT: &str = "give the client read on /impex/src/platform (Business Manager, Administration, Organization, \
                                       WebDAV Client Permissions)";
/// The folder of archives, for people.
const ARCHIVES: &str = "Impex/src/instance";
/// What permits calls of WebDAV.
const WEBDAV: &str = "give the client read_write on /impex/src/instance (Business Manager, Administration, Organization, \
                      WebDAV Client Permissions)";
