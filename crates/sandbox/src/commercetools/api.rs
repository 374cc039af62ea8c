//! The HTTP edge: routes, scopes, and answers.

use std::sync::{PoisonError, RwLockReadGuard};

use axum::Router;
use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::assignments;
use super::body::Page;
use super::draft;
use super::error::ApiError;
use super::input::{need, object, wrong};
use super::order::Id;
use super::query::{self, Parameters, Query};
use super::show::Show;
use super::state::{Kind, State, View};
use super::table::{Term, term};
use super::update::{check_version, update, update_project};
use super::{Emulator, admin, sns, time};

/// Longest request body.
const LONGEST_BODY: usize = 16 << 20;
/// Methods of what is only read.
const READ: &str = "GET, HEAD";
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// The routes, relative to wherever they are mounted.
pub(super) fn router(emulator: Emulator) -> Router {
    Router::new().fallback(handle).with_state(emulator.clone()).merge(sns::router(emulator))
}

/// A request, taken apart.
struct Call<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    parameters: Parameters,
    body: Bytes,
    gzip: bool,
    now: i64,
}

async fn handle(Shared(emulator): Shared<Emulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let now = emulator.now();
    let correlation = parts.headers.get(&CORRELATION).cloned();
    let body = read_body(&parts.headers, body).await;
    let uri_length = parts.uri.path_and_query().map_or(0, |uri| uri.as_str().len());
    let answer = if uri_length > emulator.settings().limits.max_url_bytes {
        // What stands in front of the API answers this one, and not in JSON.
        return finish(
            &emulator,
            now,
            correlation,
            414,
            "text/html",
            Bytes::from_static(b"<html><body><h1>414 Request-URI Too Long</h1></body></html>"),
            false,
        );
    } else {
        body.and_then(|body| {
            let call = Call {
                method: &parts.method,
                headers: &parts.headers,
                parameters: Parameters::read(parts.uri.query().unwrap_or_default())?,
                body,
                gzip: accepts_gzip(&parts.headers),
                now,
            };
            answer(&emulator, parts.uri.path(), &call)
        })
    };
    let header = answer.as_ref().err().and_then(ApiError::header);
    let answer = answer.unwrap_or_else(|error| Answer::json(error.status, &error.body()));
    let mut response = match answer {
        Answer::Page { status, body, gzip } => {
            finish(&emulator, now, correlation, status, "application/json; charset=utf-8", body, gzip)
        }
        Answer::Empty(status) => finish(&emulator, now, correlation, status, "", Bytes::new(), false),
    };
    response.headers_mut().extend(header);
    response
}

async fn read_body(headers: &HeaderMap, body: HttpBody) -> Result<Bytes, ApiError> {
    use std::io::Read as _;
    let too_large = || ApiError::new(413, "ContentTooLarge", "Content too large.");
    let bytes = to_bytes(body, LONGEST_BODY).await.map_err(|_| too_large())?;
    if headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding != "gzip") {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(bytes.as_ref()).take(LONGEST_BODY as u64 + 1);
    decoder.read_to_end(&mut text).map_err(|_| ApiError::json("the body is not valid gzip"))?;
    if text.len() > LONGEST_BODY { Err(too_large()) } else { Ok(Bytes::from(text)) }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.next().is_none_or(|weight| weight.replace(' ', "") != "q=0")
    })
}

