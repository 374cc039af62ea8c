//! The emulator's answers against the platform's own OpenAPI description, where it is at hand.
//!
//! The check is strict: required members, types, enums, date-times, discriminators, and no member that the description
//! does not know.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use sandbox::commercetools::{Change, PriceScope};

use super::*;
use crate::openapi::Checker;

/// The description. `None` when it isn't there.
fn description() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/commercetools/api-openapi.yaml");
    std::fs::read_to_string(path).ok()
}

/// Scopes of a whole project, such as `view_products:{projectKey}`. `None` when the description isn't there.
pub(super) fn scopes() -> Option<Vec<String>> {
    let text = description()?;
    let listed = text.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\": \"\""));
    Some(listed.filter(|scope| scope.ends_with(":{projectKey}")).map(str::to_owned).collect())
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(super) fn checker() -> Option<&'static Checker> {
    // Reading the description takes seconds.
    static CHECKER: LazyLock<Option<Checker>> = LazyLock::new(|| Some(Checker::of(&description()?)));
    if CHECKER.is_none() {
        eprintln!("skipped: the OpenAPI description of the platform is not at hand");
    }
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
