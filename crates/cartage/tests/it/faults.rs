//! Under every fault that the emulators know, the stores end up as in an undisturbed run, and the states add up at every
//! stop; whatever platform the shop is on, and however it is read.

use std::{collections::BTreeMap, sync::Arc};

use axum::Router;
use cartage::commands::demo;
use model::FlowName;
use sandbox::{bigcommerce, catalogue::Price, clerk::Resource, commercetools::Change, fault::FaultPlan, shop::Edit};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use crate::harness::{FakeClock, MARKETS, Origin, Shop, serve};

/// Products of a shop. The platforms' own rules are in other tests; an instance of SFCC takes more calls for each.
const fn products(origin: Origin) -> usize {
    match origin {
        Origin::Commercetools | Origin::Bigcommerce => 60,
        Origin::SfccByExports | Origin::SfccByApis => 24,
    }
}

/// Products of a page, and items of a call: few, so that there are many calls to go wrong.
const PAGE: usize = 5;

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
    let (of, head) = (|product: &str| product.to_owned(), &shop.world.catalogue.head);
    let (sku, locale) = (shop.skus("p-000002")[0].clone(), head.languages[0].clone());
    let price = Price { minor: 777, currency: "GBP".to_owned(), ..Price::default() };
    for edit in [
        Edit::Stock { sku: sku.clone(), channel: Some("warehouse-de".to_owned()), quantity: 3 },
        Edit::Price { product: of("p-000002"), sku: sku.clone(), price },
        Edit::Name { product: of("p-000004"), locale: locale.clone(), text: "Neu".to_owned() },
        Edit::Published { product: of("p-000006"), published: false },
        Edit::Removed { product: of("p-000008") },
        Edit::Category { category: head.categories[0].key.clone(), locale, text: "Renamed".to_owned() },
    ] {
        shop.world.on.edit(edit).unwrap();
    }
    if let demo::Shop::Bigcommerce(store) = &shop.world.on {
        // What moves no date there.
        use bigcommerce::{Change, Whose};
        let (whose, currency) = (Whose::Channel("shop-uk".to_owned()), "GBP".to_owned());
        store.change(Change::SetPrice { sku, whose, currency, minor: 778, sale: None }).unwrap();
        let channel = store.channel_id("uk").unwrap();
        store.change(Change::Assign { product: of("p-000010"), channel, assigned: false }).unwrap();
    }
}

/// What an undisturbed run ends with: after the first sync, and after the changes.
async fn undisturbed(origin: Origin) -> (Held, Held) {
    let shop = Shop::odd_on(origin, products(origin), PAGE).await;
    let process = shop.synced().await;
    let first = held(&shop);
    live(&shop);
    assert!(process.sync_full().await.converged());
    (first, held(&shop))
}

/// Passes until one finds nothing left to do; as new processes, so that every one starts with what the last left.
async fn until_converged(shop: &Shop, clock: &Arc<FakeClock>, full: bool) {
    for attempt in 0..40 {
        let process = shop.open_with(Arc::clone(clock), false).await;
        let pass = if full { process.sync_full().await } else { process.sync().await };
        if pass.converged() {
            return;
        }
        if let Some(flow) = pass.flows.values().find(|flow| flow.tally.dead > 0) {
            let dead = process.store.dead(&FlowName::new(flow.flow.as_str()), 3).await.unwrap();
            panic!("attempt {attempt}: {} has dead records: {dead:#?}", flow.flow);
        }
    }
    panic!("it does not converge");
}

/// A plan by its name, from a seed.
type Plan = (&'static str, fn(u64) -> FaultPlan);

/// One call in four or five fails: an item whose call fails five times by itself, while others succeed, is a dead letter.
const PLANS: [Plan; 4] = [
    ("errors, and answers that are lost after their effect", |seed| FaultPlan {
        error_rate: BTreeMap::from([(500, 0.1), (504, 0.04)]),
        reset_after_effect_rate: 0.06,
        reset_before_effect_rate: 0.04,
        seed,
        ..FaultPlan::default()
    }),
    ("throttling", |seed| FaultPlan { throttle_rate: 0.2, seed: seed + 10, ..FaultPlan::default() }),
    ("throttling that says when to come back", |seed| FaultPlan {
        throttle_rate: 0.04,
        retry_after_seconds: Some(1),
        seed: seed + 20,
        ..FaultPlan::default()
    }),
    ("answers cut in half, and pages of HTML", |seed| FaultPlan {
        truncate_rate: 0.1,
        html_error_rate: 0.05,
        error_rate: BTreeMap::from([(503, 0.04), (504, 0.04)]),
        seed: seed + 30,
        ..FaultPlan::default()
    }),
];

/// A shop whose calls fail as planned ends up as an undisturbed one, as often as it is read anew.
async fn converges(origin: Origin, (name, plan): Plan, expected: Arc<(Held, Held)>) {
    let (first, second) = expected.as_ref();
    let shop = Shop::odd_on(origin, products(origin), PAGE).await;
    shop.set("retry_wait_milliseconds = 5");
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}batch_items = {PAGE}\n"));
    }
    shop.world.shop_faults.set(plan(1)).unwrap();
    shop.world.clerk_faults.set(plan(2)).unwrap();
    // One clock for all processes: to one that begins anew no time is set back.
    let clock = FakeClock::new(20);
    until_converged(&shop, &clock, false).await;
    assert_eq!(&held(&shop), first, "{name}");
    shop.age();
    live(&shop);
    until_converged(&shop, &clock, true).await;
    assert_eq!(&held(&shop), second, "{name}");
    for faults in [&shop.world.shop_faults, &shop.world.clerk_faults] {
        assert!(faults.calls().iter().any(|call| call.fault.is_some()), "nothing went wrong: {name}");
    }
    // Nothing is left in doubt: an undisturbed pass has nothing to send.
    shop.world.shop_faults.set(FaultPlan::default()).unwrap();
    shop.world.clerk_faults.set(FaultPlan::default()).unwrap();
    shop.forget_calls();
    assert!(shop.open_with(clock, false).await.sync_full().await.converged(), "{name}");
    assert_eq!(shop.destination_calls(), 0, "{name}");
}

/// Every plan leaves no trace.
async fn leaves_no_trace(origin: Origin) {
    let expected = Arc::new(undisturbed(origin).await);
    let mut trials = JoinSet::new();
    for plan in PLANS {
        trials.spawn(converges(origin, plan, Arc::clone(&expected)));
    }
    trials.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_leaves_no_trace() {
    leaves_no_trace(Origin::Commercetools).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_leaves_no_trace_of_a_shop_on_bigcommerce() {
    leaves_no_trace(Origin::Bigcommerce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_leaves_no_trace_of_an_instance_that_exports() {
    leaves_no_trace(Origin::SfccByExports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_leaves_no_trace_of_an_instance_that_is_read_by_its_apis() {
    leaves_no_trace(Origin::SfccByApis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_never_answers_does_not_slow_the_other() {
    let shop = Shop::uniform(200).await;
    let asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ask = Arc::clone(&asked);
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
        let engine = Arc::clone(&process.engine);
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
