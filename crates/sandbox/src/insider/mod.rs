//! Insider's product catalogue (`catalog.api.useinsider.com/v2`), emulated from its documentation.
//!
//! `README.md` in this folder lists how certain each call is, which behaviour was chosen where the sources are silent,
//! and what is not emulated.
//!
//! **Invariants:** accounts share nothing. The catalogue's API takes data in and gives none out: what an account holds is
//! seen through [`AccountView`] and `/_admin`, and what is offered of it through recommendations. Each record of a request is taken in or refused by itself.

mod account;
mod admin;
mod expand;
mod recommend;
mod record;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::clock::{self, Clock};
use account::{Account, Write};
use expand::{Malformed, expand};
use recommend::Algorithm;
use record::Record;

pub use account::{Moved, Rejection, Transition, WriteCall};
pub use settings::{AccountSettings, Feed, Settings};

/// The emulator; clones share its accounts.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    /// By partner name.
    accounts: BTreeMap<String, Arc<Account>>,
    clock: Clock,
}

/// An account as tests and admin endpoints see it.
#[derive(Clone)]
pub struct AccountView {
    account: Arc<Account>,
}

/// The call that a path names.
#[derive(Clone, Copy)]
enum Endpoint {
    Records { write: Write, nested: bool },
    Locales,
}

const ENDPOINTS: &[(&str, Endpoint)] = &[
    ("/v2/ingest", Endpoint::Records { write: Write::Ingest, nested: false }),
    ("/v2/ingest/nested", Endpoint::Records { write: Write::Ingest, nested: true }),
    ("/v2/update", Endpoint::Records { write: Write::Update, nested: false }),
    ("/v2/update/nested", Endpoint::Records { write: Write::Update, nested: true }),
    ("/v2/locales/batch", Endpoint::Locales),
];

/// Largest body that is read at all.
const READ_BYTES: usize = 64 << 20;
/// Longest locale, with its store.
const LONGEST_LOCALE: usize = 64;

/// A refused request.
struct Refusal {
    status: StatusCode,
    body: Value,
    /// Seconds to wait.
    retry_after: Option<i64>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self { status, body: json!({ "success": false, "message": message }), retry_after: None }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The other envelope.
    fn error(message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, body: json!({ "error": message }), retry_after: None }
    }
}

