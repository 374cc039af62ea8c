//! A Modular project of the emulated commercetools sells as the Classic one with the same shop.

use std::collections::BTreeSet;

use axum::{Router, body::Body, extract::Request, response::IntoResponse as _};
use sandbox::{
    catalogue::Oddity,
    commercetools::{Change, PriceScope},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    harness::{MARKETS, Process, Sent, Shop, serve, shared},
    payloads::{Items, sent},
};

/// Items that differ in a byte, by store and operation.
fn differing(one: &Items, other: &Items) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let operations: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for operation in operations {
        let [one, other] = [one, other].map(|items| items.get(operation).cloned().unwrap_or_default());
        let ids: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        found.extend(
            ids.into_iter().filter(|id| one.get(*id) != other.get(*id)).map(|id| (operation.clone(), id.clone())),
        );
    }
    found
}

/// A standalone price goes by its SKU: a variant without one has a price in a Classic project and none in a Modular one.
fn has_no_sku(key: &str) -> bool {
    key.strip_prefix("p-")
        .and_then(|number| number.parse().ok())
        .is_some_and(|index| Oddity::of(index) == Oddity::NoSku)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_shop_is_sent_byte_for_byte_as_from_a_classic_project() {
    let shop = Shop::odd(500).await;
    let keys = shop.world.shop.product_keys();
    let without: BTreeSet<String> =
        keys.iter().filter(|key| has_no_sku(key)).map(|key| json!(shop.id(key)).to_string()).collect();
    let classic = sent(shop).await;
    let modular = sent(Shop::odd(500).await.modular().await).await;
    let sent: usize = classic.values().map(std::collections::BTreeMap::len).sum();
    assert!(sent > 900 && without.len() == 10, "{sent} {without:?}");
    let differing: BTreeSet<String> = differing(&classic, &modular).into_iter().map(|(_, id)| id).collect();
    assert_eq!(differing, without, "and no other product");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_luma_shop_is_sent_byte_for_byte_as_from_a_classic_project() {
    let Some(folder) = shared("magento-luma") else { return };
    let classic = sent(Shop::data(folder.clone()).await).await;
    let modular = sent(Shop::data(folder).await.modular().await).await;
    assert_eq!(differing(&classic, &modular), BTreeSet::new());
}

/// A Modular shop that was read and sent.
async fn synced(products: usize) -> (Shop, Process) {
    let shop = Shop::uniform(products).await.modular().await;
    let process = shop.synced().await;
    (shop, process)
}

fn item(shop: &Shop, market: &str, key: &str) -> Value {
    shop.store(market).products()[&shop.id(key)].clone()
}

/// The one call that a store got since the last time: its operation and the ids that it carries.
#[track_caller]
fn only(shop: &Shop, market: &str) -> (String, BTreeSet<String>) {
    let calls = shop.sent(market);
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(calls[0].refused, None);
    (calls[0].operation.clone(), calls.iter().flat_map(Sent::ids).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_variant_is_one_call_for_its_product() {
    let shop = Shop::uniform(30).await.modular().await;
    shop.change(Change::SetMessages { enabled: true });
    let process = shop.synced().await;
    let key = "p-000003";
    let (id, skus) = (shop.id(key), shop.skus(key));
    let own = |text: &str| text.to_owned();
    let of = |operation: &str| (own(operation), BTreeSet::from([id.clone()]));
    let listed = |market: &str| -> Vec<String> {
        let item = item(&shop, market, key);
        item["variant_skus"].as_array().unwrap().iter().map(|sku| own(sku.as_str().unwrap())).collect()
    };
    assert_eq!(listed("de"), skus);
    let price =
        |sku: &str, minor| Change::SetPrice { sku: own(sku), scope: PriceScope::of("EUR"), minor, discounted: None };
    for (change, operation) in [
        (Change::SetAttribute { sku: skus[1].clone(), name: own("gtin"), value: json!("4006381333931") }, None),
        (price(&skus[1], 123), Some("PATCH products")),
        (Change::SetStock { sku: skus[1].clone(), channel: None, quantity: 4711 }, Some("PATCH products")),
        (Change::SetMainVariant { sku: skus[2].clone() }, Some("POST products")),
    ] {
        shop.forget_calls();
        shop.change(change.clone());
        assert!(process.sync().await.converged());
        match operation {
            Some(operation) => assert_eq!(only(&shop, "de"), of(operation), "{change:?}"),
            // No field of Clerk.io's shows it by itself.
            None => assert!(shop.sent("de").len() <= 1, "{change:?}"),
        }
    }
    assert_eq!(listed("de")[0], skus[2], "the main one comes first");
    // A new variant, with a price of its own, under another SKU, and without.
    shop.forget_calls();
    shop.change(Change::AddVariant { product: own(key), sku: own("new-1") });
    shop.change(price("new-1", 4711));
    assert!(process.sync().await.converged());
    assert_eq!(only(&shop, "de"), of("POST products"));
    assert!(listed("de").contains(&own("new-1")));
    shop.forget_calls();
    let (sku, scope) = (own("moved-1"), PriceScope::of("EUR"));
    shop.change(Change::SetStandalonePrice { sku, scope, minor: 4811, discounted: None });
    shop.change(Change::SetSku { sku: own("new-1"), to: own("moved-1") });
    assert!(process.sync().await.converged());
    assert_eq!(only(&shop, "de"), of("POST products"));
    let now = item(&shop, "de", key);
    let place = listed("de").iter().position(|sku| sku == "moved-1").unwrap();
    assert_eq!(now["variant_prices"][place], json!(48.11), "the price follows the SKU");
    assert!(!listed("de").contains(&own("new-1")));
    shop.forget_calls();
    shop.change(Change::RemoveVariant { sku: own("moved-1") });
    assert!(process.sync().await.converged());
    assert_eq!(only(&shop, "de"), of("POST products"));
    assert_eq!(listed("de").len(), skus.len());
    assert_eq!(shop.sent("uk").len(), 0, "it was never sold there");
    // Everything read anew is the same.
    let held = shop.held();
    shop.forget_calls();
    assert!(process.sync_full().await.converged());
    assert_eq!((shop.destination_calls(), shop.held()), (0, held));
}

#[tokio::test(flavor = "multi_thread")]
async fn products_come_and_go_with_their_variants() {
    let (shop, process) = synced(20).await;
    let (hidden, gone) = ("p-000004", "p-000005");
    let ids = [hidden, gone].map(|key| shop.id(key));
    shop.change(Change::Unpublish { product: hidden.to_owned() });
    shop.change(Change::DeleteProduct { product: gone.to_owned() });
    assert!(process.sync_full().await.converged());
    for market in MARKETS {
        let held = shop.store(market).products();
        assert!(ids.iter().all(|id| !held.contains_key(id)) && held.len() == 18, "{market}");
    }
    shop.change(Change::Publish { product: hidden.to_owned() });
    assert!(process.sync().await.converged());
    assert!(MARKETS.iter().all(|market| shop.store(market).products().contains_key(&ids[0])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_shows_its_own_pictures_of_a_variant() {
    let shop = Shop::odd(6).await.modular().await;
    shop.configure("[sources.shop.lanes]\ntailoring = true\n");
    let process = shop.synced().await;
    let (key, picture) = ("p-000002", "https://cdn.shop.example/nur-hier.jpg");
    let (before, other) = (item(&shop, "de", key), item(&shop, "uk", key));
    let data = json!({
        "name": { "de": "Nur hier" },
        "variants": [{ "id": 1, "images": [{ "url": picture, "dimensions": { "w": 1, "h": 1 } }] }],
    });
    let tailor =
        |data: Value| Change::Tailor { product: key.to_owned(), store: "de".to_owned(), data, published: true };
    shop.change(tailor(data));
    assert!(process.sync().await.converged());
    let now = item(&shop, "de", key);
    assert_eq!((&now["name"], &now["image"]), (&json!("Nur hier"), &json!(picture)));
    assert_eq!((&now["description"], item(&shop, "uk", key)), (&before["description"], other));
}

/// Puts a proxy between Cartage and the shop that makes the variant with this SKU unreadable.
async fn spoil(shop: &Shop, sku: &str) {
    let (router, sku) = (shop.world.shop.router(), sku.to_owned());
    let between = Router::new().fallback(move |request: Request| {
        let (router, sku) = (router.clone(), sku.clone());
        async move {
            let is_meant = request.uri().path().ends_with("/variants");
            let (mut parts, body) = request.into_parts();
            parts.headers.remove(http::header::ACCEPT_ENCODING);
            let response = router.oneshot(Request::from_parts(parts, body)).await.unwrap();
            if !is_meant {
                return response;
            }
            let (mut parts, body) = response.into_parts();
            parts.headers.remove(http::header::CONTENT_LENGTH);
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let mut page: Value = serde_json::from_slice(&bytes).unwrap();
            for row in page["results"].as_array_mut().into_iter().flatten() {
                if row["current"]["sku"].as_str() == Some(&*sku) {
                    row["current"] = json!("unreadable");
                }
            }
            axum::response::Response::from_parts(parts, Body::from(page.to_string())).into_response()
        }
    });
    shop.replace(&shop.world.shop_url, &serve(between).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_that_can_not_be_read_stays_with_its_product_as_it_was() {
    let (shop, process) = synced(20).await;
    let (key, held) = ("p-000003", shop.held());
    drop(process);
    spoil(&shop, &shop.skus(key)[1]).await;
    let ran = shop.cartage(&["sync", "--full"]).await;
    assert_ne!(ran.code, 0, "what is unread is told: {}", ran.err);
    assert_eq!((shop.destination_calls(), shop.held()), (0, held));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_which_catalogue_the_project_has() {
    Shop::uniform(1).await.cartage(&["check"]).await.ended(0).says(&["catalogue", "Classic"]);
    let shop = Shop::uniform(1).await.modular().await;
    shop.cartage(&["check"]).await.ended(0).says(&["catalogue", "Modular: variants are records of their own"]);
}
