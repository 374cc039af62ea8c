//! The five resources: what is stored, what is refused and how it is told.

use std::sync::Arc;

use reqwest::Method;
use sandbox::clerk::{
    CategoryDelete, OperationCount, PatchUnknown, Rejection, Resource, Settings, StoreSettings, Validation,
};
use sandbox::fault::FaultPlan;
use serde_json::{Value, json};

use super::{Clerk, KEY, PRIVATE, category, product, product_with};

#[tokio::test]
async fn a_product_is_written_read_changed_and_deleted() {
    let clerk = Clerk::start().await;
    assert_eq!(clerk.post("/v2/products", json!({"products": [product(1), product(2)]})).await.told(), "200 ok");
    let read = clerk.read("products", &json!([2, 99])).await.json();
    assert_eq!(read, json!({"status": "ok", "products": [product(2)]}));

    // PATCH keeps what it doesn't name, POST doesn't.
    clerk.post("/v2/products", json!({"products": [product_with(1, json!({"stock": 5, "brand": "Nordby"}))]})).await;
    assert_eq!(clerk.patch("/v2/products", json!({"products": [{"id": 1, "stock": 7}]})).await.told(), "200 ok");
    assert_eq!(clerk.store().products()["1"], product_with(1, json!({"stock": 7, "brand": "Nordby"})));
    clerk.post("/v2/products", json!({"products": [product(1)]})).await;
    assert_eq!(clerk.store().products()["1"], product(1));

    // Written as numbers, deleted as texts: plugins do that.
    assert_eq!(clerk.delete("products", &json!(["1", "404"])).await.told(), "200 ok");
    assert_eq!(clerk.store().products().keys().collect::<Vec<_>>(), ["2"]);

    let operations = clerk.store().operations();
    assert_eq!(operations["POST products"], OperationCount { calls: 3, items: 4, refused: 0 });
    assert_eq!(operations["PATCH products"], OperationCount { calls: 1, items: 1, refused: 0 });
    assert_eq!(operations["DELETE products"], OperationCount { calls: 1, items: 2, refused: 0 });
    let calls = clerk.store().calls();
    let body = serde_json::from_slice::<Value>(calls[2].body.as_ref().unwrap()).unwrap();
    assert_eq!((calls[2].operation.as_str(), &body["products"]), ("PATCH products", &json!([{"id": 1, "stock": 7}])));
}

#[tokio::test]
async fn stores_share_nothing_and_keys_are_checked() {
    let clerk = Clerk::start().await;
    clerk.post("/v2/products", json!({"products": [product(1)]})).await;
    assert!(clerk.emulator.store("uk").unwrap().products().is_empty());
    let wrong = "401 AuthenticationError: Invalid API key";
    let wrong_private = "401 AuthenticationError: Invalid private API key";
    for (key, private_key, expected) in [
        (json!("nobody"), json!(PRIVATE), wrong),
        (Value::Null, json!(PRIVATE), wrong),
        (json!(KEY), json!("sandboxUKprivate"), wrong_private),
        (json!(KEY), Value::Null, wrong_private),
    ] {
        let mut body = json!({"products": [product(2)]});
        for (name, value) in [("key", key), ("private_key", private_key)] {
            if !value.is_null() {
                body[name] = value;
            }
        }
        assert_eq!(clerk.send(Method::POST, "/v2/products", body.to_string()).await.told(), expected);
    }
    clerk.store().disable(true);
    assert_eq!(clerk.post("/v2/products", json!({"products": []})).await.told(), wrong);
    assert_eq!(clerk.get(&format!("/v2/recommendations/popular?key={KEY}&limit=1")).await.told(), wrong);
    assert!(!format!("{:?}", Settings::default()).contains("private"), "keys stay out of Debug");
}

