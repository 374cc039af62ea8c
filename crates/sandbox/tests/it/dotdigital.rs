//! The emulator of Dotdigital: imports in their own time, types that stay, and limits that headers tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request};
use jiff::Timestamp;
use sandbox::dotdigital::{Complete, Emulator, Ending, Settings};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const START: i64 = 1_700_000_000_000;
pub(crate) const IMPORT_MS: i64 = 900;

pub(crate) struct Account {
    pub(crate) emulator: Emulator,
    now: Arc<AtomicI64>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Status and error code.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["errorCode"].as_str().unwrap_or_default())
    }

    fn header(&self, name: &str) -> i64 {
        self.headers[name].to_str().unwrap().parse().unwrap()
    }
}

pub(crate) fn account(change: impl FnOnce(&mut Settings)) -> Account {
    let mut settings = Settings { import_ms: IMPORT_MS.unsigned_abs(), ..Settings::default() };
    change(&mut settings);
    let now = Arc::new(AtomicI64::new(START));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || Timestamp::from_millisecond(clock.load(Ordering::Relaxed)).unwrap());
    Account { emulator: Emulator::with_clock(settings, clock), now }
}

async fn answer(router: Router, method: &str, path: &str, body: &Value, credentials: &str) -> Answer {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "r1.test")
        .header("authorization", format!("Basic {}", STANDARD.encode(credentials)))
        .body(Body::from(text))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    Answer { status, headers, body }
}

