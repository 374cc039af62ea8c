//! An emulated commercetools to one emulated Insider account with two locales, end to end. The Clerk.io stores of the same
//! shop say what each market shows: another connector, and another emulator.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sandbox::{
    catalogue::Options,
    commercetools::Change,
    fault::{FaultPlan, Faults},
    insider::{self, AccountSettings, AccountView, Moved, Rejection, Settings},
    shop::{Edit, LivingShop},
};
use serde_json::{Value, json};

use engine::run::SyncOptions;

use crate::{
    bigcommerce::sandbox_client,
    crash,
    guides::blocks,
    harness::{Pass, Process, Shop, serve},
};

const TOKEN: &str = "insider-catalog-token";

/// A product of every made-up shop.
const KEY: &str = "p-000003";

/// The locale of each market.
const PLACES: [(&str, &str); 2] = [("de", "de_DE"), ("uk", "en_GB")];

/// A shop with its Clerk.io stores and an Insider account.
struct World {
    shop: Shop,
    account: AccountView,
    faults: Faults,
    url: String,
}

impl World {
    async fn start(shop: Shop, settings: &str) -> Self {
        let account = AccountSettings { token: TOKEN.to_owned(), ..AccountSettings::sandbox() };
        let settings_of_vendor = Settings { accounts: vec![account], requests_per_minute: None, ..Settings::default() };
        let emulator = insider::Emulator::new(settings_of_vendor);
        let faults = Faults::new(insider::fault_body);
        let url = serve(faults.wrap(emulator.router())).await + "/v2";
        let token = shop.write("insider-token", TOKEN);
        let pace = if settings.contains("calls_per_minute") { "" } else { "calls_per_minute = 60000" };
        shop.configure(&format!(
            "[destinations.insider]\nkind = \"insider\"\npartner_name = \"sandbox\"\ntoken = \"file:{}\"\nurl = {url:?}\n\
             {pace}\n{settings}\n\
             [flows.insider]\nsource = \"shop\"\ndestination = \"insider\"\nmarkets = [\"de\", \"uk\"]\n\
             [flows.insider.fields]\n\
             image_url = \"size(product.images) > 0 ? product.images[0] : 'https://shop.example/no-image.png'\"\n",
            token.display()
        ));
        Self { shop, account: emulator.account("sandbox").unwrap(), faults, url }
    }

    /// What each market sells at Clerk.io, by SKU.
    fn sold(&self, market: &str) -> BTreeMap<String, Value> {
        let mut sold = BTreeMap::new();
        for (id, product) in self.shop.store(market).products() {
            let list = |name: &str| product[name].as_array().unwrap().clone();
            let (prices, before, stocks) =
                (list("variant_prices"), list("variant_list_prices"), list("variant_stocks"));
            for (at, sku) in list("variant_skus").iter().enumerate() {
                let sku = match sku.as_str().unwrap() {
                    "" => format!("{id}_{}", list("variant_ids")[at].as_str().unwrap()),
                    sku => sku.to_owned(),
                };
                let record = json!({
                    "name": product["name"], "url": product["url"], "groupcode": id, "price": prices[at],
                    "original_price": before[at], "in_stock": i32::from(stocks[at] != 0),
                });
                sold.insert(sku, record);
            }
        }
        sold
    }

    /// What Insider shows in a locale, by item, in the same words.
    fn shown(&self, locale: &str, currency: &str) -> BTreeMap<String, Value> {
        let mut shown = BTreeMap::new();
        for (id, mut locales) in self.account.records() {
            let Some(record) = locales.remove(locale).filter(|record| record["is_status_passive"] != 1) else {
                continue;
            };
            let record = json!({
                "name": record["name"], "url": record["url"], "groupcode": record["groupcode"],
                "price": record["price"][currency], "original_price": record["original_price"][currency],
                "in_stock": record["in_stock"],
            });
            shown.insert(id, record);
        }
        shown
    }