fn finish(
    emulator: &Emulator,
    now: i64,
    correlation: Option<HeaderValue>,
    status: u16,
    content_type: &'static str,
    body: Bytes,
    gzip: bool,
) -> Response {
    let mut response = Response::new(HttpBody::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Ok(date) = HeaderValue::from_str(&time::http_date(now)) {
        headers.insert(DATE, date);
    }
    let correlation = correlation.or_else(|| HeaderValue::from_str(&emulator.new_correlation()).ok());
    if let Some(correlation) = correlation {
        headers.insert(CORRELATION, correlation);
    }
    response
}

fn answer(emulator: &Emulator, path: &str, call: &Call<'_>) -> Result<Answer, ApiError> {
    let segments: Vec<String> =
        path.split('/').filter(|segment| !segment.is_empty()).map(decode_segment).collect::<Result<_, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["oauth", "token"] if call.method == Method::POST => {
            emulator.count("POST /oauth/token");
            let form = form(call)?;
            let token = emulator.tokens().issue(emulator.settings(), call.headers, &form, call.now)?;
            Ok(Answer::json(200, &token))
        }
        ["oauth", "introspect"] if call.method == Method::POST => {
            emulator.count("POST /oauth/introspect");
            let form = form(call)?;
            let told = emulator.tokens().introspect(emulator.settings(), call.headers, &form, call.now)?;
            Ok(Answer::json(200, &told))
        }
        ["oauth", "token", "revoke"] if call.method == Method::POST => {
            emulator.count("POST /oauth/token/revoke");
            let form = form(call)?;
            emulator.tokens().revoke(emulator.settings(), call.headers, &form)?;
            Ok(Answer::Empty(200))
        }
        ["oauth", "token" | "introspect"] | ["oauth", "token", "revoke"] => {
            Err(ApiError::no_method(call.method, "POST"))
        }
        // Another host's: that of Google's keys.
        ["oauth2", "v3", "certs"] if call.method == Method::GET => Ok(Answer::json(200, &Emulator::google_keys())),
        ["_admin", rest @ ..] => admin::answer(emulator, call.method, rest, &call.body),
        [project, rest @ ..] => {
            if *project != emulator.settings().project_key {
                emulator.tokens().check_valid(call.headers, call.now)?;
                return Err(ApiError::new(404, "ResourceNotFound", format!("The project '{project}' was not found.")));
            }
            emulator.settle(call.now);
            resource(emulator, rest, call)
        }
        [] => Err(no_route(path)),
    }
}

/// Unlike in a query, `+` is itself in a path.
fn decode_segment(segment: &str) -> Result<String, ApiError> {
    query::decode(&segment.replace('+', "%2B"))
}

fn form(call: &Call<'_>) -> Result<Parameters, ApiError> {
    let text = std::str::from_utf8(&call.body).map_err(|_| ApiError::invalid("The form is not UTF-8."))?;
    let mut form = Parameters::read(text)?;
    form.0.extend(call.parameters.0.iter().cloned());
    Ok(form)
}

fn no_route(path: &str) -> ApiError {
    ApiError::new(404, "ResourceNotFound", format!("The path '{path}' does not exist on this server."))
}

fn resource(emulator: &Emulator, segments: &[&str], call: &Call<'_>) -> Result<Answer, ApiError> {
    match segments {
        [] => project(emulator, call),
        ["subscriptions"] => subscriptions(emulator, None, call),
        ["subscriptions", which] => subscriptions(emulator, Some(which), call),
        ["product-projections"] => list(emulator, View::Projection { staged: staged(call)? }, call),
        ["product-projections", which] => one(emulator, View::Projection { staged: staged(call)? }, which, call),
        ["product-selections", _, "products"]
        | ["products", _, "product-selections"]
        | ["in-store", _, "product-selection-assignments"]
            if !matches!(*call.method, Method::GET | Method::HEAD) =>
        {
            Err(ApiError::no_method(call.method, READ))
        }
        ["product-selections", which, "products"] => {
            allow(emulator, call, "/product-selections/{id}/products", &["view_product_selections"])?;
            let state = emulator.read();
            let selection = find(&state, View::Resource(Kind::ProductSelection), which)?;
            assignments::answer(&state, assignments::Of::Selection(selection), emulator, &call.parameters, call.now)
        }
        ["products", which, "product-selections"] => {
            allow(emulator, call, "/products/{id}/product-selections", &["view_product_selections"])?;
            let state = emulator.read();
            let product = find(&state, View::Resource(Kind::Product), which)?;
            assignments::answer(&state, assignments::Of::Product(product), emulator, &call.parameters, call.now)
        }
        ["in-store", store, "product-selection-assignments"] => {
            let path = "/in-store/key={key}/product-selection-assignments";
            allow(emulator, call, path, &["view_product_selections"])?;
            let state = emulator.read();
            let store = find(&state, View::Resource(Kind::Store), store)?;
            assignments::answer(&state, assignments::Of::Store(store), emulator, &call.parameters, call.now)
        }
        ["variants", ..] if !emulator.read().is_modular() => {
            emulator.tokens().check_valid(call.headers, call.now)?;
            Err(ApiError::operation("Variants are only available with the product catalog model 'Modular'."))
        }
        [name] => match kind_of(name) {
            Some(kind) if call.method == Method::POST && creatable(kind) => create(emulator, kind, call),
            Some(kind) => list(emulator, View::Resource(kind), call),
            None => Err(no_route(name)),
        },
        [name, which] => match kind_of(name) {
            Some(kind) => one(emulator, View::Resource(kind), which, call),
            None => Err(no_route(name)),
        },
        _ => Err(no_route(&segments.join("/"))),
    }
}

