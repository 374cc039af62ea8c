//! The suite that any source must pass, against the emulator.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use conformance::source::{Clock, Failure};
use model::{Kind, RecordId};
use sandbox::bigcommerce::{Change, Emulator, Settings, fault_body};
use serde_json::{Value, json};
use sources::bigcommerce::BigCommerce;

use super::{TOKEN, served, settings, source_in};
use crate::platform::{self, Platform, Way, millis};

const LAG: Duration = Duration::from_secs(5);

struct Shop {
    emulator: Emulator,
    platform: Platform,
    way: Arc<Mutex<Way>>,
    host: String,
    settings: Value,
}

impl Shop {
    async fn open(emulated: Settings, settings: Value) -> Self {
        let (platform, catalogue) = Platform::new(fault_body);
        let emulator = Emulator::new(emulated);
        emulator.set_clock(platform.faults.clock());
        emulator.seed(&catalogue).unwrap();
        let way = Arc::new(Mutex::new(Way::default()));
        let router = emulator.router().layer(from_fn_with_state(Arc::clone(&way), under_way));
        let host = served(platform.faults.wrap(router)).await;
        platform.begin();
        Self { emulator, platform, way, host, settings }
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
    match failure {
        Some(Failure::Refused | Failure::KeysRefused) => refused(StatusCode::UNAUTHORIZED),
        Some(Failure::NoRight) => refused(StatusCode::FORBIDDEN),
        Some(Failure::OtherPage) => {
            let sent = request.headers().get("x-auth-token").map(|token| token.to_str().unwrap().to_owned());
            platform::echo(&format!("X-Auth-Token: {}", sent.unwrap_or_default()))
        }
        Some(Failure::HalfBody) => platform::half(next.run(request).await).await,
        _ => {
            let response = next.run(request).await;
            match spoiled {
                Some(id) if path.ends_with("/catalog/products") => {
                    platform::broken(response, "data", &id, |row| row["variants"] = json!({ "not": "variants" })).await
                }
                _ => response,
            }
        }
    }
}

fn refused(status: StatusCode) -> Response {
    (status, axum::Json(fault_body(status))).into_response()
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
        source_in(&self.host, settings, &self.platform.ours.environment())
    }

    /// All products: one that is hidden is a record too.
    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>> {
        let all = self.emulator.product_keys().into_keys();
        (kind == Kind::Product).then(|| all.map(|id| id.to_string().into()).collect())
    }

    async fn add(&self, name: &str) -> RecordId {
        let product = self.platform.another(name);
        let key = product.key.clone();
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
        self.platform.wait(time);
    }

    async fn set_clock(&self, clock: Clock) {
        self.platform.set_clock(clock);
    }

    fn lag(&self) -> Duration {
        LAG
    }

    async fn fail(&self, failure: Option<Failure>) {
        // The token of an API account never expires, and there is none to renew: `Expired` does nothing.
        self.platform.fail(failure);
        self.way().failure = failure;
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

async fn conforms(emulated: Settings, settings: Value) {
    let checks = conformance::source::source(async || Shop::open(emulated.clone(), settings.clone()).await).await;
    platform::passed(checks);
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
