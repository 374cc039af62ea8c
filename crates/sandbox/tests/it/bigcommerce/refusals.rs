//! What the store refuses, and its quota.

use sandbox::{
    bigcommerce::Settings,
    catalogue::{Options, generate},
};
use serde_json::json;

use super::Shop;

#[tokio::test]
async fn another_token_is_refused_in_either_form() {
    let shop = Shop::of(1).await;
    let v3 = shop.ask("GET", "v3/catalog/products", "another", "").await;
    assert_eq!((v3.status, &v3.json()["status"]), (401, &json!(401)));
    let v2 = shop.ask("GET", "v2/store", "", "").await;
    assert_eq!((v2.status, &v2.json()[0]["status"]), (401, &json!(401)));
}

#[tokio::test]
async fn a_scope_that_writes_reads_too_and_another_does_not() {
    let scopes = vec!["store_v2_products".to_owned(), "store_v2_information_read_only".to_owned()];
    let catalogue = generate(&Options { products: 1, ..Options::default() });
    let shop = Shop::open(Settings { scopes, ..Settings::default() }, &catalogue).await;
    for (path, status) in [
        ("v3/catalog/products", 200),
        ("v3/pricelists", 200),
        ("v2/store", 200),
        ("v3/channels", 403),
        ("v3/inventory/items", 403),
        ("v2/customer_groups", 403),
    ] {
        assert_eq!(shop.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn what_an_endpoint_does_not_have_is_refused_with_its_name() {
    let shop = Shop::of(1).await;
    for (query, field) in [
        ("catalog/products?modified_since=1", "modified_since"),
        ("catalog/products?include=everything", "include"),
        ("catalog/products?sort=colour", "sort"),
        ("catalog/products?limit=0", "limit"),
        ("catalog/products?page=first", "page"),
        ("catalog/products?id:in=1,x", "id:in"),
        ("catalog/products?id=1&id=2", "id"),
        ("catalog/products?date_modified:min=yesterday", "date_modified:min"),
        ("catalog/brands?sort=id", "sort"),
        ("pricelists?after=x&before=y", "after"),
    ] {
        let answer = shop.get(&format!("v3/{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text);
        assert!(answer.json()["errors"].get(field).is_some(), "{query}: {}", answer.text);
    }
    assert_eq!(shop.get("v3/catalog/nothing").await.status, 404);
    assert_eq!(shop.get("v3/pricelists/1/records").await.status, 404);
    assert_eq!(shop.ask("DELETE", "v3/catalog/products", "sandbox-token", "").await.status, 405);
}

#[tokio::test]
async fn every_answer_tells_the_quota_and_a_spent_one_refuses() {
    let catalogue = generate(&Options { products: 1, ..Options::default() });
    let shop = Shop::open(Settings { quota: 5, ..Settings::default() }, &catalogue).await;
    let first = shop.get("v3/catalog/nothing").await;
    let told = |name: &str| first.header(name);
    assert_eq!(
        (told("x-rate-limit-requests-quota"), told("x-rate-limit-requests-left"), told("x-rate-limit-time-window-ms")),
        (Some(5), Some(4), Some(30_000))
    );
    // Another app of the store.
    shop.emulator.spend(3);
    shop.emulator.set_clock_offset(10_000);
    assert_eq!(shop.get("v2/time").await.header("x-rate-limit-requests-left"), Some(0));
    let spent = shop.get("v2/time").await;
    assert_eq!(
        (spent.status, spent.header("x-rate-limit-time-reset-ms"), spent.header("x-retry-after")),
        (429, Some(20_000), Some(20))
    );
    shop.emulator.set_clock_offset(30_000);
    assert_eq!(shop.get("v2/time").await.status, 200);
}
