//! The HTTP edge: routes, the token with its scopes, the quota, and answers.
//!
//! Every answer carries the quota's headers and the `Date` of the store's clock.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::Emulator;
use super::error::ApiError;
use super::query::{Parameters, http_date};
use super::state::{Resource, State};
use super::{graphql, prices, products, store};

/// Longest request body.
const LONGEST_BODY: usize = 4 << 20;

const TOKEN: &str = "x-auth-token";
const PRODUCTS: &str = "store_v2_products_read_only";
const INFORMATION: &str = "store_v2_information_read_only";
const CUSTOMERS: &str = "store_v2_customers_read_only";
const CHANNELS: &str = "store_channel_settings_read_only";
const SITES: &str = "store_sites_read_only";
const INVENTORY: &str = "store_inventory_read_only";
const LOCATIONS: &str = "store_locations_read_only";
const TRANSLATIONS: &str = "store_translations_read_only";

/// The routes, relative to wherever they are mounted.
pub(super) fn router(emulator: Emulator) -> Router {
    Router::new().fallback(handle).with_state(emulator)
}

/// What is left of the quota.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    pub(super) allowed: u32,
    pub(super) left: u32,
    pub(super) window_ms: i64,
    pub(super) reset_ms: i64,
}

async fn handle(Shared(emulator): Shared<Emulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let now = emulator.now();
    let path = parts.uri.path().to_owned();
    let own = format!("/stores/{}/", emulator.settings().store_hash);
    let below = path.strip_prefix(&own).map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    let (version, answer) = match below {
        Some(("graphql", "")) => ("graphql", Some("")),
        Some(("v2", rest)) => ("v2", Some(rest)),
        Some(("v3", rest)) => ("v3", Some(rest)),
        _ => ("v3", None),
    };
    let (result, quota) = match (answer, to_bytes(body, LONGEST_BODY).await) {
        (None, _) => (Err(ApiError::not_found()), None),
        (_, Err(_)) => (Err(ApiError::new(413, "The request is too large.")), None),
        (Some(rest), Ok(body)) => {
            let call = Call { emulator: &emulator, method: &parts.method, headers: &parts.headers, version, now };
            call.answer(rest, parts.uri.query().unwrap_or_default(), &body)
        }
    };
    let (status, body) = match result {
        Ok(Some(value)) => (200, value.to_string()),
        Ok(None) => (204, String::new()),
        Err(error) => (error.status, if version == "v2" { error.v2() } else { error.v3() }.to_string()),
    };
    finish(status, body, quota, now)
}

fn finish(status: u16, body: String, quota: Option<Quota>, now: i64) -> Response {
    let is_empty = body.is_empty();
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !is_empty {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        headers.insert(DATE, date);
    }
    if let Some(quota) = quota {
        let mut number = |name: &'static str, value: i64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        number("x-rate-limit-requests-quota", quota.allowed.into());
        number("x-rate-limit-requests-left", quota.left.into());
        number("x-rate-limit-time-window-ms", quota.window_ms);
        number("x-rate-limit-time-reset-ms", quota.reset_ms);
        if status == 429 {
            number("x-retry-after", (quota.reset_ms + 999) / 1000);
        }
    }
    response
}

type Answered = (Result<Option<Value>, ApiError>, Option<Quota>);

struct Call<'a> {
    emulator: &'a Emulator,
    method: &'a Method,
    headers: &'a HeaderMap,
    version: &'static str,
    now: i64,
}

