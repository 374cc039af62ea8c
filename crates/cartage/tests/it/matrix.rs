//! Every source with every destination, several at once: what the services hold in the end is what the shop was made of.
//!
//! The reading here knows the catalogue that the platforms were given. It goes neither through a connector nor through the
//! model; nor does the reading of what the services hold, in `shelf.rs`. A source that is added joins with its line in
//! [`SOURCES`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cartage::commands::{
    demo::{Goods, Platform, Service},
    status::FlowStatus,
};
use sandbox::{
    catalogue::{Catalogue, Market, Options, Product, Store, generate, load},
    commercetools::Change,
    fault::{FaultPlan, Latency},
};
use tokio::sync::watch;

use crate::{
    harness::{Process, Shop, shared},
    shelf::{NO_IMAGE, Shelf, Sold, agree, amount, of_acp, of_clerk, of_dotdigital, of_insider, of_merchant, shelf},
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

// ── what the shop was made of ───────────────────────────────────────────────────────────────────────────────────────

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

pub(crate) fn clerk(shop: &Shop, market: &Market) -> Shelf {
    shelf(of_clerk(&shop.store(&market.key)))
}

fn insider(shop: &Shop, market: &Market) -> Shelf {
    let account = shop.world.insider.as_ref().unwrap().emulator.account("sandbox").unwrap();
    shelf(of_insider(&account, &format!("{}_{}", market.locale, market.country), &market.currency))
}

fn dotdigital(shop: &Shop, market: &Market) -> Shelf {
    let account = &shop.world.dotdigital.as_ref().unwrap().emulator;
    shelf(of_dotdigital(account, &format!("Catalog_{}", market.key), &market.currency))
}

fn acp(shop: &Shop, market: &Market) -> Shelf {
    shelf(of_acp(&shop.world.acp.as_ref().unwrap().emulator, &format!("feed-{}", market.key), &market.currency))
}

pub(crate) async fn merchant(process: &Process, market: &Market) -> Shelf {
    let flow = format!("merchant-{}", market.key);
    shelf(of_merchant(process, &flow, "sandbox-feed-password", &market.currency).await)
}

// ── the matrix ──────────────────────────────────────────────────────────────────────────────────────────────────────

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
        agree(&what(Service::Dotdigital), &dotdigital(&shop, market), &made);
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
