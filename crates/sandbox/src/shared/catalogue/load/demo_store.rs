//! The Commerce Layer demo store: 58 products, 250 SKUs, three currencies, two warehouses.
//!
//! How it is read, so that an independent reader of the files can recompute it:
//! - Rows of `products.json` with one `productCode` are the variants of one product, in the order of the file. The
//!   first row gives the product its name and description (`en`, `it`); key is the code, slug the code in lower case,
//!   with a number behind it if another product has it already.
//! - `color` and `size` are options, enums whose keys are the texts of the file. Pictures are kept as they are, each
//!   once.
//! - Per SKU and price list one price without further scope: where `compare_at_amount_cents` is higher than
//!   `amount_cents`, it is the price and `amount_cents` the discounted one; else `amount_cents` is the price.
//! - Stock locations are supply channels, keyed by their `reference`.
//! - Taxons are categories (key `id`; parents by `taxons`); a product is in every taxon that references one of its SKUs.
//! - `markets.json` gives the stores: key `code`, supplied from the stock locations of its inventory model that aren't
//!   on hold, by priority.
//! - Markets: `it` (Italian, EUR, from store `eu`), `uk` (English, GBP), `us` (English, USD).

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{DataSet, LoadError, Loaded, Parts, Skipped, add_once, json, order_hint, slugs::Slugs, tree};
use crate::catalogue::{
    AttributeDefinition, AttributeKind, Category, Channel, Head, Localized, Market, Price, Product, ProductType, Stock,
    Store, Value, Variant,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sku {
    product_code: String,
    #[serde(rename = "sku")]
    code: String,
    name: Localized,
    #[serde(default)]
    description: Localized,
    #[serde(default)]
    images: Vec<String>,
    color: Option<String>,
    size: Option<String>,
}

#[derive(Deserialize)]
struct PriceRow {
    sku_code: String,
    amount_cents: i64,
    compare_at_amount_cents: Option<i64>,
    price_list: String,
}

#[derive(Deserialize)]
struct PriceList {
    reference: String,
    currency_code: String,
}

#[derive(Deserialize)]
struct StockItem {
    sku_code: String,
    quantity: i64,
    stock_location: String,
}

#[derive(Deserialize)]
struct StockLocation {
    reference: String,
    name: String,
}

#[derive(Deserialize)]
struct Taxon {
    id: String,
    label: Localized,
    slug: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    taxons: Vec<String>,
}

#[derive(Deserialize)]
struct MarketRow {
    code: String,
    name: String,
    inventory_model: String,
}

#[derive(Deserialize)]
struct Supply {
    inventory_model: String,
    stock_location: String,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    on_hold: bool,
}

#[derive(Deserialize)]
struct Country {
    code: String,
    market: String,
}

pub(super) fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let mut reader = Reader { folder, skipped: Vec::new() };
    let lists = reader.list::<PriceList>("price_lists.json")?;
    let mut prices = reader.prices(&lists)?;
    let channels = reader.channels()?;
    let mut stock = reader.stock(&channels)?;
    let (categories, mut categories_of) = reader.categories()?;
    let stores = reader.stores()?;
    let mut products: Vec<Product> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut slugs = Slugs::default();
    for (place, row) in reader.list::<Sku>("products.json")? {
        if !seen.insert(row.code.clone()) {
            reader.skip(place, format!("SKU {} is there already; row left out", row.code));
            continue;
        }
        let at = *known.entry(row.product_code.clone()).or_insert_with(|| {
            let mut product = product(&row);
            for why in slugs.take(&mut product.slug) {
                reader.skip(place.clone(), why);
            }
            products.push(product);
            products.len() - 1
        });
        if let Some(product) = products.get_mut(at) {
            for category in categories_of.remove(&row.code).unwrap_or_default() {
                add_once(&mut product.categories, category);
            }
            let (prices, stock) = (prices.remove(&row.code), stock.remove(&row.code));
            product.variants.push(variant(row, prices.unwrap_or_default(), stock.unwrap_or_default()));
        }
    }
    let mut currencies = Vec::new();
    for (_, list) in &lists {
        add_once(&mut currencies, list.currency_code.clone());
    }
    let mut countries = Vec::new();
    for country in stores.iter().flat_map(|store| &store.countries) {
        add_once(&mut countries, country.clone());
    }
    let loose = |(sku, stock): (String, Vec<Stock>)| stock.into_iter().map(move |stock| (sku.clone(), stock));
    let mut loose_stock: Vec<_> = stock.into_iter().flat_map(loose).collect();
    loose_stock.sort_by(|one, other| one.0.cmp(&other.0));
    let markets = markets(&stores);
    let head = Head {
        languages: ["en", "it", "fr"].map(str::to_owned).to_vec(),
        currencies,
        countries,
        product_types: vec![product_type(&products)],
        categories,
        channels,
        stores,
        loose_stock,
        ..Head::default()
    };
    Ok(Parts { data_set: DataSet::DemoStore, head, products, markets, skipped: reader.skipped }.into_loaded())
}

