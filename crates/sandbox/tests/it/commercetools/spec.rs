//! The emulator's answers against the platform's own OpenAPI description, where it is at hand.
//!
//! The check is strict: required members, types, enums, date-times, discriminators, and no member that the description
//! does not know.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::sync::LazyLock;

use axum::Router;
use base64::engine::general_purpose::STANDARD;
use sandbox::commercetools::{Change, PriceScope, Push};

use super::*;
use crate::{
    host::Host,
    openapi::{self, Call, Calls, Checker, assert_described},
};

/// Scopes of a whole project, such as `view_products:{projectKey}`. `None` when the description isn't there.
pub(super) fn scopes() -> Option<Vec<String>> {
    let text = openapi::commercetools_text()?;
    let listed = text.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\": \"\""));
    Some(listed.filter(|scope| scope.ends_with(":{projectKey}")).map(str::to_owned).collect())
}

pub(super) fn checker() -> Option<&'static Checker> {
    // Reading the description takes seconds.
    static CHECKER: LazyLock<Option<Checker>> = LazyLock::new(openapi::commercetools);
    CHECKER.as_ref()
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let Some(checker) = checker() else { return };
    let wrong = |value: Json, schema: &str, part: &str| {
        let found = checker.problems(&value, schema);
        assert!(found.iter().any(|problem| problem.contains(part)), "{found:?}");
    };
    wrong(json!({ "code": 1, "message": "x" }), "ErrorObject", "not of type");
    wrong(json!({ "id": "x", "value": { "type": "centPrecision" } }), "Price", "centAmount is missing");
    wrong(json!({ "id": "x", "valid": true }), "Price", "valid is not known");
    wrong(json!({ "id": "x", "validFrom": "2026" }), "Price", "not a date and time");
    wrong(json!({ "roles": ["None"] }), "Channel", "is not one of");
    wrong(json!({ "type": { "name": "set" } }), "AttributeDefinition", "elementType is missing");
}

#[tokio::test]
async fn every_page_is_as_the_description_says() {
    let Some(checker) = checker() else { return };
    let shop = Shop::open().await;
    for (path, schema) in [
        ("/product-projections", "ProductProjectionPagedQueryResponse"),
        ("/products", "ProductPagedQueryResponse"),
        ("/categories", "CategoryPagedQueryResponse"),
        ("/product-types", "ProductTypePagedQueryResponse"),
        ("/inventory", "InventoryPagedQueryResponse"),
        ("/standalone-prices", "StandalonePricePagedQueryResponse"),
        ("/stores", "StorePagedQueryResponse"),
        ("/channels", "ChannelPagedQueryResponse"),
        ("/customer-groups", "CustomerGroupPagedQueryResponse"),
        ("/product-selections", "ProductSelectionPagedQueryResponse"),
        ("/product-selections/key=summer/products", "ProductSelectionProductPagedQueryResponse"),
        ("/products/key=shirt/product-selections", "AssignedProductSelectionPagedQueryResponse"),
        ("/in-store/key=de/product-selection-assignments", "ProductsInStorePagedQueryResponse"),
    ] {
        let (status, page) = shop.get(path, &[]).await;
        assert_eq!(status, 200);
        assert_ne!(page["count"], 0, "{path}");
        checker.assert(&page, schema);
    }
    let (_, project) = shop.get("", &[]).await;
    checker.assert(&project, "Project");
    let expanded = [("priceCurrency", "EUR"), ("expand", "productType"), ("expand", "categories[*].ancestors[*]")];
    let (_, page) = shop.get("/product-projections", &expanded).await;
    checker.assert(&page, "ProductProjectionPagedQueryResponse");
}

