//! Reads that are eventually consistent.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use reqwest::Method;
use sandbox::{
    clerk::{Emulator, Settings},
    fault::FaultPlan,
};
use serde_json::{Value, json};

use super::{Clerk, KEY, category, product, product_with};

struct Late {
    clerk: Clerk,
    clock: Arc<AtomicI64>,
}

impl Late {
    async fn start() -> Self {
        let clock = Arc::new(AtomicI64::new(1_777_629_600_000));
        let told = Arc::clone(&clock);
        let now = move || jiff::Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap();
        let clerk = Clerk::of(Emulator::with_clock(Settings::default(), Arc::new(now))).await;
        Self { clerk, clock }
    }

    fn lag(&self, milliseconds: u64) {
        let plan = FaultPlan { visibility_lag_ms: milliseconds, ..FaultPlan::default() };
        self.clerk.faults.set(plan).unwrap();
    }

    fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    async fn write(&self, products: Value) {
        assert_eq!(self.clerk.post("/v2/products", json!({ "products": products })).await.told(), "200 ok");
    }

    async fn ask(&self, path: &str, mut arguments: Value) -> Value {
        arguments["key"] = json!(KEY);
        self.clerk.send(Method::POST, &format!("/v2/{path}"), arguments.to_string()).await.json()
    }

    /// Ids by a search, by a recommendation and by a lookup, and the names that the lookup gives.
    async fn seen(&self) -> [Value; 4] {
        let found = self.ask("search/search", json!({ "query": "", "limit": 9, "orderby": "id" })).await;
        let popular = self.ask("recommendations/popular", json!({ "limit": 9, "orderby": "id" })).await;
        let read = self.clerk.read("products", &json!([1, 2, 3])).await.json();
        let of = |name: &str| read["products"].as_array().unwrap().iter().map(|it| it[name].clone()).collect::<Value>();
        [found["result"].clone(), popular["result"].clone(), of("id"), of("name")]
    }
}

fn shown(ids: &[i64], names: &[&str]) -> [Value; 4] {
    [json!(ids), json!(ids), json!(ids), json!(names)]
}

#[tokio::test]
async fn reads_answer_as_before_until_the_lag_is_over() {
    let late = Late::start().await;
    late.write(json!([product(1), product(2)])).await;
    late.lag(5_000);
    // What was there before the lag is seen.
    assert_eq!(late.seen().await, shown(&[1, 2], &["Jacket 1", "Jacket 2"]));

    late.write(json!([product_with(1, json!({ "name": "Anorak" })), product(3)])).await;
    late.wait(3_000);
    assert_eq!(late.clerk.delete("products", &json!([2])).await.told(), "200 ok");
    let patch = json!({ "products": [{ "id": 1, "name": "Parka" }] });
    assert_eq!(late.clerk.patch("/v2/products", patch).await.told(), "200 ok");
    assert_eq!(late.seen().await, shown(&[1, 2], &["Jacket 1", "Jacket 2"]));
    // What was written is there all the while.
    assert_eq!(late.clerk.store().products().keys().collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(late.clerk.store().products()["1"]["name"], "Parka");

    late.wait(1_999);
    assert_eq!(late.seen().await, shown(&[1, 2], &["Jacket 1", "Jacket 2"]));
    late.wait(1);
    assert_eq!(late.seen().await, shown(&[1, 2, 3], &["Anorak", "Jacket 2", "Jacket 3"]));
    late.wait(3_000);
    assert_eq!(late.seen().await, shown(&[1, 3], &["Parka", "Jacket 3"]));
}

#[tokio::test]
async fn without_a_lag_a_write_is_seen_at_once() {
    let late = Late::start().await;
    late.lag(5_000);
    late.write(json!([product(1)])).await;
    assert_eq!(late.seen().await, shown(&[], &[]));
    late.lag(0);
    assert_eq!(late.seen().await, shown(&[1], &["Jacket 1"]));
    late.write(json!([product(2)])).await;
    assert_eq!(late.seen().await, shown(&[1, 2], &["Jacket 1", "Jacket 2"]));
}

#[tokio::test]
async fn every_kind_of_object_is_late() {
    let late = Late::start().await;
    let customers = json!({ "customers": [{ "email": "ann@example.com", "name": "Ann" }] });
    assert_eq!(late.clerk.post("/v2/customers", customers).await.told(), "200 ok");
    late.lag(5_000);
    let customers = json!({ "customers": [{ "id": 7, "email": "ann@example.com", "name": "Anna" }] });
    assert_eq!(late.clerk.post("/v2/customers", customers).await.told(), "200 ok");
    let categories = json!({ "categories": [category(1, "Hats", &[])] });
    assert_eq!(late.clerk.post("/v2/categories", categories).await.told(), "200 ok");
    let order = json!({ "id": 1, "time": 1_777_000_000, "products": [{ "id": 1, "quantity": 2, "price": 1.0 }] });
    late.write(json!([product_with(1, json!({ "brand": "Nordby" }))])).await;
    assert_eq!(late.clerk.post("/v2/orders", json!({ "orders": [order] })).await.told(), "200 ok");

    let seen = async || {
        let customers = late.clerk.read("customers", &json!(["ann@example.com"])).await.json();
        let categories = late.ask("search/categories", json!({ "query": "hats", "limit": 9 })).await;
        let bought = late.ask("recommendations/recently_bought", json!({ "limit": 9 })).await;
        let attributes = late.ask("product/attributes", json!({ "products": [1], "attributes": ["name"] })).await;
        let facets = late.ask("product/facets", json!({ "attributes": ["brand"] })).await;
        let facets = facets["facets"]["brand"].as_array().map_or(0, Vec::len);
        let name = customers["customers"][0]["name"].clone();
        json!([name, categories["result"], bought["result"], attributes, facets])
    };
    assert_eq!(seen().await, json!(["Ann", [], [], [], 0]));
    late.wait(5_000);
    assert_eq!(seen().await, json!(["Anna", [1], [1], [{ "name": "Jacket 1" }], 1]));
}
