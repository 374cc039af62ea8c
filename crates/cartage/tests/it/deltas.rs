//! Changes of the shop are sent in the smallest form, and nothing else is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use cartage::{assemble, config::Config};
use engine::{Event, Observer};
use sandbox::{
    catalogue::Price,
    commercetools::{Change, PriceScope},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::{FakeClock, MARKETS, Process, Sent, Shop, until, until_settled};

const AVAILABILITY: [&str; 5] = ["id", "in_stock", "index", "stock", "variant_stocks"];
const PRICE: [&str; 6] = ["id", "list_price", "on_sale", "price", "variant_list_prices", "variant_prices"];

/// The only call that a store got.
#[track_caller]
fn only(calls: &[Sent]) -> &Sent {
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(calls[0].refused, None);
    &calls[0]
}

/// Ids that calls with this operation carried.
fn ids(calls: &[Sent], operation: &str) -> BTreeSet<String> {
    calls.iter().filter(|call| call.operation == operation).flat_map(Sent::ids).collect()
}

/// Ids of the products of a store that are in this category.
fn members(shop: &Shop, market: &str, category: &str) -> BTreeSet<String> {
    let products = shop.store(market).products();
    let is_in = |product: &Value| product["categories"].as_array().unwrap().contains(&json!(category));
    products.into_iter().filter(|(_, product)| is_in(product)).map(|(id, _)| id).collect()
}

/// Id and name of a category by its German or English name's slug, as a store holds it.
fn category(shop: &Shop, market: &str, has: impl Fn(&Value) -> bool) -> (String, Value) {
    shop.store(market).categories().into_iter().find(|(_, category)| has(category)).expect("no such category")
}

fn key_of_category(shop: &Shop, id: &str) -> String {
    let url = shop.store("uk").categories()[id]["url"].as_str().unwrap().to_owned();
    let keys = shop.world.shop.category_keys();
    let of_url = keys.into_iter().filter(|key| url.ends_with(&format!("-{key}")));
    of_url.max_by_key(String::len).expect("no key fits")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pass_over_an_unchanged_shop_calls_no_destination() {
    let shop = Shop::odd(100).await;
    let process = shop.synced().await;
    let held = shop.held();
    let before: u64 = process.engine.flows.iter().map(|flow| flow.destination.calls()).sum();
    for pass in [process.sync().await, process.sync_full().await, process.sync().await] {
        assert!(pass.converged(), "{pass:?}");
        assert!(pass.synced.flows.iter().all(|(_, pushed)| pushed.calls == 0), "{pass:?}");
    }
    let after: u64 = process.engine.flows.iter().map(|flow| flow.destination.calls()).sum();
    assert_eq!((before, shop.destination_calls()), (after, 0));
    // So does another process that knows nothing but the database.
    drop(process);
    let pass = shop.open().await.sync_full().await;
    assert!(pass.converged(), "{pass:?}");
    assert_eq!((shop.destination_calls(), shop.held()), (0, held));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_change_is_one_patch_of_availability_only() {
    let shop = Shop::uniform(30).await;
    let process = shop.synced().await;
    let (key, sku) = ("p-000003", shop.skus("p-000003")[1].clone());
    let before = shop.store("de").products()[&shop.id(key)].clone();
    shop.change(Change::SetStock { sku, channel: None, quantity: 0 });
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    for market in MARKETS {
        let sent = shop.sent(market);
        let call = only(&sent);
        assert_eq!(
            (call.operation.as_str(), call.members()),
            ("PATCH products", AVAILABILITY.map(str::to_owned).to_vec())
        );
        let product = &shop.store(market).products()[&shop.id(key)];
        let stock: i64 = product["variant_stocks"].as_array().unwrap().iter().map(|it| it.as_i64().unwrap()).sum();
        assert_eq!((&product["variant_stocks"][1], &product["stock"]), (&json!(0), &json!(stock)));
        assert_eq!(product["variant_stocks"][0], before["variant_stocks"][0]);
    }
    // A sale is written without a message and without moving the product; the entry moves.
    shop.forget_calls();
    let sku = shop.skus(key)[0].clone();
    shop.change(Change::Sell { sku: sku.clone(), channel: None, quantity: 1 });
    process.sync().await;
    assert_eq!(only(&shop.sent("de")).operation, "PATCH products");
    let left = before["variant_stocks"][0].as_i64().unwrap() - 1;
    assert_eq!(shop.store("de").products()[&shop.id(key)]["variant_stocks"][0], json!(left));
    // Stock that is no longer tracked is found missing by a full read, and counts as one piece.
    shop.forget_calls();
    shop.change(Change::DeleteInventory { sku, channel: None });
    process.sync_full().await;
    assert_eq!(only(&shop.sent("de")).members(), AVAILABILITY);
    assert_eq!(shop.store("de").products()[&shop.id(key)]["variant_stocks"][0], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_change_is_one_patch_of_prices_in_its_market_only() {
    let shop = Shop::uniform(30).await;
    let process = shop.synced().await;
    let sku = shop.skus("p-000004")[0].clone();
    shop.change(Change::SetPrice { sku: sku.clone(), scope: PriceScope::of("EUR"), minor: 123, discounted: Some(99) });
    assert!(process.sync().await.converged());
    let sent = shop.sent("de");
    let call = only(&sent);
    assert_eq!((call.operation.as_str(), call.members()), ("PATCH products", PRICE.map(str::to_owned).to_vec()));
    let object = &call.objects[0];
    assert_eq!(
        (&object["price"], &object["list_price"], &object["on_sale"]),
        (&json!(0.99), &json!(1.23), &json!(true))
    );
    assert_eq!(shop.sent("uk").len(), 0);
    // Taken back by a patch as well: every member of the facet is always there.
    shop.forget_calls();
    shop.change(Change::SetPrice { sku, scope: PriceScope::of("EUR"), minor: 123, discounted: None });
    process.sync().await;
    let sent = shop.sent("de");
    let object = &only(&sent).objects[0];
    assert_eq!(
        (&object["price"], &object["list_price"], &object["on_sale"]),
        (&json!(1.23), &json!(1.23), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_change_is_one_post_of_one_product_in_its_language_only() {
    let shop = Shop::uniform(30).await;
    let process = shop.synced().await;
    let text = Some("Ein ganz anderer Name".to_owned());
    shop.change(Change::SetName { product: "p-000005".to_owned(), locale: "de".to_owned(), text });
    assert!(process.sync().await.converged());
    let sent = shop.sent("de");
    let call = only(&sent);
    assert_eq!((call.operation.as_str(), call.ids()), ("POST products", vec![shop.id("p-000005")]));
    assert_eq!(call.objects[0]["name"], json!("Ein ganz anderer Name"));
    assert_eq!(shop.sent("uk").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_staff_sees_is_not_sent() {
    let shop = Shop::uniform(20).await;
    let process = shop.synced().await;
    let (product, locale) = ("p-000005".to_owned(), "de".to_owned());
    shop.change(Change::StageName { product, locale, text: "Noch nicht".to_owned() });
    assert!(process.sync().await.converged());
    assert_eq!(shop.destination_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_rename_reaches_the_category_and_its_products_and_nothing_else() {
    let shop = Shop::uniform(60).await;
    let process = shop.synced().await;
    // One without categories below it that has products.
    let (id, _) = category(&shop, "uk", |category| {
        let is_leaf = category["subcategories"].as_array().unwrap().is_empty();
        is_leaf && !members(&shop, "uk", category["id"].as_str().unwrap()).is_empty()
    });
    let (key, inside) = (key_of_category(&shop, &id), members(&shop, "uk", &id));
    shop.change(Change::RenameCategory { category: key, locale: "en".to_owned(), name: "Renamed".to_owned() });
    assert!(process.sync().await.converged());
    let sent = shop.sent("uk");
    assert_eq!(ids(&sent, "POST categories"), BTreeSet::from([id.clone()]));
    assert_eq!(ids(&sent, "POST products"), inside);
    assert_eq!(sent.len(), 2, "{sent:#?}");
    assert_eq!(shop.sent("de").len(), 0);
    let store = shop.store("uk");
    assert_eq!(store.categories()[&id]["name"], json!("Renamed"));
    for product in &inside {
        assert!(store.products()[product]["category_names"].as_array().unwrap().contains(&json!("Renamed")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_department_reaches_the_categories_below_it_that_show_its_name() {
    let shop = Shop::uniform(40).await;
    let process = shop.synced().await;
    let (id, root) = category(&shop, "de", |category| category.get("parent").is_none());
    let (key, name) = (key_of_category(&shop, &id), root["name"].clone());
    let below = |category: &Value| category["path"].as_array().unwrap()[0] == name;
    let expected: BTreeSet<String> =
        shop.store("de").categories().into_iter().filter(|(_, category)| below(category)).map(|(id, _)| id).collect();
    assert!(expected.len() > 1 && expected.contains(&id));
    let inside = members(&shop, "de", &id);
    shop.change(Change::RenameCategory { category: key, locale: "de".to_owned(), name: "Abteilung".to_owned() });
    assert!(process.sync().await.converged());
    let sent = shop.sent("de");
    assert_eq!(ids(&sent, "POST categories"), expected);
    assert_eq!(ids(&sent, "POST products"), inside);
    assert_eq!(shop.sent("uk").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_that_touches_the_whole_shop_is_spread_and_arrives_in_full_batches() {
    let shop = Shop::altered(610, |head, products| {
        let all = head.categories[0].key.clone();
        for product in products.iter_mut() {
            product.categories = vec![all.clone()];
            product.description.clear();
            product.variants.truncate(1);
        }
    })
    .await;
    let process = shop.synced().await;
    let key = shop.world.shop.category_keys()[0].clone();
    shop.change(Change::RenameCategory { category: key, locale: "en".to_owned(), name: "All of it".to_owned() });
    assert!(process.sync().await.converged());
    let calls = shop.store("uk").operations()["POST products"];
    assert_eq!((calls.items, calls.refused), (610, 0));
    assert!(calls.calls <= 8, "{calls:?}");
    assert_eq!(shop.sent("de").len(), 0);
    let renamed = |product: &Value| product["category_names"] == json!(["All of it"]);
    assert!(shop.store("uk").products().values().all(renamed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_price_arrives_though_its_product_does_not_move() {
    let shop = Shop::altered(20, |_, products| products[2].standalone_prices = true).await;
    let process = shop.synced().await;
    let (sku, id) = (shop.skus("p-000002")[0].clone(), shop.id("p-000002"));
    let scope = PriceScope::of("GBP");
    shop.change(Change::SetStandalonePrice { sku: sku.clone(), scope: scope.clone(), minor: 77, discounted: None });
    assert!(process.sync().await.converged());
    let sent = shop.sent("uk");
    assert_eq!((only(&sent).operation.as_str(), only(&sent).ids()), ("PATCH products", vec![id.clone()]));
    assert_eq!(shop.store("uk").products()[&id]["price"], json!(0.77));
    assert_eq!(shop.sent("de").len(), 0);
    // Switched off, it no longer counts; the variant has no other price in this market and is no longer offered.
    let variants = shop.store("uk").products()[&id]["variant_skus"].as_array().unwrap().len();
    shop.forget_calls();
    shop.change(Change::SetStandalonePriceActive { sku, scope, active: false });
    assert!(process.sync().await.converged());
    let product = &shop.store("uk").products()[&id];
    assert_eq!(product["variant_skus"].as_array().unwrap().len(), variants - 1);
    assert_eq!(only(&shop.sent("uk")).operation, "POST products");
}

/// Unpublishes, publishes again and deletes; `full`: only a full read may notice.
async fn comes_and_goes(shop: &Shop, finds_at_once: bool) {
    let process = shop.synced().await;
    let (first, second) = (shop.id("p-000001"), shop.id("p-000002"));
    let before = shop.held();
    shop.change(Change::Unpublish { product: "p-000001".to_owned() });
    shop.change(Change::DeleteProduct { product: "p-000002".to_owned() });
    process.sync().await;
    let gone_at_once = !shop.store("de").products().contains_key(&second);
    assert_eq!(gone_at_once, finds_at_once);
    assert!(!shop.store("de").products().contains_key(&first), "an unpublished product is found by a delta");
    let pass = process.sync_full().await;
    assert!(pass.converged(), "{pass:?}");
    for market in MARKETS {
        let mut expected = before[market][0].clone();
        assert!(expected.remove(&first).is_some() && expected.remove(&second).is_some());
        assert_eq!(shop.store(market).products(), expected);
        let calls = shop.store(market).operations();
        assert_eq!(calls.keys().collect::<Vec<_>>(), ["DELETE products"]);
        assert_eq!(calls["DELETE products"].items, 2);
        let tally = &pass.flows[market].tally;
        // The unpublished one may come back and is kept out; the deleted one is gone.
        assert_eq!(tally.gone + tally.filtered, 2, "{tally:?}");
    }
    shop.forget_calls();
    shop.change(Change::Publish { product: "p-000001".to_owned() });
    assert!(process.sync().await.converged());
    for market in MARKETS {
        let sent = shop.sent(market);
        assert_eq!((only(&sent).operation.as_str(), only(&sent).ids()), ("POST products", vec![first.clone()]));
        assert_eq!(shop.store(market).products()[&first], before[market][0][&first]);
    }
    shop.forget_calls();
    assert!(process.sync_full().await.converged());
    assert_eq!(shop.destination_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unpublished_or_deleted_goes_at_once_where_messages_tell_it_and_comes_back() {
    let shop = Shop::uniform(30).await;
    shop.change(Change::SetMessages { enabled: true });
    comes_and_goes(&shop, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_goes_with_a_full_read_where_nothing_tells_it() {
    let shop = Shop::uniform(30).await;
    comes_and_goes(&shop, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_found_by_any_pass_once_everything_is_due_to_be_read_again() {
    let shop = Shop::uniform(30).await;
    let clock = FakeClock::new(20);
    let process = shop.open_with(Arc::clone(&clock), false).await;
    assert!(process.sync().await.converged());
    let id = shop.id("p-000002");
    shop.change(Change::DeleteProduct { product: "p-000002".to_owned() });
    process.sync().await;
    assert!(shop.store("de").products().contains_key(&id), "nothing tells of it");
    clock.advance(Duration::from_hours(24));
    assert!(process.sync().await.converged());
    for market in MARKETS {
        assert!(!shop.store(market).products().contains_key(&id));
        assert_eq!(shop.store(market).products().len(), 29);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_is_read_elsewhere_by_now_counts_no_more() {
    let shop = Shop::uniform(20).await;
    let process = shop.synced().await;
    let (id, sku) = (shop.id("p-000003"), shop.skus("p-000003")[0].clone());
    let stock = || shop.store("de").products()[&id]["variant_stocks"][0].clone();
    let set = |quantity| shop.change(Change::SetStock { sku: sku.clone(), channel: None, quantity });
    let before = shop.held();
    drop(process);
    shop.replace("[sources.shop]\n", "[sources.shop]\nstock_from = \"products\"\n");
    set(3);
    // Stock inside products follows the entries after some time.
    shop.world.shop.set_clock_offset(7_200_000);
    let process = shop.open().await;
    assert!(process.sync_full().await.converged());
    assert_eq!(stock(), json!(3));
    for (other, product) in shop.store("de").products().iter().filter(|(other, _)| **other != id) {
        assert_eq!(product["variant_stocks"], before["de"][0][other]["variant_stocks"]);
    }
    // Its records were deleted once, not with every start.
    let lane = async |process: &Process| process.engine.store.lane(&"shop".into(), "inventory").await.unwrap();
    let let_go = lane(&process).await;
    drop(process);
    let process = shop.open().await;
    assert_eq!(lane(&process).await, let_go);
    drop(process);
    // And back: what the entries say is read from the beginning.
    shop.replace("stock_from = \"products\"\n", "");
    set(4);
    assert!(shop.open().await.sync().await.converged());
    assert_eq!(stock(), json!(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_taken_out_of_a_store_s_selection_leaves_that_market_only() {
    let shop = Shop::odd(30).await;
    let process = shop.synced().await;
    let (id, before) = (shop.id("p-000002"), shop.held());
    assert!(before["uk"][0].contains_key(&id) && before["de"][0].contains_key(&id));
    let named = |selection: &str| (selection.to_owned(), "p-000002".to_owned());
    let (selection, product) = named("range-uk");
    shop.change(Change::RemoveFromSelection { selection, product });
    assert!(process.sync().await.converged());
    let mut expected = before.clone();
    expected.get_mut("uk").unwrap()[0].remove(&id);
    assert_eq!(shop.held(), expected);
    assert_eq!((shop.sent("de").len(), only(&shop.sent("uk")).items), (0, 1));
    // The German store's selection names what is not sold.
    let (selection, product) = named("range-de");
    shop.change(Change::AddToSelection { selection, product });
    assert!(process.sync().await.converged());
    expected.get_mut("de").unwrap()[0].remove(&id);
    assert_eq!(shop.held(), expected);
    let (selection, product) = named("range-de");
    shop.change(Change::RemoveFromSelection { selection, product });
    let (selection, product) = named("range-uk");
    shop.change(Change::AddToSelection { selection, product });
    assert!(process.sync().await.converged());
    assert_eq!(shop.held(), before);
    // A store that no longer uses its selection sells everything that it can price.
    shop.forget_calls();
    shop.change(Change::SetStoreSelections { store: "uk".to_owned(), selections: Vec::new() });
    assert!(process.sync().await.converged());
    assert_eq!(shop.sent("de").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_product_is_one_post_and_a_new_locale_s_text_brings_it_into_the_other_market() {
    let shop = Shop::uniform(20).await;
    let process = shop.synced().await;
    let mut product = (crate::harness::catalogue(21, |_, _| {}).products)().last().unwrap();
    product.name.remove("en");
    let key = product.key.clone();
    shop.change(Change::AddProduct(Box::new(product)));
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    let id = shop.id(&key);
    assert_eq!(only(&shop.sent("de")).ids(), std::slice::from_ref(&id));
    assert_eq!(shop.sent("uk").len(), 0);
    assert_eq!(pass.flows["uk"].tally.rules, BTreeMap::from([("no_text".to_owned(), 1)]));
    shop.forget_calls();
    let text = Some("Named at last".to_owned());
    shop.change(Change::SetName { product: key, locale: "en".to_owned(), text });
    assert!(process.sync().await.converged());
    assert_eq!(only(&shop.sent("uk")).ids(), std::slice::from_ref(&id));
    assert_eq!(shop.store("uk").products()[&id]["name"], json!("Named at last"));
    assert_eq!(shop.sent("de").len(), 0);
}

/// No lane is due while the test runs.
fn rest(shop: &Shop) {
    let lanes = [
        "products",
        "categories",
        "inventory",
        "standalone_prices",
        "product_types",
        "channels",
        "stores",
        "deletions",
    ];
    let cadence = lanes.map(|lane| format!("{lane} = \"720h\"")).join("\n");
    shop.replace("[sources.shop]\n", "[sources.shop]\nfull_every = \"1440h\"\n");
    shop.configure(&format!("[sources.shop.cadence]\n{cadence}"));
}

/// Lets a second pass in steps, after which the clock stands: what happens then, however slowly, happens within it.
async fn a_second_passes(clock: &FakeClock) {
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        clock.advance(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_window_opens_and_closes_by_the_clock_alone_within_a_second() {
    const HOUR: Duration = Duration::from_hours(1);
    let shop = Shop::uniform(20).await;
    rest(&shop);
    let clock = FakeClock::new(0);
    let (opens, closes) =
        (contract::Clock::now(clock.as_ref()).plus(HOUR), contract::Clock::now(clock.as_ref()).plus(HOUR * 2));
    let (sku, id) = (shop.skus("p-000007")[0].clone(), shop.id("p-000007"));
    let (valid_from, valid_until) = (Some(opens.to_string()), Some(closes.to_string()));
    let scope = PriceScope { valid_from, valid_until, ..PriceScope::of("GBP") };
    shop.change(Change::SetPrice { sku, scope, minor: 1, discounted: None });

    let process = shop.open_with(Arc::clone(&clock), false).await;
    let (ending, stopped) = watch::channel(false);
    let engine = Arc::clone(&process.engine);
    let running = tokio::spawn(async move { engine.run(&stopped).await });
    let full = |market: &str| shop.store(market).count(sandbox::clerk::Resource::Products) == 20;
    until("the first sync", || MARKETS.iter().all(|market| full(market))).await;
    until_settled(&process).await;
    let price = || shop.store("uk").products()[&id]["price"].clone();
    let usual = price();
    assert_ne!(usual, json!(0.01));
    shop.forget_calls();

    clock.advance(HOUR.checked_sub(Duration::from_millis(1)).unwrap());
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!((shop.destination_calls(), price()), (0, usual.clone()), "it opened too early");
    clock.advance(Duration::from_millis(1));
    a_second_passes(&clock).await;
    until("the window to open", || price() == json!(0.01)).await;
    let sent = shop.sent("uk");
    assert_eq!(
        (only(&sent).operation.as_str(), only(&sent).members()),
        ("PATCH products", PRICE.map(str::to_owned).to_vec())
    );
    assert_eq!(only(&sent).ids(), std::slice::from_ref(&id));

    clock.advance(HOUR);
    a_second_passes(&clock).await;
    until("the window to close", || price() == usual).await;
    assert_eq!((shop.sent("uk").len(), shop.sent("de").len()), (2, 0));
    assert_eq!(shop.source_calls(), 0, "the source was asked");
    ending.send_replace(true);
    running.await.unwrap().unwrap();
    assert!(process.status().await.values().all(|flow| flow.converged));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_over_the_ends_of_a_price_window_changes_the_price() {
    const HOUR: Duration = Duration::from_hours(1);
    let shop = Shop::uniform(20).await;
    let clock = FakeClock::new(0);
    let now = contract::Clock::now(clock.as_ref());
    let (valid_from, valid_until) = (Some(now.plus(HOUR).to_string()), Some(now.plus(HOUR * 2).to_string()));
    let scope = PriceScope { valid_from, valid_until, ..PriceScope::of("GBP") };
    let (sku, id) = (shop.skus("p-000007")[0].clone(), shop.id("p-000007"));
    shop.change(Change::SetPrice { sku, scope, minor: 1, discounted: None });
    let process = shop.open_with(Arc::clone(&clock), false).await;
    let price = || shop.store("uk").products()[&id]["price"].clone();

    clock.advance(HOUR * 3);
    assert!(process.sync().await.converged());
    let usual = price();
    assert_ne!(usual, json!(0.01));
    for (back, expected) in [(HOUR / 2, &usual), (HOUR, &json!(0.01)), (HOUR, &usual)] {
        clock.set_back(back);
        shop.forget_calls();
        assert!(process.sync().await.converged());
        assert_eq!(&price(), expected);
        assert!(ids(&shop.sent("de"), "PATCH products").is_empty(), "it concerns one product of one market");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_begins_on_every_product_at_once_reaches_all_of_them_and_no_other_market() {
    const HOUR: Duration = Duration::from_hours(1);
    // More than are taken up at once.
    const PRODUCTS: usize = 1203;
    let clock = FakeClock::new(0);
    let opens = contract::Clock::now(clock.as_ref()).plus(HOUR);
    let shop = Shop::altered(PRODUCTS, |_, products| {
        for variant in products.iter_mut().flat_map(|product| &mut product.variants) {
            let usual = variant.prices.iter().find(|price| price.currency == "GBP").unwrap();
            let sale = Price { minor: 99, valid_from: Some(opens.to_string()), ..usual.clone() };
            variant.prices.push(sale);
        }
    })
    .await;
    rest(&shop);
    let process = shop.open_with(Arc::clone(&clock), false).await;
    assert!(process.sync().await.converged());
    let (ending, stopped) = watch::channel(false);
    let engine = Arc::clone(&process.engine);
    let running = tokio::spawn(async move { engine.run(&stopped).await });
    until_settled(&process).await;
    let at_sale = || shop.store("uk").products().values().filter(|item| item["price"] == json!(0.99)).count();
    assert_eq!(at_sale(), 0);
    shop.forget_calls();

    clock.advance(HOUR);
    a_second_passes(&clock).await;
    until("the sale to begin everywhere", || at_sale() == PRODUCTS).await;
    let sent = shop.sent("uk");
    assert!(sent.iter().all(|call| call.operation == "PATCH products"), "{sent:?}");
    let mut ids: Vec<_> = sent.iter().flat_map(Sent::ids).collect();
    let items = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((items, ids.len()), (PRODUCTS, PRODUCTS), "something was sent twice");
    assert_eq!((shop.sent("de").len(), shop.source_calls()), (0, 0));
    ending.send_replace(true);
    running.await.unwrap().unwrap();
    assert!(process.status().await.values().all(|flow| flow.converged));
}

// ── what the settings ask for ───────────────────────────────────────────────────────────────────────────────────────

/// Sets one thing for the German store and another for the British one.
fn set(shop: &Shop, de: &str, uk: &str) {
    for (market, setting) in [("de", de), ("uk", uk)] {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}{setting}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sold_out_is_hidden_or_removed_as_the_store_s_setting_says() {
    let shop = Shop::uniform(20).await;
    set(&shop, "out_of_stock = \"hide\"", "out_of_stock = \"remove\"");
    let process = shop.synced().await;
    let (skus, id) = (shop.skus("p-000003"), shop.id("p-000003"));
    let before = shop.held();
    assert_eq!(before["de"][0][&id]["index"], json!(true));
    let stock = |sku: &String, quantity| shop.change(Change::SetStock { sku: sku.clone(), channel: None, quantity });
    for sku in &skus {
        stock(sku, 0);
    }
    assert!(process.sync().await.converged());
    let sent = shop.sent("de");
    assert_eq!((only(&sent).operation.as_str(), &only(&sent).objects[0]["index"]), ("PATCH products", &json!(false)));
    assert_eq!(only(&shop.sent("uk")).operation, "DELETE products");
    assert!(!shop.store("uk").products().contains_key(&id));
    // One piece brings it back.
    shop.forget_calls();
    stock(&skus[2], 1);
    assert!(process.sync().await.converged());
    assert_eq!(shop.store("de").products()[&id]["index"], json!(true));
    assert_eq!(
        (only(&shop.sent("uk")).operation.as_str(), only(&shop.sent("uk")).ids()),
        ("POST products", vec![id.clone()])
    );
    assert_eq!(shop.store("uk").products()[&id]["name"], before["uk"][0][&id]["name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_hidden_is_shown_again_when_the_store_keeps_what_is_sold_out() {
    let shop = Shop::uniform(5).await;
    set(&shop, "out_of_stock = \"hide\"", "");
    let process = shop.synced().await;
    let id = shop.id("p-000003");
    for sku in shop.skus("p-000003") {
        shop.change(Change::SetStock { sku, channel: None, quantity: 0 });
    }
    assert!(process.sync().await.converged());
    assert_eq!(shop.store("de").products()[&id]["index"], json!(false));
    drop(process);
    shop.replace("out_of_stock = \"hide\"\n", "");
    assert!(shop.open().await.sync().await.converged());
    let product = &shop.store("de").products()[&id];
    assert_ne!(product.get("index"), Some(&json!(false)), "it stays hidden for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_grain_of_variants_only_the_variant_that_changed_is_sent() {
    let shop = Shop::uniform(12).await;
    set(&shop, "grain = \"variant\"", "grain = \"variant\"\nout_of_stock = \"remove\"");
    let process = shop.synced().await;
    let all: BTreeSet<String> = shop.world.shop.skus().into_iter().collect();
    assert_eq!(shop.store("de").products().into_keys().collect::<BTreeSet<_>>(), all);
    let sku = shop.skus("p-000003")[1].clone();
    assert_eq!(shop.store("de").products()[&sku]["parent_id"], json!(shop.id("p-000003")));
    shop.change(Change::SetPrice { sku: sku.clone(), scope: PriceScope::of("EUR"), minor: 55, discounted: None });
    assert!(process.sync().await.converged());
    let sent = shop.sent("de");
    assert_eq!((only(&sent).operation.as_str(), only(&sent).ids()), ("PATCH products", vec![sku.clone()]));
    assert_eq!(shop.sent("uk").len(), 0);
    shop.change(Change::SetStock { sku: sku.clone(), channel: None, quantity: 0 });
    assert!(process.sync().await.converged());
    assert_eq!((only(&shop.sent("uk")).operation.as_str(), only(&shop.sent("uk")).items), ("DELETE products", 1));
    assert!(!shop.store("uk").products().contains_key(&sku) && shop.store("de").products().contains_key(&sku));
    assert_eq!(shop.store("uk").products().len(), all.len() - 1);
    // A product takes all its items along.
    let of_product = shop.skus("p-000003").len();
    shop.change(Change::Unpublish { product: "p-000003".to_owned() });
    assert!(process.sync().await.converged());
    assert_eq!(shop.store("de").products().len(), all.len() - of_product);
    assert_eq!(shop.store("uk").products().len(), all.len() - of_product);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mapping_sends_what_it_changes_and_only_that() {
    let shop = Shop::altered(30, |_, products| products.truncate(12)).await;
    drop(shop.synced().await);
    let section = "[flows.clerk-de.fields]\n";
    shop.replace(section, &format!("{section}first = \"product.key == 'p-000004' ? 'yes' : null\"\n"));
    assert!(shop.open().await.sync().await.converged());
    assert_eq!(only(&shop.sent("de")).ids(), [shop.id("p-000004")]);
    assert_eq!(
        (&shop.store("de").products()[&shop.id("p-000004")]["first"], shop.sent("uk").len()),
        (&json!("yes"), 0)
    );
    // Written in another way, it says the same.
    shop.forget_calls();
    shop.replace("product.key == 'p-000004' ? 'yes' : null", "product.key != 'p-000004' ? null : 'yes'");
    assert!(shop.open().await.sync().await.converged());
    assert_eq!(shop.destination_calls(), 0);
    // Taken back, the field goes.
    shop.replace("first = \"product.key != 'p-000004' ? null : 'yes'\"\n", "");
    assert!(shop.open().await.sync().await.converged());
    assert_eq!(only(&shop.sent("de")).ids(), [shop.id("p-000004")]);
    assert!(shop.store("de").products()[&shop.id("p-000004")].get("first").is_none());
}

// ── all of it ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_edits_leave_the_stores_as_a_first_sync_of_the_same_shop_would() {
    let shop = Shop::odd(100).await;
    shop.change(Change::SetMessages { enabled: true });
    // The clock stands, so that a price window is either open or not.
    let clock = FakeClock::new(0);
    let process = shop.open_with(Arc::clone(&clock), false).await;
    assert!(process.sync().await.converged());
    shop.age();
    let made = sandbox::catalogue::generate(&sandbox::catalogue::Options {
        products: 100,
        ..sandbox::catalogue::Options::default()
    });
    let now = jiff::Timestamp::from_millisecond(contract::Clock::now(clock.as_ref()).millis()).unwrap();
    for (number, edit) in sandbox::shop::LivingShop::new(&made, 11).take(300).enumerate() {
        // Windows that are over, open, and yet to come.
        let at = now + jiff::SignedDuration::from_secs([-3600, -45, 3600][number % 3]);
        let _refused_by_the_platform = shop.world.shop.change(edit.into_change(at)).is_err();
        if number % 12 == 11 {
            let pass = process.sync().await;
            assert!(pass.flows.values().all(|flow| flow.converged && flow.tally.dead == 0), "{pass:?}");
        }
    }
    let pass = process.sync_full().await;
    assert!(pass.converged(), "{pass:?}");
    let grown = shop.held();
    drop(process);
    for market in MARKETS {
        shop.store(market).clear();
    }
    shop.replace("sandbox.db", "another.db");
    let process = shop.open_with(clock, false).await;
    assert!(process.sync().await.converged());
    for (market, [products, categories]) in shop.held() {
        for (id, product) in &products {
            assert_eq!(grown[&market][0].get(id), Some(product), "{market}");
        }
        assert_eq!((grown[&market][0].len(), &grown[&market][1]), (products.len(), &categories), "{market}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_at_once_all_arrive_with_the_next_pass_in_full_calls() {
    // More than a first page of changes, and than a second.
    const CHANGED: usize = 420;
    let shop = Shop::uniform(450).await;
    let process = shop.synced().await;
    for key in shop.world.shop.product_keys().into_iter().take(CHANGED) {
        let text = Some(format!("Neu {key}"));
        shop.change(Change::SetName { product: key, locale: "de".to_owned(), text });
    }
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    let renamed = shop.store("de").products().into_values();
    let renamed = renamed.filter(|product| product["name"].as_str().is_some_and(|name| name.starts_with("Neu ")));
    assert_eq!(renamed.count(), CHANGED);
    let sent = shop.sent("de");
    assert_eq!((ids(&sent, "POST products").len(), sent.len()), (CHANGED, CHANGED.div_ceil(100)));
}

/// Keeps how many records each walk over the products expected.
#[derive(Default)]
struct Expected(Mutex<Vec<Option<u64>>>);

impl Observer for Expected {
    fn notify(&self, event: &Event<'_>) {
        if let Event::WalkBegan { lane: "products", expected, .. } = event {
            self.0.lock().unwrap().push(*expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_walk_over_what_was_read_before_knows_how_much_there_is() {
    let shop = Shop::uniform(30).await;
    let expected = Arc::new(Expected::default());
    let loaded = Config::load(&shop.config).unwrap();
    let store = assemble::open(&loaded).unwrap();
    let told = Arc::<Expected>::clone(&expected);
    let engine = assemble::engine(&loaded, Arc::clone(&store), FakeClock::new(20), told, false)
        .unwrap_or_else(|failure| panic!("{failure}"));
    engine.register().await.unwrap();
    let process = Process { engine, store, database: shop.database() };
    process.sync().await;
    process.sync().await;
    process.sync_full().await;
    assert_eq!(*expected.0.lock().unwrap(), [None, None, Some(30)]);
}
