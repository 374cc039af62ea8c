//! Under every fault that the emulators know, the stores end up as in an undisturbed run, and the states add up at every
//! stop.

use std::collections::BTreeMap;

use axum::Router;
use cartage::commands::demo::{self, Platform};
use sandbox::{
    bigcommerce,
    clerk::Resource,
    commercetools::{Change, PriceScope},
    fault::FaultPlan,
};
use serde_json::Value;
use tokio::sync::watch;

use crate::harness::{FakeClock, MARKETS, Shop, serve};

const PRODUCTS: usize = 60;

type Held = BTreeMap<String, [BTreeMap<String, Value>; 2]>;

/// The content of the stores, without the time at which the emulated shop was created.
fn held(shop: &Shop) -> Held {
    let mut held = shop.held();
    for product in held.values_mut().flat_map(|[products, _]| products.values_mut()) {
        product.as_object_mut().unwrap().remove("created_at");
    }
    held
}

/// Some of everything that changes in a shop.
fn live(shop: &Shop) {
    if let demo::Shop::Bigcommerce(store) = &shop.world.on {
        return live_on_bigcommerce(shop, store);
    }
    let text = |text: &str| Some(text.to_owned());
    let skus = shop.skus("p-000002");
    shop.change(Change::SetStock { sku: skus[0].clone(), channel: Some("warehouse-de".to_owned()), quantity: 3 });
    shop.change(Change::SetPrice { sku: skus[0].clone(), scope: PriceScope::of("GBP"), minor: 777, discounted: None });
    shop.change(Change::SetName { product: "p-000004".to_owned(), locale: "de".to_owned(), text: text("Neu") });
    shop.change(Change::Unpublish { product: "p-000006".to_owned() });
    shop.change(Change::DeleteProduct { product: "p-000008".to_owned() });
    let (category, locale) = (shop.world.shop.category_keys()[0].clone(), "en".to_owned());
    shop.change(Change::RenameCategory { category, locale, name: "Renamed".to_owned() });
}

/// The same of a shop on BigCommerce, and what moves no date there.
fn live_on_bigcommerce(shop: &Shop, store: &bigcommerce::Emulator) {
    use bigcommerce::{Change, Whose};
    let skus = shop.skus("p-000002");
    let channel = store.channel_id("uk").unwrap();
    let category = shop.world.catalogue.head.categories[0].key.clone();
    let price = Change::SetPrice {
        sku: skus[0].clone(),
        whose: Whose::Channel("shop-uk".to_owned()),
        currency: "GBP".to_owned(),
        minor: 777,
        sale: None,
    };
    for change in [
        Change::SetStock { sku: skus[0].clone(), channel: Some("warehouse-de".to_owned()), quantity: 3 },
        price,
        Change::SetName { product: "p-000004".to_owned(), name: "Neu".to_owned() },
        Change::SetVisible { product: "p-000006".to_owned(), visible: false },
        Change::DeleteProduct { product: "p-000008".to_owned() },
        Change::Assign { product: "p-000010".to_owned(), channel, assigned: false },
        Change::RenameCategory { category, name: "Renamed".to_owned() },
    ] {
        store.change(change).unwrap();
    }
}

/// What an undisturbed run ends with: after the first sync, and after the changes.
async fn undisturbed(platform: Platform) -> (Held, Held) {
    let shop = Shop::odd_on(platform, PRODUCTS).await;
    let process = shop.synced().await;
    let first = held(&shop);
    live(&shop);
    assert!(process.sync_full().await.converged());
    (first, held(&shop))
}

/// Passes until one finds nothing left to do; as new processes, so that every one starts with what the last left.
async fn until_converged(shop: &Shop, full: bool) {
    for attempt in 0..40 {
        let process = shop.open().await;
        let pass = if full { process.sync_full().await } else { process.sync().await };
        if pass.converged() {
            return;
        }
        assert!(pass.flows.values().all(|flow| flow.tally.dead == 0), "attempt {attempt}: {pass:?}");
    }
    panic!("it does not converge");
}

async fn converges(plan: impl Fn(u64) -> FaultPlan) {
    converges_on(Platform::Commercetools, plan).await;
}