    /// The items that a locale recommends, as a storefront would ask for them.
    async fn recommended(&self, locale: &str) -> BTreeSet<String> {
        let url = format!("{}/new-arrivals?partnerName=sandbox&locale={locale}&size=100", self.url);
        let asked = sandbox_client().get(url).header("x-request-token", "sandbox-recommendation-token");
        let answer = asked.send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["data"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// Both services show the same.
    #[track_caller]
    fn agree(&self) {
        for (market, locale) in PLACES {
            let currency = if market == "de" { "EUR" } else { "GBP" };
            let (sold, shown) = (self.sold(market), self.shown(locale, currency));
            assert!(sold.len() > 20, "{market}: {}", sold.len());
            for (sku, record) in &sold {
                assert_eq!(shown.get(sku), Some(record), "{sku} in {locale}");
            }
            let extra: Vec<&String> = shown.keys().filter(|id| !sold.contains_key(*id)).collect();
            assert_eq!(extra, Vec::<&String>::new(), "{locale}");
        }
        assert_eq!(self.account.unknown_updates(), 0, "an update of what is not there changes nothing, in silence");
    }
}

/// Makes so many edits of a living shop; returns how many the platform accepted. Prices that hold for a time are left out:
/// two flows would not look at them at the same instant.
fn live(world: &World, living: &mut impl Iterator<Item = Edit>, edits: usize) -> usize {
    let lasting = living.filter(|edit| !matches!(edit, Edit::PriceWindow { .. })).take(edits);
    let now = sandbox::clock::machine();
    lasting.filter(|edit| world.shop.world.shop.change(edit.clone().into_change(now())).is_ok()).count()
}

/// The living shop of so many products.
fn living(products: usize, seed: u64) -> LivingShop {
    LivingShop::new(&sandbox::catalogue::generate(&Options { products, ..Options::default() }), seed)
}

#[track_caller]
fn assert_converged(pass: &Pass) {
    assert!(pass.converged(), "{pass:#?}");
}

async fn opened(world: &World) -> Process {
    world.shop.open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shop_converges_and_stays_so_while_it_changes() {
    for settings in ["variant_id = \"sku\"", "form = \"flat\"\nbatch_items = 40"] {
        let world = World::start(Shop::odd(120).await, settings).await;
        let process = opened(&world).await;
        assert_converged(&process.sync().await);
        world.agree();
        assert_eq!(world.account.locales(), BTreeSet::from(["de_DE".to_owned(), "en_GB".to_owned()]));
        world.account.forget_calls();
        assert_converged(&process.sync_full().await);
        assert_eq!(world.account.calls(), [], "an unchanged source costs no call");

        world.shop.age();
        let made = live(&world, &mut living(120, 7), 300);
        assert!(made > 150, "{made}");
        assert_converged(&process.sync().await);
        world.agree();
        assert_converged(&process.sync_full().await);
        world.agree();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_hidden_everywhere_and_shown_again_when_it_returns() {
    let world = World::start(Shop::uniform(15).await, "").await;
    let process = opened(&world).await;
    assert_converged(&process.sync().await);
    world.shop.age();
    let skus = world.shop.skus(KEY);
    for (_, locale) in PLACES {
        let recommended = world.recommended(locale).await;
        assert!(skus.iter().all(|sku| recommended.contains(sku)), "{locale}: {recommended:?}");
    }
    world.shop.change(Change::Unpublish { product: KEY.to_owned() });
    assert_converged(&process.sync().await);
    let records = world.account.records();
    for (sku, locale) in skus.iter().flat_map(|sku| PLACES.map(|(_, locale)| (sku, locale))) {
        assert_eq!(records[sku][locale]["is_status_passive"], 1, "{sku} {locale}");
    }
    for (_, locale) in PLACES {
        let recommended = world.recommended(locale).await;
        assert!(
            !recommended.is_empty() && !skus.iter().any(|sku| recommended.contains(sku)),
            "{locale}: {recommended:?}"
        );
    }
    world.agree();
    world.shop.change(Change::Publish { product: KEY.to_owned() });
    assert_converged(&process.sync().await);
    world.agree();
    assert_eq!(world.account.records()[&skus[0]]["de_DE"]["is_status_passive"], 0);
}

/// What moved between two looks at what the markets sell: sold out, back in stock, cheaper, dearer.
fn moved(
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
    locale: &str,
) -> Vec<(String, String, &'static str)> {
    let mut moved = Vec::new();
    for (sku, now) in after {
        let Some(was) = before.get(sku) else { continue };
        let mut note = |what| moved.push((sku.clone(), locale.to_owned(), what));
        match (was["in_stock"].as_i64(), now["in_stock"].as_i64()) {
            (Some(0), Some(1)) => note("back"),
            (Some(1), Some(0)) => note("sold out"),
            _ => {}
        }
        match now["price"].as_f64().partial_cmp(&was["price"].as_f64()) {
            Some(std::cmp::Ordering::Less) => note("cheaper"),
            Some(std::cmp::Ordering::Greater) => note("dearer"),
            _ => {}
        }
    }
    moved
}

#[tokio::test(flavor = "multi_thread")]
async fn journeys_see_each_change_of_the_shop_once_whatever_fails_and_is_sent_again() {
    let world = World::start(Shop::odd(60).await, "batch_items = 7").await;
    let process = opened(&world).await;
    assert_converged(&process.sync().await);
    world.account.forget_calls();
    world.shop.age();
    let trouble = FaultPlan {
        seed: 5,
        throttle_rate: 0.1,
        reset_after_effect_rate: 0.1,
        reset_before_effect_rate: 0.1,
        truncate_rate: 0.1,
        error_rate: BTreeMap::from([(500, 0.05), (504, 0.05)]),
        ..FaultPlan::default()
    };
    let mut expected = Vec::new();
    let mut living = living(60, 11);
    let mut known = PLACES.map(|(market, _)| world.sold(market));
    for round in 0..12 {
        live(&world, &mut living, 25);
        let retry_after_seconds = (round % 2 == 0).then_some(1);
        world.faults.set(FaultPlan { seed: round, retry_after_seconds, ..trouble.clone() }).unwrap();
        // Every third time everything is read.
        let pass = if round % 3 == 2 { process.sync_full().await } else { process.sync().await };
        assert_converged(&pass);
        for ((market, locale), known) in PLACES.iter().zip(&mut known) {
            let sold = world.sold(market);
            expected.extend(moved(known, &sold, locale));
            // What is hidden comes back as it was.
            known.extend(sold);
        }
    }
    world.faults.set(FaultPlan::default()).unwrap();
    world.agree();
    let mut seen = Vec::new();
    for transition in world.account.transitions() {
        let what = match transition.what {
            Moved::BackInStock => "back",
            Moved::SoldOut => "sold out",
            Moved::PriceDrop { .. } => "cheaper",
            Moved::PriceRise { .. } => "dearer",
            Moved::Hidden | Moved::Shown => continue,
        };
        seen.push((transition.item_id, transition.locale, what));
    }
    assert!(expected.len() > 30, "{}", expected.len());
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_comes_to_show_what_clerk_shows() {
    let world = World::start(Shop::odd(60).await, "batch_items = 8").await;
    crash::for_trial(&world.shop, &["insider"]);
    crash::trial(&world.shop, &world.faults, (60, 15)).await;
    world.agree();
    assert_eq!(world.faults.calls().iter().map(|call| call.count).sum::<u64>(), 1, "the locales, and no item");
}

/// A pass that is given up soon.
async fn briefly(process: &Process) -> BTreeMap<String, cartage::commands::status::FlowStatus> {
    let options = SyncOptions { full: false, flows: Vec::new(), patience: Duration::from_secs(30) };
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    process.engine.sync(&options, &stopped).await.unwrap();
    process.status().await
}

/// What is hidden and what is not of the items of a product.
fn hidden(world: &World, skus: &[String]) -> BTreeSet<(String, bool)> {
    let records = world.account.records();
    let of = |sku: &String| records.get(sku).cloned().unwrap_or_default();
    let all = skus.iter().flat_map(of).map(|(locale, record)| (locale, record["is_status_passive"] == 1));
    all.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_was_refused_in_one_locale_is_hidden_in_the_other_when_it_goes() {
    let world = World::start(Shop::uniform(30).await, "").await;
    let skus = world.shop.skus(KEY);
    for sku in &skus {
        world.account.reject(Rejection { item_id: sku.clone(), locale: Some("en_GB".to_owned()) });
    }
    let process = opened(&world).await;
    let flows = process.sync().await.flows;
    assert_eq!(flows["de, uk"].tally.dead, 1, "{flows:?}");
    let shown = |locale: &str, is: bool| (locale.to_owned(), is);
    assert_eq!(hidden(&world, &skus), BTreeSet::from([shown("de_DE", false)]));
    world.account.accept_all();
    world.shop.age();
    world.shop.change(Change::Unpublish { product: KEY.to_owned() });
    let flows = process.sync().await.flows;
    assert_eq!(flows["de, uk"].tally.dead, 0, "{flows:?}");
    assert_eq!(hidden(&world, &skus), BTreeSet::from([shown("de_DE", true)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_answer_was_lost_is_hidden_everywhere_when_it_goes() {
    for restarts in [false, true] {
        let world = World::start(Shop::uniform(30).await, "").await;
        let skus = world.shop.skus(KEY);
        world
            .faults
            .set(FaultPlan {
                reset_after_effect_rate: 1.0,
                paths: vec!["/v2/ingest".to_owned()],
                ..FaultPlan::default()
            })
            .unwrap();
        let mut process = opened(&world).await;
        let flows = briefly(&process).await;
        assert_eq!(flows["de, uk"].tally.in_sync, 0, "{flows:?}");
        assert_eq!(hidden(&world, &skus).len(), 2, "it arrived, and nobody knows");
        world.shop.age();
        world.shop.change(Change::Unpublish { product: KEY.to_owned() });
        world.faults.set(FaultPlan::default()).unwrap();
        if restarts {
            drop(process);
            process = opened(&world).await;
        }
        assert_converged(&process.sync().await);
        assert!(hidden(&world, &skus).iter().all(|(_, hidden)| *hidden), "{:?}", hidden(&world, &skus));
        world.agree();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locale_that_the_panel_loses_stops_the_flow_and_kills_no_record() {
    let world = World::start(Shop::uniform(120).await, "").await;
    let process = opened(&world).await;
    assert_converged(&process.sync().await);
    world.account.unregister("en_GB");
    world.shop.age();
    for at in 1..=60 {
        let (product, text) = (format!("p-{at:06}"), Some(format!("Another name {at}")));
        world.shop.change(Change::SetName { product, locale: "en".to_owned(), text });
    }
    let flows = briefly(&process).await;
    let flow = &flows["de, uk"];
    assert_eq!((flow.tally.dead, flow.converged), (0, false), "{flow:?}");
    drop(process);
    // A start registers the locales anew.
    let process = opened(&world).await;
    assert_converged(&process.sync().await);
    world.agree();
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_creates_nothing_and_says_what_is_known() {
    let world = World::start(Shop::uniform(30).await, "calls_per_minute = 60").await;
    let plan = world.shop.cartage(&["plan", "--json", "--flow", "insider"]).await.ended(0).json();
    assert_eq!(world.account.locales(), BTreeSet::new(), "a plan registers nothing");
    let pace = plan[0]["basis"]["pace_seconds"].as_f64().unwrap();
    assert!((1.0..1.05).contains(&pace), "{pace}");
    world
        .shop
        .cartage(&["plan", "--flow", "insider"])
        .await
        .ended(0)
        .says(&["insider would take about", "the account allows one every"]);
    assert_eq!(world.account.calls(), [], "a plan sends nothing");
    world
        .shop
        .cartage(&["check"])
        .await
        .ended(0)
        .says(&["the account accepts it", "Insider does not show its settings"]);
    world.shop.cartage(&["sync", "--flow", "insider"]).await.ended(0);
    let items = world.account.records().len();
    let said = format!("insider: {items} items are acknowledged, not readable");
    world.shop.cartage(&["verify", "--flow", "insider"]).await.ended(0).says(&[&said]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_items_of_a_flow_that_is_no_longer_configured_are_hidden_on_request() {
    let world = World::start(Shop::uniform(30).await, "").await;
    world.shop.cartage(&["sync"]).await.ended(0);
    let items = world.account.records().len();
    world.shop.replace("[flows.insider]\n", "[flows.former]\n");
    world.shop.replace("[flows.insider.fields]\n", "[flows.former.fields]\n");
    world.shop.replace(
        "destination = \"insider\"\nmarkets = [\"de\", \"uk\"]",
        "destination = \"insider\"\nmarkets = [\"de\"]",
    );
    let forget = ["forget", "insider", "--remove-items", "--destination", "insider", "--json"];
    let done = world.shop.cartage(&forget).await.ended(0).json();
    assert_eq!(done[0]["removed"], items);
    let records = world.account.records();
    assert!(records.values().flat_map(BTreeMap::values).all(|record| record["is_status_passive"] == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_can_be_followed_to_the_letter() {
    let guide = include_str!("../../../../docs/guides/connect-insider.md");
    let blocks = blocks(guide, "toml");
    let shop = Shop::with_example(30).await;
    let world = World::start(shop, "").await;
    // What World::start added is what the guide says, but for the address and where the key is.
    let text = std::fs::read_to_string(&world.shop.config).unwrap();
    let (own, added) = text.split_once("[destinations.insider]").unwrap();
    let line = |name: &str| added.lines().find(|line| line.starts_with(name)).unwrap();
    let more = format!("{}\n{}\ncalls_per_minute = 60000", line("token"), line("url"));
    let guided = blocks[0].replace("token = \"env:INSIDER_CATALOG_TOKEN\"", &more);
    assert_ne!(guided, blocks[0]);
    std::fs::write(&world.shop.config, format!("{own}\n{guided}")).unwrap();
    world.shop.cartage(&["check"]).await.ended(0).says(&["the account accepts it", "hierarchical", "Stock & Revenue"]);
    world.shop.cartage(&["plan", "--flow", "insider"]).await.ended(0).says(&["insider would take about"]);
    world.shop.cartage(&["sync"]).await.ended(0);
    world.agree();
    // The other grain is a line, and what was there before is hidden.
    let before: BTreeSet<String> = world.account.records().into_keys().collect();
    let (section, lines) = blocks[1].split_once('\n').unwrap();
    world.shop.replace(&format!("{section}\n"), &format!("{section}\n{lines}"));
    world.shop.cartage(&["sync", "--allow-deletes"]).await.ended(0);
    let records = world.account.records();
    let is_hidden = |id: &String| records[id].values().all(|record| record["is_status_passive"] == 1);
    assert!(before.iter().all(is_hidden), "{before:?}");
    assert!(records.contains_key("p-000003"), "an item is a product by its key");
}
