//! Every source with every destination, several at once: what the services hold in the end is what the shop was made of.
//!
//! The reading here knows the catalogue that the platforms were given and the vendors' names for what a record holds. It
//! goes neither through a connector nor through the model. A source that is added joins with its line in [`SOURCES`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cartage::commands::{
    demo::{Goods, Platform, Service},
    status::FlowStatus,
};
use sandbox::{
    catalogue::{Catalogue, Market, Options, Product, Store, generate, load},
    commercetools::Change,
    dotdigital::Emulator as Account,
    fault::{FaultPlan, Latency},
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    feeds::edges,
    harness::{Process, Shop, shared},
    merchant::{fetch, read_rss, text},
};

/// A platform that shops are on.
struct Source {
    platform: Platform,
    /// Whether texts are read in more languages than the main one.
    translated: bool,
}

const SOURCES: [Source; 3] = [
    Source { platform: Platform::Commercetools, translated: true },
    Source { platform: Platform::Bigcommerce, translated: false },
    Source { platform: Platform::Sfcc, translated: true },
];

const SERVICES: [Service; 5] = [Service::Acp, Service::Clerk, Service::Dotdigital, Service::Insider, Service::Merchant];

/// Shown of a product that has no image.
const NO_IMAGE: &str = "https://shop.example/no-image.png";

/// What a shopper sees of a variant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sold {
    name: String,
    link: String,
    image: String,
    /// What is paid now, and without a discount.
    pub(crate) prices: (f64, f64),
    in_stock: bool,
    /// Pieces, where the service has a place for them.
    pieces: Option<i64>,
}

/// Variants by SKU.
pub(crate) type Shelf = BTreeMap<String, Sold>;

// ── what the shop was made of ───────────────────────────────────────────────────────────────────────────────────────

fn digits(currency: &str) -> u32 {
    if currency == "JPY" { 0 } else { 2 }
}

fn amount(minor: i64, currency: &str) -> f64 {
    f64::from(i32::try_from(minor).unwrap()) / 10_f64.powi(digits(currency).cast_signed())
}

/// What is sold in a market.
fn made(catalogue: &Catalogue, market: &Market, source: &Source) -> Shelf {
    let locale = if source.translated { &market.locale } else { &catalogue.head.languages[0] };
    let mut shelf = Shelf::new();
    for product in (catalogue.products)().filter(|product| product.published) {
        let image = product.variants.iter().find_map(|variant| variant.images.first()).cloned();
        for variant in &product.variants {
            let price = variant.prices.iter().find(|price| price.currency == market.currency);
            let (Some(price), Some(sku)) = (price, &variant.sku) else { continue };
            assert!(price.country.is_none() && price.customer_group.is_none() && price.channel.is_none());
            let regular = amount(price.minor, &market.currency);
            let pieces: i64 = variant.stock.iter().map(|stock| stock.quantity).sum();
            let sold = Sold {
                name: product.name[locale].clone(),
                link: format!("https://shop.example/{}/p/{}", market.key, product.slug[locale]),
                image: image.clone().unwrap_or_else(|| NO_IMAGE.to_owned()),
                prices: (price.discounted.map_or(regular, |minor| amount(minor, &market.currency)), regular),
                in_stock: pieces > 0,
                pieces: Some(pieces),
            };
            assert!(shelf.insert(sku.clone(), sold).is_none(), "{sku} twice");
        }
    }
    shelf
}

// ── what the services hold ──────────────────────────────────────────────────────────────────────────────────────────

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// An address without the slash that a path may end with.
fn link(value: &Value) -> String {
    string(value).trim_end_matches('/').to_owned()
}