#[tokio::test]
async fn the_envelope_of_an_error_has_everything_but_a_code() {
    let clerk = Clerk::start().await;
    let answer = clerk.get("/v2/recommendations/popular?limit=1").await;
    let json = answer.json();
    let names = json.as_object().unwrap().keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names, ["id", "message", "moreInfo", "status", "type"].into());
    assert!(json["moreInfo"].as_str().unwrap().ends_with(json["id"].as_str().unwrap()));

    assert_eq!(clerk.get("/v2/openapi.json").await.told(), "200 AuthenticationError: Invalid API key");
    let soft = Clerk::with(Settings { errors_as_200: true, ..Settings::default() }).await;
    assert_eq!(
        soft.get("/v2/recommendations/popular?limit=1").await.told(),
        "200 AuthenticationError: Invalid API key"
    );
}

#[tokio::test]
async fn malformed_calls_are_told_by_argument() {
    let clerk = Clerk::start().await;
    let broken = "400 ParsingError: Request body is not a JSON object";
    for body in ["[]", "{\"products\":[", "not json", "{\"key\":\"a\"} {}", "\u{feff}{}"] {
        assert_eq!(clerk.send(Method::POST, "/v2/products", body.to_owned()).await.told(), broken, "{body}");
    }
    let invalid = "400 ParsingError: Invalid Syntax In Argument: products";
    for products in [json!({}), json!(1), json!("1"), json!(null), json!(true), json!(1.5), json!([[1]]), json!([1])] {
        assert_eq!(clerk.post("/v2/products", json!({"products": products})).await.told(), invalid, "{products}");
    }
    assert_eq!(clerk.post("/v2/products", json!({})).await.told(), "400 ParsingError: Missing Argument products");
    // A plugin nests ids by mistake.
    assert_eq!(clerk.delete("products", &json!([[1]])).await.told(), invalid);
    assert_eq!(clerk.delete("products", &json!("1")).await.told(), invalid);
    let path = format!("/v2/products?key={KEY}&private_key={PRIVATE}");
    assert_eq!(clerk.send(Method::PUT, &path, String::new()).await.told(), "400 LogicalError: PUT is not supported");
}

