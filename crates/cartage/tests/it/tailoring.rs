//! Product Tailoring of the emulated commercetools: a store shows its own words and pictures of a product.

use sandbox::commercetools::Change;
use serde_json::{Value, json};

use crate::harness::{Process, Shop};

const PRODUCT: &str = "p-000002";

/// A shop whose tailoring is read.
async fn shop() -> (Shop, Process) {
    let shop = Shop::odd(6).await;
    shop.configure("[sources.shop.lanes]\ntailoring = true\n");
    let process = shop.synced().await;
    (shop, process)
}

fn tailor(shop: &Shop, store: &str, data: Value, published: bool) {
    shop.change(Change::Tailor { product: PRODUCT.to_owned(), store: store.to_owned(), data, published });
}

fn item(shop: &Shop, market: &str) -> Value {
    shop.store(market).products()[&shop.id(PRODUCT)].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_shows_its_own_texts_slug_and_pictures_and_other_stores_the_products() {
    let (shop, process) = shop().await;
    let (before, other) = (item(&shop, "de"), item(&shop, "uk"));
    let picture = "https://cdn.shop.example/nur-hier.jpg";
    let data = json!({
        "name": { "de": "Nur hier" }, "slug": { "de": "nur-hier" },
        "variants": [{ "id": 1, "images": [{ "url": picture, "dimensions": { "w": 1, "h": 1 } }] }],
    });
    tailor(&shop, "de", data.clone(), true);
    assert!(process.sync().await.converged());
    let now = item(&shop, "de");
    assert_eq!((&now["name"], &now["image"]), (&json!("Nur hier"), &json!(picture)));
    assert!(now["url"].as_str().unwrap().ends_with("/nur-hier"), "{}", now["url"]);
    assert_eq!(now["description"], before["description"], "what it does not name is the product's own");
    assert_eq!(item(&shop, "uk"), other);
    // A change of its words alone, which moves no date of the product.
    tailor(&shop, "de", json!({ "name": { "de": "Nur noch hier" } }), true);
    assert!(process.sync().await.converged());
    let now = item(&shop, "de");
    assert_eq!((&now["name"], &now["image"], &now["url"]), (&json!("Nur noch hier"), &before["image"], &before["url"]));
    // Un-published, it counts for nothing.
    tailor(&shop, "de", data.clone(), false);
    assert!(process.sync().await.converged());
    assert_eq!(item(&shop, "de"), before);
    tailor(&shop, "uk", json!({ "name": { "en": "Only here" } }), true);
    assert!(process.sync().await.converged());
    assert_eq!(item(&shop, "uk")["name"], "Only here");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_deletion_the_store_shows_the_products_own_values() {
    for messages in [false, true] {
        let shop = Shop::odd(6).await;
        shop.change(Change::SetMessages { enabled: messages });
        shop.configure("[sources.shop.lanes]\ntailoring = true\n");
        let process = shop.synced().await;
        let before = (item(&shop, "de"), item(&shop, "uk"));
        tailor(&shop, "de", json!({ "name": { "de": "Nur hier" } }), true);
        tailor(&shop, "uk", json!({ "name": { "en": "Only here" } }), true);
        assert!(process.sync().await.converged());
        assert_eq!((&item(&shop, "de")["name"], &item(&shop, "uk")["name"]), (&json!("Nur hier"), &json!("Only here")));
        tailor(&shop, "de", Value::Null, true);
        if !messages {
            // The last one of a project would be kept until it is approved.
            assert!(process.sync_full().await.converged());
            assert_eq!((&item(&shop, "de"), &item(&shop, "uk")["name"]), (&before.0, &json!("Only here")));
            continue;
        }
        tailor(&shop, "uk", Value::Null, true);
        assert!(process.sync().await.converged());
        assert_eq!((item(&shop, "de"), item(&shop, "uk")), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_explains_a_product_names_the_stores_own_words() {
    let (shop, process) = shop().await;
    tailor(&shop, "de", json!({ "name": { "de": "Nur hier" } }), true);
    assert!(process.sync().await.converged());
    drop(process);
    let told = shop.cartage(&["explain", &shop.id(PRODUCT)]).await.ended(0);
    told.says(&["Nur hier", "in the store's own words"]);
}
