//! What the emulated services hold for a market: their records, and what a shopper sees of each variant in them.
//!
//! The reading here knows the services' names for what a record holds. It goes neither through a connector nor through the
//! model.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandbox::{acp, clerk::StoreView, dotdigital, insider::AccountView};
use serde_json::{Map, Value, json};

use crate::{
    feeds::edges,
    harness::Process,
    merchant::{fetch, read_rss, text},
};

/// Shown of a product that has no image.
pub(crate) const NO_IMAGE: &str = "https://shop.example/no-image.png";

/// What a shopper sees of a variant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sold {
    pub(crate) name: String,
    pub(crate) link: String,
    pub(crate) image: String,
    /// What is paid now, and without a discount.
    pub(crate) prices: (f64, f64),
    pub(crate) in_stock: bool,
    /// Pieces, where they are counted and the service has a place for them.
    pub(crate) pieces: Option<i64>,
}

/// Variants by SKU.
pub(crate) type Shelf = BTreeMap<String, Sold>;

/// A record that a service holds.
#[derive(Debug)]
pub(crate) struct Record {
    /// The product's id, where the record names it.
    pub(crate) product: Option<String>,
    /// The variant's id, where the record is one of a variant.
    pub(crate) variant: Option<String>,
    /// Its fields under the service's names, ids left out.
    pub(crate) fields: Map<String, Value>,
    /// What it shows to shoppers: variants, by the SKU or id that the service knows.
    pub(crate) sold: Vec<(String, Sold)>,
}

/// The variants of some records.
pub(crate) fn shelf(records: Vec<Record>) -> Shelf {
    let mut shelf = Shelf::new();
    for (id, sold) in records.into_iter().flat_map(|record| record.sold) {
        let before = shelf.insert(id.clone(), sold);
        assert!(before.is_none(), "{id} twice");
    }
    shelf
}

pub(crate) fn digits(currency: &str) -> u32 {
    if currency == "JPY" { 0 } else { 2 }
}