/// Subscriptions, which have one scope for reading and writing.
fn subscriptions(emulator: &Emulator, which: Option<&str>, call: &Call<'_>) -> Result<Answer, ApiError> {
    let path = if which.is_some() { "/subscriptions/{id}" } else { "/subscriptions" };
    allow(emulator, call, path, &["manage_subscriptions"])?;
    let version = call.parameters.one("version");
    let here = (emulator.settings().project_key.as_str(), call.now);
    let (status, body) = emulator.subscriptions().answer(call.method, which, version, &call.body, here)?;
    Ok(Answer::json(status, &body))
}

fn kind_of(path: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.path() == path)
}

/// Whether the API changes resources of a kind: messages come by themselves, types and discount codes by seeding, tailoring
/// by changes of the sandbox.
fn writable(kind: Kind) -> bool {
    !matches!(kind, Kind::ProductType | Kind::ProductTailoring | Kind::DiscountCode | Kind::Type | Kind::Message)
}

/// Whether the API creates resources of a kind: orders come of carts, which are not emulated.
fn creatable(kind: Kind) -> bool {
    writable(kind) && kind != Kind::Order
}

fn staged(call: &Call<'_>) -> Result<bool, ApiError> {
    call.parameters.flag("staged", false)
}

/// Scopes of which one is enough to read.
fn view_scopes(view: View) -> &'static [&'static str] {
    match view {
        View::Projection { staged: false } => &["view_products", "view_published_products"],
        View::Projection { staged: true } => &["view_products"],
        View::Resource(kind) => match kind {
            Kind::Product | Kind::InventoryEntry | Kind::ProductTailoring | Kind::Variant => &["view_products"],
            Kind::Category => &["view_products", "view_categories"],
            Kind::ProductType => &["view_products", "view_product_types"],
            Kind::StandalonePrice => &["view_standalone_prices"],
            Kind::Store => &["view_stores"],
            Kind::Channel => &["view_products", "view_channels"],
            Kind::CustomerGroup => &["view_customers", "view_customer_groups"],
            Kind::ProductSelection => &["view_product_selections"],
            Kind::Customer => &["view_customers"],
            Kind::Order => &["view_orders"],
            Kind::DiscountCode => &["view_discount_codes"],
            Kind::Type => &["view_types"],
            Kind::Message => &["view_messages"],
        },
    }
}

/// Scopes of which one is enough to write.
fn manage_scopes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Product | Kind::InventoryEntry | Kind::ProductTailoring | Kind::Variant => &["manage_products"],
        Kind::Category => &["manage_products", "manage_categories"],
        Kind::ProductType => &["manage_products", "manage_product_types"],
        Kind::StandalonePrice => &["manage_standalone_prices"],
        Kind::Store => &["manage_stores"],
        Kind::Channel => &["manage_products", "manage_channels"],
        Kind::CustomerGroup => &["manage_customers", "manage_customer_groups"],
        Kind::ProductSelection => &["manage_product_selections"],
        Kind::Customer => &["manage_customers"],
        Kind::Order => &["manage_orders"],
        Kind::DiscountCode => &["manage_discount_codes"],
        Kind::Type => &["manage_types"],
        Kind::Message => &["manage_project"],
    }
}

fn path_of(view: View) -> &'static str {
    match view {
        View::Projection { .. } => "product-projections",
        View::Resource(kind) => kind.path(),
    }
}

/// Counts the call and checks its scopes.
fn allow(emulator: &Emulator, call: &Call<'_>, path: &str, scopes: &[&str]) -> Result<(), ApiError> {
    emulator.count(&format!("{} {path}", call.method));
    emulator.tokens().check(&emulator.settings().project_key, call.headers, scopes, call.now)
}