/// Keys of categories by SKU.
type Memberships = HashMap<String, Vec<String>>;

/// File and line of a row.
type Place = (PathBuf, u64);

struct Reader<'a> {
    folder: &'a Path,
    skipped: Vec<Skipped>,
}

impl Reader<'_> {
    fn list<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<Vec<(Place, T)>, LoadError> {
        let file = self.folder.join(name);
        let entries = json::entries(&file, &mut self.skipped)?;
        Ok(entries.into_iter().map(|entry| ((file.clone(), entry.line), entry.value)).collect())
    }

    fn skip(&mut self, (file, line): Place, why: String) {
        self.skipped.push(Skipped { file, line, why });
    }

    fn prices(&mut self, lists: &[(Place, PriceList)]) -> Result<HashMap<String, Vec<Price>>, LoadError> {
        let mut prices: HashMap<String, Vec<Price>> = HashMap::new();
        for (place, row) in self.list::<PriceRow>("prices.json")? {
            let Some((_, list)) = lists.iter().find(|(_, list)| list.reference == row.price_list) else {
                self.skip(place, format!("there is no price list {}; price left out", row.price_list));
                continue;
            };
            if row.amount_cents < 0 {
                self.skip(place, format!("amount {} is below zero; price left out", row.amount_cents));
                continue;
            }
            let before = row.compare_at_amount_cents.filter(|before| *before > row.amount_cents);
            prices.entry(row.sku_code).or_default().push(Price {
                minor: before.unwrap_or(row.amount_cents),
                discounted: before.map(|_| row.amount_cents),
                currency: list.currency_code.clone(),
                ..Price::default()
            });
        }
        Ok(prices)
    }

    fn channels(&mut self) -> Result<Vec<Channel>, LoadError> {
        let locations = self.list::<StockLocation>("stock_locations.json")?;
        let channel = |location: StockLocation| Channel {
            key: location.reference,
            name: Localized::from([("en".to_owned(), location.name)]),
            supply: true,
            distribution: false,
        };
        Ok(locations.into_iter().map(|(_, location)| channel(location)).collect())
    }

    fn stock(&mut self, channels: &[Channel]) -> Result<HashMap<String, Vec<Stock>>, LoadError> {
        let mut stock: HashMap<String, Vec<Stock>> = HashMap::new();
        for (place, item) in self.list::<StockItem>("stock_items.json")? {
            if channels.iter().all(|channel| channel.key != item.stock_location) {
                self.skip(place, format!("there is no stock location {}; stock left out", item.stock_location));
                continue;
            }
            let level = Stock { channel: Some(item.stock_location), quantity: item.quantity };
            stock.entry(item.sku_code).or_default().push(level);
        }
        Ok(stock)
    }

    /// The categories, and the keys of those that each SKU is in.
    fn categories(&mut self) -> Result<(Vec<Category>, Memberships), LoadError> {
        let taxons = self.list::<Taxon>("taxons.json")?;
        let mut parents: HashMap<String, String> = HashMap::new();
        for (_, taxon) in &taxons {
            for child in &taxon.taxons {
                parents.entry(child.clone()).or_insert_with(|| taxon.id.clone());
            }
        }
        let mut of_sku: Memberships = HashMap::new();
        let mut categories: Vec<Category> = Vec::new();
        let mut slugs = HashSet::new();
        for (position, (place, taxon)) in taxons.into_iter().enumerate() {
            if categories.iter().any(|category| category.key == taxon.id) {
                self.skip(place, format!("taxon {} is there already; entry left out", taxon.id));
                continue;
            }
            for sku in taxon.references {
                add_once(of_sku.entry(sku).or_default(), taxon.id.clone());
            }
            let mut slug = crate::catalogue::slugify(taxon.slug.as_deref().unwrap_or(&taxon.id));
            // Trees of different regions use the same slugs.
            if !slugs.insert(slug.clone()) {
                slug = format!("{slug}-{}", crate::catalogue::slugify(&taxon.id));
            }
            categories.push(Category {
                parent: parents.get(&taxon.id).cloned(),
                slug: taxon.label.keys().map(|locale| (locale.clone(), slug.clone())).collect(),
                key: taxon.id,
                name: taxon.label,
                order_hint: order_hint(position),
            });
        }
        let file = self.folder.join("taxons.json");
        let categories = tree::parents_first(categories, |key, why| {
            self.skipped.push(Skipped { file: file.clone(), line: 1, why: format!("taxon {key}: {why}") });
        });
        Ok((categories, of_sku))
    }

    fn stores(&mut self) -> Result<Vec<Store>, LoadError> {
        let mut supplies = self.list::<Supply>("inventory_stock_locations.json")?;
        supplies.sort_by_key(|(_, supply)| supply.priority);
        let countries = self.list::<Country>("countries.json")?;
        let rows = self.list::<MarketRow>("markets.json")?;
        let store = |row: MarketRow| {
            let code = format!("code:{}", row.code);
            let own =
                supplies.iter().filter(|(_, supply)| supply.inventory_model == row.inventory_model && !supply.on_hold);
            Store {
                name: Localized::from([("en".to_owned(), row.name)]),
                languages: ["en", "it"].map(str::to_owned).to_vec(),
                countries: countries.iter().filter(|(_, c)| c.market == code).map(|(_, c)| c.code.clone()).collect(),
                distribution_channels: Vec::new(),
                supply_channels: own.map(|(_, supply)| supply.stock_location.clone()).collect(),
                selections: Vec::new(),
                key: row.code,
            }
        };
        Ok(rows.into_iter().map(|(_, row)| store(row)).collect())
    }
}

