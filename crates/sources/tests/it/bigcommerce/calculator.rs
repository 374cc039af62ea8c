//! Prices that the vendor's calculator gives.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Demand, Position, Source as _};
use model::{Book, ItemKey, Kind, PriceEntry, Record};
use sandbox::{
    bigcommerce::{Change, Emulator, Whose},
    catalogue::{Options, generate},
};
use serde_json::json;
use sources::bigcommerce::{BigCommerce, Config};

use super::{Walked, settings, shop, source_for, walk};

/// What the flows of two stores need, each in two currencies, for everyone and for one group.
fn demand(emulator: &Emulator) -> Demand {
    Demand {
        stores: ["de", "uk"].map(|store| emulator.channel_id(store).unwrap().to_string()).into(),
        currencies: ["EUR", "GBP"].map(|code| code.parse().unwrap()).into(),
        groups: [emulator.group_id("b2b").unwrap().to_string()].into(),
        ..Demand::default()
    }
}

fn asking(host: &str, demand: &Demand) -> BigCommerce {
    let settings = json!({ "prices": "calculator", "page_size": { "priced": 7 } });
    source_for(host, settings, demand, &wire::Environment::machine())
}

fn books(walked: &Walked) -> Vec<&Book> {
    let records = walked.records().into_iter();
    records.filter_map(|record| if let Record::Book(book) = record { Some(book) } else { None }).collect()
}

fn prices(walked: &Walked) -> Vec<&PriceEntry> {
    let records = walked.records().into_iter();
    records.filter_map(|record| if let Record::Price(entry) = record { Some(entry) } else { None }).collect()
}

