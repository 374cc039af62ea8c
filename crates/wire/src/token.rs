//! OAuth 2 client credentials: one token, shared, renewed before it expires.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use contract::{Fault, FaultClass};
use http::{HeaderValue, Method, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{Client, Redactor, Request, Response, Retry, query::encoded, retry};

/// How long before its end a token is renewed, at most; a short-lived one is renewed after nine tenths of its life.
const MARGIN: Duration = Duration::from_mins(5);

/// A token is taken to live at least this long, whatever the server says.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// Credentials for a token.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub url: Url,
    /// Client id.
    pub client_id: SecretString,
    /// Client secret.
    pub client_secret: SecretString,
    /// Wanted scopes, separated by spaces; `None`: all scopes of the client.
    pub scope: Option<String>,
    /// Further fields of the form, such as the channel that a token is for.
    pub fields: Vec<(&'static str, String)>,
}

/// A token that was granted.
#[derive(Clone)]
pub struct Grant {
    /// `Bearer …`, for the `Authorization` header.
    pub bearer: HeaderValue,
    /// Scopes as the server named them, separated by spaces.
    pub scope: Option<String>,
    renew_at: Instant,
}

impl fmt::Debug for Grant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Grant({:?})", self.scope)
    }
}

/// Why no token was granted.
#[derive(Clone, Debug)]
pub enum NotGranted {
    /// The server refuses the wanted scopes (`invalid_scope` of RFC 6749): it may grant others.
    Scopes(Fault),
    /// Any other reason.
    Other(Fault),
}

impl NotGranted {
    /// The server refuses the credentials or the scopes; asking again does not help.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Scopes(_) => true,
            Self::Other(fault) => fault.class == FaultClass::Credentials,
        }
    }
}

impl From<Fault> for NotGranted {
    fn from(fault: Fault) -> Self {
        Self::Other(fault)
    }
}

impl From<NotGranted> for Fault {
    fn from(error: NotGranted) -> Self {
        match error {
            NotGranted::Scopes(fault) | NotGranted::Other(fault) => fault,
        }
    }
}

/// Fetches tokens and keeps the current one. While it is fetched, all callers wait for that one call.
#[derive(Debug)]
pub struct TokenCache {
    client: Client,
    credentials: ClientCredentials,
    redactor: Redactor,
    retry: Retry,
    current: Mutex<Option<Grant>>,
    /// The last refusal of the credentials, and when it came: it is told to all who asked before.
    refused: Mutex<Option<(Instant, NotGranted)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<f64>,
    scope: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refused {
    error: Option<String>,
    error_description: Option<String>,
    message: Option<String>,
}

impl TokenCache {
    /// A cache without a token yet.
    pub fn new(client: Client, credentials: ClientCredentials, redactor: Redactor, retry: Retry) -> Self {
        Self { client, credentials, redactor, retry, current: Mutex::new(None), refused: Mutex::new(None) }
    }

    /// The current token; fetches one if there is none or it expires soon.
    ///
    /// # Errors
    /// `C0307` credentials or scopes refused · `C0308` the answer is no token · `C0309` the endpoint is in trouble ·
    /// those of [`Client::call`].
    pub async fn get(&self) -> Result<Grant, NotGranted> {
        let asked_at = Instant::now();
        let mut current = self.current.lock().await;
        if let Some(grant) = current.as_ref().filter(|grant| Instant::now() < grant.renew_at) {
            return Ok(grant.clone());
        }
        // Whoever holds `current` is alone with this. Asking again for each lane of a source could get the client locked.
        let mut refused = self.refused.lock().await;
        if let Some((_, error)) = refused.as_ref().filter(|(came_at, _)| asked_at < *came_at) {
            return Err(error.clone());
        }
        let granted = retry(self.retry, self.client.random(), |_| self.fetch()).await;
        let granted = granted.unwrap_or_else(|fault| Err(NotGranted::Other(fault)));
        let refusal = granted.as_ref().err().filter(|error| error.is_refusal());
        *refused = refusal.map(|error| (Instant::now(), error.clone()));
        let grant = granted?;
        *current = Some(grant.clone());
        Ok(grant)
    }

