//! The HTTP edge: routes, Basic authentication, the tiers' limits with their headers, and answers.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::{RawPathParams, Request};
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};

use super::Emulator;
use super::error::{Body, Refusal};
use super::insight::{Answer, Call};
use super::rate::{Left, Tier};

/// Largest body.
const LARGEST_BODY: usize = 50 << 20;

/// The paths that there are.
#[derive(Clone, Copy)]
enum Path {
    Account,
    Import,
    ImportStatus,
    Job,
    Collections,
    Collection,
    Empty,
    Schema,
    Page,
    Record,
    DeleteRecords,
    OwnedRecord,
    /// A record of a contact, whichever it is of.
    AnyRecord,
    DataFields,
    Lists,
    NewContact,
    Contact,
    ContactImport,
    ContactImportStatus,
    DeleteContacts,
    Deletion,
}

const PATHS: [(&str, Path); 21] = [
    ("/v2/account-info", Path::Account),
    ("/insightData/v3/import", Path::Import),
    ("/insightData/v3/import/{id}", Path::ImportStatus),
    ("/insightData/v3/async/{id}", Path::Job),
    ("/insightData/v3/collections", Path::Collections),
    ("/insightData/v3/collections/{collection}", Path::Collection),
    ("/insightData/v3/collections/{collection}/empty", Path::Empty),
    ("/insightData/v3/collections/{collection}/schema", Path::Schema),
    ("/insightData/v3/account/{collection}", Path::Page),
    ("/insightData/v3/account/{collection}/{key}", Path::Record),
    ("/insightData/v3/accounts/{collection}/deleteRecords", Path::DeleteRecords),
    ("/insightData/v3/contacts/{identifier}/{value}/{collection}/{key}", Path::OwnedRecord),
    ("/v2/contacts/transactional-data/{collection}/{key}", Path::AnyRecord),
    ("/v2/data-fields", Path::DataFields),
    ("/v2/address-books", Path::Lists),
    ("/contacts/v3", Path::NewContact),
    ("/contacts/v3/{identifier}/{value}", Path::Contact),
    ("/contacts/v3/import", Path::ContactImport),
    ("/contacts/v3/import/{id}", Path::ContactImportStatus),
    ("/contacts/v3/delete", Path::DeleteContacts),
    ("/contacts/v3/delete/{id}", Path::Deletion),
];

impl Path {
    /// The tier of a call, from the vendor's description of the tiers.
    fn tier(self, method: &Method) -> Tier {
        match self {
            Self::Import | Self::ContactImport | Self::DeleteContacts => Tier::Low,
            Self::ImportStatus | Self::Job | Self::ContactImportStatus | Self::Deletion => Tier::Unlimited,
            Self::Account | Self::Collections | Self::Schema => Tier::High,
            Self::Record | Self::OwnedRecord | Self::DataFields | Self::Lists | Self::Contact
                if method == Method::GET =>
            {
                Tier::High
            }
            Self::Collection | Self::Empty | Self::Page | Self::Record | Self::DeleteRecords | Self::OwnedRecord => {
                Tier::Medium
            }
            Self::AnyRecord | Self::DataFields | Self::Lists | Self::NewContact | Self::Contact => Tier::Medium,
        }
    }
}

pub(super) fn router(emulator: &Emulator) -> Router {
    let mut router = Router::new();
    for (path, of) in PATHS {
        let emulator = emulator.clone();
        let handler = async move |params: RawPathParams, request: Request| {
            let params: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
            emulator.handle(of, params, request).await
        };
        router = router.route(path, any(handler));
    }
    router
}

pub(super) fn other_region(emulator: &Emulator) -> Router {
    let own = emulator.clone();
    let account = async move |request: Request| own.handle(Path::Account, Vec::new(), request).await;
    let other = emulator.clone();
    let refused = async move || finish(Err(Refusal::other_region()), None, other.now(), false);
    Router::new().route("/v2/account-info", any(account)).fallback(refused)
}

impl Emulator {
    async fn handle(&self, path: Path, params: Vec<String>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let now = self.now();
        let settings = self.settings();
        if let Err(refused) = self.authorized(&parts) {
            return finish(Err(refused), None, now, false);
        }
        let left = self.state().windows.count(path.tier(&parts.method), settings, now);
        if left.is_some_and(|left| left.exceeded) {
            return finish(Err(Refusal::too_many_calls()), left, now, settings.retry_after);
        }
        let answer = match to_bytes(body, LARGEST_BODY).await {
            Ok(body) => self.answer(path, &params, &parts, &body, now),
            Err(_) => Err(Refusal::v3(413, "requestTooLarge", "The request is larger than 50 MB")),
        };
        finish(answer, left, now, false)
    }

