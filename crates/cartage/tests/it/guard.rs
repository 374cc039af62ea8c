//! A source that suddenly returns fewer records deletes nothing without approval.

use std::collections::BTreeMap;

use sandbox::commercetools::Change;
use serde_json::{Value, json};

use crate::harness::{MARKETS, Shop, catalogue};

/// Deletes every second product at the shop; keys of those.
fn delete_half(shop: &Shop) -> Vec<String> {
    let keys: Vec<String> = shop.world.shop.product_keys().into_iter().step_by(2).collect();
    for product in &keys {
        shop.change(Change::DeleteProduct { product: product.clone() });
    }
    keys
}

fn lane<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["sources"][0]["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == json!(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_catalogue_deletes_nothing_without_leave_and_exactly_that_with_it() {
    let shop = Shop::uniform(40).await;
    shop.cartage(&["sync"]).await.ended(0);
    let before = shop.held();
    let gone = delete_half(&shop);
    shop.forget_calls();

    shop.cartage(&["sync", "--full"]).await.ended(4).says(&["lane products", "20 of 40", "--allow-deletes"]);
    assert_eq!((shop.held(), shop.destination_calls()), (before.clone(), 0));
    // It stays known until a full read finds them, or somebody allows it.
    let status = shop.cartage(&["status", "--json"]).await.ended(4).json();
    assert_eq!(lane(&status, "products")["held"], json!([20, 40]));
    shop.cartage(&["sync"]).await;
    shop.cartage(&["status"]).await.ended(4).says(&["20 of 40", "--allow-deletes"]);
    // A pass that reads only changes can't mend it, and doesn't hide it.
    shop.cartage(&["sync"]).await.ended(4).says(&["20 of 40", "--allow-deletes"]);
    assert_eq!((shop.held(), shop.destination_calls()), (before.clone(), 0));
    // Other changes go on arriving.
    let (key, locale, text) = ("p-000001".to_owned(), "de".to_owned(), Some("Geändert".to_owned()));
    shop.change(Change::SetName { product: key, locale, text });
    shop.cartage(&["sync", "--full"]).await.ended(4);
    assert_eq!(shop.store("de").products()[&shop.id("p-000001")]["name"], json!("Geändert"));
    assert_eq!(shop.store("de").products().len(), 40);

    let report = shop.cartage(&["sync", "--allow-deletes", "--json"]).await.ended(0).json();
    let left: Vec<String> = shop.world.shop.product_keys().iter().map(|key| shop.id(key)).collect();
    for (market, flow) in MARKETS.iter().zip(report["flows"].as_array().unwrap()) {
        let expected: BTreeMap<&String, &Value> =
            before[*market][0].iter().filter(|(id, _)| left.contains(id)).collect();
        let held = shop.store(market).products();
        assert_eq!(held.keys().collect::<Vec<_>>(), expected.keys().copied().collect::<Vec<_>>());
        assert_eq!(held.len(), 20);
        assert_eq!(shop.store(market).categories(), before[*market][1]);
        assert_eq!((&flow["gone"], &flow["converged"]), (&json!(gone.len()), &json!(true)));
    }
    shop.cartage(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_currency_removes_nothing_without_leave() {
    let shop = Shop::uniform(40).await;
    shop.cartage(&["sync"]).await.ended(0);
    let before = shop.held();
    shop.replace("currency = \"EUR\"", "currency = \"CHF\"");
    shop.forget_calls();
    shop.cartage(&["plan"]).await.ended(0).says(&["clerk-de would hold all 40 removals", " items there, "]);
    shop.cartage(&["sync"]).await.ended(4).says(&["flow clerk-de", "removal_guard", "--allow-deletes"]);
    assert_eq!((shop.held(), shop.destination_calls()), (before.clone(), 0));
    let status = shop.cartage(&["status", "--json"]).await.ended(4).json();
    assert_eq!((&status["flows"][0]["held"], &status["flows"][0]["pending"]), (&json!(40), &json!(0)));
    shop.cartage(&["sync"]).await.ended(4);
    // Put right, nothing was lost and nothing has to be sent.
    shop.replace("currency = \"CHF\"", "currency = \"EUR\"");
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!((shop.held(), shop.destination_calls()), (before, 0));
    shop.replace("currency = \"EUR\"", "currency = \"CHF\"");
    shop.cartage(&["sync", "--allow-deletes"]).await.ended(0);
    assert!(shop.store("de").products().is_empty());
    assert_eq!(shop.store("uk").products().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_returns_nothing_deletes_nothing_and_is_believed_again_when_it_is_back() {
    let shop = Shop::uniform(1).await;
    // The same shop again is the same to the letter only at the same time.
    let stands = shop.world.shop.instant();
    shop.world.shop.set_clock(std::sync::Arc::new(move || stands));
    shop.world.shop.seed(&catalogue(30, |_, _| {})).unwrap();
    shop.cartage(&["sync"]).await.ended(0);
    let before = shop.held();
    // No product, no category, no product type, no stock: the project is as good as empty.
    let nothing = catalogue(0, |head, products| {
        head.categories.clear();
        products.clear();
    });
    shop.world.shop.seed(&nothing).unwrap();
    shop.forget_calls();
    let ran = shop.cartage(&["sync", "--full"]).await.ended(4);
    let ran = ran.says(&["lane products", "30 of 30", "lane categories", "lane inventory", "--allow-deletes"]);
    assert!(!ran.out.contains("lane product_types"), "what is there is not missing: {}", ran.out);
    assert_eq!((shop.held(), shop.destination_calls()), (before.clone(), 0));
    // The daemon's and the next operator's passes are no braver.
    shop.cartage(&["sync"]).await;
    shop.cartage(&["sync", "--full"]).await.ended(4);
    assert_eq!((shop.held(), shop.destination_calls()), (before.clone(), 0));

    shop.world.shop.seed(&catalogue(30, |_, _| {})).unwrap();
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!((shop.held(), shop.destination_calls()), (before, 0));
    shop.cartage(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_that_may_go_is_a_setting() {
    let shop = Shop::uniform(20).await;
    let process = shop.synced().await;
    // Two of twenty are the tenth that may go; three are not.
    for product in ["p-000001", "p-000002"] {
        shop.change(Change::DeleteProduct { product: product.to_owned() });
    }
    assert!(process.sync_full().await.converged());
    assert_eq!(shop.store("de").products().len(), 18);
    drop(process);
    for product in ["p-000003", "p-000004", "p-000005"] {
        shop.change(Change::DeleteProduct { product: product.to_owned() });
    }
    shop.open().await.sync_full().await;
    assert_eq!(shop.store("de").products().len(), 18);
    shop.replace("[sources.shop]\n", "[sources.shop]\nsweep_guard = 0.5\n");
    shop.open().await.sync_full().await;
    assert_eq!(shop.store("de").products().len(), 15);
}