impl Call<'_> {
    fn answer(&self, path: &str, query: &str, body: &Bytes) -> Answered {
        if let Err(refused) = self.authorized() {
            return (Err(refused), None);
        }
        let Some(quota) = self.emulator.take(self.now) else {
            let spent = self.emulator.quota(self.now);
            return (Err(ApiError::new(429, "Too Many Requests")), Some(spent));
        };
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        (self.route(&segments, query, body), Some(quota))
    }

    fn authorized(&self) -> Result<(), ApiError> {
        let token = self.headers.get(TOKEN).and_then(|token| token.to_str().ok());
        if token == Some(self.emulator.settings().access_token.as_str()) {
            Ok(())
        } else {
            Err(ApiError::unauthorized())
        }
    }

    /// Counts the call, and checks that the account has this scope.
    fn allow(&self, endpoint: &str, scope: &str) -> Result<(), ApiError> {
        self.emulator.count(&format!("{} /{}/{endpoint}", self.method, self.version));
        if self.has(scope) { Ok(()) } else { Err(ApiError::no_scope()) }
    }

    /// Whether the account has this scope, or the one that writes too.
    fn has(&self, scope: &str) -> bool {
        let granted = &self.emulator.settings().scopes;
        let writes = scope.strip_suffix("_read_only").unwrap_or(scope);
        granted.is_empty() || granted.iter().any(|it| it == scope || it == writes)
    }

    fn graphql(&self, body: &Bytes) -> Result<Option<Value>, ApiError> {
        self.emulator.count(&format!("{} /graphql", self.method));
        if *self.method != Method::POST {
            return Err(ApiError::new(405, "Method Not Allowed"));
        }
        let access = graphql::Access {
            localization: self.emulator.settings().localization,
            products: self.has(PRODUCTS),
            translations: self.has(TRANSLATIONS),
            channels: self.has(CHANNELS),
        };
        Ok(Some(graphql::answer(&self.emulator.state(), access, body)))
    }

    fn route(&self, segments: &[&str], query: &str, body: &Bytes) -> Result<Option<Value>, ApiError> {
        let parameters = Parameters::read(query)?;
        if self.version == "graphql" {
            return self.graphql(body);
        }
        if let ("v3", ["hooks", of @ ..]) = (self.version, segments) {
            return self.hooks(of, &parameters, body);
        }
        let state = self.emulator.state();
        if *self.method == Method::POST {
            return match (self.version, segments) {
                ("v3", ["pricing", "products"]) => {
                    self.allow("pricing/products", PRODUCTS)?;
                    prices::calculate(&state, body).map(Some)
                }
                _ => Err(ApiError::not_found()),
            };
        }
        if *self.method != Method::GET {
            return Err(ApiError::new(405, "Method Not Allowed"));
        }
        match self.version {
            "v2" => self.v2(&state, segments, &parameters),
            _ => self.v3(&state, segments, &parameters).map(Some),
        }
    }

    /// Webhooks, which need no scope of their own.
    fn hooks(&self, of: &[&str], parameters: &Parameters, body: &Bytes) -> Result<Option<Value>, ApiError> {
        let (emulator, now) = (self.emulator, self.now);
        let endpoint = match of {
            [] => "hooks",
            ["admin"] => "hooks/admin",
            [_] => "hooks/{id}",
            _ => return Err(ApiError::not_found()),
        };
        emulator.count(&format!("{} /v3/{endpoint}", self.method));
        let mut hooks = emulator.hooks();
        let id = |text: &&str| text.parse::<u64>().map_err(|_| ApiError::not_found());
        match (self.method, of) {
            (&Method::GET, []) => hooks.list(parameters, emulator.settings()),
            (&Method::POST, []) => hooks.create(body, emulator.settings(), now),
            (&Method::GET, ["admin"]) => Ok(hooks.admin(emulator.settings(), now)),
            (&Method::GET, [which]) => hooks.show(id(which)?, emulator.settings()),
            (&Method::PUT, [which]) => hooks.update(id(which)?, body, emulator.settings(), now),
            (&Method::DELETE, [which]) => hooks.delete(id(which)?, emulator.settings()),
            _ => Err(ApiError::new(405, "Method Not Allowed")),
        }
        .map(Some)
    }

    fn v2(&self, state: &State, segments: &[&str], parameters: &Parameters) -> Result<Option<Value>, ApiError> {
        match segments {
            ["store"] => {
                self.allow("store", INFORMATION)?;
                Ok(Some(store::store(state, &self.emulator.settings().store_hash)))
            }
            ["time"] => {
                self.allow("time", INFORMATION)?;
                Ok(Some(json!({ "time": self.now.div_euclid(1000) })))
            }
            ["currencies"] => {
                self.allow("currencies", INFORMATION)?;
                store::currencies(state, parameters)
            }
            ["customer_groups"] => {
                self.allow("customer_groups", CUSTOMERS)?;
                store::groups(state, parameters)
            }
            _ => Err(ApiError::not_found()),
        }
    }

    fn v3(&self, state: &State, segments: &[&str], parameters: &Parameters) -> Result<Value, ApiError> {
        let id = |text: &str| text.parse::<u64>().map_err(|_| ApiError::not_found());
        let (endpoint, scope) = match segments {
            ["catalog", "products", which] if which.parse::<u64>().is_ok() => ("catalog/products/{id}", PRODUCTS),
            ["catalog", "products"] => ("catalog/products", PRODUCTS),
            ["catalog", "products", "channel-assignments"] => ("catalog/products/channel-assignments", PRODUCTS),
            ["catalog", "products", "category-assignments"] => ("catalog/products/category-assignments", PRODUCTS),
            ["catalog", "variants"] => ("catalog/variants", PRODUCTS),
            ["catalog", "products", "metafields"] => ("catalog/products/metafields", PRODUCTS),
            ["catalog", "variants", "metafields"] => ("catalog/variants/metafields", PRODUCTS),
            ["catalog", "brands"] => ("catalog/brands", PRODUCTS),
            ["catalog", "categories", _, "products", "sort-order"] => {
                ("catalog/categories/{id}/products/sort-order", PRODUCTS)
            }
            ["catalog", "trees"] => ("catalog/trees", PRODUCTS),
            ["catalog", "trees", "categories"] => ("catalog/trees/categories", PRODUCTS),
            ["pricelists"] => ("pricelists", PRODUCTS),
            ["pricelists", "assignments"] => ("pricelists/assignments", PRODUCTS),
            ["pricelists", _, "records"] => ("pricelists/{id}/records", PRODUCTS),
            ["channels"] => ("channels", CHANNELS),
            ["channels", _, "site"] => ("channels/{id}/site", SITES),
            ["sites", _, "routes"] => ("sites/{id}/routes", SITES),
            ["settings", "inventory"] => ("settings/inventory", INFORMATION),
            ["inventory", "items"] => ("inventory/items", INVENTORY),
            ["inventory", "locations"] => ("inventory/locations", LOCATIONS),
            _ => return Err(ApiError::not_found()),
        };
        self.allow(endpoint, scope)?;
        match segments {
            ["catalog", "products"] => products::list(state, parameters, self.now),
            ["catalog", "products", "channel-assignments"] => products::channel_assignments(state, parameters),
            ["catalog", "products", "category-assignments"] => products::category_assignments(state, parameters),
            ["catalog", "products", "metafields"] => {
                products::metafields(state, Resource::Product, parameters, self.now)
            }
            ["catalog", "variants", "metafields"] => {
                products::metafields(state, Resource::Variant, parameters, self.now)
            }
            ["catalog", "products", which] => products::one(state, id(which)?, parameters),
            ["catalog", "variants"] => products::variants(state, parameters),
            ["catalog", "brands"] => products::brands(state, parameters),
            ["catalog", "categories", category, "products", "sort-order"] => {
                products::sort_order(state, id(category)?, parameters)
            }
            ["catalog", "trees"] => products::trees(state, parameters),
            ["catalog", "trees", "categories"] => products::categories(state, parameters),
            ["pricelists"] => prices::lists(state, parameters),
            ["pricelists", "assignments"] => prices::assignments(state, parameters),
            ["pricelists", list, "records"] => prices::records(state, id(list)?, parameters, self.now),
            ["channels"] => store::channels(state, parameters),
            ["channels", channel, "site"] => store::site(state, id(channel)?),
            ["sites", site, "routes"] => store::routes(state, id(site)?, parameters),
            ["settings", "inventory"] => store::inventory_settings(state, parameters),
            ["inventory", "items"] => store::items(state, parameters),
            ["inventory", "locations"] => store::locations(state, parameters),
            _ => Err(ApiError::not_found()),
        }
    }
}