    /// Drops `refused` if it is still the current one: another caller may have renewed it already.
    pub async fn invalidate(&self, refused: &Grant) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|grant| grant.bearer == refused.bearer) {
            *current = None;
        }
    }

    /// Asks for a token once. A refusal is the inner error, because no repetition helps against it.
    async fn fetch(&self) -> Result<Result<Grant, NotGranted>, Fault> {
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.credentials.scope {
            form.push_str("&scope=");
            form.push_str(&encoded(scope));
        }
        for (name, value) in &self.credentials.fields {
            form.extend(["&", name, "=", &encoded(value)]);
        }
        let mut request = Request::new(Method::POST, self.credentials.url.clone())
            .header(header::AUTHORIZATION, self.basic()?)
            .header(header::ACCEPT, HeaderValue::from_static("application/json"));
        request.body = Some(form.into());
        request.content_type = Some("application/x-www-form-urlencoded");
        let began = Instant::now();
        // Asking twice for a token does no harm, so an unknown effect needs no care here.
        let response = self.client.call(request).await.map_err(|broken| broken.fault)?;
        if response.is_success() {
            return self.granted(&response, began).map(Ok);
        }
        match self.refused(&response) {
            NotGranted::Scopes(fault) => Ok(Err(NotGranted::Scopes(fault))),
            NotGranted::Other(fault) => Err(fault),
        }
    }

    fn basic(&self) -> Result<HeaderValue, Fault> {
        let pair = format!(
            "{}:{}",
            self.credentials.client_id.expose_secret(),
            self.credentials.client_secret.expose_secret()
        );
        sensitive(&format!("Basic {}", STANDARD.encode(pair)))
    }

    fn granted(&self, response: &Response, began: Instant) -> Result<Grant, Fault> {
        let unreadable = || {
            Fault::protocol(
                "C0308",
                format!("{} answered {} without a token that could be read", self.place(), response.status),
            )
            .hint("check the address of the token endpoint")
        };
        // The excerpt is left out on purpose: it might hold the token.
        let granted: Granted = serde_json::from_slice(&response.body).map_err(|_| unreadable())?;
        let bearer = sensitive(&format!("Bearer {}", granted.access_token)).map_err(|_| unreadable())?;
        self.redactor.learn(&granted.access_token);
        let life = granted.expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds.min(1e9)).ok());
        // One that runs out at once would be fetched for every call; a 401 renews it in any case.
        let life = life.unwrap_or(Duration::from_hours(1)).max(SHORTEST_LIFE);
        let renew_at = began + life.saturating_sub(MARGIN.min(life / 10));
        Ok(Grant { bearer, scope: granted.scope, renew_at })
    }

    fn refused(&self, response: &Response) -> NotGranted {
        let said: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
        let word = said.error.or(said.message).unwrap_or_default();
        let detail = said.error_description.filter(|detail| *detail != word && !detail.is_empty());
        let detail = detail.map(|detail| format!(" ({})", self.redactor.redact(&detail))).unwrap_or_default();
        let told = if word.is_empty() { String::new() } else { format!(": {}{detail}", self.redactor.redact(&word)) };
        let message = format!("{} answered {}{told}", self.place(), response.status);
        let are_scopes_refused = matches!(response.status, 400 | 401 | 403) && word == "invalid_scope";
        let fault = match response.status {
            429 => Fault::throttled("C0309", message).after(response.retry_after()),
            408 | 500.. => Fault::transient("C0309", message).after(response.retry_after()),
            _ if are_scopes_refused => Fault::credentials("C0307", message)
                .hint("grant the API client the scopes that are asked for, or ask for fewer in the configuration"),
            400 | 401 | 403 => Fault::credentials("C0307", message).hint("check the client id and the client secret"),
            _ => Fault::config("C0308", message).hint("check the address of the token endpoint"),
        };
        let fault = fault.response(self.redactor.excerpt(&response.body));
        if are_scopes_refused { NotGranted::Scopes(fault) } else { NotGranted::Other(fault) }
    }

    /// Host and path of the token endpoint.
    fn place(&self) -> String {
        format!("{}{}", self.credentials.url.host_str().unwrap_or_default(), self.credentials.url.path())
    }
}

/// A header value that is never shown in `Debug`.
pub fn sensitive(text: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Fault::credentials("C0307", "a credential holds characters that no HTTP header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}