#[tokio::test]
async fn keys_may_stay_in_the_query_and_the_content_type_does_not_matter() {
    let clerk = Clerk::start().await;
    let url = clerk.host.url(&format!("/v2/products?key={KEY}&private_key={PRIVATE}"));
    let request = clerk.client.post(url).header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(json!({"products": [product(1)]}).to_string()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let products = json!([product(2)]).to_string().replace(' ', "%20");
    let path = format!("/v2/product/add?key={KEY}&private_key={PRIVATE}&products={products}");
    assert_eq!(clerk.get(&path).await.told(), "200 ok");
    assert_eq!(clerk.store().products().len(), 2);
    assert_eq!(
        clerk.get(&format!("/v2/product/remove?key={KEY}&private_key={PRIVATE}&products=[1,2]")).await.told(),
        "200 ok"
    );
    assert!(clerk.store().products().is_empty());
    assert_eq!(clerk.store().operations()["GET product/remove"].items, 2);
}

fn changed(field: &str, value: Value) -> Value {
    let mut product = product(1);
    match value {
        Value::Null => drop(product.as_object_mut().unwrap().remove(field)),
        value => product[field] = value,
    }
    product
}

#[tokio::test]
async fn a_strict_store_refuses_a_batch_for_one_bad_field() {
    let clerk = Clerk::start().await;
    for field in ["id", "name", "description", "price", "image", "url", "categories", "created_at"] {
        let answer = clerk.post("/v2/products", json!({"products": [product(7), changed(field, Value::Null)]})).await;
        assert_eq!(answer.told(), format!("400 ParsingError: Missing Argument {field}"));
    }
    for (field, value) in [
        ("id", json!(1.5)),
        ("id", json!("")),
        ("id", json!([1])),
        ("name", json!(5)),
        ("price", json!("12.50")),
        ("image", json!("/relative.jpg")),
        ("url", json!("//shop.example/p")),
        ("categories", json!("12")),
        ("categories", json!([{"id": 1}])),
        ("created_at", json!("2024-01-01T00:00:00Z")),
        ("created_at", json!("1718000000")),
        ("created_at", json!(1_718_000_000_000_i64)),
        ("created_at", json!(1_718_000_000.5)),
        ("stock", json!(1.5)),
        ("on_sale", json!("true")),
        ("colors", json!(1)),
    ] {
        let answer = clerk.post("/v2/products", json!({"products": [product(7), changed(field, value.clone())]})).await;
        assert_eq!(answer.told(), format!("400 ParsingError: Invalid Syntax In Argument: {field}"), "{value}");
    }
    assert!(clerk.store().products().is_empty(), "a refused batch leaves nothing");
    assert_eq!(clerk.store().operations()["POST products"], OperationCount { calls: 24, items: 0, refused: 24 });
    let answer = clerk.patch("/v2/products", json!({"products": [{"stock": 1}]})).await;
    assert_eq!(answer.told(), "400 ParsingError: Missing Argument id");
}

#[tokio::test]
async fn a_lenient_store_keeps_incomplete_products_out_of_results() {
    let clerk = Clerk::with(Settings { validation: Validation::Lenient, ..Settings::default() }).await;
    let products = json!([
        changed("image", Value::Null),
        product_with(2, json!({"created_at": "2024-01-01T00:00:00Z"})),
        product_with(3, json!({"price": "12.50"})),
    ]);
    assert_eq!(clerk.post("/v2/products", json!({"products": products})).await.told(), "200 ok");
    assert_eq!(clerk.store().products().len(), 3);
    assert_eq!(clerk.store().warnings()["products: created_at is not what is documented"], 1);
    let popular = clerk.get(&format!("/v2/recommendations/popular?key={KEY}&limit=9")).await.json();
    assert_eq!(popular["result"], json!([2, 3]));
    // What was missing arrives, and the product is seen.
    clerk.patch("/v2/products", json!({"products": [{"id": 1, "image": "https://shop.example/i.jpg"}]})).await;
    let popular = clerk.get(&format!("/v2/recommendations/popular?key={KEY}&limit=9")).await.json();
    assert_eq!(popular["count"], 3);
}

#[tokio::test]
async fn attributes_with_other_names_and_nulls_vanish() {
    let clerk = Clerk::start().await;
    let odd = product_with(
        1,
        json!({"wash-care": "30", "größe": "M", "": 1, "brand": null, "fine_1": "\"x\"", "o": {"a-b": null}}),
    );
    clerk.post("/v2/products", json!({"products": [odd]})).await;
    assert_eq!(clerk.store().products()["1"], product_with(1, json!({"fine_1": "\"x\"", "o": {"a-b": null}})));
    assert_eq!(clerk.store().warnings()["products: attribute wash-care ignored for its name or null"], 1);
    clerk.patch("/v2/products", json!({"products": [{"id": 1, "fine_1": null, "stock": 1}]})).await;
    assert_eq!(clerk.store().products()["1"]["fine_1"], "\"x\"");
}

#[tokio::test]
async fn id_types_can_be_held_strictly() {
    let clerk = Clerk::start().await;
    clerk.post("/v2/products", json!({"products": [product(1), product_with(2, json!({"id": "a"}))]})).await;
    assert_eq!(clerk.store().warnings()["products: id of another type than the store's first"], 1);
    let strict = Clerk::with(Settings { strict_id_types: true, ..Settings::default() }).await;
    strict.post("/v2/products", json!({"products": [product(1)]})).await;
    let answer = strict
        .post(
            "/v2/categories",
            json!({"categories": [{"id": "1", "name": "x", "url": "https://x.example", "subcategories": []}]}),
        )
        .await;
    assert_eq!(answer.told(), "400 ParsingError: Invalid Syntax In Argument: categories");
    // A refused first batch decides nothing.
    let fresh = Clerk::with(Settings { strict_id_types: true, ..Settings::default() }).await;
    fresh.post("/v2/products", json!({"products": [product(1), product_with(2, json!({"id": "a"}))]})).await;
    let answer = fresh.post("/v2/products", json!({"products": [product_with(2, json!({"id": "a"}))]})).await;
    assert_eq!(answer.told(), "200 ok");
}

#[tokio::test]
async fn unknown_ids_and_batch_sizes_follow_the_settings() {
    let clerk = Clerk::start().await;
    assert_eq!(clerk.patch("/v2/products", json!({"products": [{"id": 1, "stock": 1}]})).await.told(), "200 ok");
    assert!(clerk.store().products().is_empty());
    let settings =
        Settings { patch_unknown: PatchUnknown::LogicalError, max_batch_items: Some(2), ..Settings::default() };
    let clerk = Clerk::with(settings).await;
    let answer = clerk.patch("/v2/products", json!({"products": [{"id": 1, "stock": 1}]})).await;
    assert_eq!(answer.told(), "400 LogicalError: Unknown id in argument: products");
    let answer = clerk.post("/v2/products", json!({"products": [product(1), product(2), product(3)]})).await;
    assert_eq!(answer.told(), "400 LogicalError: Too many items in argument: products");
}

#[tokio::test]
async fn a_poisoned_product_takes_its_batch_with_it() {
    let clerk = Clerk::start().await;
    clerk.store().reject(Rejection { resource: Resource::Products, field: "sku".into(), equals: json!("BAD") });
    let bad = product_with(2, json!({"sku": "BAD"}));
    let answer = clerk.post("/v2/products", json!({"products": [product(1), bad]})).await;
    assert_eq!(answer.told(), "400 LogicalError: Value of sku is not accepted");
    assert!(clerk.store().products().is_empty());
    assert_eq!(clerk.post("/v2/products", json!({"products": [product(1)]})).await.told(), "200 ok");
    clerk.store().accept_all();
    assert_eq!(clerk.post("/v2/products", json!({"products": [bad]})).await.told(), "200 ok");
}

#[tokio::test]
async fn deleting_categories_is_not_published() {
    let clerk = Clerk::start().await;
    clerk.post("/v2/categories", json!({"categories": [category(1, "Coats", &[])]})).await;
    assert_eq!(clerk.delete("categories", &json!([1])).await.told(), "400 LogicalError: Categories can not be deleted");
    assert_eq!(clerk.store().categories().len(), 1);
    let clerk = Clerk::with(Settings { category_delete: CategoryDelete::Accept, ..Settings::default() }).await;
    clerk.post("/v2/categories", json!({"categories": [category(1, "Coats", &[])]})).await;
    assert_eq!(clerk.delete("categories", &json!([1])).await.told(), "200 ok");
    assert!(clerk.store().categories().is_empty());
    let answer =
        clerk.post("/v2/categories", json!({"categories": [{"id": 1, "name": "x", "url": "https://x.example"}]})).await;
    assert_eq!(answer.told(), "400 ParsingError: Missing Argument subcategories");
}

#[tokio::test]
async fn customers_are_known_by_id_and_email_and_neither_changes() {
    let clerk = Clerk::start().await;
    let write = async |customer: Value| clerk.post("/v2/customers", json!({"customers": [customer]})).await.told();
    assert_eq!(write(json!({"customerid": 7, "email": "ann@example.com", "subscribed": true})).await, "200 ok");
    assert_eq!(
        write(json!({"id": 7, "email": "ann@example.com", "name": "Ann"})).await,
        "200 ok",
        "older name of the id"
    );
    assert_eq!(clerk.store().count(Resource::Customers), 1);
    let changed = "400 LogicalError: email of a customer can not be changed";
    assert_eq!(write(json!({"customerid": 7, "email": "new@example.com"})).await, changed);
    let changed = "400 LogicalError: customerid of a customer can not be changed";
    assert_eq!(write(json!({"customerid": 8, "email": "ann@example.com"})).await, changed);
    assert_eq!(write(json!({"name": "Nobody"})).await, "400 ParsingError: Missing Argument id");

    assert_eq!(write(json!({"email": "bo@example.com"})).await, "200 ok");
    assert_eq!(write(json!({"customerid": 9, "email": "bo@example.com"})).await, "200 ok", "an id is added");
    assert_eq!(clerk.store().count(Resource::Customers), 2);

    let read = clerk.read("customers", &json!(["ann@example.com", "x@example.com"])).await.json();
    assert_eq!(read["customers"], json!([{"id": 7, "email": "ann@example.com", "name": "Ann"}]));
    clerk.delete("customers", &json!(["7"])).await;
    assert_eq!(write(json!({"customerid": 7, "email": "new@example.com"})).await, "200 ok", "deleted and made again");
}

#[tokio::test]
async fn orders_and_pages_are_checked_too() {
    let clerk = Clerk::start().await;
    let order = json!({"id": 1, "time": 1_718_000_000, "products": [{"id": 1, "quantity": 2, "price": 9.5}]});
    assert_eq!(clerk.post("/v2/orders", json!({"orders": [order, order]})).await.told(), "200 ok");
    assert_eq!(clerk.store().count(Resource::Orders), 1);
    let bad = json!({"id": 2, "time": 1_718_000_000, "products": [{"id": 1, "qty": 2, "price": 9.5}]});
    let answer = clerk.post("/v2/orders", json!({"orders": [bad]})).await;
    assert_eq!(answer.told(), "400 ParsingError: Invalid Syntax In Argument: products");
    let answer = clerk.patch("/v2/orders", json!({"orders": [{"id": 1, "status": "LOST"}]})).await;
    assert_eq!(answer.told(), "400 ParsingError: Invalid Syntax In Argument: status");
    assert_eq!(clerk.patch("/v2/orders", json!({"orders": [{"id": 1, "status": "CANCELLED"}]})).await.told(), "200 ok");
    let page = json!({"id": 1, "type": "blog", "url": "https://shop.example/b", "title": "Hello", "text": ""});
    assert_eq!(clerk.post("/v2/pages", json!({"pages": [page]})).await.told(), "200 ok");
}

#[tokio::test]
async fn escapes_duplicate_names_and_deep_nesting_are_survived() {
    let clerk = Clerk::start().await;
    let body = format!(
        r#"{{"k\u0065y":"{KEY}","private_key":"{PRIVATE}","products":[{{"id":0,"i\u0064":5,"name":"A\u00e9\ud83d\ude00","description":"",
        "price":1e2,"image":"http:\/\/x.example\/i","url":"http://x.example","categories":[],"created_at":0,"deep":{}{}}}]}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(clerk.send(Method::POST, "/v2/products", body).await.told(), "200 ok");
    let raw = clerk.store().raw(Resource::Products, "5").unwrap();
    assert!(raw.contains("[[[["));
    let popular =
        clerk.get(&format!("/v2/recommendations/popular?key={KEY}&limit=1&attributes=name,deep")).await.json();
    assert_eq!(popular["product_data"], json!([{"name": "Aé😀"}]));
}

