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
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use conformance::source::{Clock, Failure};
use model::{Kind, RecordId};
use sandbox::{
    catalogue::{
        Product,
        generate::{Options, generate},
    },
    commercetools::{Change as Act, Emulator, Settings},
    fault::{FaultPlan, Faults, Latency},
};
use serde_json::{Value, json};
use sources::commercetools::Commercetools;

use super::{
    ours::{Ours, START},
    source_in,
};

const PRODUCTS: usize = 14;
const LAG: Duration = Duration::from_secs(5);

/// The proxy between the source and the emulator.
#[derive(Default)]
struct Way {
    failure: Option<Failure>,
    /// Id of the product that arrives broken.
    spoiled: Option<String>,
    /// What was sent as `Authorization`.
    sent: BTreeSet<String>,
}

struct Shop {
    emulator: Emulator,
    faults: Faults,
    /// The shop's clock and ours, in milliseconds.
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
            |status| json!({ "statusCode": status.as_u16(), "message": "injected", "errors": [] }),
            Arc::new(move || jiff::Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap()),
        );
        let emulator = Emulator::new(Settings {
            project_key: "shop".to_owned(),
            client_id: "client".to_owned(),
            client_secret: "very-secret".to_owned(),
            availability_lag_ms: 0,
            ..emulated
        });
        emulator.set_clock(faults.clock());
        let catalogue = generate(&Options { products: PRODUCTS, ..Options::default() });
        emulator.seed(&catalogue).unwrap();
        let template = (catalogue.products)().next().unwrap();
        let way = Arc::new(Mutex::new(Way::default()));
        let router = emulator.router().layer(from_fn_with_state(Arc::clone(&way), under_way));
        let host = sandbox::serve::Port::free().await.unwrap().serve(faults.wrap(router));
        clock.store(START, Ordering::Relaxed);
        Self { emulator, faults, clock, ours, way, host, settings, template, added: AtomicI64::new(0) }
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap()
    }

    fn act(&self, act: Act) {
        self.emulator.change(act).unwrap();
    }

    fn key(&self, id: &RecordId) -> String {
        let keys = self.emulator.product_keys();
        keys.into_iter().find(|key| self.id(key) == *id).unwrap_or_else(|| panic!("no product {id}"))
    }

    fn id(&self, key: &str) -> RecordId {
        self.emulator.product(key).unwrap()["id"].as_str().unwrap().into()
    }
}