impl Emulator {
    /// Empty accounts that behave as `settings` say.
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, clock::machine())
    }

    /// The same on another clock than the machine's, for example [`crate::fault::Faults::clock`].
    pub fn with_clock(settings: Settings, clock: Clock) -> Self {
        let accounts = settings.accounts.iter();
        let accounts = accounts.map(|it| (it.partner_name.clone(), Arc::new(Account::new(it.clone()))));
        let accounts = accounts.collect();
        Self { inner: Arc::new(Inner { settings, accounts, clock }) }
    }

    /// Serves `/v2/…` and `/_admin/insider/…`.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for &(path, endpoint) in ENDPOINTS {
            let emulator = self.clone();
            router =
                router.route(path, any(async move |request: Request| emulator.call(path, endpoint, request).await));
        }
        for (path, algorithm) in Algorithm::ALL {
            let emulator = self.clone();
            let answer = async move |request: Request| {
                let now = (emulator.inner.clock)().as_millisecond();
                response(emulator.recommend(algorithm, &request.into_parts().0, now))
            };
            router = router.route(path, get(answer));
        }
        router.merge(admin::router(self.clone()))
    }

    /// The account of this partner name.
    pub fn account(&self, partner_name: &str) -> Option<AccountView> {
        let account = self.inner.accounts.get(partner_name)?;
        Some(AccountView { account: Arc::clone(account) })
    }

    async fn call(&self, path: &str, endpoint: Endpoint, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, READ_BYTES).await;
        let now = (self.inner.clock)().as_millisecond();
        let (answer, account) = match &body {
            Ok(body) => self.answer(endpoint, &parts, body, now),
            Err(_) => (Err(self.too_large()), None),
        };
        let items = match (&body, endpoint) {
            (Ok(body), Endpoint::Records { .. }) => serde_json::from_slice::<Vec<Value>>(body).map_or(0, |it| it.len()),
            _ => 0,
        };
        let response = response(answer);
        if let Some(account) = account {
            let bytes = body.map_or(0, |body| body.len());
            let status = response.status().as_u16();
            let mut state = account.state();
            state.calls.push_back(WriteCall { path: path.to_owned(), items, bytes, status, at: now });
            while state.calls.len() > self.inner.settings.journal_calls {
                state.calls.pop_front();
            }
        }
        response
    }

    fn too_large(&self) -> Refusal {
        let most = self.inner.settings.body_bytes;
        let shown = if most == 5_000_000 { "5,000,000".to_owned() } else { most.to_string() };
        Refusal::error(&format!("request body is bigger than maximum allowed size {shown} bytes"))
    }

    /// The order of the checks is ours: type and JSON, size, headers, quota, shape, records.
    fn answer(
        &self,
        endpoint: Endpoint,
        parts: &Parts,
        body: &Bytes,
        now: i64,
    ) -> (Result<Value, Refusal>, Option<&Arc<Account>>) {
        let settings = &self.inner.settings;
        if parts.method != Method::POST {
            return (Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.")), None);
        }
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|it| it.split(';').next()).map(str::trim);
        if media_type != Some("application/json") {
            return (Err(Refusal::error("content type must be application/json")), None);
        }
        if body.len() > settings.body_bytes {
            return (Err(self.too_large()), None);
        }
        let account = match self.authorized(parts) {
            Ok(account) => account,
            Err(refusal) => return (Err(refusal), None),
        };
        if let Err(wait) = account.admit(now, settings.requests_per_minute) {
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Rate exceeded.");
            let retry_after = settings.retry_after.then_some((wait + 999) / 1000);
            return (Err(Refusal { retry_after, ..refusal }), Some(account));
        }
        let Ok(parsed) = serde_json::from_slice::<Value>(body) else {
            return (Err(Refusal::bad("Request data is not in valid JSON format.")), Some(account));
        };
        let answer = match endpoint {
            Endpoint::Records { write, nested } => self.write(account, &parsed, write, nested),
            Endpoint::Locales => register(account, &parsed),
        };
        (answer, Some(account))
    }

    fn authorized(&self, parts: &Parts) -> Result<&Arc<Account>, Refusal> {
        let value = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let account = self.inner.accounts.get(value("x-partner-name"));
        let account = account.ok_or_else(|| Refusal::bad("Partner is invalid."))?;
        if account.settings.token != value("x-request-token") || account.state().disabled {
            let message = "Access Denied. You do not have sufficient access to perform this action.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message));
        }
        Ok(account)
    }

    fn write(&self, account: &Account, body: &Value, write: Write, nested: bool) -> Result<Value, Refusal> {
        let settings = &self.inner.settings;
        let items = body.as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| Refusal::bad("The request body must be a non-empty array."))?;
        let mut records: Vec<Record> = Vec::with_capacity(items.len());
        for item in items {
            if nested {
                records.extend(expand(item).map_err(|malformed| match malformed {
                    Malformed::Item => Refusal::bad("Each item must be an object with item_id and locales."),
                    Malformed::StoreField(name) => {
                        Refusal::bad(format!("The field '{name}' is not allowed in stores."))
                    }
                })?);
            } else {
                let record = item.as_object().ok_or_else(|| Refusal::bad("Each item must be an object."))?;
                records.push(record.clone());
            }
        }
        if records.len() > settings.most_records {
            let message = format!("The request is denied. More than {} records were sent.", settings.most_records);
            return Err(Refusal::bad(message));
        }
        Ok(json!({ "success": true, "message": account.write(records, write, settings) }))
    }
}

