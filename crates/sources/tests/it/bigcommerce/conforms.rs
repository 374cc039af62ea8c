//! The suite that any source must pass, against the emulator.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use conformance::source::{Clock, Failure};
use model::{Kind, RecordId};
use sandbox::{
    bigcommerce::{Change, Emulator, Settings, fault_body},
    catalogue::{Options, Product, generate},
    fault::{FaultPlan, Faults, Latency},
};
use serde_json::{Value, json};
use sources::bigcommerce::BigCommerce;

use super::{TOKEN, served, settings, source_in};
use crate::ours::{Ours, START};

const PRODUCTS: usize = 14;
const LAG: Duration = Duration::from_secs(5);

/// The proxy between the source and the emulator.
#[derive(Default)]
struct Way {
    failure: Option<Failure>,
    /// Id of the product that arrives broken.
    spoiled: Option<String>,
}

struct Shop {
    emulator: Emulator,
    faults: Faults,
    clock: Arc<AtomicI64>,
    ours: Arc<Ours>,
    way: Arc<Mutex<Way>>,
    host: String,
    settings: Value,
    template: Product,
    added: AtomicI64,
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

impl Shop {
    async fn open(emulated: Settings, settings: Value) -> Self {
        // What is there is older than any clock that the suite sets.
        let ours = Arc::new(Ours::new());
        let clock = Arc::new(AtomicI64::new(START - millis(Duration::from_hours(400 * 24))));
        let told = Arc::clone(&clock);
        let faults = Faults::with_clock(
            fault_body,
            Arc::new(move || jiff::Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap()),
        );
        let emulator = Emulator::new(emulated);
        emulator.set_clock(faults.clock());
        let catalogue = generate(&Options { products: PRODUCTS, ..Options::default() });
        emulator.seed(&catalogue).unwrap();
        let template = (catalogue.products)().next().unwrap();
        let way = Arc::new(Mutex::new(Way::default()));
        let router = emulator.router().layer(from_fn_with_state(Arc::clone(&way), under_way));
        let host = served(faults.wrap(router)).await;
        clock.store(START, Ordering::Relaxed);
        Self { emulator, faults, clock, ours, way, host, settings, template, added: AtomicI64::new(0) }
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap()
    }

    fn act(&self, change: Change) {
        self.emulator.change(change).unwrap();
    }

