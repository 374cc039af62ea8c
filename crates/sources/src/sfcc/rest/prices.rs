//! Prices, as each site shows them: the platform chooses them, and names the books that they come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use contract::Fault;
use serde_json::{Number, Value};

use super::{
    client::Api,
    convert,
    documents::{Listed, Shown},
    packs::{ask, packs},
    place::{Book, Books},
    shop::described,
};
use crate::sfcc::{
    classify::{Refusal, Remedy},
    config::Config,
    contents::{Facts, Row, Site},
    map::{self, Mapped, Settings, Shop},
};

/// A site with a currency in which it sells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offer {
    pub(super) site: String,
    pub(super) currency: String,
}

/// Rows of price tables by book and product: two sites show one table of a book that both use.
type Tables = BTreeMap<(String, String), Row>;

/// Reads the prices of the products of a page, in all offers. Learns the books that they come from.
///
/// # Errors
/// A call's.
pub(super) async fn page(
    api: &Arc<Api>,
    (config, mapping): (&Config, &Settings),
    offers: &[Offer],
    hits: Vec<Value>,
    books: &mut Books,
) -> Result<Mapped, Fault> {
    let call = |(offer, pack): (Offer, Vec<String>)| {
        let api = Arc::clone(api);
        async move {
            let shown = api.shown::<Listed<Value>>(&offer.site, &offer.currency, &pack).await;
            (offer, shown)
        }
    };
    let (mut mapped, mut tables) = (Mapped::default(), Tables::new());
    ask(packs(offers, hits), call, |(offer, shown): (Offer, Result<Listed<Value>, Refusal>)| {
        match shown {
            Ok(shown) => {
                for product in shown.data {
                    read(&offer, product, books, &mut tables, &mut mapped);
                }
            }
            // A site that does not sell in a currency of a market has no price in it.
            Err(refusal) if refusal.remedy == Remedy::Currency => {}
            Err(refusal) => return Err(refusal.fault),
        }
        Ok(())
    })
    .await?;
    let shop = shop(config, mapping, books);
    let prices = map::price::page(&shop, tables.into_values().collect());
    mapped.changes.extend(prices.changes);
    mapped.unread.extend(prices.unread);
    Ok(mapped)
}

/// The price books that a walk has seen.
pub(super) fn books(config: &Config, mapping: &Settings, books: &Books) -> Mapped {
    map::site::books(&shop(config, mapping, books))
}

/// What prices are mapped with: the books that were seen, and the sites that use them.
fn shop(config: &Config, mapping: &Settings, books: &Books) -> Shop {
    let mut facts = Facts::default();
    let mut of_sites: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (id, book) in books {
        facts.books.insert(id.clone(), convert::book(id, &book.currency, None));
        for site in &book.sites {
            of_sites.entry(site).or_default().insert(id);
        }
    }
    for (id, books) in of_sites {
        let mut site = Site { described: described(config, id), ..Site::default() };
        let books: Vec<&str> = books.into_iter().collect();
        site.preferences.insert("SitePriceBooks".to_owned(), books.join(":"));
        facts.sites.insert(id.to_owned(), site);
    }
    Shop::new(facts, mapping)
}

/// Reads the price tables of a product.
fn read(offer: &Offer, product: Value, books: &mut Books, tables: &mut Tables, mapped: &mut Mapped) {
    let id = product.get("id").and_then(Value::as_str).map(str::to_owned);
    let shown: Shown = match serde_json::from_value(product) {
        Ok(shown) => shown,
        Err(error) => {
            // Which of its prices can't be read is not known: all are kept as they were.
            mapped.unread(model::Kind::Price, None, &format!("those of {}: {error}", id.unwrap_or_default()));
            return;
        }
    };
    let mut amounts: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for (book, price) in &shown.prices {
        amounts.entry(book).or_default().push(("1".to_owned(), price.to_string()));
    }
    for tier in &shown.tiered_prices {
        if let (Some(book), Some(price)) = (&tier.pricebook, &tier.price) {
            let quantity = tier.quantity.as_ref().map_or_else(|| "1".to_owned(), Number::to_string);
            let of_book = amounts.entry(book).or_default();
            of_book.retain(|(from, _)| !is_same(from, &quantity));
            of_book.push((quantity, price.to_string()));
        }
    }
    // What the platform computes counts: where its books don't say it, it stands in a book of its own.
    let own = format!("{}/{}", offer.site, offer.currency);
    if let Some(price) = shown.price.as_ref().and_then(Number::as_f64) {
        let one = |steps: &[(String, String)]| {
            let step = steps.iter().find(|(from, _)| is_same(from, "1"))?;
            step.1.parse::<f64>().ok()
        };
        amounts.retain(|_, steps| one(steps).is_none_or(|it| it > price - SMALLEST));
        if !amounts.values().filter_map(|steps| one(steps)).any(|it| it < price + SMALLEST) {
            amounts.insert(&own, vec![("1".to_owned(), price.to_string())]);
        }
    }
    for (book, steps) in amounts {
        let known = books
            .entry(book.to_owned())
            .or_insert_with(|| Book { currency: offer.currency.clone(), sites: BTreeSet::new() });
        known.sites.insert(offer.site.clone());
        let row = Row::Is { of: book.to_owned(), element: convert::table(&shown.id, &steps), unfit: 0 };
        tables.entry((book.to_owned(), shown.id.clone())).or_insert(row);
    }
}

/// Amounts that differ by less are the same: they come from JSON.
const SMALLEST: f64 = 1e-7;

fn is_same(quantity: &str, other: &str) -> bool {
    match (quantity.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() < SMALLEST,
        _ => quantity == other,
    }
}