pub(crate) fn clerk(shop: &Shop, market: &Market) -> Shelf {
    let mut shelf = Shelf::new();
    for product in shop.store(&market.key).products().into_values() {
        let list = |name: &str| product[name].as_array().unwrap().clone();
        let (now, before, stocks) = (list("variant_prices"), list("variant_list_prices"), list("variant_stocks"));
        for (at, sku) in list("variant_skus").iter().enumerate() {
            let sold = Sold {
                name: string(&product["name"]),
                link: link(&product["url"]),
                image: string(&product["image"]),
                prices: (now[at].as_f64().unwrap(), before[at].as_f64().unwrap()),
                in_stock: stocks[at].as_i64().unwrap() > 0,
                pieces: stocks[at].as_i64(),
            };
            // Several variants of an odd shop have no SKU.
            let sku = string(sku);
            assert!(shelf.insert(sku.clone(), sold).is_none() || sku.is_empty(), "{sku} twice");
        }
    }
    shelf
}

fn insider(shop: &Shop, market: &Market) -> Shelf {
    let locale = format!("{}_{}", market.locale, market.country);
    let mut shelf = Shelf::new();
    for (sku, locales) in shop.world.insider.as_ref().unwrap().emulator.account("sandbox").unwrap().records() {
        let Some(record) = locales.get(&locale).filter(|record| record["is_status_passive"] != 1) else { continue };
        let sold = Sold {
            name: string(&record["name"]),
            link: link(&record["url"]),
            image: string(&record["image_url"]),
            prices: (
                record["price"][&market.currency].as_f64().unwrap(),
                record["original_price"][&market.currency].as_f64().unwrap(),
            ),
            in_stock: record["in_stock"] == 1,
            pieces: None,
        };
        shelf.insert(sku, sold);
    }
    shelf
}

pub(crate) fn dotdigital(account: &Account, market: &Market) -> Shelf {
    let mut shelf = Shelf::new();
    let records = account.records(&format!("Catalog_{}", market.key));
    for record in records.into_values().filter(|record| record["type"] != "Configurable") {
        let regular = record["price"].as_f64().unwrap();
        let sold = Sold {
            name: string(&record["name"]),
            link: link(&record["url"]),
            image: string(&record["image_path"]),
            prices: (record["specialPrice"].as_f64().unwrap_or(regular), regular),
            in_stock: record["status"] == "In stock",
            pieces: record["stock"].as_i64(),
        };
        assert_eq!(record["currency"], market.currency);
        assert!(shelf.insert(string(&record["sku"]), sold).is_none());
    }
    shelf
}

fn acp(shop: &Shop, market: &Market) -> Shelf {
    let mut shelf = Shelf::new();
    let agent = &shop.world.acp.as_ref().unwrap().emulator;
    for product in agent.products(&format!("feed-{}", market.key)).into_values() {
        let shown = |variant: &&Value| variant["availability"]["status"] != "discontinued";
        for variant in product["variants"].as_array().unwrap().iter().filter(shown) {
            let money = |price: &Value| {
                assert_eq!(price["currency"], market.currency);
                amount(price["amount"].as_i64().unwrap(), &market.currency)
            };
            let now = money(&variant["price"]);
            let sold = Sold {
                name: string(&product["title"]),
                link: link(&variant["url"]),
                // A product without an image has no media there.
                image: product.get("media").map_or_else(|| NO_IMAGE.to_owned(), |media| string(&media[0]["url"])),
                prices: (now, variant.get("list_price").map_or(now, money)),
                in_stock: variant["availability"]["available"] == true,
                pieces: None,
            };
            assert!(shelf.insert(string(&variant["id"]), sold).is_none());
        }
    }
    shelf
}

pub(crate) async fn merchant(process: &Process, market: &Market) -> Shelf {
    let known = format!("Basic {}", STANDARD.encode("feed:sandbox-feed-password"));
    let path = format!("/feed/merchant-{}/products.xml", market.key);
    let feed = text(fetch(&edges(process), &path, &[("authorization", &known)]).await).await;
    let mut shelf = Shelf::new();
    for (sku, item) in read_rss(&feed) {
        let one = |name: &str| item.get(name).map(|texts| texts[0].clone());
        let money = |text: String| {
            let (number, currency) = text.split_once(' ').unwrap();
            assert_eq!(currency, market.currency);
            number.parse::<f64>().unwrap()
        };
        let regular = money(one("price").unwrap());
        let sold = Sold {
            name: one("title").unwrap(),
            link: one("link").unwrap().trim_end_matches('/').to_owned(),
            image: one("image_link").unwrap(),
            prices: (one("sale_price").map_or(regular, money), regular),
            in_stock: item["availability"] == ["in_stock"],
            pieces: None,
        };
        shelf.insert(sku, sold);
    }
    shelf
}