    fn key(&self, id: &RecordId) -> String {
        let all = self.emulator.product_keys();
        all.get(&id.as_str().parse().unwrap()).cloned().unwrap_or_else(|| panic!("no product {id}"))
    }
}

/// A call to the emulator and its answer.
async fn under_way(State(way): State<Arc<Mutex<Way>>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (failure, spoiled) = {
        let way = way.lock().unwrap();
        (way.failure, way.spoiled.clone())
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    match failure {
        Some(Failure::Refused | Failure::KeysRefused) => refused(StatusCode::UNAUTHORIZED),
        Some(Failure::NoRight) => refused(StatusCode::FORBIDDEN),
        Some(Failure::OtherPage) => {
            let sent = request.headers().get("x-auth-token").map(|token| token.to_str().unwrap().to_owned());
            let page = format!("<html><pre>X-Auth-Token: {}</pre></html>", sent.unwrap_or_default());
            ([(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Some(Failure::HalfBody) => {
            let (parts, body) = next.run(request).await.into_parts();
            let body = to_bytes(body, 64 << 20).await.unwrap();
            let mut response = (json, Body::from(body.slice(..body.len() / 2))).into_response();
            *response.status_mut() = parts.status;
            response
        }
        _ => {
            let response = next.run(request).await;
            match spoiled {
                Some(id) if path.ends_with("/catalog/products") => broken(response, &id).await,
                _ => response,
            }
        }
    }
}

fn refused(status: StatusCode) -> Response {
    (status, axum::Json(fault_body(status))).into_response()
}

/// The same page with one unreadable record.
async fn broken(response: Response, id: &str) -> Response {
    let (parts, body) = response.into_parts();
    let mut page: Value = serde_json::from_slice(&to_bytes(body, 64 << 20).await.unwrap()).unwrap();
    for record in
        page["data"].as_array_mut().into_iter().flatten().filter(|record| record["id"].as_u64() == id.parse().ok())
    {
        record["variants"] = json!({ "not": "variants" });
    }
    let mut response = axum::Json(page).into_response();
    response.headers_mut().extend(parts.headers.get(header::DATE).cloned().map(|date| (header::DATE, date)));
    response
}

#[async_trait]
impl conformance::source::Shop for Shop {
    type Source = BigCommerce;

    fn source(&self, page: Option<u16>) -> BigCommerce {
        let mut settings = json!({ "attempts": 2, "lag_seconds": LAG.as_secs(), "overlap_seconds": 60 });
        if let Some(size) = page {
            settings["page_size"] = json!({ "products": size, "inventory": size, "others": size });
        }
        settings.as_object_mut().unwrap().extend(self.settings.as_object().unwrap().clone());
        source_in(&self.host, settings, &self.ours.environment())
    }

    /// All products: one that is hidden is a record too.
    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>> {
        let all = self.emulator.product_keys().into_keys();
        (kind == Kind::Product).then(|| all.map(|id| id.to_string().into()).collect())
    }

    async fn add(&self, name: &str) -> RecordId {
        let key = format!("added-{}", self.added.fetch_add(1, Ordering::Relaxed));
        let mut product = self.template.clone();
        product.key.clone_from(&key);
        product.name.values_mut().for_each(|text| name.clone_into(text));
        product.slug.values_mut().for_each(|slug| slug.clone_from(&key));
        product.variants.truncate(1);
        product.variants[0].sku = Some(key.clone());
        product.published = true;
        self.act(Change::AddProduct(Box::new(product)));
        self.emulator.product_id(&key).unwrap().to_string().into()
    }

    async fn rename(&self, product: &RecordId, name: &str) {
        self.act(Change::SetName { product: self.key(product), name: name.to_owned() });
    }

    async fn rename_late(&self, product: &RecordId, name: &str, late: Duration) {
        self.emulator.set_clock_offset(-millis(late));
        self.rename(product, name).await;
        self.emulator.set_clock_offset(0);
    }

    async fn remove(&self, product: &RecordId) {
        self.act(Change::DeleteProduct { product: self.key(product) });
    }

    async fn spoil(&self, product: Option<&RecordId>) {
        self.way().spoiled = product.map(|id| id.as_str().to_owned());
    }

    async fn wait(&self, time: Duration) {
        self.clock.fetch_add(millis(time), Ordering::Relaxed);
        self.ours.add(millis(time));
    }

    async fn set_clock(&self, clock: Clock) {
        let by = match clock {
            Clock::Ahead(by) => millis(by),
            Clock::Behind(by) => -millis(by),
        };
        self.clock.store(self.ours.get() + by, Ordering::Relaxed);
    }

    fn lag(&self) -> Duration {
        LAG
    }

    async fn fail(&self, failure: Option<Failure>) {
        let mut plan = FaultPlan::default();
        match failure {
            Some(Failure::Throttled(wait)) => {
                plan.throttle_rate = 1.0;
                plan.retry_after_seconds = wait.map(|wait| u32::try_from(wait.as_secs()).unwrap());
            }
            Some(Failure::ServerError) => plan.error_rate = [(500, 1.0)].into(),
            Some(Failure::Reset) => plan.reset_before_effect_rate = 1.0,
            Some(Failure::Truncated) => plan.truncate_rate = 1.0,
            Some(Failure::ErrorPage) => plan.html_error_rate = 1.0,
            Some(Failure::Silence) => plan.latency_ms = Some(Latency { min: 3_600_000, max: 3_600_000 }),
            // The token of an API account never expires, and there is none to renew: `Expired` does nothing.
            _ => {}
        }
        self.faults.set(plan).unwrap();
        self.way().failure = failure;
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

async fn conforms(emulated: Settings, settings: Value) {
    let checks = conformance::source::source(async || Shop::open(emulated.clone(), settings.clone()).await).await;
    assert!(checks.len() > 30);
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn it_conforms_as_it_comes() {
    conforms(settings(), json!({})).await;
}

#[tokio::test]
async fn it_conforms_with_other_settings() {
    let settings = json!({
        "lanes": { "inventory": false, "customer_groups": true, "price_lists": false },
        "list_price": "retail", "disabled_products": "keep",
    });
    conforms(super::settings(), settings).await;
}