/// Finds a row by `id` or `key={key}`, an order also by `order-number={number}`.
fn find(state: &State, view: View, which: &str) -> Result<Id, ApiError> {
    let table = state.table(view.kind());
    if let (Kind::Order, Some(number)) = (view.kind(), which.strip_prefix("order-number=")) {
        let rows = table.with_term(term(Term::Number, number)).filter_map(|slot| table.row(slot));
        let mut found = rows.filter(|row| State::members_of(&row.body).get("orderNumber") == Some(&json!(number)));
        return found.next().map(|row| row.id).ok_or_else(|| ApiError::not_found("orderNumber", number));
    }
    let row = match which.strip_prefix("key=") {
        Some(key) => table.find_key(key).ok_or_else(|| ApiError::not_found("key", key))?,
        None => Id::parse(which).and_then(|id| table.find(id)).ok_or_else(|| ApiError::not_found("id", which))?,
    };
    if view.shows(row) {
        return Ok(row.id);
    }
    Err(match which.strip_prefix("key=") {
        Some(key) => ApiError::not_found("key", key),
        None => ApiError::not_found("id", which),
    })
}

fn list(emulator: &Emulator, view: View, call: &Call<'_>) -> Result<Answer, ApiError> {
    allow(emulator, call, &format!("/{}", path_of(view)), view_scopes(view))?;
    let limits = &emulator.settings().limits;
    match *call.method {
        Method::HEAD => {
            let filter = query::filter(&call.parameters, view.shape())?;
            let query = Query { filter, sort: Vec::new(), limit: 1, offset: 0, with_total: false };
            let found = query::select(&emulator.read(), view, &query);
            Ok(Answer::Empty(if found.slots.is_empty() { 404 } else { 200 }))
        }
        Method::GET => {
            let query = Query::read(&call.parameters, view.shape(), limits, true)?;
            let state = emulator.read();
            let show = Show::read(&state, &call.parameters, view)?;
            let found = query::select(&state, view, &query);
            page(&state, view, &query, &found, &show, call, limits.max_response_bytes)
        }
        _ => {
            let is_written = matches!(view, View::Resource(kind) if creatable(kind));
            Err(ApiError::no_method(call.method, if is_written { "GET, HEAD, POST" } else { READ }))
        }
    }
}

fn page(
    state: &RwLockReadGuard<'_, State>,
    view: View,
    query: &Query,
    found: &query::Selected,
    show: &Show,
    call: &Call<'_>,
    longest: usize,
) -> Result<Answer, ApiError> {
    let mut page = Page::new(call.gzip);
    page.text(&format!("{{\"limit\":{},\"offset\":{},\"count\":{},", query.limit, query.offset, found.slots.len()));
    if let Some(total) = found.total {
        page.text(&format!("\"total\":{total},"));
    }
    page.text("\"results\":[");
    let table = state.table(view.kind());
    for (place, row) in found.slots.iter().filter_map(|slot| table.row(*slot)).enumerate() {
        if place > 0 {
            page.text(",");
        }
        if show.nothing() {
            state.write(&mut page, row, view);
        } else {
            let mut value = state.value(row, view);
            show.apply(state, &mut value, call.now);
            page.text(&value.to_string());
        }
        if page.length() > longest {
            return Err(ApiError::new(413, "ContentTooLarge", "Content too large."));
        }
    }
    page.text("]}");
    Ok(Answer::Page { status: 200, body: page.finish(), gzip: call.gzip })
}

fn one(emulator: &Emulator, view: View, which: &str, call: &Call<'_>) -> Result<Answer, ApiError> {
    let path = match which.split_once('=') {
        Some(("key", _)) => "key={key}",
        Some(("order-number", _)) => "order-number={number}",
        _ => "{id}",
    };
    let path = format!("/{}/{path}", path_of(view));
    let kind = view.kind();
    match (call.method, view) {
        (&Method::GET | &Method::HEAD, _) => {
            allow(emulator, call, &path, view_scopes(view))?;
            let state = emulator.read();
            let id = find(&state, view, which)?;
            if call.method == Method::HEAD {
                return Ok(Answer::Empty(200));
            }
            shown(&state, view, id, call, 200)
        }
        (&Method::POST, View::Resource(_)) if writable(kind) => {
            allow(emulator, call, &path, manage_scopes(kind))?;
            let (version, actions) = update_body(&call.body)?;
            let id = emulator.write(call.now, |writer| {
                let id = find(writer.state, view, which)?;
                update(writer, kind, id, Some(version), &actions)
            })?;
            shown(&emulator.read(), view, id, call, 200)
        }
        (&Method::DELETE, View::Resource(_)) if writable(kind) => {
            allow(emulator, call, &path, manage_scopes(kind))?;
            let version = call
                .parameters
                .one("version")
                .ok_or_else(|| ApiError::malformed("version", "The parameter 'version' is required."))?;
            let version = version.parse::<u64>().map_err(|_| ApiError::malformed("version", "It is not a number."))?;
            let deleted = emulator.write(call.now, |writer| {
                let id = find(writer.state, view, which)?;
                let actual = writer.state.table(kind).find(id).map_or(0, |row| row.version);
                check_version(id, actual, Some(version))?;
                writer.delete(kind, id)
            })?;
            Ok(Answer::json(200, &deleted))
        }
        _ => {
            let is_written = matches!(view, View::Resource(kind) if writable(kind));
            Err(ApiError::no_method(call.method, if is_written { "GET, HEAD, POST, DELETE" } else { READ }))
        }
    }
}

