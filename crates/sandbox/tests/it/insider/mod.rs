//! The emulator of Insider: what it takes in, what it refuses, and what it lets tests see.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use jiff::Timestamp;
use sandbox::insider::{AccountSettings, AccountView, Emulator, Feed, Moved, Rejection, Settings};
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Account {
    emulator: Emulator,
    view: AccountView,
    now: Arc<AtomicI64>,
}

fn account(change: impl FnOnce(&mut Settings)) -> Account {
    let locales = vec!["de_DE".to_owned(), "de_DE:berlin".to_owned(), "en_GB".to_owned()];
    let of = AccountSettings { locales, attributes: vec!["material".to_owned()], ..AccountSettings::sandbox() };
    let mut settings = Settings { accounts: vec![of], ..Settings::default() };
    change(&mut settings);
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || Timestamp::from_millisecond(clock.load(Ordering::Relaxed)).unwrap());
    let emulator = Emulator::with_clock(settings, clock);
    Account { view: emulator.account("sandbox").unwrap(), emulator, now }
}

impl Account {
    async fn send(&self, request: Request<Body>) -> (StatusCode, Value, Option<String>) {
        let response = self.emulator.router().oneshot(request).await.unwrap();
        let status = response.status();
        let wait = response.headers().get("retry-after").map(|it| it.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default(), wait)
    }

    fn request(path: &str) -> http::request::Builder {
        Request::post(path)
            .header("content-type", "application/json")
            .header("x-partner-name", "sandbox")
            .header("x-request-token", "sandbox-catalog-token")
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let (status, answer, _) = self.send(Self::request(path).body(Body::from(body.to_string())).unwrap()).await;
        (status, answer)
    }

    async fn accepted(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!((status, &answer["success"]), (StatusCode::OK, &json!(true)), "{answer}");
        answer["message"].clone()
    }

    fn record(&self, id: &str, locale: &str) -> Value {
        self.view.records().remove(id).and_then(|mut locales| locales.remove(locale)).unwrap_or_default()
    }
}

fn record(id: &str) -> Value {
    json!({
        "item_id": id, "locale": "de_DE", "name": "Schuh", "url": "https://shop.example/p/1",
        "image_url": "https://img.example/1.jpg", "price": { "EUR": 9.5 }, "original_price": { "EUR": 12 }, "in_stock": 1,
    })
}

fn with(mut record: Value, name: &str, value: Value) -> Value {
    record[name] = value;
    record
}

fn without(mut record: Value, name: &str) -> Value {
    record.as_object_mut().unwrap().remove(name);
    record
}

#[tokio::test]
async fn an_ingest_overwrites_the_record_and_an_update_changes_it() {
    let account = account(|_| {});
    account.accepted("/v2/ingest", &json!([with(record("A"), "brand", json!("Velox"))])).await;
    account.accepted("/v2/update", &json!([{ "item_id": "A", "locale": "de_DE", "in_stock": 0 }])).await;
    let held = account.record("A", "de_DE");
    assert_eq!((&held["brand"], &held["in_stock"], &held["name"]), (&json!("Velox"), &json!(0), &json!("Schuh")));
    account.accepted("/v2/ingest", &json!([record("A")])).await;
    assert_eq!(account.record("A", "de_DE"), record("A"), "what is not sent is lost");
}

#[tokio::test]
async fn an_update_of_what_is_not_there_is_silently_not_saved() {
    let account = account(|_| {});
    let said = account.accepted("/v2/update", &json!([{ "item_id": "A", "locale": "de_DE", "in_stock": 0 }])).await;
    assert_eq!((&said["valid"]["count"], &said["invalid"]["count"]), (&json!(1), &json!(0)));
    assert_eq!((account.view.records().len(), account.view.unknown_updates()), (0, 1));
}

