//! The same shop on every platform gives the same items at Clerk.io, field by field, apart from ids and the differences that
//! `differences.txt` lists with their reason. A difference that is not listed fails, and so does one that no longer occurs.
//!
//! commercetools is held against another reading of the catalogue (`reading.rs`), the other platforms against commercetools.
//! A further source joins by a type that implements [`shops::On`] and a line in [`shops::all`].

mod differences;
mod reading;
mod shops;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use cartage::{assemble, config::Config};
use engine::observe::Silent;
use sandbox::{
    catalogue::{Catalogue, Market, Options, generate, load},
    clerk::{self, StoreSettings},
};
use serde_json::{Map, Value, json};

use self::shops::{On, Secrets};
use crate::harness::{FakeClock, Process, serve, shared};

/// What a buyer sees: a market of the catalogue, perhaps as a member of a customer group.
#[derive(Clone)]
struct Buyer {
    key: &'static str,
    market: Market,
    group: Option<&'static str>,
    /// The channel that the prices of the market's store are bound to.
    price_channel: Option<&'static str>,
}

/// Products by buyer and key.
type Items = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// Reads a shop into stores of its own, and gives what they hold, with the catalogue's keys in place of ids.
async fn items(on: &dyn On, catalogue: &Catalogue, buyers: &[Buyer]) -> Items {
    let stores = buyers.iter().map(|buyer| StoreSettings::sandbox(buyer.key, "english", &buyer.market.currency));
    let clerk = clerk::Emulator::new(clerk::Settings { stores: stores.collect(), ..clerk::Settings::default() });
    let clerk_url = serve(clerk.router()).await + "/v2";
    let url = serve(on.router()).await;
    let secrets = Secrets(tempfile::tempdir().unwrap());
    let mut config = "[store]\npath = \"shop.db\"\n".to_owned();
    // Buyers with the same settings share a source.
    let of_buyer = |buyer: &Buyer| on.source(&url, buyer, &secrets);
    let sources: BTreeSet<String> = buyers.iter().map(of_buyer).collect();
    for (number, source) in sources.iter().enumerate() {
        config.extend([format!("[sources.shop{number}]\n{source}")]);
    }
    for buyer in buyers {
        let Buyer { key, market, .. } = buyer;
        let source = sources.iter().position(|source| *source == of_buyer(buyer)).unwrap();
        let of = StoreSettings::sandbox(key, "", "");
        let private = secrets.keep(&format!("{key}-private"), &of.private_key);
        let public = secrets.keep(&format!("{key}-public"), &of.public_key);
        let address = on.address();
        config.extend([format!(
            "[destinations.{key}]\nkind = \"clerk\"\nurl = {clerk_url:?}\npublic_key = {public:?}\nprivate_key = {private:?}\n\
             [markets.{key}]\nlocale = {:?}\ncurrency = {:?}\ncountry = {:?}\nproduct_url = {address:?}\ncategory_url = {address:?}\n\
             {}[flows.{key}]\nsource = \"shop{source}\"\ndestination = {key:?}\nmarket = {key:?}\n[flows.{key}.fields]\n\
             created_at = \"0\"\ngtin = \"product.variants.map(it, has(it.gtin) ? it.gtin : '')\"\n\
             image = \"size(product.images) > 0 ? product.images[0] : 'https://shop.example/no-image.png'\"\n",
            market.locale,
            market.currency,
            market.country,
            on.market(buyer),
        )]);
    }
    let path = secrets.0.path().join("cartage.toml");
    fs::write(&path, config).unwrap();
    let loaded = Config::load(&path).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let store = assemble::open(&loaded).unwrap();
    let engine = assemble::engine(&loaded, Arc::clone(&store), FakeClock::new(20), Arc::new(Silent), false);
    let engine = engine.unwrap_or_else(|failure| panic!("{failure}"));
    engine.register().await.unwrap();
    let process = Process { engine, store, database: secrets.0.path().join("shop.db") };
    let pass = process.sync_full().await;
    assert!(pass.converged(), "{pass:#?}");
    let products = on.products();
    let keys: Vec<String> = catalogue.head.categories.iter().map(|category| category.key.clone()).collect();
    let categories = on.categories(&keys);
    let of_buyer = |buyer: &Buyer| {
        let held = clerk.store(buyer.key).unwrap().products();
        let item = |(id, item): (String, Value)| (products[&id].clone(), neutral(&item, &categories));
        (buyer.key.to_owned(), held.into_iter().map(item).collect())
    };
    buyers.iter().map(of_buyer).collect()
}