fn shown(state: &State, view: View, id: Id, call: &Call<'_>, status: u16) -> Result<Answer, ApiError> {
    let show = Show::read(state, &call.parameters, view)?;
    let row = state.table(view.kind()).find(id).ok_or_else(|| ApiError::not_found("id", &id.to_string()))?;
    let mut value = state.value(row, view);
    show.apply(state, &mut value, call.now);
    let mut page = Page::new(call.gzip);
    page.text(&value.to_string());
    Ok(Answer::Page { status, body: page.finish(), gzip: call.gzip })
}

fn update_body(body: &Bytes) -> Result<(u64, Vec<Value>), ApiError> {
    let body = json_body(body)?;
    let body = object(&body, "body")?;
    let version = need(body, "version")?.as_u64().ok_or_else(|| wrong("version", "a whole number"))?;
    let actions = need(body, "actions")?.as_array().ok_or_else(|| wrong("actions", "a list"))?;
    Ok((version, actions.clone()))
}

fn json_body(body: &Bytes) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::json(error.to_string()))
}

fn create(emulator: &Emulator, kind: Kind, call: &Call<'_>) -> Result<Answer, ApiError> {
    allow(emulator, call, &format!("/{}", kind.path()), manage_scopes(kind))?;
    let body = json_body(&call.body)?;
    let id = emulator.write(call.now, |writer| draft::create(writer, kind, object(&body, "body")?))?;
    let state = emulator.read();
    if kind == Kind::Customer {
        // Creation is a sign-up, and answers like a sign-in: with the customer, and a cart where there is one.
        let row = state.table(kind).find(id).ok_or_else(|| ApiError::not_found("id", &id.to_string()))?;
        return Ok(Answer::json(201, &json!({ "customer": state.value(row, View::Resource(kind)) })));
    }
    shown(&state, View::Resource(kind), id, call, 201)
}

fn project(emulator: &Emulator, call: &Call<'_>) -> Result<Answer, ApiError> {
    match *call.method {
        Method::HEAD => {
            allow(emulator, call, "/", &["view_project_settings"])?;
            Ok(Answer::Empty(200))
        }
        Method::GET => {
            allow(emulator, call, "/", &["view_project_settings"])?;
            Ok(Answer::json(200, &shown_project(&emulator.read())))
        }
        Method::POST => {
            allow(emulator, call, "/", &["manage_project_settings"])?;
            let (version, actions) = update_body(&call.body)?;
            emulator.write(call.now, |writer| update_project(writer.state, Some(version), &actions))?;
            Ok(Answer::json(200, &shown_project(&emulator.read())))
        }
        _ => Err(ApiError::no_method(call.method, "GET, HEAD, POST")),
    }
}

fn shown_project(state: &State) -> Value {
    let project = &state.project;
    json!({
        "version": project.version,
        "key": project.key,
        "name": project.key,
        "countries": project.countries,
        "currencies": project.currencies,
        "languages": project.languages,
        "createdAt": time::print(project.created),
        "messages": { "enabled": project.messages_enabled, "deleteDaysAfterCreation": project.messages_days },
        "carts": { "deleteDaysAfterLastModification": 90, "countryTaxRateFallbackEnabled": false },
        "shoppingLists": { "deleteDaysAfterLastModification": 360 },
        "discounts": { "discountCombinationMode": "Stacking" },
        "inventory": { "releaseExpiredReservations": true, "reservationExpirationInMinutes": 1440 },
        "searchIndexing": {
            "products": { "status": "Deactivated" },
            "productsSearch": { "status": "Deactivated" },
            "orders": { "status": "Deactivated" },
        },
        "productCatalogModel": project.model.name(),
    })
}

/// A read lock that a writer's panic does not close for good.
pub(super) fn opened<T>(lock: Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}