#[tokio::test]
async fn a_nested_item_is_a_record_for_each_locale_and_store() {
    let account = account(|_| {});
    let item = json!({ "item_id": "A",
        "base": { "url": "https://shop.example/p/1", "image_url": "//img.example/1.jpg", "name": "Base" },
        "locales": {
            "en_GB": { "name": "Shoe", "price": { "GBP": 8 }, "original_price": { "GBP": 8 }, "in_stock": 1 },
            "de_DE": { "price": { "EUR": 9 }, "original_price": { "EUR": 9 }, "in_stock": 1,
                "stores": { "main": { "stock_count": 5 }, "berlin": { "price": { "EUR": 8 }, "in_stock": 0 } } },
        } });
    let said = account.accepted("/v2/ingest/nested", &json!([item])).await;
    assert_eq!(said["valid"]["count"], 3);
    let of = |locale: &str, name: &str| account.record("A", locale)[name].clone();
    assert_eq!((of("en_GB", "name"), of("de_DE", "name")), (json!("Shoe"), json!("Base")));
    assert_eq!((of("de_DE", "stock_count"), of("de_DE", "price")), (json!(5), json!({ "EUR": 9 })));
    assert_eq!((of("de_DE:berlin", "price"), of("de_DE:berlin", "in_stock")), (json!({ "EUR": 8 }), json!(0)));
    assert_eq!(of("de_DE:berlin", "stock_count"), Value::Null);
    let stores = json!({ "main": { "name": "x" } });
    let wrong = json!([{ "item_id": "A", "locales": { "de_DE": { "stores": stores } } }]);
    let (status, answer) = account.post("/v2/update/nested", &wrong).await;
    assert_eq!((status, &answer["success"]), (StatusCode::BAD_REQUEST, &json!(false)), "{answer}");
}

#[tokio::test]
async fn each_record_is_refused_by_itself_with_its_reason() {
    let account = account(|_| {});
    for (bad, field) in [
        (without(record("B"), "name"), "name"),
        (with(record("B"), "name", json!(" undefined ")), "name"),
        (with(record("B"), "name", json!("x".repeat(513))), "name"),
        (with(record("B"), "url", json!("/p/1")), "url"),
        (with(record("B"), "image_url", json!("img.jpg")), "image_url"),
        (without(record("B"), "original_price"), "original_price"),
        (with(record("B"), "price", json!(9.5)), "price"),
        (with(record("B"), "price", json!({})), "price"),
        (with(record("B"), "price", json!({ "EUR": -1 })), "price"),
        (with(record("B"), "in_stock", json!(true)), "in_stock"),
        (with(record("B"), "in_stock", json!(2)), "in_stock"),
        (with(record("B"), "stock_count", json!(-1)), "stock_count"),
        (with(record("B"), "rating", json!(11)), "rating"),
        (with(record("B"), "description", json!("x".repeat(1025))), "description"),
        (with(record("B"), "category", json!("Schuhe")), "category"),
        (with(record("B"), "category", json!(["x".repeat(500), "y".repeat(500), "z".repeat(100)])), "category"),
        (with(record("B"), "tags", json!(["x".repeat(513)])), "tags"),
        (with(record("B"), "item_update_date", json!("2026-03-01T10:00:00Z")), "item_update_date"),
        (with(record("B"), "locale", json!("de-DE")), "locale"),
        (with(record("B"), "locale", json!("fr_FR")), "locale"),
        (with(record("B"), "item_id", json!("x".repeat(129))), "item_id"),
        (with(record("B"), "item_id", json!(7)), "item_id"),
        (with(record("B"), "product_attributes", json!({ "material": "x".repeat(600_000) })), "item_id"),
    ] {
        let said = account.accepted("/v2/ingest", &json!([record("A"), bad])).await;
        assert_eq!((&said["valid"]["count"], &said["invalid"]["count"]), (&json!(1), &json!(1)), "{field}: {said}");
        assert_eq!(said["invalid"]["details"][0]["field"], field, "{said}");
        assert!(!account.view.records().contains_key("B"), "{field}");
    }
    let dated = with(record("A"), "item_update_date", json!("2026-03-01 10:00:00"));
    assert_eq!(account.accepted("/v2/ingest", &json!([dated])).await["invalid"]["count"], 0);
}

#[tokio::test]
async fn the_feed_type_decides_what_is_required() {
    for (feed, missing) in [
        (Feed::Availability, vec!["in_stock"]),
        (Feed::PublishedTime, vec!["item_update_date"]),
        (Feed::StartAndEndTime, vec!["item_end_date", "item_start_date"]),
    ] {
        let account = account(|settings| settings.accounts[0].feed = feed);
        let bare = without(without(without(record("A"), "price"), "original_price"), "in_stock");
        let said = account.accepted("/v2/ingest", &json!([bare])).await;
        let fields: Vec<&str> =
            said["invalid"]["details"].as_array().unwrap().iter().filter_map(|it| it["field"].as_str()).collect();
        assert_eq!(fields, missing);
    }
}

