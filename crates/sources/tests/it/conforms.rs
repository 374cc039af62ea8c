//! The suite that any source must pass, against the emulator.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use conformance::source::{Clock, Failure};
use model::{Kind, RecordId};
use sandbox::commercetools::{CatalogModel, Change as Act, Emulator, Settings};
use serde_json::{Value, json};
use sources::commercetools::Commercetools;

use super::{
    platform::{self, Platform, millis},
    source_in,
};

const LAG: Duration = Duration::from_secs(5);

/// The proxy between the source and the emulator.
#[derive(Default)]
struct Way {
    of: platform::Way,
    /// What was sent as `Authorization`.
    sent: BTreeSet<String>,
}

struct Shop {
    emulator: Emulator,
    platform: Platform,
    way: Arc<Mutex<Way>>,
    host: String,
    settings: Value,
}

impl Shop {
    async fn open(emulated: Settings, settings: Value) -> Self {
        let (platform, catalogue) =
            Platform::new(|status| json!({ "statusCode": status.as_u16(), "message": "injected", "errors": [] }));
        let emulator = Emulator::new(Settings {
            project_key: "shop".to_owned(),
            client_id: "client".to_owned(),
            client_secret: "very-secret".to_owned(),
            availability_lag_ms: 0,
            ..emulated
        });
        emulator.set_clock(platform.faults.clock());
        emulator.seed(&catalogue).unwrap();
        if settings["lanes"]["customers"] == true {
            let people = sandbox::people::generate(&sandbox::people::Options::default(), &catalogue);
            emulator.seed_people(&people).unwrap();
        }
        let way = Arc::new(Mutex::new(Way::default()));
        let router = emulator.router().layer(from_fn_with_state(Arc::clone(&way), under_way));
        let host = sandbox::serve::Port::free().await.unwrap().serve(platform.faults.wrap(router));
        platform.begin();
        Self { emulator, platform, way, host, settings }
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
        (way.of.failure, way.of.spoiled.clone())
    };
    match failure {
        Some(Failure::KeysRefused) if for_token => refused(401, "invalid_client"),
        Some(Failure::Refused | Failure::KeysRefused) if !for_token => refused(401, "invalid_token"),
        Some(Failure::NoRight) if !for_token => refused(403, "insufficient_scope"),
        Some(Failure::OtherPage) => {
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let body = String::from_utf8_lossy(&body).into_owned();
            platform::echo(&format!("Authorization: {sent}\n\n{body}"))
        }
        Some(Failure::HalfBody) => platform::half(next.run(request).await).await,
        _ => {
            let response = next.run(request).await;
            match spoiled {
                Some(id) if path.ends_with("/product-projections") || path.ends_with("/products") => {
                    platform::broken(response, "results", &id, |row| {
                        // A Classic project is asked for projections, a Modular one for products.
                        let holder = if row.get("masterData").is_some() { "masterData" } else { "masterVariant" };
                        row[holder] = json!(["not", "a", "variant"]);
                    })
                    .await
                }
                _ => response,
            }
        }
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
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
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
        source_in(&self.host, settings, &self.platform.ours.environment())
    }

    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>> {
        let published = |key: &String| self.emulator.product(key).unwrap()["masterData"]["published"] == true;
        let keys = self.emulator.product_keys().into_iter().filter(published);
        (kind == Kind::Product).then(|| keys.map(|key| self.id(&key)).collect())
    }

    async fn add(&self, name: &str) -> RecordId {
        let mut product = self.platform.another(name);
        let key = product.key.clone();
        product.attributes.clear();
        product.variants[0].attributes.clear();
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
        self.way().of.spoiled = product.map(|id| id.as_str().to_owned());
    }

    async fn wait(&self, time: Duration) {
        self.platform.wait(time);
    }

    async fn set_clock(&self, clock: Clock) {
        self.platform.set_clock(clock);
    }

    fn lag(&self) -> Duration {
        LAG
    }

    async fn fail(&self, failure: Option<Failure>) {
        if failure == Some(Failure::Expired) {
            self.emulator.revoke_tokens();
        }
        self.platform.fail(failure);
        self.way().of.failure = failure;
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<_> = self.way().sent.iter().filter(|text| !text.is_empty()).cloned().collect();
        secrets.push("very-secret".to_owned());
        secrets
    }
}

async fn conforms(emulated: Settings, settings: Value) {
    let checks = conformance::source::source(async || Shop::open(emulated.clone(), settings.clone()).await).await;
    platform::passed(checks);
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

#[tokio::test]
async fn it_conforms_where_the_project_is_modular() {
    let emulated = Settings { catalog_model: CatalogModel::Modular, ..Settings::default() };
    conforms(emulated, json!({})).await;
}

#[tokio::test]
async fn it_conforms_where_the_project_is_modular_and_tells_of_deletions() {
    let catalog_model = CatalogModel::Modular;
    let emulated =
        Settings { catalog_model, messages_enabled: true, timestamp_behind_ms: 3_000, ..Settings::default() };
    conforms(emulated, json!({ "lanes": { "tailoring": true, "customer_groups": true } })).await;
}

#[tokio::test]
async fn it_conforms_where_customers_and_orders_are_read() {
    let emulated = Settings { messages_enabled: true, timestamp_behind_ms: 3_000, ..Settings::default() };
    conforms(emulated, super::people::settings(&json!({}))).await;
}