fn product(row: &Sku) -> Product {
    let slug = crate::catalogue::slugify(&row.product_code);
    Product {
        key: row.product_code.clone(),
        product_type: "sku".to_owned(),
        slug: row.name.keys().map(|locale| (locale.clone(), slug.clone())).collect(),
        name: row.name.clone(),
        description: row.description.clone(),
        categories: Vec::new(),
        attributes: Vec::new(),
        variants: Vec::new(),
        published: true,
        standalone_prices: false,
    }
}

fn variant(row: Sku, prices: Vec<Price>, stock: Vec<Stock>) -> Variant {
    let options = [("color", row.color), ("size", row.size)];
    let attributes = options.into_iter().filter_map(|(name, key)| Some((name.to_owned(), Value::Key(key?)))).collect();
    let mut images = Vec::new();
    for image in row.images {
        add_once(&mut images, image);
    }
    Variant { sku: Some(row.code), attributes, prices, images, stock }
}

fn product_type(products: &[Product]) -> ProductType {
    let define = |name: &str, label: &str| {
        let mut keys = Vec::new();
        for (attribute, value) in products.iter().flat_map(|p| &p.variants).flat_map(|v| &v.attributes) {
            if let (true, Value::Key(key)) = (attribute == name, value) {
                add_once(&mut keys, (key.clone(), key.clone()));
            }
        }
        AttributeDefinition {
            name: name.to_owned(),
            label: Localized::from([("en".to_owned(), label.to_owned())]),
            kind: AttributeKind::Enum(keys),
            product_level: false,
            option: true,
        }
    };
    ProductType {
        key: "sku".to_owned(),
        name: "SKU".to_owned(),
        attributes: vec![define("color", "Colour"), define("size", "Size")],
    }
}

fn markets(stores: &[Store]) -> Vec<Market> {
    let market = |key: &str, locale: &str, currency: &str, country: &str, store: &str| Market {
        key: key.to_owned(),
        locale: locale.to_owned(),
        currency: currency.to_owned(),
        country: country.to_owned(),
        store: Some(store.to_owned()),
        supply_channels: stores
            .iter()
            .find(|candidate| candidate.key == store)
            .map(|store| store.supply_channels.clone())
            .unwrap_or_default(),
    };
    vec![
        market("it", "it", "EUR", "IT", "eu"),
        market("uk", "en", "GBP", "GB", "uk"),
        market("us", "en", "USD", "US", "us"),
    ]
}