#[tokio::test]
async fn counts_are_of_records_and_ids_of_items() {
    let account = account(|settings| settings.most_document_ids = 2);
    account.view.reject(Rejection { item_id: "A".to_owned(), locale: None });
    let item = |id: &str| {
        let mut fields = without(without(record(id), "item_id"), "locale");
        fields["price"] = json!({ "EUR": 1, "GBP": 1 });
        json!({ "item_id": id, "locales": { "de_DE": fields, "en_GB": fields } })
    };
    let said = account.accepted("/v2/ingest/nested", &json!([item("A"), item("B")])).await;
    assert_eq!((&said["valid"]["count"], &said["invalid"]["count"]), (&json!(2), &json!(2)));
    let detail = &said["invalid"]["details"][0];
    assert_eq!((&detail["count"], &detail["document_ids"]), (&json!(2), &json!(["A"])));
    assert_eq!(said["invalidRatio"], 0.5);
}

#[tokio::test]
async fn undefined_attributes_and_unknown_fields_are_dropped_with_a_warning() {
    let account = account(|_| {});
    let odd = with(
        with(record("A"), "colour", json!("red")),
        "product_attributes",
        json!({ "material": "wool", "fit": "slim" }),
    );
    let said = account.accepted("/v2/ingest", &json!([odd])).await;
    assert_eq!((&said["valid"]["count"], &said["warnings"]["count"]), (&json!(1), &json!(1)));
    let held = account.record("A", "de_DE");
    assert_eq!((&held["colour"], &held["product_attributes"]), (&Value::Null, &json!({ "material": "wool" })));
}