/// Registers locales; those that are known are not counted.
fn register(account: &Account, body: &Value) -> Result<Value, Refusal> {
    let locales = body.as_array().filter(|locales| !locales.is_empty());
    let locales = locales.ok_or_else(|| Refusal::bad("The request body must be a non-empty array."))?;
    let mut names = Vec::with_capacity(locales.len());
    for locale in locales {
        let code = locale.get("language_and_country_code").and_then(Value::as_str).filter(|code| is_code(code));
        let code = code.ok_or_else(|| Refusal::bad("language_and_country_code is invalid."))?;
        let name =
            match locale.get("store_id") {
                None | Some(Value::Null) => code.to_owned(),
                Some(Value::String(store)) if !store.trim().is_empty() && !store.contains(':') => {
                    if store == expand::MAIN { code.to_owned() } else { format!("{code}:{store}") }
                }
                Some(_) => return Err(Refusal::bad("store_id is invalid.")),
            };
        if name.len() > LONGEST_LOCALE {
            return Err(Refusal::bad("The locale is longer than 64 characters."));
        }
        names.push(name);
    }
    let mut state = account.state();
    let created = names.into_iter().filter(|name| state.locales.insert(name.clone())).count();
    Ok(json!({ "success": true, "created_locale_count": created }))
}

/// A language, with an underscore and a country if it has one.
fn is_code(code: &str) -> bool {
    let mut parts = code.split('_');
    let language =
        parts.next().is_some_and(|it| (2..=3).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_lowercase()));
    let rest: Vec<&str> = parts.collect();
    language
        && rest.len() <= 2
        && rest.iter().all(|it| (2..=4).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn response(answer: Result<Value, Refusal>) -> Response {
    let (status, body, retry_after) = match answer {
        Ok(body) => (StatusCode::OK, body, None),
        Err(refusal) => (refusal.status, refusal.body, refusal.retry_after),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The body of an injected HTTP error at Insider: pass it to [`crate::fault::Faults::new`].
pub fn fault_body(status: StatusCode) -> Value {
    let message = match status.as_u16() {
        429 => "Rate exceeded.",
        _ if status.is_server_error() => "The request processing has failed because of an unknown error.",
        _ => status.canonical_reason().unwrap_or("Error"),
    };
    json!({ "success": false, "message": message })
}

impl AccountView {
    /// Every record, by item and locale.
    pub fn records(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let state = self.account.state();
        let of_item = |locales: &BTreeMap<String, Record>| {
            locales.iter().map(|(locale, record)| (locale.clone(), Value::Object(record.clone()))).collect()
        };
        state.records.iter().map(|(id, locales)| (id.clone(), of_item(locales))).collect()
    }

    /// The registered locales.
    pub fn locales(&self) -> BTreeSet<String> {
        self.account.state().locales.clone()
    }

    /// The changes so far that start journeys, in their order.
    pub fn transitions(&self) -> Vec<Transition> {
        self.account.state().transitions.clone()
    }

    /// The last requests.
    pub fn calls(&self) -> Vec<WriteCall> {
        self.account.state().calls.iter().cloned().collect()
    }

    /// Updates of records that were not there, which changed nothing; those that would have hidden one are left out.
    pub fn unknown_updates(&self) -> u64 {
        self.account.state().unknown_updates
    }

    /// Forgets requests and changes so far; the catalogue stays.
    pub fn forget_calls(&self) {
        let mut state = self.account.state();
        state.calls.clear();
        state.transitions.clear();
        state.unknown_updates = 0;
    }

    /// Empties the catalogue.
    pub fn clear(&self) {
        self.account.state().records.clear();
        self.forget_calls();
    }

    /// Refuses these records from now on.
    pub fn reject(&self, rejection: Rejection) {
        self.account.state().rejections.push(rejection);
    }

    /// Refuses no record on purpose any more.
    pub fn accept_all(&self) {
        self.account.state().rejections.clear();
    }

    /// Whether the key stops working.
    pub fn disable(&self, disabled: bool) {
        self.account.state().disabled = disabled;
    }

    /// Removes a locale in the panel.
    pub fn unregister(&self, locale: &str) {
        self.account.state().locales.remove(locale);
    }
}