#[tokio::test]
async fn every_variant_has_a_price_for_every_buyer_and_is_asked_for_in_packs() {
    let given = generate(&Options { products: 20, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &given).await;
    let source = asking(&host, &demand(&emulator));
    assert!(source.lanes().iter().all(|lane| lane.name != "price_lists"));
    let walked = walk(&source, "prices", Position::Full).await;
    assert!(walked.unread.is_empty(), "{:?}", walked.unread);
    let stores = demand(&emulator).stores;
    let variants: Vec<usize> = emulator.variant_ids().into_values().map(|variants| variants.len()).collect();
    let audiences: BTreeSet<(String, Option<String>)> = books(&walked)
        .into_iter()
        .flat_map(|book| &book.assigned)
        .map(|it| (it.store.as_ref().unwrap().to_string(), it.group.as_ref().map(ToString::to_string)))
        .collect();
    let group = || demand(&emulator).groups.into_iter().next();
    assert_eq!(audiences, stores.into_iter().flat_map(|store| [(store.clone(), None), (store, group())]).collect());
    let of_buyers = prices(&walked)
        .into_iter()
        .map(|entry| (entry.book.clone().unwrap(), entry.price.value.currency, format!("{:?}", entry.item)));
    let of_buyers: BTreeSet<_> = of_buyers.collect();
    let count: usize = variants.iter().sum();
    assert_eq!((prices(&walked).len(), of_buyers.len()), (8 * count, 8 * count));
    // A page is of seven products, and a pack is of seven variants of a page.
    let packs: usize = variants.chunks(7).map(|page| page.iter().sum::<usize>().div_ceil(7)).sum();
    let asked = emulator.counters().get("POST /v3/pricing/products").copied().unwrap_or_default();
    assert_eq!(usize::try_from(asked).unwrap(), 8 * packs);
    assert!(!emulator.counters().keys().any(|call| call.contains("pricelists")), "{:?}", emulator.counters());
}

#[tokio::test]
async fn what_a_buyer_pays_less_is_a_reduced_price() {
    let given = generate(&Options { products: 1, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &given).await;
    let (sku, currency) = ((given.products)().next().unwrap().variants[0].sku.clone().unwrap(), "EUR".to_owned());
    let (product, variants) = emulator.variant_ids().into_iter().next().unwrap();
    let set = |whose, minor, sale| {
        let change = Change::SetPrice { sku: sku.clone(), whose, currency: currency.clone(), minor, sale };
        emulator.change(change).unwrap();
    };
    set(Whose::Channel("shop-de".to_owned()), 1000, Some(800));
    set(Whose::Group("b2b".to_owned()), 700, None);
    let walked = walk(&asking(&host, &demand(&emulator)), "prices", Position::Full).await;
    let item = ItemKey::Variant(product.to_string().into(), variants[0].to_string().into());
    let euros = prices(&walked).into_iter().filter(|it| it.item == item && it.price.value.currency.code() == "EUR");
    let paid: BTreeMap<String, (i64, Option<i64>)> = euros
        .map(|it| {
            (it.book.as_ref().unwrap().to_string(), (it.price.value.minor, it.price.discounted.map(|it| it.minor)))
        })
        .collect();
    let (de, group) = (emulator.channel_id("de").unwrap(), emulator.group_id("b2b").unwrap());
    assert_eq!(paid[&format!("calculator/{de}/0")], (1000, Some(800)));
    assert_eq!(paid[&format!("calculator/{de}/{group}")], (700, None));
}

#[tokio::test]
async fn quantity_prices_come_with_the_price_of_one() {
    let given = generate(&Options { products: 60, ..Options::default() });
    let (emulator, host) = shop(settings(), &given).await;
    let walked = walk(&asking(&host, &demand(&emulator)), "prices", Position::Full).await;
    let tiers: BTreeSet<Vec<(u32, i64)>> = prices(&walked)
        .into_iter()
        .filter(|it| it.price.value.currency.code() == "EUR")
        .map(|it| it.price.tiers.iter().map(|tier| (tier.minimum, tier.value.minor)).collect())
        .collect();
    // Ten pieces cost nine tenths each, and fifty eight tenths.
    let falls = |it: &Vec<(u32, i64)>| matches!(it[..], [(10, ten), (50, fifty)] if fifty < ten);
    assert!(tiers.iter().any(falls) && tiers.iter().all(|it| it.is_empty() || falls(it)), "{tiers:?}");
}

#[tokio::test]
async fn check_asks_for_the_prices_of_each_buyer() {
    let given = generate(&Options { products: 1, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &given).await;
    let shown = async |source: &BigCommerce| {
        let found = source.check().await.into_iter().filter(|it| it.what.starts_with("prices"));
        found.map(|it| (it.what, it.result.is_ok())).collect::<Vec<_>>()
    };
    let asked = shown(&asking(&host, &demand(&emulator))).await;
    assert!(asked.len() == 8 && asked.iter().all(|(_, is_right)| *is_right), "{asked:?}");
    // Rupees are not sold.
    let unsold = Demand { currencies: ["INR".parse().unwrap()].into(), ..demand(&emulator) };
    assert!(shown(&asking(&host, &unsold)).await.iter().all(|(_, is_right)| !is_right));
    // No market names a channel.
    let nowhere = Demand { stores: BTreeSet::new(), ..demand(&emulator) };
    assert_eq!(shown(&asking(&host, &nowhere)).await, [("prices".to_owned(), false)]);
}

#[test]
fn the_calculator_needs_the_lane_that_reads_prices() {
    let settings = json!({
        "store_hash": "shop", "access_token": "env:TOKEN", "prices": "calculator", "lanes": { "price_lists": false },
    });
    let config: Config = serde_json::from_value(settings).unwrap();
    let refused = format!("{:?}", config.check().unwrap_err());
    assert!(refused.contains("prices") && refused.contains("lanes.price_lists"), "{refused}");
}

#[tokio::test]
async fn the_lane_reads_its_books_and_prices_as_a_whole() {
    let given = generate(&Options { products: 3, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &given).await;
    let source = asking(&host, &demand(&emulator));
    let lane = source.lanes().into_iter().find(|lane| lane.name == "prices").unwrap();
    let swept: Vec<Kind> = lane.sweeps.iter().map(|(kind, _)| *kind).collect();
    assert_eq!((swept, lane.delta, lane.stable), (vec![Kind::Book, Kind::Price], false, true));
}