#[tokio::test]
async fn bodies_have_a_largest_size() {
    let clerk = Clerk::with(Settings { body_bytes: 1000, ..Settings::default() }).await;
    let answer =
        clerk.post("/v2/products", json!({"products": [product_with(1, json!({"text": "x".repeat(2000)}))]})).await;
    assert_eq!(answer.told(), "400 ParsingError: Request body is too large or incomplete");
}

#[tokio::test]
async fn the_journal_keeps_the_last_calls_within_its_bounds() {
    let clerk = Clerk::with(Settings { journal_calls: 3, journal_bytes: 700, ..Settings::default() }).await;
    for id in 1..=5 {
        clerk.post("/v2/products", json!({"products": [product(id)]})).await;
    }
    let calls = clerk.store().calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls.iter().map(|call| call.body.is_some()).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(clerk.store().operations()["POST products"].calls, 5);
}

#[tokio::test]
async fn a_reset_after_the_effect_leaves_the_products() {
    let clerk = Clerk::start().await;
    clerk.faults.set(FaultPlan { reset_after_effect_rate: 1.0, ..FaultPlan::default() }).unwrap();
    let body = json!({"key": KEY, "private_key": PRIVATE, "products": [product(1)]}).to_string();
    assert!(clerk.client.post(clerk.host.url("/v2/products")).body(body).send().await.is_err());
    assert_eq!(clerk.store().products().len(), 1);
    clerk.faults.set(FaultPlan { error_rate: [(500, 1.0)].into(), ..FaultPlan::default() }).unwrap();
    assert_eq!(
        clerk.post("/v2/products", json!({"products": []})).await.told(),
        "500 InternalError: Internal Server Error"
    );
}