    fn authorized(&self, parts: &Parts) -> Result<(), Refusal> {
        let settings = self.settings();
        let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Basic ")).and_then(|it| STANDARD.decode(it).ok());
        let right = format!("{}:{}", settings.user, settings.password);
        let accepted = given.is_some_and(|given| given == right.as_bytes()) && !self.state().disabled;
        if accepted { Ok(()) } else { Err(Refusal::unauthorized()) }
    }

    fn answer(&self, path: Path, params: &[String], parts: &Parts, body: &Bytes, now: i64) -> Answer {
        let query = query(parts);
        let call = Call { settings: self.settings(), query, body, now };
        let mut state = self.settled();
        let name = params.first().map_or("", String::as_str);
        let key = params.get(1).map_or("", String::as_str);
        match (path, parts.method.as_str()) {
            (Path::Account, "GET") => Ok((200, Some(self.account(parts)))),
            (Path::Import, "PUT") => call.import(&mut state),
            (Path::ImportStatus, "GET") => call.import_status(&mut state, name),
            (Path::Job, "GET") => Call::job(&state, name),
            (Path::Collections, "GET") => Ok(Call::collections(&state)),
            (Path::Collection, "POST") => call.create(&mut state, name),
            (Path::Collection, "DELETE") => Call::clear(&mut state, name, false),
            (Path::Empty, "DELETE") => Call::clear(&mut state, name, true),
            (Path::Schema, "GET") => Call::schema(&mut state, name),
            (Path::Page, "GET") => call.page(&mut state, name),
            (Path::Record, "PUT") => call.put(&mut state, name, key),
            (Path::Record, "GET") => Call::get(&mut state, name, key),
            (Path::Record, "DELETE") => Call::delete(&mut state, name, key),
            (Path::DeleteRecords, "DELETE") => call.delete_records(&mut state, name),
            (Path::OwnedRecord, method) => match params {
                [identifier, value, name, key] => call.owned(&mut state, method, [identifier, value, name, key]),
                _ => Err(Refusal::bad_request("The path is incomplete")),
            },
            (Path::AnyRecord, "DELETE") => Call::delete_of_any_scope(&mut state, name, key),
            (Path::DataFields, "GET") => Ok(Call::data_fields(&state)),
            (Path::DataFields, "POST") => call.create_data_field(&mut state),
            (Path::Lists, "GET") => call.lists(&state),
            (Path::NewContact, "POST") => call.create_contact(&mut state),
            (Path::Contact, method) => call.contact(&mut state, method, name, key),
            (Path::ContactImport, "PUT") => call.import_contacts(&mut state),
            (Path::ContactImportStatus, "GET") => Call::contact_import(&state, name),
            (Path::DeleteContacts, "POST") => call.delete_contacts(&mut state),
            (Path::Deletion, "GET") => Call::deletion(&state, name),
            _ => Err(Refusal::v3(405, "methodNotAllowed", "The method is not allowed here")),
        }
    }

    fn account(&self, parts: &Parts) -> Value {
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let endpoint = self.settings().api_endpoint.clone().unwrap_or_else(|| format!("http://{host}/"));
        let property = |name: &str, of: &str, value: &str| json!({ "name": name, "type": of, "value": value });
        json!({ "id": 1, "properties": [
            property("Name", "String", "Sandbox"),
            property("MainEmail", "String", "sandbox@example.com"),
            property("ApiEndpoint", "String", &endpoint),
            property("APILocale", "String", "en-GB"),
            property("CurrencyCode", "String", "GBP"),
            property("TimeZoneIana", "String", "Europe/London"),
        ] })
    }
}

/// The arguments of a query, decoded.
fn query(parts: &Parts) -> BTreeMap<String, String> {
    let url = Url::parse(&format!("http://localhost/?{}", parts.uri.query().unwrap_or_default()));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

fn finish(answer: Answer, left: Option<Left>, now: i64, retry_after: bool) -> Response {
    let (status, body) = match answer {
        Ok((status, body)) => (status, body.map(Body::Json)),
        Err(Refusal { status, body }) => (status, Some(body)),
    };
    let (text, of) = match &body {
        None => (String::new(), None),
        Some(Body::Json(json)) => (json.to_string(), Some("application/json; charset=utf-8")),
        Some(Body::Text(text)) => ((*text).to_owned(), Some("text/plain")),
    };
    let mut response = Response::new(HttpBody::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(of) = of {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(of));
    }
    let at = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    if let Ok(date) = HeaderValue::from_str(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(DATE, date);
    }
    if let Some(left) = left {
        let mut number = |name: &'static str, value: i64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        number("x-ratelimit-limit", left.limit.into());
        number("x-ratelimit-remaining", left.remaining.into());
        number("x-ratelimit-reset", (left.reset + 999) / 1000);
        if retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from((left.reset - now + 999) / 1000));
        }
        headers.insert(HeaderName::from_static("x-ratelimit-scope"), HeaderValue::from_static(left.tier.scope()));
    }
    response
}