#[tokio::test]
async fn locales_are_registered_once_and_hyphens_refused() {
    let account = account(|_| {});
    let locale = |code: &str, store: Value| json!([{ "language_and_country_code": code, "store_id": store }]);
    for (body, created) in [
        (locale("tr_TR", json!("Ankara")), 1),
        (locale("tr_TR", json!("Ankara")), 0),
        (locale("tr_TR", Value::Null), 1),
        (locale("tr_TR", json!("main")), 0),
    ] {
        let (status, answer) = account.post("/v2/locales/batch", &body).await;
        assert_eq!((status, &answer["created_locale_count"]), (StatusCode::OK, &json!(created)));
    }
    assert!(account.view.locales().contains("tr_TR:Ankara"));
    for bad in [
        locale("tr-TR", Value::Null),
        locale("TR", Value::Null),
        locale("tr_TR", json!("")),
        locale("tr_TR", json!("a:b")),
        json!([]),
    ] {
        assert_eq!(account.post("/v2/locales/batch", &bad).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn a_minute_has_sixty_requests_over_all_endpoints() {
    let account = account(|_| {});
    let body = json!([{ "item_id": "A", "locale": "de_DE", "in_stock": 0 }]);
    for at in 0..60 {
        let path = ["/v2/update", "/v2/ingest"][at % 2];
        assert_eq!(account.post(path, &body).await.0, StatusCode::OK);
        account.now.fetch_add(500, Ordering::Relaxed);
    }
    let over = || {
        Account::request("/v2/locales/batch").body(Body::from("[{\"language_and_country_code\":\"fr_FR\"}]")).unwrap()
    };
    let (status, answer, wait) = account.send(over()).await;
    assert_eq!(
        (status, &answer["success"], wait.as_deref()),
        (StatusCode::TOO_MANY_REQUESTS, &json!(false), Some("30"))
    );
    assert!(!account.view.locales().contains("fr_FR"));
    account.now.fetch_add(30_000, Ordering::Relaxed);
    assert_eq!(account.send(over()).await.0, StatusCode::OK, "the first one is a minute ago");
}

#[tokio::test]
async fn headers_types_and_sizes_are_looked_at_before_anything_is_done() {
    let account = account(|settings| (settings.body_bytes, settings.most_records) = (2000, 3));
    let body = || json!([record("A")]).to_string();
    let of = |name: &'static str, value: &'static str, body: String| {
        let mut request = Account::request("/v2/ingest").body(Body::from(body)).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    for (request, status, text) in [
        (of("content-type", "text/plain", body()), 400, "content type must be application/json"),
        (of("x-partner-name", "Sandbox", body()), 400, "Partner is invalid."),
        (of("x-request-token", "other", body()), 403, "Access Denied."),
        (of("x-other", "1", "[{".to_owned()), 400, "not in valid JSON format"),
        (of("x-other", "1", "x".repeat(2001)), 400, "bigger than maximum allowed size 2000 bytes"),
        (of("x-other", "1", "{}".to_owned()), 400, "array"),
        (of("x-other", "1", "[{},{},{},{}]".to_owned()), 400, "More than 3 records were sent."),
    ] {
        let (answered, answer, _) = account.send(request).await;
        assert_eq!(answered.as_u16(), status, "{answer}");
        assert!(answer.to_string().contains(text), "{answer}");
    }
    account.view.disable(true);
    assert_eq!(account.post("/v2/ingest", &json!([record("A")])).await.0, StatusCode::FORBIDDEN);
    assert!(account.view.records().is_empty());
}

#[tokio::test]
async fn what_starts_journeys_is_kept_in_order() {
    let account = account(|settings| settings.update_merges_prices = true);
    let change = |name: &str, value: Value| json!([with(json!({ "item_id": "A", "locale": "de_DE" }), name, value)]);
    account.accepted("/v2/ingest", &json!([record("A")])).await;
    for (name, value) in [
        ("in_stock", json!(0)),
        ("in_stock", json!(0)),
        ("price", json!({ "CHF": 8 })),
        ("price", json!({ "EUR": 7 })),
        ("in_stock", json!(1)),
        ("is_status_passive", json!(1)),
    ] {
        account.accepted("/v2/update", &change(name, value)).await;
    }
    let moved: Vec<Moved> = account.view.transitions().into_iter().map(|it| it.what).collect();
    let drop = Moved::PriceDrop { currency: "EUR".to_owned(), from: 9.5, to: 7.0 };
    assert_eq!(moved, [Moved::SoldOut, drop, Moved::BackInStock, Moved::Hidden]);
    assert_eq!(account.record("A", "de_DE")["price"], json!({ "EUR": 7, "CHF": 8 }));
}

/// The answer to a request for recommendations.
async fn recommended(account: &Account, query: &str) -> (StatusCode, Value) {
    let request = Request::get(format!("/v2/{query}")).header("x-auth-token", "sandbox-recommendation-token");
    let (status, answer, _) = account.send(request.body(Body::empty()).unwrap()).await;
    (status, answer)
}

#[tokio::test]
async fn what_is_passive_sold_out_or_in_another_locale_is_not_recommended() {
    let account = account(|_| {});
    let hidden = with(record("hidden"), "is_status_passive", json!(1));
    let sold_out = with(record("sold-out"), "in_stock", json!(0));
    let british = with(record("british"), "locale", json!("en_GB"));
    let records = json!([with(record("a"), "price", json!({ "EUR": 6 })), record("b"), hidden, sold_out, british]);
    account.accepted("/v2/ingest", &records).await;

    let (status, answer) =
        recommended(&account, "highest-discounted?partnerName=sandbox&locale=de_DE&currency=EUR").await;
    let wanted = json!({ "success": true, "total": 2, "types": { "hdop": 2 }, "data": ["a", "b"] });
    assert_eq!((status, answer), (StatusCode::OK, wanted));
    let (_, answer) = recommended(&account, "most-popular?partnerName=sandbox&locale=en_GB&details=true").await;
    assert_eq!(answer["data"][0]["url"], "https://shop.example/p/1", "{answer}");
    assert_eq!(answer["types"], json!({ "naop": 1 }));
}

#[tokio::test]
async fn a_request_for_recommendations_that_lacks_something_is_refused() {
    let account = account(|_| {});
    for (query, message) in [
        ("new-arrivals?locale=de_DE", "Missing parameter: partnerName"),
        ("new-arrivals?partnerName=sandbox", "Missing parameter: locale"),
        ("new-arrivals?partnerName=sandbox&locale=fr_FR", "Locale is invalid."),
        ("highest-discounted?partnerName=sandbox&locale=de_DE", "Missing parameter: currency"),
        ("new-arrivals?partnerName=sandbox&locale=de_DE&size=101", "Maximum allowed size is 100."),
    ] {
        let (status, answer) = recommended(&account, query).await;
        let wanted = json!({ "success": false, "message": message, "data": [] });
        assert_eq!((status, answer), (StatusCode::BAD_REQUEST, wanted), "{query}");
    }
    let catalogue_key = Account::request("/v2/new-arrivals?partnerName=sandbox&locale=de_DE").method("GET");
    let (status, ..) = account.send(catalogue_key.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "the key of the catalogue is not the key of recommendations");
}