/// A call to the emulator and its answer.
async fn under_way(State(way): State<Arc<Mutex<Way>>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let for_token = path.starts_with("/oauth");
    let sent = authorization(request.headers());
    let (failure, spoiled) = {
        let mut way = way.lock().unwrap();
        way.sent.extend(sent.rsplit(' ').next().map(str::to_owned));
        (way.failure, way.spoiled.clone())
    };
    match failure {
        Some(Failure::KeysRefused) if for_token => refused(401, "invalid_client"),
        Some(Failure::Refused | Failure::KeysRefused) if !for_token => refused(401, "invalid_token"),
        Some(Failure::NoRight) if !for_token => refused(403, "insufficient_scope"),
        Some(Failure::OtherPage) => {
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let body = String::from_utf8_lossy(&body).into_owned();
            let page = format!("<html><p>client very-secret</p><pre>Authorization: {sent}\n\n{body}</pre></html>");
            ([(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Some(Failure::HalfBody) => {
            let (parts, body) = next.run(request).await.into_parts();
            let body = to_bytes(body, 64 << 20).await.unwrap();
            ([(header::CONTENT_TYPE, "application/json")], Body::from(body.slice(..body.len() / 2)))
                .into_response()
                .map_status(parts.status)
        }
        _ => {
            let response = next.run(request).await;
            match spoiled {
                Some(id) if path.ends_with("/product-projections") => broken(response, &id).await,
                _ => response,
            }
        }
    }
}

trait WithStatus {
    fn map_status(self, status: StatusCode) -> Self;
}

impl WithStatus for Response {
    fn map_status(mut self, status: StatusCode) -> Self {
        *self.status_mut() = status;
        self
    }
}

fn authorization(headers: &HeaderMap) -> String {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn refused(status: u16, code: &str) -> Response {
    let body = json!({
        "statusCode": status, "message": format!("{code} happened"), "error": code,
        "errors": [{ "code": code, "message": format!("{code} happened") }],
    });
    axum::Json(body).into_response().map_status(StatusCode::from_u16(status).unwrap())
}

/// The same page with one unreadable record.
async fn broken(response: Response, id: &str) -> Response {
    let (parts, body) = response.into_parts();
    let mut page: Value = serde_json::from_slice(&to_bytes(body, 64 << 20).await.unwrap()).unwrap();
    for record in page["results"].as_array_mut().into_iter().flatten().filter(|record| record["id"] == id) {
        record["masterVariant"] = json!(["not", "a", "variant"]);
    }
    let date = parts.headers.get(header::DATE).cloned();
    let mut response = axum::Json(page).into_response();
    response.headers_mut().extend(date.map(|date| (header::DATE, date)));
    response
}

#[async_trait]
impl conformance::source::Shop for Shop {
    type Source = Commercetools;

    fn source(&self, page: Option<u16>) -> Commercetools {
        let mut settings = json!({
            "attempts": 2, "lag_seconds": LAG.as_secs(), "overlap_seconds": 60, "compressed": false,
        });
        if let Some(size) = page {
            settings["page_size"] = json!({ "first_products": size, "products": size, "others": size });
        }
        settings.as_object_mut().unwrap().extend(self.settings.as_object().unwrap().clone());
        source_in(&self.host, settings, &self.ours.environment())
    }

    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>> {
        let published = |key: &String| self.emulator.product(key).unwrap()["masterData"]["published"] == true;
        let keys = self.emulator.product_keys().into_iter().filter(published);
        (kind == Kind::Product).then(|| keys.map(|key| self.id(&key)).collect())
    }

    async fn add(&self, name: &str) -> RecordId {
        let key = format!("added-{}", self.added.fetch_add(1, Ordering::Relaxed));
        let mut product = self.template.clone();
        product.key.clone_from(&key);
        product.name.values_mut().for_each(|text| name.clone_into(text));
        product.slug.values_mut().for_each(|slug| slug.clone_from(&key));
        product.variants.truncate(1);
        product.variants[0].sku = Some(key.clone());
        product.attributes.clear();
        product.variants[0].attributes.clear();
        product.published = true;
        self.act(Act::AddProduct(Box::new(product)));
        self.id(&key)
    }

    async fn rename(&self, product: &RecordId, name: &str) {
        let product = self.key(product);
        self.act(Act::SetName { product, locale: "de".to_owned(), text: Some(name.to_owned()) });
    }

    async fn rename_late(&self, product: &RecordId, name: &str, late: Duration) {
        self.emulator.set_clock_offset(-millis(late));
        self.rename(product, name).await;
        self.emulator.set_clock_offset(0);
    }

    async fn remove(&self, product: &RecordId) {
        self.act(Act::DeleteProduct { product: self.key(product) });
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
            Some(Failure::Expired) => self.emulator.revoke_tokens(),
            Some(Failure::ServerError) => plan.error_rate = [(500, 1.0)].into(),
            Some(Failure::Reset) => plan.reset_before_effect_rate = 1.0,
            Some(Failure::Truncated) => plan.truncate_rate = 1.0,
            Some(Failure::ErrorPage) => plan.html_error_rate = 1.0,
            Some(Failure::Silence) => plan.latency_ms = Some(Latency { min: 3_600_000, max: 3_600_000 }),
            _ => {}
        }
        self.faults.set(plan).unwrap();
        self.way().failure = failure;
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<_> = self.way().sent.iter().filter(|text| !text.is_empty()).cloned().collect();
        secrets.push("very-secret".to_owned());
        secrets
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
    conforms(Settings::default(), json!({})).await;
}

#[tokio::test]
async fn it_conforms_where_deletions_come_as_messages_and_stamps_lie_behind_the_clock() {
    let emulated = Settings { messages_enabled: true, timestamp_behind_ms: 3_000, ..Settings::default() };
    conforms(emulated, json!({})).await;
}

#[tokio::test]
async fn it_conforms_with_other_settings() {
    let settings = json!({
        "stock_from": "products", "selection_paging": "keyset", "detect_unpublished": false,
        "lanes": { "customer_groups": true, "messages": false },
    });
    conforms(Settings::default(), settings).await;
}
