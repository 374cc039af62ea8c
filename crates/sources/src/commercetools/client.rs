//! Calls: the token, the project, one page at a time, and the server's clock.

use std::time::Duration;

use contract::{Fault, Random};
use secrecy::SecretString;
use wire::{
    Client, ClientCredentials, Environment, HeaderName, HeaderValue, Method, NotGranted, Options, Quota, Redactor, Request, Response, Retry, ServerClock, TokenCache,
    Url, with_query,
};

use super::{
    api::Project,
    classify::{Refusal, Remedy, refusal},
    config::Config,
};

/// Largest answer that is read. A larger page is asked for in smaller ones.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Id and secret of an API client.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Client id.
    pub client_id: SecretString,
    /// Client secret.
    pub client_secret: SecretString,
}

/// The API of one project.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    token: TokenCache,
    /// Tokens of single resources, by their path.
    apart: Vec<(&'static str, TokenCache)>,
    base: Url,
    redactor: Redactor,
    clock: ServerClock,
    environment: Environment,
    credentials: ClientCredentials,
}

impl Api {
    /// The API that the configuration names. Makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used; those of [`Environment::client`].
    pub(super) fn new(config: &Config, secrets: &Secrets, environment: &Environment) -> Result<Self, Fault> {
        let (base, token_url) = config.addresses()?;
        let client = environment.client(&Options {
            request_timeout: Duration::from_secs(config.request_timeout_seconds.into()),
            concurrency: config.max_concurrency.into(),
            max_body_bytes: MAX_BODY_BYTES,
            compressed: config.compressed,
            quota: config
                .max_calls_per_minute
                .and_then(|calls| Some(Quota { calls: calls.try_into().ok()?, per: Duration::from_mins(1) })),
            ..Options::default()
        })?;
        let redactor = Redactor::new([&secrets.client_secret]);
        let credentials = ClientCredentials {
            url: token_url,
            client_id: secrets.client_id.clone(),
            client_secret: secrets.client_secret.clone(),
            scope: config.scope(),
            fields: Vec::new(),
        };
        // The caller repeats the page as a whole; the token endpoint is not asked more often because of that.
        let cache = |scope: Option<String>| {
            let credentials = ClientCredentials { scope, ..credentials.clone() };
            TokenCache::new(client.clone(), credentials, redactor.clone(), Retry::once())
        };
        let token = cache(config.scope());
        let apart = config.scopes_apart().into_iter().map(|(path, scope)| (path, cache(Some(scope)))).collect();
        Ok(Self { client, token, apart, base, redactor, clock: ServerClock::new(environment), environment: environment.clone(), credentials })
    }

    /// `GET path?query`, once; a refused token is renewed once.
    ///
    /// # Errors
    /// The fault of the answer, or that there was no answer.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, Refusal> {
        let mut url = self.base.clone();
        if !path.is_empty() {
            url.set_path(&format!("{}/{path}", self.base.path()));
        }
        let url = with_query(&url, query.iter().copied());
        match self.attempt(path, &url).await {
            Err(refused) if refused.remedy == Remedy::Token => self.attempt(path, &url).await,
            other => other,
        }
    }

    /// `POST path` with this body of JSON, once: for subscriptions, which are all that is ever written.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn post(&self, path: &str, body: String) -> Result<Response, Refusal> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path()));
        self.call(path, Request::new(Method::POST, url).json(body)).await
    }

    async fn attempt(&self, path: &str, url: &Url) -> Result<Response, Refusal> {
        self.call(path, Request::get(url.clone())).await
    }

    async fn call(&self, path: &str, request: Request) -> Result<Response, Refusal> {
        let of = path.split('/').next().unwrap_or_default();
        let token = self.apart.iter().find(|(path, _)| *path == of).map_or(&self.token, |(_, token)| token);
        let grant = token.get().await.map_err(Fault::from)?;
        let what = format!("{} /{path}", request.method);
        let request = request
            .header(HeaderName::from_static("authorization"), grant.bearer.clone())
            .header(HeaderName::from_static("accept"), HeaderValue::from_static("application/json"));
        let response = self.client.call(request).await?;
        self.clock.learn(&response);
        if response.is_success() {
            return Ok(response);
        }
        let refused = refusal(&what, &response, &self.redactor);
        if refused.remedy == Remedy::Token {
            token.invalidate(&grant).await;
        }
        Err(refused)
    }

    /// The server's clock.
    pub(super) const fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Random numbers for jitter.
    pub(super) fn random(&self) -> &Random {
        self.environment.random()
    }

    /// The project, or why it can't be read.
    ///
    /// # Errors
    /// Those of [`Api::get`]; `C0207` when the answer is not a project.
    pub(super) async fn project(&self) -> Result<Project, Refusal> {
        let response = self.get("", &[]).await?;
        serde_json::from_slice(&response.body).map_err(|error| {
            let fault =
                Fault::protocol("C0207", format!("GET / was answered with something that is no project: {error}"))
                    .hint("check api_url and project_key")
                    .response(self.redactor.excerpt(&response.body));
            fault.into()
        })
    }

    /// Scopes of the current tokens, as the server named them; those of a single resource only where they were granted.
    ///
    /// # Errors
    /// No token was granted.
    pub(super) async fn scope(&self) -> Result<Option<String>, NotGranted> {
        let Some(mut scope) = self.token.get().await?.scope else { return Ok(None) };
        for (_, token) in &self.apart {
            match token.get().await {
                Ok(grant) => scope.extend([" ", grant.scope.as_deref().unwrap_or_default()]),
                Err(NotGranted::Scopes(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(Some(scope))
    }

    /// All scopes that the API client has, by a token that is asked for without naming any.
    ///
    /// # Errors
    /// No token was granted.
    pub(super) async fn full_scope(&self) -> Result<Option<String>, Fault> {
        let credentials = ClientCredentials { scope: None, ..self.credentials.clone() };
        let cache = TokenCache::new(self.client.clone(), credentials, self.redactor.clone(), Retry::once());
        Ok(cache.get().await.map_err(Fault::from)?.scope)
    }

    /// The part of an answer that may be shown.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.client.calls()
    }
}

/// A string in a query predicate, quoted.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