impl Account {
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let Settings { user, password, .. } = self.emulator.settings();
        answer(self.emulator.router(), method, path, &body, &format!("{user}:{password}")).await
    }

    async fn create(&self, name: &str) -> Answer {
        let path = format!("/insightData/v3/collections/{name}?collectionScope=account&collectionType=catalog");
        self.call("POST", &path, Value::Null).await
    }

    /// Submits an import of these records.
    async fn import(&self, records: Value) -> Answer {
        let body = json!({
            "collectionName": "Catalog_de", "collectionScope": "account", "collectionType": "catalog", "records": records,
        });
        self.call("PUT", "/insightData/v3/import", body).await
    }

    pub(crate) async fn report(&self, import: &Answer) -> Value {
        let path = format!("/insightData/v3/import/{}", import.body["importId"].as_str().unwrap());
        self.call("GET", &path, Value::Null).await.body
    }

    pub(crate) fn wait(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

fn product(key: &str) -> Value {
    json!({ "key": key, "json": { "id": key, "name": "Hut", "price": 56.0, "sku": key, "stock": 3 } })
}

#[tokio::test]
async fn an_import_takes_its_time_and_says_which_records_it_refused() {
    for (complete, word) in [(Complete::Finished, "Finished"), (Complete::Complete, "Complete")] {
        let account = account(|settings| settings.complete = complete);
        account.emulator.refuse("p2");
        let import = account.import(json!([product("p1"), product("p2"), product("p1"), product("p3")])).await;
        assert_eq!(import.status, 202);
        assert_eq!(account.report(&import).await["status"], "NotStarted");
        assert!(account.emulator.records("Catalog_de").is_empty(), "nothing before its end");
        account.wait(IMPORT_MS / 2);
        assert_eq!(account.report(&import).await["status"], "Processing");
        account.wait(IMPORT_MS);
        let report = account.report(&import).await;
        assert_eq!(report["status"], word);
        assert_eq!(report["summary"], json!({ "totalRecords": 4, "totalImported": 2, "totalRejected": 2 }));
        let reasons: Vec<_> = report["failures"].as_array().unwrap().iter().map(|it| &it["failureReason"]).collect();
        assert_eq!(reasons, ["Unknown", "DuplicateKey"]);
        assert_eq!(account.emulator.records("Catalog_de").keys().collect::<Vec<_>>(), ["p1", "p3"]);
    }
    let account = account(|_| {});
    assert_eq!(
        account.call("GET", "/insightData/v3/import/none", Value::Null).await.refusal(),
        (404, "insightData:importNotFound")
    );
}

#[tokio::test]
async fn five_imports_may_be_under_way_and_one_that_fails_stores_nothing() {
    let account = account(|_| {});
    account.emulator.end_imports(Ending::Never);
    for _ in 0..5 {
        assert_eq!(account.import(json!([product("p1")])).await.status, 202);
    }
    assert_eq!(account.import(json!([product("p1")])).await.refusal(), (429, "insightData:tooManyActiveImports"));
    let other = self::account(|_| {});
    other.emulator.end_imports(Ending::Failed);
    let import = other.import(json!([product("p1")])).await;
    other.wait(IMPORT_MS);
    assert_eq!(other.report(&import).await["status"], "Failed");
    assert!(other.emulator.records("Catalog_de").is_empty());
}

#[tokio::test]
async fn the_first_value_of_a_field_fixes_its_type_in_every_way_of_writing() {
    let account = account(|_| {});
    account.create("Catalog_de").await;
    let put = |key: &'static str, record: Value| {
        let account = &account;
        async move { account.call("PUT", &format!("/insightData/v3/account/Catalog_de/{key}"), record).await }
    };
    let first =
        json!({ "name": "Hut", "price": 56.0, "at": "2026-01-02T03:04:05Z", "tags": ["a"], "more": { "n": 1 } });
    assert_eq!(put("p1", first.clone()).await.status, 201);
    assert_eq!(put("p1", first).await.status, 204, "it replaces");
    // A further field is no clash, and a record in a string is one, too.
    assert_eq!(put("p2", json!("{\"name\": \"Mütze\", \"colour\": \"rot\"}")).await.status, 201);
    for clash in [
        json!({ "name": 4 }),
        json!({ "price": "56.0" }),
        json!({ "tags": "a" }),
        json!({ "more": ["n"] }),
        json!({ "more": { "n": "1" } }),
        json!({ "colour": true }),
    ] {
        let refused = put("p3", clash.clone()).await;
        assert_eq!(refused.refusal(), (400, "insightData:badRequest"), "{clash}");
        let detail = refused.body["details"][0]["description"].as_str().unwrap();
        assert!(detail.contains("already exists in this collection and new values must be of this type"), "{detail}");
    }
    for (wrong, reason) in [
        (json!({ "a b": 1 }), "JsonKeyInvalidCharacters"),
        (json!({ "nested": [[1]] }), "JsonContainsNestedArray"),
        (json!({ "text": "x".repeat(1_001) }), "JsonValueTooLong"),
    ] {
        let refused = put("p3", wrong).await;
        let detail = refused.body["details"][0]["description"].as_str().unwrap();
        assert!(detail.starts_with(reason), "{detail}");
    }
    let import = account.import(json!([{ "key": "p3", "json": { "price": "56.0" } }, product("p4")])).await;
    account.wait(IMPORT_MS);
    let report = account.report(&import).await;
    assert_eq!(report["failures"][0]["failureReason"], "JsonValueIncompatibleWithSchema");
    assert_eq!(account.emulator.records("Catalog_de").keys().collect::<Vec<_>>(), ["p1", "p2", "p4"]);
    // The schema says which types there are, also after the records are gone.
    account.call("DELETE", "/insightData/v3/collections/Catalog_de/empty", Value::Null).await;
    let schema = account.call("GET", "/insightData/v3/collections/Catalog_de/schema", Value::Null).await.body;
    let columns =
        schema["schema"].as_array().unwrap().iter().find(|it| it["name"] == "json").unwrap()["fields"].clone();
    let of = |name: &str| columns.as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()["type"].clone();
    assert_eq!([of("name"), of("price"), of("at"), of("more")], ["STRING", "FLOAT", "TIMESTAMP", "RECORD"]);
    assert_eq!(put("p5", json!({ "price": "56.0" })).await.status, 400);
}

#[tokio::test]
async fn collections_have_names_scopes_and_types() {
    let account = account(|_| {});
    assert_eq!(account.create("Catalog_de").await.status, 201);
    assert_eq!(account.create("Catalog_de").await.status, 200);
    for name in ["1st", "a%20b", "x", "gr%C3%B6%C3%9Fe"] {
        assert_eq!(account.create(name).await.refusal(), (400, "insightData:invalidId"), "{name}");
    }
    let other = "/insightData/v3/collections/Catalog_de?collectionScope=contact&collectionType=orders";
    assert_eq!(account.call("POST", other, Value::Null).await.status, 400);
    let told = account.call("GET", "/insightData/v3/collections", Value::Null).await.body;
    let expected = json!([{
        "collectionName": "Catalog_de", "collectionType": "catalog", "collectionScope": "account", "recordCount": 0,
    }]);
    assert_eq!(told, expected);
    let nowhere = account.call("PUT", "/insightData/v3/account/Catalog_uk/p1", json!({ "name": "Hat" })).await;
    assert_eq!(nowhere.refusal(), (404, "insightData:collectionNotFound"), "a single record creates no collection");
}

