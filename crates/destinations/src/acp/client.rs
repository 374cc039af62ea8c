//! The endpoints. Each function makes one call; the token travels in a header, which is never logged.

use std::time::Duration;

use contract::{Digest, Fault, Op, Outcome, Parcel, Payload, Receipt, destination::Verdict};
use model::RemoteId;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use wire::{Environment, HeaderValue, Method, Options, Redactor, Request, Response, Url};

use super::{
    api::{Accepted, Feed},
    classify,
    config::Config,
    map::discontinued,
};

/// Calls one feed.
#[derive(Debug)]
pub(super) struct Client {
    http: wire::Client,
    feed: Url,
    authorization: HeaderValue,
    version: HeaderValue,
    token: Digest,
    redactor: Redactor,
}

impl Client {
    /// A client for the feed of these settings. Fetches the token; makes no call.
    ///
    /// # Errors
    /// `C0461` for a setting that can't be used or a token that can't be read.
    pub(super) fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let mut feed = config.checked()?;
        let wrong = |what: String| Fault::config("C0461", format!("acp: {what}"));
        let hint = "the agent issues the token when it takes a shop on; set the variable or correct the path";
        let token: SecretString =
            environment.secret(&config.token).map_err(|error| wrong(format!("token: {error}")).hint(hint))?;
        let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
        let mut authorization = HeaderValue::from_str(bearer.expose_secret())
            .map_err(|_| wrong("token has characters that no header can hold".to_owned()).hint(hint))?;
        authorization.set_sensitive(true);
        let version = HeaderValue::from_str(&config.api_version)
            .map_err(|_| wrong(format!("api_version {:?} can't be a header", config.api_version)))?;
        feed.path_segments_mut()
            .map_err(|()| wrong("url has no place for a path".to_owned()))?
            .pop_if_empty()
            .extend(["feeds", config.feed.trim()]);
        let http = environment.client(&Options {
            request_timeout: Duration::from_secs(config.timeout_seconds.into()),
            concurrency: config.concurrency.into(),
            ..Options::default()
        })?;
        let redactor = Redactor::new([&token]);
        let token = Digest::of(token.expose_secret().as_bytes());
        Ok(Self { http, feed, authorization, version, token, redactor })
    }

    /// Names the feed, without the token.
    pub(super) fn account(&self) -> String {
        format!("acp {:?}", Digest::of(self.feed.as_str().as_bytes()))
    }

    /// Whether this is the feed's token.
    pub(super) fn is_own(&self, token: &str) -> bool {
        Digest::of(token.as_bytes()) == self.token
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.http.calls()
    }

    /// `PATCH /feeds/{id}/products`: creates or replaces whole products.
    pub(super) async fn write(&self, op: Op, parcels: &[Parcel]) -> Receipt {
        let what = "PATCH /feeds/{id}/products";
        let mut body = String::from("{\"products\":[");
        for (place, parcel) in parcels.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            match op {
                Op::Put => body.push_str(&object(&parcel.id, &parcel.payload)),
                Op::Hide => {
                    let before = parcel.before.as_ref().and_then(|it| serde_json::from_str(&it.object()).ok());
                    body.push_str(&discontinued(parcel.id.as_str(), before.as_ref()).to_string());
                }
                Op::Patch(_) | Op::Remove | Op::Report => {
                    let fault = Fault::config("C0461", format!("acp: there is no call to {} products", op.name()));
                    return Receipt { verdict: Verdict::Whole(Outcome::Deferred(fault)), status: 0, response: String::new() };
                }
            }
        }
        body.push_str("]}");
        let mut url = self.feed.clone();
        url.set_path(&format!("{}/products", self.feed.path()));
        // A product may come back to what it was: the key belongs to the call, not to its content.
        let key = format!("{:016x}{:016x}", self.http.random().draw(), self.http.random().draw());
        let mut request = self.request(Method::PATCH, url).json(body);
        if let Ok(key) = HeaderValue::from_str(&key) {
            request = request.header(wire::HeaderName::from_static("idempotency-key"), key);
        }
        let response = match self.http.call(request).await {
            Ok(response) => response,
            Err(broken) => {
                let verdict = Verdict::Whole(classify::broken(what, broken));
                return Receipt { verdict, status: 0, response: String::new() };
            }
        };
        let outcome = if response.is_success() {
            match serde_json::from_slice::<Accepted>(&response.body) {
                Ok(Accepted { accepted: true }) => Outcome::Delivered,
                Ok(Accepted { accepted: false }) => {
                    let fault = Fault::record("C0462", format!("{what}: the agent did not accept the products"));
                    Outcome::Rejected(fault.hint("`explain` shows what was sent").response(self.shown(&response)))
                }
                Err(_) => classify::refused(what, &response, &self.redactor),
            }
        } else {
            classify::refused(what, &response, &self.redactor)
        };
        Receipt { verdict: Verdict::Whole(outcome), status: response.status, response: self.shown(&response) }
    }

    /// `GET /feeds/{id}`.
    ///
    /// # Errors
    /// `C0461` where there is no such feed, `C0464` to `C0466` as for other calls.
    pub(super) async fn feed(&self) -> Result<Feed, Fault> {
        let what = "GET /feeds/{id}";
        let outcome = match self.http.call(self.request(Method::GET, self.feed.clone())).await {
            Ok(response) if response.is_success() => match serde_json::from_slice(&response.body) {
                Ok(feed) => return Ok(feed),
                Err(_) => classify::refused(what, &response, &self.redactor),
            },
            Ok(response) => classify::refused(what, &response, &self.redactor),
            Err(broken) => classify::broken(what, broken),
        };
        Err(outcome.fault().cloned().unwrap_or_else(|| Fault::protocol("C0466", format!("{what} has no answer"))))
    }

    fn request(&self, method: Method, url: Url) -> Request {
        Request::new(method, url)
            .header(wire::HeaderName::from_static("authorization"), self.authorization.clone())
            .header(wire::HeaderName::from_static("api-version"), self.version.clone())
    }

    fn shown(&self, response: &Response) -> String {
        self.redactor.excerpt(&response.body)
    }
}

/// A product: `{"id":…,<members>}`.
pub(super) fn object(id: &RemoteId, payload: &Payload) -> String {
    let mut object = format!("{{\"id\":{}", Json::from(id.as_str()));
    if !payload.is_empty() {
        object.push(',');
        payload.push_members(&mut object);
    }
    object.push('}');
    object
}