// ── the matrix ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[track_caller]
pub(crate) fn agree(what: &str, seen: &Shelf, made: &Shelf) {
    for (sku, made) in made {
        let seen = seen.get(sku).unwrap_or_else(|| panic!("{what} lacks {sku}"));
        // White space around a name is not compared. A feed's title also names the options of a variant.
        let (name, mut shown) = (made.name.trim(), seen.name.trim());
        if what.starts_with("Merchant") && shown.starts_with(name) {
            shown = name;
        }
        let seen = Sold { name: shown.to_owned(), ..seen.clone() };
        let made = Sold { name: name.to_owned(), pieces: seen.pieces.and(made.pieces), ..made.clone() };
        assert_eq!(seen, made, "{what}: {sku}");
    }
    let extra: Vec<&String> = seen.keys().filter(|sku| !made.contains_key(*sku)).collect();
    assert_eq!(extra, Vec::<&String>::new(), "{what}");
}

/// The shop with a store for each market: BigCommerce has prices of its own in other currencies only for stores.
fn in_stores(mut catalogue: Catalogue, markets: &[Market]) -> Goods {
    let store = |market: &Market| Store {
        key: market.key.clone(),
        name: [(market.locale.clone(), market.key.clone())].into(),
        languages: vec![market.locale.clone()],
        countries: vec![market.country.clone()],
        distribution_channels: Vec::new(),
        supply_channels: Vec::new(),
        selections: Vec::new(),
    };
    catalogue.head.stores = markets.iter().map(store).collect();
    let sold = |market: &Market| Market { store: Some(market.key.clone()), ..market.clone() };
    Goods::new(catalogue, markets.iter().map(sold).collect())
}

/// Sells a catalogue to all services at once, and reads what they hold.
async fn sell(source: &Source, catalogue: impl Fn() -> Catalogue, markets: &[Market]) {
    let shop = Shop::serve(source.platform, in_stores(catalogue(), markets), &SERVICES).await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:#?}");
    // Clerk.io, the merchant feeds and the agent's have a flow for each market, the others one for all.
    assert_eq!(pass.all.len(), markets.len() * 3 + 2);
    let catalogue = catalogue();
    for market in markets {
        let made = made(&catalogue, market, source);
        assert!(made.len() > 50, "{}", made.len());
        let what = |service: Service| format!("{} in {} from {:?}", service.title(), market.key, source.platform);
        agree(&what(Service::Acp), &acp(&shop, market), &made);
        agree(&what(Service::Clerk), &clerk(&shop, market), &made);
        agree(
            &what(Service::Dotdigital),
            &dotdigital(&shop.world.dotdigital.as_ref().unwrap().emulator, market),
            &made,
        );
        agree(&what(Service::Insider), &insider(&shop, market), &made);
        agree(&what(Service::Merchant), &merchant(&process, market).await, &made);
    }
    shop.world.service_faults().for_each(sandbox::fault::Faults::forget_calls);
    assert!(process.sync_full().await.converged());
    let calls: Vec<_> = shop.world.service_faults().flat_map(sandbox::fault::Faults::calls).collect();
    assert!(calls.is_empty(), "an unchanged shop costs no call: {calls:?}");
}

fn market(key: &str, locale: &str, currency: &str, country: &str) -> Market {
    Market {
        key: key.to_owned(),
        locale: locale.to_owned(),
        currency: currency.to_owned(),
        country: country.to_owned(),
        store: None,
        supply_channels: Vec::new(),
    }
}