#[tokio::test]
async fn records_are_read_page_by_page_and_deleted_by_their_keys() {
    let account = account(|_| {});
    for key in ["p1", "p2", "p3"] {
        account.emulator.put("Catalog_de", key, json!({ "name": key })).unwrap();
    }
    let page = account.call("GET", "/insightData/v3/account/Catalog_de?limit=2", Value::Null).await.body;
    let keys = |page: &Value| page["_items"].as_array().unwrap().iter().map(|it| it["key"].clone()).collect::<Vec<_>>();
    assert_eq!(keys(&page), ["p1", "p2"]);
    let next = page["_links"]["next"]["link"].as_str().unwrap();
    let last = account.call("GET", next, Value::Null).await.body;
    assert_eq!((keys(&last), last["_links"].get("next")), (vec![json!("p3")], None));
    let path = "/insightData/v3/accounts/Catalog_de/deleteRecords";
    let deleted = account.call("DELETE", path, json!({ "keys": ["p1", "p9"] })).await;
    assert_eq!(deleted.body["summary"], json!({ "totalRecords": 2, "totalDeleted": 1, "totalNotFound": 1 }));
    assert_eq!(deleted.body["notFound"], json!(["p9"]));
    assert_eq!(account.call("DELETE", path, json!({})).await.refusal(), (400, "insightData:noRecordsSpecified"));
    let gone = account.call("GET", "/insightData/v3/account/Catalog_de/p1", Value::Null).await;
    assert_eq!(gone.refusal(), (404, "insightData:recordNotFound"));
}

#[tokio::test]
async fn each_tier_has_a_limit_of_its_own_and_the_headers_say_what_is_left() {
    for retry_after in [false, true] {
        let account = account(|settings| {
            settings.low = 2;
            settings.retry_after = retry_after;
        });
        let first = account.import(json!([product("p1")])).await;
        assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), (2, 1));
        assert_eq!(first.headers["x-ratelimit-scope"], "lowCallRate");
        assert_eq!(first.header("x-ratelimit-reset"), START / 1_000 + 60, "in seconds since 1970");
        account.import(json!([product("p2")])).await;
        account.wait(20_000);
        let refused = account.import(json!([product("p3")])).await;
        assert_eq!(refused.refusal(), (429, "insightData:tooManyRequests"));
        assert_eq!(refused.headers.get("retry-after").is_some(), retry_after);
        assert_eq!(account.call("GET", "/v2/account-info", Value::Null).await.status, 200, "another tier");
        assert_eq!(account.report(&first).await["status"], "Finished", "and one without a limit");
        account.wait(40_000);
        assert_eq!(account.import(json!([product("p3")])).await.status, 202);
    }
}

#[tokio::test]
async fn the_account_is_told_its_host_by_any_region_and_served_by_its_own() {
    let account = account(|settings| settings.api_endpoint = Some("https://r3-api.test/".to_owned()));
    let Settings { user, password, .. } = account.emulator.settings().clone();
    let right = format!("{user}:{password}");
    let endpoint = |answer: &Answer| {
        let properties = answer.body["properties"].as_array().unwrap().clone();
        properties.into_iter().find(|it| it["name"] == "ApiEndpoint").unwrap()["value"].clone()
    };
    let told = answer(account.emulator.other_region(), "GET", "/v2/account-info", &Value::Null, &right).await;
    assert_eq!(endpoint(&told), "https://r3-api.test/");
    let refused =
        answer(account.emulator.other_region(), "GET", "/insightData/v3/collections", &Value::Null, &right).await;
    assert_eq!((refused.status, refused.body), (403, json!("Forbidden: Access is denied")));
    let wrong = format!("{user}:wrong");
    assert_eq!(answer(account.emulator.router(), "GET", "/v2/account-info", &Value::Null, &wrong).await.status, 401);
    account.emulator.disable(true);
    assert_eq!(account.call("GET", "/v2/account-info", Value::Null).await.status, 401);
}