#[tokio::test]
async fn a_generated_shop_with_every_oddity_is_as_the_description_says() {
    let Some(checker) = checker() else { return };
    let options = sandbox::catalogue::Options { products: 120, json_bytes: 4000, ..Default::default() };
    let shop = Shop::seeded(Settings::default(), &sandbox::catalogue::generate(&options)).await;
    for (path, schema) in [
        ("/product-projections", "ProductProjectionPagedQueryResponse"),
        ("/categories", "CategoryPagedQueryResponse"),
        ("/product-types", "ProductTypePagedQueryResponse"),
        ("/inventory", "InventoryPagedQueryResponse"),
        ("/standalone-prices", "StandalonePricePagedQueryResponse"),
        ("/stores", "StorePagedQueryResponse"),
        ("/channels", "ChannelPagedQueryResponse"),
    ] {
        let (status, page) = shop.get(path, &[("limit", "500")]).await;
        assert_eq!(status, 200);
        checker.assert(&page, schema);
    }
}

#[tokio::test]
async fn every_message_is_as_the_description_says() {
    let Some(checker) = checker() else { return };
    let shop = Shop::with(Settings { messages_enabled: true, availability_lag_ms: 0, ..Settings::default() }).await;
    let own = |text: &str| text.to_owned();
    let scope = PriceScope::of("EUR");
    let germany = PriceScope { country: Some(own("DE")), ..scope.clone() };
    let new = product("new", vec![variant("new-1", vec![price(1, "EUR")], vec![stock(None, 1)])]);
    for change in [
        Change::Unpublish { product: own("shirt") },
        Change::Publish { product: own("shirt") },
        Change::SetPrice { sku: own("shirt-l"), scope: scope.clone(), minor: 1, discounted: None },
        Change::SetPrice { sku: own("shirt-l"), scope: germany.clone(), minor: 1, discounted: None },
        Change::RemovePrice { sku: own("shirt-l"), scope: germany.clone() },
        Change::SetStock { sku: own("shirt-m"), channel: Some(own("berlin")), quantity: 9 },
        Change::SetStock { sku: own("fresh"), channel: None, quantity: 9 },
        Change::DeleteInventory { sku: own("fresh"), channel: None },
        Change::SetPrice { sku: own("boot-1"), scope: scope.clone(), minor: 3, discounted: Some(2) },
        Change::SetStandalonePriceActive { sku: own("boot-1"), scope: germany, active: false },
        Change::SetStandalonePrice { sku: own("fresh"), scope: scope.clone(), minor: 1, discounted: None },
        Change::DeleteStandalonePrice { sku: own("fresh"), scope },
        Change::AddToSelection { selection: own("summer"), product: own("boot") },
        Change::RemoveFromSelection { selection: own("summer"), product: own("boot") },
        Change::AddToSelection { selection: own("not-here"), product: own("boot") },
        Change::SetStoreSelections { store: own("de"), selections: vec![(own("winter"), true)] },
        Change::AddToCategory { product: own("shirt"), category: own("shoes") },
        Change::RemoveFromCategory { product: own("shirt"), category: own("shoes") },
        Change::DeleteProduct { product: own("sandal") },
        Change::AddProduct(Box::new(new)),
    ] {
        shop.emulator.change(change).unwrap();
    }
    let price = shop.list("/standalone-prices", &[]).await.remove(0);
    let prices = format!("/standalone-prices/{}", price["id"].as_str().unwrap());
    let tiers = json!([{ "minimumQuantity": 3, "value": { "currencyCode": "EUR", "centAmount": 2 } }]);
    for (path, actions) in [
        (
            prices.as_str(),
            json!([
                { "action": "setValidFrom", "validFrom": "2026-05-01T00:00:00Z" },
                { "action": "setValidUntil", "validUntil": "2027-05-01T00:00:00Z" },
                { "action": "setValidFromAndUntil", "validFrom": "2026-06-01T00:00:00Z" },
                { "action": "setPriceTiers", "tiers": tiers },
            ]),
        ),
        (
            "/products/key=shirt",
            json!([
                { "action": "changeSlug", "slug": { "en": "other" }, "staged": false },
                { "action": "addVariant", "sku": "shirt-s", "staged": false },
                { "action": "removeVariant", "sku": "shirt-s", "staged": false },
                { "action": "setPrices", "variantId": 1, "prices": [], "staged": false },
            ]),
        ),
        (
            "/stores/key=de",
            json!([
                { "action": "setName", "name": { "en": "x" } },
                { "action": "setLanguages", "languages": ["en"] },
                { "action": "setCountries", "countries": [{ "code": "GB" }] },
                { "action": "setDistributionChannels", "distributionChannels": [{ "key": "online" }] },
                { "action": "setSupplyChannels", "supplyChannels": [] },
            ]),
        ),
        (
            "/product-selections/key=summer",
            json!([{ "action": "setVariantSelection", "product": { "key": "shirt" },
                     "variantSelection": { "type": "includeOnly", "skus": ["shirt-m"] } }]),
        ),
        ("/categories/key=shoes", json!([{ "action": "changeSlug", "slug": { "en": "other" } }])),
    ] {
        let (_, before) = shop.get(path, &[]).await;
        let body = json!({ "version": before["version"], "actions": actions });
        let (status, answer) = shop.call(Method::POST, path, Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
    }
    for (path, draft) in [
        ("/categories", json!({ "key": "nn", "name": { "en": "N" }, "slug": { "en": "nn" } })),
        ("/product-selections", json!({ "key": "nn", "name": { "en": "N" } })),
        ("/stores", json!({ "key": "nn" })),
    ] {
        assert_eq!(shop.call(Method::POST, path, Some(&draft)).await.0, 201);
    }
    for path in ["/product-selections/key=nn", "/stores/key=nn"] {
        assert_eq!(shop.call(Method::DELETE, &format!("{path}?version=1"), None).await.0, 200);
    }
    let (_, page) = shop.get("/messages", &[("limit", "500")]).await;
    let types: BTreeSet<&str> =
        page["results"].as_array().unwrap().iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert!(types.len() >= 35, "{types:?}");
    for message in page["results"].as_array().unwrap() {
        checker.assert(message, &format!("{}Message", message["type"].as_str().unwrap()));
    }
    checker.assert(&page, "MessagePagedQueryResponse");
}

#[tokio::test]
async fn errors_are_as_the_description_says() {
    let Some(checker) = checker() else { return };
    let shop = Shop::open().await;
    let conflict = json!({ "version": 9, "actions": [] });
    for (method, path, body) in [
        (Method::GET, "/products?limit=1000", None),
        (Method::GET, "/products/key=none", None),
        (Method::POST, "/products/key=shirt", Some(conflict)),
        (Method::POST, "/products", Some(json!({}))),
    ] {
        let (_, answer) = shop.call(method, path, body.as_ref()).await;
        checker.assert(&answer, "ErrorResponse");
    }
    for token in ["", &shop.new_token("view_stores:sandbox").await] {
        let (_, answer) = read(shop.raw(Method::GET, "/products", token, None).await).await;
        checker.assert(&answer, "AuthErrorResponse");
    }
}

/// One call after the other; the answers.
async fn ask(shop: &Shop, calls: &[(Method, &str, Json)]) -> Vec<Call> {
    let mut made = Vec::new();
    for (method, path, body) in calls {
        let text = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = shop.raw(method.clone(), path, &shop.token, Some(body).filter(|body| !body.is_null())).await;
        let (status, answer) = (answer.status().as_u16(), to_bytes(answer.into_body(), usize::MAX).await.unwrap());
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (method, path, query) = (method.to_string(), format!("/sandbox{path}"), query.to_owned());
        made.push(Call { method, path, query, body: text, status, answer: answer.to_vec() });
    }
    made
}

/// Calls by keys and numbers, of customers and orders, categories and subscriptions.
async fn written(shop: &Shop) -> Vec<Call> {
    let queue = json!({ "type": "SNS", "topicArn": "arn:aws:sns:eu-west-1:1:t", "authenticationMode": "IAM" });
    let grid = json!({ "type": "EventGrid", "uri": "https://t.example/api/events", "accessKey": "secret" });
    let pubsub = json!({ "type": "GoogleCloudPubSub", "projectId": "p", "topic": "t" });
    let product = json!([{ "resourceTypeId": "product" }]);
    let subscription = json!({
        "key": "cartage", "destination": pubsub, "changes": product, "messages": [{ "resourceTypeId": "product", "types": [] }],
        "format": { "type": "Platform" },
    });
    let changes = json!({ "version": 1, "actions": [
        { "action": "changeDestination", "destination": queue },
        { "action": "setChanges", "changes": [{ "resourceTypeId": "product-tailoring" }] },
        { "action": "setMessages", "messages": [{ "resourceTypeId": "product", "types": ["ProductPublished"] }] },
        { "action": "setKey", "key": "other" },
    ] });
    let other = json!({ "destination": grid, "changes": product,
        "format": { "type": "CloudEvents", "cloudEventsVersion": "1.0" } });
    let category = json!({ "key": "nn", "name": { "en": "N" }, "slug": { "en": "nn" } });
    let renamed = json!({ "version": 1, "actions": [{ "action": "changeName", "name": { "en": "M" } }] });
    ask(
        shop,
        &[
                (Method::GET, "", Json::Null),
                (Method::GET, "/products/key=shirt", Json::Null),
                (Method::GET, "/products/key=shirt?priceCurrency=EUR&priceCountry=DE", Json::Null),
                (Method::GET, "/product-projections/key=shirt", Json::Null),
                (Method::GET, "/products/key=none", Json::Null),
                (Method::GET, "/products?limit=1000", Json::Null),
                (Method::GET, "/orders?limit=500&expand=discountCodes[*].discountCode", Json::Null),
                (Method::GET, "/customers?limit=500", Json::Null),
                (Method::GET, "/customers/key=customer-000003", Json::Null),
                (Method::GET, "/orders/order-number=5000001", Json::Null),
                (Method::POST, "/customers", json!({
                    "email": "a@shop.example", "password": "p", "key": "nn", "firstName": "A", "dateOfBirth": "1990-02-01",
                    "addresses": [{ "country": "DE", "city": "B" }], "defaultShippingAddress": 0,
                    "stores": [{ "typeId": "store", "key": "de" }], "customerGroup": { "typeId": "customer-group", "key": "vip" },
                })),
                (Method::POST, "/customers/key=nn", json!({ "version": 1, "actions": [
                    { "action": "changeEmail", "email": "b@shop.example" },
                    { "action": "addAddress", "address": { "country": "AT" } },
                    { "action": "setStores", "stores": [] },
                    { "action": "setCustomerGroup" },
                    { "action": "setCustomType", "type": { "typeId": "type", "key": "customer-fields" } },
                    { "action": "setLocale", "locale": "de" },
                ] })),
                (Method::POST, "/orders/order-number=5000001", json!({ "version": 1, "actions": [
                    { "action": "changePaymentState", "paymentState": "Paid" },
                    { "action": "setCustomerEmail", "email": "b@shop.example" },
                ] })),
                (Method::DELETE, "/customers/key=nn?version=2", Json::Null),
                (Method::DELETE, "/orders/order-number=5000001?version=2", Json::Null),
                (Method::POST, "/categories", category),
                (Method::POST, "/categories/key=nn", renamed),
                (Method::DELETE, "/categories/key=nn?version=2", Json::Null),
                (Method::POST, "/subscriptions", subscription.clone()),
                (Method::POST, "/subscriptions", subscription),
                (Method::POST, "/subscriptions", other),
                (Method::GET, "/subscriptions", Json::Null),
                (Method::GET, "/subscriptions/key=cartage", Json::Null),
                (Method::POST, "/subscriptions/key=cartage", changes.clone()),
                (Method::POST, "/subscriptions/key=other", changes),
                (Method::DELETE, "/subscriptions/key=other?version=2", Json::Null),
                (Method::GET, "/subscriptions/key=other", Json::Null),
        ],
    )
    .await
}

#[tokio::test]
async fn every_operation_is_as_the_description_says() {
    let Some(checker) = checker() else { return };
    let shop = Shop::with(Settings { messages_enabled: true, availability_lag_ms: 0, ..Settings::default() }).await;
    let tailored = json!({
        "name": { "en": "Only here" }, "slug": { "en": "only-here" }, "description": { "en": "d" },
        "metaTitle": { "en": "t" },
        "variants": [{ "id": 1, "images": [{ "url": "https://x/y.jpg", "dimensions": { "w": 1, "h": 1 } }] }],
    });
    let tailor = Change::Tailor { product: "shirt".into(), store: "de".into(), data: tailored, published: true };
    for change in [tailor, Change::Unpublish { product: "boot".into() }, Change::Publish { product: "boot".into() }] {
        shop.emulator.change(change).unwrap();
    }
    let people = sandbox::people::generate(&sandbox::people::Options::default(), &catalogue());
    shop.emulator.seed_people(&people).unwrap();
    let list = "?limit=2&offset=0&withTotal=true&sort=id%20asc&where=version%20%3E%200";
    let lists = [
        "products",
        "product-projections",
        "categories",
        "product-types",
        "inventory",
        "standalone-prices",
        "stores",
        "channels",
        "customer-groups",
        "product-selections",
        "product-tailoring",
        "customers",
        "orders",
        "types",
        "discount-codes",
        "messages",
        "subscriptions",
    ];
    let mut calls = Vec::new();
    for name in lists {
        let path = if name == "subscriptions" { "/subscriptions".to_owned() } else { format!("/{name}{list}") };
        calls.extend(ask(&shop, &[(Method::GET, &path, Json::Null)]).await);
        if name == "subscriptions" {
            continue;
        }
        calls.extend(ask(&shop, &[(Method::HEAD, &format!("/{name}"), Json::Null)]).await);
        // One of each, by its id.
        let first = shop.list(&format!("/{name}"), &[("limit", "1")]).await.remove(0);
        let path = format!("/{name}/{}", first["id"].as_str().unwrap());
        let more =
            if name == "product-projections" { "?staged=true&priceCurrency=EUR&expand=categories[*]" } else { "" };
        calls.extend(ask(&shop, &[(Method::GET, &format!("{path}{more}"), Json::Null)]).await);
    }
    calls.extend(written(&shop).await);
    let refused: Vec<u16> = calls.iter().map(|call| call.status).filter(|status| *status >= 400).collect();
    assert_eq!(refused, [404, 400, 400, 409, 404]);
    let operations = assert_described(from_ref(checker), &calls);
    assert!(operations.len() > 60, "{operations:#?}");
}

#[tokio::test]
async fn every_notification_is_as_the_description_says() {
    let Some(checker) = checker() else { return };
    let shop = Shop::with(Settings { messages_enabled: true, ..Settings::default() }).await;
    let calls = Calls::default();
    let host = Host::start(calls.wrap(Router::new().fallback(async || ""))).await;
    let (audience, service_account) = ("x".to_owned(), "a@b.example".to_owned());
    shop.emulator.push_to(vec![Push::PubSub { endpoint: host.url("/push"), audience, service_account }]);
    let types = [
        "product",
        "category",
        "inventory-entry",
        "standalone-price",
        "store",
        "product-selection",
        "product-tailoring",
        "customer",
        "order",
    ];
    let people = sandbox::people::generate(&sandbox::people::Options::default(), &catalogue());
    shop.emulator.seed_people(&people).unwrap();
    let subscription = json!({
        "destination": { "type": "GoogleCloudPubSub", "projectId": "p", "topic": "t" },
        "changes": types.map(|of| json!({ "resourceTypeId": of })),
        "messages": [
            { "resourceTypeId": "product" }, { "resourceTypeId": "inventory-entry" }, { "resourceTypeId": "customer" },
            { "resourceTypeId": "order" },
        ],
    });
    assert_eq!(shop.call(Method::POST, "/subscriptions", Some(&subscription)).await.0, 201);
    let own = |text: &str| text.to_owned();
    let scope = PriceScope::of("EUR");
    for change in [
        Change::SetName { product: own("shirt"), locale: own("en"), text: Some(own("Other")) },
        Change::Unpublish { product: own("shirt") },
        Change::Publish { product: own("shirt") },
        Change::SetStock { sku: own("shirt-m"), channel: Some(own("berlin")), quantity: 9 },
        Change::SetStock { sku: own("fresh"), channel: None, quantity: 9 },
        Change::DeleteInventory { sku: own("fresh"), channel: None },
        Change::SetStandalonePrice { sku: own("fresh"), scope: scope.clone(), minor: 1, discounted: None },
        Change::DeleteStandalonePrice { sku: own("fresh"), scope },
        Change::Tailor {
            product: own("shirt"),
            store: own("de"),
            data: json!({ "name": { "en": "x" } }),
            published: true,
        },
        Change::AddToSelection { selection: own("summer"), product: own("boot") },
        Change::SetStoreSelections { store: own("de"), selections: vec![(own("winter"), true)] },
        Change::RenameCategory { category: own("shoes"), locale: own("en"), name: own("Other") },
        Change::DeleteProduct { product: own("sandal") },
        Change::ChangeEmail { customer: own("customer-000003"), email: own("new@shop.example") },
        Change::DeleteCustomer { customer: own("customer-000003") },
        Change::SetOrderState { order: own("order-000001"), state: own("Complete") },
        Change::DeleteOrder { order: own("order-000002") },
    ] {
        shop.emulator.change(change).unwrap();
    }
    shop.emulator.push_notifications(std::future::ready(())).await.unwrap();
    let mut seen = BTreeSet::new();
    for call in calls.take(&["/push"]) {
        let body: Json = serde_json::from_slice(&call.body).unwrap();
        let payload = STANDARD.decode(body["message"]["data"].as_str().unwrap()).unwrap();
        let payload: Json = serde_json::from_slice(&payload).unwrap();
        let of = payload["notificationType"].as_str().unwrap();
        let mut found = checker.problems(&payload, &format!("{of}DeliveryPayload"));
        if of == "Message" {
            // It has the members of the message, too.
            found.retain(|problem| !problem.ends_with(" is not known"));
        }
        assert!(found.is_empty(), "{found:#?}\n{payload:#}");
        seen.insert(format!("{of} {}", payload["resource"]["typeId"].as_str().unwrap()));
    }
    for of in ["Message", "ResourceCreated", "ResourceDeleted", "ResourceUpdated"] {
        assert!(seen.iter().any(|it| it.starts_with(of)), "{of}: {seen:?}");
    }
    assert!(types.iter().all(|of| seen.iter().any(|it| it.ends_with(of))), "{seen:?}");
}

#[test]
fn a_call_that_no_description_knows_is_found() {
    let Some(checker) = checker() else { return };
    let call = |method: &str, path: &str, query: &str, body: Json| {
        let error =
            json!({ "statusCode": 404, "message": "x", "errors": [{ "code": "ResourceNotFound", "message": "x" }] });
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Call {
            method,
            path,
            query,
            body: body.to_string().into_bytes(),
            status: 200,
            answer: error.to_string().into_bytes(),
        }
    };
    for (wrong, part) in [
        (call("GET", "/shop/product", "", Json::Null), "no description knows it"),
        (call("PUT", "/shop/products", "", Json::Null), "no description knows it"),
        (call("GET", "/shop/products", "page=2", Json::Null), "the parameter page is not known"),
        (call("GET", "/shop/products", "limit=ten", Json::Null), "not of type"),
        (call("DELETE", "/shop/categories/key=x", "", Json::Null), "the parameter version is missing"),
        (call("POST", "/shop/subscriptions", "", json!({ "key": "x" })), "destination is missing"),
        (call("GET", "/shop/categories", "", Json::Null), "results is missing"),
    ] {
        let found = std::panic::catch_unwind(|| assert_described(from_ref(checker), from_ref(&wrong)));
        let told = *found.unwrap_err().downcast::<String>().unwrap();
        assert!(told.contains(part), "{told}");
    }
}
