//! An agent that hosts product feeds of the Agentic Commerce Protocol, emulated from its OpenAPI description (version
//! 2026-04-17).
//!
//! `README.md` in this folder lists what the description says and what was chosen where it is silent.
//!
//! **Invariant:** a request is taken in whole or not at all.

mod product;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State as Extract},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::clock::{self, Clock};

/// Largest body that is read.
const READ_BYTES: usize = 64 << 20;
/// Answers to idempotency keys that are kept.
const KEYS: usize = 10_000;

/// How the agent behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The token that it issued.
    pub token: String,
    /// Feeds that exist from the start, with their countries.
    pub feeds: Vec<(String, Option<String>)>,
    /// Most products in a request; more are refused. The protocol names no limit.
    pub most_products: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let feeds = vec![("feed-de".to_owned(), Some("DE".to_owned())), ("feed-uk".to_owned(), Some("GB".to_owned()))];
        Self { token: "acp-sandbox-token".to_owned(), feeds, most_products: 1_000 }
    }
}

/// The emulator; clones share its feeds.
#[derive(Clone)]
pub struct Emulator {
    settings: Arc<Settings>,
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    feeds: BTreeMap<String, Feed>,
    created: u64,
    /// The body and the answer of requests with an idempotency key, the oldest first.
    keys: HashMap<String, (Bytes, Value)>,
    order: VecDeque<String>,
    calls: Vec<Upsert>,
    disabled: bool,
    rejected: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Feed {
    country: Option<String>,
    updated_at: Option<String>,
    products: BTreeMap<String, Value>,
}

/// A request that changed products, or was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upsert {
    /// The feed.
    pub feed: String,
    /// How many products it held.
    pub products: usize,
    /// The status of its answer.
    pub status: u16,
}

/// A refused request.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    param: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), param: None }
    }

    fn of(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }
}

impl Emulator {
    /// Empty feeds.
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, clock::machine())
    }

    /// The same on another clock than the machine's.
    pub fn with_clock(settings: Settings, clock: Clock) -> Self {
        let feed = |(id, country): &(String, Option<String>)| {
            (id.clone(), Feed { country: country.clone(), ..Feed::default() })
        };
        let feeds = settings.feeds.iter().map(feed).collect();
        let state = Arc::new(Mutex::new(State { feeds, ..State::default() }));
        Self { settings: Arc::new(settings), state, clock }
    }

    /// Serves `/feeds…`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/feeds", post(create))
            .route("/feeds/{id}", get(metadata))
            .route("/feeds/{id}/products", get(products).patch(upsert))
            .with_state(self.clone())
    }

    /// How it behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The products of a feed by id, as an agent sees them.
    pub fn products(&self, feed: &str) -> BTreeMap<String, Value> {
        self.state().feeds.get(feed).map(|feed| feed.products.clone()).unwrap_or_default()
    }

    /// The requests that changed products or were refused, the oldest first.
    pub fn calls(&self) -> Vec<Upsert> {
        self.state().calls.clone()
    }

    /// Refuses the token from now on, or no longer.
    pub fn disable(&self, disabled: bool) {
        self.state().disabled = disabled;
    }

    /// Refuses requests that hold the product of this id from now on; `None`: refuses no product.
    pub fn reject(&self, id: Option<&str>) {
        self.state().rejected = id.map(str::to_owned);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> String {
        (self.clock)().to_string()
    }

    /// The order of the checks is ours: token, version, feed, body.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_known = text("authorization").strip_prefix("Bearer ") == Some(self.settings.token.as_str());
        if !is_known || self.state().disabled {
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "The token is not valid."));
        }
        if text("api-version").is_empty() {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "missing_api_version", "API-Version is required."));
        }
        Ok(())
    }

    fn upsert(&self, feed: &str, headers: &HeaderMap, body: &Bytes) -> Result<Value, Refusal> {
        self.admit(headers)?;
        let mut state = self.state();
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        if let Some((known, answer)) = key.as_ref().and_then(|key| state.keys.get(key)) {
            let same = known == body;
            let conflict =
                || Refusal::new(StatusCode::CONFLICT, "idempotency_conflict", "The key belongs to another body.");
            return if same { Ok(answer.clone()) } else { Err(conflict()) };
        }
        let unknown = Refusal::new(StatusCode::NOT_FOUND, "feed_not_found", "Feed not found").of("id");
        if !state.feeds.contains_key(feed) {
            return Err(unknown);
        }
        let wrong = |message: String, param: String| {
            Refusal::new(StatusCode::BAD_REQUEST, "invalid_product_payload", message).of(param)
        };
        let parsed: Value =
            serde_json::from_slice(body).map_err(|error| wrong(error.to_string(), "body".to_owned()))?;
        let products = product::of_request(&parsed).map_err(|(param, message)| wrong(message, param))?;
        if let Some(id) = products.iter().map(|(id, _)| id).find(|id| Some(*id) == state.rejected.as_ref()) {
            return Err(wrong(format!("product {id} is not accepted"), "products".to_owned()));
        }
        if products.len() > self.settings.most_products {
            let message = format!("at most {} products are taken at once", self.settings.most_products);
            return Err(wrong(message, "products".to_owned()));
        }
        let now = self.now();
        if let Some(known) = state.feeds.get_mut(feed) {
            known.products.extend(products);
            known.updated_at = Some(now);
        }
        let answer = json!({ "id": feed, "accepted": true });
        if let Some(key) = key {
            state.keys.insert(key.clone(), (body.clone(), answer.clone()));
            state.order.push_back(key);
            if state.order.len() > KEYS
                && let Some(oldest) = state.order.pop_front()
            {
                state.keys.remove(&oldest);
            }
        }
        Ok(answer)
    }
}

