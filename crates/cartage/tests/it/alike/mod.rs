//! The same shop on every platform gives the same items at every service, field by field, apart from ids and the differences
//! that `differences.txt` lists with their reason. A difference that is not listed fails, and so does one that no longer occurs.
//!
//! commercetools is held against another reading of the catalogue (`reading.rs`), the other platforms against commercetools.
//! A further source joins by a type that implements [`shops::On`] and a line in [`shops::all`], a further service by its
//! reading in `shelf.rs` and its lines in [`services`].

mod differences;
mod reading;
mod services;
mod shops;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use cartage::{assemble, config::Config};
use engine::observe::Silent;
use sandbox::catalogue::{Catalogue, Market, Options, Product, generate, load};
use serde_json::{Map, Value, json};

use self::{
    services::Services,
    shops::{On, Secrets},
};
use crate::{
    harness::{FakeClock, Process, serve, shared},
    shelf::{Record, Shelf, agree},
};

/// What a buyer sees: a market of the catalogue, perhaps as a member of a customer group.
#[derive(Clone)]
struct Buyer {
    key: &'static str,
    market: Market,
    group: Option<&'static str>,
    /// The channel that the prices of the market's store are bound to.
    price_channel: Option<&'static str>,
}

/// Items by buyer and key.
type Items = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// What one shop leads to.
#[derive(Default)]
struct Held {
    /// Items by service.
    items: BTreeMap<&'static str, Items>,
    /// What buyers are shown of each variant, by service and buyer.
    shelves: BTreeMap<(&'static str, &'static str), Shelf>,
}

/// Sells a shop to all services, and gives what they hold, with the catalogue's keys in place of ids.
async fn sell(on: &dyn On, catalogue: &Catalogue, buyers: &[Buyer]) -> Held {
    let services = Services::serve(buyers).await;
    let url = serve(on.router()).await;
    let secrets = Secrets(tempfile::tempdir().unwrap());
    let mut config = "[store]\npath = \"shop.db\"\n".to_owned() + &services.shared(&secrets);
    // Buyers with the same settings share a source.
    let of_buyer = |buyer: &Buyer| on.source(&url, buyer, &secrets);
    let sources: BTreeSet<String> = buyers.iter().map(of_buyer).collect();
    for (number, source) in sources.iter().enumerate() {
        config.extend([format!("[sources.shop{number}]\n{source}")]);
    }
    for buyer in buyers {
        let Buyer { key, market, .. } = buyer;
        let source = sources.iter().position(|source| *source == of_buyer(buyer)).unwrap();
        let address = on.address();
        config.extend([format!(
            "[markets.{key}]\nlocale = {:?}\ncurrency = {:?}\ncountry = {:?}\nproduct_url = {address:?}\ncategory_url = {address:?}\n{}",
            market.locale,
            market.currency,
            market.country,
            on.market(buyer),
        )]);
        config += &services.of_buyer(buyer, &format!("shop{source}"), &secrets);
    }
    let path = secrets.0.path().join("cartage.toml");
    fs::write(&path, config).unwrap();
    let loaded = Config::load(&path).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let store = assemble::open(&loaded).unwrap();
    let engine = assemble::engine(&loaded, Arc::clone(&store), FakeClock::new(20), Arc::new(Silent), false);
    let engine = engine.unwrap_or_else(|failure| panic!("{failure}"));
    engine.register().await.unwrap();
    let process = Process { engine, store, database: secrets.0.path().join("shop.db") };
    let pass = process.sync_to_the_end().await;
    assert!(pass.converged(), "{pass:#?}");
    let names = Names::new(on, catalogue);
    let mut held = Held::default();
    for buyer in buyers {
        for (service, records) in services.held(&process, buyer).await {
            let (items, shelf) = names.name(records);
            held.items.entry(service).or_default().insert(buyer.key.to_owned(), items);
            held.shelves.insert((service, buyer.key), shelf);
        }
    }
    held
}

/// Names of the catalogue for what a platform has ids for.
struct Names {
    products: BTreeMap<String, String>,
    categories: BTreeMap<String, String>,
    /// Products by SKU.
    skus: BTreeMap<String, String>,
}