#[tokio::test]
async fn settings_read_from_json_and_stores_by_name() {
    let settings = json!({"stores": [StoreSettings::sandbox("fr", "french", "EUR")], "validation": "lenient"});
    let settings = serde_json::from_value::<Settings>(settings).unwrap();
    let clerk = Clerk::with(settings).await;
    assert!(clerk.emulator.store("fr").is_some() && clerk.emulator.store("sandboxFRpublic").is_some());
    assert!(serde_json::from_value::<Settings>(json!({"storse": []})).is_err());
}

#[tokio::test]
async fn the_admin_endpoints_show_and_steer_a_store() {
    let clerk = Clerk::start().await;
    clerk.post("/v2/products", json!({"products": [product(1)]})).await;
    let summary = clerk.get("/_admin/clerk/de").await.json();
    assert_eq!(summary["objects"]["products"], 1);
    assert_eq!(summary["operations"]["POST products"]["items"], 1);
    assert_eq!(clerk.get("/_admin/clerk/de/objects/products").await.json()["1"], product(1));
    let calls = clerk.get("/_admin/clerk/de/calls").await;
    assert!(!calls.text.contains(PRIVATE), "{}", calls.text);
    let rejection = json!({"field": "id", "equals": 2}).to_string();
    assert_eq!(clerk.send(Method::POST, "/_admin/clerk/de/rejections", rejection).await.status, 200);
    assert_eq!(clerk.post("/v2/products", json!({"products": [product(2)]})).await.status, 400);
    assert_eq!(clerk.send(Method::PUT, "/_admin/clerk/de/disabled", "true".to_owned()).await.status, 200);
    assert_eq!(clerk.post("/v2/products", json!({"products": []})).await.status, 401);
    assert_eq!(clerk.send(Method::DELETE, "/_admin/clerk/de", String::new()).await.status, 200);
    assert!(clerk.store().products().is_empty());
    assert_eq!(clerk.get("/_admin/clerk/nowhere").await.status, 404);
    assert_eq!(clerk.get("/_admin/clerk").await.json()["stores"][0]["name"], "de");
    assert_eq!(clerk.send(Method::POST, "/_admin/clerk/de/import", "{\"x\":1}".to_owned()).await.status, 400);
}

#[tokio::test]
async fn writers_and_readers_at_once_see_whole_batches() {
    let clerk = Arc::new(Clerk::start().await);
    let writers = (0..4).map(|writer| {
        let clerk = Arc::clone(&clerk);
        tokio::spawn(async move {
            for batch in 0..5 {
                let first = writer * 1000 + batch * 100;
                let products = (first..first + 50).map(product).collect::<Vec<_>>();
                assert_eq!(clerk.post("/v2/products", json!({"products": products})).await.status, 200);
                assert_eq!(clerk.store().count(Resource::Products) % 50, 0);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(clerk.store().count(Resource::Products), 1000);
}