fn described(id: &str, feed: &Feed) -> Value {
    let members =
        [("id", Some(id)), ("target_country", feed.country.as_deref()), ("updated_at", feed.updated_at.as_deref())];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
}

async fn create(Extract(agent): Extract<Emulator>, headers: HeaderMap, body: Bytes) -> Response {
    let created = agent.admit(&headers).and_then(|()| {
        let wrong = |message: &str| {
            Refusal::new(StatusCode::BAD_REQUEST, "invalid_target_country", message).of("target_country")
        };
        let asked: Value = serde_json::from_slice(&body).map_err(|_| wrong("the body is no JSON"))?;
        let members = asked.as_object().filter(|it| it.keys().all(|key| key == "target_country"));
        let members = members.ok_or_else(|| wrong("only target_country is known"))?;
        let is_code = |code: &&str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let country = match members.get("target_country") {
            None => None,
            Some(code) => {
                let code = code.as_str().filter(is_code);
                Some(code.ok_or_else(|| wrong("target_country must be an ISO 3166-1 alpha-2 code"))?.to_owned())
            }
        };
        let mut state = agent.state();
        state.created += 1;
        let id = format!("feed_{}", state.created);
        let feed = Feed { country, updated_at: Some(agent.now()), ..Feed::default() };
        let metadata = described(&id, &feed);
        state.feeds.insert(id, feed);
        Ok(metadata)
    });
    respond(StatusCode::CREATED, created)
}

async fn metadata(Extract(agent): Extract<Emulator>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let found = agent.admit(&headers).and_then(|()| {
        let missing = || Refusal::new(StatusCode::NOT_FOUND, "feed_not_found", "Feed not found").of("id");
        agent.state().feeds.get(&id).map(|feed| described(&id, feed)).ok_or_else(missing)
    });
    respond(StatusCode::OK, found)
}

async fn products(Extract(agent): Extract<Emulator>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let found = agent.admit(&headers).and_then(|()| {
        let missing = || Refusal::new(StatusCode::NOT_FOUND, "feed_not_found", "Feed not found").of("id");
        let all = |feed: &Feed| json!({ "products": feed.products.values().collect::<Vec<_>>() });
        agent.state().feeds.get(&id).map(all).ok_or_else(missing)
    });
    respond(StatusCode::OK, found)
}

async fn upsert(Extract(agent): Extract<Emulator>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let too_large = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "The body is too large.");
    let body = to_bytes(body, READ_BYTES).await;
    let answer = match &body {
        Ok(body) => agent.upsert(&id, &parts.headers, body),
        Err(_) => Err(too_large()),
    };
    let response = respond(StatusCode::OK, answer);
    let parsed: Value = body.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    let products = parsed.get("products").and_then(Value::as_array).map_or(0, Vec::len);
    agent.state().calls.push(Upsert { feed: id, products, status: response.status().as_u16() });
    response
}

fn respond(success: StatusCode, answer: Result<Value, Refusal>) -> Response {
    let (status, body) = match answer {
        Ok(body) => (success, body),
        Err(Refusal { status, code, message, param }) => {
            let members = [
                ("type", Some("invalid_request")),
                ("code", Some(code)),
                ("message", Some(message.as_str())),
                ("param", param.as_deref()),
            ];
            let body =
                members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect();
            (status, body)
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The body of an injected HTTP error: pass it to [`crate::fault::Faults::new`].
pub fn fault_body(status: StatusCode) -> Value {
    let message = status.canonical_reason().unwrap_or("Error");
    let kind = if status.as_u16() == 429 { "rate_limit_exceeded" } else { "service_unavailable" };
    json!({ "type": kind, "code": kind, "message": message })
}