impl Names {
    fn new(on: &dyn On, catalogue: &Catalogue) -> Self {
        let keys: Vec<String> = catalogue.head.categories.iter().map(|category| category.key.clone()).collect();
        let of_product = |product: Product| {
            let skus = product.variants.into_iter().filter_map(|variant| variant.sku);
            skus.map(move |sku| (sku, product.key.clone()))
        };
        let skus = (catalogue.products)().flat_map(of_product).collect();
        Self { products: on.products(), categories: on.categories(&keys), skus }
    }

    /// The key of a record's product.
    fn product(&self, record: &Record) -> String {
        let known = |id: &str| self.products.get(id).or_else(|| self.skus.get(id)).cloned();
        if let Some(id) = &record.product {
            return self.products[id].clone();
        }
        let id = record.variant.as_deref().unwrap();
        // A variant without a SKU has the ids of product and variant.
        known(id).or_else(|| known(id.rsplit_once('_')?.0)).unwrap_or_else(|| panic!("whose is {id}?"))
    }

    /// The records by `product`, or `product/sku`, and the variants by the latter. Variants without a SKU are counted.
    fn name(&self, records: Vec<Record>) -> (BTreeMap<String, Map<String, Value>>, Shelf) {
        let mut unnamed: BTreeMap<String, BTreeSet<(usize, String)>> = BTreeMap::new();
        for record in &records {
            for (id, _) in record.sold.iter().filter(|(id, _)| !self.skus.contains_key(id)) {
                unnamed.entry(self.product(record)).or_default().insert((id.len(), id.clone()));
            }
        }
        let name = |product: &str, id: &str| match unnamed.get(product).map(|ids| ids.iter().position(|it| it.1 == id))
        {
            Some(Some(place)) => format!("{product}/{place}"),
            _ => format!("{product}/{id}"),
        };
        let (mut items, mut sold_items) = (BTreeMap::new(), Shelf::new());
        for record in records {
            let product = self.product(&record);
            let key = record.variant.as_deref().map_or_else(|| product.clone(), |id| name(&product, id));
            assert!(items.insert(key.clone(), self.neutral(record.fields)).is_none(), "{key} twice");
            for (id, sold) in record.sold {
                assert!(sold_items.insert(name(&product, &id), sold).is_none(), "{id} twice");
            }
        }
        (items, sold_items)
    }

    /// Fields with keys in place of ids of categories.
    fn neutral(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        if let Some(Value::Array(ids)) = fields.get_mut("categories") {
            // Those of an agent's feed are objects with names.
            let key = |id: &Value| id.as_str().map_or_else(|| id.clone(), |id| json!(self.categories[id]));
            let mut keys: Vec<Value> = ids.iter().map(key).collect();
            keys.sort_by_key(ToString::to_string);
            *ids = keys;
        }
        fields
    }
}

/// Holds commercetools against the other reading, and every other platform against commercetools.
async fn compare(shop: &str, catalogue: &Catalogue, buyers: &[Buyer], class: &dyn Fn(&str) -> String) {
    let mut held = Vec::new();
    for (name, on) in shops::all(catalogue) {
        held.push((name, sell(&*on, catalogue, buyers).await));
    }
    let (_, first) = &held[0];
    for buyer in buyers {
        let made = reading::shelf(catalogue, buyer);
        assert!(made.len() > 100, "{} sees {}", buyer.key, made.len());
        for ((service, of), seen) in first.shelves.iter().filter(|((_, of), _)| *of == buyer.key) {
            agree(&format!("{service} for {of}"), &reading::to_pay(seen, buyer), &made);
        }
    }
    let faults: Vec<String> = held[1..]
        .iter()
        .flat_map(|(name, other)| differences::faults(shop, name, &first.items, &other.items, class))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Three locales, currencies and stores' markets, the price lists of channels, and two customer groups.
#[tokio::test(flavor = "multi_thread")]
async fn a_generated_shop_is_the_same_from_every_source() {
    let options = Options {
        products: 100,
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
    let class = |key: &str| format!("{:?}", sandbox::catalogue::Oddity::of(key[2..8].parse().unwrap()));
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