/// A shop in three languages and currencies, where some variants are reduced and some sold out.
fn generated() -> Catalogue {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let catalogue = generate(&Options {
        products: 30,
        locales: texts(&["de", "en", "fr"]),
        currencies: texts(&["EUR", "GBP", "JPY"]),
        oddities: false,
        ..Options::default()
    });
    let alter = |(at, mut product): (usize, Product)| {
        for (place, variant) in product.variants.iter_mut().enumerate() {
            if (at + place) % 4 == 0 {
                variant.prices.iter_mut().for_each(|price| price.discounted = Some(price.minor * 3 / 4));
            }
            if (at + place) % 5 == 0 {
                variant.stock.iter_mut().for_each(|stock| stock.quantity = 0);
            }
        }
        product
    };
    let products = catalogue.products;
    Catalogue {
        products: Box::new(move || Box::new(products().enumerate().map(alter))),
        head: catalogue.head,
        product_count: catalogue.product_count,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_carries_a_shop_with_three_languages_and_currencies() {
    let markets = [market("de", "de", "EUR", "DE"), market("uk", "en", "GBP", "GB"), market("jp", "fr", "JPY", "JP")];
    for source in &SOURCES {
        sell(source, generated, &markets).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_carries_the_luma_shop() {
    let Some(folder) = shared("magento-luma") else { return };
    let markets = load(&folder).unwrap().markets;
    for source in &SOURCES {
        sell(source, || load(&folder).unwrap().catalogue, &markets).await;
    }
}

/// Waits until every flow but those into Insider has nothing left to do.
async fn until_others_are_done(process: &Process) -> FlowStatus {
    let began = tokio::time::Instant::now();
    loop {
        let (insider, others): (Vec<_>, Vec<_>) =
            process.statuses().await.into_iter().partition(|flow| flow.flow == "insider");
        if others.iter().all(|flow| flow.tally.mirror > 20 && flow.tally.pending == 0 && flow.tally.waiting == 0) {
            return insider.into_iter().next().unwrap();
        }
        assert!(began.elapsed() < Duration::from_mins(3), "others wait for Insider: {others:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_is_down_or_refuses_its_key_delays_no_other() {
    let markets = [market("de", "de", "EUR", "DE"), market("uk", "en", "GBP", "GB")];
    // Longer than the test takes.
    let hangs = FaultPlan { latency_ms: Some(Latency { min: 600_000, max: 600_000 }), ..FaultPlan::default() };
    let is_down = FaultPlan { error_rate: BTreeMap::from([(503, 1.0)]), ..FaultPlan::default() };
    for (plan, refuses) in [(hangs, false), (is_down, false), (FaultPlan::default(), true)] {
        let shop = Shop::serve(Platform::Commercetools, Goods::new(generated(), markets.to_vec()), &SERVICES).await;
        let insider = shop.world.insider.as_ref().unwrap();
        insider.faults.set(plan).unwrap();
        insider.emulator.account("sandbox").unwrap().disable(refuses);
        let process = shop.open().await;
        let (_stop, stopped) = watch::channel(false);
        let engine = Arc::clone(&process.engine);
        let running = tokio::spawn(async move { engine.run(&stopped).await });
        let flow = until_others_are_done(&process).await;
        assert_eq!((flow.tally.in_sync, flow.tally.dead), (0, 0), "{flow:?}");
        assert!(insider.emulator.account("sandbox").unwrap().records().is_empty());
        // What changes later arrives at the others, too.
        let sku = shop.skus("p-000003")[1].clone();
        shop.age();
        shop.change(Change::SetStock { sku: sku.clone(), channel: None, quantity: 4711 });
        let began = tokio::time::Instant::now();
        while clerk(&shop, &markets[0])[&sku].pieces != Some(4711) {
            assert!(began.elapsed() < Duration::from_mins(3), "the change does not arrive");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.abort();
    }
}