async fn converges_on(platform: Platform, plan: impl Fn(u64) -> FaultPlan) {
    let (first, second) = undisturbed(platform).await;
    let shop = Shop::odd_on(platform, PRODUCTS).await;
    shop.replace("[sources.shop]\n", "[sources.shop]\nretry_wait_milliseconds = 5\n");
    // Small pages and batches, so that there are many calls to go wrong.
    shop.configure(match platform {
        Platform::Commercetools => "[sources.shop.page_size]\nfirst_products = 5\nproducts = 5\nothers = 20\n",
        Platform::Bigcommerce => "[sources.shop.page_size]\nproducts = 5\ninventory = 20\nothers = 20\n",
        // An archive has no pages.
        Platform::Sfcc => "",
    });
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}batch_items = 5\n"));
    }
    shop.world.shop_faults.set(plan(1)).unwrap();
    shop.world.clerk_faults.set(plan(2)).unwrap();
    until_converged(&shop, false).await;
    assert_eq!(held(&shop), first);
    shop.age();
    live(&shop);
    until_converged(&shop, true).await;
    assert_eq!(held(&shop), second);
    for faults in [&shop.world.shop_faults, &shop.world.clerk_faults] {
        assert!(faults.calls().iter().any(|call| call.fault.is_some()), "nothing went wrong");
    }
    // Nothing is left in doubt: an undisturbed pass has nothing to send.
    shop.world.shop_faults.set(FaultPlan::default()).unwrap();
    shop.world.clerk_faults.set(FaultPlan::default()).unwrap();
    shop.forget_calls();
    assert!(shop.open().await.sync_full().await.converged());
    assert_eq!(shop.destination_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_resets_after_the_effect_leave_no_trace() {
    converges(|seed| FaultPlan {
        error_rate: BTreeMap::from([(500, 0.2)]),
        reset_after_effect_rate: 0.1,
        reset_before_effect_rate: 0.05,
        seed,
        ..FaultPlan::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_leaves_no_trace() {
    converges(|seed| FaultPlan { throttle_rate: 0.2, seed: seed + 10, ..FaultPlan::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_that_says_when_to_come_back_is_heeded_and_leaves_no_trace() {
    converges(|seed| FaultPlan {
        throttle_rate: 0.04,
        retry_after_seconds: Some(1),
        seed: seed + 20,
        ..FaultPlan::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_cut_in_half_and_pages_of_html_leave_no_trace() {
    converges(|seed| FaultPlan {
        truncate_rate: 0.15,
        html_error_rate: 0.1,
        error_rate: BTreeMap::from([(503, 0.05), (504, 0.05)]),
        seed: seed + 30,
        ..FaultPlan::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_resets_and_throttling_leave_no_trace_of_a_shop_on_bigcommerce() {
    converges_on(Platform::Bigcommerce, |seed| FaultPlan {
        error_rate: BTreeMap::from([(500, 0.1), (503, 0.05)]),
        reset_after_effect_rate: 0.1,
        reset_before_effect_rate: 0.05,
        throttle_rate: 0.05,
        seed: seed + 40,
        ..FaultPlan::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_cut_in_half_and_pages_of_html_leave_no_trace_of_a_shop_on_bigcommerce() {
    converges_on(Platform::Bigcommerce, |seed| FaultPlan {
        truncate_rate: 0.15,
        html_error_rate: 0.1,
        seed: seed + 50,
        ..FaultPlan::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_never_answers_does_not_slow_the_other() {
    let shop = Shop::uniform(200).await;
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ask = std::sync::Arc::clone(&asked);
    let hangs = serve(Router::new().fallback(move || async move {
        ask.store(true, std::sync::atomic::Ordering::Relaxed);
        std::future::pending::<()>().await;
    }))
    .await;
    let section = "[destinations.clerk-de]\nkind = \"clerk\"\n";
    let url = format!("url = \"{}\"\n", shop.world.clerk_url);
    shop.replace(&format!("{section}{url}"), &format!("{section}url = \"{hangs}/v2\"\n"));
    {
        let process = shop.open_with(FakeClock::new(1), false).await;
        let (ending, stopped) = watch::channel(false);
        let engine = std::sync::Arc::clone(&process.engine);
        let running = tokio::spawn(async move { engine.run(&stopped).await });
        crate::harness::until("the British store to be full", || shop.store("uk").count(Resource::Products) == 200)
            .await;
        let is_asked = || asked.load(std::sync::atomic::Ordering::Relaxed);
        crate::harness::until("the other to be asked", is_asked).await;
        // Live changes arrive as well.
        let sku = shop.skus("p-000005")[0].clone();
        shop.change(Change::SetStock { sku, channel: None, quantity: 0 });
        let id = shop.id("p-000005");
        let sold_out = || shop.store("uk").products()[&id]["variant_stocks"][0] == 0;
        crate::harness::until("the stock", sold_out).await;
        let status = process.status().await;
        assert_eq!((status["de"].tally.in_sync, status["de"].tally.dead), (0, 0));
        ending.send_replace(true);
        running.abort();
        let _cut_off = running.await;
    }
    // Reachable again, it gets everything: the items of its calls are in doubt and sent again.
    shop.replace(&format!("url = \"{hangs}/v2\"\n"), &url);
    let pass = shop.open().await.sync().await;
    assert!(pass.converged(), "{pass:?}");
    assert_eq!(shop.store("de").count(Resource::Products), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_keys_pause_their_flow_only() {
    let shop = Shop::uniform(60).await;
    shop.store("de").disable(true);
    let ran = shop.cartage(&["sync", "--patience", "5"]).await.ended(3);
    ran.says(&["flow clerk-de stopped", "C0402", "public_key and private_key"]);
    let calls = shop.world.clerk_faults.calls();
    let refused: u64 = calls.iter().filter(|call| call.status == Some(401)).map(|call| call.count).sum();
    assert!(refused <= 2, "it goes on asking with refused keys: {calls:?}");
    let status = shop.cartage(&["status", "--json"]).await.ended(3).json();
    assert_eq!((&status["flows"][0]["in_sync"], &status["flows"][0]["dead"]), (&Value::from(0), &Value::from(0)));
    assert_eq!(status["flows"][1]["converged"], Value::Bool(true));
    shop.store("de").disable(false);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.store("de").count(Resource::Products), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_of_a_source_are_tried_once_a_pass_and_told_once() {
    let shop = Shop::uniform(2).await;
    shop.write("sandbox-client-secret.secret", "guessed-wrong");
    for _ in 0..2 {
        shop.forget_calls();
        let ran = shop.cartage(&["sync"]).await.ended(3).says(&["C0307"]);
        assert_eq!(ran.err.matches(": stopped: ").count(), 1, "{}", ran.err);
        assert_eq!(ran.out.matches("invalid_client").count(), 1, "{}", ran.out);
        assert_eq!(shop.source_calls(), 1, "{:?}", shop.world.shop_faults.calls());
    }
    shop.write("sandbox-client-secret.secret", "sandbox-secret");
    shop.cartage(&["sync"]).await.ended(0);
}