/// An item without ids and without the time at which the emulator made it.
fn neutral(item: &Value, categories: &BTreeMap<String, String>) -> Map<String, Value> {
    let mut item = item.as_object().unwrap().clone();
    for name in ["id", "created_at", "variant_ids"] {
        item.remove(name);
    }
    if let Some(Value::Array(ids)) = item.get_mut("categories") {
        let key = |id: &Value| json!(categories[id.as_str().unwrap()]);
        let mut keys: Vec<Value> = ids.iter().map(key).collect();
        keys.sort_by_key(ToString::to_string);
        *ids = keys;
    }
    item
}

/// Holds commercetools against the other reading, and every other platform against commercetools.
async fn compare(shop: &str, catalogue: &Catalogue, buyers: &[Buyer], class: &dyn Fn(&str) -> String) {
    let mut held = Vec::new();
    for (name, on) in shops::all(catalogue) {
        held.push((name, items(&*on, catalogue, buyers).await));
    }
    let (_, first) = &held[0];
    for buyer in buyers {
        reading::agrees(catalogue, buyer, &first[buyer.key]);
    }
    let faults: Vec<String> =
        held[1..].iter().flat_map(|(name, other)| differences::faults(shop, name, first, other, class)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Three locales, currencies and stores' markets, the price lists of channels, and two customer groups.
#[tokio::test(flavor = "multi_thread")]
async fn a_generated_shop_is_the_same_from_every_source() {
    let options = Options {
        products: 150,
        locales: vec!["de".into(), "en".into(), "fr".into()],
        currencies: vec!["EUR".into(), "GBP".into(), "JPY".into()],
        ..Options::default()
    };
    let markets = options.markets();
    let buyer = |key, market: &Market, group, price_channel| Buyer {
        key,
        market: market.clone(),
        group,
        price_channel: Some(price_channel),
    };
    let yen = Market { locale: "fr".to_owned(), currency: "JPY".to_owned(), ..markets[0].clone() };
    // German in the other store: what a platform with one language shows there.
    let german = Market { locale: "de".to_owned(), ..markets[1].clone() };
    let buyers = [
        buyer("de", &markets[0], None, "shop-de"),
        buyer("guest", &german, None, "shop-uk"),
        buyer("uk", &markets[1], None, "shop-uk"),
        buyer("jp", &yen, None, "shop-de"),
        buyer("b2b", &markets[0], Some("b2b"), "shop-de"),
        buyer("staff", &markets[1], Some("staff"), "shop-uk"),
    ];
    let class = |key: &str| format!("{:?}", sandbox::catalogue::Oddity::of(key[2..].parse().unwrap()));
    compare("generated", &generate(&options), &buyers, &class).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_luma_shop_is_the_same_from_every_source() {
    let Some(folder) = shared("magento-luma") else { return };
    let loaded = load(&folder).unwrap();
    let buyer = |key, market: &Market| Buyer { key, market: market.clone(), group: None, price_channel: None };
    let [de, uk] = loaded.markets.as_slice() else { panic!("{:?}", loaded.markets) };
    compare("luma", &loaded.catalogue, &[buyer("de", de), buyer("uk", uk)], &|_| "None".to_owned()).await;
}