pub(crate) fn amount(minor: i64, currency: &str) -> f64 {
    f64::from(i32::try_from(minor).unwrap()) / 10_f64.powi(digits(currency).cast_signed())
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// An address without the slash that a path may end with.
fn link(value: &Value) -> String {
    string(value).trim_end_matches('/').to_owned()
}

fn fields(record: Value, ids: &[&str]) -> Map<String, Value> {
    let Value::Object(mut fields) = record else { panic!("{record} is no record") };
    fields.retain(|name, _| !ids.contains(&name.as_str()));
    fields
}

/// The products of a Clerk.io store. A variant without a SKU has the ids of product and variant, as at other services.
pub(crate) fn of_clerk(store: &StoreView) -> Vec<Record> {
    let record = |(id, product): (String, Value)| {
        let list = |name: &str| product[name].as_array().unwrap().clone();
        let (now, before, stocks) = (list("variant_prices"), list("variant_list_prices"), list("variant_stocks"));
        let ids = list("variant_ids");
        let sold = |(at, sku): (usize, &Value)| {
            let sold = Sold {
                name: string(&product["name"]),
                link: link(&product["url"]),
                image: string(&product["image"]),
                prices: (now[at].as_f64().unwrap(), before[at].as_f64().unwrap()),
                in_stock: stocks[at].as_i64().unwrap() > 0,
                pieces: stocks[at].as_i64(),
            };
            (if sku == "" { format!("{id}_{}", string(&ids[at])) } else { string(sku) }, sold)
        };
        let sold: Vec<(String, Sold)> = list("variant_skus").iter().enumerate().map(sold).collect();
        // Clerk.io sets the time where it is not sent.
        let fields = fields(product, &["id", "created_at", "variant_ids"]);
        Record { product: Some(id), variant: None, fields, sold }
    };
    store.products().into_iter().map(record).collect()
}

/// The variants that an Insider account shows in a locale.
pub(crate) fn of_insider(account: &AccountView, locale: &str, currency: &str) -> Vec<Record> {
    let shown = |(id, mut locales): (String, BTreeMap<String, Value>)| {
        let record = locales.remove(locale).filter(|record| record["is_status_passive"] != 1)?;
        let sold = Sold {
            name: string(&record["name"]),
            link: link(&record["url"]),
            image: string(&record["image_url"]),
            prices: (record["price"][currency].as_f64().unwrap(), record["original_price"][currency].as_f64().unwrap()),
            in_stock: record["in_stock"] == 1,
            pieces: record["stock_count"].as_i64(),
        };
        let product = Some(string(&record["groupcode"]));
        let mut fields = fields(record, &["item_id", "groupcode"]);
        if let Some(Value::Object(attributes)) = fields.remove("product_attributes") {
            fields.extend(attributes);
        }
        Some(Record { product, variant: Some(id.clone()), fields, sold: vec![(id, sold)] })
    };
    account.records().into_iter().filter_map(shown).collect()
}

/// The records of a collection at Dotdigital.
pub(crate) fn of_dotdigital(account: &dotdigital::Emulator, collection: &str, currency: &str) -> Vec<Record> {
    let record = |(key, record): (String, Value)| {
        assert_eq!(record["currency"], currency);
        if record["type"] == "Configurable" {
            // Its SKU is the key or the id of the product.
            return Record {
                product: Some(key),
                variant: None,
                fields: fields(record, &["id", "sku"]),
                sold: Vec::new(),
            };
        }
        let regular = record["price"].as_f64().unwrap();
        let sold = Sold {
            name: string(&record["name"]),
            link: link(&record["url"]),
            image: string(&record["image_path"]),
            prices: (record["specialPrice"].as_f64().unwrap_or(regular), regular),
            in_stock: record["status"] == "In stock",
            pieces: record["stock"].as_i64(),
        };
        let product = record["parent_id"].as_str().map_or_else(|| key.clone(), str::to_owned);
        let variant = record["sku"].as_str().map_or(key, str::to_owned);
        let fields = fields(record, &["id", "parent_id"]);
        Record { product: Some(product), variant: Some(variant.clone()), fields, sold: vec![(variant, sold)] }
    };
    account.records(collection).into_iter().map(record).collect()
}

/// The products of an agent's feed, each before its variants. A product without an image has no media there.
pub(crate) fn of_acp(agent: &acp::Emulator, feed: &str, currency: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for (id, mut product) in agent.products(feed) {
        let variants = product["variants"].take();
        let shown = |variant: &&Value| variant["availability"]["status"] != "discontinued";
        let shown: Vec<&Value> = variants.as_array().unwrap().iter().filter(shown).collect();
        if shown.is_empty() {
            continue;
        }
        for variant in shown {
            let money = |price: &Value| {
                assert_eq!(price["currency"], currency);
                amount(price["amount"].as_i64().unwrap(), currency)
            };
            let now = money(&variant["price"]);
            let sold = Sold {
                name: string(&product["title"]),
                link: link(&variant["url"]),
                image: product.get("media").map_or_else(|| NO_IMAGE.to_owned(), |media| string(&media[0]["url"])),
                prices: (now, variant.get("list_price").map_or(now, money)),
                in_stock: variant["availability"]["available"] == true,
                pieces: None,
            };
            let known = string(&variant["id"]);
            let fields = fields(variant.clone(), &["id"]);
            let (product, variant) = (Some(id.clone()), Some(known.clone()));
            records.push(Record { product, variant, fields, sold: vec![(known, sold)] });
        }
        let fields = fields(product, &["id", "variants"]);
        records.push(Record { product: Some(id), variant: None, fields, sold: Vec::new() });
    }
    records
}

/// The items of a merchant feed. Those of a product with several variants name it.
pub(crate) async fn of_merchant(process: &Process, flow: &str, password: &str, currency: &str) -> Vec<Record> {
    let known = format!("Basic {}", STANDARD.encode(format!("feed:{password}")));
    let path = format!("/feed/{flow}/products.xml");
    let feed = text(fetch(&edges(process), &path, &[("authorization", &known)]).await).await;
    let record = |(id, item): (String, BTreeMap<String, Vec<String>>)| {
        let one = |name: &str| item.get(name).map(|texts| texts[0].clone());
        let money = |text: String| {
            let (number, of) = text.split_once(' ').unwrap();
            assert_eq!(of, currency);
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
        let fields = item.iter().filter(|(name, _)| !["id", "item_group_id"].contains(&name.as_str()));
        let fields = fields.map(|(name, texts)| (name.clone(), json!(texts)));
        Record {
            product: one("item_group_id"),
            variant: Some(id.clone()),
            fields: fields.collect(),
            sold: vec![(id, sold)],
        }
    };
    read_rss(&feed).into_iter().map(record).collect()
}

/// That a service shows what was made, and nothing else. White space around names is not compared, pieces only where both
/// count them.
#[track_caller]
pub(crate) fn agree(what: &str, seen: &Shelf, made: &Shelf) {
    for (sku, made) in made {
        let seen = seen.get(sku).unwrap_or_else(|| panic!("{what} lacks {sku}"));
        // A feed's title also names the options of a variant.
        let (name, mut shown) = (made.name.trim(), seen.name.trim());
        if what.to_lowercase().starts_with("merchant") && shown.starts_with(name) {
            shown = name;
        }
        let pieces = seen.pieces.filter(|_| made.pieces.is_some());
        let seen = Sold { name: shown.to_owned(), pieces, ..seen.clone() };
        let made = Sold { name: name.to_owned(), pieces: pieces.and(made.pieces), ..made.clone() };
        assert_eq!(seen, made, "{what}: {sku}");
    }
    let extra: Vec<&String> = seen.keys().filter(|sku| !made.contains_key(*sku)).collect();
    assert_eq!(extra, Vec::<&String>::new(), "{what}");
}
