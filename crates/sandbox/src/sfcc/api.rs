//! The HTTP edge: which API a path belongs to, load and maintenance, and answers.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::header::{CONTENT_TYPE, DATE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::query::Parameters;
use super::uptime::Moment;
use super::webdav::{self, http_date};
use super::{Emulator, access, ocapi, scapi};

/// Longest request body: a larger one is answered with 413.
const LONGEST_BODY: usize = 5 << 20;
/// From this load on the platform warns, and from this it asks to wait.
const WARNS: u8 = 80;
const THROTTLES: u8 = 90;
/// From this load on it answers nothing.
const SHEDS: u8 = 100;

/// The routes, relative to wherever they are mounted.
pub(super) fn router(emulator: Emulator) -> Router {
    Router::new().fallback(handle).with_state(emulator)
}

async fn handle(Shared(emulator): Shared<Emulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return json_answer(413, Some(&json!({ "title": "Payload Too Large" })));
    };
    let correlation = parts.headers.get("correlation-id").cloned();
    // An archive takes its time to write; where there are further threads, other calls go on meanwhile.
    let writes = parts.method == Method::POST && parts.uri.path().ends_with("/executions");
    let writes_aside = writes && Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread;
    let load = emulator.load();
    let now = emulator.now();
    let mut response = if writes_aside {
        tokio::task::block_in_place(|| answer(&emulator, &parts, &body))
    } else {
        answer(&emulator, &parts, &body)
    };
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        headers.insert(DATE, date);
    }
    if let Some(correlation) = correlation {
        headers.insert("x-correlation-id", correlation);
    }
    if let Some(load) = load {
        headers.insert(HeaderName::from_static("sfdc_load"), HeaderValue::from(u16::from(load)));
        let status = if load >= THROTTLES { Some("THROTTLE") } else { (load >= WARNS).then_some("WARN") };
        if let Some(status) = status {
            headers.insert(HeaderName::from_static("sfdc_load_status"), HeaderValue::from_static(status));
        }
    }
    response
}

fn answer(emulator: &Emulator, parts: &Parts, body: &Bytes) -> Response {
    let moment = emulator.moment();
    let now = moment.now;
    emulator.settle(moment);
    let path = parts.uri.path();
    if matches!(path, "/dwsso/oauth2/access_token" | "/dw/oauth2/access_token") {
        return account_manager(emulator, parts, body, now);
    }
    if let Some(scope) = emulator.maintenance() {
        let mut response = json_answer(503, Some(&json!({ "title": "Service Unavailable" })));
        response.headers_mut().insert(HeaderName::from_static("sfdc_maintenance"), HeaderValue::from_static(scope));
        return response;
    }
    if emulator.load().is_some_and(|load| load >= SHEDS) {
        return json_answer(503, Some(&json!({ "title": "Service Unavailable" })));
    }
    if let Some(path) = path.strip_prefix(webdav::PREFIX) {
        return files(emulator, parts, path, moment);
    }
    if let Some(path) = path.strip_prefix(ocapi::PREFIX) {
        let call = ocapi::Call {
            emulator,
            method: &parts.method,
            headers: &parts.headers,
            query: parts.uri.query().unwrap_or_default(),
            body,
            moment,
        };
        let (status, document) = call.answer(path);
        return json_answer(status, document.as_ref());
    }
    if path.starts_with("/product/") || path.starts_with("/shopper/") {
        let Some(parameters) = Parameters::read(parts.uri.query().unwrap_or_default()) else {
            return json_answer(400, Some(&json!({ "title": "Bad Request" })));
        };
        let call = scapi::Call { emulator, method: &parts.method, headers: &parts.headers, parameters, body, now };
        let (status, document) = call.answer(path.trim_start_matches('/'));
        return json_answer(status, Some(&document));
    }
    json_answer(404, Some(&json!({ "title": "Not Found" })))
}

fn account_manager(emulator: &Emulator, parts: &Parts, body: &Bytes, now: i64) -> Response {
    if parts.method != Method::POST {
        return json_answer(405, None);
    }
    emulator.count("POST /dwsso/oauth2/access_token");
    let serial = emulator.serial();
    let mut tokens = emulator.tokens();
    let (status, document) = access::token(emulator.settings(), &mut tokens, serial, &parts.headers, body, now);
    json_answer(status, Some(&document))
}

/// WebDAV, for a client with permissions or for a user with an access key.
fn files(emulator: &Emulator, parts: &Parts, path: &str, moment: Moment) -> Response {
    let method = parts.method.as_str();
    emulator.count(&format!("{method} /webdav"));
    let path = percent_encoding::percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().into_owned();
    let settings = emulator.settings();
    let writes = !matches!(method, "GET" | "HEAD" | "OPTIONS" | "PROPFIND");
    let user = access::basic(&parts.headers).is_some_and(|given| settings.users.contains(&given));
    if !user {
        let tokens = emulator.tokens();
        let Some(token) = tokens.valid(&parts.headers, moment.now) else { return webdav::unauthorized() };
        let client = settings.clients.iter().find(|client| client.id == token.client);
        if !client.is_some_and(|client| access::webdav(client, &path, writes)) {
            return webdav::forbidden();
        }
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return webdav::forbidden();
    }
    emulator.files().answer(method, &path, &parts.headers, moment.uptime)
}

fn json_answer(status: u16, document: Option<&Value>) -> Response {
    let mut response = Response::new(document.map_or_else(Body::empty, |it| Body::from(it.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if document.is_some() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    }
    response
}
